"""Short-term plasticity, dopamine, behavioural time scale, bistable and contrastive rules against naive ones."""
import dataclasses

import numpy as np
import pytest
import reference_rules as reference
from brian2 import Hz, ms, second
from scipy.stats import poisson as poisson_law

from spikelearn import NeuronModel, load_model
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table
from spikelearn.stdp.spike_times import Pairing, pairs
from spikelearn.stdp.trains import poisson
from spikelearn.stdp.weight_change import outcome, weight_changes

RATES = np.array([5, 10, 20, 50])
DEPRESSING, FACILITATING = dict(U=.5, tau_r=.8), dict(U=.04, tau_r=.1, tau_f=1.)


def numbers(rule, *without):
    """Parameters as plain numbers in SI units."""
    return {name: float(value) for name, value in rule.parameters.items() if name not in without}


def regular(n, rate):
    return Pairing((.1 + np.arange(n) / rate) * second, [] * ms)


# --- short-term plasticity: a rule's w is the release at the last pre spike ----------------------------------------

def steady(U, tau_r, rate, tau_f=None):
    """Release u x of a regular train in the long run."""
    T = 1 / rate
    u = U if tau_f is None else U / (1 - (1 - U) * np.exp(-T / tau_f))
    return u * (1 - np.exp(-T / tau_r)) / (1 - (1 - u) * np.exp(-T / tau_r))


@pytest.mark.long
@pytest.mark.parametrize("name, a, known, first", [
    ("short_term_depression", DEPRESSING, [.18113, .10515, .05713, .02410], [.5, .26515, .15483, .10302, .07868]),
    ("short_term_facilitation", FACILITATING, [.18159, .25867, .26940, .16689], [.04, .07467, .10329, .12644, .14516])])
def test_release_of_regular_trains(name, a, known, first):
    """Steady release at 5, 10, 20 and 50 Hz, the first five at 20 Hz, and random trains against the naive rule."""
    rng = np.random.default_rng(5)
    random = [poisson(rate * Hz, 0 * Hz, 1 * second, rng, dt=1 * ms) for rate in (7, 90)]
    ps = [regular(int(8 * rate) + 60, rate) for rate in RATES] + [regular(n, 20) for n in range(1, 6)] + random
    w = (1 + weight_changes(ps, name, device="numpy")) * a["U"]
    assert w[:4] == pytest.approx(known, abs=5e-6) and w[4:9] == pytest.approx(first, abs=5e-6)
    assert w == pytest.approx([reference.releases(p.pre, **a)[-1] for p in ps], rel=1e-9)
    assert w[:4] == pytest.approx([steady(**a, rate=rate) for rate in RATES], rel=1e-6)


def test_facilitation_peaks_at_15_Hz():
    rates = np.linspace(1, 60, 5901)
    found = steady(**FACILITATING, rate=rates)
    assert rates[found.argmax()] == pytest.approx(15.3, abs=.05) and found.max() == pytest.approx(.2776, abs=5e-5)


@pytest.mark.long
def test_release_with_active_resources():
    """tau_I = 3 ms at 20 Hz: .05694 without facilitation (tau_f = 1 us here) and .26598 with it."""
    rule = load_model("short_term_active")
    depressing = rule.with_parameters(U=.5, tau_r=800 * ms, tau_f=1e-3 * ms)
    for model, a, known in ((depressing, DEPRESSING, .05694), (rule, FACILITATING, .26598)):
        ps = [regular(160, 20), *(regular(n, 33) for n in (1, 2, 7))]
        w = (1 + weight_changes(ps, model, device="numpy")) * a["U"]
        assert w[0] == pytest.approx(known, abs=5e-6)
        assert w == pytest.approx([reference.releases(p.pre, **a, tau_I=.003)[-1] for p in ps], rel=1e-9)


# --- dopamine ------------------------------------------------------------------------------------------------------

