"""Weights that become symmetric, dreams that teach, and reward, at a reduced size."""
import functools

import numpy as np
import pytest
from brian2 import ms
from spikelearn.protocols import reward, walkback, weight_symmetry

from spikelearn import load_model
from spikelearn.equilibrium.side_by_side import Phases
from spikelearn.images import datasets

RULE = "voltage_derivative_symmetric"

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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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
