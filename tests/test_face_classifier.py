"""A saved network answers: Classifier.load and predict, and predict after train."""
import numpy as np
import pytest

import spikelearn as sl
from spikelearn.equilibrium.classifier import Recipe
from spikelearn.equilibrium.saved_networks import _model
from spikelearn.images.readout import confusion

TEMPORAL = "voltage_derivative_temporal"
RECIPE = Recipe(rates=(0.1, 0.1), free_steps=20, nudged_steps=(10, 10), listen_steps=10)
IMAGES, LABELS = np.array([[1, 1, 0, 0], [0, 0, 1, 1.]]), [0, 1]


def network():
    return sl.Classifier((4, 3, 2), TEMPORAL, device="numpy", images=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that has seen four digits, as saved, and its result."""
    folder = tmp_path_factory.mktemp("trained") / "digits"
    result = sl.run("learn_mnist", dataset="digits", hidden=3, images=4, validation=6, epochs=1, chunk=2, free_steps=20,
                    nudged_steps=10, device="numpy", out=folder)
    return sl.Classifier.load(folder, images=6, device="numpy"), result


@pytest.mark.long
def test_a_loaded_network_answers_as_the_run_that_saved_it(trained):
    """Class by class the same answers to the validation images, in every shape in which images come."""
    net, result = trained
    data = sl.load_dataset("digits", validation=6)
    images = data.validation.images / data.scale
    answers = net.predict(images)
    assert np.array_equal(confusion(data.validation.labels.astype(int), answers), result.arrays["confusion"])
    assert np.array_equal(net.predict(images.reshape(6, 64)), answers) and answers.dtype.kind == "i"
    assert net.predict(images[:0]).shape == (0,)


@pytest.mark.parametrize("images, sentence", [
    (np.zeros((2, 5)), r"images must have the shape \(n, 64\), not \(2, 5\)"), (np.zeros(64), "must have the shape"),
    (np.full((1, 64), np.nan), "must lie from 0"), (np.full((1, 64), 16), "divide them by the value of a white pixel"),
    (np.full((1, 64), -1), "must lie from 0"), ([[0] * 64, [0]], "unequal lengths"),
    ([["a"] * 64], "must be numbers"),
], ids=["size", "one", "nan", "grey values", "negative", "ragged", "words"])
def test_images_that_cannot_be_shown_are_refused(trained, images, sentence):
    with pytest.raises(sl.SpikelearnError, match=sentence):
        trained[0].predict(images)


@pytest.mark.long
def test_a_trained_network_answers_with_the_weights_of_its_training():
    net = network()
    with pytest.raises(sl.SpikelearnError, match="no weights yet"):
        net.predict(IMAGES)
    end = sl.train(net, IMAGES, LABELS, RECIPE, epochs=1)
    assert net.weights is end.weights and net.recipe is RECIPE
    mean_input = net.show(IMAGES, [0, 0], end.weights, RECIPE, seed=3, learn=False).mean_input
    net.weights = {name: weight + 0.0 for name, weight in end.weights.items()}
    assert np.array_equal(net.predict(IMAGES), mean_input.argmax(axis=1))


def test_a_result_without_a_network_is_refused(tmp_path):
    sl.run("stdp_window", quick=True, out=tmp_path / "window")
    with pytest.raises(sl.SpikelearnError, match="holds no network"):
        sl.Classifier.load(tmp_path / "window", device="numpy")


def test_a_network_is_known_by_the_statements_of_its_models_not_by_their_comments():
    model = sl.load_model(f"synapses/{TEMPORAL}")
    saved = {"name": model.name, "text": f'"""Older words."""\n# and a comment\n{model.text.split(chr(34) * 3, 2)[2]}',
             "parameters": {"eta": 0.5}}
    assert _model(saved, "synapse", "x").parameters["eta"] == 0.5
    for text in (saved["text"].replace("change +=", "change -="), "MODEL = ("):
        with pytest.raises(sl.SpikelearnError, match="is not what it was when 'x' was made"):
            _model(saved | {"text": text}, "synapse", "x")
