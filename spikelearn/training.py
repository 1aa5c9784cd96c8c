"""Training is a loop of runs of one built network over chunks of images: weights in, weights out.

Each boundary of two chunks is a checkpoint, a progress line and a place to go on from. The order of the images of an
epoch and the random numbers of a chunk follow from (seed, epoch, chunk) alone, so that a training that was killed goes
on to the same weights, bit for bit. A batch of images is split into a fixed number of shares that start from the same
weights; their changes are summed in order, however many run at once.
"""
import hashlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from spikelearn.checkpoint import TALLY, State, identity, load_checkpoint, save_checkpoint
from spikelearn.encoding import moved, scaled
from spikelearn.equations import SpikelearnError
from spikelearn.readout import error_percent, predict

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


def random_numbers(seed, *where):
    """A SeedSequence of its own for every place in a training."""
    return np.random.SeedSequence(seed, spawn_key=(1, *where))


def run_seed(seed, *where):
    """The seed of one run of the network: (seed, epoch, chunk, ...) -> int."""
    return int(random_numbers(seed, *where).generate_state(1)[0]) % 2**31


def train(classifier, x, labels, recipe, *, epochs, seed=1, chunk=1000, validation=None, weights=None, checkpoint=None,
          resume=None, jobs=1, progress=None, about=None):
    """Train a Classifier.

    x : (n, pixels) from 0 to 1; labels : (n,) whole numbers. chunk : images between two checkpoints.
    validation : (x, labels) whose error is measured after each epoch. checkpoint : file to write at every chunk.
    weights : name -> array to begin with, None = new ones. resume : checkpoint to go on from.
    jobs : shares of a batch that run at once. progress : a Progress.
    about : name -> value of what else identifies this training in its checkpoint, such as the dataset.
    Returns Trained. Raises SpikelearnError, also for a checkpoint of another training.
    """
    labels = np.asarray(labels, dtype=int)
    if jobs < 1 or jobs > recipe.shares or (jobs > 1 and recipe.batch < jobs):
        raise SpikelearnError(f"{jobs} jobs need a batch of as many shares, such as batch=20 and shares={max(jobs, 2)}")
    who = identity(classifier, recipe, seed=seed, chunk=chunk, images=len(x), **(about or {}))
    if weights is not None:
        content = b"".join(name.encode() + np.ascontiguousarray(w).tobytes() for name, w in sorted(weights.items()))
        who["weights at the start"] = hashlib.sha256(content).hexdigest()
    state = State(weights or classifier.new_weights(seed, recipe.output_bias, recipe.hidden_spread))
    if resume is not None:
        state = load_checkpoint(resume, who)
    threads = jobs if classifier.simulation.device == "cpp" else 1      # each waits for a program of its own
    with (progress or Progress(None)) as progress, ThreadPoolExecutor(threads) as pool:
        progress.start(epochs * len(x), state.epoch * len(x) + int(state.tally[0]))
        while state.epoch < epochs:
            order = np.random.default_rng(random_numbers(seed, state.epoch)).permutation(len(x))
            chosen = order[state.chunk * chunk:(state.chunk + 1) * chunk]
            state = _after_chunk(classifier, x[chosen], labels[chosen], recipe, state, seed, pool)
            progress.tell(len(chosen), state)
            if state.chunk * chunk >= len(x):
                state = _after_epoch(classifier, recipe, state, validation)
                progress.tell_epoch(state)
            if checkpoint is not None:
                save_checkpoint(checkpoint, state, who)
    curve = {name: np.array(values) for name, values in state.curve.items()}
    return Trained(final_weights(state), curve, state.weights)


def final_weights(state):
    """The weights that answer: the running mean if there is one."""
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
            weights[name] = weights[name] * (1 - now.rates[layer] * recipe.weight_decay) ** len(x)
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


def _after_epoch(classifier, recipe, state, validation):
    """The state at the start of the next epoch, with a point on the curve more."""
    tally = dict(zip(TALLY, state.tally))
    point = {"train_error_percent": 100 * tally["wrong"] / tally["images"], **tally}
    if validation is not None:
        start = time.perf_counter()
        point["validation_error_percent"] = error_percent(
            np.asarray(validation[1], dtype=int), answers(classifier, *validation, final_weights(state), recipe))
        point["validation_seconds"] = time.perf_counter() - start
    curve = {name: [*state.curve.get(name, []), value] for name, value in point.items()}
    return State(state.weights, state.mean_weights, state.epoch + 1, 0, state.chunks, curve)


def answers(classifier, x, labels, weights, recipe, seed=0):
    """What the network takes images for, without learning. x : (n, pixels). Returns (n,) int."""
    return predict(heard(classifier, x, labels, weights, recipe, seed))


def heard(classifier, x, labels, weights, recipe, seed=0):
    """Mean input of the outputs for each image, without learning: (n, classes)."""
    rows = []
    for first in range(0, len(x), classifier.images):
        part = slice(first, first + classifier.images)
        rows.append(classifier.show(x[part], labels[part], weights, recipe, seed=run_seed(seed, 0, first),
                                    learn=False).heard)
    return np.vstack(rows)


def pixels_and_labels(examples, scale):
    """(x, labels) of a dataset's part: x (n, pixels) from 0 to 1, labels (n,) int."""
    return scaled(examples.images, scale), np.asarray(examples.labels, dtype=int)


class Progress:
    """A bar with running error and time left on a terminal; a plain line an epoch, and every half minute, elsewhere.

    title : what is being trained; None = silence.
    """

    def __init__(self, title, file=None):
        self.title, self.file, self.bar = title, file or sys.stderr, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def start(self, total, done):
        """total, done : images of the whole training and those that are over."""
        self.total, self.done, self.began, self.last, self.first = total, done, time.monotonic(), 0.0, done
        if self.title is not None and self.file.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, desc=self.title, unit=" images", file=self.file)

    def tell(self, images, state):
        """`images` more have been shown."""
        self.done += images
        error = 100 * state.tally[1] / state.tally[0]
        if self.bar is not None:
            self.bar.set_postfix_str(f"error {error:.2f} %")
            self.bar.update(images)
        elif self.title is not None and time.monotonic() - self.last > 30:
            self.last = time.monotonic()
            self._line(f"{self.done} of {self.total} images, running error {error:.2f} %")

    def tell_epoch(self, state):
        """An epoch is over."""
        at_end = {name: values[-1] for name, values in state.curve.items()}
        validation = at_end.get("validation_error_percent")
        said = f"epoch {state.epoch}: error {at_end['train_error_percent']:.2f} %"
        said += "" if validation is None else f", validation {validation:.2f} %"
        if self.bar is not None:
            self.bar.write(f"{self.title}: {said}", file=self.file)
        elif self.title is not None:
            self._line(said)

    def _line(self, said):
        rate = (self.done - self.first) / max(time.monotonic() - self.began, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        print(f"{self.title}: {said}, {rate:.0f} images/s, {left:.0f} s left", file=self.file, flush=True)
