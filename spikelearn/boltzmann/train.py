"""Training Boltzmann machines in minibatches, by the rules of `rules.py` and the recipes of `recipe.py`.

    machine, curve = train(new_machine((784, 500), mean=x.mean(axis=0), dtype=np.float32), x, "vpf", epochs=20)

Updates by Adam (Kingma & Ba 2015) with its default settings but for the rate.
"""
import dataclasses
import time
from typing import NamedTuple

import numpy as np

from spikelearn.boltzmann.machine import Machine, drawn, machine_of
from spikelearn.boltzmann.recipe import Recipe
from spikelearn.boltzmann.rules import PART, learning_rule
from spikelearn.errors import SpikelearnError
from spikelearn.training.adam import Adam
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing, exact, examples_told
from spikelearn.training.chunks import curve_of, in_epochs, last_point
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers


class Trained(NamedTuple):
    """machine : the Machine; curve : name -> (epochs,) array: objective, seconds, and what `watch` measured."""

    machine: Machine
    curve: dict


def black_and_white(images, scale):
    """Images as rows of 0 and 1: 1 where a pixel is above half. images : (n, height, width) uint8. (n, pixels)."""
    return (np.reshape(images, (len(images), -1)) > scale / 2).astype(np.float32)


def train(machine, x, rule="vpf", recipe=None, *, epochs, seed=1, watch=None, progress=None, checkpoint=None,
          resume=None, about=None, **fields):
    """Train a machine; the one given is not changed.

    x : (n, visible) probabilities that a pixel is on; pixels are drawn anew each epoch (0 and 1 stay what they are)
    recipe : Recipe, None = the default; fields : fields of the recipe that differ, such as rate=.01
    watch : machine -> name -> number, measured after each epoch. checkpoint : file written before the first epoch
    and after each; one that exists must be the one that is resumed. resume : checkpoint to continue, bit for bit, also
    with more epochs if last_rate is 1. about : what else identifies this training.
    Returns Trained. Raises SpikelearnError.
    """
    recipe = (recipe or Recipe()).changed(**fields)
    learning, layers = learning_rule(rule, recipe), len(machine.sizes)
    learning.check(machine)
    facts = {"rule": rule, "sizes": machine.sizes, "lateral": [J is not None for J in machine.lateral],
             **dataclasses.asdict(recipe), "seed": seed, "images": len(x), "dtype": machine.dtype.name,
             **({"epochs": epochs} if recipe.last_rate != 1 else {}), **examples_told(about, x)}
    who = {name: exact(value) for name, value in facts.items()}
    adam = Adam({name: array.copy() for name, array in machine.arrays().items()})
    with (checkpointing(checkpoint, resume, who, State(adam.state()), epochs) as (state, save),
          (progress or Progress(None)) as progress):
        _take_up(state, adam, learning)

        def learn_epoch(state):
            start, rng = time.perf_counter(), np.random.default_rng(random_numbers(seed, state.epoch))
            slow = 1 - (1 - recipe.last_rate) * state.epoch / max(epochs - 1, 1)
            order, total = rng.permutation(len(x)), 0.
            size = recipe.redraw * recipe.batch or len(x)
            for first in range(0, len(x), size):
                total += _learn(machine_of(adam.arrays, layers), x[order[first:first + size]], learning, adam,
                                recipe.batch, slow * recipe.rate, recipe, rng, progress)
            point = {"objective": total / len(x), "seconds": time.perf_counter() - start}
            point |= watch(machine_of(adam.arrays, layers)) if watch else {}
            return {**adam.state(), **{f"chains.{name}": array for name, array in learning.kept.items()}}, point

        state = in_epochs(state, save, n=len(x), epochs=epochs, learn=learn_epoch, progress=progress,
                          summary=last_point)
    return Trained(machine_of(adam.arrays, layers), curve_of(state))


def _learn(machine, x, learning, adam, batch, rate, recipe, rng, progress):
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
        adam.step(gradient.arrays(), rate, recipe.weight_decay, recipe.decay)
        learning.after_step(machine)
        total += objective * (rows.stop - first)
        progress.tell(rows.stop - first, f"objective {objective:.4g}")
    return total


def train_kept(machine, x, rule, recipe=None, *, name, out="", resume="", **settings):
    """`train` with progress lines, and a checkpoint beside the folder `out` of a protocol's result.

    name : of this training among those of the protocol. resume : such a folder; a training that has left a checkpoint
    there goes on from it, any other starts anew.
    """
    keep = [checkpoint_file(folder, name) if folder else None for folder in (out or resume, resume)]
    return train(machine, x, rule, recipe, progress=Progress(name, apart=2), checkpoint=keep[0],
                 resume=keep[1] if keep[1] is not None and keep[1].is_file() else None, **settings)


def _take_up(state, adam, learning):
    """Resume from a State of this training."""
    adam.restore(state.weights)
    learning.kept = {name.removeprefix("chains."): array for name, array in state.weights.items()
                     if name.startswith("chains.")}
