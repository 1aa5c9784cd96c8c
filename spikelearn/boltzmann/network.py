"""A restricted Boltzmann machine of two-state neurons; data clamp all, some or none of the visible neurons.

One neuron, the presentation, counts steps and examples and emits the events: an example begins, has settled, is over; a
batch is over. With walk-back, the machine runs free between the settling and the learning: in legs, each next one taken
with the probability walk_back; then its hidden neurons are held as they are, and the example is back. A neuron that is
always excited stands for the biases. Which of the events of a time step comes first:
simulation/order.py.
"""
import numpy as np
from brian2 import Equations, EventMonitor, NeuronGroup, SpikeMonitor, linked_var

from spikelearn.equations.records import NeuronModel
from spikelearn.simulation.brian_internals.objects import note, noted
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.order import BEGIN, DUE, LEARN, OVER, WALK
from spikelearn.simulation.presentations import carried, presentation
from spikelearn.simulation.tables import lookup_table

PRESENTATION = NeuronModel(
    source="examples shown one after the other; chosen here",
    equations="""
        step : integer           # of this example, from 1; it stands still while the machine walks
        example : integer        # how many examples are over
        averaging : 1            # 1 once the network has settled: the states are averaged
        learning : 1             # the same, if there is something to learn
        learning_hidden : 1      # the same for hidden neurons
        drifting : 1             # 1 while the biases of hidden neurons drift: the example is held, they are free
        walking : integer        # 1 while the machine runs free
        legs : integer           # of this walk, for which it was drawn whether they are taken
        leg_step : integer       # of this leg
        back : integer           # 1 once the walk is over and the example is back
        finishing : 1            # 1 when the collected changes are due
        stopped : 1
        carry : 1                # 1: an example begins in the last state of the one before; 0: at rest
    """,
    every_step=dict(start="step += 1 - walking; leg_step += walking"),
    events=dict(
        over=("step > shown_steps", "example += 1; step = 0; averaging = 0; learning = 0; learning_hidden = 0; "
                                    "drifting = 0; legs = 0; back = 0"),
        collected=("step == 0 and example > 0 and (example % batch == 0 or example >= examples)", "finishing = 1"),
        begin=("step == 0 and example < examples", "step = 1; finishing = 0"),
        drift=("step == drift_steps + 1 and legs == 0", "drifting = teaching"),
        leg=("walk_back > 0 and back == 0 and ((step == settling_steps + 1 and walking == 0) or leg_step >= leg_steps)",
             "drifting = 0; walking = int(rand() < walk_back and legs < walk_steps); legs += 1; leg_step = 0"),
        walk=("walking > 0 and legs == 1 and leg_step == 0", ""),
        returned=("legs > 0 and walking == 0 and back == 0", "back = 1; step = settling_steps"),
        settled=("step == settling_steps + 1 and (walk_back == 0 or back > 0)",
                 "averaging = 1; learning = teaching; learning_hidden = teaching*hidden_flips"),
    ),
    parameters=dict(
        shown_steps=60,          # length of an example
        settling_steps=20,       # first part of it, in which nothing is learnt or averaged
        teaching=0,              # 1: learn; 0: only sample
        hidden_flips=1,          # whether attempts of hidden neurons count
        drift_steps=20,          # part of an example in which biases do not drift
        walk_back=0,             # probability of each next leg of the walk
        walk_steps=3,            # legs of a walk at most
        leg_steps=40,            # length of a leg
        batch=1,                 # examples after which the collected changes are applied
        examples=1,              # examples of this run
    ),
    initial=dict(step=-1),
)
MOMENTS = dict(over=OVER, collected=DUE, begin=BEGIN, drift=LEARN, leg=LEARN, walk=WALK, returned=WALK, settled=LEARN)
POPULATIONS = ("visible", "hidden")
WEIGHTS = ("synapses.w", "visible_biases.w", "hidden_biases.w")


