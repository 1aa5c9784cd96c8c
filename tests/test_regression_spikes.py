"""Contrastive Hebbian learning and the temporal twin on LIF spikes: a naive second implementation, and the protocol."""
import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms
from spikelearn.protocols import learn_regression_spikes as protocol

import spikelearn as sl
from spikelearn import SpikelearnError, load_model
from spikelearn.equilibrium.recipe import Recipe
from spikelearn.equilibrium.regression import Regression
from spikelearn.equilibrium.regression_train import learn, linear_readout, relative_error

DT = 0.5        # ms
TAU_M, GAIN, TAU_SYN, TAU_S, TAU_D, TAU = 10, 50, 5, 40, 10, 10     # ms and mV, of the shipped models
THRESHOLD, RESET, REFRACTORY = 20, 5, 4                             # mV above rest, steps
R_MAX = 0.19            # spikes/ms; so that no input reaches its threshold exactly
NEURON = load_model("lif_nudged").with_parameters(r_max=R_MAX * 1000 * Hz)
CONTRASTIVE, TEMPORAL = "contrastive_hebbian_collected", "voltage_derivative_temporal"
PAIRS = Recipe(rates=(0.2, 0.1), beta=1.0, free_steps=120, nudged_steps=60, window_steps=60, listen_steps=30)
CHANGES = Recipe(rates=(0.2, 0.1), beta=1.0, free_steps=120, nudged_steps=(60, 40), listen_steps=30)


def naive(w, x, target, recipe, follows_changes):
    """One example by plain loops: (mean activities of the outputs, what each synapse collects with eta = 1).

    w : {"synapses_1": (inputs + 1, hidden), "synapses_2": (hidden, outputs), "biases_2": (1, outputs)}.
    """
    n_in, n_h, n_o = len(x), w["synapses_1"].shape[1], w["synapses_2"].shape[1]
    n = n_h + n_o
    x, phase, x_trace = np.append(x, 1.0), np.zeros(n_in + 1), np.zeros(n_in + 1)
    v, current, s, ds, before, trace = (np.zeros(n) for _ in range(6))
    frozen, collected, heard = np.zeros(n, int), {name: np.zeros_like(array) for name, array in w.items()}, 0
    signs = [0] * (recipe.free_steps - recipe.window_steps) + [-1] * recipe.window_steps
    for length, sign in zip(recipe.nudged_steps, recipe.signs, strict=True):
        signs += [sign] * length
    for step, learning in enumerate(signs, 1):
        drive = current / (R_MAX * TAU_SYN)
        if step > recipe.free_steps:
            drive[n_h:] += learning * recipe.beta * (target - s[n_h:])
        v = np.where(frozen > 0, v, v + DT / TAU_M * (GAIN * drive - v))
        current, s = current - DT / TAU_SYN * current, s - DT / TAU_S * s
        ds += (s - before - ds) * DT / (DT + TAU_D)
        before = s.copy()
        phase, x_trace, trace = phase + DT * R_MAX * x, x_trace * np.exp(-DT / TAU), trace * np.exp(-DT / TAU)
        if recipe.free_steps - recipe.listen_steps < step <= recipe.free_steps:
            heard = heard + s[n_h:] / recipe.listen_steps
        in_spikes = np.flatnonzero(phase >= 1)
        spikes = [j for j in range(n) if frozen[j] == 0 and v[j] > THRESHOLD]
        frozen = np.maximum(frozen - 1, 0)
        hidden, outputs = [j for j in spikes if j < n_h], [j - n_h for j in spikes if j >= n_h]
        arrived = np.zeros(n)
        for i in in_spikes:
            arrived[:n_h] += w["synapses_1"][i]
            arrived[n_h:] += w["biases_2"][0] * (i == n_in)
        for j in hidden:
            arrived[n_h:] += w["synapses_2"][j]
        for k in outputs:
            arrived[:n_h] += w["synapses_2"][:, k]
        current += arrived
        groups = (("synapses_1", in_spikes, hidden, slice(None), slice(0, n_h)),
                  ("synapses_2", hidden, outputs, slice(0, n_h), slice(n_h, n)),
                  ("biases_2", [0] if n_in in in_spikes else [], outputs, slice(n_in, n_in + 1), slice(n_h, n)))
        for name, pre, post, pre_part, post_part in groups:
            pre_trace = (trace if name == "synapses_2" else x_trace)[pre_part]
            for i in pre:
                collected[name][i] += learning * (ds[post_part] if follows_changes else trace[post_part])
            for j in post:
                if not follows_changes:
                    collected[name][:, j] += learning * (pre_trace + np.isin(np.arange(len(pre_trace)), pre))
                elif name == "synapses_2":
                    collected[name][:, j] += learning * ds[pre_part]
        x_trace[in_spikes] += 1
        trace[spikes] += 1
        phase[in_spikes] -= 1
        v[spikes], s[spikes], frozen[spikes] = RESET, s[spikes] + 1 / (R_MAX * TAU_S), REFRACTORY - 1
    return heard, collected


