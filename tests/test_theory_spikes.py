"""What the protocols on spikes and local rules must show, at a reduced size, against numbers known without them."""
import functools

import numpy as np
import pytest
from brian2 import ms, second
from reference_network import changes
from spikelearn.protocols import dendritic_prediction, langevin_ep_spikes, reward, walkback, weight_symmetry

from spikelearn import SpikelearnError, datasets, energy, load_model
from spikelearn.copies import Copies, Phases, blocks
from spikelearn.network import neurons, spike_trains, synapses
from spikelearn.rate_estimates import bias_and_spread, exact_gradient, finite_beta, mean_field
from spikelearn.simulation import Simulation

RULE = "voltage_derivative_symmetric"
INSIDE = langevin_ep_spikes.draw_network(1)


def bare(name):
    """A neuron without low-pass of the change."""
    model = load_model(name)
    return model.with_parameters(tau_d=0 * ms) if "tau_d" in model.parameters else model


# --- copies --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule, name, window", [(RULE, "single", 20), (f"{RULE}_centred", "centred", 0),
                                                (f"{RULE}_twin", "twin", 0)])
def test_each_copy_is_the_naive_network(rule, name, window):
    rng = np.random.default_rng(1)
    weights = [rng.normal(.05, .4, (5, 10)), rng.normal(.05, .3, (10, 3))]
    biases, x, targets = [np.full(10, .2), np.full(3, .2)], rng.uniform(.2, 1, (2, 5)), np.eye(3)[:2]
    copies = Copies((5, 10, 3), 2, rule, bare(load_model(rule).neuron), phases=Phases(60, 30, window, 20),
                    device="numpy")
    got = copies.show(x, targets, weights, biases, .5, seed=1, at_random=False)
    for k in range(2):
        by_weights, by_biases = changes(weights, biases, x[k], targets[k], name, [1, 1], .5, free=60, nudged=30,
                                        listen=20, window=window)
        for found, expected in zip(got.weights + got.biases, by_weights + by_biases, strict=True):
            assert found[k] == pytest.approx(expected, abs=1e-12)


def test_copies_refuse_what_cannot_be():
    with pytest.raises(SpikelearnError, match="twin"):
        Copies((2, 2, 1), 1, f"{RULE}_twin", "leaky_integrator_fire")
    with pytest.raises(SpikelearnError, match="window"):
        Copies((2, 2, 1), 1, f"{RULE}_twin", phases=Phases(20, 10, 10, 5))
    with pytest.raises(SpikelearnError, match="free phase"):
        Copies((2, 2, 1), 1, RULE, phases=Phases(20, 10, 0, 25))


def test_blocks():
    i, j = blocks(2, (3, [0, 2]), (2, [1]))
    assert i.tolist() == [0, 2, 3, 5] and j.tolist() == [1, 1, 3, 3]


# --- what the spikes are held against --------------------------------------------------------------------------------

@pytest.mark.parametrize("clipped", [False, True])
def test_exact_gradient_is_the_finite_difference(clipped):
    weights, biases, x, targets = langevin_ep_spikes.draw_network(1, clipped)
    found = exact_gradient(weights, biases, x, targets)

    def cost(parameters):
        w = [parameters[:50].reshape(5, 10), parameters[60:90].reshape(10, 3)]
        b = [parameters[50:60], parameters[90:]]
        outputs = langevin_equilibrium(w, b, x)
        return ((targets - outputs)**2).sum(axis=1) / 2

    at = np.concatenate([weights[0].ravel(), biases[0], weights[1].ravel(), biases[1]])
    for k in range(0, 93, 13):
        step = 1e-6 * np.eye(93)[k]
        assert found[:, k] == pytest.approx(-(cost(at + step) - cost(at - step)) / 2e-6, abs=1e-7)


