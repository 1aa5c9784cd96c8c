"""The loop of every training: chunk after chunk or epoch after epoch, a checkpoint and a progress line at each end."""
import dataclasses

import numpy as np

from spikelearn.training.seeds import random_numbers


def in_chunks(state, save, *, n, epochs, chunk, seed, learn, measure, progress, said, summary):
    """Train in chunks of the examples, whose order in an epoch follows from (seed, epoch) alone.

    Parameters
    ----------
    state, save : where the training stands, and the function that keeps a State (checkpointing gives both).
    n, epochs, chunk, seed : examples, epochs in all, examples of a chunk.
    learn : (State, (chunk,) indices of examples) -> State after them; counts them in `tally[0]`, and `chunk` up by 1.
    measure : State at the end of an epoch -> name -> number, the epoch's point on the curve.
    progress : a Progress. said, summary : State -> what to tell after a chunk, and after an epoch.

    Returns
    -------
    State after the last epoch.
    """
    progress.start(epochs * n, state.epoch * n + int(state.tally[0]))
    while state.epoch < epochs:
        order = np.random.default_rng(random_numbers(seed, state.epoch)).permutation(n)
        chosen = order[state.chunk * chunk:(state.chunk + 1) * chunk]
        state = learn(state, chosen)
        progress.tell(len(chosen), said(state))
        if state.chunk * chunk >= n:
            state = next_epoch(state, measure(state))
            progress.tell_epoch(state.epoch, summary(state))
        save(state)
    return state


def in_epochs(state, save, *, n, epochs, learn, progress, summary, enough=lambda state: False):
    """Train in epochs that are one chunk each.

    learn : State -> (weights of a State, the epoch's point on the curve). enough : State -> whether the training ends
    early. The rest as in in_chunks. Returns the State after the last epoch.
    """
    progress.start(epochs * n, state.epoch * n)
    while state.epoch < epochs and not enough(state):
        weights, point = learn(state)
        state = next_epoch(dataclasses.replace(state, weights=weights), point)
        progress.tell_epoch(state.epoch, summary(state))
        save(state)
    return state


def next_epoch(state, point):
    """The State at the start of the next epoch, with a point more on the curve. point : name -> number."""
    curve = {name: [*state.curve.get(name, []), float(value)] for name, value in point.items()}
    return dataclasses.replace(state, epoch=state.epoch + 1, chunk=0, curve=curve, tally=np.zeros_like(state.tally))


def last_point(state):
    """The last point of the curve as a text: "objective 3.2, seconds 1.7"."""
    return ", ".join(f"{name} {values[-1]:.4g}" for name, values in state.curve.items())


def errors(state):
    """The last errors of the curve as a text: "error 3.20 %, validation 4.10 %"."""
    last = {name: values[-1] for name, values in state.curve.items()}
    told = {"error": "train_error_percent", "validation": "validation_error_percent"}
    return ", ".join(f"{word} {last[name]:.2f} %" for word, name in told.items() if name in last)


def curve_of(state):
    """The curve of a State, name -> (epochs,) array."""
    return {name: np.array(values) for name, values in state.curve.items()}
