"""Networks built once and run many times: equal on all devices, nothing compiled twice, nothing left behind."""
import os
import subprocess
import sys

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, nA, second

from spikelearn import NeuronModel, SpikelearnError, SynapseModel, load_model
from spikelearn.equilibrium.classifier import Classifier, Recipe
from spikelearn.simulation import devices as device_choice
from spikelearn.simulation import network
from spikelearn.simulation.cache import cache_folder
from spikelearn.simulation.devices import choose_device
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table
from spikelearn.stdp.spike_times import pairs

DELTA_T = np.array([-40, -10, -1, 0, 1, 10, 40]) * ms
POISSON = NeuronModel(source="here", equations="rate : Hz\nn : 1", threshold="rand() < rate*dt", reset="n += 1",
                      initial=dict(rate=100 * Hz))


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    before = os.environ.get("SPIKELEARN_CACHE")
    os.environ["SPIKELEARN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("SPIKELEARN_CACHE")
    if before is not None:
        os.environ["SPIKELEARN_CACHE"] = before


def pair_network(rule="stdp_pair"):
    conditions = [pairs(delta, 3, 1 * Hz) for delta in DELTA_T]
    pre, pre_times = spike_trains(spike_table([pairing.pre for pairing in conditions]), name="pre")
    post, post_times = spike_trains(spike_table([pairing.post for pairing in conditions]), name="post")
    return [pre, pre_times, post, post_times, synapses(pre, post, rule, name="rule")]


def closed_form(tau_plus=16.8 * ms):
    delta = DELTA_T / second
    pre = np.arange(3)[:, None]
    post = pre.T + delta[:, None, None]
    gap = post - pre
    plus, minus = 0.777 / 60, 0.273 / 60
    w = np.where(gap >= -1e-9, plus * np.exp(-np.maximum(gap, 0) / (tau_plus / second)),
                 -minus * np.exp(np.minimum(gap, 0) / 0.0337))
    return 1 + w.sum(axis=(1, 2))


def devices():
    return ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)]