def langevin_equilibrium(weights, biases, x):
    """Outputs at the fixed point, by plain iteration."""
    h, o = np.zeros((len(x), 10)), np.zeros((len(x), 3))
    for _ in range(400):
        h, o = (h + .3 * (np.clip(x @ weights[0] + biases[0] + o @ weights[1].T, 0, 1) - h),
                o + .3 * (np.clip(h @ weights[1] + biases[1], 0, 1) - o))
    return o


def test_exact_gradient_is_that_of_energy():
    weights, biases, x, targets = INSIDE
    mine = exact_gradient(weights, biases, x, targets)
    whole = energy.Energy(energy.layered(weights), np.concatenate([np.zeros(5), *biases]))
    for k in range(len(x)):
        held = energy.clamp(whole, x[k])
        s = energy.settle(held, np.full(13, .5))
        by_weights, by_biases = energy.exact_gradient(held, s, targets[k])
        assert mine[k, 50:60] == pytest.approx(-by_biases[:10], abs=1e-9)
        assert mine[k, 90:] == pytest.approx(-by_biases[10:], abs=1e-9)
        assert mine[k, 60:90] == pytest.approx(-by_weights[:10, 10:].ravel(), abs=1e-9)


def test_small_nudges_and_long_phases_lead_to_the_gradient():
    weights, biases, x, targets = INSIDE
    exact = exact_gradient(weights, biases, x, targets)
    errors = [np.abs(finite_beta(weights, biases, x, targets, (beta, -beta)) - exact).max() for beta in (.1, .05)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=.1)            # centred: quadratic in beta
    beta = 1e-3
    collected = [mean_field(weights, biases, x, targets, b, Phases(800, 800), 5, 0, False) for b in (beta, -beta)]
    assert (collected[0] - collected[1]) / (2 * beta) == pytest.approx(exact, abs=2e-3 * np.abs(exact).max())


def test_bias_and_spread_of_known_noise():
    rng = np.random.default_rng(2)
    truth, bias = rng.normal(size=(2, 30)), .3 * np.eye(30)[:2]
    found = bias_and_spread(truth + bias + rng.normal(size=(4000, 2, 30)), truth)
    assert found["sd"] == pytest.approx(np.sqrt(60), rel=.02)
    assert abs(found["square"] - .18) < 4 * found["square_se"] and found["square_se"] < .02
    clean = bias_and_spread(truth + rng.normal(size=(4000, 2, 30)), truth)
    assert abs(clean["square"]) < 4 * clean["square_se"] and abs(clean["gain"] - 1) < 4 * clean["gain_se"]


@functools.cache
def row(coding, estimator, tau_d=20):
    return langevin_ep_spikes.compare(INSIDE, coding, estimator, 40, beta=.2, free=250, nudged=80, tau_d=tau_d,
                                      r_max=500, seed=3, device="numpy")


@pytest.mark.parametrize("coding, estimator", langevin_ep_spikes.CLAIMED)
def test_spikes_add_no_bias_where_claimed(coding, estimator):
    found = row(coding, estimator)
    assert abs(found["bias_z"]) < 4 and abs(found["step"] - 1) < 4 * found["step_se"]


def test_without_the_window_regular_spikes_are_locked_to_their_own_ripple():
    alone, corrected = (row("integrate-and-fire", name) for name in ("single", "single − free window"))
    assert alone["bias_z"] > 10 and alone["bias"] > 5 * max(corrected["bias"], corrected["bias_floor"])
    assert row("integrate-and-fire", "single", 5)["bias"] > 2 * alone["bias"]       # the low-pass is what helps


# --- dendrites -------------------------------------------------------------------------------------------------------

