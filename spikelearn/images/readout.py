"""Predictions of a network and their scores."""
import sys

import numpy as np

from spikelearn.errors import SpikelearnError


def predict(output):
    """The class of the strongest output unit; of equally strong ones, the first.

    output : (..., classes) input, potential or spike count of the output units. Returns (...) int.
    """
    output = np.asarray(output)
    if output.ndim == 0 or output.shape[-1] == 0:
        raise SpikelearnError(f"output must have the shape (..., classes), not {output.shape}")
    if not np.all(np.isfinite(output)):
        raise SpikelearnError("output holds values that are infinite or not a number: the network has diverged")
    return output.argmax(axis=-1)


def accuracy(labels, predicted):
    """Share of right predictions, 0 to 1.

    labels, predicted : (n,) whole numbers
    """
    labels, predicted = _pair(labels, predicted)
    return float(np.mean(labels == predicted))


def error_percent(labels, predicted):
    """Share of wrong predictions in per cent, 0 to 100.

    labels, predicted : (n,) whole numbers
    """
    labels, predicted = _pair(labels, predicted)
    return 100 * int(np.sum(labels != predicted)) / labels.size


def tell_of_guessing(error, labels, rates):
    """Say on standard error if an error is that of the commonest class named for each image: nothing was learnt.

    error : per cent of the training images; labels : (n,) whole numbers; rates : of learning.
    """
    guess = 100 * (1 - np.bincount(labels).max() / len(labels))
    if error > 0.95 * guess:
        print(f"the network has learnt nothing: it errs for {error:.1f} % of the training images, a guess for "
              f"{guess:.1f} %. Brighter images need smaller rates than {','.join(f'{rate:g}' for rate in rates)} "
              "(--set rates=...)", file=sys.stderr)


def confusion(labels, predicted, classes=10):
    """How often each class (row) was taken for each class (column).

    labels, predicted : (n,) whole numbers, 0 to classes - 1. Returns (classes, classes) int.
    """
    labels, predicted = _pair(labels, predicted)
    low, high = min(labels.min(), predicted.min()), max(labels.max(), predicted.max())
    if low < 0 or high >= classes:
        raise SpikelearnError(f"labels and predictions must lie from 0 to {classes - 1}, but lie from {low} to {high}")
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def _pair(labels, predicted):
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.ndim != 1 or labels.shape != predicted.shape:
        raise SpikelearnError(
            f"labels and predictions must be two lists of one length, but have the shapes {labels.shape} and "
            f"{predicted.shape}")
    if labels.size == 0:
        raise SpikelearnError("labels and predictions must hold at least one number each")
    if labels.dtype.kind not in "iu" or predicted.dtype.kind not in "iu":
        raise SpikelearnError("labels and predictions must be whole numbers: `predict` turns outputs into classes")
    return labels, predicted
