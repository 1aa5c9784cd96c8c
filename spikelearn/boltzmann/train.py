"""Training Boltzmann machines in minibatches: variational probability flow and contrastive divergence.

    machine, curve = train(new_machine((784, 500), mean=x.mean(axis=0), dtype=np.float32), x, "vpf", epochs=20)

Every rule has the same two parts: what is sampled at the start of an epoch, and the gradient on a minibatch. VPF (Liu &
Lin 2017): hidden units are drawn for the whole set with the parameters of the epoch before, then all units count as
observed. In a deep machine "vpf" takes the flow of each pair of neighbouring layers as of a machine by itself, as the
pair is sampled when images are generated; "vpf_joint" takes that of the whole machine. The text at hand leaves open
which one the source means; with the first, larger machines generated better images here [ours]. CD-k (Hinton 2002) and
PCD-k (Tieleman 2008): k steps of Gibbs sampling, from the data or from where the chains stopped. Updates by Adam
(Kingma & Ba 2015) with its default settings, and weight decay as part of the gradient.
"""
import re
import time
from typing import NamedTuple

import numpy as np

from spikelearn.boltzmann.exact import free_energy
from spikelearn.boltzmann.machine import (
    Machine,
    bottom_up,
    drawn,
    flow,
    hidden_probability,
    is_restricted,
    machine_of,
    pair_flow,
    visible_probability,
)
from spikelearn.errors import SpikelearnError
from spikelearn.training.adam import Adam
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing, exact
from spikelearn.training.chunks import curve_of, in_epochs, last_point
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers

FLOWS = {"vpf": pair_flow, "vpf_joint": flow}
PART = 2000                                     # images sampled at once; chosen here


class Trained(NamedTuple):
    """machine : the Machine; curve : name -> (epochs,) array: objective, seconds, and what `watch` measured."""

    machine: Machine
    curve: dict


# --- rules -------------------------------------------------------------------------------------------------------

class ProbabilityFlow:
    """VPF; without hidden units it is minimum probability flow. objective : boltzmann.flow or pair_flow."""

    def __init__(self, objective):
        self.objective, self.kept = objective, {}

    def start(self, machine, visible, rng):
        """visible : (n, visible) uint8. Draws the hidden units of all these images."""
        self.states = [visible, *(np.empty((len(visible), n), np.uint8) for n in machine.sizes[1:])]
        for first in range(0, len(visible) if len(machine.sizes) > 1 else 0, PART):
            part = slice(first, first + PART)
            for k, y in enumerate(bottom_up(machine, visible[part].astype(machine.dtype), rng)[1:], start=1):
                self.states[k][part] = y

    def gradient(self, machine, rows, rng):
        """(K, its gradient as a Machine) on the images `rows`, a slice."""
        return self.objective(machine, [y[rows].astype(machine.dtype) for y in self.states])


class ContrastiveDivergence:
    """CD-k, or PCD-k if the chains persist. For restricted machines.

    The reported objective is the free energy of the samples less that of the data: 0 where the two are alike.
    """

    def __init__(self, steps, persistent):
        self.steps, self.persistent, self.kept = steps, persistent, {}

    def start(self, machine, visible, rng):
        """visible : (n, visible) uint8. Raises SpikelearnError for a machine that is not restricted."""
        if not is_restricted(machine):
            raise SpikelearnError("contrastive divergence is for restricted machines, two layers without lateral "
                                  "weights; use vpf")
        self.visible = visible

    def gradient(self, machine, rows, rng):
        """(objective, gradient as a Machine) on the images `rows`, a slice."""
        v = self.visible[rows].astype(machine.dtype)
        p = hidden_probability(machine, v)
        if self.persistent:
            chains = self.kept.setdefault("chains", v)
            h = drawn(hidden_probability(machine, chains), rng)
        else:
            h = drawn(p, rng)
        for step in range(self.steps):
            sample = drawn(visible_probability(machine, h), rng)
            q = hidden_probability(machine, sample)
            if step < self.steps - 1:
                h = drawn(q, rng)
        if self.persistent:
            self.kept["chains"] = sample
        n, m = len(v), len(sample)
        objective = float(free_energy(machine, sample).mean() - free_energy(machine, v).mean())
        return objective, Machine((sample.mean(axis=0) - v.mean(axis=0), q.mean(axis=0) - p.mean(axis=0)),
                                  (sample.T @ q / m - v.T @ p / n,))


def learning_rule(name):
    """The rule called "vpf", "vpf_joint", "cd1", "pcd1", "pcd10" (any number of steps)."""
    if name in FLOWS:
        return ProbabilityFlow(FLOWS[name])
    found = re.fullmatch(r"(p?)cd([1-9][0-9]*)", name)
    if not found:
        raise SpikelearnError(f"there is no learning rule '{name}' for Boltzmann machines; known: {', '.join(FLOWS)}, "
                              "cd1, pcd1, and cd or pcd with any number of steps")
    return ContrastiveDivergence(int(found[2]), found[1] == "p")


