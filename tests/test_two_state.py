"""Two-state neurons and the VPF rules: stationary law, flip rates, STDP window, all against closed forms."""
import numpy as np
import pytest
import reference
from brian2 import EventMonitor, SpikeMonitor, ms, second
from spikelearn.protocols import stdp_bistate

from spikelearn import SpikelearnError, load_model
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table
from spikelearn.stdp.spike_times import Pairing, pairs
from spikelearn.stdp.weight_change import weight_changes

TWO_STATE = load_model("neurons/two_state")
EXCITED = (16.8 * ms, 33.7 * ms)


def falling(mean_time):
    """A two-state neuron that a spike excites for a mean time and that hardly ever spikes by itself."""
    return TWO_STATE.with_parameters(b=-12.0, tau=mean_time * np.exp(6))


def test_the_law_of_the_network_has_detailed_balance():
    weights, biases = stdp_bistate.WEIGHTS, stdp_bistate.BIASES
    states, P, rate = stdp_bistate.exact_law(weights, biases, 20 * ms)
    assert P.sum() == pytest.approx(1)
    for s, state in enumerate(states):
        for j in range(3):
            other = np.array(state)
            other[j] = 1 - other[j]
            t = np.flatnonzero((states == other).all(axis=1))[0]
            leave = [np.exp((.5 - y[j]) * (y @ weights[:, j] + biases[j])) for y in (state, other)]
            assert P[s] * leave[0] == pytest.approx(P[t] * leave[1])


def test_a_single_neuron_follows_the_logistic_law():
    states, P, rate = stdp_bistate.exact_law(np.zeros((1, 1)), np.array([-.7]), 20 * ms)
    assert P[1] == pytest.approx(1 / (1 + np.exp(.7)))
    assert float(rate[0]) == pytest.approx(P[0] * np.exp(-.35) / 0.02)


@pytest.mark.long
def test_occupancy_and_flip_rates_follow_exp_minus_energy():
    found = stdp_bistate.simulate_network(TWO_STATE, stdp_bistate.WEIGHTS, stdp_bistate.BIASES, 300, .3 * second,
                                          .1 * ms, 3, "numpy")
    for name in ("occupancy", "flips"):
        keys = (name, f"{name}_se", f"{name}_exact")
        assert stdp_bistate.worst_z(*[found[key] for key in keys]) < 3, name
    assert np.asarray(found["occupancy"]).sum() == pytest.approx(1)


@pytest.mark.long
def test_the_window_of_the_flips_is_the_closed_form():
    delays = np.array([-40, -8, 3, 20]) * ms
    rule = load_model("vpf_asymmetric_flips")
    found = stdp_bistate.simulate_window(rule, TWO_STATE, delays, 500, *EXCITED, -10.0, .25 * ms, 2, "numpy")
    assert stdp_bistate.worst_z(found["change"], found["change_se"], found["closed_form"]) < 3
    later = np.asarray(delays) > 0       # the first flip after the pre spike is the forced one
    assert stdp_bistate.worst_z(found["up"][later], found["up_se"][later], found["first_flip_law"][later]) < 3


def test_the_window_law_by_hand():
    A = 1.0
    first, every = stdp_bistate.window_law([0, .02, -.02] * second, A, A, 20 * ms, 20 * ms)
    assert first == pytest.approx([1, np.exp(-1), -np.exp(-1) / 2])     # equal times: post falls first in half
    assert every == pytest.approx([.5, np.exp(-1) / 2, -np.exp(-1) / 2])


def test_single_pairs_of_the_rule_on_spikes_have_the_same_window_and_are_balanced():
    delays = np.array([-50, -10, -1, 0, 1, 10, 50]) * ms
    rule = load_model("vpf_asymmetric")
    found = weight_changes([pairs(d, n=1) for d in delays], rule)
    A_plus, A_minus, plus, minus = (rule.parameters[name] for name in ("A_plus", "A_minus", "tau_plus", "tau_minus"))
    assert found == pytest.approx(stdp_bistate.window_law(delays, A_plus, A_minus, plus, minus)[1], abs=1e-9)
    # like those of the voltage-derivative rule: A_plus tau_plus = A_minus tau_minus
    balanced = [reference.balanced_pair([0], [float(d)], plus, minus, A_plus) for d in delays]
    assert found == pytest.approx(balanced, abs=1e-9)


