"""Training of a Regression network: runs over chunks of examples; its error, and the spikes of one example."""
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spikelearn.equilibrium.recipe import Recipe
from spikelearn.equilibrium.regression import Regression
from spikelearn.training.checkpoint import State, checkpointing
from spikelearn.training.chunks import curve_of, in_chunks
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import run_seed


class Learnt(NamedTuple):
    """weights : name -> array, the running mean if the recipe asks for one; curve : name -> (epochs,) array, errors
    relative to the variance of the targets: train_error (of the answers given while learning) and test_error."""

    weights: dict
    curve: dict


def learn(network: Regression, x: np.ndarray, targets: np.ndarray, recipe: Recipe, *, epochs: int, seed: int,
          test: tuple | None = None, readout: Callable = np.asarray, progress: Progress | None = None) -> Learnt:
    """Train a network from new weights, one example at a time.

    x : (n, inputs) from 0 to 1; targets : (n, outputs) activities; test : (x, targets) whose error is measured after
    each epoch; readout : function of activities (n, outputs) that gives the answers whose error is measured. The order
    of an epoch follows from (seed, epoch). Returns Learnt.
    """
    answers = readout(targets)
    variance = np.var(answers, axis=0).mean()

    def after_chunk(state, chosen):
        now = recipe.scaled(recipe.decay ** state.epoch)
        shown = network.show(x[chosen], targets[chosen], state.weights, now,
                             seed=run_seed(seed, state.epoch, state.chunk))
        mean = dict(state.mean_weights)
        if recipe.average:      # at first over few chunks, so that it does not remember the weights of the start
            memory = min(recipe.average, state.chunks / (state.chunks + 9))
            mean = {name: memory * mean.get(name, w) + (1 - memory) * w for name, w in shown.weights.items()}
        tally = state.tally.copy()
        tally[:2] += len(chosen), ((readout(shown.outputs) - answers[chosen])**2).mean(axis=1).sum()
        return State(shown.weights, mean, state.epoch, state.chunk + 1, state.chunks + 1, state.curve, tally)

    def measured(state):
        point = {"train_error": state.tally[1] / state.tally[0] / variance}
        if test is not None:
            outputs = answered(network, *test, final_weights(state), recipe)[0]
            point["test_error"] = relative_error(readout(outputs), readout(test[1]))
        return point

    def summary(state):
        return ", ".join(f"{name.replace('_', ' ')} {values[-1]:.3f}" for name, values in state.curve.items())

    with checkpointing(None, None, {}, State(network.new_weights(seed)), epochs) as (state, save), \
            (progress or Progress(None)) as progress:
        state = in_chunks(state, save, n=len(x), epochs=epochs, chunk=network.examples, seed=seed, learn=after_chunk,
                          measure=measured, progress=progress, summary=summary,
                          said=lambda state: f"error {state.tally[1] / state.tally[0] / variance:.3f}")
    return Learnt(final_weights(state), curve_of(state))


def final_weights(state: State) -> dict:
    """The weights that answer: the running mean if there is one."""
    return state.mean_weights or state.weights


def answered(network: Regression, x: np.ndarray, targets: np.ndarray, weights: dict, recipe: Recipe,
             seed: int = 0) -> tuple:
    """Answers without learning, (n, outputs), and the mean rates of the populations in the free phase in Hz."""
    parts = [network.show(x[first:first + network.examples], targets[first:first + network.examples], weights, recipe,
                          seed=run_seed(seed, 0, first), learn=False) for first in range(0, len(x), network.examples)]
    seconds = len(x) * recipe.free_steps * float(network.dt)
    spikes = np.sum([part.spikes for part in parts], axis=0)
    sizes = np.array([network.sizes[0] + 1, *network.sizes[1:]])        # one input stands for the biases
    return np.vstack([part.outputs for part in parts]), spikes / sizes / seconds


def relative_error(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Mean squared error in units of the variance of the targets; the best constant has 1. Both (n, outputs)."""
    return float(((outputs - targets)**2).mean() / np.var(targets, axis=0).mean())


def spikes_of_one(network: Regression, x: np.ndarray, target: np.ndarray, weights: dict, recipe: Recipe,
                  seed: int = 0) -> dict:
    """Every spike while one example is shown in all phases: raster_t in seconds, raster_i, raster_population.

    x : (inputs,); target : (outputs,). It runs with NumPy, so nothing is compiled.
    """
    steps = recipe.free_steps + sum(recipe.nudged_steps)
    recipe = dataclasses.replace(recipe, gate=0.0)
    one = Regression(network.sizes, network.synapse, network.neuron, examples=1, dt=network.dt, device="numpy",
                     raster=True, duration=(steps + 1) * network.dt)
    names = [f"spikes_of_{name}" for name in one.populations()]
    read = one.simulation.run(one.values(x[None], target[None], weights, recipe, True), seed=seed,
                              read=[f"{name}.{what}" for name in names for what in "ti"])
    t, i = ([np.asarray(read[f"{name}.{what}"]) for name in names] for what in "ti")
    population = np.repeat(np.arange(len(names)), [len(times) for times in t])
    t, i = np.concatenate(t), np.concatenate(i)
    seen = ((population > 0) | (i < one.sizes[0])) & (t < (steps - .5) * float(one.dt))     # no bias unit
    return dict(raster_t=t[seen], raster_i=i[seen], raster_population=population[seen])


def linear_readout(x: np.ndarray, targets: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Answers to x_test (m, inputs) of the least-squares fit of targets (n, 1) by a linear function with a constant."""
    fit = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), targets, rcond=None)[0]
    return np.column_stack([x_test, np.ones(len(x_test))]) @ fit
