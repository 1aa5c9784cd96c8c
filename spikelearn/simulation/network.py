"""Populations and connections from model records: the only file that calls NeuronGroup and Synapses for them."""
from collections.abc import Mapping

import numpy as np
from brian2 import Equations, Hz, NeuronGroup, Synapses, get_dimensions, linked_var, second

from spikelearn.equations.additions import functions_of
from spikelearn.equations.apart import with_rates_apart
from spikelearn.equations.assignments import written_out
from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import for_brian
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.code import writes_programs
from spikelearn.simulation.brian_internals.integration import unsolved
from spikelearn.simulation.brian_internals.objects import (
    computed,
    declared,
    give_up,
    note,
    noted,
    order_event,
    order_pathway,
    order_state_updater,
    pathways,
    threshold_slot,
)
from spikelearn.simulation.order import AT_END, THEN
from spikelearn.simulation.reading import at_third, first_times, reading_events, reading_times
from spikelearn.simulation.reads import check_reads, check_transmit, learning_steps, title_of
from spikelearn.simulation.rows import make_dense, vectorise_thresholds
from spikelearn.simulation.tables import lookup_table
from spikelearn.simulation.warnings import check_spikes


def neurons(model, n, *, name, reads=(), per_neuron=(), inputs=None, linked=None, finished="", reading=None,
            exact=False, more=None, more_events=None):
    """A population: Brian2's NeuronGroup made from a NeuronModel.

    n : int, number of neurons. reads : names that rules read of them; "u" and "dudt" are added when asked for.
    per_neuron : parameters that differ between neurons, set by a run's values "name.parameter", shape (n,).
    inputs : dict name -> TimedArray used by the equations. linked : dict name -> (group, variable), variables
    that follow those of another group. finished : condition of the event "finished", upon which the at_end of the
    neurons' outgoing synapses acts. reading : TimedArray of the times of the events "begin" and "read" (_reading).
    exact : integrate linear equations exactly, whatever method the model names. more, more_events : Equations of
    further variables; further events, name -> condition. Parameters and initial values are set by Simulation.
    """
    model, linked = with_rates_apart(load_model(model, "neuron"), exact), linked or {}
    check_spikes(model)
    derivative = "dudt" in reads and "dudt" not in model.equations
    group = NeuronGroup(
        n, _equations(model, reads, per_neuron, linked, derivative, reading, more), threshold=model.threshold or None,
        reset=model.reset or None, refractory=model.refractory or False, method=_method(model, exact), name=name,
        namespace={**functions_of(model), **(inputs or {}), **({} if reading is None else {reading.name: reading})},
        events=_events(model, finished, reading) | (more_events or {}) or None)
    if reading is not None and at_third(reading):
        group.run_on_event("third", at_third(reading))
    for event, (_, statement) in model.events.items():
        if statement:
            group.run_on_event(event, statement)
    vectorise_thresholds(group)
    if finished:
        order_event(group, "finished", AT_END.tested)
    for variable, (source, its) in linked.items():
        setattr(group, variable, linked_var(source, its))
    for slot, statement in model.every_step.items():
        group.run_regularly(statement, when=slot)
    if derivative:                                  # the change of u over the last step, resets included
        group.run_regularly("dudt = (u - u_before) / dt; u_before = u", when="after_groups", order=1)
    note(group, model=model, values={**model.parameters, **model.initial, **({"u_before": "u"} if derivative else {}),
                                     **({} if reading is None else first_times(reading))})
    return group


def _declared(model, per_neuron=()):
    """The model's equations with its parameters declared, so that they can change without a rebuild."""
    return Equations(model.equations) + declared({
        name: (get_dimensions(value), *(() if name in per_neuron else ("shared",)), "constant")
        for name, value in model.parameters.items()})


def _equations(model, reads, per_neuron, linked, derivative, reading, more=None):
    """A population's equations: the model's, what rules read of it, what is linked to another population."""
    equations = _declared(model, per_neuron) if more is None else _declared(model, per_neuron) + more
    if {"u", "dudt"} & set(reads) and "u" not in Equations(model.equations):
        if not model.potential:
            raise SpikelearnError(f"{model.title} has no potential= for rules to read")
        equations += computed("u", get_dimensions(1), model.potential)
    if derivative:
        equations += declared({"dudt": (get_dimensions(Hz),), "u_before": (get_dimensions(1),)})
    if reading is not None:
        equations += reading_times(reading)
    if linked:
        equations = Equations([equation for equation in equations.values() if equation.varname not in linked])
        equations += declared({name: (source.variables[variable].dim, "linked")
                               for name, (source, variable) in linked.items()})
    return equations


