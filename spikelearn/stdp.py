"""What a rule makes of pairings: all conditions side by side, one synapse each, in one simulation."""
import numpy as np
from brian2 import StateMonitor, ms, second

from spikelearn.equations import SpikelearnError, load_model
from spikelearn.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.pairing import NEVER, duration, spike_table
from spikelearn.simulation import Simulation

STEP_SPIKES = 1 * ms         # spikes of the protocols are at whole milliseconds; traces are exact between them
# Where a potential counts: Clopath's rule on Sjostrom's trains has E = 1.034, 1.019, 1.012 with steps of 0.2, 0.1 and
# 0.05 ms; the trace rule is off its closed form by half a step over the time constant, 0.3 % at 0.1 ms.
STEP_POTENTIAL = 0.1 * ms


def weight_changes(pairings, synapse, neuron=None, *, dt=None, device="auto", seed=1, transmit=""):
    """Relative weight change w_end / w_start - 1 of a rule after each of n pairings.

    pairings : n Pairing records
    synapse : the rule; neuron : the post neuron, in which the spikes are forced in the way its model states; None is
        the one the rule's source pairs it with. A rule that follows spikes only needs none: the spikes are imposed,
        and a neuron given to it makes no difference. A rule that reads its pre neuron gets the same model there.
    dt : time step; None is 1 ms for rules that follow spikes only, 0.1 ms for those that read a potential
    transmit : what a pre spike does to the post neuron, e.g. "I_post += w*nA"; it asks for a neuron
    Returns a (n,) array. Raises SpikelearnError if rule and neuron do not fit, or two spikes fall in one step.
    """
    pairings = list(pairings)
    rule = load_model(synapse, "synapse")
    reads, post_model = rule.reads(), post_neuron(rule, neuron, transmit)
    dt = dt or (STEP_SPIKES if post_model is None else STEP_POTENTIAL)
    times = [pairing.pre for pairing in pairings] + [pairing.post for pairing in pairings]
    _check_step(times, dt)
    table, n, end = spike_table(times), len(pairings), duration(pairings)

    def build():
        trains, spikes = spike_trains(np.full_like(table, NEVER), name="trains")   # only its shape is built in
        if post_model is None:      # one group for both sides: half the work of a step
            return [trains, spikes, *_connection(trains, trains, rule, n, end, n + np.arange(n), "")]
        made, sides = [trains, spikes], {"pre": trains[:n], "post": trains[n:]}
        for side in ("pre", "post") if reads["pre"] else ("post",):
            group = neurons(post_model, n, name=side, reads=reads[side])
            made += [group, force_spikes(sides[side], group, name=f"{side}_forced")]
            sides[side] = group
        return [*made, *_connection(sides["pre"], sides["post"], rule, n, end, np.arange(n), transmit)]

    simulation = Simulation(build, end, device=device, dt=dt)
    read = ["rule.w", *(["start.w"] if "start" in simulation.objects else [])]
    found = simulation.run({"trains_times": table * second}, seed=seed, read=read)
    last = np.asarray(found["rule.w"])
    start = np.ravel(found["start.w"]) if "start.w" in found else np.asarray(rule.initial.get("w", 0))
    if np.any(start == 0):
        raise SpikelearnError(f"{rule.title} starts with the weight 0, of which there is no relative change: "
                              "give it an initial w")
    return last / start - 1


def post_neuron(synapse, neuron=None, transmit=""):
    """The neuron that a pairing of this rule is done with, or None if the rule follows spikes only.

    neuron : None is the one that the rule's source pairs it with. Raises SpikelearnError if there is none.
    """
    rule = load_model(synapse, "synapse")
    reads = rule.reads()
    if not (reads["pre"] or reads["post"] or rule.on_event or transmit):
        return None
    if not (neuron or rule.neuron):
        raise SpikelearnError(f"{rule.title} reads more than spike times, so it needs a neuron: name one with --neuron")
    return load_model(neuron or rule.neuron, "neuron")


def _check_step(times, dt):
    gaps = [float(np.diff(train).min()) for train in times if len(train) > 1]
    if gaps and min(gaps) < float(dt) * (1 - 1e-6):
        raise SpikelearnError(f"two spikes of a neuron are {min(gaps) * 1e3:g} ms apart: dt must be shorter than {dt}")


def _connection(pre, post, rule, n, end, targets, transmit):
    """The plastic synapses, one from each pre neuron to its target; a record of w at the start if it is an expression.

    (A record has a clock of its own, which slows every step.)
    """
    connection = synapses(pre, post, rule, name="rule", connect=(np.arange(n), targets), transmit=transmit)
    if rule.at_end and "finished" not in pre.events:
        raise SpikelearnError(f"{rule.title} learns by presentations (at_end), not by pairings")
    if not isinstance(rule.initial.get("w"), str):
        return [connection]
    return [connection, StateMonitor(connection, "w", record=np.arange(n), dt=end, when="start", name="start")]
