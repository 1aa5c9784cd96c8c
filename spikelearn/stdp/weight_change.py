"""Weight change of a rule under pairing protocols: all conditions side by side, one synapse each, in one simulation."""
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from brian2 import Equations, Quantity, ms, second

from spikelearn.equations.additions import without_cpp
from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import declared, for_brian
from spikelearn.equations.parsing import get_identifiers
from spikelearn.equations.records import Model, NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.spike_tables import has_unit
from spikelearn.stdp.moments import moments_of
from spikelearn.stdp.network import Changes, exact_between_spikes, from_spike_to_spike
from spikelearn.stdp.spike_times import Pairing, labelled
from spikelearn.stdp.time_step_network import InTimeSteps
from spikelearn.stdp.time_steps import converged, fitting_step, is_random

READ_AFTER = 500 * ms       # chosen here: by then after-potentials have decayed


class Outcome(NamedTuple):
    """Relative weight changes (n,) and how accurate they are.

    step : time step, None if the rule was simulated exactly from spike to spike. error_percent : change of the result
    when the step is halved, in percent of the largest change; 0 if exact, None if random numbers hide it.
    """

    change: np.ndarray
    step: Quantity | None = None
    error_percent: float | None = 0.0

    def headline(self) -> dict:
        """The accuracy as headline numbers of a protocol."""
        return {} if self.error_percent is None else {"step_error_percent": self.error_percent}


def largest_step_error(headlines: Iterable[Mapping]) -> dict:
    """The largest step_error_percent of several simulations as one headline number; empty where none has one."""
    errors = [one["step_error_percent"] for one in headlines if "step_error_percent" in one]
    return {"step_error_percent": max(errors)} if errors else {}


def weight_changes(pairings: Iterable[Pairing], synapse: str | SynapseModel, neuron: str | NeuronModel | None = None,
                   **options: object) -> np.ndarray:
    """Relative weight change of a rule after each of n pairings.

    Parameters
    ----------
    pairings : n Pairing records; they are simulated side by side, one synapse each.
    synapse : the learning rule, by name, file or record.
    neuron : the post neuron, if the rule reads a potential; None = the one that its source pairs it with.
    **options
        dt, device, seed, transmit, read_after, natural: see `spikelearn.stdp.weight_change.outcome`.

    Returns
    -------
    (n,) array
        w_end / w_start - 1: 0 = none, 1 = doubled.

    Raises
    ------
    SpikelearnError
        If rule and neuron do not fit, if a neuron fires otherwise than it is forced to, or if a weight starts at 0.

    Examples
    --------
    >>> late, early = sl.weight_changes([sl.pairs(10*ms, 60, 1*Hz), sl.pairs(-10*ms, 60, 1*Hz)], "stdp_pair")
    >>> print(late.round(3), early.round(3))
    0.428 -0.203
    """
    if neuron is not None and post_neuron(synapse, neuron, options.get("transmit", "")) is None:
        raise SpikelearnError(f"the neuron would change nothing: {load_model(synapse, 'synapse').title} follows spike "
                              "times only and reads no potential; leave neuron out")
    return outcome(pairings, synapse, neuron, **options).change


