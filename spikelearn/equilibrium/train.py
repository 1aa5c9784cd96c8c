"""Training is a loop of runs of one built network over chunks of images: weights in, weights out.

Before the first chunk and after each one a checkpoint is written, from which the training can be resumed. The order of
the images of an epoch and the random numbers of a chunk follow from (seed, epoch, chunk) alone, so that a training that
was killed resumes to the same weights, bit for bit. A batch of images is split into a fixed number of shares that start
from the same weights; their changes are summed in order, however many run at once.
"""
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikelearn.equilibrium.weights import checked_weights
from spikelearn.errors import SpikelearnError
from spikelearn.images.checked import check_movable, examples_checked, validation_checked
from spikelearn.images.encoding import glances, moved
from spikelearn.images.readout import error_percent, predict
from spikelearn.ranges.keywords import whole_numbers
from spikelearn.training.checkpoint import TALLY, State, checkpointing, examples_told, identity
from spikelearn.training.chunks import curve_of, errors, in_chunks
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers, run_seed

if TYPE_CHECKING:
    from spikelearn.equilibrium.classifier import Classifier, Recipe

MOVES = 2**20       # place of the images' movements among the random numbers of a chunk


class Trained(NamedTuple):
    """The end of a training.

    weights : name -> array that answers, the running mean if the recipe asks for one; curve : name -> (epochs,) array:
    train_error_percent (of the answers given while learning), validation_error_percent and validation_seconds, and a
    tally of each epoch; last_weights : name -> array as the last image left it
    """

    weights: dict
    curve: dict
    last_weights: dict


def train(classifier: "Classifier", x: np.ndarray, labels: np.ndarray, recipe: "Recipe", *, epochs: int, seed: int = 1,
          chunk: int = 1000, validation: tuple | None = None, weights: dict | None = None,
          checkpoint: str | Path | None = None, resume: str | Path | None = None, jobs: int = 1,
          progress: Progress | None = None, about: dict | None = None) -> Trained:
    """Train a Classifier, whose `predict` then answers with the new weights.

    Parameters
    ----------
    classifier : the network.
    x : (n, pixels) or (n, height, width) images, from 0 (black) to 1 (white).
    labels : (n,) whole numbers from 0 to classes - 1.
    recipe : spikelearn.equilibrium.classifier.Recipe: phases, nudge, learning rates.
    epochs, seed : how often all images are learnt, at least once; seed of their order and of the spikes, from 0 to
        2^31 - 1.
    chunk : images between two checkpoints.
    validation : (x, labels) whose error is measured after each epoch.
    weights : name -> array to begin with, those of `new_weights` by name and shape, None = new ones.
    checkpoint : file to write before the first chunk and after each; one that exists must be the one that is resumed.
    resume : checkpoint to continue; more epochs can be added.
    jobs : shares of a batch that run at once.
    progress : a Progress, which shows how far the training is.
    about : name -> value of what else identifies this training in its checkpoint, such as the dataset.

    Returns
    -------
    Trained : weights that answer, learning curve, last weights.

    Raises
    ------
    SpikelearnError : if images, labels, weights or the recipe do not fit the network, if a number is out of its range,
        or for a checkpoint of another training.

    Examples
    --------
    >>> from spikelearn.equilibrium.classifier import Recipe
    >>> recipe = Recipe(rates=(0.1, 0.1), free_steps=20, nudged_steps=(10, 10), listen_steps=10)
    >>> net = sl.Classifier((4, 3, 2), "voltage_derivative_temporal", device="numpy", images=2)
    >>> images, labels = np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), [0, 1]
    >>> trained = sl.train(net, images, labels, recipe, epochs=1)
    >>> net.predict(images).shape
    (2,)
    """
    epochs, seed, chunk, jobs = whole_numbers(epochs=epochs, seed=seed, chunk=chunk, jobs=jobs)
    ends = classifier.sizes[0], classifier.sizes[-1]
    if recipe.shift:
        check_movable(x)
    (x, labels), validation = examples_checked(x, labels, *ends), validation_checked(validation, *ends)
    if jobs > recipe.shares or (jobs > 1 and recipe.batch < jobs):
        raise SpikelearnError(f"{jobs} jobs need a batch of as many shares, such as batch=20 and shares={max(jobs, 2)}")
    who = identity(classifier, recipe, seed=seed, chunk=chunk, images=len(x), **examples_told(about, x, labels))
    if weights is not None:
        weights = checked_weights(weights, classifier.sizes, classifier.sparse)
        content = b"".join(name.encode() + np.ascontiguousarray(w).tobytes() for name, w in sorted(weights.items()))
        who["weights at the start"] = hashlib.sha256(content).hexdigest()
    state = State(weights or classifier.new_weights(seed, recipe.output_bias, recipe.hidden_spread))
    threads = jobs if classifier.simulation.device == "cpp" else 1      # each waits for a program of its own
    with (checkpointing(checkpoint, resume, who, state, epochs) as (state, save),
          (progress or Progress(None)) as progress, ThreadPoolExecutor(threads) as pool):
        state = in_chunks(
            state, save, n=len(x), epochs=epochs, chunk=chunk, seed=seed, progress=progress, summary=errors,
            learn=lambda state, chosen: _after_chunk(classifier, x[chosen], labels[chosen], recipe, state, seed, pool),
            measure=lambda state: _measured(classifier, recipe, state, validation),
            said=lambda state: f"error {100 * state.tally[1] / state.tally[0]:.2f} %")
    classifier.weights, classifier.recipe = final_weights(state), recipe        # what Classifier.predict answers with
    return Trained(classifier.weights, curve_of(state), state.weights)