def test_tonic_dopamine():
    """A pair of eligibility c0 adds c0 tonic tau_c; random trains against the naive rule, read 3 s later."""
    rule = load_model("stdp_dopamine")
    rule = rule.with_parameters(tonic=50 * rule.parameters["tonic"])
    rng = np.random.default_rng(2)
    ps = [pairs(10 * ms, 1), pairs(0 * ms, 2)]
    ps += [poisson(x * Hz, y * Hz, .4 * second, rng, dt=1 * ms) for x, y in ((40, 15), (12, 70))]
    change = weight_changes(ps, rule, device="numpy", read_after=3 * second)
    a = numbers(rule, "w_min", "w_max")
    pair, slow = ({name: a[name] for name in names} for names in (
        ("A_plus", "A_minus", "tau_plus", "tau_minus"), ("tau_c", "tau_d", "tonic")))
    for p, found in zip(ps, change, strict=True):
        until = max(float(times[-1]) for times in (p.pre, p.post) if len(times)) + 3
        expected = reference.dopamine(reference.eligibility(p.pre, p.post, **pair), [], until, **slow)
        assert found == pytest.approx(expected - 1, rel=1e-9)
    c0 = .1 * np.exp(-.5)
    assert c0 == pytest.approx(.0607, abs=5e-5)
    assert change[0] == pytest.approx(c0 * .1 * 1 * (1 - np.exp(-3)), rel=1e-9)


@pytest.mark.parametrize("delay, known", [(0, .16667), (.5, .10109), (1, .06131), (2, .02256), (3, .00830)])
def test_reward_factor(delay, known):
    """dw = c0 R exp(-T/tau_c) tau_c tau_d/(tau_c + tau_d); .5 s after the reward 95.0 % of it is there."""
    found = reference.dopamine([(0., 1.)], [(float(delay), 1.)], 60., 1., .2, 0.) - 1
    assert found == pytest.approx(known, abs=5e-6)
    assert (reference.dopamine([(0., 1.)], [(float(delay), 1.)], delay + .5, 1., .2, 0.) - 1) / found == pytest.approx(
        .950, abs=5e-4)


def test_rewards_against_the_naive_rule():
    """Random trains with two rewards; a pair with the reward T later gives the factors above."""
    rule, rng = load_model("stdp_dopamine"), np.random.default_rng(12)
    rule = rule.with_parameters(tonic=25 * rule.parameters["tonic"])
    a = numbers(rule, "w_min", "w_max")
    reward, pair, slow = a["reward"], {name: a[name] for name in ("A_plus", "A_minus", "tau_plus", "tau_minus")}, {
        name: a[name] for name in ("tau_c", "tau_d", "tonic")}
    trains = [poisson(30 * Hz, y * Hz, .5 * second, rng, dt=1 * ms) for y in (10, 60)]
    ps = [Pairing(p.pre, p.post, third=[.25, .9] * second) for p in trains] + [
        Pairing([10] * ms, [20] * ms, third=[.02 + delay] * second) for delay in (0, .5, 1, 2, 3)]
    change = weight_changes(ps, rule, device="numpy", read_after=30 * second)
    for p, found in zip(ps, change, strict=True):
        rewards = [(float(t), reward) for t in p.third]
        expected = reference.dopamine(reference.eligibility(p.pre, p.post, **pair), rewards, 60., **slow)
        assert found == pytest.approx(expected - 1, rel=1e-9)
    c0 = .1 * np.exp(-.5)
    by_reward = (change[2:] - c0 * slow["tonic"] * slow["tau_c"]) / (c0 * reward)
    assert by_reward == pytest.approx([.16667, .10109, .06131, .02256, .00830], abs=5e-6)


# --- behavioural time scale ----------------------------------------------------------------------------------------

