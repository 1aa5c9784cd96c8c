"""The Brian2 network of a pairing experiment in time steps: one synapse a condition, all spikes on the grid.

For rules or neurons that are integrated. At the events `begin` and `read` of its pre neuron a synapse copies its weight
to `w_start`, before the first spike acts, and to `w_end`.
"""
from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import Quantity, SpikeMonitor, second, volt

from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.devices import choose_device
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.rows import vectorise_steps
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER, spike_table
from spikelearn.simulation.tables import lookup_table
from spikelearn.stdp.clamp import held_neuron
from spikelearn.stdp.moments import Moments, moments_of
from spikelearn.stdp.network import TICK, Changes, copied, monitor, parameter_values, read_weight
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.time_steps import text


class InTimeSteps:
    """The network of a pairing experiment in time steps, built once and run with any step.

    Forced spikes are compared with those that the neurons fired.
    recorded : variables of the rule that the monitor "traces" holds, `every` so long; `potential` holds the post
    neuron's. until : end of the run in seconds, instead of the time at which the last weight is read.
    copies, per_synapse : as in FromMomentToMoment; the copies of a condition share its neurons.
    """

    def __init__(self, pairings: Sequence[Pairing], rule: SynapseModel, post_model: NeuronModel | None,
                 read_after: float, device: str, seed: int, step: float, transmit: str = "", natural: bool = False,
                 recorded: Sequence[str] = (), every: Quantity | None = None, until: float = np.inf,
                 copies: int = 1, per_synapse: Sequence[str] = ()):
        for delay in (rule.delay_pre, rule.delay_post):
            if delay in per_synapse:
                raise SpikelearnError(f"the delay '{delay}' of {rule.title} cannot differ between synapses that are "
                                      "simulated side by side")
        self.copies, self.per_synapse = copies, per_synapse
        self.pairings, self.rule, self.post_model = pairings, rule, post_model
        self.read_after, self.seed, self.transmit, self.natural = read_after, seed, transmit, natural
        self.moments = [moments_of(pairing, rule, read_after) for pairing in pairings]
        last = min(until, max(when.read for when in self.moments))
        self.recorded, self.every = recorded, every
        self.end = np.ceil(np.round(last / float(TICK), 6) + 1) * TICK
        self.both_sides = post_model is not None and bool(rule.reads()["pre"])
        self.held = [pairing.hold for pairing in pairings] if pairings[0].hold is not None else None
        self.table = spike_table([side[side < until * second] for name in ("pre", "post")
                                  for side in (getattr(pairing, name) for pairing in pairings)])
        self.reading, self.more = read_weight(rule, bool(recorded))
        self.until = until
        self.rows = 2
        if rule.on_third or rule.follows_drug():        # rows of the table of events: see network._reading
            self.rows = 5 + max(len(when.third) for when in self.moments)
        device = choose_device(device, 3 * float(self.end) / step)      # with the step, and with half of it
        self.simulation = Simulation(self._build, self.end, device=device, dt=step * second)
        self.in_threads = self.simulation.device == "cpp"       # several runs at the same time: a program each

    def _build(self):
        n, rule = len(self.pairings), self.rule
        reading = lookup_table(np.full((self.rows, 2 * n), NEVER) * second, "read_times")
        note(reading, sampled=bool(self.recorded))
        trains, spikes = spike_trains(np.full_like(self.table, NEVER), name="trains", reading=reading)
        sides, made = {"pre": trains[:n], "post": trains[n:]}, [reading, spikes, trains]
        if self.post_model is None:
            connection = synapses(trains, trains, rule, name="rule", connect=copied(n, n, self.copies),
                                  transmit=self.reading, more=self.more, exact=True, per_synapse=self.per_synapse)
            return [*made, connection, *monitor(connection, self.recorded, "traces", self.every)]
        for side in ("pre", "post") if self.both_sides else ("post",):
            clamped = side == "post" and self.held is not None
            group = neurons(held_neuron(self.post_model, rule.reads()[side]) if clamped else self.post_model, n,
                            name=side, reads=rule.reads()[side], exact=True,
                            reading=reading if side == "pre" else None, per_neuron=("v_command",) * clamped)
            vectorise_steps(group)
            made.append(group)
            if not clamped:
                made += [force_spikes(sides[side], group, name=f"{side}_forced"),
                         SpikeMonitor(group, name=f"{side}_fired")]
            sides[side] = group
        transmit = self.reading | ({"spike": self.transmit} if self.transmit else {})
        connection = synapses(sides["pre"], sides["post"], rule, name="rule", connect=copied(n, 0, self.copies),
                              transmit=transmit, more=self.more, exact=True, per_synapse=self.per_synapse)
        vectorise_steps(connection)
        shown = [name for name in ("v", "u") if name in sides["post"].variables][:1] if self.recorded else []
        return [*made, connection, *monitor(connection, self.recorded, "traces", self.every),
                *monitor(sides["post"], shown, "potential", self.every)]

    def weights(self, step: float, parameters: Mapping | None = None, finite: bool = True) -> Changes:
        """Weights of each copy of each condition with a time step in seconds; see FromSpikeToSpike.weights."""
        found = self.run(step, ["rule.w_start", "rule.w_end"], parameters, finite)
        return Changes(np.asarray(found["rule.w_start"]), np.asarray(found["rule.w_end"]))

    def run(self, step: float, read: Sequence[str], parameters: Mapping | None = None, finite: bool = True) -> dict:
        """Run with a time step in seconds: name -> values, for the names to `read`."""
        shifted = [_on_grid(pairing, when, step) for pairing, when in zip(self.pairings, self.moments, strict=True)]
        shifted = [(pre[pre < self.until - step], post[post < self.until - step], events)
                   for pre, post, events in shifted]
        table = spike_table([times * second for side in (0, 1) for times in (pair[side] for pair in shifted)])
        reading = np.full((self.rows, len(shifted)), NEVER)
        for k, (_, _, events) in enumerate(shifted):
            reading[:min(len(events), self.rows), k] = events[:self.rows]
        monitors = [name for name in ("pre_fired", "post_fired") if name in self.simulation.objects]
        found = self.simulation.run(
            {"trains_times": table * second, "read_times": np.hstack([reading, reading]) * second}
            | ({} if self.held is None else {"post.v_command": np.array([float(v) for v in self.held]) * volt})
            | parameter_values(self.rule, parameters),
            seed=self.seed, dt=step * second, finite=finite,
            read=[*read, *(f"{name}.{which}" for name in monitors for which in ("t", "i"))])
        for name in monitors if not self.natural else ():
            side = name.removesuffix("_fired")
            self._compare(side, [times[side == "post"] for times in shifted], np.asarray(found[f"{name}.i"]),
                          np.asarray(found[f"{name}.t"]), step)
        return found

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


def _on_grid(pairing: Pairing, when: Moments, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spike times of both sides, and times of the events, all later by less than a step.

    The first of them then lies on the grid. The events: begin, read, drug in, drug out, each third factor.
    """
    later = np.ceil(when.begin / step - 1e-6) * step - when.begin
    spikes = [np.round((np.asarray(side) + later) / step) * step for side in (pairing.pre, pairing.post)]
    events = np.array([when.begin, when.read, when.on, when.off, *when.third])
    return *spikes, np.where(events < NEVER, events + later, NEVER)
