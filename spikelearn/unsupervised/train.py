"""Unsupervised training: chunks of images, a checkpoint after each, resumed bit for bit; then labels for the neurons.

The order of the images and the random numbers of a chunk follow from (seed, epoch, chunk) alone. Labels come from the
spikes that the last training images evoke while they are learnt; no other image, and no test image, is used for them.
"""
import json
import time
from typing import NamedTuple

import numpy as np

from spikelearn.equations.content import code_of, exact
from spikelearn.errors import SpikelearnError
from spikelearn.images.checked import examples_checked, validation_checked
from spikelearn.ranges.keywords import whole_numbers
from spikelearn.training.checkpoint import State, checkpointing, examples_told, identity
from spikelearn.training.chunks import curve_of, in_chunks
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import run_seed
from spikelearn.unsupervised.competing import WEIGHTS, normalised
from spikelearn.unsupervised.labels import DECISIONS, decide, mean_responses, summed_by_class

TALLY = ("images", "spikes", "input_spikes", "presentations", "seconds")        # counted within an epoch
SCORING = 2**20     # place of the random numbers of scoring among those of a training


class Learnt(NamedTuple):
    """The end of a training.

    weights : name -> array, each neuron's weights normalised; responses : (classes, n) mean spike counts of the neurons
    for the training images that label them; curve : name -> (epochs,) array: validation_accuracy of each decision in
    per cent, and the tally of each epoch
    """

    weights: dict
    responses: np.ndarray
    curve: dict


def learn(network, x, labels, recipe, *, epochs, classes, seed=1, chunk=1000, validation=None, checkpoint=None,
          resume=None, progress=None, about=None):
    """Train CompetingNeurons; the labels of the images serve to label the neurons and to score, not to learn.

    x : (n, pixels) or (n, height, width), from 0 to 1; labels : (n,) from 0 to classes - 1; classes : how many there
    are. chunk : images between two checkpoints.
    validation : (x, labels), scored after each epoch. checkpoint : file to write before the first chunk and after each;
    one that exists must be the one that is resumed. resume : checkpoint to continue. progress : a Progress.
    about : name -> value of what else identifies this training. Returns Learnt. Raises SpikelearnError, also for
    images, labels and numbers outside their range.
    """
    epochs, seed, chunk = whole_numbers(epochs=epochs, seed=seed, chunk=chunk)
    (x, labels), validation = (examples_checked(x, labels, network.sizes[0], classes),
                               validation_checked(validation, network.sizes[0], classes))
    if chunk > network.images:
        raise SpikelearnError(f"chunk must be at most {network.images}, the images of a run, not {chunk}")
    recipe = recipe.for_neurons(network.sizes[1])
    who = identity(network, recipe, seed=seed, chunk=chunk, images=len(x), **_facts(network, recipe, epochs),
                   **examples_told(about, x, labels))
    state = State({**network.new_weights(seed, recipe), **_nothing_seen(classes, network.sizes[1])},
                  tally=np.zeros(len(TALLY)))
    with checkpointing(checkpoint, resume, who, state, epochs) as (state, save), (progress or Progress(None)) as told:
        state = in_chunks(
            state, save, n=len(x), epochs=epochs, chunk=chunk, seed=seed, progress=told, summary=_summary,
            learn=lambda state, chosen: _after_chunk(network, x[chosen], labels[chosen], recipe, state, seed,
                                                     (len(x), epochs, chunk)),
            measure=lambda state: _measured(network, recipe, state, validation, seed),
            said=lambda state: f"{state.tally[1] / state.tally[0]:.1f} spikes an image")
    return Learnt(_to_answer(network, recipe, state), _responses(state), curve_of(state))


def _facts(network, recipe, epochs):
    """What else makes a training this one: the inhibitory neurons, and the epochs over which thresholds fall."""
    facts = {} if recipe.theta_plus_first is None else {"epochs": epochs}
    model = network.inhibitory
    if model is None:
        return facts
    return facts | {"inhibitory": model.title, "text of the inhibitory model": json.dumps(code_of(model))} | {
        f"inhibitory.{name}": exact(value) for name, value in model.parameters.items()}


def _nothing_seen(classes, n):
    """What the labels come from, before any image was shown."""
    return {"sums": np.zeros((classes, n)), "shown": np.zeros(classes)}


def _after_chunk(network, x, labels, recipe, state, seed, lengths):
    """The state after a chunk of images was learnt. lengths : images, epochs, images of a chunk."""
    start, (n, epochs, chunk) = time.perf_counter(), lengths
    first = state.chunk * chunk
    over = (state.epoch * n + first + len(x) / 2) / (epochs * n)
    shown = network.show(x, {name: state.weights[name] for name in WEIGHTS}, recipe,
                         seed=run_seed(seed, state.epoch, state.chunk), theta_plus=recipe.theta_plus_at(over))
    seen = _nothing_seen(*state.weights["sums"].shape) if first == 0 else {
        name: state.weights[name] for name in ("sums", "shown")}
    last = first + np.arange(len(x)) >= n - recipe.label_images
    sums, images = summed_by_class(shown.counts[last], labels[last], len(seen["shown"]))
    weights = {**shown.weights, "sums": seen["sums"] + sums, "shown": seen["shown"] + images}
    tally = state.tally + [len(x), shown.counts.sum(), shown.input_spikes, shown.presentations,
                           time.perf_counter() - start]
    return State(weights, {}, state.epoch, state.chunk + 1, state.chunks + 1, state.curve, tally)


def _to_answer(network, recipe, state):
    """The weights that answer."""
    return normalised({name: state.weights[name] for name in WEIGHTS}, network.sizes[1], recipe.norm)


def _responses(state):
    return mean_responses(state.weights["sums"], state.weights["shown"])


def _measured(network, recipe, state, validation, seed):
    """Point of the learning curve after an epoch."""
    point = dict(zip(TALLY, state.tally, strict=True))
    if validation is not None:
        start = time.perf_counter()
        counts = responses_to(network, validation[0], _to_answer(network, recipe, state), recipe, seed)
        for decision in DECISIONS:
            point[f"validation_accuracy_{decision}"] = accuracy_percent(
                validation[1], decide(counts, _responses(state), decision))
        point["validation_seconds"] = time.perf_counter() - start
    return point


def _summary(state):
    last = {name: values[-1] for name, values in state.curve.items()}
    told = [f"{decision} {last[f'validation_accuracy_{decision}']:.2f} %" for decision in DECISIONS
            if f"validation_accuracy_{decision}" in last]
    return f"{last['spikes'] / last['images']:.1f} spikes an image" + (
        f", validation accuracy: {', '.join(told)}" if told else "")


def responses_to(network, x, weights, recipe, seed=0):
    """Spike counts of the neurons for each image, without learning: (images, n)."""
    return np.vstack([network.show(x[first:first + network.images], weights, recipe, learn=False,
                                   seed=run_seed(seed, SCORING, first)).counts
                      for first in range(0, len(x), network.images)])


def accuracy_percent(labels, predicted):
    """Share of right predictions in per cent."""
    return 100 * float(np.mean(np.asarray(labels) == np.asarray(predicted)))
