"""Scores of restricted Boltzmann machines: likelihood (exact, annealed or Parzen) and error of completions."""
import numpy as np

from spikelearn.boltzmann import annealing
from spikelearn.boltzmann.exact import log_likelihood
from spikelearn.likelihood import parzen

ENUMERATED = 16         # units of the smaller layer whose states are enumerated at most; chosen here


def likelihood(machine, mean, v, seed):
    """(mean log-likelihood of v in nats, standard error of log Z): exact if a layer is small, else by annealing.

    machine : a restricted boltzmann.Machine; mean : (visible,) mean of the data; v : (n, visible) of 0 and 1.
    """
    if min(machine.sizes) <= ENUMERATED:
        return float(log_likelihood(machine, v).mean()), 0.0
    log_Z, se = annealing.log_partition(machine, mean, seed=seed)
    return float(log_likelihood(machine, v, log_Z).mean()), se


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
