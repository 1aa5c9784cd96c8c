"""Conventions that every trainer shares: bounded nudges, biases that do not decay, own random numbers, fair splits."""
import dataclasses

import numpy as np
import pytest
from spikelearn.protocols import equilibrium_gradient, feedforward_energy, feedforward_start, learn_mnist_rates

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann import spiking_machine
from spikelearn.equilibrium import feedforward as ff
from spikelearn.equilibrium import train as training
from spikelearn.equilibrium.classifier import Classifier, Recipe, Shown
from spikelearn.equilibrium.energy import HARD, Energy, Nudge, langevin, relax
from spikelearn.equilibrium.rate_layers import Layers
from spikelearn.images.datasets import load
from spikelearn.training.seeds import sampling_numbers

# --- the nudge ---------------------------------------------------------------------------------------------------

def rate_network(linear_outputs=True):
    rng = np.random.default_rng(3)
    net, x = Layers((4, 5, 2), rng, linear_outputs=linear_outputs), rng.random((3, 4)).astype(np.float32)
    first = net.drive_of(x)
    return net, x, first, net.settle(first, net.rest(3), 20), np.eye(2, dtype=np.float32)[[0, 1, 0]]


@pytest.mark.parametrize("linear_outputs", [True, False])
@pytest.mark.parametrize("beta", [1.0, 1.5, -1.5, 0.0])
def test_a_centred_nudge_without_a_minimum_is_refused(beta, linear_outputs):
    net, x, first, free, target = rate_network(linear_outputs)
    before = net.parameters()["w_0"].copy()
    with pytest.raises(SpikelearnError, match="^beta must"):
        net.learn(x, free, first, target, (.1, .1), beta, 6, centred=True)
    np.testing.assert_array_equal(net.parameters()["w_0"], before)


def test_the_minimum_of_a_centred_nudge_is_the_one_of_the_energy():
    """Outputs alone: s = (drive - beta*target)/(1 - beta), from dE/ds = s - drive + beta*(target - s)."""
    net, _, first, free, target = rate_network()
    for beta in (.3, .9):
        states = net.update(first, free, 1, -beta, target)
        wanted = (net.drive(1, first, free) - beta * target) / (1 - beta)
        np.testing.assert_allclose(states[1], wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(SpikelearnError, match="^beta must be below 1 in size where .*, not 1.2"):
        net.update(first, free, 1, -1.2, target)


def test_one_sided_nudges_may_be_strong():
    net, x, first, free, target = rate_network()
    net.learn(x, free, first, target, (.1, .1), 1.5, 6, centred=False)
    assert np.isfinite(net.parameters()["w_1"]).all()


@pytest.mark.parametrize("given", [dict(beta=1.0, centred=True), dict(centred=True), dict(beta=0.0)])
def test_the_recipe_of_a_rate_network_refuses_such_a_nudge(given):
    with pytest.raises(SpikelearnError, match="^beta must"):
        learn_mnist_rates.recipe_of("500", given)


def test_energies_without_a_minimum_are_refused():
    energy = Energy(np.zeros((2, 2)), np.zeros(2), HARD)
    for move in (relax, lambda *given: langevin(*given[:2], .1, given[2], rng=np.random.default_rng(1))):
        with pytest.raises(SpikelearnError, match="beta must be below 1"):
            move(energy, np.zeros(2), Nudge(-1.0, np.array([1.])))
    weights, biases = ff.random_layers((3, 2), np.random.default_rng(1))
    x = np.ones((1, 3))
    with pytest.raises(SpikelearnError, match="beta must be below 2"):
        ff.relax(weights, biases, x, ff.forward(weights, biases, x), beta=-2.0)


@pytest.mark.parametrize("run, given, name", [
    (equilibrium_gradient.run, dict(nudges=(1e-3, 1.0)), "nudges"), (equilibrium_gradient.run, dict(xi=1.5), "xi"),
    (feedforward_energy.run, dict(nudges=(2.5,)), "nudges"), (feedforward_start.run, dict(beta=1.0), "beta"),
    (feedforward_start.run, dict(images=1), "images")])
def test_protocols_name_the_nudge_that_they_refuse(run, given, name):
    with pytest.raises(SpikelearnError, match=f"^{name} must"):
        run(quick=True, **given)


# --- weight decay ------------------------------------------------------------------------------------------------

def test_biases_do_not_decay(monkeypatch):
    """The first layer keeps its biases in the last row of its weights, the others in arrays of their own."""
    monkeypatch.setattr(Classifier, "show", lambda self, x, labels, w, *_, **__: Shown(
        {name: array + 0 for name, array in w.items()}, np.eye(2)[np.zeros(len(x), dtype=int)], len(x), 0, 0))
    network = Classifier((4, 3, 2), load_model("voltage_derivative_symmetric_centred"), images=3, device="numpy")
    recipe = Recipe(rates=(.3, .2), weight_decay=.1, decay=1.0)
    before = {name: np.ones_like(w) for name, w in network.new_weights(1).items()}
    found = training.train(network, np.zeros((3, 4)), [0, 1, 0], recipe, epochs=1, chunk=3, weights=before).weights
    np.testing.assert_allclose(found["synapses_1.w"], [*[.97 ** 3] * 12, *[1] * 3], rtol=1e-12)
    np.testing.assert_allclose(found["synapses_2.w"], .98 ** 3, rtol=1e-12)
    np.testing.assert_array_equal(found["biases_2.w"], 1)
    assert all(w.dtype == before[name].dtype for name, w in found.items())


# --- random numbers ----------------------------------------------------------------------------------------------

def test_completions_share_no_random_numbers_between_parts_and_trainings():
    seeds = []

    @dataclasses.dataclass
    class Machine:
        examples: int = 2

        def show(self, examples, weights, *, seed, **_):
            seeds.append(seed)
            return spiking_machine.Shown(weights, np.zeros(np.shape(examples)), 0, 0)

    for training_number in range(3):
        spiking_machine.complete(Machine(), {}, np.zeros((7, 4)), np.arange(4) < 2, settling=1, averaged=1,
                                 seed=1 + training_number)
    assert len(seeds) == 12 and len(set(seeds)) == 12


def test_sampling_streams_differ_by_place():
    streams = [sampling_numbers(1, *where).random() for where in ((), (0,), (0, 0), (0, 0, 0), (1,), (1, 0))]
    assert len(set(streams)) == 6


# --- splits ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("validation", [719, 1000, 1436])
def test_a_split_leaves_more_training_than_validation_images(validation):
    with pytest.raises(SpikelearnError, match="^validation must be a whole number from 0 to 718"):
        load("digits", validation=validation)


def test_the_largest_split_of_the_digits():
    data = load("digits", validation=718)
    assert (len(data.train.labels), len(data.validation.labels)) == (719, 718)
