"""Populations and connections from model records: the only file that calls NeuronGroup and Synapses."""
import numpy as np
from brian2 import Equations, Hz, NeuronGroup, Synapses, TimedArray, get_dimensions, linked_var, second
from brian2.equations.equations import FLOAT, PARAMETER, SUBEXPRESSION, Expression, SingleEquation

from spikelearn.equations.additions import functions_of
from spikelearn.equations.assignments import check_assignments, written_out
from spikelearn.equations.check import USUAL_READS, check_model, unit_text
from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import for_brian
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.rows import make_dense, vectorise_thresholds
from spikelearn.simulation.warnings import check_spikes


def _declared(model, per_neuron=()):
    """The model's equations with its parameters declared, so that they can change without a rebuild."""
    parameters = [SingleEquation(PARAMETER, name, get_dimensions(value), FLOAT,
                                 flags=["constant"] if name in per_neuron else ["shared", "constant"])
                  for name, value in model.parameters.items()]
    return Equations(model.equations) + Equations(parameters)


def neurons(model, n, *, name, reads=(), per_neuron=(), inputs=None, linked=None, finished="", reading=None,
            exact=False):
    """A population: Brian2's NeuronGroup made from a NeuronModel.

    n : int, number of neurons. reads : names that rules read of them; "u" and "dudt" are added when asked for.
    per_neuron : parameters that differ between neurons, set by a run's values "name.parameter", shape (n,).
    inputs : dict name -> TimedArray used by the equations. linked : dict name -> (group, variable), variables
    that follow those of another group. finished : condition of the event "finished", upon which the at_end of the
    neurons' outgoing synapses acts. reading : TimedArray of the times of the events "begin" and "read" (_reading).
    exact : integrate linear equations exactly, whatever method the model names. Parameters and initial values are set
    by Simulation.
    """
    model = load_model(model, "neuron")
    check_spikes(model)
    equations, derivative = _declared(model, per_neuron), "dudt" in reads and "dudt" not in model.equations
    if {"u", "dudt"} & set(reads) and "u" not in Equations(model.equations):
        if not model.potential:
            raise SpikelearnError(f"{model.title} states no potential= for rules to read")
        equations += Equations([SingleEquation(SUBEXPRESSION, "u", get_dimensions(1), FLOAT,
                                               Expression(model.potential))])
    if derivative:
        equations += Equations([SingleEquation(PARAMETER, "dudt", get_dimensions(Hz), FLOAT),
                                SingleEquation(PARAMETER, "u_before", get_dimensions(1), FLOAT)])
    events = {event: condition for event, (condition, _) in model.events.items()}
    if finished:
        events["finished"] = finished
    if reading is not None:
        times, more, after = _reading(reading)
        equations, events = equations + Equations(times), {**events, **more}
        inputs = {**(inputs or {}), reading.name: reading}
    if linked:
        equations = Equations([equation for equation in equations.values() if equation.varname not in linked] + [
            SingleEquation(PARAMETER, name, source.variables[variable].dim, FLOAT, flags=["linked"])
            for name, (source, variable) in linked.items()])
    group = NeuronGroup(
        n, equations, threshold=model.threshold or None, reset=model.reset or None,
        refractory=model.refractory or False, method=_method(model, exact), name=name,
        namespace=functions_of(model) | dict(inputs or {}), events=events or None)
    if reading is not None and after:
        group.run_on_event("third", after)
    for event, (_, statement) in model.events.items():
        if statement:
            group.run_on_event(event, statement)
    vectorise_thresholds(group)
    if finished:                                    # see phases.py for the order of a presentation's events
        group.thresholder["finished"].when, group.thresholder["finished"].order = "start", 7
    for name, (source, variable) in (linked or {}).items():
        setattr(group, name, linked_var(source, variable))
    for slot, statement in model.every_step.items():
        group.run_regularly(statement, when=slot)
    if derivative:                                  # the change of u over the last step, resets included
        group.run_regularly("dudt = (u - u_before) / dt; u_before = u", when="after_groups", order=1)
    group._values = {**model.parameters, **model.initial, **({"u_before": "u"} if derivative else {}),
                     **(_first_times(reading) if reading is not None else {})}
    group._model = model
    return group


READING_TIMES = """
    begin_time : second (constant)      # when the weights of the outgoing synapses are noted for the first time
    read_time : second (constant)       # when they are read
"""
THIRD_TIMES = """
    third_on_time : second (constant)   # when a drug is washed in, and out
    third_off_time : second (constant)
    third_time : second                 # when the third factor comes next
    thirds_so_far : integer
"""
READING, TREATMENT = ("begin", "read"), ("third_on", "third_off", "third")


def _reading(times):
    """Declarations, events, and what follows the event "third", for a TimedArray of the times of these events.

    Its rows: begin, read and, where there is a third factor, washed in, washed out, and every time it comes.
    """
    treated = len(times.values) > len(READING)
    events = {name: f"abs(t - {name}_time) < dt/2" for name in READING + TREATMENT * treated}
    if getattr(times, "_sampled", False):       # a trace is recorded: event-driven variables are wanted at every step
        events["sample"] = "t >= 0*second"
    after = f"thirds_so_far += 1; third_time = {times.name}((thirds_so_far + 4)*second, i)" if treated else ""
    return READING_TIMES + THIRD_TIMES * treated, events, after