def black_and_white(images, scale):
    """Images as rows of 0 and 1: 1 where a pixel is above half. images : (n, height, width) uint8. (n, pixels)."""
    return (np.reshape(images, (len(images), -1)) > scale / 2).astype(np.float32)


# --- training ----------------------------------------------------------------------------------------------------

def train(machine, x, rule="vpf", *, epochs, batch=100, rate=1e-3, last_rate=1.0, weight_decay=1e-4, rounds=1, seed=1,
          watch=None, progress=None, checkpoint=None, resume=None, about=None):
    """Train a machine; the one given is not changed.

    x : (n, visible) probabilities that a pixel is on; pixels are drawn anew each epoch (0 and 1 stay what they are)
    rate : Adam's; it goes linearly to last_rate * rate in the last epoch. weight_decay : per weight, not per bias.
    rounds : parts of an epoch, at the start of each of which the hidden units of its images are drawn; 1 in the source
    watch : machine -> name -> number, measured after each epoch. checkpoint : file written before the first epoch
    and after each; one that exists must be the one that is resumed. resume : checkpoint to continue, bit for bit, also
    with more epochs if last_rate is 1. about : what else identifies this training.
    Returns Trained. Raises SpikelearnError.
    """
    _refuse(epochs=epochs, batch=batch, rounds=rounds)
    learning, layers = learning_rule(rule), len(machine.sizes)
    facts = {"rule": rule, "sizes": machine.sizes, "lateral": [J is not None for J in machine.lateral],
             "batch": batch, "rate": rate, "last_rate": last_rate, "weight_decay": weight_decay, "rounds": rounds,
             "seed": seed, "images": len(x), "dtype": machine.dtype.name,
             **({"epochs": epochs} if last_rate != 1 else {}), **(about or {})}
    who = {name: exact(value) for name, value in facts.items()}
    adam = Adam({name: array.copy() for name, array in machine.arrays().items()})
    with (checkpointing(checkpoint, resume, who, State(adam.state()), epochs) as (state, save),
          (progress or Progress(None)) as progress):
        _take_up(state, adam, learning)

        def learn_epoch(state):
            start, rng = time.perf_counter(), np.random.default_rng(random_numbers(seed, state.epoch))
            slow = 1 - (1 - last_rate) * state.epoch / max(epochs - 1, 1)
            total = 0.
            for part in np.array_split(rng.permutation(len(x)), rounds):
                total += _learn(machine_of(adam.arrays, layers), x[part], learning, adam, batch, slow * rate,
                                weight_decay, rng, progress)
            point = {"objective": total / len(x), "seconds": time.perf_counter() - start}
            point |= watch(machine_of(adam.arrays, layers)) if watch else {}
            return {**adam.state(), **{f"chains.{name}": array for name, array in learning.kept.items()}}, point

        state = in_epochs(state, save, n=len(x), epochs=epochs, learn=learn_epoch, progress=progress,
                          summary=last_point)
    return Trained(machine_of(adam.arrays, layers), curve_of(state))


def _refuse(**counts):
    for name, count in counts.items():
        if count < 1:
            raise SpikelearnError(f"{name} must be at least 1, not {count:g}")


def _learn(machine, x, learning, adam, batch, rate, weight_decay, rng, progress):
    """Sum of the objective over the images; the machine's arrays are those of adam and change in place."""
    visible = np.empty(x.shape, np.uint8)
    for first in range(0, len(x), PART):
        visible[first:first + PART] = drawn(np.asarray(x[first:first + PART], machine.dtype), rng)
    learning.start(machine, visible, rng)
    total = 0.
    for first in range(0, len(x), batch):
        rows = slice(first, min(first + batch, len(x)))
        with np.errstate(over="ignore", invalid="ignore"):      # what is not finite is refused below
            objective, gradient = learning.gradient(machine, rows, rng)
        if not np.isfinite(objective) or not all(np.isfinite(part).all() for part in gradient.arrays().values()):
            raise SpikelearnError(f"the learning diverged; choose a smaller rate than {rate:g} or more weight decay")
        adam.step(gradient.arrays(), rate, weight_decay)
        total += objective * (rows.stop - first)
        progress.tell(rows.stop - first, f"objective {objective:.4g}")
    return total


def train_kept(machine, x, rule, *, name, out="", resume="", **settings):
    """`train` with progress lines, and a checkpoint beside the folder `out` of a protocol's result.

    name : of this training among those of the protocol. resume : such a folder; a training that has left a checkpoint
    there goes on from it, any other starts anew.
    """
    keep = [checkpoint_file(folder, name) if folder else None for folder in (out or resume, resume)]
    return train(machine, x, rule, progress=Progress(name, apart=2), checkpoint=keep[0],
                 resume=keep[1] if keep[1] is not None and keep[1].is_file() else None, **settings)


def _take_up(state, adam, learning):
    """Resume from a State of this training."""
    adam.restore(state.weights)
    learning.kept = {name.removeprefix("chains."): array for name, array in state.weights.items()
                     if name.startswith("chains.")}