LAGS = np.array([-4, -2, -1, 0, 1, 2, 4])       # spike minus plateau onset, in seconds
FROM_1 = [.2597, .7647, 1.1344, 1.4797, 1.0615, .5088, .0519]
FROM_4 = [-1.185, -1.294, -1.266, -1.212, -1.246, -1.227, -.795]


@pytest.mark.long
def test_btsp_reference():
    """Fig. 5 set: changes from W = 1 and 4, extrema and half widths, and the weights at which both sides cancel."""
    a = numbers(load_model("btsp"))
    assert reference.btsp(LAGS, 1, **a) - 1 == pytest.approx(FROM_1, abs=2e-4)
    assert reference.btsp(LAGS, 4, **a) - 4 == pytest.approx(FROM_4, abs=1e-3)
    assert reference.btsp(LAGS, 1, **a, hold=True) == pytest.approx(
        [1.621, 2.402, 2.886, 3.335, 2.843, 2.080, 1.199], abs=1e-3)
    assert reference.btsp(LAGS, 1, **a, hold=True, linear=True) == pytest.approx(7 * [4.464], abs=1e-3)
    fine = np.arange(-2.6, 2, .02)
    weak, strong = reference.btsp(fine, 1, **a) - 1, reference.btsp(fine, 4, **a) - 4
    assert weak.max() == pytest.approx(1.501, abs=1e-3) and fine[weak.argmax()] == pytest.approx(.12, abs=.021)
    half = fine[weak > weak.max() / 2]
    assert (half[0], half[-1]) == pytest.approx((-2.04, 1.50), abs=.021)
    assert fine[strong.argmin()] == pytest.approx(-2.06, abs=.021)


@pytest.mark.slow
@pytest.mark.compiler
def test_btsp():
    """The rule in time steps; the step error is measured, the reading comes 20 s after the last event."""
    rule = load_model("btsp")
    for w0, known, tolerance in ((1, FROM_1, 2e-4), (4, FROM_4, 1e-3)):
        start = dataclasses.replace(rule, initial={**rule.initial, "w": w0})
        found = outcome([pairs(-lag * second, 1) for lag in LAGS], start, device="cpp", read_after=20 * second)
        assert w0 * found.change == pytest.approx(known, abs=tolerance)
        assert found.error_percent < .1


# --- bistable ------------------------------------------------------------------------------------------------------

HELD = NeuronModel(source="a test", equations="v = level : 1\nforced_spike : boolean", threshold="forced_spike",
                   reset="forced_spike = False", forced="forced_spike = True", potential="v",
                   parameters=dict(level=.9))


def internal(pre, post, rule, level, until):
    """X of the bistable rule at `until` (seconds): pre, post are lists of spike times, the potential is held."""
    tables = [spike_table([times * second for times in side]) for side in (pre, post)]

    def build():
        one, first = spike_trains(tables[0], name="pre")
        two, second_times = spike_trains(tables[1], name="trains")
        held = neurons(HELD.with_parameters(level=level), len(post), name="post", reads=["u"])
        return [one, first, two, second_times, held, force_spikes(two, held, name="forced"),
                synapses(one, held, rule, name="rule")]

    return Simulation(build, until * second, device="numpy", dt=1 * ms).run(read=["rule.X"])["rule.X"]


@pytest.mark.long
def test_bistable_against_the_naive_rule():
    """Random trains with the potential above and below theta_V: up, down and drift, coincident spikes included."""
    rule, rng = load_model("bistable"), np.random.default_rng(6)
    a = numbers(rule, "J_plus", "J_minus")
    ps = [poisson(x * Hz, y * Hz, 1 * second, rng, dt=1 * ms) for x, y in ((60, 90), (30, 60), (80, 57), (20, 150))]
    pre, post = ([np.asarray(getattr(p, side)) for p in ps] for side in ("pre", "post"))
    assert all(np.intersect1d(np.round(x, 6), np.round(y, 6)).size for x, y in zip(pre, post, strict=True))
    for level in (.9, .5):
        found = internal(pre, post, rule, level, 1.2)
        expected = [reference.bistable(*both, level, 1., **a)[-1] for both in zip(pre, post, strict=True)]
        assert found == pytest.approx(expected, abs=1e-9)


