"""Excitatory neurons that compete for images, one image after the other inside one run.

One neuron, the presentation, counts steps and images. An image is shown, then comes a rest if there is one; an image
that evokes too few spikes can be shown again with higher rates. Before each presentation the incoming weights of every
neuron that may have changed are scaled to one sum. Inhibition is lateral: the spikes of a step are summed in one
neuron, which adds them to g_i of all excitatory neurons, and each takes its own share back. They come from the
excitatory neurons themselves, or from inhibitory neurons of which each follows one of them.
"""
import dataclasses

import numpy as np
from brian2 import Equations, EventMonitor, SpikeMonitor

from spikelearn.equations.assignments import statements_of
from spikelearn.equations.records import NeuronModel
from spikelearn.simulation.brian_internals.objects import order_event, order_pathway
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.order import AT_END, BEGIN, LEARN, OVER, THEN
from spikelearn.simulation.presentations import carried, presentation
from spikelearn.simulation.rows import flush_denormals, vectorise_steps
from spikelearn.simulation.tables import lookup_table

PRESENTATION = NeuronModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99, images, rest, repetitions; the rest: chosen here",
    equations="""
        step : integer           # of this presentation, from 1
        image : integer          # how many images are over
        intensity : 1            # factor of the pixels' rates
        fired : 1                # excitatory spikes while this image is shown
        due : 1                  # 1 when the weights are to be normalised
        stopped : 1
    """,
    every_step=dict(start="step += 1"),
    events=dict(
        over=("step > shown_steps + rest_steps", """
            again = int(fired < least_spikes and intensity < most_intensity)
            image += 1 - again
            intensity = again*(intensity + more_intensity) + (1 - again)
            fired = 0
            due = 1
            step = 0
        """),
        begin=("step == 0 and image < images", "step = 1; due = 0"),
        rest=("step == shown_steps + 1 and rest_steps > 0", ""),
    ),
    parameters=dict(
        shown_steps=700,         # time steps for which an image is shown
        rest_steps=0,            # time steps of rest after it
        least_spikes=0,          # an image with fewer excitatory spikes is shown again
        more_intensity=0.5,      # by how much the intensity grows then; the authors' program: from 2 to 3
        most_intensity=10,       # intensity at which an image is given up; chosen here
        images=1,                # images of this run
    ),
    initial=dict(step=-1, due=1, intensity=1),
)
WITHOUT_PAUSES = dataclasses.replace(
    PRESENTATION, events={event: PRESENTATION.events[event] for event in ("over", "begin")})
MOMENTS = dict(over=OVER, begin=BEGIN, rest=LEARN)
SUM = NeuronModel(
    source="sum of the inhibitory spikes of a step; chosen here", equations="arriving : 1",
    events=dict(inhibits=("arriving > 0", "arriving = 0")))
COLUMN = Equations("""
    total : 1           # sum of the incoming weights
    changed : 1         # 1 if they may have changed since they were normalised
""")
SCALED = {"spike": "changed_post = 1", "due": "total_post += w", THEN + "due": "w *= norm / total_post"}


def competing_network(n_pixels, n, neuron, synapse, pixel, inhibitory=None, *, images, learning, pauses=False,
                      raster=False):
    """The objects of a network of n excitatory neurons that compete for images.

    neuron, synapse, pixel : model records. inhibitory : record of inhibitory neurons, None = the excitatory neurons
    inhibit each other. images : how many the array of a run holds. learning : normalise the weights; without it the
    rule should be a static one. pauses : whether an image may be followed by a rest or be shown again. raster : record
    every spike of the pixels.
    Values of a run: "images_shown" (images, n_pixels), "trial.*", "synapses.w" (n_pixels * n,), "neurons.theta" (n,),
    with learning "synapses.norm" and "neurons.changed". Reads: "spikes.t", "spikes.i", "begins.t", "begins.image".
    """
    flush_denormals()
    shown = lookup_table(np.zeros((images, n_pixels)), "images_shown")
    trial = presentation(PRESENTATION, MOMENTS, until="image >= images") if pauses else presentation(
        WITHOUT_PAUSES, {event: MOMENTS[event] for event in WITHOUT_PAUSES.events}, until="image >= images")
    pixels = neurons(pixel, n_pixels, name="pixels")
    changes = "due > 0" if any_spike_changes(synapse) else "due > 0 and changed > 0"
    cells = neurons(neuron, n, name="neurons", **(dict(
        more=COLUMN, linked={"due": (trial, "due")}, more_events=dict(due=changes)) if learning
        else {}))
    vectorise_steps(pixels)
    vectorise_steps(cells)
    made = [shown, trial, pixels, cells]
    silence = {"rest": "brightness_post = 0", THEN + "rest": pixel.at_start} if pauses else {}
    made.append(carried(trial, pixels, {
        "begin": "brightness_post = images_shown(image_pre*second, j)*intensity_pre", THEN + "begin": pixel.at_start,
        **silence},
        MOMENTS, inputs=dict(images_shown=shown)))
    made.append(carried(trial, cells, {"begin": neuron.at_start}, MOMENTS))
    made.append(_from_pixels(pixels, cells, synapse, learning))
    if pauses:
        made.append(synapses(cells, trial, name="counting", connect="all-to-all",
                             transmit="fired_post += int(step_post <= shown_steps_post)"))
    made += _inhibition(cells, inhibitory)
    return made + [SpikeMonitor(cells, name="spikes"), SpikeMonitor(pixels, record=raster, name="spikes_of_pixels"),
                   EventMonitor(trial, "begin", variables="image", name="begins")]


def any_spike_changes(synapse):
    """Whether the weights of a rule change at other events than the spikes of the post neuron."""
    others = [synapse.on_pre, *synapse.on_event.values(), synapse.at_end]
    return any(name == "w" for code in others for name, _, _ in statements_of(code)) or "dw/dt" in synapse.equations


def _from_pixels(pixels, cells, synapse, learning):
    """The synapses that learn, and the scaling of their weights between two presentations."""
    made = synapses(pixels, cells, synapse, name="synapses", connect="all-to-all", transmit="g_e_post += w",
                    **(dict(transmit_back=SCALED, more=Equations("norm : 1 (shared, constant)")) if learning else {}))
    if learning:
        cells.run_on_event("due", "total = 0; changed = 0")
        order_event(cells, "due", AT_END.tested, AT_END.carried + 2)
        for order, pathway in enumerate(("post_due", f"post_{THEN}due")):
            order_pathway(made, pathway, AT_END.carried + order, "start")
    return made


def _inhibition(cells, inhibitory):
    """Who inhibits: the excitatory neurons themselves, or inhibitory neurons that follow them one by one."""
    made, source = [], cells
    if inhibitory is not None:
        source = neurons(inhibitory, len(cells), name="inhibitory")
        vectorise_steps(source)
        made += [source, synapses(cells, source, name="to_inhibitory", transmit="g_e_post += 1")]
    total = neurons(SUM, 1, name="sum_of_inhibition")
    order_event(total, "inhibits", 0, slot="after_synapses")
    to_all = synapses(total, cells, name="inhibition", connect="all-to-all",
                      transmit={"inhibits": "g_i_post += arriving_pre"})
    order_pathway(to_all, "pre_inhibits", 1, "after_synapses")
    return made + [total, to_all,
                   synapses(source, total, name="inhibiting", connect="all-to-all", transmit="arriving_post += 1"),
                   synapses(source, cells, name="own_share", transmit="g_i_post -= 1")]
