"""Further rules of pairs and triplets of spikes against their naive second implementations and closed forms."""
import dataclasses

import numpy as np
import pytest
import reference_rules as reference
from brian2 import Hz, ms, second
from scipy.optimize import brentq

from spikelearn import load_model
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import Pairing, pairs
from spikelearn.stdp.trains import poisson
from spikelearn.stdp.weight_change import weight_changes

SHARED = np.array([.012, .035, .06])        # coincident spikes
RULES = ["stdp_rubin", "stdp_guetig", "stdp_van_rossum", "stdp_inhibitory", "stdp_suppression", "stdp_diehl_cook"]


def trains(duration=.6, rates=((80, 30), (15, 110), (60, 60), (200, 9)), seed=4):
    """Poisson pairings of large unequal rates, and three coincident spikes in each."""
    rng, made = np.random.default_rng(seed), []
    for x, y in rates:
        p = poisson(x * Hz, y * Hz, duration * second, rng, dt=1 * ms, lead_in=5 * ms)
        made.append(Pairing(*(np.union1d(np.asarray(times), SHARED) * second for times in (p.pre, p.post))))
    return made


def numbers(rule, *without):
    """Parameters as plain numbers in SI units."""
    return {name: float(value) for name, value in rule.parameters.items() if name not in without}


def naive(name, rule, p):
    """Weight of a rule after the pairing p, by its naive implementation."""
    a = numbers(rule)
    if name in ("stdp_rubin", "stdp_guetig", "stdp_van_rossum"):
        mu = a.pop("mu", 1)
        powers = dict(mu_plus=0 if name == "stdp_van_rossum" else mu, mu_minus=mu)
        return reference.weight_dependent(p.pre, p.post, **a, **powers)
    if name == "stdp_inhibitory":
        return reference.inhibitory(p.pre, p.post, **a, w0=1e-9)
    if name == "stdp_suppression":
        return 1 + sum(reference.suppression_pairs(p.pre, p.post, **numbers(rule, "w_min", "w_max")))
    return reference.diehl_cook(p.pre, p.post, **a, w0=78 / 784)


@pytest.mark.long
@pytest.mark.parametrize("name", RULES)
def test_rule_against_the_naive_one(name):
    """Random trains with coincident spikes, and the pair at delta_t = 0, which counts as pre before post."""
    rule = load_model(name)
    if "eta" in rule.parameters:            # large steps, so that weights meet their bounds
        rule = rule.with_parameters(eta=20 * rule.parameters["eta"])
    ps = [*trains(), pairs(0 * ms, 3), pairs(7 * ms, 3)]
    start = float(rule.initial["w"])
    expected = [naive(name, rule, p) / start - 1 for p in ps]
    assert weight_changes(ps, rule, device="numpy") == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("alpha, mu, known", [(1.05, 1, .4878), (1.05, .5, .4756), (1.05, .1, .3804),
                                              (1.05, .02, .0802), (1.5, 1, .4), (1.5, .5, .3077)])
def test_weight_at_which_steps_balance(alpha, mu, known):
    """Independent Poisson trains: (1 - w)^mu = a w^mu at w* = 1/(1 + a^(1/mu)), a = alpha tau_minus/tau_plus."""
    assert brentq(lambda w: (1 - w)**mu - alpha * w**mu, 1e-9, 1 - 1e-9) == pytest.approx(known, abs=5e-5)
    assert 1 / (1 + alpha**(1 / mu)) == pytest.approx(known, abs=5e-5)


@pytest.mark.long
@pytest.mark.parametrize("name, chosen, known", [
    ("stdp_guetig", dict(mu=.5, alpha=1.5), .3077), ("stdp_rubin", dict(alpha=1.5), .4),
    ("stdp_van_rossum", dict(alpha=2), .5)])
def test_random_trains_draw_the_weight_there(name, chosen, known):
    """Synapses that start .2 below, at and .2 above w*: up, nothing and down, in standard errors of the mean.

    60 trains of 8 s at 50 and 35 Hz for each start, eta = .002; 4 standard errors are passed once in 16,000 runs.
    """
    rule = load_model(name).with_parameters(**chosen, eta=.002)
    rng = np.random.default_rng(11)
    ps = [poisson(50 * Hz, 35 * Hz, 8 * second, rng, dt=.1 * ms) for _ in range(180)]
    change = np.transpose([weight_changes(ps[k::3], dataclasses.replace(rule, initial=dict(w=known + (k - 1) / 5)),
                                          device="numpy") for k in range(3)])
    z = change.mean(axis=0) / (change.std(axis=0, ddof=1) / np.sqrt(60))
    assert z[0] > 4 and abs(z[1]) < 4 and z[2] < -4