def _events(model, finished, reading):
    """A population's events besides the spike: name -> condition."""
    events = {event: condition for event, (condition, _) in model.events.items()}
    return events | ({"finished": finished} if finished else {}) | ({} if reading is None else reading_events(reading))


def _method(model, exact):
    """Integration method: the model's, or exact where its equations are linear."""
    return ("exact", model.method) if exact and model.method != "exact" else model.method


def synapses(pre, post, model="synapses/static", *, name, connect="one-to-one", transmit="", transmit_back="",
             pathways=None, events=None, inputs=None, turned=False, private=False, more=None, exact=False,
             per_synapse=()):
    """A connection: Brian2's Synapses made from a SynapseModel.

    connect : "one-to-one", "all-to-all", a condition on i and j, a pair (i, j) of index arrays, or a dict of the
        keywords of Brian2's Synapses.connect.
    transmit : what a pre spike does to the target, e.g. "I_post += w", or a dict event, or THEN + event -> statement;
        the rule itself says learning only. transmit_back : the same for post spikes and the pre neuron.
    pathways : which of the rule's pathways ("pre", "post", "pre_EVENT", ...) are used; None = all.
    events : dict pathway -> event, to bind a pathway of the rule to another event than the spike.
    turned : with "all-to-all", keep a copy of the weights whose rows are the columns, for many post neurons that
        spike often. private : let what spikes add wait for some steps. With either, nothing but the rule's own
        pathways may look at the synapses during a run (see rows.py).
    more : Equations of further variables, for `transmit`. exact : integrate linear equations exactly.
    per_synapse : parameters that differ between synapses, set by a run's values "name.parameter".
    Pre spikes act before post spikes of the same step: delta_t = 0 counts as pre before post. The rule's on_third acts
    at the pre neuron's event `third`, after the spikes of its step. The rule's at_end
    acts on a synapse when its pre neuron has the event `finished` (see neurons(finished=)).
    """
    model = with_rates_apart(for_brian(load_model(model, "synapse")), exact)
    steps = learning_steps(model, pre, transmit, transmit_back, pathways, events or {})
    check_reads(model, pre, post, steps)
    check_transmit(model, pre, post, steps, more)
    if model.follows_drug() and "third" not in (more or ()):
        raise SpikelearnError(f"{model.title} reads 'third', a drug that is washed in, which only pairing experiments "
                              "have")
    equations = _declared(model, per_synapse) if more is None else _declared(model, per_synapse) + more
    on_pre, on_post, event_of = _pathways(model, pre, post, steps, equations)
    connection = Synapses(pre, post, equations, on_pre=on_pre or None, on_post=on_post or None, on_event=event_of,
                          method=_method(model, exact), name=name, namespace={**functions_of(model), **(inputs or {})})
    _refuse_unsolved(connection, model)
    for order, pathway in enumerate(sorted([*on_pre, *on_post], key=lambda name: name == "pre_third")):
        order_pathway(connection, pathway, order)
    if "pre_finished" in on_pre:                    # between the presentations, before the next one begins
        order_pathway(connection, "pre_finished", AT_END.carried, "start")
    order_state_updater(connection, 2, "after_groups")      # rules see what their neurons are now, dudt included
    _connect(connection, connect, turned, private)
    note(connection, values={**model.parameters, **model.initial}, model=model)
    _delay(connection, model)
    return connection


def _refuse_unsolved(connection, model):
    """Refuse event-driven equations that Brian2 would refuse in the run, in words of its own."""
    equation = unsolved(connection)
    if equation:
        for item in (connection, *pathways(connection)):
            give_up(item)
        raise SpikelearnError(f"{model.title}: Brian2 cannot solve the equation '{equation}' from spike to spike: "
                              "write (clock-driven) instead of (event-driven)")


