"""Populations and connections for a Brian2 network of the user's own: parameters and initial values are set.

`network` makes the same objects for Simulation, which sets their values itself, run after run.
"""
import contextlib
import re
from collections.abc import Iterable, Mapping

import brian2
import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, Synapses

from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import declared
from spikelearn.equations.parsing import get_identifiers
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.ranges.check import numbers, whole
from spikelearn.simulation import network
from spikelearn.simulation.brian_internals.objects import cython_declares_i, noted, pathways
from spikelearn.simulation.derivatives import at_last, follow_what_is_set
from spikelearn.simulation.late_start import leave_out_the_past, start_with_the_first_run
from spikelearn.simulation.spike_tables import spike_table

NAMED = ("one-to-one", "all-to-all")
KEYWORDS_OF_CONNECT = ("condition", "i", "j", "p", "n", "skip_if_invalid")


def neurons(model: str | NeuronModel, n: int, *, name: str = "neurongroup*", reads: Iterable[str] | SynapseModel = (),
            per_neuron: Iterable[str] = (), inputs: Mapping | None = None, finished: str = "") -> NeuronGroup:
    """A population of neurons for your own Brian2 network, ready to run.

    Parameters
    ----------
    model : the neuron, by name, file or record.
    n : how many neurons, 1 or more.
    name : name of the group, as in Brian2.
    reads : list of str, or SynapseModel
        What learning rules read of these neurons besides their own variables: "u", the model's potential, and "dudt",
        its rate of change. A rule stands for all that it reads. A potential that you set between runs is no change.
    per_neuron : parameters that may differ from neuron to neuron: assign an array of shape (n,) to them.
    inputs : name -> TimedArray that the equations name.
    finished : condition of the event upon which the at_end= of the neurons' outgoing rules acts.

    Returns
    -------
    NeuronGroup
        Brian2's, with the parameters and initial values of the model. An initial value that is an expression, such as
        "rand()", is evaluated now, once: call brian2.seed before.

    Raises
    ------
    SpikelearnError
        If there is no such neuron model, or n is not a whole number of 1 or more.

    Examples
    --------
    >>> group = sl.neurons("lif", 100)
    >>> group.v[0]
    -70. * mvolt
    """
    record = load_model(model, "neuron")
    whole().check("n", n)
    reads = _names_read(record, reads)
    group = network.neurons(record, int(n), name=name, reads=reads, inputs=inputs, finished=finished,
                            per_neuron=_parameters(record, per_neuron), more=at_last(record, reads))
    return follow_what_is_set(_with_values(group))


def synapses(pre: NeuronGroup, post: NeuronGroup, model: str | SynapseModel, connect: str | tuple | Mapping, *,
             transmit: str | Mapping = "", transmit_back: str | Mapping = "", name: str = "synapses*",
             inputs: Mapping | None = None) -> Synapses:
    """Synapses with a learning rule for your own Brian2 network, ready to run.

    Parameters
    ----------
    pre, post : populations made by `neurons`, or any group of Brian2's that spikes.
    model : the learning rule, by name, file or record.
    connect : str, tuple or dict
        Which synapses there are: "one-to-one", "all-to-all", a condition on i and j such as "i != j", two arrays of
        indices (i, j), or keywords of Brian2's Synapses.connect such as dict(p=0.1).
    transmit : str or dict
        What a pre spike does to the post neuron, such as "I_post += w*nA"; or event -> statement. The rule itself is
        learning only.
    transmit_back : the same for a post spike and the pre neuron.
    name : name of the synapses, as in Brian2.
    inputs : name -> TimedArray that the equations name.

    Returns
    -------
    Synapses
        Brian2's, with the parameters and initial values of the rule. A pre spike acts before a post spike of the same
        time step: delta_t = 0 counts as pre before post. A run is refused in which a delay that the rule states is no
        multiple of the time step.

    Raises
    ------
    SpikelearnError
        If there is no such rule, if it reads what the neurons lack, if `connect` is none of the above or gives no
        synapse, or if the rule changes its weights at the end of presentations and nothing says when that is.

    Examples
    --------
    >>> group = sl.neurons("lif", 10)
    >>> syn = sl.synapses(group, group, "stdp_pair", connect="i != j")
    >>> print(len(syn), syn.w[0], syn.tau_plus[:])
    90 1.0 16.8 ms
    """
    rule = load_model(model, "synapse")
    for side, group in (("pre", pre), ("post", post)):
        if not hasattr(group, "events"):
            raise SpikelearnError(f"{side} must be a group of neurons, not {type(group).__name__}")
    for variable in sorted(rule.reads()["pre"] - set(pre.variables) | rule.reads()["post"] - set(post.variables)):
        if variable in ("u", "dudt"):
            raise SpikelearnError(f"the rule {rule.title} reads '{variable}': make its neurons with reads='{variable}'")
    if rule.at_end and "finished" not in pre.events:
        raise SpikelearnError(f"the rule {rule.title} changes its weights at the end of a presentation (at_end): make "
                              "the pre neurons with finished=, the condition under which a presentation is over")
    _refuse_the_index_in_cython(rule, transmit, transmit_back)
    made = network.synapses(pre, post, rule, name=name, connect=_checked_connect(connect, pre, post), transmit=transmit,
                            transmit_back=transmit_back, inputs=inputs)
    with contextlib.suppress(NotImplementedError):      # C++ standalone does not know yet how many there are
        if not len(made):
            raise SpikelearnError(f"connect={connect!r} gives no synapse")
    made.__dict__["connect"] = _refuse_to_connect
    start_with_the_first_run(made)
    return _with_values(made)


