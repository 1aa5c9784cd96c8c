"""Free and nudged phases inside one run: every spike and every weight change against a naive network in NumPy."""
import functools

import numpy as np
import pytest
from brian2 import Hz, SpikeMonitor, ms
from reference_network import changes, show_image

from spikelearn import SpikelearnError, load_model
from spikelearn.equilibrium.classifier import Classifier, Recipe
from spikelearn.equilibrium.one_image import one_image
from spikelearn.simulation.network import neurons
from spikelearn.simulation.simulate import Simulation

RULES = {"single": "voltage_derivative_symmetric", "twin": "voltage_derivative_symmetric_twin",
         "centred": "voltage_derivative_symmetric_centred", "temporal": "voltage_derivative_temporal"}
SIZES, IMAGES = (5, 4, 3, 2), 3
FREE, NUDGED, LISTEN, WINDOW = 30, 17, 8, 10
TURNED = (14, 11)                            # lengths of +beta and -beta
PHASES = (0.5, FREE, NUDGED, LISTEN)         # beta first
RNG = np.random.default_rng(3)
X, LABELS = RNG.uniform(0.1, 1, (IMAGES, SIZES[0])), np.array([0, 1, 1])
RECIPE = Recipe(rates=(0.4, 0.3, 0.2), free_steps=FREE, nudged_steps=NUDGED, listen_steps=LISTEN)


def weights_of(shift=0.3):
    """Weights with which all populations spike: [(below, above), ...] and biases [(above,), ...]."""
    rng = np.random.default_rng(7)
    weights = [rng.normal(0.1, 1 / np.sqrt(below), (below, above)) for below, above in zip(SIZES, SIZES[1:])]
    return weights, [rng.normal(shift, 0.1, above) for above in SIZES[1:]]


def named(weights, biases):
    """The same as a run takes them."""
    values = {f"synapses_{k}.w": w.ravel() for k, w in enumerate(weights, 1)}
    values["synapses_1.w"] = np.vstack([weights[0], biases[0]]).ravel()
    return values | {f"biases_{k}.w": b for k, b in enumerate(biases[1:], 2)}


def after(weights, biases, rule, recipe, images=range(IMAGES), tau_d=0, batch=1):
    """Weights after some images by the naive network, changes applied after each batch."""
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]
    phases = dict(free=recipe.free_steps, nudged=recipe.nudged_steps, listen=recipe.listen_steps,
                  window=recipe.window_steps, tau_d=tau_d, signs=recipe.signs)
    for first in range(0, len(images), batch):
        found = [changes(weights, biases, X[k], np.eye(SIZES[-1])[LABELS[k]], rule, recipe.rates, recipe.beta, **phases)
                 for k in images[first:first + batch]]
        for dw, db in found:
            weights, biases = [w + d for w, d in zip(weights, dw)], [b + d for b, d in zip(biases, db)]
    return named(weights, biases)


@functools.cache
def network(rule, device="numpy", tau_d=0):
    neuron = load_model(load_model(RULES[rule]).neuron)
    if "tau_d" in neuron.parameters:
        neuron = neuron.with_parameters(tau_d=tau_d * ms)
    return Classifier(SIZES, RULES[rule], neuron, images=IMAGES, device=device)


@pytest.fixture
def single():
    return network("single")


@pytest.fixture
def centred():
    return network("centred")


def assert_close(found, expected):
    for name, w in expected.items():
        np.testing.assert_allclose(found[name], w, rtol=0, atol=1e-9, err_msg=name)


def check_against_naive(classifier, rule, tau_d=0, nudged=NUDGED):
    weights, biases = weights_of()
    start = named(weights, biases)
    recipe = RECIPE.with_given(window_steps=WINDOW if rule == "single" else 0, nudged_steps=nudged)
    expected = after(weights, biases, rule, recipe, tau_d=tau_d)
    assert all(np.abs(expected[name] - w).max() > 1e-3 for name, w in start.items())
    shown = classifier.show(X, LABELS, start, recipe, seed=1)
    assert_close(shown.weights, expected)
    assert shown.nudged == IMAGES


@pytest.mark.long
@pytest.mark.parametrize("rule", RULES)
def test_weights_after_three_images_are_those_of_the_naive_network(rule):
    check_against_naive(network(rule), rule, nudged=TURNED if rule == "temporal" else NUDGED)