def sampling_network(n_visible, n_hidden, neuron, synapse, *, examples, raster=False):
    """The objects of a machine with symmetric weights between visible and hidden neurons.

    neuron, synapse : records of a two-state model with held, x, rest and attempt, and of a rule that follows attempts.
    examples : how many the array of a run holds. raster : record the times of all flips.
    Values of a run: "examples_shown" (examples, n_visible), "visible.held" (n_visible,), "trial.*", and WEIGHTS:
    "synapses.w" (n_hidden * n_visible,), hidden neuron by hidden neuron, "visible_biases.w", "hidden_biases.w".
    Reads: "averages.mean" (examples shown * n_visible,), the mean state of each visible neuron after the settling.
    """
    shown = lookup_table(np.zeros((examples, n_visible)), "examples_shown")
    trial = presentation(PRESENTATION, MOMENTS, until="example >= examples")
    groups = _populations(trial, neuron, dict(visible=n_visible, hidden=n_hidden, always=1))
    visible, hidden, always = groups.values()
    at_start = "state_post *= carry_pre\ndrive_post *= carry_pre"
    held_as_they_are = "held_post = 1\nx_post = state_post"
    made = [shown, trial, *groups.values(), carried(trial, always, {"begin": at_start}, MOMENTS),
            carried(trial, hidden, {"begin": f"{at_start}\nheld_post = 0", "returned": held_as_they_are}, MOMENTS),
            carried(trial, visible, {"begin": f"{at_start}\nx_post = examples_shown(example_pre*second, j)",
                                     "walk": "held_post = 0", "returned": "held_post = 1"}, MOMENTS,
                    inputs=dict(examples_shown=shown))]
    # what visible neurons do by columns of the weights has copies whose rows these are: rows are faster
    turned = not Equations(synapse.equations).diff_eq_names
    made.append(synapses(hidden, visible, synapse, name="synapses", connect="all-to-all", turned=turned,
                         transmit={"spike": "drive_post += w", "rest": "drive_post -= w"},
                         transmit_back={"spike": "drive_pre += w", "rest": "drive_pre -= w"}))
    after_post = [pathway for pathway in ("post", *synapse.on_event) if pathway == "post_attempt"]
    made += [synapses(always, group, synapse, name=f"{group.name}_biases", connect="all-to-all",
                      transmit="drive_post += w", pathways=after_post) for group in (visible, hidden)]
    made += _averages(trial, visible)
    for name in POPULATIONS:
        made += [SpikeMonitor(groups[name], record=raster, name=f"ups_of_{name}"),
                 EventMonitor(groups[name], "rest", record=raster, name=f"downs_of_{name}"),
                 EventMonitor(groups[name], "attempt", record=raster, name=f"attempts_of_{name}")]
    return made


def _populations(trial, neuron, sizes):
    """Name -> neurons of so many two-state neurons each, told by `trial` when they learn."""
    flags = {name: (trial, name) for name in ("learning", "finishing")}
    of_hidden = {"learning": (trial, "learning_hidden")}
    if "drifting" in Equations(neuron.equations):
        of_hidden["drifting"] = (trial, "drifting")
    groups = {name: neurons(neuron, size, name=name, linked=flags | (of_hidden if name == "hidden" else {}),
                            finished="finishing > 0") for name, size in sizes.items()}
    note(groups["always"], values=noted(groups["always"], "values") | {"held": 1, "x": 1})
    return groups


def _averages(trial, visible):
    """The mean state of each visible neuron after the settling, for every example."""
    averages = NeuronGroup(len(visible), """state : 1 (linked)
                                            averaging : 1 (linked)
                                            time_excited : 1
                                            mean : 1
                                            ready : 1""",
                           events={"averaged": "ready > 0"}, name="average", namespace={})
    averages.state, averages.averaging = linked_var(visible, "state"), linked_var(trial, "averaging")
    averages.run_regularly("time_excited += averaging*state", when="end")
    averages.run_on_event("averaged", "ready = 0", when="resets")
    events = carried(trial, averages, {
        "over": "mean_post = time_excited_post / (shown_steps_pre - settling_steps_pre)\n"
                "time_excited_post = 0\nready_post = 1"}, MOMENTS)
    return [averages, events, EventMonitor(averages, "averaged", variables="mean", name="averages")]