@pytest.mark.long
@pytest.mark.parametrize("device", devices())
def test_a_parameter_changes_between_runs_and_goes_back_to_its_default(device):
    built = Simulation(pair_network, 4 * second, device=device)
    for values, tau in (({}, 16.8 * ms), ({"rule.tau_plus": 5 * ms}, 5 * ms), ({}, 16.8 * ms)):
        np.testing.assert_allclose(built.run(values, read=["rule.w"])["rule.w"], closed_form(tau), rtol=0, atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("device", devices())
def test_weights_and_spike_times_are_values_of_a_run(device):
    built = Simulation(pair_network, 4 * second, device=device)
    silent = np.full((4, len(DELTA_T)), 1e9) * second
    start = np.linspace(0.5, 1.5, len(DELTA_T))
    read = built.run({"pre_times": silent, "rule.w": start}, read=["rule.w"])["rule.w"]
    np.testing.assert_allclose(read, start, rtol=0, atol=0)
    again = built.run(read=["rule.w"])["rule.w"]
    np.testing.assert_allclose(again, closed_form(), rtol=0, atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("device", devices())
def test_one_seed_gives_the_same_result_twice_and_another_seed_another(device):
    built = Simulation(lambda: [neurons(POISSON, 200, name="group")], 500 * ms, device=device)
    first, second_, other = (built.run(seed=seed, read=["group.n"])["group.n"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second_)
    assert (first != other).any()
    assert first.mean() == pytest.approx(50, abs=4 * np.sqrt(50 / 200))     # 100 Hz for half a second


@pytest.mark.compiler
def test_numpy_and_cpp_give_the_same_spikes_for_the_same_seed():
    counts = [Simulation(lambda: [neurons(POISSON, 50, name="group")], 200 * ms, device=device)
              .run(seed=11, read=["group.n"])["group.n"] for device in ("numpy", "cpp")]
    np.testing.assert_array_equal(*counts)


@pytest.mark.compiler
def test_a_second_build_and_other_values_compile_nothing_and_leave_nothing():
    first = Simulation(pair_network, 5 * second, device="cpp")
    first.run({"rule.w": np.ones(len(DELTA_T))}, seed=1, read=["rule.w"])
    before = sorted(path for path in cache_folder().rglob("*"))
    again = Simulation(lambda: pair_network(load_model("stdp_pair").with_parameters(tau_plus=3 * ms)), 5 * second,
                       device="cpp")
    again.run({"rule.w": np.full(len(DELTA_T), 2.0), "rule.A_plus": 0.5}, seed=2, read=["rule.w"])
    assert not again.built and again.folder == first.folder
    assert sorted(path for path in cache_folder().rglob("*")) == before


@pytest.mark.compiler
def test_two_processes_that_want_the_same_program_build_it_once(tmp_path):
    script = ("from brian2 import second\nimport sys\nsys.path.insert(0, sys.argv[1])\n"
              "from test_simulation import pair_network\nfrom spikelearn.simulation.simulate import Simulation\n"
              "s = Simulation(pair_network, 6*second, device='cpp')\nr = s.run(read=['rule.w'])['rule.w']\n"
              "print(s.built, repr(float(r[3])))")
    environment = {**os.environ, "SPIKELEARN_CACHE": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", script, os.path.dirname(__file__)], text=True,
                             env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate()[0].split() for process in both]
    assert sorted(built for built, _ in told) == ["False", "True"]
    assert told[0][1] == told[1][1]


@pytest.mark.slow
@pytest.mark.compiler
def test_the_order_of_strings_in_another_process_does_not_hide_what_was_built(tmp_path):
    """Three recorded variables and two clocks: Brian2 keeps both in sets, ordered otherwise in each process."""
    script = ("from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, ms\n"
              "from spikelearn.simulation import programs as building\n"
              "from spikelearn.simulation.simulate import Simulation\n"
              "def network():\n"
              "    cells = NeuronGroup(2, 'dv/dt = -v/ms : 1', threshold='v > 1', reset='v = 0', name='cells')\n"
              "    return [cells, SpikeMonitor(cells, 'v', name='spikes'),\n"
              "            StateMonitor(cells, 'v', record=True, dt=2*ms, name='states')]\n"
              "building.make_program = lambda folder: (folder / 'main').touch()\n"
              "print(Simulation(network, 6*ms, device='cpp').folder)")
    environment = {**os.environ, "SPIKELEARN_CACHE": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", script]
    folders = {subprocess.run(command, env=environment | {"PYTHONHASHSEED": seed}, text=True, capture_output=True,
                              check=True).stdout for seed in "1234"}
    assert len(folders) == 1


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("values, read, sentence", [
    ({"rule.tau_pluss": 1 * ms}, [], "'rule' has no variable 'tau_pluss'; did you mean 'tau_plus'?"),
    ({"rules.tau_plus": 1 * ms}, [], "the network has no 'rules'; did you mean 'rule'?"),
    ({"rule.tau_plus": 1 * mV}, [], "'rule.tau_plus' has the unit s, not V"),
    ({"rule.w": np.ones(3)}, [], "'rule.w' has 7 values, not 3"),
    ({"pre_times": np.ones(3) * second}, [], r"'pre_times' has the shape (4, 7), not (3,)"),
    ({}, ["rule.v"], "'rule' has no variable 'v'"),
])
def test_wrong_values_are_refused_in_one_sentence(device, values, read, sentence):
    with pytest.raises(SpikelearnError) as error:
        Simulation(pair_network, 4 * second, device=device).run(values, read=read)
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("device", devices())
def test_a_value_that_explodes_is_told(device):
    growing = NeuronModel(source="here", equations="dx/dt = x**2/tau : 1", parameters=dict(tau=1 * ms),
                          initial=dict(x=100))
    with pytest.raises(SpikelearnError, match="'group.x' became"):
        Simulation(lambda: [neurons(growing, 2, name="group")], 50 * ms, device=device).run(read=["group.x"])


def test_brian2s_globals_are_as_before_after_a_run():
    brian2.defaultclock.dt = 0.3 * ms
    try:
        Simulation(pair_network, 4 * second, device="numpy", dt=1 * ms).run(read=["rule.w"])
        assert brian2.defaultclock.dt == 0.3 * ms
    finally:
        brian2.defaultclock.dt = 0.1 * ms
    assert brian2.prefs.codegen.target == "auto"


def test_without_a_compiler_small_things_run_and_cpp_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(device_choice, "compiler", lambda: None)
    assert choose_device("auto", 10_000_000) == "numpy"
    with pytest.raises(SpikelearnError, match="needs a C\\+\\+ compiler .* use --device numpy"):
        choose_device("cpp", 10)
    with pytest.raises(SpikelearnError, match="no device 'gpu'"):
        choose_device("gpu", 10)


@pytest.mark.compiler
def test_a_cache_that_cannot_be_written_is_told_in_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "file"))
    with pytest.raises(SpikelearnError, match="could not be built in"):
        Simulation(pair_network, 7 * second, device="cpp")


@pytest.mark.parametrize("device", devices())
def test_forced_spikes_come_in_the_very_step(device):
    def build():
        train, times = spike_trains(spike_table([[10, 20] * ms, [15, 30] * ms]), name="train")
        group = neurons("lif", 2, name="group")
        return [train, times, group, force_spikes(train, group, name="forced"),
                brian2.SpikeMonitor(group, name="spikes")]
    read = Simulation(build, 50 * ms, device=device).run(read=["spikes.i", "spikes.t"])
    assert sorted(zip(read["spikes.i"], np.round(read["spikes.t"] / ms, 6))) == [(0, 10), (0, 20), (1, 15), (1, 30)]


def test_an_all_to_all_connection_delivers_every_weight_to_its_target():
    counter = NeuronModel(source="here", equations="total : 1")
    def build():
        train, times = spike_trains(spike_table([[2, 5] * ms, [3] * ms]), name="train")
        target = neurons(counter, 3, name="target")
        return [train, times, target, synapses(train, target, name="all", connect="all-to-all",
                                               transmit="total_post += w")]
    weights = np.arange(6.0)
    read = Simulation(build, 10 * ms, device="numpy").run({"all.w": weights}, read=["target.total"])
    np.testing.assert_array_equal(read["target.total"], 2 * weights[:3] + weights[3:])


def dense_network(rule, connect, **more):
    rng = np.random.default_rng(5)
    def build():
        sides = []
        for name, n in (("pre", 9), ("post", 7)):
            table = spike_table([np.sort(rng.choice(80, 20, replace=False)) * ms for _ in range(n)])
            sides += spike_trains(table, name=name)
        return [*sides, synapses(sides[0], sides[2], rule, name="rule", connect=connect, **more)]
    return build


@pytest.mark.compiler
def test_the_loop_over_rows_gives_what_the_ordinary_loop_gives():
    rng_weights = np.random.default_rng(1).uniform(0.5, 1, 63)
    results = [Simulation(dense_network("stdp_triplet", connect), 100 * ms, device="cpp").run(
        {"rule.w": rng_weights}, read=["rule.w"])["rule.w"] for connect in ("all-to-all", "i >= 0")]
    assert np.ptp(results[0]) > 0.1
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=0)


@pytest.mark.slow
@pytest.mark.compiler
def test_a_turned_copy_gives_what_the_ordinary_loop_gives():
    """Post events read w and add to change; pre events read change, write w, and add to both: all uses at once."""
    rule = SynapseModel(source="none", equations="w : 1\nchange : 1\nseen : 1",
                        on_pre="w += 0.5*change; change = 0.1*w", on_post="change += w*1.5\nseen -= 2*w")
    read = ["rule.w", "rule.change", "rule.seen"]
    given = {"rule.w": np.random.default_rng(1).uniform(0.5, 1, 63)}
    results = [Simulation(dense_network(rule, connect, **turned), 80 * ms, device="cpp").run(given, read=read)
               for connect, turned in (("all-to-all", dict(turned=True)), ("i >= 0", {}))]
    for name in read:
        assert np.ptp(results[0][name]) > 0.1
        np.testing.assert_allclose(results[0][name], results[1][name], rtol=1e-10, atol=0)


@pytest.mark.slow
@pytest.mark.compiler
def test_two_hidden_layers_learn_the_same_with_the_turned_copy():
    rule = load_model("voltage_derivative_symmetric_centred")
    rng = np.random.default_rng(2)
    x, labels = rng.random((6, 8)), np.array([0, 1, 2, 0, 1, 2])
    ways = [Classifier((8, 12, 40, 3), rule, images=6, connect=connect) for connect in ("all-to-all", "i >= 0")]
    before = ways[0].new_weights(3)
    recipe = Recipe(rates=(0.05, 0.05, 0.05))
    first, second_ = [way.show(x, labels, before, recipe, seed=1) for way in ways]
    for name, w in before.items():
        assert np.abs(first.weights[name] - w).max() > 1e-3
        np.testing.assert_allclose(first.weights[name], second_.weights[name], rtol=0, atol=1e-11)


def test_a_rule_that_reads_what_its_neuron_lacks_is_refused():
    def build():
        train, times = spike_trains(spike_table([[2] * ms]), name="train")
        return [train, times, synapses(train, train, "voltage_derivative_trace", name="rule")]
    with pytest.raises(SpikelearnError, match="reads 'dudt' of its post neuron, but train has none"):
        Simulation(build, 10 * ms, device="numpy")


def test_a_lif_neuron_charges_as_its_closed_form():
    def build():
        return [network.neurons("lif", 1, name="group")]
    read = Simulation(build, 20 * ms, device="numpy", dt=0.1 * ms).run({"group.I": 1 * nA}, read=["group.v"])
    assert float(read["group.v"][0] / mV) == pytest.approx(-70 + 10 * (1 - np.exp(-2)), abs=1e-6)


@pytest.mark.compiler
def test_the_program_of_a_short_run_is_optimised_less():
    """The same network, 100 steps and 10^9: -O2 where compiling takes longer than running; the same potentials."""
    def build():
        return [neurons("lif", 3, name="cells")]

    flags = []
    for duration in (100 * ms, 1e6 * second):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("spikelearn.simulation.programs.make_program", lambda draft: flags.append(
                (draft / "makefile").read_text()) or (draft / "main").write_text(""))
            patch.setattr("spikelearn.simulation.programs._whole", lambda folder: False)
            Simulation(build, duration, device="cpp", dt=1 * ms)
    assert ["-O2" in text and "-O3" not in text for text in flags] == [True, False]
    assert "-O3" in flags[1] and ["-O0" in text for text in flags] == [True, False]
