"""The Brian2 network of a pairing experiment from spike to spike: one synapse a condition, exact between spikes.

Where nothing happens to a rule between its spikes that Brian2 cannot compute exactly, step k of the simulation is the
k-th moment of each condition, at a time of its own (`now`). The rule's equations are the same; only the time `t` that
they see is the condition's own. Spikes are where they are, to the last digit.

A synapse copies its weight to `w_start` at the first moment of its condition, before anything acts, and to `w_end` at
the moment of reading: the events `begin` and `read` of its pre neuron.
"""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from brian2 import Equations, NeuronGroup, TimedArray, get_dimensions, ms, second
from brian2.core.variables import Variable
from brian2.equations.equations import FLOAT, PARAMETER, SingleEquation
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.utils.stringtools import get_identifiers

from spikelearn.equations.additions import functions_of
from spikelearn.equations.check import ALWAYS, declared_units
from spikelearn.equations.own_names import unchecked
from spikelearn.equations.records import SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.network import own_time, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.moments import EVENTS, SPIKE, moments
from spikelearn.stdp.spike_times import Pairing

TICK = 1 * ms       # nominal duration of a step from spike to spike
HAPPENS = "kind % (2*{0}) >= {0}"


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
    return not integrated and not names & {"dt", "t_in_timesteps", *rule.inputs} and not rule.at_end


def from_spike_to_spike(pairings: Sequence[Pairing], rule: SynapseModel, read_after: float, device: str,
                        seed: int) -> Changes:
    """Weights of each condition, exact between spikes."""
    times, happens = moments(pairings, rule, read_after)
    steps, n = times.shape
    times = np.hstack([times, times])
    reading, more = read_weight(rule)
    at_once = unchecked(rule, delay_pre=None, delay_post=None)      # the moments are late already

    def build():
        when = TimedArray(np.full_like(times, NEVER) * second, dt=TICK, name="moments")
        what = TimedArray(np.zeros_like(times), dt=TICK, name="happens")
        trains = NeuronGroup(
            2 * n, "now : second\nkind : 1", threshold=HAPPENS.format(SPIKE), reset="", name="trains",
            events={name: HAPPENS.format(bit) for name, bit in EVENTS.items() if name in ("begin", "read", *reading)
                    or name == "third" and rule.on_third},
            namespace={"moments": when, "happens": what})
        trains.run_regularly("now = moments(t, i); kind = happens(t, i)", when="start")
        connection = synapses(trains, trains, at_once, name="rule", connect=(np.arange(n), n + np.arange(n)),
                              transmit=reading, more=more)
        own_time(connection, "now_post")
        return [when, what, trains, connection]

    simulation = Simulation(build, steps * TICK, device=device, dt=TICK)
    found = simulation.run({"moments": times * second, "happens": happens.astype(float)}, seed=seed,
                           read=["rule.w_start", "rule.w_end"])
    return Changes(np.asarray(found["rule.w_start"]), np.asarray(found["rule.w_end"]))


def read_weight(rule: SynapseModel) -> tuple[dict, Equations]:
    """What a synapse does at the events of a pairing, and declarations: copies of the weight, and the drug."""
    equations = Equations(rule.equations)
    if rule.read == "w" and "w" not in equations:
        raise SpikelearnError(f"{rule.title} has no weight w; a rule whose weight has another name says read=")
    known = {name: Variable(name, dimensions=dim, dtype=float) for name, dim in declared_units(rule).items()}
    unit = parse_expression_dimensions(rule.read, {**ALWAYS, **known, **functions_of(rule)})
    more = [SingleEquation(PARAMETER, name, unit, FLOAT) for name in ("w_start", "w_end")]
    reading = {"begin": f"w_start = {rule.read}", "read": f"w_end = {rule.read}"}
    if rule.follows_drug():
        more.append(SingleEquation(PARAMETER, "third", get_dimensions(1), FLOAT))
        reading |= {"third_on": "third = 1", "third_off": "third = 0"}
    return reading, Equations(more)
