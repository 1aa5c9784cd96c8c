"""Delays of all-to-all connections: the same closed form on every device, wherever the delay was set."""
import numpy as np
import pytest
from brian2 import Hz, Network, defaultclock, ms

import spikelearn as sl
from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.simulation.network import spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table

PRE, POST = [10, 11], [12, 14, 30]          # ms: one spike of each neuron
PER_SYNAPSE = np.arange(6) * 3.0            # ms
DELAYS = {          # name -> (delay of pre, of post) in ms, number or (pre, post)
    "none": (0, 0), "early": (5, 0), "late": (0, 7), "both": (9, 4), "each": (PER_SYNAPSE, 0),
    "reversed": (0, PER_SYNAPSE[::-1]), "expression": (np.add.outer([0, 1], [0, 0, 0]) * 4 + 1, 0), "short": (.3, 0)}
TURNED = SynapseModel(source="none", equations="w : 1\nchange : 1", parameters=dict(rate=1 * Hz),
                      on_pre="w += 0.5*change + rate*t", on_post="change += w*(1 + rate*t)")


def build(connect="all-to-all", turned=True):
    def network():
        pre, pre_times = spike_trains(spike_table([[t] * ms for t in PRE]), name="pre")
        post, post_times = spike_trains(spike_table([[t] * ms for t in POST]), name="post")
        made = {name: synapses(pre, post, "stdp_pair", name=name, connect=connect) for name in DELAYS}
        for name, (before, after) in DELAYS.items():
            if name == "expression":
                made[name].pre.delay = "(1 + 4*i)*ms"
            else:
                if np.any(before):
                    made[name].pre.delay = before * ms
                if np.any(after):
                    made[name].post.delay = after * ms
        copied = synapses(pre, post, TURNED, name="copied", connect=connect, turned=turned)
        copied.pre.delay, copied.post.delay = PER_SYNAPSE * ms, PER_SYNAPSE[::-1] * ms
        return [pre, pre_times, post, post_times, *made.values(), copied]
    return network


def expected(name):
    """Closed form of one pairing, in the order of the synapses; a delay is rounded to steps of 1 ms."""
    p = load_model("stdp_pair").parameters
    before, after = (np.round(np.broadcast_to(np.reshape(d, (2, 3)) if np.ndim(d) else d, (2, 3))) for d in
                     DELAYS[name])
    delta = (np.array(POST) + after - np.array(PRE)[:, None] - before) * ms
    w = np.where(delta >= 0 * ms, p["A_plus"] * np.exp(-np.abs(delta) / p["tau_plus"]),
                 -p["A_minus"] * np.exp(-np.abs(delta) / p["tau_minus"]))
    return w.ravel()


def turned_by_hand():
    """w and change of TURNED, event by event."""
    found = []
    for k, (pre, post) in enumerate(np.ndindex(2, 3)):
        w, change = .25, 0.
        events = sorted([(PRE[pre] + PER_SYNAPSE[k], 0), (POST[post] + PER_SYNAPSE[::-1][k], 1)])
        for t, is_post in events:
            if is_post:
                change += w * (1 + t / 1000)
            else:
                w += .5 * change + t / 1000
        found.append((w, change))
    return np.array(found).T


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)])
def test_a_delay_counts_on_either_side_of_an_all_to_all_connection(device):
    start = load_model("stdp_pair").initial["w"]
    read = Simulation(build(), 60 * ms, device=device).run(
        {"copied.w": .25}, read=[*(f"{name}.w" for name in DELAYS), "copied.w", "copied.change"])
    for name in DELAYS:
        np.testing.assert_allclose(read[f"{name}.w"] - start, expected(name), rtol=0, atol=1e-9, err_msg=name)
    w, change = turned_by_hand()
    np.testing.assert_allclose(read["copied.w"], w, rtol=0, atol=1e-12)
    np.testing.assert_allclose(read["copied.change"], change, rtol=0, atol=1e-12)


def test_the_pairing_of_the_issue_changes_sign_with_its_delay():
    """Pre at 10 ms, post at 12 ms: with 5 ms of delay the pre spike arrives 3 ms after the post spike."""
    p = load_model("stdp_pair").parameters
    assert expected("early")[0] == pytest.approx(-p["A_minus"] * np.exp(-3 * ms / p["tau_minus"]), abs=1e-12)
    assert expected("early")[0] == pytest.approx(-.00416, abs=5e-6)


def test_a_delay_is_no_value_of_a_run():
    """It would move the spikes of a program that is already compiled: refused, never ignored."""
    with pytest.raises(SpikelearnError, match="'early' has no variable 'delay'"):
        Simulation(build(), 60 * ms, device="numpy").run({"early.delay": 3 * ms})


LATE = dict(source="none", initial=dict(w=1), on_pre="x += 1", on_post="w += A*x",
            equations="w : 1\ndx/dt = -x/tau : 1 (event-driven)")
STATED = {      # how a rule says that its pre spike comes 2.4 ms late -> the rule
    "parameter": SynapseModel(name="late", delay_pre="D", parameters=dict(A=.01, tau=20 * ms, D=2.4 * ms), **LATE),
    "time": SynapseModel(name="late", delay_pre=2.4 * ms, parameters=dict(A=.01, tau=20 * ms), **LATE)}
REFUSED = "late: delay_pre = 2.4 ms is no multiple of the time step of 1 ms, to which it would be rounded: a step"


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)])
@pytest.mark.parametrize("stated", STATED)
def test_a_delay_that_would_be_rounded_is_refused(stated, device):
    """Pre at 10 ms and 2.4 ms late, post at 12 ms: no change; a delay of 2 ms would strengthen the synapse."""
    def network():
        pre, pre_times = spike_trains(spike_table([[10] * ms]), name="pre")
        post, post_times = spike_trains(spike_table([[12] * ms]), name="post")
        return [pre, pre_times, post, post_times, synapses(pre, post, STATED[stated], name="made")]

    simulation = Simulation(network, 20 * ms, device=device, dt=1 * ms)
    with pytest.raises(SpikelearnError, match=REFUSED):
        simulation.run()
    assert simulation.run(dt=.2 * ms, read=["made.w"])["made.w"] == 1
    if stated == "parameter":
        assert simulation.run({"made.D": 2 * ms}, read=["made.w"])["made.w"] == pytest.approx(1.01)
        with pytest.raises(SpikelearnError, match="1.001001 ms is no multiple of the time step of 1 ms.*: round it"):
            simulation.run({"made.D": 1.001 * ms + 1e-6 * ms})


@pytest.mark.parametrize("stated", STATED)
def test_a_delay_that_would_be_rounded_is_refused_in_the_users_own_network(stated):
    """The step is known when the network is run: it may be set after the synapses are made, as may their delay."""
    pre, post = sl.spike_trains([[10] * ms]), sl.spike_trains([[12] * ms])
    made, before = sl.synapses(pre, post, STATED[stated], "one-to-one"), defaultclock.dt
    network = Network(pre, post, made)
    try:
        defaultclock.dt = 1 * ms
        with pytest.raises(Exception) as refused:
            network.run(20 * ms)
        assert REFUSED in str(refused.value.__cause__)
        made.pre_late.delay = 2 * ms
        network.run(20 * ms)
        assert made.w[0] == pytest.approx(1.01)
    finally:
        defaultclock.dt = before
