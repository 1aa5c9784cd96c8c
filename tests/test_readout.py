"""Decisions and their scores, on tables worked by hand."""
import numpy as np
import pytest

from spikelearn import SpikelearnError
from spikelearn.images.readout import accuracy, confusion, error_percent, predict

LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 2], dtype=np.uint8)
PREDICTED = np.array([0, 1, 1, 1, 2, 0, 2, 1])


def test_the_strongest_output_wins_and_the_first_of_equals():
    assert predict([[0.1, 0.7, 0.2], [-3, -2, -1], [0, 0, 0], [1, 5, 5]]).tolist() == [1, 2, 0, 1]
    assert predict([0.1, 0.2]) == 1
    assert predict(np.zeros((4, 5, 10))).shape == (4, 5)


def test_scores_by_hand():
    assert accuracy(LABELS, PREDICTED) == 5 / 8
    assert error_percent(LABELS, PREDICTED) == 37.5
    assert error_percent(LABELS, LABELS) == 0 and accuracy(LABELS, LABELS) == 1


def test_confusion_by_hand():
    table = confusion(LABELS, PREDICTED, 4)
    assert table.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 1, 2, 0], [0, 0, 0, 0]]  # rows: the true class


def test_confusion_agrees_with_the_other_scores():
    rng = np.random.default_rng(1)
    labels, predicted = rng.integers(0, 10, (2, 1000))
    table = confusion(labels, predicted)
    assert np.array_equal(table.sum(axis=1), np.bincount(labels, minlength=10))
    assert np.array_equal(table.sum(axis=0), np.bincount(predicted, minlength=10))
    assert table.trace() == pytest.approx(1000 * accuracy(labels, predicted), abs=1e-9)
    assert table.trace() == pytest.approx(10 * (100 - error_percent(labels, predicted)), abs=1e-9)


@pytest.mark.parametrize("mistake, message", [
    (lambda: predict([[0.1, np.nan]]), "not a number"),
    (lambda: predict([[0.1, np.inf]]), "infinite"),
    (lambda: predict(3.0), "classes"),
    (lambda: predict(np.zeros((3, 0))), "classes"),
    (lambda: accuracy([0, 1], [0]), r"\(2,\) and \(1,\)"),
    (lambda: error_percent([[0, 1]], [[0, 1]]), "one length"),
    (lambda: error_percent([], []), "at least one number"),
    (lambda: accuracy([0, 1], [0.0, np.nan]), "whole numbers"),
    (lambda: accuracy([0, 1], [[0.2, 0.8], [0.1, 0.9]]), "one length"),
    (lambda: confusion([0, 1], [0, 3], 3), "from 0 to 2"),
    (lambda: confusion([0, -1], [0, 2], 3), "from 0 to 2"),
])
def test_mistakes_are_refused_in_one_sentence(mistake, message):
    with pytest.raises(SpikelearnError, match=message) as caught:
        mistake()
    assert "\n" not in str(caught.value) and not str(caught.value).endswith(".")