@pytest.mark.long
@pytest.mark.parametrize("rule, recipe", [(CONTRASTIVE, PAIRS), (TEMPORAL, CHANGES)])
def test_both_rules_are_those_of_plain_loops(rule, recipe):
    """One example of a network 3-4-2: the answer, and the weights that the example leaves."""
    net = Regression((3, 4, 2), rule, NEURON, examples=1, device="numpy")
    w = {name: array + .25 for name, array in net.new_weights(3).items()}       # so that all units fire
    x, target = np.array([.93, .37, .61]), np.array([.6, .15])
    shapes = {"synapses_1.w": (4, 4), "synapses_2.w": (4, 2), "biases_2.w": (1, 2)}
    heard, collected = naive({name[:-2]: w[name].reshape(shape) for name, shape in shapes.items()}, x, target, recipe,
                             rule == TEMPORAL)
    shown = net.show(x[None], target[None], w, recipe, seed=1)
    assert shown.outputs[0] == pytest.approx(heard, rel=1e-9) and (shown.spikes > 10).all()
    for name, before in w.items():
        eta = net.eta(recipe) * recipe.rates[0 if name == "synapses_1.w" else 1]
        change = collected[name[:-2]]
        assert np.abs(change).max() > 0
        assert shown.weights[name] - before == pytest.approx(eta * change.ravel(), rel=1e-7, abs=1e-12)


@pytest.fixture(scope="module")
def small():
    """A network 2-3-1 that contrastive Hebbian learning trains."""
    return Regression((2, 3, 1), CONTRASTIVE, NEURON, examples=2, device="numpy")


@pytest.mark.long
def test_equal_phases_change_nothing(small):
    """A nudge of 1e-9 changes a bias by less than one spike of the window does; one that silences by far more."""
    w, x = small.new_weights(5), np.random.default_rng(1).uniform(size=(2, 2))

    def contrast(beta, k):
        recipe = dataclasses.replace(PAIRS, beta=beta, rates=(beta, beta), free_steps=300)
        shown = small.show(x[k:k + 1], np.zeros((1, 1)), w, recipe, seed=1)
        return (shown.weights["biases_2.w"] - w["biases_2.w"])[0]

    one_spike = 1 / (R_MAX * PAIRS.window_steps * DT)
    assert contrast(1.0, 0) < -3 * one_spike and all(abs(contrast(1e-9, k)) < one_spike for k in range(2))


def test_units_of_error():
    """The best constant has an error of 1, the targets themselves 0; a linear readout knows linear targets."""
    targets = np.array([[.1, .5], [.3, .1], [.5, .9]])
    assert relative_error(targets, targets) == 0
    assert relative_error(np.broadcast_to(targets.mean(axis=0), (3, 2)), targets) == pytest.approx(1)
    x = np.random.default_rng(2).uniform(size=(20, 2))
    assert linear_readout(x, x @ [[2.], [-1.]] + 3, x[:5]) == pytest.approx(x[:5] @ [[2.], [-1.]] + 3)


