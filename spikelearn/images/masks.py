"""Noise on the activities of a layer: which the next layer reads while it learns.

Each function here makes a corruption: a function of (activities (n, units), numpy Generator) that gives a new array of
the same shape and precision. Bengio et al. (2015) arXiv:1502.04156: Gaussian noise, the mean of three Bernoulli samples
on the top layer (Algorithm 2), and spike trains as a quantisation whose noise the counting time sets (sections 3, 5).
"""
import numpy as np

from spikelearn.errors import SpikelearnError


def none(h, rng):
    """No corruption."""
    return h


def gaussian(size):
    """Independent Gaussian noise of standard deviation `size`."""
    _positive("The size of the noise", size)

    def corrupted(h, rng):
        noise = rng.standard_normal(h.shape, h.dtype)
        noise *= size
        noise += h
        return noise

    return corrupted


def bernoulli_mean(samples=3):
    """Mean of `samples` Bernoulli draws with the activity, clipped to [0, 1], as the probability: 0, 1/3, 2/3 or 1."""
    if samples < 1:
        raise SpikelearnError(f"a mean needs at least one sample, not {samples}")

    def corrupted(h, rng):
        total = np.zeros_like(h)
        for _ in range(int(samples)):
            total += rng.random(h.shape, np.float32) < h
        total /= samples
        return total

    return corrupted


def spike_counts(window, r_max):
    """Spikes of a Poisson neuron counted over `window`, divided by what an activity of 1 gives on average.

    window : counting time (second); r_max : rate of an activity of 1 (Hz). Mean h, variance h / (window r_max); a
    negative activity is silent. For activities above 1 the rate goes on growing.
    """
    expected = float(np.asarray(window * r_max))
    _positive("The number of spikes that an activity of 1 gives within the window", expected)

    def corrupted(h, rng):
        counts = rng.poisson(np.maximum(h, 0) * expected).astype(h.dtype)
        counts /= expected
        return counts

    return corrupted


def _positive(what, value):
    if not value > 0:
        raise SpikelearnError(f"{what} must be positive, not {value:g}")
