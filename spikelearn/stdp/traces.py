"""Look inside a rule: its traces, the potential and the weight against time, in one condition or several."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from brian2 import Equations, Quantity, get_dimensions, ms, second

from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import for_brian, renamed
from spikelearn.equations.parsing import PARAMETER, SUBEXPRESSION
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.moments import SAMPLE, TOGETHER, Moments, moments_of, moments_table
from spikelearn.stdp.network import exact_between_spikes, simulate_moments
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.time_step_network import InTimeSteps
from spikelearn.stdp.time_steps import fitting_step
from spikelearn.stdp.weight_change import READ_AFTER, acting_times, device_for, post_neuron

JUST_BEFORE = 1e-7          # seconds before a spike at which a trace is recorded too, so that jumps are upright
MOST_STEPS = 2_000_000      # of a recording


@dataclass(frozen=True, eq=False)
class Trace:
    """One condition as a rule sees it; times count from the first spike.

    label : the condition; t : (n,) times, increasing
    weight : (n,) what is read as the weight; variables : name -> (n,) every variable of the rule that changes
    potential : (n,) of the post neuron, None for a rule that reads no neuron
    pre, post, third : times of the spikes and of the third factor
    """

    label: str
    t: Quantity
    weight: Quantity | np.ndarray
    variables: Mapping
    potential: Quantity | np.ndarray | None
    pre: Quantity
    post: Quantity
    third: Quantity


def trace(rule: str | SynapseModel, pairing: Pairing | Sequence[Pairing], neuron: str | NeuronModel | None = None, *,
          start: Quantity = -20 * ms, stop: Quantity | None = None, points: int = 1000, dt: Quantity | None = None,
          device: str = "auto", seed: int = 1) -> Trace | list[Trace]:
    """Everything that a rule computes during a pairing, against time.

    A rule that follows spikes only is recorded where it is exact: at `points` times, and just before and at each spike.
    Any other rule is recorded at the end of its time steps.

    Parameters
    ----------
    rule, neuron : by name, file or record, as for `weight_changes`.
    pairing : one condition, or several, which run side by side.
    start, stop : what is recorded, from the first spike on; stop None = until 100 ms after the last spike.
    points : times between start and stop.
    dt : time step of a rule that is integrated; None chooses one.
    device, seed : as for `weight_changes`.

    Returns
    -------
    Trace, or a list of them for several conditions.

    Raises
    ------
    SpikelearnError if rule and neuron do not fit, or if the recording would be too long.

    Examples
    --------
    >>> seen = sl.trace("stdp_pair", sl.pairs(10*ms, 1))
    >>> round(float(seen.weight[-1] / seen.weight[0]), 4)
    1.0071
    """
    several = not isinstance(pairing, Pairing)
    pairings, own = list(pairing) if several else [pairing], for_brian(load_model(rule, "synapse"))
    neuron_model = post_neuron(own, neuron)
    device = device_for(own, device)
    when = [moments_of(one, own, float(READ_AFTER)) for one in pairings]
    if neuron_model is not None and len({one.hold is None for one in pairings}) > 1:     # held ones have another neuron
        return [trace(rule, one, neuron, start=start, stop=stop, points=points, dt=dt, device=device, seed=seed)
                for one in pairings]
    last = [max([*one.pre, *one.post, *one.third, one.begin]) - one.begin for one in when]
    ends = [float(end) + .1 if stop is None else float(stop) for end in last]
    if not max(ends) > float(start):
        raise SpikelearnError(f"stop must come after start = {start}, not at {stop}")
    if neuron_model is None and exact_between_spikes(own):
        made = _exact(own, pairings, when, float(start), ends, points, device, seed)
    else:
        made = _stepped(own, neuron_model, pairings, when, float(start), ends, points, dt, device, seed)
    names = {told: name for name, told in renamed(load_model(rule, "synapse")).items()}
    found = [_trace(one, moment, names, *values) for one, moment, values in zip(pairings, when, made, strict=True)]
    return found if several else found[0]


def variables_of(rule: SynapseModel) -> list[str]:
    """Variables of a rule that change during a run: those with equations, and those that statements assign to."""
    return [name for name, equation in Equations(rule.equations).items()
            if equation.type != SUBEXPRESSION and name != rule.read
            and not (equation.type == PARAMETER and equation.dim is second.dim)     # such as the time of a spike
            and not (equation.type == PARAMETER and {"constant", "shared"} & set(equation.flags))
            and "summed" not in equation.flags]


def _trace(pairing: Pairing, when: Moments, names: Mapping, t, weight, variables: Mapping, potential) -> Trace:
    zero = when.begin * second
    return Trace(pairing.label, t * second, weight, {names.get(name, name): one for name, one in variables.items()},
                 potential, pairing.pre - zero, pairing.post - zero, pairing.third - zero)


def _exact(rule, pairings, when, start, ends, points, device, seed):
    """(times, weight, variables, no potential) of each condition, recorded from moment to moment."""
    samples = []
    for one, end in zip(when, ends, strict=True):
        acting = one.acting - one.begin
        near = acting[(acting >= start) & (acting <= end)]
        both = np.concatenate([np.linspace(start, end, points), near - JUST_BEFORE])
        apart = np.min(np.abs(both[:, None] - acting[None]), axis=1, initial=1) > 2 * TOGETHER if acting.size else True
        both = both[(both + one.begin >= 0) & apart]
        samples.append(np.sort(np.concatenate([both, near])) + one.begin)
    times, happens = moments_table(when, samples)
    names = variables_of(rule)
    read = [f"traces.{name}" for name in ("weight_read", *names)]
    found = simulate_moments(rule, times, happens, device, seed, read, ["weight_read", *names])
    for k in range(len(pairings)):
        rows = np.flatnonzero((happens[:, k] % (2 * SAMPLE) >= SAMPLE) & (times[:, k] < NEVER))
        keep = rows[np.diff(times[rows, k], prepend=-1) > TOGETHER]
        values = {name: found[f"traces.{name}"][k, keep] for name in names}
        yield times[keep, k] - when[k].begin, found["traces.weight_read"][k, keep], values, None


def _stepped(rule, neuron, pairings, when, start, ends, points, dt, device, seed):
    """(times, weight, variables, potential) of each condition, recorded at the end of time steps."""
    step = fitting_step(acting_times(pairings, rule, float(READ_AFTER)), [one for one in (rule, neuron) if one], dt)
    last = max(one.begin + end for one, end in zip(when, ends, strict=True))
    every = max(1, int((max(ends) - start) / points / step)) * step
    if last / every > MOST_STEPS:
        raise SpikelearnError(f"a recording of {last / every:,.0f} steps is too long: record an earlier motif, or "
                              "fewer points")
    names = variables_of(rule)
    network = InTimeSteps(pairings, rule, neuron, float(READ_AFTER), device, seed, step, until=last,
                          recorded=["weight_read", *names], every=every * second)
    shown = [f"potential.{name}" for name in ("v", "u") if "potential" in network.simulation.objects
             and name in network.simulation.objects["potential"].record_variables]
    found = network.run(step, ["traces.t", *(f"traces.{name}" for name in ("weight_read", *names)), *shown])
    for k, (one, end) in enumerate(zip(when, ends, strict=True)):
        later = np.ceil(one.begin / step - 1e-6) * step - one.begin
        t = np.asarray(found["traces.t"]) - one.begin - later
        used = (t >= start - step / 2) & (t <= end + step / 2)
        values = {name: found[f"traces.{name}"][k, used] for name in names}
        yield t[used], found["traces.weight_read"][k, used], values, found[shown[0]][k, used] if shown else None


def unit_of(values) -> str:
    """The unit of recorded values as text, "" for plain numbers."""
    from spikelearn.equations.units import unit_text

    unit = unit_text(get_dimensions(values))
    return "" if unit == "1" else unit
