"""Brian2 networks of a pairing experiment: one synapse a condition, from spike to spike or in time steps.

From spike to spike: where nothing happens to a rule between its spikes that Brian2 cannot compute exactly, step k of
the simulation is the k-th moment of each condition, at a time of its own (`now`). The rule's equations are the same;
only the time `t` that they see is the condition's own. Spikes are where they are, to the last digit.
In time steps: where a rule or its neuron is integrated. All spikes lie on the grid.

In both, a synapse copies its weight to `w_start` at the first spike of its condition, before that spike acts, and to
`w_end` at the moment of reading: the events `begin` and `read` of its pre neuron.
"""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from brian2 import Equations, NeuronGroup, SpikeMonitor, TimedArray, ms, second

from spikelearn.equations.parsing import get_identifiers
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.objects import declared, own_time
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER, spike_table
from spikelearn.simulation.tables import lookup_table
from spikelearn.stdp.spike_times import LEAD_IN, Pairing
from spikelearn.stdp.time_steps import text

TOGETHER = 2e-9     # seconds; spikes of a condition that are closer are at the same time: rounding of sums
APART = 0.999e-6    # seconds; spikes of one neuron that are closer are refused
TICK = 1 * ms       # nominal duration of a step from spike to spike
SPIKE, BEGIN, READ = 1, 2, 4        # what happens at a moment, summed
READING = {"begin": "w_start = w", "read": "w_end = w"}


class Changes(NamedTuple):
    """Weights of n conditions at their first spike and when they are read, (n,) each, without units."""

    start: np.ndarray
    end: np.ndarray


def exact_between_spikes(rule: SynapseModel) -> bool:
    """Whether the equations of a rule that reads no neuron can be solved exactly from spike to spike."""
    equations = Equations(rule.equations)
    integrated = any(equation.type == "differential equation" and "event-driven" not in equation.flags
                     or "summed" in equation.flags for equation in equations.values())
    code = [equation.expr.code for equation in equations.values() if equation.expr is not None]
    names = get_identifiers("\n".join([*code, *(text for _, text in rule.statements().values())]))
    return not integrated and not names & {"dt", "t_in_timesteps"} and not rule.at_end


def moments(pairings: Sequence[Pairing], read_after: float) -> tuple[np.ndarray, np.ndarray]:
    """When something happens in each condition, and what.

    Returns (times, happens): (moments, n) in seconds, filled up with NEVER, and (moments, 2 n), the sum of SPIKE,
    BEGIN and READ for the n pre neurons, then for the n post neurons.
    """
    times, kinds = [], []
    for pairing in pairings:
        pre, post = np.asarray(pairing.pre), np.asarray(pairing.post)
        for name, side in (("pre", pre), ("post", post)):
            if np.any(np.diff(side) <= APART):
                raise SpikelearnError(f"two {name} spikes of the condition '{pairing.label or len(times) + 1}' are "
                                      "less than 1 us apart: no neuron fires so fast")
        together = np.sort(np.concatenate([pre, post]))
        first = np.flatnonzero(np.diff(together, prepend=-np.inf) > TOGETHER)
        own = together[first] if together.size else np.array([float(LEAD_IN)])
        kind = np.zeros((len(own) + 1, 2), dtype=int)
        for side, spikes in enumerate((pre, post)):
            kind[np.searchsorted(own, spikes + TOGETHER / 2, side="right") - 1, side] += SPIKE
        kind[0] += BEGIN
        kind[-1] += READ
        times.append(np.append(own, own[-1] + read_after))
        kinds.append(kind)
    longest = max(map(len, times))
    table, happens = np.full((longest, len(times)), NEVER), np.zeros((longest, 2 * len(times)), dtype=int)
    for k, (own, kind) in enumerate(zip(times, kinds, strict=True)):
        table[:len(own), k] = own
        happens[:len(own), [k, len(times) + k]] = kind
    return table, happens


def from_spike_to_spike(pairings: Sequence[Pairing], rule: SynapseModel, read_after: float, device: str,
                        seed: int) -> Changes:
    """Weights of each condition, exact between spikes."""
    times, happens = moments(pairings, read_after)
    steps, n = times.shape
    times = np.hstack([times, times])

    def build():
        when = TimedArray(np.full_like(times, NEVER) * second, dt=TICK, name="moments")
        what = TimedArray(np.zeros_like(times), dt=TICK, name="happens")
        trains = NeuronGroup(
            2 * n, "now : second\nkind : 1", threshold="kind % 2 >= 1", reset="", name="trains",
            events={"begin": "kind % 4 >= 2", "read": "kind >= 4"}, namespace={"moments": when, "happens": what})
        trains.run_regularly("now = moments(t, i); kind = happens(t, i)", when="start")
        connection = synapses(trains, trains, rule, name="rule", connect=(np.arange(n), n + np.arange(n)),
                              transmit=READING, more=_weights_read(rule))
        own_time(connection, "now_post")
        return [when, what, trains, connection]

    simulation = Simulation(build, steps * TICK, device=device, dt=TICK)
    found = simulation.run({"moments": times * second, "happens": happens.astype(float)}, seed=seed,
                           read=["rule.w_start", "rule.w_end"])
    return Changes(np.asarray(found["rule.w_start"]), np.asarray(found["rule.w_end"]))


