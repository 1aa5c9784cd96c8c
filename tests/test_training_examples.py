"""A checkpoint knows the images and labels of its training, not only their number."""
import numpy as np
import pytest

import spikelearn as sl
from spikelearn import SpikelearnError
from spikelearn.boltzmann import train as boltzmann
from spikelearn.boltzmann.machine import new_machine
from spikelearn.equilibrium.classifier import Recipe
from spikelearn.training.checkpoint import examples_told

X, LABELS = np.random.default_rng(5).uniform(0.1, 1, (7, 4)), np.array([0, 1, 0, 1, 1, 0, 1])


def test_other_images_or_labels_are_refused(tmp_path):
    recipe = Recipe(rates=(0.3, 0.2), free_steps=4, nudged_steps=2, listen_steps=2)
    net = sl.Classifier((4, 3, 2), "voltage_derivative_symmetric_centred", images=4, device="numpy")
    path = tmp_path / "c.npz"
    sl.train(net, X, LABELS, recipe, epochs=1, chunk=4, checkpoint=path)
    for x, labels in ((1 - X, LABELS), (X, 1 - LABELS)):
        with pytest.raises(SpikelearnError, match="was made with other examples than those of this training"):
            sl.train(net, x, labels, recipe, epochs=2, chunk=4, resume=path)
    sl.train(net, X, LABELS, recipe, epochs=2, chunk=4, resume=path)


def test_a_boltzmann_machine_is_refused_other_examples(tmp_path):
    x, path = (X > 0.5).astype(float), tmp_path / "c.npz"
    given = dict(rule="vpf", epochs=1, seed=1)
    boltzmann.train(new_machine((4, 3), seed=1), x, checkpoint=path, **given)
    with pytest.raises(SpikelearnError, match="was made with other examples"):
        boltzmann.train(new_machine((4, 3), seed=1), 1 - x, resume=path, **given)


def test_a_named_dataset_is_known_by_its_name():
    assert examples_told({"dataset": "mnist"}, X) == {"dataset": "mnist"}
    assert examples_told(None, X) != examples_told(None, X.astype(np.float32)) and examples_told(None, X)
