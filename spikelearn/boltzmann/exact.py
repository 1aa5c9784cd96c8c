"""Exact results for small Boltzmann machines: all states, the partition function, the likelihood of data."""
import numpy as np
from scipy.special import logsumexp

from spikelearn.boltzmann.machine import Machine, energy, is_restricted, layer_input
from spikelearn.errors import SpikelearnError

MOST_STATES = 2 ** 22       # that are enumerated; chosen here


def all_states(n):
    """The 2^n states of n units, (2^n, n), counting in binary."""
    if 2 ** n > MOST_STATES:
        raise SpikelearnError(f"{n} binary units have too many states to enumerate; at most "
                              f"{MOST_STATES.bit_length() - 1} can be, or use annealing.log_partition")
    return (np.arange(2 ** n)[:, None] >> np.arange(n)[::-1] & 1).astype(float)


def split(machine, y):
    """States of all units side by side, (n, units), as a list over layers."""
    return np.split(y, np.cumsum(machine.sizes)[:-1], axis=1)


def free_energy(machine, visible):
    """F(v) = -log sum_h exp(-E(v, h)) of an RBM, (n,)."""
    z = layer_input(machine, [visible, None], 1)
    return -visible @ machine.biases[0] - np.logaddexp(0, z).sum(axis=1)


def log_partition(machine):
    """log Z by enumeration: of the smaller layer of an RBM, of all units of any other machine."""
    machine = machine.mapped(lambda name, array: array.astype(float))
    if is_restricted(machine):
        if machine.sizes[1] < machine.sizes[0]:     # an RBM is the same upside down
            machine = Machine(machine.biases[::-1], (machine.weights[0].T,))
        return float(logsumexp([logsumexp(-free_energy(machine, part))
                                for part in _parts(all_states(machine.sizes[0]))]))
    return float(logsumexp([logsumexp(-energy(machine, split(machine, part)))
                            for part in _parts(all_states(sum(machine.sizes)))]))


def log_likelihood(machine, visible, log_Z=None):
    """log P(v) of each row, (n,) nats. log_Z : if known, such as by annealing; by enumeration otherwise."""
    machine = machine.mapped(lambda name, array: array.astype(float))
    log_Z = log_partition(machine) if log_Z is None else log_Z
    visible = np.asarray(visible, dtype=float)
    if is_restricted(machine):
        return -free_energy(machine, visible) - log_Z
    hidden = all_states(sum(machine.sizes[1:]))
    return np.array([logsumexp(-energy(machine, split(machine, np.hstack([np.tile(v, (len(hidden), 1)), hidden]))))
                     for v in visible]) - log_Z


def _parts(rows, size=4096):
    return (rows[first:first + size] for first in range(0, len(rows), size))