def _weights_read(rule: SynapseModel) -> Equations:
    """Declarations of the two copies of the weight, in its unit."""
    equations = Equations(rule.equations)
    if "w" not in equations:
        raise SpikelearnError(f"{rule.title} has no weight w")
    return declared(dict.fromkeys(("w_start", "w_end"), (equations["w"].dim,)))


class InTimeSteps:
    """The network of a pairing experiment in time steps, built once and run with any step.

    Forced spikes are compared with those that the neurons fired.
    """

    def __init__(self, pairings: Sequence[Pairing], rule: SynapseModel, post_model: NeuronModel | None,
                 read_after: float, device: str, seed: int, step: float, transmit: str = "", natural: bool = False):
        self.pairings, self.rule, self.post_model = pairings, rule, post_model
        self.read_after, self.seed, self.transmit, self.natural = read_after, seed, transmit, natural
        last = max((float(times[-1]) for pairing in pairings for times in (pairing.pre, pairing.post) if len(times)),
                   default=float(LEAD_IN))
        self.end = np.ceil(np.round((last + read_after) / float(TICK), 6) + 1) * TICK
        self.both_sides = post_model is not None and bool(rule.reads()["pre"])
        self.table = spike_table([pairing.pre for pairing in pairings] + [pairing.post for pairing in pairings])
        self.simulation = Simulation(self._build, self.end, device=device, dt=step * second)

    def _build(self):
        n, rule = len(self.pairings), self.rule
        reading = lookup_table(np.full((2, 2 * n), NEVER) * second, "read_times")
        trains, spikes = spike_trains(np.full_like(self.table, NEVER), name="trains", reading=reading)
        sides, made = {"pre": trains[:n], "post": trains[n:]}, [reading, spikes, trains]
        if self.post_model is None:
            connection = synapses(trains, trains, rule, name="rule", connect=(np.arange(n), n + np.arange(n)),
                                  transmit=READING, more=_weights_read(rule), exact=True)
            return [*made, connection]
        for side in ("pre", "post") if self.both_sides else ("post",):
            group = neurons(self.post_model, n, name=side, reads=rule.reads()[side], exact=True,
                            reading=reading if side == "pre" else None)
            made += [group, force_spikes(sides[side], group, name=f"{side}_forced"),
                     SpikeMonitor(group, name=f"{side}_fired")]
            sides[side] = group
        transmit = READING | ({"spike": self.transmit} if self.transmit else {})
        return [*made, synapses(sides["pre"], sides["post"], rule, name="rule", connect=(np.arange(n), np.arange(n)),
                                transmit=transmit, more=_weights_read(rule), exact=True)]

    def weights(self, step: float) -> Changes:
        """Weights of each condition with a time step in seconds."""
        shifted = [_on_grid(pairing, step) for pairing in self.pairings]
        table = spike_table([times * second for side in (0, 1) for times in (pair[side] for pair in shifted)])
        reading = np.array([self._begin_and_read(np.concatenate(sides)) for sides in shifted]).T
        monitors = [name for name in ("pre_fired", "post_fired") if name in self.simulation.objects]
        found = self.simulation.run(
            {"trains_times": table * second, "read_times": np.hstack([reading, reading]) * second},
            seed=self.seed, dt=step * second,
            read=["rule.w_start", "rule.w_end", *(f"{name}.{which}" for name in monitors for which in ("t", "i"))])
        for name in monitors if not self.natural else ():
            side = name.removesuffix("_fired")
            self._compare(side, [times[side == "post"] for times in shifted], np.asarray(found[f"{name}.i"]),
                          np.asarray(found[f"{name}.t"]), step)
        return Changes(np.asarray(found["rule.w_start"]), np.asarray(found["rule.w_end"]))

    def _begin_and_read(self, spikes: np.ndarray) -> tuple[float, float]:
        first, last = (spikes.min(), spikes.max()) if spikes.size else (float(LEAD_IN),) * 2
        return first, last + self.read_after

    def _compare(self, side: str, forced: list, who: np.ndarray, when: np.ndarray, step: float) -> None:
        """Refuse a condition in which a neuron fired otherwise than it was forced to."""
        for k, wanted in enumerate(forced):
            fired, end = np.sort(when[who == k]), min(len(wanted), np.count_nonzero(who == k))
            differ = np.flatnonzero(np.abs(fired[:end] - wanted[:end]) > 0.6 * step)
            if not differ.size and len(fired) == len(wanted):
                continue
            at = differ[0] if differ.size else end
            label = self.pairings[k].label or f"number {k + 1}"
            if at < len(wanted) and (at >= len(fired) or fired[at] > wanted[at]):
                what = f"did not fire the spike forced at {text(wanted[at])}"
                what += f" (it fired at {text(fired[at])})" if at < len(fired) else ""
            else:
                what = f"fired at {text(fired[at])}, where no spike was forced"
            raise SpikelearnError(f"the {side} neuron {self.post_model.title} {what} in the condition '{label}': "
                                  "its forced= must make it spike at once, and nothing else may")


def _on_grid(pairing: Pairing, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Spike times of both sides, all later by less than a step so that the first of them lies on the grid."""
    pre, post = np.asarray(pairing.pre), np.asarray(pairing.post)
    first = min((float(side[0]) for side in (pre, post) if len(side)), default=0.0)
    later = np.ceil(first / step - 1e-6) * step - first
    return tuple(np.round((side + later) / step) * step for side in (pre, post))
