"""Parzen log-likelihood against naive loops and closed forms."""
import numpy as np
import pytest
from scipy.special import logsumexp

from spikelearn.likelihood import best_sigma, log_density, parzen


def test_against_a_naive_loop():
    rng = np.random.default_rng(1)
    images, samples, sigma = rng.random((7, 5)), rng.random((4, 5)), .3
    naive = [logsumexp([-sum((x - m) ** 2) / (2 * sigma ** 2) for m in samples]) - np.log(4)
             - 5 * np.log(sigma * np.sqrt(2 * np.pi)) for x in images]
    assert log_density(images, samples, sigma) == pytest.approx(naive, rel=1e-12)
    assert log_density(images, samples, np.array([.1, sigma]), part=3)[1] == pytest.approx(naive, rel=1e-12)
    found = parzen(images, samples, sigma=sigma)
    assert found == pytest.approx((np.mean(naive), np.std(naive, ddof=1) / np.sqrt(7), sigma))


def test_the_constant_of_mnist():
    """784 pixels, an image equal to the only sample, sigma 0.2: 541.35 nats."""
    image = np.random.default_rng(2).random((1, 784))
    assert log_density(image, image, .2)[0] == pytest.approx(541.35, abs=.005)


def test_far_images_do_not_underflow():
    found = log_density(np.ones((1, 784)), np.zeros((3, 784)), .05)
    assert found[0] == pytest.approx(-784 / (2 * .05 ** 2) - 784 * np.log(.05 * np.sqrt(2 * np.pi)), rel=1e-12)


def test_the_best_sigma_of_one_sample_is_the_root_mean_square_distance():
    images = np.random.default_rng(3).normal(.5, .2, (400, 10))
    sigmas = np.linspace(.05, .5, 451)
    expected = np.sqrt(np.mean((images - .4) ** 2))
    assert best_sigma(images, np.full((1, 10), .4), sigmas) == pytest.approx(expected, abs=.0006)
    assert parzen(images[:50], np.full((1, 10), .4), validation=images, sigmas=sigmas).sigma == pytest.approx(
        expected, abs=.0006)


def test_likelihood_of_gaussian_data_comes_near_its_entropy():
    """Samples and images from one Gaussian in two dimensions: the mean is minus its entropy, up to the smoothing."""
    rng = np.random.default_rng(4)
    samples, validation, images = (rng.normal(0, 1, (2000, 2)) for _ in range(3))
    found = parzen(images, samples, validation=validation, sigmas=np.geomspace(.1, .6, 6))
    entropy = np.log(2 * np.pi * np.e)
    assert -entropy - .1 < found.log_likelihood < -entropy + 4 * found.log_likelihood_se
