"""Annealed importance sampling: log Z of restricted Boltzmann machines too large to enumerate.

Neal (2001) Stat Comput 11:125; for RBMs Salakhutdinov & Murray (2008) ICML. The base machine has the same visible
biases as the data's mean gives and no weights, so that its log Z is known; chains go from it to the machine of
interest through machines in between, and their mean weight is Z / Z_base. Forward chains miss states that they do not
find, and log Z is then too low. Backward chains go from samples of the machine to the base (Burda, Grosse &
Salakhutdinov 2015, arXiv:1412.8566), and their mean weight is Z_base / Z: they know what the samples know.
"""
import numpy as np
from scipy.special import logsumexp

from spikelearn.boltzmann.machine import (
    Machine,
    drawn,
    hidden_probability,
    is_restricted,
    sigmoid,
    visible_probability,
)
from spikelearn.errors import SpikelearnError


def log_partition(machine, mean, *, chains=100, betas=1000, seed=0):
    """(log Z, standard error of log Z) of an RBM, annealed from the base to the machine.

    machine : an RBM; mean : (visible,) mean of the data; chains : independent runs; betas : steps from base to machine
    The standard error is that of the mean weight, to first order; it is too small when few chains carry all the weight.
    """
    machine, base, rng = _prepared(machine, mean, seed)
    v = drawn(np.tile(sigmoid(base.biases[0]), (chains, 1)), rng)
    log_weight, steps = np.zeros(chains), np.linspace(0, 1, betas + 1)
    for before, now in zip(steps[:-1], steps[1:], strict=True):
        terms = _terms(base, machine, v)
        log_weight += _log_p(terms, now) - _log_p(terms, before)
        v = _transition(base, machine, v, terms[2], now, rng)
    log_ratio, se = _log_mean(log_weight)
    return _log_Z(base) + log_ratio, se


def log_partition_backward(machine, mean, ends, *, betas=1000, seed=0):
    """(log Z, standard error of log Z) of an RBM, annealed from samples of the machine to the base.

    ends : (chains, visible) samples of the machine, such as the ends of Gibbs chains; the rest as in log_partition.
    """
    machine, base, rng = _prepared(machine, mean, seed)
    v = np.asarray(ends, dtype=float)
    log_weight, steps = np.zeros(len(v)), np.linspace(0, 1, betas + 1)
    z = _terms(base, machine, v)[2]
    for now, after in zip(steps[-2::-1], steps[:0:-1], strict=True):
        v = _transition(base, machine, v, z, after, rng)
        terms = _terms(base, machine, v)
        log_weight += _log_p(terms, now) - _log_p(terms, after)
        z = terms[2]
    log_ratio, se = _log_mean(log_weight)
    return _log_Z(base) - log_ratio, se


def chain_ends(machine, v, rng, steps=500):
    """Visible states, (n, visible), after `steps` Gibbs steps of an RBM that runs free from v, (n, visible)."""
    for _ in range(steps):
        h = drawn(hidden_probability(machine, np.asarray(v, machine.dtype)), rng)
        v = drawn(visible_probability(machine, h), rng)
    return v


def _prepared(machine, mean, seed):
    """(machine in double precision, base machine, random numbers)."""
    if not is_restricted(machine):
        raise SpikelearnError("annealing needs a restricted machine, two layers without lateral weights; "
                              "others can be enumerated when they are small")
    machine = machine.mapped(lambda name, array: array.astype(float))
    p = np.clip(np.asarray(mean, dtype=float), 0.005, 0.995)        # chosen here: every pixel can be on and off
    base = Machine((np.log(p / (1 - p)), np.zeros(machine.sizes[1])), (np.zeros_like(machine.weights[0]),))
    return machine, base, np.random.default_rng(seed)


def _log_Z(base):
    """log Z of a machine without weights and with hidden biases of 0."""
    return float(np.logaddexp(0, base.biases[0]).sum() + base.sizes[1] * np.log(2))


def _log_mean(log_weight):
    """(log of the mean weight, its standard error to first order)."""
    weight = np.exp(log_weight - log_weight.max())
    return (float(logsumexp(log_weight) - np.log(len(log_weight))),
            float(weight.std(ddof=1) / weight.mean() / np.sqrt(len(weight))))


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
