"""Training of a spiking Boltzmann machine: chunks of examples, a checkpoint after each, resumed bit for bit.

The order of the examples, the pixels drawn and the random numbers of a chunk follow from (seed, epoch, chunk) alone.
"""
import dataclasses
import time
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.ranges.check import check_fields, positive
from spikelearn.training.checkpoint import State, checkpointing, examples_told, identity
from spikelearn.training.chunks import curve_of, in_chunks
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers, run_seed

PARTS = ("decay", "homeostasis", "activity", "hidden_flips", "walk_back", "walk_steps", "leg")     # of a training
TALLY = ("examples", "attempts", "flips", "seconds")        # counted within an epoch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the machine learns: everything but the network, the examples and the seed. All numbers: chosen here.

    The parts from `decay` on have their names in minibatches (boltzmann.recipe). Times are in units of tau.

    Parameters
    ----------
    rate : float
        Change of a weight at an attempt, at the start; it falls linearly to 0.
    batch : int
        Examples whose changes are collected before they are applied.
    shown, settling : float
        Time for which data hold an example, and its first part, in which nothing is learnt.
    spread, hidden_bias : float
        Standard deviation of the weights, and biases of the hidden neurons, at the start.
    from_mean : bool
        Whether the visible biases give the mean of the examples at the start; else they are 0.
    decay : float or None
        Weight decay: with each batch w -= rate * decay * w. Not of biases. None = the rule's own.
    homeostasis, activity : float
        The bias of a hidden neuron drifts by homeostasis * (activity - state) per unit of time while the example is
        held and the neuron is free: after the settling or, with walk_back, in the second half of the settling. For a
        time T of drift the mean change per example is T times that of a step in minibatches.
    hidden_flips : bool
        Whether attempts of hidden neurons count.
    walk_back, walk_steps, leg : float, int, float
        After the settling the machine runs free for up to walk_steps legs of the length `leg`, each next one with the
        probability walk_back; then the hidden neurons are held in the state that they have, the example is back, and
        the machine learns: the walk-back of minibatches, in continuous time. 0 = no walk, and free hidden neurons.
    """

    rate: float = 0.01
    batch: int = 50
    shown: float = 6.0
    settling: float = 2.0
    spread: float = 0.01
    hidden_bias: float = 0.0
    from_mean: bool = False
    decay: float | None = None
    homeostasis: float = 0.0
    activity: float = 0.1
    hidden_flips: bool = True
    walk_back: float = 0.0
    walk_steps: int = 3
    leg: float = 4.0

    def __post_init__(self):
        if not 0 <= self.settling < self.shown:
            raise SpikelearnError(f"settling must lie from 0 to less than shown={self.shown:g}, not {self.settling:g}")
        if self.batch < 1:
            raise SpikelearnError(f"batch must be at least 1, not {self.batch}")
        if self.rate <= 0:
            raise SpikelearnError(f"rate must be above 0, not {self.rate:g}")
        check_fields(self, shown=positive(10_000))
        if self.walk_back and not self.settling:
            raise SpikelearnError("walk_back begins after a settling: settling must be above 0")

    def with_given(self, **given):
        """A recipe with the values that are not None."""
        return dataclasses.replace(self, **{name: value for name, value in given.items() if value is not None})


class Learnt(NamedTuple):
    """The end of a training: weights, name -> array, and curve, name -> (epochs,) array.

    curve : `flow`, the mean number of attempts of the visible neurons per unit of time, which is the objective of
    the rule; `score`, if there was one; and the tally of each epoch
    """

    weights: dict
    curve: dict


def learn(machine, x, recipe, *, epochs, seed=1, chunk=1000, score=None, checkpoint=None, resume=None, progress=None,
          about=None):
    """Train a SpikingMachine on examples.

    x : (n, visible) probabilities that a neuron is excited, drawn anew in each epoch (0 and 1 stay what they are)
    chunk : examples between two checkpoints, a multiple of the batch. score : function of a boltzmann.Machine, measured
    after each epoch. checkpoint : file to write before the first chunk and after each; one that exists must be the one
    that is resumed. resume : checkpoint to continue, with as many epochs, over which the rate falls. progress : one.
    about : name -> value of what else identifies this training. Returns Learnt. Raises SpikelearnError.
    """
    if chunk % recipe.batch or chunk > machine.examples:
        raise SpikelearnError(f"chunk must be a multiple of the batch of {recipe.batch} up to {machine.examples}, "
                              f"not {chunk}")
    machine.check_parts(**{name: getattr(recipe, name) for name in PARTS})
    who = identity(machine, recipe, seed=seed, chunk=chunk, examples=len(x), epochs=epochs, **examples_told(about, x))
    mean = x.mean(axis=0) if recipe.from_mean else None
    state = State(machine.new_weights(seed, recipe.spread, recipe.hidden_bias, mean), tally=np.zeros(len(TALLY)))
    with (checkpointing(checkpoint, resume, who, state, epochs) as (state, save),
          (progress or Progress(None)) as progress):
        def learn_chunk(state, chosen):
            over = state.epoch / epochs + state.chunk * chunk / (len(x) * epochs)
            return _after_chunk(machine, x[chosen], recipe, state, recipe.rate * (1 - over), seed)

        state = in_chunks(
            state, save, n=len(x), epochs=epochs, chunk=chunk, seed=seed, learn=learn_chunk, progress=progress,
            measure=lambda state: _measured(machine, recipe, state, score), summary=_summary,
            said=lambda state: f"{state.tally[1] / state.tally[0]:.1f} attempts an example")
    return Learnt(state.weights, curve_of(state))


def _after_chunk(machine, x, recipe, state, rate, seed):
    """The state after a chunk of examples was learnt."""
    start = time.perf_counter()
    coin = np.random.default_rng(random_numbers(seed, state.epoch, state.chunk)).random(x.shape)
    shown = machine.show(coin < x, state.weights, seed=run_seed(seed, state.epoch, state.chunk, 0), rate=rate,
                         **{name: getattr(recipe, name) for name in ("shown", "settling", "batch", *PARTS)})
    tally = state.tally + [len(x), shown.attempts, shown.flips, time.perf_counter() - start]
    return State(shown.weights, {}, state.epoch, state.chunk + 1, state.chunks + 1, state.curve, tally)


def _measured(machine, recipe, state, score):
    """Point of the learning curve after an epoch."""
    point = dict(zip(TALLY, state.tally, strict=True))
    point["flow"] = point["attempts"] / (point["examples"] * (recipe.shown - recipe.settling))
    if score is not None:
        point["score"] = float(score(machine.machine(state.weights)))
    return point


def _summary(state):
    """How fast the machine leaves the data, and its score."""
    last = {name: values[-1] for name, values in state.curve.items()}
    return f"{last['flow']:.2f} attempts per unit of time" + (f", score {last['score']:.2f}" if "score" in last else "")
