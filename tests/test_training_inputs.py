"""What a training and a presentation take: images, labels, weights and numbers; what does not fit is refused."""
import functools
import types

import numpy as np
import pytest

import spikelearn as sl
from spikelearn.equilibrium.classifier import Recipe, Shown
from spikelearn.equilibrium.weights import checked_weights, shapes_of
from spikelearn.images.checked import class_labels, image_rows
from spikelearn.unsupervised import train as unsupervised

RECIPE = Recipe(rates=(0.1, 0.1), free_steps=20, nudged_steps=(10, 10), listen_steps=10)
X, LABELS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, .5, 0, 0]]), np.array([0, 1, 0])


@functools.cache
def network():
    return sl.Classifier((4, 3, 2), "voltage_derivative_temporal", device="numpy", images=3)


def train(x=X, labels=LABELS, **settings):
    return sl.train(network(), x, labels, RECIPE, **{"epochs": 1, "chunk": 3} | settings)


def weights(**changes):
    """New weights, those of `changes` otherwise, None left out; __ stands for the point in a name."""
    new = network().new_weights(1) | {name.replace("__", "."): w for name, w in changes.items()}
    return {name: w for name, w in new.items() if w is not None}


def refused(call, sentence):
    with pytest.raises(sl.SpikelearnError) as caught:
        call()
    said = str(caught.value)
    assert sentence in said and not said[0].isupper() and not said.endswith("."), said


IMAGES = {
    "grey values": (16 * X, "images must lie from 0 (black) to 1 (white), but lie from 0 to 16: divide them by"),
    "negative": (X - .5, "images must lie from 0 (black) to 1 (white), but lie from -0.5 to 0.5"),
    "nan": (np.where(X == .5, np.nan, X), "images must lie from 0 (black) to 1 (white), but hold values that are not"),
    "inf": (np.where(X == .5, np.inf, X), "images must lie from 0 (black) to 1 (white), but hold values that are not"),
    "one pixel": (X[:, :1], "images must have the shape (n, 4), not (3, 1)"),
    "one image": (X[0], "images must have the shape (n, 4), not (4,)"),
    "ragged": ([[0, 0, 0, 0], [0]], "images must be an array, not lists of unequal lengths"),
    "words": ([["a"] * 4] * 3, "images must be numbers, not <U1"),
    "nothing": (None, "images must have the shape (n, 4), not ()"),
}
CLASSES = {
    "too large": ([0, 1, 2], "labels must lie from 0 to 1, as there are 2 classes, but lie from 0 to 2"),
    "negative": ([0, 1, -1], "labels must lie from 0 to 1, as there are 2 classes, but lie from -1 to 1"),
    "nan": ([0, 1, np.nan], "labels must be whole numbers, but hold nan"),
    "inf": ([0, 1, np.inf], "labels must lie from 0 to 1, as there are 2 classes, but lie from 0 to inf"),
    "half": ([0, 1, .5], "labels must be whole numbers, but hold 0.5"),
    "too many": (np.tile(LABELS, 2), "labels must have the shape (3,), one for each image, not (6,)"),
    "too few": (LABELS[:2], "labels must have the shape (3,), one for each image, not (2,)"),
    "one": (0, "labels must have the shape (3,), one for each image, not ()"),
    "one-hot": (np.eye(2)[LABELS], "labels must have the shape (3,), one for each image, not (3, 2)"),
    "ragged": ([[0, 1], [0], [1]], "labels must be an array, not lists of unequal lengths"),
    "words": (["a", "b", "a"], "labels must be whole numbers, not <U1"),
    "switches": (LABELS > 0, "labels must be whole numbers, not bool"),
}
WEIGHTS = {
    "one number": (dict(synapses_2__w=.5), "weights 'synapses_2.w' must have the shape (6,), not ()"),
    "one number in an array": (dict(synapses_2__w=[.5]), "weights 'synapses_2.w' must have the shape (6,), not (1,)"),
    "a table": (dict(synapses_2__w=np.ones((3, 2))), "weights 'synapses_2.w' must have the shape (6,), not (3, 2)"),
    "missing": (dict(biases_2__w=None), "weights must name synapses_1.w, synapses_2.w, biases_2.w, but 'biases_2.w'"),
    "unknown": (dict(biases_3__w=[0, 0]), "weights must be those of the network, which has no 'biases_3.w'; did you"),
    "nan": (dict(biases_2__w=[0, np.nan]), "weights 'biases_2.w' hold values that are not a number or infinite"),
    "words": (dict(biases_2__w=["a", "b"]), "weights 'biases_2.w' must be numbers, not <U1"),
    "ragged": (dict(biases_2__w=[[0], [0, 1]]), "weights 'biases_2.w' must be an array, not lists of unequal lengths"),
}
NUMBERS = {
    "no epoch": (dict(epochs=0), "epochs must be a whole number from 1 to 10,000, not 0"),
    "half an epoch": (dict(epochs=1.5), "epochs must be a whole number from 1 to 10,000, not 1.5"),
    "negative seed": (dict(seed=-1), "seed must be a whole number from 0 to 2,147,483,647, not -1"),
    "large seed": (dict(seed=2**31), "seed must be a whole number from 0 to 2,147,483,647"),
    "no chunk": (dict(chunk=0), "chunk must be a whole number from 1 to 100,000, not 0"),
    "half a chunk": (dict(chunk=1.5), "chunk must be a whole number from 1 to 100,000, not 1.5"),
    "no job": (dict(jobs=0), "jobs must be a whole number from 1 to 256, not 0"),
    "half a job": (dict(jobs=1.5), "jobs must be a whole number from 1 to 256, not 1.5"),
}


