"""Parzen log-likelihood: how probable images are under a mixture of Gaussians around generated ones.

Breuleux, Bengio & Vincent (2011) Neural Comput 23:2058; the protocol of Bengio et al. (2013) ICML and Goodfellow et
al. (2014) NIPS: 10,000 samples, one sigma chosen on validation images, mean over the test images with its standard
error. The estimate can mislead (Theis et al. 2016 ICLR): always read it beside that of training images as samples.
"""
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError

SIGMAS = tuple(np.round(np.geomspace(0.1, 0.4, 13), 4))       # chosen here: a step of 12 %


CHOOSING = 2000         # images that choose sigma, at most; chosen here


class Parzen(NamedTuple):
    """log_likelihood : mean over the images, nats; log_likelihood_se : its standard error; sigma : the width used."""

    log_likelihood: float
    log_likelihood_se: float
    sigma: float


def log_density(images, samples, sigma, part=1000):
    """log of the mixture's density at each image, (n,) nats, or (sigmas, n) for several widths.

    images : (n, pixels); samples : (m, pixels), the centres; both grey levels from 0 to 1.
    Distances are worked out in double precision, `part` images at a time.
    """
    images, samples = np.atleast_2d(np.asarray(images)), np.asarray(samples, dtype=float)
    several = np.atleast_1d(np.asarray(sigma, dtype=float))
    square = np.einsum("ij,ij->i", samples, samples)
    out = np.empty((len(several), len(images)))
    for first in range(0, len(images), part):
        x = np.asarray(images[first:first + part], dtype=float)
        distance = x @ samples.T
        distance *= -2
        distance += square
        distance += np.einsum("ij,ij->i", x, x)[:, None]
        near = distance.min(axis=1, keepdims=True)
        distance -= near
        for row, s in enumerate(several):
            summed = np.exp(distance / (-2 * s * s)).sum(axis=1)
            out[row, first:first + part] = np.log(summed) - near[:, 0] / (2 * s * s)
    m, pixels = samples.shape
    out -= np.log(m) + pixels * np.log(several * np.sqrt(2 * np.pi))[:, None]
    return out if np.ndim(sigma) else out[0]


def choosing_and_scored(validation, shown):
    """Split held-out images in two halves: those that choose sigma and those that are scored.

    Parameters
    ----------
    validation : array, shape (n, pixels)
    shown : int
        Most images of either half, at least 2; the first half gives no more than CHOOSING.

    Returns
    -------
    tuple of two arrays

    Raises
    ------
    SpikelearnError
        If one of them would hold fewer than two images: a mean of one has no standard error.
    """
    if shown < 2:
        raise SpikelearnError(f"shown must be at least 2, not {shown}: one image has no standard error")
    half = len(validation) // 2
    if half < 2:
        raise SpikelearnError(f"validation must be at least 4 images, not {len(validation)}: one half chooses sigma, "
                              "the other is scored")
    return validation[:min(half, shown, CHOOSING)], validation[half:][:shown]


def best_sigma(validation, samples, sigmas=SIGMAS):
    """The width under which the validation images are most probable on average."""
    return float(np.asarray(sigmas)[np.argmax(log_density(validation, samples, np.asarray(sigmas)).mean(axis=1))])


def parzen(images, samples, *, validation=None, sigma=None, sigmas=SIGMAS):
    """Parzen log-likelihood of `images` under `samples`; sigma : the width, else the best one on `validation`.

    images, validation : (n, pixels); samples : (m, pixels); grey levels from 0 to 1. Returns Parzen.
    Raises SpikelearnError for fewer than two images, no samples, or no validation image where sigma is to be chosen.
    """
    for name, array, least in (("images", images, 2), ("samples", samples, 1),
                               ("validation", [0] if validation is None else validation, 1)):
        if len(array) < least:
            raise SpikelearnError(f"{name} must be at least {least} for a Parzen log-likelihood, not {len(array)}")
    sigma = best_sigma(validation, samples, sigmas) if sigma is None else sigma
    density = log_density(images, samples, sigma)
    return Parzen(float(density.mean()), float(density.std(ddof=1) / np.sqrt(len(density))), float(sigma))
