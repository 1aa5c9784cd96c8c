"""The Brian2 network of a pairing experiment from spike to spike: one synapse a condition, exact between spikes.

Where nothing happens to a rule between its spikes that Brian2 cannot compute exactly, step k of the simulation is the
k-th moment of each condition, at a time of its own (`now`). The rule's equations are the same; only the time `t` that
they see is the condition's own. Spikes are where they are, to the last digit.

A synapse copies its weight to `w_start` at the first moment of its condition, before anything acts, and to `w_end` at
the moment of reading: the events `begin` and `read` of its pre neuron.
"""
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, StateMonitor, TimedArray, get_dimensions, ms, second

from spikelearn.equations.additions import functions_of
from spikelearn.equations.apart import kept_apart
from spikelearn.equations.check import ALWAYS, declared_units
from spikelearn.equations.own_names import unchecked
from spikelearn.equations.parsing import Variable, get_identifiers, parse_expression_dimensions
from spikelearn.equations.records import SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.objects import computed, declared, own_time
from spikelearn.simulation.network import synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.moments import EVENTS, SPIKE, moments
from spikelearn.stdp.spike_times import Pairing

TICK = 1 * ms       # nominal duration of a step from spike to spike
SIMULATED_BY = ContextVar("SIMULATED_BY", default=None)     # simulates pairings beside those of other runs: together
HAPPENS = "kind % (2*{0}) >= {0}"


class Changes(NamedTuple):
    """Weights of n conditions at their first spike and when they are read, (n,) each, without units."""

    start: np.ndarray
    end: np.ndarray


def exact_between_spikes(rule: SynapseModel) -> bool:
    """Whether the equations of a rule that reads no neuron can be solved exactly from spike to spike."""
    equations = Equations(rule.equations)
    integrated = any(equation.type == "differential equation" and "event-driven" not in equation.flags
                     or {"summed", "constant over dt"} & set(equation.flags) for equation in equations.values())
    code = [equation.expr.code for equation in equations.values() if equation.expr is not None]
    names = get_identifiers("\n".join([*code, *(text for _, text in rule.statements().values())]))
    return not integrated and not names & {"dt", "t_in_timesteps", *rule.inputs} and not rule.at_end


def from_spike_to_spike(pairings: Sequence[Pairing], rule: SynapseModel, read_after: float, device: str,
                        seed: int) -> Changes:
    """Weights of each condition, exact between spikes; by whom `SIMULATED_BY` names where it names one."""
    simulate = SIMULATED_BY.get()
    if simulate is not None:
        return simulate(pairings, rule, read_after, device, seed)
    return FromSpikeToSpike(pairings, rule, read_after, device, seed).weights()


def simulate_moments(rule: SynapseModel, times: np.ndarray, happens: np.ndarray, device: str, seed: int,
                     read: Sequence[str], recorded: Sequence[str] = ()) -> dict:
    """Run a rule from moment to moment: name -> values, for the names to `read`.

    times, happens : see `moments`. recorded : variables that a monitor "traces" holds after each moment.
    """
    return FromMomentToMoment(rule, times, happens, device, seed, recorded).run(read)


class FromMomentToMoment:
    """The network of a pairing experiment whose steps go from moment to moment, built once.

    times, happens : see `moments`. recorded : variables that a monitor "traces" holds after each moment.
    copies : synapses of each condition, side by side; synapse k n + i is copy k of condition i.
    per_synapse : parameters of the rule that differ between synapses.
    """

    def __init__(self, rule: SynapseModel, times: np.ndarray, happens: np.ndarray, device: str, seed: int,
                 recorded: Sequence[str] = (), copies: int = 1, per_synapse: Sequence[str] = ()):
        self.rule, self.happens, self.seed, self.recorded = rule, happens, seed, recorded
        self.copies, self.per_synapse = copies, per_synapse
        self.times = np.hstack([times, times])
        self.simulation = Simulation(self._build, len(times) * TICK, device=device, dt=TICK)

    def _build(self):
        n, rule = self.times.shape[1] // 2, self.rule
        reading, more = read_weight(rule, bool(self.recorded))
        at_once = unchecked(rule, delay_pre=None, delay_post=None)      # the moments are late already
        when = TimedArray(np.full_like(self.times, NEVER) * second, dt=TICK, name="moments")
        what = TimedArray(np.zeros_like(self.times), dt=TICK, name="happens")
        trains = NeuronGroup(
            2 * n, "now : second\nkind : 1", threshold=HAPPENS.format(SPIKE), reset="", name="trains",
            events={name: HAPPENS.format(bit) for name, bit in EVENTS.items() if name in ("begin", "read", *reading)
                    or name == "third" and rule.on_third},
            namespace={"moments": when, "happens": what})
        trains.run_regularly("now = moments(t, i); kind = happens(t, i)", when="start")
        connection = synapses(trains, trains, at_once, name="rule", connect=copied(n, n, self.copies),
                              transmit=reading, more=more, per_synapse=self.per_synapse)
        own_time(connection, "now_post")
        return [when, what, trains, connection, *monitor(connection, self.recorded, "traces")]

    def run(self, read: Sequence[str], parameters: Mapping | None = None, finite: bool = True) -> dict:
        """Name -> values, for the names to `read`. parameters, finite : see FromSpikeToSpike.weights."""
        given = parameter_values(self.rule, parameters)
        return self.simulation.run({"moments": self.times * second, "happens": self.happens.astype(float), **given},
                                   seed=self.seed, read=list(read), finite=finite)


