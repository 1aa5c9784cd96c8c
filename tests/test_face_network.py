"""Groups of the public face in a Brian2 network of the user's own: parameters and initial values are set."""
import subprocess
import sys

import brian2
import numpy as np
import pytest
from brian2 import Hz, Mohm, Network, PoissonGroup, SpikeMonitor, ms, mV, nA, second

import spikelearn as sl

TRACES = dict(
    source="none", equations="w : 1\ndx/dt = -x/tau : 1 (event-driven)\nlevel : volt\nscale : 1",
    on_pre="x += 1 + 0*scale*level/volt", on_post="w += A*x", parameters=dict(tau=20 * ms, A=0.25),
    initial=dict(w=3, x=0.5, level=2 * mV, scale="2*A"))


@pytest.fixture(autouse=True)
def numpy_target():
    """No compiler, a step of 0.1 ms; put back."""
    target, dt = brian2.prefs.codegen.target, brian2.defaultclock.dt
    brian2.prefs.codegen.target = "numpy"
    brian2.defaultclock.dt = 0.1 * ms
    yield
    brian2.prefs.codegen.target = target
    brian2.defaultclock.dt = dt


@pytest.fixture(scope="module")
def rule():
    return sl.SynapseModel(name="traces", **TRACES)


def test_neurons_follow_their_closed_form_whatever_the_users_own_variables_are():
    """v = v_rest + R I (1 - exp(-t/tau_m)); tau_m here is not the model's."""
    tau_m, R, v_rest = 1 * second, 0 * Mohm, 0 * mV     # noqa: F841
    group = sl.neurons("lif", 2)
    assert group.v[:] / mV == pytest.approx([-70, -70]) and group.tau_m[:] == 10 * ms
    group.I = [0, 1] * nA
    Network(group).run(10 * ms)
    assert group.v[:] / mV == pytest.approx([-70, -70 + 10 * (1 - np.exp(-1))], rel=1e-6)


def test_neurons_take_a_record_and_parameters_for_each():
    fast = sl.load_model("lif").with_parameters(tau_m=5 * ms)
    assert sl.neurons(fast, 3).tau_m[:] == 5 * ms
    group = sl.neurons(fast, 2, per_neuron=["tau_m"])
    assert list(group.tau_m / ms) == [5, 5]
    group.tau_m, group.I = [10, 20] * ms, 1 * nA
    Network(group).run(10 * ms)
    assert group.v[:] / mV == pytest.approx(-70 + 10 * (1 - np.exp([-1, -.5])), rel=1e-6)


def test_initial_values_may_be_random_and_repeat_with_the_seed():
    noisy = sl.NeuronModel(source="none", equations="dv/dt = -v/tau : 1", parameters=dict(tau=1 * ms, a=4),
                           reset="v = 0", threshold="v > a", initial=dict(v="a*rand()"))
    found = []
    for seed in (1, 1, 2):
        brian2.seed(seed)
        found.append(np.array(sl.neurons(noisy, 50).v))
    assert len(np.unique(found[0])) == 50 and 3 < found[0].max() < 4
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])


def test_synapses_have_every_value_of_their_rule(rule):
    group = sl.neurons("lif", 4)
    made = sl.synapses(group, group, rule, connect="i != j")
    assert len(made) == 12
    for name, value in dict(w=3, x=0.5, scale=0.5).items():
        assert np.array_equal(getattr(made, name)[:], [value] * 12)
    assert np.array_equal(made.level / mV, [2] * 12) and made.tau[:] == 20 * ms and made.A[:] == 0.25


def test_an_event_driven_trace_decays_from_its_initial_value(rule):
    """Post spike at 30 ms: w = 3 + A x0 exp(-30/20); it fires once more at 40 ms, after a pre spike at 35 ms."""
    pre, post = sl.spike_trains([[35] * ms]), sl.spike_trains([[30, 40] * ms])
    made = sl.synapses(pre, post, rule, connect="one-to-one")
    Network(pre, post, made).run(50 * ms)
    expected = 3 + .25 * .5 * (np.exp(-30 / 20) + np.exp(-40 / 20)) + .25 * np.exp(-5 / 20)
    assert made.w[0] == pytest.approx(expected, rel=1e-9)