def final_weights(state: State) -> dict:
    """The weights for classification: the running mean if there is one."""
    return state.mean_weights or state.weights


def _after_chunk(classifier, x, labels, recipe, state, seed, pool):
    """The state after a chunk of images was learnt."""
    start = time.perf_counter()
    now = recipe.scaled(recipe.decay ** state.epoch)
    where = (seed, state.epoch, state.chunk)
    if recipe.shift:
        x = moved(x, recipe.shift, np.random.default_rng(random_numbers(*where, MOVES)))
    batches = recipe.batch > 1 and recipe.shares > 1
    learn = _learn_in_shares if batches else _learn_in_one_run
    weights, tally = learn(classifier, x, labels, now, state.weights, where, pool)
    if recipe.weight_decay:
        for name, layer in classifier.layers_of(weights).items():
            if name.startswith("synapses"):     # biases do not decay; those of the first layer are its last row
                decay = np.ones(weights[name].size)
                decay[:classifier.sizes[layer] * classifier.sizes[layer + 1]] = (
                    1 - now.rates[layer] * recipe.weight_decay) ** len(x)
                weights[name] = (weights[name] * decay).astype(weights[name].dtype)
    mean = dict(state.mean_weights)
    if recipe.average:      # at first over few chunks, so that it does not remember the weights of the start
        memory = min(recipe.average, state.chunks / (state.chunks + 9))
        mean = {name: memory * mean.get(name, w) + (1 - memory) * w for name, w in weights.items()}
    tally = state.tally + [*tally, time.perf_counter() - start]
    return State(weights, mean, state.epoch, state.chunk + 1, state.chunks + 1, state.curve, tally)


def _learn_in_one_run(classifier, x, labels, recipe, weights, where, pool):
    parts, counted = max(1, -(-len(x) // classifier.images)), np.zeros(len(TALLY) - 1)
    for k, part in enumerate(np.array_split(np.arange(len(x)), parts)):
        shown = classifier.show(x[part], labels[part], weights, recipe, seed=run_seed(*where, k))
        weights, counted = shown.weights, counted + _counted(shown, labels[part])
    return weights, counted


def _learn_in_shares(classifier, x, labels, recipe, weights, where, pool):
    """Batch after batch; the shares of each start from the same weights and their changes are summed in order."""
    counted = np.zeros(len(TALLY) - 1)
    for k, first in enumerate(range(0, len(x), recipe.batch)):
        batch = np.arange(first, min(first + recipe.batch, len(x)))
        shares = [share for share in np.array_split(batch, recipe.shares) if len(share)]
        running = [pool.submit(classifier.show, x[share], labels[share], weights, recipe,
                               seed=run_seed(*where, k, place)) for place, share in enumerate(shares)]
        before, weights = weights, dict(weights)
        for share, shown in zip(shares, running, strict=True):
            counted += _counted(shown.result(), labels[share])
            for name, w in shown.result().weights.items():
                weights[name] = weights[name] + (w - before[name])
    return weights, counted


def _counted(shown, labels):
    return np.array([len(labels), shown.wrong(labels), shown.nudged, shown.spikes, shown.events], dtype=float)


def _measured(classifier, recipe, state, validation):
    """Point of the learning curve after an epoch."""
    tally = dict(zip(TALLY, state.tally))
    point = {"train_error_percent": 100 * tally["wrong"] / tally["images"], **tally}
    if validation is not None:
        start = time.perf_counter()
        point["validation_error_percent"] = error_percent(
            validation[1], answers(classifier, *validation, final_weights(state), recipe))
        point["validation_seconds"] = time.perf_counter() - start
    return point


def answers(classifier: "Classifier", x: np.ndarray, labels: np.ndarray, weights: dict, recipe: "Recipe",
            seed: int = 0, number: int = 1) -> np.ndarray:
    """Predicted classes, without learning. x : (n, pixels). Returns (n,) int.

    number : of glances at each image, whose mean input is averaged: 1, 5 or 9 (images.encoding.glances).
    """
    return predict(np.mean([mean_input(classifier, seen, labels, weights, recipe, seed if k == 0 else run_seed(seed, k))
                            for k, seen in enumerate(glances(x, number))], axis=0))


def mean_input(classifier: "Classifier", x: np.ndarray, labels: np.ndarray, weights: dict, recipe: "Recipe",
          seed: int = 0) -> np.ndarray:
    """Mean input of the outputs for each image, without learning: (n, classes)."""
    rows = []
    for first in range(0, len(x), classifier.images):
        part = slice(first, first + classifier.images)
        rows.append(classifier.show(x[part], labels[part], weights, recipe, seed=run_seed(seed, 0, first),
                                    learn=False).mean_input)
    return np.vstack(rows)