def test_branches_follow_the_delta_rule():
    """One unit, rates held: the errors of both branches shrink together as exp(-eta (|x|^2 + |y|^2) t / 2)."""
    eta, x, y, T = 2.5, np.array([.5, 1]), np.array([.2, .4, 1]), .4

    def build():
        held = [neurons(dendritic_prediction.CLAMPED, len(rates), name=name) for name, rates in (("x", x), ("y", y))]
        soma = neurons("neurons/dendritic_integrator", 1, name="soma")
        return [*held, soma] + [synapses(group, soma, f"synapses/dendritic_prediction_{name}", name=name,
                                         connect="all-to-all") for group, name in zip(held, ("basal", "apical"))]

    simulation = Simulation(build, T * second, device="numpy", dt=.5 * ms)
    values = {"x.rho": x, "y.rho": y, "basal.w": [.4, .8], "apical.w": [-.2, .1, .3], "soma.s": .675}
    read = simulation.run(values, read=["basal.w", "apical.w"])
    before, after = 1.0 - .3, read["basal.w"] @ x - read["apical.w"] @ y
    assert after == pytest.approx(before * np.exp(-eta * (x @ x + y @ y) * T / 2), rel=.01)
    assert read["basal.w"] - [.4, .8] == pytest.approx(-(read["basal.w"] - [.4, .8])[1] * -x, rel=1e-6)


def test_branches_come_to_agree():
    found = dendritic_prediction.agree(300, 1, "numpy")
    error = found["disagreement"]
    assert error[:15].mean() > 10 * error[-30:].mean()


def test_spiking_rule_on_forced_spikes():
    """Somatic spikes against a silent prediction: the weight follows the double low-pass, worked out by hand."""
    rule = load_model("dendritic_prediction_spikes")
    p = {name: float(value) for name, value in rule.parameters.items()}
    silent = dendritic_prediction.NeuronModel(
        source="A prediction of rate 0 and slope 1, spikes at a given time",
        equations="phi_star : Hz\nh_star : 1", threshold="t >= due - dt/2 and t < due + dt/2",
        parameters=dict(due=10 * ms))

    def build():
        train, times = spike_trains(np.array([[.004], [9]]), name="train")
        post = neurons(silent, 1, name="post")
        return [train, times, post, synapses(train, post, rule, name="rule")]

    T, dt = .2, .02e-3
    w = Simulation(build, T * second, device="numpy", dt=dt * second).run(
        {"post.h_star": 1.0}, read=["rule.w"])["rule.w"]
    lag = .006
    psp = (np.exp(-lag / p["tau_L"]) - np.exp(-lag / p["tau_s"])) * p["tau_s"] / (p["tau_L"] - p["tau_s"])
    expected = p["eta"] * psp * (1 - np.exp(-(T - .01) / p["tau_delta"]))
    assert 1e12 * np.asarray(w)[0] - 90 == pytest.approx(1e12 * expected, rel=.02)


def test_teacher_conductances_are_those_of_the_example():
    excite, inhibit = dendritic_prediction.teachers(1, .1 * ms)
    assert 1e9 * excite.max() == pytest.approx(306, rel=1e-3)
    assert 1e9 * excite[excite > 0].min() == pytest.approx(18, rel=1e-3)
    assert 1e9 * inhibit.max() == pytest.approx(540) and (inhibit > 0).sum() == 2000


@pytest.mark.slow
def test_the_soma_replays_what_it_was_taught():
    result = dendritic_prediction.run(quick=True)
    for key in ("replay_correlation", "replay_error_mV"):
        assert dendritic_prediction.ACCEPTED[key].met(result.headline[key])
    assert result.headline["control_correlation"] < .6


# --- weights ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("units", weight_symmetry.UNITS)
def test_auto_encoder_gradient_is_the_finite_difference(units):
    rng = np.random.default_rng(4)
    x, W, V, b, c = (rng.normal(size=shape) for shape in ((6, 5), (5, 3), (3, 5), 3, 5))

    def cost(W):
        missed = x - (weight_symmetry.UNITS[units][0](x @ W + b) @ V + c)
        return (missed**2).sum() / 2

    found = weight_symmetry.changes(x, x, W, b, V, c, "gradient", units)[0]
    for index in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[index] = 1e-6
        assert found[index] == pytest.approx(-(cost(W + step) - cost(W - step)) / 2e-6, abs=1e-6)