def test_a_trace_that_joins_a_running_network_starts_then(rule):
    """The network has run for 100 ms; the post spike comes 10 ms later."""
    pre, post = sl.spike_trains([[300] * ms]), sl.spike_trains([[110] * ms])
    network = Network(pre, post)
    network.run(100 * ms)
    made = sl.synapses(pre, post, rule, connect="one-to-one")
    network.add(made)
    network.store()
    for _ in range(2):          # also from a state that was stored before
        network.run(20 * ms)
        assert made.w[0] == pytest.approx(3 + .25 * .5 * np.exp(-10 / 20), rel=1e-9)
        network.restore()


def test_a_train_that_joins_a_running_network_leaves_out_what_is_past():
    """As Brian2's SpikeGeneratorGroup; also after store and restore, and with a spike at the very start."""
    network = Network(sl.spike_trains([[10] * ms]))
    network.run(100 * ms)
    late = sl.spike_trains([[10, 20, 110] * ms, [100] * ms, [5] * ms])
    spikes = SpikeMonitor(late)
    network.add(late, spikes)
    network.store()
    for durations in ((50,), (5, 45)):
        network.restore()
        for duration in durations:
            network.run(duration * ms)
        assert list(spikes.t / ms) == pytest.approx([100, 110]) and list(spikes.i) == [1, 0]


@pytest.mark.long
def test_the_users_network_changes_weights_as_a_pairing_experiment_does():
    """pairs() in spike trains of the user's own, stdp_pair: the same as weight_changes and the closed form."""
    pairings = [sl.pairs(delta * ms, 5, 20 * Hz) for delta in (10, -10, 3)]
    pre, post = (sl.spike_trains([getattr(pairing, side) for pairing in pairings]) for side in ("pre", "post"))
    made = sl.synapses(pre, post, "stdp_pair", connect="one-to-one")
    Network(pre, post, made).run(0.5 * second)
    expected = sl.weight_changes(pairings, "stdp_pair")
    assert np.array(made.w) - 1 == pytest.approx(expected, rel=1e-9) and np.all(expected != 0)


@pytest.mark.parametrize("connect, synapses", [
    ("one-to-one", [(0, 0), (1, 1), (2, 2)]), ("i < j", [(0, 1), (0, 2), (1, 2)]),
    (([0, 2], [1, 1]), [(0, 1), (2, 1)]), (dict(condition="i == 0", p=1), [(0, 0), (0, 1), (0, 2)]),
    (dict(j="(i + 1) % 3"), [(0, 1), (1, 2), (2, 0)]),
    ("all-to-all", [(i, j) for i in range(3) for j in range(3)]),
], ids=str)
def test_every_way_to_connect(rule, connect, synapses):
    group = sl.neurons("lif", 3)
    made = sl.synapses(group, group, rule, connect)
    assert sorted(zip(np.array(made.i).tolist(), np.array(made.j).tolist())) == synapses


def test_spikes_drive_the_target_as_transmit_says():
    """One pre spike of any group of Brian2's adds w mV; a post spike takes it back from the pre neuron."""
    pre, post = sl.neurons("lif", 1), sl.neurons("lif", 1)
    train = sl.spike_trains([[1] * ms])
    drive = sl.synapses(train, post, "static", "all-to-all", transmit="v_post += 3*w*mV")
    back = sl.synapses(pre, train, "static", "all-to-all", transmit_back="v_pre -= 2*w*mV")
    Network(pre, post, train, drive, back).run(1.1 * ms)
    assert post.v[0] / mV == pytest.approx(-67) and pre.v[0] / mV == pytest.approx(-72)