def show(x=X, labels=LABELS, given=None):
    return network().show(x, labels, given or weights(), RECIPE, seed=1)


def values(x=X, labels=LABELS, given=None):
    return network().values(x, labels, given or weights(), RECIPE, True)


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_none_are_refused(name):
    images, sentence = IMAGES[name]
    for call in (train, show, values):
        refused(lambda call=call: call(images), sentence)
    refused(lambda: train(validation=(images, LABELS)), f"validation {sentence}")


@pytest.mark.parametrize("name", CLASSES)
def test_labels_of_no_class_are_refused(name):
    labels, sentence = CLASSES[name]
    for call in (train, show, values):
        refused(lambda call=call: call(labels=labels), sentence)
    refused(lambda: train(validation=(X, labels)), f"validation {sentence}")


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_another_network_are_refused(name):
    given, sentence = weights(**WEIGHTS[name][0]), WEIGHTS[name][1]
    refused(lambda: train(weights=given), sentence)
    refused(lambda: show(given=given), sentence)
    refused(lambda: values(given=given), sentence)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_their_range_are_refused_before_a_checkpoint_is_written(name, tmp_path):
    settings, sentence = NUMBERS[name]
    refused(lambda: train(**settings, checkpoint=tmp_path / "made" / "x.npz"), sentence)
    assert not (tmp_path / "made").exists()


def test_other_refusals():
    refused(lambda: train(X[:0], LABELS[:0]), "images must be one at least, not none")
    refused(lambda: train(validation=(X[:0], [])), "validation images must be one at least, not none")
    refused(lambda: train(validation=X), "validation must be a pair (images, labels), or None for no validation")
    refused(lambda: train(weights={}), "'synapses_1.w' is missing")
    refused(lambda: train(weights=[1.]), "weights must be a dict, name -> array, not list")
    refused(lambda: show(X[:0], LABELS[:0]), "1 to 3 images can be shown at once, not 0")
    refused(lambda: network().new_weights(-1), "seed must be a whole number")
    wide, tall = X.reshape(3, 1, 4), X.reshape(3, 4, 1)     # four pixels, but not 2 x 2
    refused(lambda: sl.train(network(), wide, LABELS, RECIPE.with_given(shift=1), epochs=1),
            "only square images can be moved, not those of 1 x 4 pixels")
    train()
    refused(lambda: network().predict(tall, glances=5), "only square images can be moved, not those of 4 x 1 pixels")
    refused(lambda: network().predict(X, seed=-1), "seed must be a whole number")