def outcome(pairings: Iterable[Pairing], synapse: str | SynapseModel, neuron: str | NeuronModel | None = None, *,
            dt: Quantity | None = None, device: str = "auto", seed: int = 1, transmit: str = "",
            read_after: Quantity = READ_AFTER, natural: bool = False, drawn_on_grid: bool = False) -> Outcome:
    """Relative weight change w_end / w_start - 1 of a rule after each of n pairings, and its accuracy.

    A rule that follows spikes only, with traces solved between spikes (event-driven), is simulated from spike to spike,
    exactly; any other in time steps, every spike on the grid, linear equations exactly.

    Parameters
    ----------
    pairings : n Pairing records. synapse : the rule, by name, file or record.
    neuron : the post neuron, in which spikes are forced in the way its model states; None is the one that the rule's
        source pairs it with. A rule that reads its pre neuron gets the same model there.
    dt : time step to use as it is. None chooses one, see time_steps.fitting_step, and halves it until the result
        changes by less than 1 % of the largest change. A rule that is exact between spikes has no step.
    transmit : what a pre spike does to the post neuron, e.g. "I_post += w*nA"; it asks for a neuron.
    read_after : the weight is read so long after the last spike of its condition, relative to that at its first spike.
    natural : the post neuron may also fire spikes of its own.
    drawn_on_grid : the spikes were drawn at random on the grid of dt, at most one a step. No other step is tried.

    Returns
    -------
    Outcome, whose `change` is (n,). Raises SpikelearnError if rule and neuron do not fit, if no step meets all spikes,
    if the step is too long, if a neuron fires otherwise than it is forced to, or if a weight starts at 0.
    """
    if isinstance(pairings, Pairing) or not isinstance(pairings, Iterable):
        raise SpikelearnError("pairings must be a list of them, such as [pairs(10*ms)]")
    pairings, rule = list(pairings), for_brian(load_model(synapse, "synapse"))
    for pairing in pairings:
        if not isinstance(pairing, Pairing):
            raise SpikelearnError(f"pairings must hold Pairing records, as pairs(10*ms) makes them, not {pairing!r}")
    pairings = [labelled(pairing, str(k)) for k, pairing in enumerate(pairings, 1)]
    after = checked_time(read_after, "read_after")
    if dt is not None:
        checked_time(dt, "dt")
    post_model = post_neuron(rule, neuron, transmit)
    if not pairings:
        return Outcome(np.zeros(0))
    device = device_for(rule, device)
    held = np.array([pairing.hold is not None for pairing in pairings])
    if held.any() and not held.all() and post_model is not None:
        return _apart(held, pairings, rule, post_model, dt=dt, device=device, seed=seed, transmit=transmit,
                      read_after=read_after, natural=natural, drawn_on_grid=drawn_on_grid)
    if post_model is None and exact_between_spikes(rule):
        return Outcome(relative(from_spike_to_spike(pairings, rule, after, device, seed), rule))
    models = [model for model in (rule, post_model) if model]
    step = fitting_step(acting_times(pairings, rule, after), models, dt)
    network = InTimeSteps(pairings, rule, post_model, after, device, seed, step, transmit, natural)
    found = converged(lambda size: relative(network.weights(size), rule), step, keep=dt is not None,
                      random=drawn_on_grid or is_random(*models), in_threads=network.in_threads)
    return Outcome(found.values, found.step, found.error_percent)


def _apart(held: np.ndarray, pairings: list[Pairing], rule: SynapseModel, neuron: NeuronModel, **options) -> Outcome:
    """Outcome of conditions of which some are held, whose post neuron is another one."""
    change, errors, step = np.zeros(len(pairings)), [], None
    for side in (held, ~held):
        found = outcome([pairings[k] for k in np.flatnonzero(side)], rule, neuron, **options)
        change[side], step = found.change, found.step
        errors.append(found.error_percent)
    return Outcome(change, step, None if None in errors else max(errors))


def device_for(rule: Model, device: str) -> str:
    """The device for a rule: a function without C++ text runs in NumPy only. Raises SpikelearnError."""
    name = without_cpp(rule)
    if name and device not in ("auto", "numpy"):
        raise SpikelearnError(f"the function '{name}' of {rule.title} has no text for the device '{device}': give one "
                              "by Brian2's @implementation, or use --device numpy")
    return "numpy" if name else device


def relative(weights: Changes, rule: Model) -> np.ndarray:
    """Relative change from weights at the start and at the end. Raises SpikelearnError if a weight starts at 0."""
    if np.any(weights.start == 0):
        raise SpikelearnError(f"{rule.title} starts with the weight 0, of which there is no relative change: "
                              "give it an initial w")
    return weights.end / weights.start - 1


