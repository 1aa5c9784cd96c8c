"""Free and nudged phases of a layered network, one image after the other inside one compiled run.

One neuron, the presentation, counts steps and images and emits the events that begin, nudge and end a phase; the
populations' nudge and learning are linked to its own, and synapses carry its events to them. After the free phase come
one or more nudged phases, each with a length and a sign: with +beta, then -beta, a single network is its own twin. So
phases, nudge, gate and images are values of a run, not of a build, and presentations may differ in length. Which of the
events of a time step comes first: simulation/order.py.
"""
import numpy as np
from brian2 import EventMonitor, NeuronGroup, SpikeMonitor, StateMonitor, linked_var

from spikelearn.equations.records import NeuronModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.order import ANSWER, BEGIN, DUE, LEARN, OVER
from spikelearn.simulation.presentations import THEN, carried, presentation
from spikelearn.simulation.tables import lookup_table

MOST = 8        # nudged phases of a presentation, at most
NEVER = 2.0**30     # a step that no presentation reaches

PRESENTATION = NeuronModel(
    source="Scellier & Bengio (2017) Front Comput Neurosci 11:24, free and nudged phase; the rest: chosen here",
    equations="""
        step : integer           # of this image, from 1
        image : integer          # how many images are over
        part : integer           # how many nudged phases of this image have begun
        next_begins : 1          # steps of the nudged phases before the next one
        next_sign : 1            # sign of the next one
        wrong : 1                # outputs that are not yet within the gate of their target
        nudged_images : 1        # how many images had a nudged phase
        nudged_in_batch : 1      # how many since changes were last applied
        learning : 1             # what a change counts for: the sign of the nudge, -1 in the window before it, else 0
        nudge : 1                # beta times its sign in a nudged phase, else 0
        nudge_twin : 1           # the same for the twin
        finishing : 1            # 1 when the collected changes are due
        stopped : 1
        gate : 1                 # no nudge if every output is closer than this to its target; 0 = always nudge
        beta : 1                 # strength of the nudge
        beta_twin : 1            # the twin's nudge in units of beta
    """,
    every_step=dict(start="step += 1"),
    events=dict(
        listen=("step == free_steps + 1 - listen_steps", ""),
        answer=("step == free_steps + 1", ""),
        over=("step > free_steps + nudged_steps or (step == free_steps + 1 and wrong < 1)", "image += 1; step = 0"),
        collected=("step == 0 and image > 0 and (image % batch == 0 or image >= images)"
                   " and (nudged_in_batch > 0 or window_steps > 0)",
                   "finishing = 1; learning = int(nudged_in_batch > 0); nudged_in_batch = 0"),
        begin=("step == 0 and image < images",
               "step = 1; part = 0; wrong = 0; learning = 0; nudge = 0; nudge_twin = 0; finishing = 0"),
        window=("step == free_steps + 1 - window_steps and window_steps > 0", "learning = -1"),
        nudge=("nudged_steps > 0 and step == free_steps + 1 + next_begins", """
            nudged_images += int(part == 0)
            nudged_in_batch += int(part == 0)
            learning = next_sign
            nudge = beta*learning
            nudge_twin = beta*beta_twin*learning
            part += 1
        """),
    ),
    parameters=dict(
        free_steps=80,           # length of the free phase
        nudged_steps=40,         # length of all nudged phases together; 0 = evaluate only
        listen_steps=20,         # length of the last part of the free phase over which the answer is averaged
        window_steps=0,          # length of the last part of the free phase that counts negatively; 0 = none
        batch=1,                 # images after which the collected changes are applied
        images=1,                # images of this run
    ),
    initial=dict(step=-1, beta=0.5),
)
MOMENTS = dict(listen=ANSWER, answer=ANSWER, over=OVER, collected=DUE, begin=BEGIN, window=LEARN, nudge=LEARN)
FEW = 32        # columns up to which a turned copy of the weights is not worth its upkeep; measured


def nudge_values(lengths, signs):
    """The values of a run that describe its nudged phases.

    lengths : steps of each nudged phase; signs : +1 or -1 of each. Both empty: the free phase is all there is.
    """
    if not len(lengths) == len(signs) <= MOST:
        raise SpikelearnError(f"{len(lengths)} nudged phases and {len(signs)} signs: there must be as many of both, "
                              f"at most {MOST}")
    begins, turned = np.full(MOST + 1, NEVER), np.zeros(MOST + 1)
    begins[:len(lengths)], turned[:len(signs)] = np.cumsum([0, *lengths])[:-1], signs
    return {"nudge_begins": begins, "nudge_signs": turned, "trial.nudged_steps": int(sum(lengths))}


def counted_phases():
    """The neuron that counts, and the tables of its nudged phases."""
    phases = [lookup_table(values, name) for name, values in nudge_values((), ()).items() if name.startswith("nudge_")]
    trial = presentation(
        PRESENTATION, MOMENTS, until="image >= images", inputs={it.name: it for it in phases},
        loaded="next_begins = nudge_begins(part*second); next_sign = nudge_signs(part*second)")
    return trial, phases


