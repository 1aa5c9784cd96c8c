"""Annealed importance sampling: log Z of restricted Boltzmann machines too large to enumerate.

Neal (2001) Stat Comput 11:125; for RBMs Salakhutdinov & Murray (2008) ICML. The base machine has the same visible
biases as the data's mean gives and no weights, so that its log Z is known; chains go from it to the machine of
interest through machines in between, and their mean weight is Z / Z_base.
"""
import numpy as np
from scipy.special import logsumexp

from spikelearn.boltzmann.machine import Machine, drawn, is_restricted, sigmoid
from spikelearn.errors import SpikelearnError


def log_partition(machine, mean, *, chains=100, betas=1000, seed=0):
    """(log Z, standard error of log Z) of an RBM.

    machine : an RBM; mean : (visible,) mean of the data; chains : independent runs; betas : steps from base to machine
    The standard error is that of the mean weight, to first order; it is too small when few chains carry all the weight.
    """
    if not is_restricted(machine):
        raise SpikelearnError("annealing needs a restricted machine, two layers without lateral weights; "
                              "others can be enumerated when they are small")
    machine = machine.mapped(lambda name, array: array.astype(float))
    rng = np.random.default_rng(seed)
    p = np.clip(np.asarray(mean, dtype=float), 0.005, 0.995)        # chosen here: every pixel can be on and off
    base = Machine((np.log(p / (1 - p)), np.zeros(machine.sizes[1])), (np.zeros_like(machine.weights[0]),))
    steps = np.linspace(0, 1, betas + 1)
    v = drawn(np.tile(p, (chains, 1)), rng)
    log_weight = np.zeros(chains)
    for before, now in zip(steps[:-1], steps[1:], strict=True):
        terms = _terms(base, machine, v)
        log_weight += _log_p(terms, now) - _log_p(terms, before)
        v = _transition(base, machine, v, terms[2], now, rng)
    log_Z_base = np.logaddexp(0, base.biases[0]).sum() + machine.sizes[1] * np.log(2)
    weight = np.exp(log_weight - log_weight.max())
    return (float(log_Z_base + logsumexp(log_weight) - np.log(chains)),
            float(weight.std(ddof=1) / weight.mean() / np.sqrt(chains)))


def _terms(base, machine, v):
    """Terms of log P*(v) at any beta: visible terms of base and machine, hidden input of the machine."""
    return v @ base.biases[0], v @ machine.biases[0], v @ machine.weights[0] + machine.biases[1]


def _log_p(terms, beta):
    """log of the unnormalised probability of v at beta."""
    base, visible, z = terms
    return (1 - beta) * base + beta * visible + np.logaddexp(0, beta * z).sum(axis=1)


def _transition(base, machine, v, z, beta, rng):
    h = drawn(sigmoid(beta * z), rng)
    z_visible = (1 - beta) * base.biases[0] + beta * (machine.biases[0] + h @ machine.weights[0].T)
    return drawn(sigmoid(z_visible), rng)