def test_the_target_is_nothing_to_a_linear_readout():
    """The corners of the square: opposite ones agree, so that the best linear function is a constant."""
    corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    assert protocol.target(corners).tolist() == [1, 1, 0, 0]
    seen, activities = protocol.shown(corners)
    assert seen.tolist() == [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]]
    assert activities[:, 0] == pytest.approx([.7, .7, .1, .1]) and activities.shape == (4, protocol.OUTPUTS)
    assert linear_readout(corners, activities[:, :1], corners) == pytest.approx(np.full((4, 1), .4))


@pytest.mark.long
def test_outputs_are_drawn_to_their_target(small):
    """The bias of an output far below its target rises, that of one far above falls."""
    w, x = small.new_weights(1), np.array([[.3, .8]])
    high, low = (small.show(x, [[target]], w, PAIRS, seed=1).weights["biases_2.w"] for target in (.9, 0))
    assert high > w["biases_2.w"] > low


@pytest.mark.long
def test_order_and_curve_follow_from_the_seed(small):
    x, targets = np.random.default_rng(4).uniform(size=(2, 2)), np.array([[.1], [.7]])
    recipe = dataclasses.replace(PAIRS, free_steps=80, average=.5)
    first, again = (learn(small, x, targets, recipe, epochs=1, seed=2, test=test) for test in ((x, targets), None))
    assert set(first.curve) == {"train_error", "test_error"}
    assert all(np.array_equal(w, again.weights[name]) for name, w in first.weights.items())


@pytest.mark.parametrize("change, words", [
    (dict(window_steps=50), "window_steps must be the length of the nudged phase, 60, not 50"),
    (dict(signs=(-1,)), "signs must be 1, not"),
    (dict(rates=(.1,)), "a network of 2 layers needs 2 learning rates, not 1")])
def test_recipes_that_do_not_fit_are_refused(small, change, words):
    with pytest.raises(SpikelearnError, match=words):
        small.show(np.ones((1, 2)), np.ones((1, 1)), small.new_weights(1), dataclasses.replace(PAIRS, **change), seed=1)


def test_inputs_out_of_range_are_refused(small):
    with pytest.raises(SpikelearnError, match="inputs must lie from 0 to 1, but lie from 0.5 to 1.5"):
        small.show(np.array([[.5, 1.5]]), np.ones((1, 1)), small.new_weights(1), PAIRS, seed=1)


@pytest.mark.parametrize("sizes, rule, neuron, words", [
    ((2, 1), CONTRASTIVE, None, "at least one hidden layer"),
    ((2, 3, 1), "contrastive_hebbian", None, "parameter 'r_max'"),
    ((2, 3, 1), "contrastive_hebbian", NEURON, "collects no change"),
    ((2, 3, 1), "stdp_pair", NEURON, "parameter 'eta'"),
    ((2, 3, 1), "voltage_derivative_symmetric_twin", NEURON, "does not read the sign 'learning' at every spike"),
    ((2, 3, 1), CONTRASTIVE, "lif_phases", "parameter 'r_max'")])
def test_models_that_do_not_fit_are_refused(sizes, rule, neuron, words):
    with pytest.raises(SpikelearnError, match=words):
        Regression(sizes, rule, neuron, examples=1, device="numpy")


def test_the_same_rule_twice_is_refused():
    with pytest.raises(SpikelearnError, match="contrastive_hebbian_collected twice: each rule needs its own name"):
        protocol.run((CONTRASTIVE, CONTRASTIVE))


@pytest.mark.long
def test_the_protocol_on_a_handful_of_examples():
    """What the headline says of the errors of the seeds; a nudged phase sets the window; the figure draws."""
    result = sl.run("learn_regression_spikes", synapse=CONTRASTIVE, hidden=3, examples=2, tests=2, epochs=1, seeds=1,
                    grid=2, free_steps=20, nudged_steps=8, listen_steps=10, digit_epochs=0, device="numpy")
    a, h = result.arrays, result.headline
    assert h["error_contrastive"] == a["errors_contrastive"].mean() == h["worst_error_contrastive"]
    assert h["holds_percent_contrastive"] == 100 * np.mean(a["errors_contrastive"] < .5 * a["errors_linear"])
    assert float(a["window"] / ms) == 4 and a["surface"].shape == (2, 2)
    assert len(result.plot()) == 6