class FromSpikeToSpike(FromMomentToMoment):
    """The network of a pairing experiment that is exact between spikes; see FromMomentToMoment."""

    def __init__(self, pairings: Sequence[Pairing], rule: SynapseModel, read_after: float, device: str, seed: int,
                 copies: int = 1, per_synapse: Sequence[str] = ()):
        for delay in (rule.delay_pre, rule.delay_post):
            if delay in per_synapse:
                raise SpikelearnError(f"the delay '{delay}' of {rule.title} cannot differ between synapses that are "
                                      "simulated side by side")
        super().__init__(rule, *moments(pairings, rule, read_after), device, seed, (), copies, per_synapse)

    def weights(self, parameters: Mapping | None = None, finite: bool = True) -> Changes:
        """Weights of each copy of each condition: (copies n,).

        parameters : per_synapse name -> (copies n,) values. finite : refuse a weight that becomes infinite.
        """
        found = self.run(["rule.w_start", "rule.w_end"], parameters, finite)
        return Changes(np.asarray(found["rule.w_start"]), np.asarray(found["rule.w_end"]))


def parameter_values(rule: SynapseModel, parameters: Mapping | None) -> dict:
    """Values of a run for parameters that differ between synapses, none of them where the equations divide by zero."""
    given = dict(parameters or {})
    return {f"rule.{name}": values for name, values in (given | kept_apart(rule, given)).items()} if given else {}


def copied(n: int, offset: int, copies: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pre and post neurons of `copies` synapses for each of n conditions."""
    one = np.tile(np.arange(n), copies)
    return one, offset + one


def monitor(group, recorded: Sequence[str], name: str, every: Quantity | None = None) -> list[StateMonitor]:
    """A monitor of some variables at the end of each step, once all has acted; none where nothing is recorded."""
    return [StateMonitor(group, list(recorded), record=True, when="end", order=9, name=name, dt=every)] * bool(recorded)


def read_weight(rule: SynapseModel, sampled: bool = False) -> tuple[dict, Equations]:
    """What a synapse does at the events of a pairing, and declarations: copies of the weight, and the drug.

    sampled : at the event "sample" it brings its event-driven variables up to date; `weight_read` is what is read.
    """
    equations = Equations(rule.equations)
    if rule.read == "w" and "w" not in equations:
        raise SpikelearnError(f"{rule.title} has no weight w: name the variable that is the weight, as in read='g'")
    known = {name: Variable(name, dimensions=dim, dtype=float) for name, dim in declared_units(rule).items()}
    unit = parse_expression_dimensions(rule.read, {**ALWAYS, **known, **functions_of(rule)})
    more, reading = {"w_start": (unit,), "w_end": (unit,)}, {"begin": f"w_start = {rule.read}",
                                                             "read": f"w_end = {rule.read}"}
    if rule.follows_drug():
        more["third"] = (get_dimensions(1),)
        reading |= {"third_on": "third = 1", "third_off": "third = 0"}
    if not sampled:
        return reading, declared(more)
    more["sampled"] = (get_dimensions(1),)
    return reading | {"sample": "sampled = 1"}, declared(more) + computed("weight_read", unit, rule.read)
