"""Unsupervised learning by competition: the network against plain loops, labels, decisions, recipe, resuming."""
import dataclasses

import numpy as np
import pytest
import reference_unsupervised as reference
from brian2 import Hz, ms, mV, second, volt

from spikelearn import SpikelearnError, load_model
from spikelearn.simulation.programs import compiler
from spikelearn.unsupervised.competing import WEIGHTS, CompetingNeurons, normalised
from spikelearn.unsupervised.labels import decide, evidence, labels_of, mean_responses, summed_by_class
from spikelearn.unsupervised.recipe import Recipe
from spikelearn.unsupervised.train import learn

PIXEL = load_model("neurons/pixel_poisson_trace").with_parameters(r_max=1000 * Hz)
RECIPE = Recipe(shown=40 * ms, norm=3.0, theta_plus=0.5 * mV)
compiles = pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler")


def spiking_often(name):
    """A neuron model whose thresholds start low and whose inhibition is weak."""
    model = load_model(name).with_parameters(inhibition=1)
    return dataclasses.replace(model, initial={**model.initial, "theta": 10 * mV})


def network(n_pixels=6, n=4, rule="stdp_potentiation", neuron="neurons/adaptive_threshold", **more):
    return CompetingNeurons(n_pixels, n, rule, spiking_often(neuron),
                            **{"device": "numpy", "images": 4, "pixel": PIXEL, **more})


def images(n, n_pixels=6, seed=1):
    """Bright pixels whose place depends on the class; classes take turns."""
    x = np.random.default_rng(seed).random((n, n_pixels)) * 0.2
    for k in range(n):
        x[k, (k % 2) * n_pixels // 2:(k % 2 + 1) * n_pixels // 2] = 0.8
    return x, np.arange(n) % 2


def spikes_by_image(t, i, steps, n_images, dt):
    """Of each image, step -> indices that spike in it."""
    found = [{} for _ in range(n_images)]
    for when, index in zip(np.round(np.asarray(t) / dt).astype(int), np.asarray(i)):
        found[when // steps].setdefault(when % steps, []).append(int(index))
    return found


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=[pytest.mark.compiler, compiles])])
def test_the_network_agrees_with_plain_loops_given_the_same_spikes(device):
    net, steps, x = network(device=device, raster=True), 80, images(4)[0]
    start = net.new_weights(3, RECIPE)
    read = net.simulation.run(net.values(x, start, RECIPE, RECIPE.theta_plus, True), seed=5, read=[
        *WEIGHTS, "spikes.t", "spikes.i", "spikes_of_pixels.t", "spikes_of_pixels.i"])
    given = spikes_by_image(read["spikes_of_pixels.t"], read["spikes_of_pixels.i"], steps, 4, 5e-4)
    found, w, theta = reference.show(given, start["synapses.w"].reshape(6, 4), start["neurons.theta"], steps=steps,
                                     norm=3.0, theta_plus=5e-4, inhibition=1)
    ours = spikes_by_image(read["spikes.t"], read["spikes.i"], steps, 4, 5e-4)
    assert [(k, step, j) for k, image in enumerate(ours) for step in sorted(image) for j in image[step]] == found
    assert len(found) > 40 and len({j for *_, j in found}) == 4
    together = {(k, step) for k, step, _ in found}
    assert len(together) < len(found)        # neurons that spike in one step inhibit each other, not themselves
    # the program also normalises after its last image
    np.testing.assert_allclose(np.asarray(read["synapses.w"]).reshape(6, 4), reference.scaled(w, 3.0), rtol=1e-9)
    np.testing.assert_allclose(np.asarray(read["neurons.theta"]), theta, rtol=1e-12)
    assert np.abs(w - reference.scaled(start["synapses.w"].reshape(6, 4), 3.0)).max() > 0.01