def test_groups_of_brian2_and_parts_of_groups_can_be_connected(rule):
    group, noise = sl.neurons("lif", 6), PoissonGroup(3, 50 * Hz)
    assert len(sl.synapses(noise, group[:3], rule, "one-to-one")) == 3
    assert len(sl.synapses(group[3:], group[:2], rule, "all-to-all")) == 6


def test_a_rule_that_reads_a_potential_gets_it():
    """voltage_derivative adds du/dt of the post neuron at a pre spike: u = (v - v_rest)/20 mV, a known exponential."""
    rule = sl.load_model("voltage_derivative")
    pre, post = sl.spike_trains([[5] * ms]), sl.neurons("lif", 1, reads=rule)
    post.I = 1 * nA
    made = sl.synapses(pre, post, rule, "one-to-one")
    Network(pre, post, made).run(6 * ms)
    u = 0.5 * (1 - np.exp(-np.arange(60) * .1 / 10))
    dudt = np.diff(u) / 1e-4
    change = (made.w[0] - rule.initial["w"]) / float(rule.parameters["eta"])
    assert dudt[51] < change < dudt[48]


# --- refusals ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, sentence", [
    (("lif", 0), "n must be a whole number"), (("lif", 2.5), "n must be"), (("lif", float("nan")), "n must be"),
    (("lfi", 2), "did you mean 'neurons/lif'"), (("stdp_pair", 2), "a NeuronModel is needed"),
])
def test_wrong_neurons_are_refused(arguments, sentence):
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.neurons(*arguments)


def test_unknown_names_of_neurons_are_refused():
    with pytest.raises(sl.SpikelearnError, match="reads: lif has no 'V'"):
        sl.neurons("lif", 2, reads="V")
    with pytest.raises(sl.SpikelearnError, match="per_neuron: lif has no parameter 'tau'"):
        sl.neurons("lif", 2, per_neuron="tau")


@pytest.mark.parametrize("connect, sentence", [
    ("all_to_all", "did you mean 'all-to-all'"), ("i == k", "gives no connection"), ("i > 10", "gives no synapse"),
    (([0, 9], [1, 2]), "indices i must lie from 0 to 2"), (([0, 1], [1]), "equally long"), (5, "connect must be"),
    (([0.5], [1]), "whole numbers"), (dict(q=1), "connect has no keyword 'q'"), (dict(p=2), "connect: p must be"),
    (dict(p=float("nan")), "connect: p must be"),
], ids=str)
def test_wrong_connections_are_refused(rule, connect, sentence):
    group = sl.neurons("lif", 3)
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.synapses(group, group, rule, connect)


def test_synapses_that_cannot_be_right_are_refused(rule):
    group = sl.neurons("lif", 3)
    with pytest.raises(sl.SpikelearnError, match="as many pre as post neurons, not 3 and 2"):
        sl.synapses(group, group[:2], rule, "one-to-one")
    with pytest.raises(sl.SpikelearnError, match="pre must be a group of neurons, not int"):
        sl.synapses(5, group, rule, "one-to-one")
    with pytest.raises(sl.SpikelearnError, match="reads 'dudt': make its neurons with reads='dudt'"):
        sl.synapses(group, group, "voltage_derivative", "all-to-all")
    temporal = sl.load_model("voltage_derivative_temporal")
    group = sl.neurons("leaky_integrator_fire", 3, reads=temporal)
    with pytest.raises(sl.SpikelearnError, match="at the end of a presentation"):
        sl.synapses(group, group, temporal, "all-to-all")


def test_further_synapses_without_initial_values_are_refused(rule):
    group = sl.neurons("lif", 3)
    made = sl.synapses(group, group, rule, "one-to-one")
    with pytest.raises(sl.SpikelearnError, match="connected already"):
        made.connect(p=1)


@pytest.mark.parametrize("times, sentence", [
    ([1, 2] * ms, "one array of spike times for each"), (3 * ms, "one array"), (5, "one array"),
    ([], "one neuron or more"), ([[1, 2]], "units of time"), ([[2, 1] * ms], "increasing"),
    ([[-1, 2] * ms], "negative"), ([[1, float("nan")] * ms], "finite"),
], ids=str)
def test_wrong_spike_times_are_refused(times, sentence):
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.spike_trains(times)


