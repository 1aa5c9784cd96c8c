"""Generative and Boltzmann protocols on few images: finite numbers, or one sentence that names the parameter."""
import numpy as np
import pytest
from spikelearn.protocols import (
    generate_mnist,
    inpaint,
    learn_mnist,
    learn_mnist_rates,
    likelihood_ascent,
    spike_noise,
    vpf_features,
    vpf_generate,
    vpf_reconstruct,
)

from spikelearn import SpikelearnError, likelihood
from spikelearn.boltzmann.machine import new_machine
from spikelearn.boltzmann.sampling import hidden_part, reconstructed

TINY = {
    generate_mnist: dict(hidden=(6, 3), samples=30, centres=9, shown=20, chain_steps=2, rounds=1, epochs=1),
    spike_noise: dict(hidden=(6, 3), samples=30, shown=20, epochs=1),
    likelihood_ascent: dict(hidden=(6, 3), shown=20, steps=2, epochs=1),
    inpaint: dict(hidden=(6, 3), shown=20, rounds=2, epochs=1),
    vpf_generate: dict(hidden=(6, 3), samples=30, shown=20, top_steps=2, epochs=1),
    vpf_features: dict(sizes=(5, 1), epochs=1),
    vpf_reconstruct: dict(hidden=5, shown=20, steps=3, average=2, epochs=1),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))


def names(value):
    return value.__name__.rpartition(".")[2]


def assert_finite(result):
    for name, value in {**result.arrays, **result.headline}.items():
        value = np.asarray(value)
        if value.dtype.kind == "f":
            assert value.size and np.isfinite(value).all(), name


@pytest.mark.long
@pytest.mark.parametrize("images", [1, 10, 60])
@pytest.mark.parametrize("protocol", TINY, ids=names)
def test_few_digits_give_finite_numbers(protocol, images):
    """The batch is larger than the data for 1 and 10 images; the validation part of the digits is 237 images."""
    assert_finite(protocol.run(dataset="digits", images=images, quick=True, **TINY[protocol]))


@pytest.mark.parametrize("protocol", [generate_mnist, spike_noise, vpf_generate], ids=names)
def test_one_scored_image_is_refused(protocol):
    with pytest.raises(SpikelearnError, match="^shown must be at least 2, not 1"):
        protocol.run(dataset="digits", images=5, quick=True, **{**TINY[protocol], "shown": 1})


@pytest.mark.parametrize("protocol, given, name", [
    (vpf_features, dict(spread=0.), "spread"), (vpf_generate, dict(top_steps=0), "top_steps"),
    (vpf_generate, dict(redraw=-1), "redraw"), (vpf_reconstruct, dict(steps=0), "steps"),
    (vpf_reconstruct, dict(average=9), "average"), (inpaint, dict(share=.001), "share"),
    (generate_mnist, dict(batch=0), "batch"), (learn_mnist_rates, dict(batch=0), "batch"),
    (learn_mnist_rates, dict(networks=("0",)), "networks")])
def test_what_cannot_be_computed_is_refused_by_name(protocol, given, name):
    with pytest.raises(SpikelearnError, match=f"^{name}\\b"):
        protocol.run(dataset="digits", images=5, quick=True, **{**TINY.get(protocol, {}), **given})


def test_an_inference_that_diverges_is_refused():
    with pytest.raises(SpikelearnError, match="gradient_delta"):
        likelihood_ascent.run(dataset="digits", images=20, quick=True, gradient_delta=1e3,
                              **{**TINY[likelihood_ascent], "steps": 40})


def test_half_of_the_validation_images_chooses_sigma_and_the_other_is_scored():
    images = np.arange(237)[:, None]
    choosing, scored = likelihood.choosing_and_scored(images, 1000)
    assert (len(choosing), len(scored)) == (118, 119) and not set(choosing[:, 0]) & set(scored[:, 0])
    choosing, scored = likelihood.choosing_and_scored(np.arange(10_000)[:, None], 10_000)
    assert choosing[:, 0].tolist() == list(range(2000)) and scored[:, 0].tolist() == list(range(5000, 10_000))
    for n, shown, name in ((3, 10, "validation"), (0, 10, "validation"), (100, 1, "shown")):
        with pytest.raises(SpikelearnError, match=f"^{name} must be at least"):
            likelihood.choosing_and_scored(np.zeros((n, 4)), shown)


@pytest.mark.parametrize("images, samples, valid, name", [(0, 3, 3, "images"), (1, 3, 3, "images"),
                                                          (3, 0, 3, "samples"), (3, 3, 0, "validation")])
def test_a_parzen_estimate_needs_images_and_samples(images, samples, valid, name):
    with pytest.raises(SpikelearnError, match=f"^{name} must be at least"):
        likelihood.parzen(np.zeros((images, 4)), np.zeros((samples, 4)), validation=np.zeros((valid, 4)))


def test_a_mean_of_more_steps_than_there_are_is_refused():
    """At 8be5cb3 the sum of 3 probabilities was divided by 9."""
    machine, images = new_machine((4, 2)), np.ones((2, 4))
    hidden = np.tile([True, True, False, False], (2, 1))
    with pytest.raises(SpikelearnError, match="^average must lie from 0 to steps=3"):
        reconstructed(machine, images, hidden, np.random.default_rng(1), steps=3, average=9)
    with pytest.raises(SpikelearnError, match="^share must hide at least one pixel"):
        hidden_part("pixels", 2, 8, np.random.default_rng(1), share=.001)


def test_masks_and_fillings_share_no_random_numbers(monkeypatch):
    used = []
    monkeypatch.setattr(vpf_reconstruct, "hidden_part", lambda corruption, n, side, rng: (
        used.append(rng.random()), hidden_part(corruption, n, side, rng))[1])
    monkeypatch.setattr(vpf_reconstruct, "both_readings", lambda machine, images, hidden, rng, *_: (
        used.append(rng.random()), (images, images))[1])
    vpf_reconstruct.run(dataset="digits", images=20, quick=True, methods=("vpf", "cd1"), runs=1,
                        **TINY[vpf_reconstruct])
    assert len(used) == len(set(used)) == 7 * 3


# --- splits of the trainers of classifiers --------------------------------------------------------------------

class Caught(Exception):
    """Carries what a trainer was given."""


@pytest.mark.parametrize("protocol, given", [(learn_mnist, {}), (learn_mnist_rates, dict(networks=("5",)))],
                         ids=["learn_mnist", "learn_mnist_rates"])
def test_quick_digits_train_on_more_images_than_they_hold_out(protocol, given, monkeypatch):
    def caught(*arguments, **named):
        found = [part for part in [*arguments, *named.values()] if isinstance(part, tuple) and len(part) == 2
                 and np.ndim(part[0]) == 2]
        raise Caught(next(len(part) for part in arguments if np.ndim(part) == 2), len(found[0][0]))

    monkeypatch.setattr(protocol, "train", caught)
    if protocol is learn_mnist:
        monkeypatch.setattr(protocol, "Classifier", lambda *_, **__: None)
    with pytest.raises(Caught) as found:
        protocol.run(dataset="digits", quick=True, **given)
    assert found.value.args == (1200, 237)
    with pytest.raises(SpikelearnError, match="^validation must be"):
        protocol.run(dataset="digits", quick=True, validation=1000, **given)
