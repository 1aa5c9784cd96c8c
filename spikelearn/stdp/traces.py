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
from spikelearn.stdp.time_steps import converged, fitting_step, is_random
from spikelearn.stdp.weight_change import READ_AFTER, acting_times, checked_time, device_for, post_neuron

JUST_BEFORE = 1e-7          # seconds before a spike at which a trace is recorded too, so that jumps are upright
MOST_STEPS = 2_000_000      # of a recording


@dataclass(frozen=True, eq=False)
class Trace:
    """One condition as a rule sees it; times count from the first spike.

    label : the condition; t : (n,) times, increasing
    weight : (n,) what is read as the weight; variables : name -> (n,) every variable of the rule that changes
    potential : (n,) of the post neuron, None for a rule that reads no neuron
    pre, post, third : times of the spikes and of the third factor
    step_error_percent : change of the recorded weight change when the time step is halved, in percent of the largest
        one of all conditions; 0 for a rule that is exact between spikes, None where random numbers hide it
    """

    label: str
    t: Quantity
    weight: Quantity | np.ndarray
    variables: Mapping
    potential: Quantity | np.ndarray | None
    pre: Quantity
    post: Quantity
    third: Quantity
    step_error_percent: float | None = 0.0


def trace(rule: str | SynapseModel, pairing: Pairing | Sequence[Pairing], neuron: str | NeuronModel | None = None, *,
          start: Quantity = -20 * ms, stop: Quantity | None = None, points: int = 1000, dt: Quantity | None = None,
          device: str = "auto", seed: int = 1) -> Trace | list[Trace]:
    """Everything that a rule computes during a pairing, against time.

    A rule that follows spikes only is recorded where it is exact: at `points` times, and just before and at each spike.
    Any other rule is recorded at the end of its time steps, which are halved until the weight change from the first to
    the last recorded time differs by less than 1 %.

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
    SpikelearnError if rule and neuron do not fit, if start, stop, points or dt is impossible, if the recording would be
    too long, or if the rule cannot be integrated accurately.

    Examples
    --------
    >>> seen = sl.trace("stdp_pair", sl.pairs(10*ms, 1))
    >>> round(float(seen.weight[-1] / seen.weight[0]), 4)
    1.0071
    """
    several = not isinstance(pairing, Pairing)
    _check_arguments(start, stop, points, dt)
    pairings, own = list(pairing) if several else [pairing], for_brian(load_model(rule, "synapse"))
    neuron_model = post_neuron(own, neuron)
    device = device_for(own, device)
    when = [moments_of(one, own, float(READ_AFTER)) for one in pairings]
    if neuron_model is not None and len({one.hold is None for one in pairings}) > 1:     # held ones have another neuron
        return [trace(rule, one, neuron, start=start, stop=stop, points=points, dt=dt, device=device, seed=seed)
                for one in pairings]
    if not pairings:
        return []
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


def _check_arguments(start, stop, points, dt):
    for name, value in (("start", start), ("stop", stop)):
        if value is not None and not (get_dimensions(value) is second.dim and np.ndim(value) == 0
                                      and np.isfinite(float(value))):
            raise SpikelearnError(f"{name} must be a time, such as 200*ms, not {value}")
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 2:
        raise SpikelearnError(f"points must be a whole number, 2 or more, not {points}")
    if dt is not None:
        checked_time(dt, "dt")


def variables_of(rule: SynapseModel) -> list[str]:
    """Variables of a rule that change during a run: those with equations, and those that statements assign to."""
    return [name for name, equation in Equations(rule.equations).items()
            if equation.type != SUBEXPRESSION and name != rule.read
            and not (equation.type == PARAMETER and equation.dim is second.dim)     # such as the time of a spike
            and not (equation.type == PARAMETER and {"constant", "shared"} & set(equation.flags))
            and "summed" not in equation.flags]


def _trace(pairing: Pairing, when: Moments, names: Mapping, t, weight, variables: Mapping, potential, error) -> Trace:
    zero = when.begin * second
    return Trace(pairing.label, t * second, weight, {names.get(name, name): one for name, one in variables.items()},
                 potential, pairing.pre - zero, pairing.post - zero, pairing.third - zero, error)


def _exact(rule, pairings, when, start, ends, points, device, seed):
    """(times, weight, variables, no potential, no error) of each condition, recorded from moment to moment."""
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
        yield times[keep, k] - when[k].begin, found["traces.weight_read"][k, keep], values, None, 0.0


def _stepped(rule, neuron, pairings, when, start, ends, points, dt, device, seed):
    """(times, weight, variables, potential, error) of each condition, recorded at the end of time steps."""
    models = [one for one in (rule, neuron) if one]
    step = fitting_step(acting_times(pairings, rule, float(READ_AFTER)), models, dt)
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
    read = ["traces.t", *(f"traces.{name}" for name in ("weight_read", *names)), *shown]
    step, error, found = _in_fine_steps(network, step, read, keep=dt is not None, random=is_random(*models))
    for k, (one, end) in enumerate(zip(when, ends, strict=True)):
        later = np.ceil(one.begin / step - 1e-6) * step - one.begin
        t = np.asarray(found["traces.t"]) - one.begin - later
        used = (t >= start - step / 2) & (t <= end + step / 2)
        values = {name: found[f"traces.{name}"][k, used] for name in names}
        potential = found[shown[0]][k, used] if shown else None
        yield t[used], found["traces.weight_read"][k, used], values, potential, error


def _in_fine_steps(network, step, read, keep, random):
    """(step, error in percent, name -> values) once the weight change does not depend on the step; see `converged`."""
    runs = {}

    def change(size):
        runs[size] = network.run(size, read)
        weight = np.asarray(runs[size]["traces.weight_read"])
        unit = np.where(weight[:, 0] == 0, np.abs(weight).max(axis=1), np.abs(weight[:, 0]))     # siemens are small
        return (weight[:, -1] - weight[:, 0]) / np.where(unit == 0, 1, unit)

    made = converged(change, step, keep=keep, random=random)
    return float(made.step), made.error_percent, runs[float(made.step)]


def unit_of(values) -> str:
    """The unit of recorded values as text, "" for plain numbers."""
    from spikelearn.equations.units import unit_text

    unit = unit_text(get_dimensions(values))
    return "" if unit == "1" else unit
