"""Scores of restricted Boltzmann machines: likelihood (exact, annealed or Parzen) and error of completions."""
from typing import NamedTuple

import numpy as np

from spikelearn.boltzmann import annealing
from spikelearn.boltzmann.exact import log_likelihood
from spikelearn.likelihood import parzen

ENUMERATED = 16         # units of the smaller layer whose states are enumerated at most; chosen here


class Annealed(NamedTuple):
    """Mean log-likelihoods in nats, by annealing forward and backward, and standard errors of log Z."""

    forward: float
    backward: float
    forward_se: float
    backward_se: float

    @property
    def lower(self):
        """(the lower of the two, its standard error): a chain that misses states gives too high a likelihood."""
        return min((self.forward, self.forward_se), (self.backward, self.backward_se))


def annealed(machine, mean, v, seed, chains=100):
    """Annealed log-likelihood of v, both ways: Annealed.

    machine, mean, v : as in likelihood. The backward chains start from the ends of Gibbs chains that ran free from
    the first images.
    """
    ends = annealing.chain_ends(machine, v[:chains], np.random.default_rng([seed, 1]))
    both = [annealing.log_partition(machine, mean, chains=chains, seed=seed),
            annealing.log_partition_backward(machine, mean, ends, seed=seed)]
    forward, backward = (float(log_likelihood(machine, v, log_Z).mean()) for log_Z, _ in both)
    return Annealed(forward, backward, both[0][1], both[1][1])


def likelihood(machine, mean, v, seed):
    """(mean log-likelihood of v in nats, standard error of log Z): exact if a layer is small, else by annealing.

    By annealing it is the lower of the estimates forward and backward.

    machine : a restricted boltzmann.Machine; mean : (visible,) mean of the data; v : (n, visible) of 0 and 1.
    """
    if min(machine.sizes) <= ENUMERATED:
        return float(log_likelihood(machine, v).mean()), 0.0
    return annealed(machine, mean, v, seed).lower


def parzen_numbers(samples, training, valid, scored):
    """Parzen log-likelihood of grey images under samples, and under training images as samples: headline entries.

    samples, training, valid, scored : (n, pixels) from 0 to 1; sigma is chosen on the first half of `valid`.
    """
    choose = valid[:len(valid) // 2]
    found, known = (parzen(scored, centres, validation=choose) for centres in (samples, training))
    return {f"parzen_{name}": value for name, value in found._asdict().items()} | {
        "parzen_log_likelihood_training_images": known.log_likelihood}


def independent_pixels(mean, n, v):
    """Mean log-likelihood of v, in nats, if pixels are independent and on as often as in n images of that mean."""
    p = np.clip(mean, .5 / n, 1 - .5 / n)
    return float((v @ np.log(p) + (1 - v) @ np.log(1 - p)).mean())


def l2_error(images, completed):
    """L2 norm of the pixel difference, mean over the images."""
    return float(np.linalg.norm(np.asarray(completed, dtype=float) - images, axis=1).mean())