def test_inhibitory_drift_and_zero():
    """Drift eta x (2 tau y - alpha); a pair changes w by eta (exp(-|delta_t|/tau) - alpha), 0 at 42.41 ms."""
    rule = load_model("stdp_inhibitory").with_parameters(eta=1e-5 * load_model("stdp_inhibitory").parameters["w_max"])
    eta, tau, alpha = float(rule.parameters["eta"]), .02, 2 * 3 * .02
    assert alpha == pytest.approx(.12) and -tau * np.log(alpha) == pytest.approx(.04241, abs=5e-6)
    lags = np.array([-60, -42.406, -10, 0, 10, 42.406, 60])
    ps = [pairs(lag * ms, 1) for lag in lags]
    rng, x, rates = np.random.default_rng(3), 40, (1, 3, 12)
    ps += [poisson(x * Hz, y * Hz, 20 * second, rng, dt=.1 * ms) for y in rates for _ in range(30)]
    change = weight_changes(ps, rule, device="numpy") * 1e-9 / eta
    pair = np.exp(-np.abs(lags) / 20) - alpha
    assert change[:len(lags)] == pytest.approx(pair, abs=1e-6) and abs(pair[1]) < 1e-4
    drift = change[len(lags):].reshape(3, 30) / 20
    law = x * (2 * tau * np.array(rates) - alpha)
    assert np.all(np.abs(drift.mean(axis=1) - law) < 4 * drift.std(axis=1, ddof=1) / np.sqrt(30))
    assert law[1] == 0 and law[0] < 0 < law[2]


@pytest.mark.long
def test_120_by_120_random_spikes():
    """The inhibitory rule on 120 pre and 120 post spikes, at its bounds and away from them."""
    rng = np.random.default_rng(8)
    p = Pairing(*(np.sort(rng.choice(4000, 120, replace=False)) * ms for _ in range(2)))
    for eta, w_max in ((1e-12, 1e-7), (1e-9, 2e-9)):
        rule = load_model("stdp_inhibitory")
        unit = rule.parameters["w_max"] / 1e-7
        rule = rule.with_parameters(eta=eta * unit, w_max=w_max * unit)
        expected = reference.inhibitory(p.pre, p.post, **numbers(rule), w0=1e-9) / 1e-9 - 1
        assert weight_changes([p], rule, device="numpy") == pytest.approx([expected], rel=1e-9)


SETS = {"": (1.01, .52), "quoted": (1.03, .51)}


@pytest.mark.parametrize("chosen, sums, products", [("", (-.2665, .3419), (-.3131, .2535)),
                                                    ("quoted", (-.2829, .2908), (-.3206, .1962))])
def test_suppression_of_triplets(chosen, sums, products):
    """post-pre-post (-10, +10) and pre-post-pre (+10, -10) with the amplitudes of the whole experiment."""
    rule = load_model("stdp_suppression")
    rule = rule.with_parameters(parameters=chosen) if chosen else rule
    rule = rule.with_parameters(A_plus=SETS[chosen][0], A_minus=SETS[chosen][1])
    ps = [Pairing([20] * ms, [10, 30] * ms), Pairing([10, 30] * ms, [20] * ms)]
    assert weight_changes(ps, rule, device="numpy") == pytest.approx(sums, abs=5e-5)
    changes = [reference.suppression_pairs(p.pre, p.post, **numbers(rule, "w_min", "w_max")) for p in ps]
    assert [np.prod(1 + np.array(c)) - 1 for c in changes] == pytest.approx(products, abs=5e-5)


def test_diehl_cook_by_hand():
    """pre 0, post 10, post 20: +.002865; pre again at 30: -6.07e-5; the mean weight is 78/784 = .0995."""
    rule, w0 = load_model("stdp_diehl_cook"), 78 / 784
    ps = [Pairing([1] * ms, [11, 21] * ms), Pairing([1, 31] * ms, [11, 21] * ms)]
    change = weight_changes(ps, rule, device="numpy") * w0
    assert rule.initial["w"] == pytest.approx(.0995, abs=5e-5)
    assert change[0] == pytest.approx(.002865, abs=5e-7) and change[1] - change[0] == pytest.approx(-6.07e-5, abs=5e-8)


# --- release probability and quantal amplitude ---------------------------------------------------------------------

def test_pre_post_expression():
    """Amplitudes as printed: isolated pairs, five pairs at 20 Hz, and random trains against the naive rule."""
    rule = load_model("pre_post_expression").with_parameters(scale=1)
    five = pairs(10 * ms, 5, 20 * Hz)
    ps = [pairs(10 * ms, 1), pairs(-10 * ms, 1), five, pairs(0 * ms, 2), *trains(.15)]
    change = weight_changes(ps, rule, device="numpy")
    expected = [np.prod(reference.pre_post_expression(p.pre, p.post, **numbers(rule))) / .5 - 1 for p in ps]
    assert change == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert change[0] == 0 and change[1] * .5 == pytest.approx(-.1249, abs=5e-5)
    P, q = reference.pre_post_expression(five.pre, five.post, **numbers(rule))
    assert (P / .5, q) == pytest.approx((1.734, 1.094), abs=5e-4)


def test_pre_post_expression_on_sjostrom():
    """With a fiftieth of the amplitudes: w 1, 1.09 ... 1.28 at +10 ms and .75 ... .96 at -10 ms, E 2.9, null 9.2."""
    it = experiment("sjostrom_trains")
    change = weight_changes(it.pairings, "pre_post_expression", device="numpy")
    assert score(change, it.mean, it.sem) == pytest.approx(2.9, abs=.05)
    assert null_score(it.mean, it.sem) == pytest.approx(9.2, abs=.05)
    assert 1 + change == pytest.approx([1, 1.09, 1.26, 1.32, 1.28, .75, .46, .62, .89, .96], abs=.01)