def test_bistable_window_of_rates():
    """Mean C is J_C tau_C r = .06 r: X can go up for post rates of 50 to 217 Hz, down for 50 to 67 Hz."""
    p = load_model("bistable").parameters
    rates = [float(p[name] / (p["J_C"] * p["tau_C"])) for name in ("up_low", "up_high", "down_low", "down_high")]
    assert rates == pytest.approx([50, 216.7, 50, 66.7], abs=.05)


def crossed(times, rule_numbers, drift=True):
    """Number and time of the pre spike at which X, from 0, exceeds theta_X with potential and C in the up window."""
    a = {**rule_numbers, "tau_C": 1e9} | ({} if drift else dict(alpha=0., beta=0.))
    X = np.array(reference.bistable(times, [], .9, 0., **a, C=5.))
    over = np.flatnonzero(X > a["theta_X"] + 1e-9)      # five jumps of .1 are theta_X, but for rounding
    return (over[0] + 1, times[over[0]]) if over.size else (None, None)


def test_bistable_crossing_of_regular_trains():
    """Regular pre spikes cross at spike 15 (50 Hz, 280 ms) and 8 (100 Hz, 70 ms), and never at 35 Hz."""
    a = numbers(load_model("bistable"), "J_plus", "J_minus")
    for rate, spike, time in ((50, 15, .28), (100, 8, .07)):
        n, t = crossed(np.arange(200) / rate, a)
        assert n == spike and t == pytest.approx(time)
    assert crossed(np.arange(500) / 35, a) == (None, None)


def test_bistable_crossing_of_random_trains():
    """Poisson pre spikes, 300 ms: .0126 .117 .669 .978 at 20, 30, 50, 75 Hz; without drift 1 - Poisson(< 6)."""
    a, rng, n = numbers(load_model("bistable"), "J_plus", "J_minus"), np.random.default_rng(7), 4000
    for rate, known in ((20, .0126), (30, .117), (50, .669), (75, .978)):
        trains = [np.sort(rng.uniform(0, .3, rng.poisson(.3 * rate))) for _ in range(n)]
        share = np.mean([crossed(times, a)[0] is not None for times in trains])
        assert abs(share - known) < 4 * np.sqrt(known * (1 - known) / n) + 5e-4
        if rate in (20, 50):
            free = np.mean([crossed(times, a, drift=False)[0] is not None for times in trains])
            law = 1 - poisson_law.cdf(5, .3 * rate)
            assert law == pytest.approx({20: .554, 50: .997}[rate], abs=5e-4)
            assert abs(free - law) < 4 * np.sqrt(law * (1 - law) / n)


# --- contrastive Hebbian -------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_contrastive_phases():
    """Each phase adds its sign times the sum of exp(-|delta_t|/tau) over all pairs; phases of 0 add nothing."""
    rule, rng = load_model("contrastive_hebbian"), np.random.default_rng(9)
    ps = [poisson(60 * Hz, 25 * Hz, .5 * second, rng, dt=1 * ms, dead_time=3 * ms) for _ in range(3)]
    ps += [pairs(0 * ms, 2), pairs(6 * ms, 2)]
    eta, tau = numbers(rule)["eta"], numbers(rule)["tau"]
    sums = [eta * reference.symmetric_pairs(p.pre, p.post, tau) for p in ps]
    neuron = load_model("lif_phases")
    for sign in (1, -1, 0):
        phase = dataclasses.replace(neuron, initial={**neuron.initial, "learning": sign})
        found = weight_changes(ps, rule, phase, device="numpy", dt=.5 * ms)
        assert found == pytest.approx(sign * np.array(sums), rel=1e-9, abs=1e-12)
