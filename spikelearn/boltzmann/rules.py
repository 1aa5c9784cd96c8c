"""Learning rules of Boltzmann machines in minibatches: variational probability flow and contrastive divergence.

Every rule has the same parts: what is sampled at the start (the E-step), the gradient on a minibatch, and what follows
the step of Adam. VPF (Liu & Lin 2017): hidden units are drawn with the parameters of that moment, then all units count
as observed. In a deep machine "vpf" takes the flow of each pair of neighbouring layers as of a machine by itself, as
the pair is sampled when images are generated; "vpf_joint" takes that of the whole machine. The text at hand leaves open
which one the source means; with the first, larger machines generated better images here [ours]. CD-k (Hinton 2002) and
PCD-k (Tieleman 2008): k steps of Gibbs sampling, from the data or from where the chains stopped.
"""
import dataclasses
import re

import numpy as np

from spikelearn.boltzmann.exact import free_energy
from spikelearn.boltzmann.flow import activity, centred, flow, make_up, pair_flow
from spikelearn.boltzmann.machine import (
    Machine,
    bottom_up,
    drawn,
    hidden_probability,
    is_restricted,
    visible_probability,
)
from spikelearn.boltzmann.recipe import Recipe
from spikelearn.errors import SpikelearnError

FLOWS = {"vpf": pair_flow, "vpf_joint": flow}
PART = 2000                                     # images sampled at once; chosen here
SLIDING = 0.01                                  # of the means of centred states, per minibatch; Melchior et al. (2016)
PARTS = ("redraw", "saturation", "hidden_flips", "homeostasis", "walk_back", "pixel_flips", "centred")


class ProbabilityFlow:
    """VPF; without hidden units it is minimum probability flow. objective : flow or pair_flow."""

    def __init__(self, objective, recipe):
        self.objective, self.recipe, self.kept = objective, recipe, {}

    def check(self, machine):
        """Refuse a machine that a part of the recipe does not know. Raises SpikelearnError."""
        if self.recipe.walk_back and not is_restricted(machine):
            raise SpikelearnError("walk_back is for restricted machines, two layers without lateral weights; use 0")

    def start(self, machine, visible, rng):
        """visible : (n, visible) uint8. Draws the hidden units of all these images."""
        self.states = [visible, *(np.empty((len(visible), n), np.uint8) for n in machine.sizes[1:])]
        for first in range(0, len(visible) if len(machine.sizes) > 1 else 0, PART):
            part = slice(first, first + PART)
            for k, y in enumerate(self._e_step(machine, visible[part].astype(machine.dtype), rng), start=1):
                self.states[k][part] = y

    def _e_step(self, machine, v, rng):
        """A draw of the hidden layers for the images v."""
        if self.recipe.pixel_flips:
            v = np.abs(v - (rng.random(v.shape, dtype=v.dtype) < self.recipe.pixel_flips))
        hidden, walking = bottom_up(machine, v, rng)[1:], np.arange(len(v))
        for _ in range(self.recipe.walk_steps if self.recipe.walk_back else 0):
            walking = walking[rng.random(len(walking)) < self.recipe.walk_back]
            walked = drawn(visible_probability(machine, hidden[0][walking]), rng)
            hidden[0][walking] = drawn(hidden_probability(machine, walked), rng)
        return hidden

    def gradient(self, machine, rows, rng):
        """(K, its gradient as a Machine) on the images `rows`, a slice."""
        recipe, states = self.recipe, [y[rows].astype(machine.dtype) for y in self.states]
        K, gradient = self.objective(machine, states, saturation=recipe.saturation or np.inf,
                                     hidden_flips=recipe.hidden_flips)
        if recipe.homeostasis:
            self.activities = [activity(machine, states, k) for k in range(1, len(states))]
        if recipe.centred:
            self.before = Machine(machine.biases, [w.copy() for w in machine.weights],
                                  [None if J is None else J.copy() for J in machine.lateral])
            for k, y in enumerate(states):
                now = y.mean(axis=0)
                mean = self.kept.setdefault(f"mean_{k}", now)
                mean += machine.dtype.type(SLIDING) * (now - mean)
            gradient = centred(gradient, self._means(machine))
        return K, gradient

    def after_step(self, machine):
        """Change the biases of the machine in place once Adam has made its step."""
        if self.recipe.centred:
            make_up(machine, self.before, self._means(machine))
        if self.recipe.homeostasis:
            for b, mean in zip(machine.biases[1:], self.activities, strict=True):
                b += b.dtype.type(self.recipe.homeostasis) * (b.dtype.type(self.recipe.activity) - mean)

    def _means(self, machine):
        return [self.kept[f"mean_{k}"] for k in range(len(machine.sizes))]


class ContrastiveDivergence:
    """CD-k, or PCD-k if the chains persist. For restricted machines.

    The reported objective is the free energy of the samples less that of the data: 0 where the two are alike.
    """

    def __init__(self, steps, persistent):
        self.steps, self.persistent, self.kept = steps, persistent, {}

    def check(self, machine):
        """Raises SpikelearnError for a machine that is not restricted."""
        if not is_restricted(machine):
            raise SpikelearnError("contrastive divergence is for restricted machines, two layers without lateral "
                                  "weights; use vpf")

    def start(self, machine, visible, rng):
        """visible : (n, visible) uint8."""
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

    def after_step(self, machine):
        """Nothing follows the step."""


def learning_rule(name, recipe=None):
    """The rule called "vpf", "vpf_joint", "cd1", "pcd1", "pcd10" (any number of steps). recipe : None = the default.

    Raises SpikelearnError for another name, and for contrastive divergence with a part of the recipe that only vpf has.
    """
    recipe = Recipe() if recipe is None else recipe
    if name in FLOWS:
        return ProbabilityFlow(FLOWS[name], recipe)
    found = re.fullmatch(r"(p?)cd([1-9][0-9]*)", name)
    if not found:
        raise SpikelearnError(f"there is no learning rule '{name}' for Boltzmann machines; known: {', '.join(FLOWS)}, "
                              "cd1, pcd1, and cd or pcd with any number of steps")
    for field in dataclasses.fields(recipe):
        if field.name in PARTS and getattr(recipe, field.name) != field.default:
            raise SpikelearnError(f"{field.name} is a part of vpf, which {name} does not have")
    return ContrastiveDivergence(int(found[2]), found[1] == "p")