@pytest.mark.long
def test_inhibitory_neurons_inhibit_all_but_the_one_they_follow():
    """With conductances that stay, each neuron holds the number of spikes of all inhibitory neurons but its own."""
    model = load_model("neurons/diehl_cook_excitatory").with_parameters(tau_i=1e7 * second, inhibition=1e-3)
    model = dataclasses.replace(model, initial={**model.initial, "theta": 10 * mV})
    net = CompetingNeurons(6, 4, "stdp_diehl_cook_traces", model, PIXEL, "neurons/diehl_cook_inhibitory", images=1,
                           device="numpy")
    values = net.values(images(1)[0], net.new_weights(1, RECIPE), RECIPE, RECIPE.theta_plus, True)
    read = net.simulation.run(values, seed=1, read=["spikes.t", "spikes.i", "neurons.g_i"])
    # an inhibitory neuron spikes a step after its excitatory one, too late for spikes of the last step
    counts = np.bincount(read["spikes.i"][read["spikes.t"] < 39.25 * ms], minlength=4)
    assert counts.min() >= 2 and len(set(counts)) > 1
    np.testing.assert_allclose(read["neurons.g_i"], counts.sum() - counts, rtol=1e-6)


@pytest.mark.long
def test_an_image_with_few_spikes_is_shown_again_brighter_and_counted_once():
    """One pixel of rate 0 at first: a black image stays black and is given up after the most intense presentation."""
    x = np.vstack([np.zeros(6), images(1)[0]])
    pixel = load_model("neurons/pixel_poisson_trace")
    net = CompetingNeurons(6, 4, "stdp_potentiation", spiking_often("neurons/adaptive_threshold"), pixel, images=2,
                           pauses=True, device="numpy")
    recipe = dataclasses.replace(RECIPE, least_spikes=3, rest=5 * ms)
    shown = net.show(x, net.new_weights(1, recipe), recipe, seed=1)
    # intensities 1, 1.5, ... up to the first of at least 10: 19 presentations of the black image
    assert shown.presentations > 19 and shown.counts[0].sum() == 0 and shown.counts[1].sum() >= 3


@pytest.mark.long
def test_frozen_neurons_keep_weights_and_thresholds_and_answer_alike():
    net, (x, _) = network(), images(4)
    weights = net.new_weights(1, RECIPE)
    once, twice = (net.show(x, weights, RECIPE, seed=7, learn=False) for _ in range(2))
    np.testing.assert_array_equal(once.counts, twice.counts)
    assert once.counts.sum() > 0 and all(np.array_equal(once.weights[name], weights[name]) for name in WEIGHTS)


@pytest.mark.long
def test_thresholds_decay_by_the_time_of_the_presentations():
    """Black images: theta falls by exp(-t/tau_theta), known without running the network."""
    neuron = load_model("neurons/adaptive_threshold").with_parameters(tau_theta=1 * second)
    net = CompetingNeurons(6, 4, "stdp_potentiation", neuron, images=3, pauses=True, device="numpy")
    recipe = Recipe(shown=40 * ms, rest=10 * ms)
    shown = net.show(np.zeros((3, 6)), net.new_weights(1, recipe), recipe, seed=1)
    np.testing.assert_allclose(shown.weights["neurons.theta"], 0.02 * np.exp(-0.15), rtol=1e-12)
    assert shown.counts.sum() == 0 and shown.presentations == 3


@pytest.mark.long
@pytest.mark.parametrize("precision", ["single", "double"])
def test_pixels_spike_with_probability_rate_times_dt_and_black_ones_never(precision):
    """2,400 steps of chance .5, .05 and 0: counts within four standard deviations of the binomial law."""
    net = CompetingNeurons(3, 1, "stdp_potentiation", "neurons/adaptive_threshold", PIXEL, images=1, device="numpy",
                           precision=precision, raster=True)
    recipe, x = Recipe(shown=1200 * ms), np.array([[1, 0.1, 0]])
    read = net.simulation.run(net.values(x, net.new_weights(1, recipe), recipe, 0.02 * mV, True), seed=4,
                              read=["spikes_of_pixels.i"])
    counts = np.bincount(np.asarray(read["spikes_of_pixels.i"]), minlength=3)
    p = np.array([0.5, 0.05])
    assert counts[2] == 0 and (abs(counts[:2] - 2400 * p) < 4 * np.sqrt(2400 * p * (1 - p))).all()