def layered_network(sizes, neuron, synapse, pixel, *, images, raster=False,
                    connect="all-to-all"):
    """The objects of a network pixels-hidden-...-outputs that learns by free and nudged phases.

    sizes : (n_pixels, n_hidden, ..., n_outputs). images : how many images the arrays of a run hold.
    neuron, synapse, pixel : model records. A unit that always fires, the last of the pixels, stands for the biases.
    Values of a run: "pixels_shown" (images, n_pixels + 1), "labels_shown" (images,), "trial.*", "synapses_1.w" ...
    Reads: "answers.mean_input" (n_images * n_outputs) the mean input of the outputs late in the free phase, "trial.*".
    """
    twin = "twin" in neuron.events
    if any(event.endswith("twin") for event in synapse.on_event) and not twin:
        raise SpikelearnError(f"the rule {synapse.title} needs a neuron with a twin: "
                              f"choose --neuron neurons/{neuron.title}_twin")
    shown = lookup_table(np.zeros((images, sizes[0] + 1)), "pixels_shown")
    labels = lookup_table(np.zeros(images), "labels_shown")
    trial, phases = counted_phases()
    # Brian2's synapses do not see linked variables: so events copy the values that the rule reads
    told = "learning" in set().union(*synapse.reads().values())
    flags = {name: (trial, name) for name in ("learning", "finishing") if not (told and name == "learning")}
    learning = dict.fromkeys(("begin", "window", "nudge", "collected"), "learning_post = learning_pre") if told else {}
    nudges = {name: (trial, name) for name in (("nudge", "nudge_twin") if twin else ("nudge",))}
    pixels = neurons(pixel, sizes[0] + 1, name="pixels", linked={**flags, "batch": (trial, "batch")},
                     finished="finishing > 0 and (x > 0 or batch > 1)")
    layers = [neurons(neuron, size, name=f"layer_{k}", linked={**flags, **(nudges if k == len(sizes) - 1 else {})},
                      finished="finishing > 0") for k, size in enumerate(sizes[1:], 1)]
    made = [shown, labels, *phases, trial, pixels, *layers]
    made.append(carried_with_learning(trial, pixels, {
        "begin": "x_post = pixels_shown(image_pre*second, j)", THEN + "begin": pixel.at_start}, learning,
        dict(pixels_shown=shown)))
    made += [carried_with_learning(trial, layer, {"begin": neuron.at_start}, learning) for layer in layers[:-1]]
    made.append(carried_with_learning(trial, layers[-1], {
        "begin": f"{neuron.at_start}\ntarget_post = int(j == labels_shown(image_pre*second))",
        "answer": "wrong_pre += int(abs(target_post - s_post) >= gate_pre)"}, learning, dict(labels_shown=labels)))
    made += answers(trial, layers[-1])
    made += _layers(pixels, layers, synapse, twin, connect, private=not raster)
    made += [SpikeMonitor(group, record=raster, name=f"spikes_of_{group.name}") for group in (pixels, *layers)]
    made += [EventMonitor(layer, "twin", record=False, name=f"spikes_of_{layer.name}_twin") for layer in layers if twin]
    return made + (_traces(made, trial, layers) if raster else [])


def carried_with_learning(trial, group, statements, learning, inputs=None):
    """Synapses that carry the presentation's events to a population, with the learning signal that each carries."""
    both = {event: "\n".join(code for code in (statements.get(event), learning.get(event)) if code)
            for event in {**statements, **learning}}
    return carried(trial, group, both, MOMENTS, inputs=inputs)


def _traces(made, trial, layers):
    """Monitors of every step's end: the learning sign, potentials, changes collected at the outputs."""
    last = next(item for item in made if item.name == f"synapses_{len(layers)}")
    wanted = [(trial, "learning", "trace_of_learning"), *((layer, "s", f"trace_of_{layer.name}") for layer in layers)]
    wanted += [(last, "change", "trace_of_changes")] * ("change" in last.variables)
    return [StateMonitor(source, variable, record=True, when="end", name=name) for source, variable, name in wanted]


def answers(trial, outputs, variable="drive"):
    """Neurons that average the input (or another variable) of the outputs late in the free phase, for every image."""
    averages = NeuronGroup(len(outputs), """drive : 1 (linked)
                                            sum_of_drive : 1
                                            mean_input : 1
                                            averaging : 1
                                            ready : 1""",
                           events={"averaged": "ready > 0"}, name="average", namespace={})
    averages.drive = linked_var(outputs, variable)
    averages.run_regularly("sum_of_drive += averaging*drive", when="after_groups")
    averages.run_on_event("averaged", "ready = 0; sum_of_drive = 0", when="resets")
    events = carried(trial, averages, {"listen": "averaging_post = 1",
                                       "answer": "mean_input_post = sum_of_drive_post / listen_steps_pre; "
                                                 "averaging_post = 0; ready_post = 1"}, MOMENTS)
    return [averages, events, EventMonitor(averages, "averaged", variables="mean_input", name="answers")]


def _layers(pixels, layers, synapse, twin, connect, private):
    """Synapses between neighbouring layers, the same weight in both directions, and from the bias unit.

    private : nothing else looks at the synapses while the network runs.
    """
    taught = {pathway: f"taught{pathway.removeprefix('pre').removeprefix('post')}"
              for pathway in ("pre", "post", *synapse.on_event)}
    from_pixels = {pathway: "taught" for pathway in taught if pathway.startswith("pre")}
    into = "I_in_post += w" if twin else "I_post += w"
    made = [synapses(pixels, layers[0], synapse, name="synapses_1", connect=connect, transmit=into,
                     pathways=list(from_pixels), events=from_pixels, private=private)]
    forward = {"spike": "I_post += w"} | ({"twin": "I_twin_post += w"} if twin else {})
    back = {"spike": "I_pre += w"} | ({"twin": "I_twin_pre += w"} if twin else {})
    for k, (below, above) in enumerate(zip(layers, layers[1:]), 2):
        made.append(synapses(below, above, synapse, name=f"synapses_{k}", connect=connect, transmit=forward,
                             turned=connect == "all-to-all" and len(above) > FEW and private, private=private,
                             transmit_back=back, events={path: taught[path] for path in taught}))
        made.append(synapses(pixels[len(pixels) - 1:], above, synapse, name=f"biases_{k}", connect=connect,
                             transmit=into, pathways=list(from_pixels), events=from_pixels))
    return made