@pytest.mark.long
@pytest.mark.parametrize("rule", ["single", "centred"])
def test_a_low_passed_derivative_too(rule):
    check_against_naive(network(rule, tau_d=6), rule, tau_d=6)


@pytest.mark.long
@pytest.mark.parametrize("nudged", [(12, 9), (7, 15, 9), (6, 5, 4, 8)])
def test_any_number_of_nudged_phases_with_turning_signs(nudged):
    check_against_naive(network("temporal", tau_d=6), "temporal", tau_d=6, nudged=nudged)


@pytest.mark.slow
@pytest.mark.compiler
@pytest.mark.parametrize("rule", ["single", "centred"])
def test_compiled_networks_too(rule):
    check_against_naive(network(rule, device="cpp"), rule)


@pytest.mark.compiler
def test_a_compiled_temporal_twin_too_and_its_phases_are_values_of_a_run():
    for nudged in (TURNED, (7, 15, 9)):
        check_against_naive(network("temporal", "cpp", tau_d=6), "temporal", tau_d=6, nudged=nudged)


@pytest.mark.long
def test_every_spike_and_every_answer(single):
    weights, biases = weights_of()
    expected = [show_image(weights, biases, x, np.eye(2)[label], *PHASES) for x, label in zip(X, LABELS)]
    mean_input = single.show(X, LABELS, named(weights, biases), RECIPE, seed=1, learn=False).mean_input
    np.testing.assert_allclose(mean_input, [one["mean_input"] for one in expected], atol=1e-12)
    t, i, population = one_image(single, X[0], LABELS[0], named(weights, biases), RECIPE)[:3]
    found = sorted(zip(np.round(t / ms).astype(int) + 1, population, i))
    assert {k for _, k, _ in found} == {0, 1, 2, 3}
    assert found == sorted(expected[0]["spikes"])


@pytest.mark.long
def test_spikes_and_synaptic_events_are_counted(single):
    weights, biases = weights_of()
    counts, bias = np.zeros(len(SIZES), dtype=int), 0
    for x, label in zip(X, LABELS):
        steps = NUDGED + int(np.array_equal(x, X[-1]))           # a run ends one step after its last image
        bias += (FREE + steps) // 2
        for _, k, _ in show_image(weights, biases, x, np.eye(2)[label], 0.5, FREE, steps, LISTEN)["spikes"]:
            counts[k] += 1
    shown = single.show(X, LABELS, named(weights, biases), RECIPE.with_given(rates=(0, 0, 0)), seed=1)
    assert shown.spikes == counts.sum() + bias
    assert shown.events == counts @ [SIZES[1], SIZES[2], SIZES[1] + SIZES[3], SIZES[2]] + bias * SIZES[1]


@pytest.mark.long
def test_images_do_not_feel_the_ones_before(centred):
    start = named(*weights_of())
    together = centred.show(X, LABELS, start, RECIPE, seed=1, learn=False).mean_input
    assert np.array_equal(together[2:], centred.show(X[2:], LABELS[2:], start, RECIPE, seed=1, learn=False).mean_input)


@pytest.mark.long
@pytest.mark.parametrize("rule", ["single", "centred"])
def test_evaluation_leaves_every_bit_of_the_weights(rule, single, centred):
    start = named(*weights_of())
    shown = {"single": single, "centred": centred}[rule].show(
        X, LABELS, start, RECIPE.with_given(window_steps=WINDOW), seed=1, learn=False)
    assert shown.nudged == 0
    assert all(np.array_equal(shown.weights[name], w) for name, w in start.items())