@pytest.mark.long
@pytest.mark.parametrize("rule", ["stdp_diehl_cook", "stdp_pair"])
def test_rules_with_traces_of_their_own_learn_too_and_are_normalised(rule):
    net, (x, _) = network(rule=rule), images(3)
    start = net.new_weights(2, RECIPE)
    shown = net.show(x, start, RECIPE, seed=2)
    w = shown.weights["synapses.w"].reshape(6, 4)
    np.testing.assert_allclose(w.sum(axis=0), 3.0, rtol=1e-12)
    assert np.abs(w - normalised(start, 4, 3.0)["synapses.w"].reshape(6, 4)).max() > 1e-3


# --- labels and decisions ----------------------------------------------------------------------------------------

COUNTS = np.array([[4, 0, 1, 0], [2, 0, 1, 0], [0, 3, 1, 0]])       # of three images, the first two of class 0


def test_labels_and_decisions_of_a_table_worked_by_hand():
    sums, shown = summed_by_class(COUNTS, [0, 0, 1], 2)
    np.testing.assert_array_equal(sums, [[6, 0, 2, 0], [0, 3, 1, 0]])
    responses = mean_responses(sums, shown)
    np.testing.assert_array_equal(responses, [[3, 0, 1, 0], [0, 3, 1, 0]])
    np.testing.assert_array_equal(labels_of(responses), [0, 1, 0, -1])
    counts = np.array([[2, 1, 0, 9], [0, 0, 5, 0], [1, 3, 2, 0]])
    # mean: neurons 0 and 2 are of class 0, neuron 1 of class 1; neuron 3 never spiked and counts for nothing
    np.testing.assert_array_equal(evidence(counts, responses, "mean"), [[1, 1], [2.5, 0], [1.5, 3]])
    # vote: neuron 2 speaks for both classes alike
    np.testing.assert_array_equal(evidence(counts, responses, "vote"), [[2, 1], [2.5, 2.5], [2, 4]])
    np.testing.assert_array_equal(decide(counts, responses, "vote"), [0, 0, 1])


def test_a_class_that_was_not_shown_gets_no_neuron():
    responses = mean_responses(*summed_by_class(COUNTS, [0, 0, 1], 3))
    assert responses.shape == (3, 4) and not responses[2].any() and 2 not in labels_of(responses)
    with pytest.raises(SpikelearnError, match="none was shown"):
        mean_responses(np.zeros((2, 4)), np.zeros(2))
    with pytest.raises(SpikelearnError, match="mean or vote, not 'median'"):
        evidence(COUNTS, responses, "median")


# --- recipe ------------------------------------------------------------------------------------------------------

def test_thresholds_grow_as_the_recipe_has_it_for_the_number_of_neurons():
    for n, value in ((100, 0.01), (400, 0.02), (1600, 0.08), (200, 0.01 * 2**0.5), (50, 0.01), (5000, 0.08)):
        assert float(Recipe().for_neurons(n).theta_plus / mV) == pytest.approx(value)
    falling = Recipe(theta_plus=0.02 * mV, theta_plus_first=0.08 * mV)
    assert [float(falling.theta_plus_at(over) / mV) for over in (0, 0.5, 1)] == pytest.approx([0.08, 0.04, 0.02])


@pytest.mark.parametrize("fields, sentence", [
    (dict(theta_plus=-1 * mV), "theta_plus must be a potential above 0"), (dict(theta_plus=0.02), "such as 0.02"),
    (dict(theta_plus_first=0 * mV), "theta_plus_first must be"), (dict(norm=0), "norm must be"),
    (dict(first_weight=0), "first_weight must be"), (dict(label_images=0), "label_images must be a whole"),
    (dict(shown=0 * ms), "shown must be"), (dict(rest=-1 * ms), "rest must be"),
    (dict(least_spikes=-1), "least_spikes must be")])