@pytest.mark.long
def test_the_rate_reading_weighs_a_flip_up_by_the_inverse_wait():
    rule, half = load_model("vpf_asymmetric_rate"), load_model("vpf_asymmetric")
    delays = np.array([-10, 5, 20]) * ms
    p = rule.parameters
    up = np.where(delays > 0 * ms, p["A_plus"] * np.exp(-delays / p["tau_plus"]), 0)
    wait = np.asarray(p["tau_minus"] / (np.abs(delays) + p["T_min"]))
    found, constant = (weight_changes([pairs(d, n=1) for d in delays], r) for r in (rule, half))
    assert found - constant == pytest.approx(up * (wait - 1), abs=1e-9)


def forced_trains(trains, n, rule, dt, seed):
    """n copies of a pair of two-state neurons forced by the same trains; reads the weights and all flips."""
    table = [np.repeat(spike_table([side]), n, axis=1) for side in (trains.pre, trains.post)]

    def build():
        objects, sides = [], []
        for side, times, mean_time in zip(("pre", "post"), table, EXCITED, strict=True):
            train, array = spike_trains(times, name=f"{side}_train")
            group = neurons(falling(mean_time), n, name=side)
            objects += [train, array, group, force_spikes(train, group, name=f"force_{side}"),
                        SpikeMonitor(group, name=f"{side}_up"), EventMonitor(group, "rest", name=f"{side}_down")]
            sides.append(group)
        return [*objects, synapses(*sides, rule, name="rule")]

    read = [f"{side}_{way}.{what}" for side in ("pre", "post") for way in ("up", "down") for what in ("t", "i")]
    return Simulation(build, 500 * ms, device="numpy", dt=dt).run(seed=seed, read=["rule.w", *read])


@pytest.fixture(scope="module")
def random_trains():
    rng = np.random.default_rng(5)
    times = [np.sort(rng.choice(np.arange(10, 300, 4), size, replace=False)) for size in (15, 25)]
    shared = np.array([52, 102, 250])            # coincident spikes too
    return Pairing(*[np.union1d(side, shared) * ms for side in times])


@pytest.fixture(scope="module")
def forced(random_trains):
    rule = load_model("vpf_asymmetric_flips")
    return rule, forced_trains(random_trains, 300, rule, .25 * ms, 4)


@pytest.mark.long
def test_the_rule_on_flips_does_what_the_naive_one_does(forced):
    rule, read = forced
    for k in range(20):
        flips = {side: np.sort(np.concatenate([np.asarray(read[f"{side}_{way}.t"])[read[f"{side}_{way}.i"] == k]
                                               for way in ("up", "down")])) for side in ("pre", "post")}
        step = {side: np.round(times / 2.5e-4) for side, times in flips.items()}
        known = reference.vpf_asymmetric(step["pre"], step["post"], eta=2 * rule.parameters["A_plus"], w0=1)
        assert read["rule.w"][k] == pytest.approx(known, abs=1e-12)


def test_the_rule_on_spikes_is_the_mean_of_the_rule_on_flips(forced, random_trains):
    mean = weight_changes([random_trains], load_model("vpf_asymmetric"))[0]
    change = forced[1]["rule.w"] - 1
    assert abs(change.mean() - mean) < 3 * change.std() / np.sqrt(change.size)


def test_a_spike_of_an_excited_neuron_is_no_flip(forced, random_trains):
    ups, downs = (np.bincount(forced[1][f"post_{way}.i"], minlength=300) for way in ("up", "down"))
    assert np.all((ups - downs == 0) | (ups - downs == 1))
    assert ups.mean() < len(random_trains.post) - 3


def test_refusals_and_the_warning_of_coarse_steps():
    with pytest.raises(SpikelearnError, match="event 'rest'"):
        stdp_bistate.run(neuron="neurons/lif")
    with pytest.raises(SpikelearnError, match="rest"):
        weight_changes([pairs(5 * ms, n=1)], "vpf_asymmetric_flips")
    with pytest.warns(UserWarning, match="shorter dt"):
        stdp_bistate.warn_of_coarse_steps("two_state", 1 / (20 * ms), 2 * ms)


@pytest.mark.slow
@pytest.mark.compiler
def test_the_window_in_a_compiled_network():
    delays = np.array([-60, -25, -8, 2, 8, 25]) * ms
    rule = load_model("vpf_asymmetric_flips")
    found = stdp_bistate.simulate_window(rule, TWO_STATE, delays, 1000, *EXCITED, -10.0, .1 * ms, 2, "cpp")
    assert stdp_bistate.worst_z(found["change"], found["change_se"], found["closed_form"]) < 3