@pytest.mark.long
def test_the_window_counts_negatively(single):
    weights, biases = weights_of()
    start, one = named(weights, biases), slice(0, 1)
    without = single.show(X[one], LABELS[one], start, RECIPE, seed=1).weights
    with_it = single.show(X[one], LABELS[one], start, RECIPE.with_given(window_steps=WINDOW), seed=1).weights
    found = show_image(weights, biases, X[0], np.eye(2)[LABELS[0]], *PHASES, window=WINDOW)["window"]
    eta = [rate / (0.5 * 0.5) for rate in RECIPE.rates]
    counted = named([e * w for e, w in zip(eta, found[0])], [e * b for e, b in zip(eta, found[1])])
    assert all(np.abs(change).max() > 1e-3 for change in counted.values())
    for name, change in counted.items():
        np.testing.assert_allclose(with_it[name] - without[name], -change, rtol=0, atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("window", [0, WINDOW])
def test_an_image_within_the_gate_is_not_nudged_and_teaches_nothing(single, window):
    weights, biases = weights_of()
    recipe = RECIPE.with_given(window_steps=window)
    away = [np.abs(np.eye(2)[label] - show_image(weights, biases, x, np.eye(2)[label], *PHASES)["s"]).max()
            for x, label in zip(X, LABELS)]
    nearest, farther, _ = np.argsort(away)
    assert away[nearest] < away[farther] - 1e-3
    gate, pair = (away[nearest] + away[farther]) / 2, [nearest, farther]
    shown = single.show(X[pair], LABELS[pair], named(weights, biases), recipe.with_given(gate=gate), seed=1)
    assert shown.nudged == 1
    assert_close(shown.weights, after(weights, biases, "single", recipe, images=[farther]))


def test_changes_of_a_batch_are_applied_at_its_end(centred):
    weights, biases = weights_of()
    shown = centred.show(X, LABELS, named(weights, biases), RECIPE.with_given(batch=2), seed=1)
    assert_close(shown.weights, after(weights, biases, "centred", RECIPE, batch=2))


@pytest.mark.long
def test_poisson_neurons_are_nudged_towards_the_target():
    classifier = Classifier((3, 4, 2), RULES["centred"], "leaky_integrator_poisson_twin", "pixel_poisson", images=18,
                            device="numpy")
    start = classifier.new_weights(1, output_bias=0.3)
    x, labels = np.tile(X[:1, :3], (18, 1)), np.zeros(18, dtype=int)
    recipe = RECIPE.with_given(rates=(0.1, 0.1))
    shown = classifier.show(x, labels, start, recipe, seed=2)
    again = classifier.show(x, labels, start, recipe, seed=2)
    assert all(np.array_equal(shown.weights[name], again.weights[name]) for name in start)
    before, now = (shown.mean_input[part].mean(axis=0) for part in (slice(0, 6), slice(12, 18)))
    assert now[0] - now[1] > before[0] - before[1] + 0.1


@pytest.mark.parametrize("arguments, said", [
    (dict(sizes=(4, 2)), "at least one hidden layer"),
    (dict(neuron="leaky_integrator_fire"), "needs a neuron with a twin"),
    (dict(neuron="lif"), "no parameter 'r_max'"),
    (dict(synapse="stdp_pair", neuron="leaky_integrator_fire"), "no parameter 'eta'"),
])
def test_networks_that_cannot_learn_are_refused(arguments, said):
    arguments = dict(sizes=(4, 3, 2), synapse=RULES["centred"], device="numpy", images=1) | arguments
    with pytest.raises(SpikelearnError, match=said):
        Classifier(**arguments)


def test_too_many_images_and_wrong_rates_are_refused(single):
    start = named(*weights_of())
    with pytest.raises(SpikelearnError, match="1 to 3 images"):
        single.show(np.vstack([X, X]), np.tile(LABELS, 2), start, RECIPE, seed=1)
    with pytest.raises(SpikelearnError, match="3 layers needs 3 learning rates, not 2"):
        single.show(X, LABELS, start, RECIPE.with_given(rates=(1, 2)), seed=1)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_black_poisson_pixel_does_not_fire_and_a_white_one_fires_in_every_step(precision):
    """Each fires at the start and draws its next spike; a chance of p_min is not lost in single precision."""
    model = load_model("neurons/pixel_poisson").with_parameters(r_max=1000 * Hz)

    def network():
        group = neurons(model, 3, name="pixels")
        return [group, SpikeMonitor(group, name="spikes")]

    simulation = Simulation(network, 50 * ms, device="numpy", precision=precision, dt=1 * ms)
    found = simulation.run({"pixels.x": [0, 0.2, 1], "pixels.waiting": 1}, seed=2, read=["spikes.i"])
    counts = np.bincount(found["spikes.i"], minlength=3)
    assert counts[0] == 1 and 2 < counts[1] < 25 and counts[2] == 50