def _first_times(times):
    """Initial values of the times of the events, from the first rows of their TimedArray."""
    names = READING + TREATMENT * (len(times.values) > len(READING))
    return {f"{name}_time": f"{times.name}({row}*second, i)" for row, name in enumerate(names)}


def _method(model, exact):
    """Integration method: the model's, or exact where its equations are linear."""
    return ("exact", model.method) if exact and model.method != "exact" else model.method


def own_time(connection, variable):
    """Let a connection see another time than its clock's: variable, such as "now_post", is the time of each synapse."""
    for variables in (connection.variables, *(pathway.variables for pathway in connection._pathways)):
        variables._variables["t"] = connection.variables[variable]
        variables.indices["t"] = connection.variables.indices[variable]


def synapses(pre, post, model="synapses/static", *, name, connect="one-to-one", transmit="", transmit_back="",
             pathways=None, events=None, inputs=None, turned=False, more=None, exact=False, per_synapse=()):
    """A connection: Brian2's Synapses made from a SynapseModel.

    connect : "one-to-one", "all-to-all", a condition on i and j, or a pair (i, j) of index arrays.
    transmit : what a pre spike does to the target, e.g. "I_post += w", or a dict event -> statement;
        the rule itself says learning only. transmit_back : the same for post spikes and the pre neuron.
    pathways : which of the rule's pathways ("pre", "post", "pre_EVENT", ...) are used; None = all.
    events : dict pathway -> event, to bind a pathway of the rule to another event than the spike.
    turned : with "all-to-all", keep a copy of the weights whose rows are the columns, for many post neurons that
        spike often; nothing but the rule's own pathways may look at the synapses during a run (see dense.py).
    more : Equations of further variables, for `transmit`. exact : integrate linear equations exactly.
    per_synapse : parameters that differ between synapses, set by a run's values "name.parameter".
    Pre spikes act before post spikes of the same step: delta_t = 0 counts as pre before post. The rule's on_third acts
    at the pre neuron's event `third`, after the spikes of its step. The rule's at_end
    acts on a synapse when its pre neuron has the event `finished` (see neurons(finished=)).
    """
    model = for_brian(load_model(model, "synapse"))
    steps = [("pre", event, code) for event, code in _by_event(transmit).items()]
    steps += [("post", event, code) for event, code in _by_event(transmit_back).items()]
    steps += _learning(model, pathways, events or {})
    if model.at_end and "finished" in pre.events:
        steps.append(("pre", "finished", model.at_end))
    _check_reads(model, pre, post, steps)
    _check_transmit(model, pre, post, steps, more)
    equations = _declared(model, per_synapse) if more is None else _declared(model, per_synapse) + more
    on_pre, on_post, event_of, order = {}, {}, {}, {}
    for side, event, code in steps:
        source, into = (pre, on_pre) if side == "pre" else (post, on_post)
        if event not in source.events:
            raise SpikelearnError(f"{model.title} follows the event '{event}' of {_title(source)}, which has only: "
                                  f"{', '.join(source.events) or 'none'}")
        pathway = side if event == "spike" else f"{side}_{event}"
        if pathway == side and getattr(model, f"delay_{side}") is not None and code == getattr(model, f"on_{side}"):
            pathway = f"{side}_late"        # the rule is late, what the spike does to its target is not
        into[pathway] = "\n".join([*([into[pathway]] if pathway in into else []), written_out(code, equations)])
        event_of[pathway] = event
    if model.follows_drug() and "third" not in (more or ()):
        raise SpikelearnError(f"{model.title} reads 'third', a drug that is washed in, which only pairing experiments "
                              "have")
    connection = Synapses(pre, post, equations, on_pre=on_pre or None, on_post=on_post or None, on_event=event_of,
                          method=_method(model, exact), name=name, namespace=functions_of(model) | dict(inputs or {}))
    late = [pathway for pathway in ("pre_third",) if pathway in on_pre]
    for order, pathway in enumerate([*(name for name in (*on_pre, *on_post) if name not in late), *late]):
        getattr(connection, pathway).order = order
    if "pre_finished" in on_pre:                   # between the presentations, before the next one begins
        connection.pre_finished.when, connection.pre_finished.order = "start", 8
    if connection.state_updater is not None:       # rules see what their neurons are now, dudt included
        connection.state_updater.when, connection.state_updater.order = "after_groups", 2
    _connect(connection, connect, turned)
    connection._values = {**model.parameters, **model.initial}
    for side in ("pre", "post"):
        if f"{side}_late" in (*on_pre, *on_post):
            value = getattr(model, f"delay_{side}")
            getattr(connection, f"{side}_late")._values = {"delay": value if isinstance(value, str) else
                                                           f"{float(value)!r}*second"}
    connection._model = model
    return connection