def near_bound(rule: SynapseModel, change: np.ndarray) -> str:
    """The bound, w_min or w_max, that weights came so near that it moves their mean; "" if none did.

    change : (n, copies) relative changes at the end, of copies that differ by chance. Between start and end a weight is
    taken as a random walk, of which the probability of meeting a bound is known; a share of copies that would move the
    mean by a tenth of its standard error counts as near.
    """
    bounds = [(name, side) for name, side in (("w_min", -1), ("w_max", 1)) if name in rule.parameters]
    if not bounds:
        return ""
    start = start_weight(rule)
    ends = start * (1 + change)
    variance = np.maximum(ends.var(axis=1, keepdims=True), 1e-30)
    for name, side in bounds:
        room, left = (np.maximum(side * (float(rule.parameters[name]) - w), 0) for w in (start, ends))
        met = np.exp(-2 * room * left / variance).mean(axis=1)
        if np.max(met) * np.sqrt(ends.shape[1]) > 0.1:
            return name
    return ""


def start_weight(rule: SynapseModel) -> float:
    """The initial weight that a rule states as a number above or below 0, in base units."""
    weight = rule.initial.get(rule.read, 0)
    if isinstance(weight, str) or np.ndim(weight) or float(weight) == 0:
        raise SpikelearnError(f"{rule.title} must state its initial w as a number other than 0, not {weight}")
    return float(weight)


def post_neuron(synapse: str | SynapseModel, neuron: str | NeuronModel | None = None,
                transmit: str = "") -> NeuronModel | None:
    """The neuron that a pairing of this rule is done with, or None if the rule follows spikes only.

    neuron : None is the one that the rule's source pairs it with. Raises SpikelearnError if there is none.
    """
    rule = load_model(synapse, "synapse")
    if rule.at_end:
        raise SpikelearnError(f"{rule.title} learns by presentations (at_end), not by pairings")
    _refuse_indices(rule)
    if neuron:
        neuron = load_model(neuron, "neuron")
    reads = rule.reads()
    if not (reads["pre"] or reads["post"] or rule.on_event or transmit):
        return None
    if not (neuron or rule.neuron):
        raise SpikelearnError(f"{rule.title} reads more than spike times, so it needs a neuron: name one with --neuron")
    return load_model(neuron or rule.neuron, "neuron")


def _refuse_indices(rule: SynapseModel) -> None:
    """Refuse a rule that depends on what is simulated beside it."""
    code = [equation.expr.code for equation in Equations(rule.equations).values() if equation.expr is not None]
    code += [rule.read, *(text for _, text in rule.statements().values())]
    code += [value for value in rule.initial.values() if isinstance(value, str)]
    named = get_identifiers("\n".join(re.sub(r"#.*", "", text) for text in code))
    own = declared(rule) | set(rule.functions) | set(rule.inputs)
    found = [name for name in ("i", "j", "N", *(f"{name}_{side}" for side in ("pre", "post") for name in "ijN"))
             if name in named - own]
    if found:
        raise SpikelearnError(f"{rule.title} reads '{found[0]}', the number of a neuron or synapse or how many there "
                              "are, and a pairing has one synapse: use a parameter instead")


def checked_time(value: Quantity, name: str) -> float:
    if not has_unit(value, second) or np.ndim(value) or not np.isfinite(float(value)) or float(value) <= 0:
        raise SpikelearnError(f"{name} must be a time above 0 s, such as 500*ms, not {value}")
    return float(value)


def acting_times(pairings: list[Pairing], rule: SynapseModel, read_after: float) -> list[np.ndarray]:
    """Times of what happens in each condition from its own first moment on, in seconds."""
    found = []
    for pairing in pairings:
        when = moments_of(pairing, rule, read_after)
        found.append(np.concatenate([np.asarray(pairing.pre), np.asarray(pairing.post), when.acting]) - when.begin)
    return found