def test_a_spike_off_the_grid_stops_the_run():
    trains = sl.spike_trains([[1, 2] * ms, [1.05] * ms])
    with pytest.raises(brian2.BrianObjectException) as error:
        Network(trains).run(3 * ms)
    cause = error.value.__cause__
    assert isinstance(cause, sl.SpikelearnError) and "1.05 ms is no multiple" in str(cause)
    brian2.defaultclock.dt = 0.05 * ms
    spikes = SpikeMonitor(trains)
    Network(trains, spikes).run(3 * ms)
    assert spikes.t / ms == pytest.approx([1, 1.05, 2]) and list(spikes.i) == [0, 1, 0]


# --- elsewhere ---------------------------------------------------------------------------------------------------

def test_the_groups_work_inside_a_simulation(rule):
    def build():
        trains = sl.spike_trains([[30] * ms], name="trains")
        cells = sl.neurons("lif", 1, name="cells")
        return [trains, cells, sl.synapses(cells, trains, rule, "one-to-one", name="made")]

    read = sl.Simulation(build, 40 * ms, device="numpy", dt=.1 * ms).run(
        {"made.w": 1, "cells.I": 1 * nA}, read=["made.w", "cells.v"])
    assert read["made.w"] == pytest.approx([1 + .25 * .5 * np.exp(-30 / 20)], rel=1e-9)
    assert read["cells.v"] / mV == pytest.approx([-70 + 10 * (1 - np.exp(-4))], rel=1e-6)


def test_delays_of_a_rule_hold_in_the_users_network_too():
    """The pre spike acts 5 ms late: the post spike after 2 ms meets no trace, that after 10 ms one of 5 ms."""
    late = sl.SynapseModel(
        name="late", source="none", initial=dict(w=1), delay_pre="D", on_pre="x += 1", on_post="w += A*x",
        equations="w : 1\ndx/dt = -x/tau : 1 (event-driven)", parameters=dict(A=0.01, tau=20 * ms, D=5 * ms))
    pre, post = sl.spike_trains([[10] * ms]), sl.spike_trains([[12, 20] * ms])
    made = sl.synapses(pre, post, late, connect="one-to-one")
    Network(pre, post, made).run(40 * ms)
    assert made.w[0] == pytest.approx(1 + 0.01 * np.exp(-5 / 20), rel=1e-9)
    assert sl.weight_changes([sl.Pairing([10] * ms, [12, 20] * ms)], late) == pytest.approx(0.01 * np.exp(-5 / 20))


STANDALONE = r"""
import numpy as np
from brian2 import *
set_device("cpp_standalone", directory={folder!r})
import spikelearn as sl
rule = sl.SynapseModel(name="traces", source="none", on_pre="x += 1", on_post="w += A*x", initial=dict(w=3, x="2*A"),
                       equations="w : 1\ndx/dt = -x/tau : 1 (event-driven)", parameters=dict(tau=20*ms, A=0.25))
pre, post, cells = sl.spike_trains([[300]*ms]*2), sl.spike_trains([[30]*ms]*2), sl.neurons("lif", 1)
made = [sl.synapses(pre, post, rule, connect) for connect in ("all-to-all", "one-to-one")]
network = Network(pre, post, cells, *made)
network.run(40*ms)
print(*made[0].w, *made[1].w, cells.v[0]/mV)
"""


@pytest.mark.compiler
@pytest.mark.slow
def test_the_groups_work_in_a_standalone_program_of_the_users_own(tmp_path):
    done = subprocess.run([sys.executable, "-c", STANDALONE.format(folder=str(tmp_path / "code"))], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    numbers = [float(word) for word in done.stdout.split()]
    assert numbers[:6] == pytest.approx([3 + .25 * .5 * np.exp(-30 / 20)] * 6, rel=1e-9)
    assert numbers[6] == pytest.approx(-70)
