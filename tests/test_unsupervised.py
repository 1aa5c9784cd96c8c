"""Unsupervised learning by competition: the network against plain loops, labels, decisions, recipe, resuming."""
import dataclasses

import numpy as np
import pytest
import reference_unsupervised as reference
from brian2 import Hz, ms, mV, volt

from spikelearn import SpikelearnError, load_model
from spikelearn.simulation.programs import compiler
from spikelearn.unsupervised.competing import WEIGHTS, CompetingNeurons, normalised
from spikelearn.unsupervised.labels import decide, evidence, labels_of, mean_responses, summed_by_class
from spikelearn.unsupervised.recipe import Recipe
from spikelearn.unsupervised.train import learn

PIXEL = load_model("neurons/pixel_poisson_trace").with_parameters(r_max=1000 * Hz)
NEURON = load_model("neurons/adaptive_threshold").with_parameters(inhibition=1)
NEURON = dataclasses.replace(NEURON, initial={**NEURON.initial, "theta": 10 * mV})      # so that it spikes often
RECIPE = Recipe(shown=40 * ms, norm=3.0, theta_plus=0.5 * mV)
compiles = pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler")


def network(n_pixels=6, n=4, rule="stdp_potentiation", **more):
    return CompetingNeurons(n_pixels, n, rule, **{"device": "numpy", "images": 4, "pixel": PIXEL, "neuron": NEURON, **more})


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


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=compiles)])
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