def spike_trains(times: Iterable[Quantity], *, name: str = "spiketrains*") -> NeuronGroup:
    """A population that spikes at given times, for your own Brian2 network.

    Parameters
    ----------
    times : n arrays, the spike times of each neuron with their unit, increasing; an array may be empty.
    name : name of the group, as in Brian2.

    Returns
    -------
    NeuronGroup
        n neurons. A run is refused in which a spike time is no multiple of its time step.

    Raises
    ------
    SpikelearnError
        If the times have no unit of time, do not increase, are negative, or if there is no neuron.

    Examples
    --------
    >>> trains = sl.spike_trains([[10, 20]*ms, [15]*ms])
    >>> len(trains)
    2
    """
    if isinstance(times, Quantity) and times.ndim < 2 or not isinstance(times, Iterable):
        raise SpikelearnError("times must be a list with one array of spike times for each neuron")
    table = spike_table(times)
    if not table.shape[1]:
        raise SpikelearnError("times must hold the spike times of one neuron or more")
    if np.any(table < 0):
        raise SpikelearnError("times must not be negative")
    group, _ = network.spike_trains(table, name=name)
    leave_out_the_past(group, table)
    return _with_values(group)


def _names_read(model, reads):
    """What rules read besides the model's own variables; what a rule reads in vain, `synapses` refuses."""
    if isinstance(reads, SynapseModel):
        return sorted(set.union(*reads.reads().values()) & {"u", "dudt"})
    names = [reads] if isinstance(reads, str) else list(reads)
    for name in names:
        if name not in {*Equations(model.equations), *model.parameters, "u", "dudt"}:
            raise SpikelearnError(f"reads: {model.title} has no '{name}'")
    return names


def _with_values(made):
    """Set parameters, initial values and delays: the numbers first, then the expressions, which may use them."""
    for text in (False, True):
        for item in (made, *pathways(made)):
            for variable, value in noted(item, "values", {}).items():
                if isinstance(value, str) == text:
                    setattr(item, variable, value)
    return made


def _refuse_the_index_in_cython(rule, *transmissions):
    """Refuse code that reads i where Brian2's Cython program would be left out, after an error that it only prints."""
    codes = [rule.equations, *(text for _, text in rule.statements().values())]
    for transmit in transmissions:
        codes += list(transmit.values()) if isinstance(transmit, Mapping) else [transmit]
    named = get_identifiers(re.sub(r"#.*", "", "\n".join(codes)))
    if "i" in named - declared(rule) and cython_declares_i():
        raise SpikelearnError(f"{rule.title} reads i, the number of the pre neuron, which Brian2 {brian2.__version__} "
                              "loses in Cython: set prefs.codegen.target = 'numpy' before")


def _parameters(model, names):
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in model.parameters:
            raise SpikelearnError(f"per_neuron: {model.title} has no parameter '{name}'")
    return names


def _checked_connect(connect, pre, post):
    """Refuse what cannot say which synapses there are."""
    if isinstance(connect, Mapping):
        for keyword in connect:
            if keyword not in KEYWORDS_OF_CONNECT:
                raise SpikelearnError(f"connect has no keyword '{keyword}'{alternatives(keyword, KEYWORDS_OF_CONNECT)}")
        if not isinstance(connect.get("p", 0), str):
            numbers(0, 1).check("connect: p", connect.get("p", 0))
    elif isinstance(connect, str):
        if connect == "one-to-one" and len(pre) != len(post):
            raise SpikelearnError(f"connect='one-to-one' needs as many pre as post neurons, not {len(pre)} "
                                  f"and {len(post)}")
        if connect not in NAMED and not re.search(r"\b([ij]|\w+_pre|\w+_post|rand\(\))", connect):
            raise SpikelearnError(f"connect must be a condition on i and j, or one of two words, not "
                                  f"'{connect}'{alternatives(connect, NAMED)}")
    else:
        _check_indices(connect, pre, post)
    return connect


def _check_indices(connect, pre, post):
    try:
        sides = [np.asarray(side) for side in connect]
    except TypeError:
        sides = []
    if len(sides) != 2 or any(side.ndim != 1 or side.dtype.kind not in "iu" for side in sides) or (
            sides[0].size != sides[1].size):
        raise SpikelearnError("connect must be 'one-to-one', 'all-to-all', a condition on i and j, a dict, or two "
                              "lists (i, j) of whole numbers, equally long")
    for name, side, group in zip("ij", sides, (pre, post)):
        if side.size and not 0 <= side.min() <= side.max() < len(group):
            raise SpikelearnError(f"connect: the indices {name} must lie from 0 to {len(group) - 1}, not from "
                                  f"{side.min()} to {side.max()}")


def _refuse_to_connect(*arguments, **keywords):
    raise SpikelearnError("these synapses are connected already, and further ones would start without initial values: "
                          "say which there are by connect= when they are made")