def _delay(connection, model):
    """Let what the rule does at a spike come as late as it says: a time, or one of its parameters."""
    for pathway in pathways(connection):
        side, _, late = pathway.objname.partition("_")
        if late == "late":
            value = getattr(model, f"delay_{side}")
            note(pathway, values={"delay": value if isinstance(value, str) else f"{float(value)!r}*second"})


def _pathways(model, pre, post, steps, equations):
    """(pathway -> statements of pre events, the same of post events, pathway -> event)."""
    on_pre, on_post, event_of = {}, {}, {}
    for side, event, code in steps:
        source, into = (pre, on_pre) if side == "pre" else (post, on_post)
        if event.removeprefix(THEN) not in source.events:
            raise SpikelearnError(f"{model.title} follows the event '{event}' of {title_of(source)}, which has only: "
                                  f"{', '.join(source.events) or 'none'}")
        pathway = side if event == "spike" else f"{side}_{event}"
        if pathway == side and getattr(model, f"delay_{side}") is not None and code == getattr(model, f"on_{side}"):
            pathway = f"{side}_late"        # the rule is late, what the spike does to its target is not
        event = event.removeprefix(THEN)
        into[pathway] = "\n".join([*([into[pathway]] if pathway in into else []), written_out(code, equations)])
        event_of[pathway] = event
    return on_pre, on_post, event_of


def _connect(connection, connect, turned, private):
    note(connection, one_synapse_each=connect == "one-to-one" or not isinstance(connect, str | Mapping) and all(
        len(np.unique(side)) == np.size(side) for side in connect))
    if connect == "one-to-one" and writes_programs():
        connection.connect(j="i")
    elif connect == "one-to-one":       # in this process Brian2 would take one neuron after the other
        connection.connect(i=np.arange(len(connection.source)), j=np.arange(len(connection.source)))
    elif connect == "all-to-all":
        connection.connect()
        make_dense(connection, turned, private)
    elif isinstance(connect, str | Mapping):
        try:
            connection.connect(**({"condition": connect} if isinstance(connect, str) else connect), namespace={})
        except (KeyError, TypeError, ValueError, IndexError, SyntaxError) as error:
            raise SpikelearnError(f"connect={connect!r} gives no connection: {error}") from error
    else:
        connection.connect(i=connect[0], j=connect[1])


def spike_trains(table, *, name, reading=None):
    """A population that spikes at given times; the times can change from run to run.

    table : (n_spikes + 1, n) array in seconds, each column sorted and padded with NEVER (pairing.spike_table makes it).
    reading : TimedArray of the times of the events "begin" and "read" (_reading). Returns the group and the TimedArray
    `NAME_times` that holds the table, which a run's values may replace by another of the same shape. Simulation
    refuses a run in which a spike time is no multiple of the time step, or comes after the end.
    """
    times = lookup_table(np.asarray(table, dtype=float) * second,
                         name.replace("*", "_times*") if name.endswith("*") else f"{name}_times")
    equations = Equations("next_spike : second\nspikes_so_far : integer")
    group = NeuronGroup(
        np.shape(table)[1], equations if reading is None else equations + reading_times(reading),
        threshold="t >= next_spike - dt/2", events=None if reading is None else reading_events(reading),
        reset=f"spikes_so_far += 1; next_spike = {times.name}(spikes_so_far*second, i)", name=name,
        namespace={times.name: times} | ({} if reading is None else {reading.name: reading}))
    vectorise_thresholds(group)
    threshold_slot(group, "start")                  # early enough to force spikes in the same time step
    if reading is not None and at_third(reading):
        group.run_on_event("third", at_third(reading))
    note(group, values={"next_spike": f"{times.name}(0*second, i)"} | ({} if reading is None else first_times(reading)))
    note(times, holds_spikes=True)
    return group, times


def force_spikes(train, group, *, name):
    """Let each spike of `train` force a spike of `group` in the same step, in the way its model states.

    Raises SpikelearnError if the model states no `forced`.
    """
    model = noted(group, "model")
    if not model.forced:
        raise SpikelearnError(f"{model.title} has no forced=, so a pairing protocol cannot make it spike")
    forced = Synapses(train, group, on_pre=model.forced, name=name, namespace={})
    forced.pre.when = "before_thresholds"
    forced.connect(j="i")
    note(forced, one_synapse_each=True)
    return forced