def _by_event(transmit):
    return dict(transmit) if not isinstance(transmit, str) else {"spike": transmit} if transmit else {}


def _learning(model, pathways, events):
    """(side, event, statement) of the rule's pathways that are used."""
    found = {"pre": model.on_pre, "post": model.on_post, **model.on_event}
    found |= {"pre_third": model.on_third} if model.on_third else {}
    for pathway in [*events, *(pathways or ())]:
        if pathway not in found:
            raise SpikelearnError(f"{model.title} has no pathway '{pathway}'{alternatives(pathway, found)}")
    steps = []
    for pathway, code in found.items():
        side, _, event = pathway.partition("_")
        if side not in ("pre", "post"):
            raise SpikelearnError(f"{model.title}: on_event names '{pathway}', but must be pre_EVENT or post_EVENT")
        if code and (pathways is None or pathway in pathways):
            steps.append((side, events.get(pathway, event or "spike"), code))
    return steps


def _connect(connection, connect, turned):
    connection._one_synapse_each = connect == "one-to-one" or not isinstance(connect, str) and all(
        len(np.unique(side)) == np.size(side) for side in connect)
    if connect == "one-to-one":
        connection.connect(j="i")
    elif connect == "all-to-all":
        connection.connect()
        make_dense(connection, turned)
    elif isinstance(connect, str):
        connection.connect(condition=connect, namespace={})
    else:
        connection.connect(i=connect[0], j=connect[1])


def _check_reads(model, pre, post, steps):
    """Refuse a rule whose neurons lack what it reads, or have it in another unit."""
    used = model.reads("\n".join([model.equations, *(code for _, _, code in steps)]))
    own, found = model.reads(), {}                 # units are the rule's business, not those of `transmit`
    for side, group in (("pre", pre), ("post", post)):
        for name in sorted(used[side]):
            if name not in group.variables:
                raise SpikelearnError(f"the rule {model.title} reads '{name}' of its {side} neuron, "
                                      f"but {_title(group)} has none; choose another --neuron")
            found[f"{name}_{side}"] = group.variables[name].dim
            usual = USUAL_READS.get(name) if name in own[side] else None
            if usual is not None and get_dimensions(usual) is not group.variables[name].dim:
                raise SpikelearnError(f"the rule {model.title} reads '{name}' in {unit_text(usual)}, "
                                      f"but {_title(group)} has it in {unit_text(group.variables[name].dim)}")
    if any(name.rsplit("_", 1)[0] not in USUAL_READS for name in found):
        check_model(model, found)


def _check_transmit(model, pre, post, steps, more):
    """Refuse a misspelt name on the left of what a spike does to its target."""
    equations = Equations(model.equations) if more is None else Equations(model.equations) + more
    own = [name for name, equation in equations.items() if equation.type != SUBEXPRESSION]
    sides = [f"{name}_{side}" for side, group in (("pre", pre), ("post", post)) for name in group.variables]
    for side, event, code in steps:
        check_assignments(model.title, f"{side} {event}", code, {*own, *sides, *post.variables}, model.parameters)


def _title(group):
    source = getattr(group, "source", group)
    return getattr(getattr(source, "_model", None), "title", "") or source.name


def spike_trains(table, *, name, reading=None):
    """A population that spikes at given times; the times can change from run to run.

    table : (n_spikes + 1, n) array in seconds, each column sorted and padded with NEVER (pairing.spike_table makes it).
    reading : TimedArray of the times of the events "begin" and "read" (_reading). Returns the group and the TimedArray
    `NAME_times` that holds the table, which a run's values may replace by another of the same shape. Simulation
    refuses a run in which a spike time is no multiple of the time step, or comes after the end.
    """
    times = TimedArray(np.asarray(table, dtype=float) * second, dt=1 * second, name=f"{name}_times")
    extra, events, after = ("", None, "") if reading is None else _reading(reading)
    group = NeuronGroup(
        np.shape(table)[1], f"next_spike : second\nspikes_so_far : integer\n{extra}",
        threshold="t >= next_spike - dt/2", events=events,
        reset=f"spikes_so_far += 1; next_spike = {times.name}(spikes_so_far*second, i)", name=name,
        namespace={times.name: times} | ({} if reading is None else {reading.name: reading}))
    for thresholder in group.thresholder.values():
        thresholder.when = "start"                  # early enough to force spikes in the same time step
    if after:
        group.run_on_event("third", after)
    group._values = {"next_spike": f"{times.name}(0*second, i)"} | ({} if reading is None else _first_times(reading))
    times._holds_spikes = True
    return group, times


def force_spikes(train, group, *, name):
    """Let each spike of `train` force a spike of `group` in the same step, in the way its model states.

    Raises SpikelearnError if the model states no `forced`.
    """
    if not group._model.forced:
        raise SpikelearnError(f"{group._model.title} states no forced=, so a pairing protocol cannot make it spike")
    forced = Synapses(train, group, on_pre=group._model.forced, name=name, namespace={})
    forced.pre.when = "before_thresholds"
    forced.connect(j="i")
    forced._one_synapse_each = True
    return forced