def test_images_labels_and_numbers_of_every_kind_train_alike():
    first = train(validation=(X, LABELS), weights=weights())
    for x, labels in ((X.reshape(3, 2, 2), LABELS.astype(float)), (X.tolist(), LABELS.tolist()),
                      (X.astype(np.float32), LABELS.astype(np.uint8))):
        again = train(x, labels, validation=(x, labels), epochs=1.0, chunk=np.int64(3), jobs=1.0, seed=np.uint8(1),
                      weights={name: w.tolist() for name, w in weights().items()})
        assert all(np.array_equal(w, again.weights[name]) for name, w in first.weights.items())
        error = [end.curve["validation_error_percent"] for end in (first, again)]
        assert np.array_equal(*error)


def test_whole_images_are_trained_on():
    """Whole numbers and switches of black and white are images as they are."""
    ends = [train(np.round(X).astype(kind)).weights for kind in (float, np.uint8, bool)]
    assert all(np.array_equal(ends[0][name], end[name]) for end in ends for name in end)


def test_the_weights_of_a_network_and_fewer_of_one_with_fewer_connections():
    assert shapes_of((4, 3, 2)) == {name: w.size for name, w in weights().items()}
    deep = types.SimpleNamespace(sizes=(4, 3, 5, 2), simulation=network().simulation)
    assert shapes_of(deep.sizes) == {name: w.size for name, w in sl.Classifier.new_weights(deep, 1).items()}
    few = weights(synapses_2__w=np.ones(4))
    assert checked_weights(few, (4, 3, 2), sparse=True)["synapses_2.w"] is few["synapses_2.w"]
    refused(lambda: checked_weights(few, (4, 3, 2)), "must have the shape (6,), not (4,)")
    for count in (1, 7):
        refused(lambda count=count: checked_weights(weights(synapses_2__w=np.ones(count)), (4, 3, 2), sparse=True),
                f"must have the shape (6,), not ({count},)")


def test_images_are_not_copied_and_keep_their_type(monkeypatch):
    """Of 50,000 images in single precision a copy would take 157 MB, in double precision twice that."""
    for kind in (np.float32, np.float64, np.uint8, bool):
        x = np.round(X).astype(kind)
        rows = image_rows(x.reshape(3, 2, 2), 4)
        assert rows.dtype == kind and np.shares_memory(rows, x)
    assert np.shares_memory(class_labels(LABELS, 3, 2), LABELS)
    seen = []

    def shown(self, x, labels, w, recipe, *, seed, learn=True):
        seen.append(x.dtype)
        return Shown(w, np.zeros((len(x), 2)), 0, 0, 0)

    monkeypatch.setattr(sl.Classifier, "show", shown)
    train(X.astype(np.float32), validation=(X.astype(np.float32), LABELS))
    assert seen == [np.dtype(np.float32)] * 2


@pytest.mark.parametrize("settings, sentence", [
    (dict(x=16 * X), "images must lie from 0"), (dict(x=X[:, :1]), "images must have the shape (n, 4), not (3, 1)"),
    (dict(labels=[0, 1, 2]), "labels must lie from 0 to 1"), (dict(labels=[0, 1]), "labels must have the shape (3,)"),
    (dict(validation=(16 * X, LABELS)), "validation images must lie"), (dict(epochs=0), "epochs must be a whole"),
    (dict(validation=(X, [0, 1, .5])), "validation labels must be whole"), (dict(seed=-1), "seed must be a whole"),
], ids=["grey values", "one pixel", "class", "too few labels", "validation", "no epoch", "validation labels", "seed"])
def test_learning_without_a_teacher_refuses_them_too(settings, sentence):
    given = dict(x=X, labels=LABELS, epochs=1, classes=2, chunk=3) | settings
    network = types.SimpleNamespace(sizes=(4, 3), images=3)
    refused(lambda: unsupervised.learn(network, recipe=None, **given), sentence)
