"""Classes of neurons that were never given any, from their responses to training images, and decisions with them."""
import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.images.readout import predict

DECISIONS = ("mean", "vote")


def mean_responses(sums, shown):
    """Mean spike count of each neuron for each class: (classes, n); 0 for a class that was not shown.

    sums : (classes, n) summed spike counts; shown : (classes,) how many images of each class there were.
    """
    shown = np.asarray(shown, dtype=float)
    if not shown.any():
        raise SpikelearnError("neurons are labelled by their responses to images, and none was shown")
    return np.asarray(sums, dtype=float) / np.maximum(shown, 1)[:, None]


def labels_of(responses):
    """The class that each neuron responds to most: (n,) int; -1 for a neuron that never spiked.

    responses : (classes, n)
    """
    return np.where(responses.any(axis=0), responses.argmax(axis=0), -1)


def evidence(counts, responses, decision):
    """How much speaks for each class: (images, classes).

    counts : (images, n) spike counts; responses : (classes, n) mean responses.
    decision : "mean", the mean count of the neurons of each class (Diehl & Cook 2015); or "vote", the sum over neurons
    of count times profile, the neuron's mean responses as shares of their sum (chosen here).
    """
    counts, classes = np.asarray(counts, dtype=float), len(responses)
    if decision not in DECISIONS:
        raise SpikelearnError(f"a decision is {' or '.join(DECISIONS)}, not '{decision}'")
    if decision == "mean":
        member = labels_of(responses)[:, None] == np.arange(classes)
        return counts @ member / np.maximum(member.sum(axis=0), 1)
    total = responses.sum(axis=0)
    return counts @ (responses / np.where(total > 0, total, 1)).T


def decide(counts, responses, decision):
    """Predicted classes: (images,) int; see `evidence`."""
    return predict(evidence(counts, responses, decision))


def summed_by_class(counts, labels, classes):
    """(sums, shown): (classes, n) spike counts summed over the images of each class, (classes,) their numbers."""
    member = np.asarray(labels)[:, None] == np.arange(classes)
    return member.T.astype(float) @ np.asarray(counts, dtype=float), member.sum(axis=0).astype(float)