def test_hidden_changes_are_the_gradient_with_the_transposed_weights():
    rng = np.random.default_rng(5)
    x, W1, W2, b1, b2 = (rng.normal(size=shape) for shape in ((6, 5), (5, 4), (4, 3), 4, 3))
    targets = np.eye(3)[rng.integers(0, 3, 6)]

    def cost(W1):
        z = np.tanh(x @ W1 + b1) @ W2 + b2
        return -(targets * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum()

    found = weight_symmetry.hidden_changes(x, targets, W1, b1, W2, b2, W2.T)[0]
    for index in np.ndindex(W1.shape):
        step = np.zeros_like(W1)
        step[index] = 1e-6
        assert found[index] == pytest.approx(-(cost(W1 + step) - cost(W1 - step)) / 2e-6, abs=1e-6)


@functools.cache
def digits():
    data = datasets.load("digits")
    return [(part.images.reshape(len(part.labels), -1) / data.scale, part.labels)
            for part in (data.train, data.validation)]


def test_symmetry_emerges():
    symmetry, _, _ = weight_symmetry.encode(digits()[0][0], "gradient", "sigmoid", .3, 32, 60, 1e-3, .1, 30, 1)
    assert abs(symmetry[0]) < .1 and weight_symmetry.ACCEPTED["symmetry_denoising"].met(symmetry[-1])


def test_one_change_for_both_directions_shrinks_the_difference_by_its_decay():
    found = weight_symmetry.encode(digits()[0][0], "one change", "sigmoid", 0, 16, 3, 1e-2, .1, 30, 1)
    assert weight_symmetry.ACCEPTED["shrinkage_error"].met(found[2])


def test_feedback_aligns():
    angles, _, _ = weight_symmetry.align(*digits(), "feedback alignment", 100, 10, 20, 1)
    for key, angle in (("angle_at_start_degrees", angles[0]), ("angle_degrees", angles[-1])):
        assert weight_symmetry.ACCEPTED[key].met(angle)


# --- dreams ----------------------------------------------------------------------------------------------------------

def test_energy_distance_of_known_laws():
    """Two points at distance d: 2 d - 0 - 0; two samples of one law: 0 on average."""
    a, b = np.zeros((4, 2)), np.tile([3.0, 4], (5, 1))
    assert walkback.energy_distance(a, b) == pytest.approx(10)
    rng = np.random.default_rng(6)
    same = [walkback.energy_distance(rng.normal(size=(50, 2)), rng.normal(size=(50, 2))) for _ in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200)


def test_both_rules_read_the_same_walk_with_opposite_sign():
    plane = walkback.Plane(4, 4, 10, .05, "numpy")
    start, w = np.random.default_rng(7).uniform(.3, .7, (4, 2)), plane.naive()
    found = []
    for rule in walkback.RULES.values():
        simulation = plane._simulation(4, np.full(10, .05), load_model(rule).with_parameters(eta=1 * ms))
        values = plane._values(start, w) | {"rule.w": np.zeros(4 * w.size)}
        found.append(np.asarray(simulation.run(values, seed=1, read=["rule.w"])["rule.w"]))
    assert np.abs(found[0]).max() > 0 and found[0] == pytest.approx(-found[1])


def test_one_step_without_noise_goes_where_the_cells_say():
    plane = walkback.Plane(4, 3, 10, .05, "numpy")
    start, w = np.array([[.3, .4], [.5, .5], [.6, .2]]), np.full(plane.places.shape, .9)
    read = plane._simulation(3, np.zeros(1)).run(plane._values(start, w), read=["walker.s"])["walker.s"]
    share = np.exp(-((start[:, None] - plane.places)**2).sum(-1) / (2 * .07**2)) / (2 * np.pi * .07**2 / .1**2)
    assert np.asarray(read).reshape(3, 2) == pytest.approx(start + (share @ w - start) / 5, abs=1e-9)


def test_reverse_dreams_of_digits_approach_the_data_and_forward_ones_do_not():
    found = walkback.dream_of_digits(12, .1, 1.0, 20, np.random.default_rng(8), cells=150, dreamers=100)
    share = {name: walkback.energy_distance(found[f"digits_{name}"], found["digits_data"]) /
             walkback.energy_distance(found["digits_cloud"], found["digits_data"]) for name in ("reverse", "forward")}
    assert share["reverse"] < .5 and share["forward"] > 1


# --- reward ----------------------------------------------------------------------------------------------------------

def test_rewards_are_what_they_say():
    rng = np.random.default_rng(9)
    choice, reach = reward.TASKS["choice"], reward.TASKS["reach"]
    cue = np.repeat(choice.cues, 4000, axis=0).astype(float)
    good = np.repeat(np.eye(2), 4000, axis=0)
    assert choice.success(cue, good).all() and not choice.success(cue, good[::-1]).any()
    assert choice.reward(cue, good, rng).mean() == pytest.approx(.8, abs=.03)
    assert choice.reward(cue, good[::-1], rng).mean() == pytest.approx(.2, abs=.03)
    cue = reach.cue(rng, 1)
    there = reach.target(cue)
    assert reach.distance(cue, np.array([[.9, .1]])) == pytest.approx(abs(.9 - there))
    for off in (0, .1):
        done = np.array([[there[0] + off, 1 - there[0] - off]])
        assert reach.reward(cue, done, rng) == pytest.approx([1 - 4 * off**2], abs=1e-3)


def test_arms_inhibit_each_other_and_antagonists_do_not():
    action, message = np.array([[.9, .3], [.2, .2]]), np.array([[.01, .01], [.01, -.01]])
    np.testing.assert_allclose(reward.TASKS["choice"].wanted(action, message), [[.8, .2], [.8, .2]])
    np.testing.assert_allclose(reward.TASKS["reach"].wanted(action, message), [[1, .45], [.35, .05]])


def test_the_message_points_to_more_value():
    """Against finite differences of the value itself, of a critic in NumPy with the same weights."""
    agent = reward.Agent(reward.TASKS["choice"], 2, RULE, 8, .3, Phases(200, 80, 80, 40), 3, "numpy")
    agent.w["critic"] = [.5 * w for w in agent.w["critic"]]
    agent.b["critic"] = [np.full(8, .4), np.full(1, .2)]
    cue, action = reward.Choice.cues.astype(float) * .5, np.array([[.4, .6], [.5, .3]])
    pixels = np.hstack([cue, action])

    def value(pixels):
        (W1, W2), (b1, b2) = agent.w["critic"], agent.b["critic"]
        h, o = np.zeros((2, 8)), np.zeros((2, 1))
        for _ in range(500):
            h, o = (h + .2 * (np.clip(pixels @ W1 + b1 + o @ W2.T, 0, 1) - h),
                    o + .2 * (np.clip(h @ W2 + b2, 0, 1) - o))
        return o[:, 0]

    slope = np.array([(value(pixels + 1e-5 * np.eye(6)[4 + k]) - value(pixels - 1e-5 * np.eye(6)[4 + k])) / 2e-5
                      for k in range(2)]).T
    message = np.mean([agent.message(cue, action, seed) for seed in range(4)], axis=0)
    expected = slope * (1 - value(pixels))[:, None]
    cosine = (message * expected).sum() / np.linalg.norm(message) / np.linalg.norm(expected)
    assert cosine > .9


@pytest.mark.slow
def test_the_choice_is_learnt_by_reward():
    result = reward.run(quick=True)
    assert reward.ACCEPTED["choice_percent"].met(result.headline["choice_percent"])
