"""The protocols of unsupervised learning on datasets of a handful of images, in NumPy."""
import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from matplotlib.figure import Figure
from spikelearn.protocols import learn_mnist_diehl_cook, learn_mnist_unsupervised

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.images.datasets import Dataset, Examples

PIXEL = load_model("neurons/pixel_poisson_trace").with_parameters(r_max=600 * Hz)


def low_threshold(name):
    model = load_model(name)
    return dataclasses.replace(model, initial={**model.initial, "theta": 12 * mV})


SHORT = dict(pixel=PIXEL, dataset="digits", excitatory=4, chunk=4, shown=30 * ms, norm=4.0, device="numpy")


def few_images(n, seed, side=3):
    """Bright lines, upright (class 0) or lying (class 1)."""
    images, labels = np.zeros((n, side, side), dtype=np.uint8), np.arange(n) % 2
    for image, label, line in zip(images, labels, np.random.default_rng(seed).integers(side, size=n)):
        image[(slice(None), line) if label == 0 else line] = 16
    return Examples(images, labels.astype(np.uint8))


@pytest.fixture
def readings(monkeypatch):
    """A dataset of a few images; returns what was read of the test set."""
    found = []

    def load(name, data_dir=None, validation=None, own=False):
        held_out = few_images(0 if validation == 0 else 4, 2)
        return Dataset(name, 16, few_images(8, 1), held_out, lambda: found.append("test") or few_images(6, 3),
                       classes=2)

    monkeypatch.setattr(learn_mnist_unsupervised, "load", load)
    return found


@pytest.mark.long
def test_the_validation_images_are_scored_and_the_test_set_is_left_alone(readings):
    result = learn_mnist_unsupervised.run(neuron=low_threshold("adaptive_threshold"), **SHORT)
    a, headline = result.arrays, result.headline
    assert readings == [] and headline["test_set_was_read"] is False
    assert {"validation_accuracy_mean", "validation_accuracy_vote"} <= set(headline)
    assert a["confusion"].shape == (2, 2) and a["confusion"].sum() == 4 and a["responses"].shape == (2, 4)
    assert headline["validation_accuracy_vote"] == 100 * np.trace(a["confusion"]) / 4
    np.testing.assert_allclose(a["weights_synapses.w"].reshape(9, 4).sum(axis=0), 4, rtol=1e-5)
    figure = Figure(figsize=learn_mnist_unsupervised.FIGURE_SIZE)
    learn_mnist_unsupervised.plot(result, figure)
    assert len(figure.axes) == 5            # fields, confusions, responses and their scale, rates


@pytest.mark.long
def test_the_test_set_is_read_once_at_the_end_and_the_published_network_runs(readings):
    slower = PIXEL.with_parameters(r_max=190 * Hz)          # there is room for ten times as many spikes
    result = learn_mnist_diehl_cook.run(neuron=low_threshold("diehl_cook_excitatory"), final=True, validation=0,
                                        **(SHORT | dict(rest=5 * ms, pixel=slower)))
    assert readings == ["test"] and result.protocol == "learn_mnist_diehl_cook"
    assert result.headline["test_set_was_read"] and result.arrays["confusion"].sum() == 6
    assert [model["name"] for model in result.provenance["models"]][-1] == "diehl_cook_inhibitory"
    recipe = result.provenance["recipe"]
    assert (recipe["least_spikes"], float(recipe["theta_plus"] / mV)) == (5, pytest.approx(0.05))
    assert "seconds_to_90_percent" not in result.headline


@pytest.mark.parametrize("setting, sentence", [
    ("excitatory=0", "excitatory must be a whole number from 1 to 10,000, not 0"),
    ("shown=0.35", "shown must be a time from 0.001 s to 10 s"), ("shown=350.2*ms", "whole number of time steps"),
    ("theta_plus=5", "theta_plus must be a value above 0 V and at most 1 V"),
    ("norm=-1", "norm must be a number above 0"),
    ("pixel=neurons/pixel_fire", "pixel_fire has no variable 'brightness'")])
def test_a_mistake_ends_in_a_sentence(readings, setting, sentence, capsys, tmp_path):
    assert cli.main(["run", "learn_mnist_unsupervised", "--device", "numpy", "--set", setting, "--out",
                     str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_more_epochs_can_be_added_where_thresholds_do_not_fall(readings, tmp_path):
    how = SHORT | dict(neuron=low_threshold("adaptive_threshold"), out=str(tmp_path / "out"))
    learn_mnist_unsupervised.run(**how)
    more = learn_mnist_unsupervised.run(**(how | dict(resume=str(tmp_path / "out"), out="", epochs=2)))
    assert more.headline["epochs"] == 2
    how["out"] = str(tmp_path / "falling")
    learn_mnist_unsupervised.run(**how, theta_plus_first=1 * mV)
    with pytest.raises(SpikelearnError, match="epochs"):
        learn_mnist_unsupervised.run(**(how | dict(resume=how["out"], out="", epochs=2)), theta_plus_first=1 * mV)