def test_a_recipe_out_of_range_is_refused(fields, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        Recipe(**fields)


def test_what_the_network_cannot_show_is_refused():
    net, (x, _) = network(), images(2)
    weights = net.new_weights(1, RECIPE)
    with pytest.raises(SpikelearnError, match="shown must be a whole number of time steps of 0.5 ms, not 40.2 ms"):
        net.show(x, weights, dataclasses.replace(RECIPE, shown=40.2 * ms), seed=1)
    with pytest.raises(SpikelearnError, match="1 to 4 images can be shown at once, not 5"):
        net.show(np.zeros((5, 6)), weights, RECIPE, seed=1)
    with pytest.raises(SpikelearnError, match="built without pauses: rest and least_spikes must be 0"):
        net.show(x, weights, dataclasses.replace(RECIPE, rest=5 * ms), seed=1)
    net = network(pauses=True)
    with pytest.raises(SpikelearnError, match="r_max can be at most 200. Hz, not 1. kHz"):
        net.show(np.ones((1, 6)), weights, dataclasses.replace(RECIPE, least_spikes=5), seed=1)
    with pytest.raises(SpikelearnError, match="lif has no variable 'g_e'"):
        CompetingNeurons(6, 4, "stdp_pair", "neurons/lif", device="numpy")
    with pytest.raises(SpikelearnError, match="pixel_fire has no variable 'brightness', which this network sets"):
        network(pixel="neurons/pixel_fire")


# --- training ----------------------------------------------------------------------------------------------------

def trained(net, path=None, resume=None, epochs=2, **more):
    x, labels = images(8)
    recipe = dataclasses.replace(RECIPE, shown=15 * ms, label_images=6, **more)
    return learn(net, x, labels, recipe, epochs=epochs, classes=2, seed=3, chunk=4,
                 validation=images(4, seed=9), checkpoint=path, resume=resume)


@pytest.mark.long
def test_an_interrupted_training_resumes_bit_for_bit(tmp_path, monkeypatch):
    net, path = network(), tmp_path / "checkpoint.npz"
    whole, show, shown = trained(net), CompetingNeurons.show, []

    def failing(self, *arguments, **keywords):
        shown.append(1)
        if len(shown) == 3:                 # two chunks were learnt
            raise KeyboardInterrupt
        return show(self, *arguments, **keywords)

    monkeypatch.setattr(CompetingNeurons, "show", failing)
    with pytest.raises(KeyboardInterrupt):
        trained(net, path)
    monkeypatch.setattr(CompetingNeurons, "show", show)
    again = trained(net, path, path)
    for name in WEIGHTS:
        np.testing.assert_array_equal(again.weights[name], whole.weights[name])
    np.testing.assert_array_equal(again.responses, whole.responses)
    assert whole.curve["images"].tolist() == [8, 8] and set(whole.curve) >= {
        "validation_accuracy_mean", "validation_accuracy_vote", "spikes", "presentations", "seconds"}


@pytest.mark.long
def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    net, path = network(), tmp_path / "checkpoint.npz"
    trained(net, path, epochs=1)
    with pytest.raises(SpikelearnError, match="was made with norm=3.0, but this training has 4.0"):
        trained(net, path, path, norm=4.0)
    with pytest.raises(SpikelearnError, match="theta_plus_first"):
        trained(net, path, path, theta_plus_first=1 * mV)


def test_labels_come_from_the_last_training_images_alone(monkeypatch):
    """Of eight images the last six of the epoch label; each of the four neurons spikes once for the image's label."""
    net, recipe = network(), dataclasses.replace(RECIPE, label_images=6)

    def show(self, x, weights, recipe, *, seed, learn=True, theta_plus=None):
        counts = np.zeros((len(x), 4), dtype=int)
        counts[np.arange(len(x)), np.round(10 * x[:, 0]).astype(int)] = 1
        return type("Shown", (), dict(weights=weights, counts=counts, presentations=len(x), input_spikes=0))

    monkeypatch.setattr(CompetingNeurons, "show", show)
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    x = np.repeat(labels[:, None] / 10, 6, axis=1)
    found = learn(net, x, labels, recipe, epochs=1, classes=4, chunk=4, seed=1)
    off = found.responses - np.diag(np.diag(found.responses))
    assert not off.any() and set(np.diag(found.responses)) <= {0, 1} and np.trace(found.responses) >= 3


def test_thresholds_in_volt_are_kept_in_the_precision_of_the_network():
    net = network()
    assert {array.dtype for array in net.new_weights(1, RECIPE).values()} == {np.dtype(net.simulation.precision)}
    assert float(net.neuron.initial["theta"] / volt) == 0.01
