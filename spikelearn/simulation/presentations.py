"""Presentations: images or examples shown one after the other inside one run, and what happens at their boundaries.

One neuron, the presentation, counts steps and images and has the events that begin and end them. Variables of the
populations are linked to its own; synapses carry its events to them. The orders of order.py say what comes first.
"""
from brian2 import Synapses

from spikelearn.simulation.brian_internals.code import STOP_WHEN
from spikelearn.simulation.brian_internals.objects import order_event, order_pathway
from spikelearn.simulation.network import neurons
from spikelearn.simulation.order import LOADED, THEN


def presentation(model, moments, *, until, loaded="", inputs=None):
    """The neuron that counts, as the population "trial" of one.

    model : NeuronModel with its events; moments : event -> Moment; until : condition on which the run ends
    loaded : statement that follows when a new image was loaded. inputs : dict name -> TimedArray that the model uses.
    """
    trial = neurons(model, 1, name="trial", inputs={"stop_when": STOP_WHEN, **(inputs or {})})
    for event, moment in moments.items():
        order_event(trial, event, moment.tested, moment.own)
    if loaded:
        trial.run_regularly(loaded, when="start", order=LOADED)
    trial.run_regularly(f"stopped = stop_when({until})", when="end")
    return trial


def carried(trial, group, statements, moments, *, inputs=None):
    """Synapses that carry the presentation's events to every neuron of a population.

    statements : event, or THEN + event -> statement; moments : event -> Moment. Empty statements are left out.
    """
    statements = {pathway: code for pathway, code in statements.items() if code}
    made = Synapses(trial, group, on_pre=statements, name=f"events_to_{group.name}", namespace=dict(inputs or {}),
                    on_event={pathway: pathway.removeprefix(THEN) for pathway in statements})
    made.connect()
    for pathway in statements:
        after = pathway.startswith(THEN)
        order_pathway(made, pathway, moments[pathway.removeprefix(THEN)].carried + after, "start")
    return made
