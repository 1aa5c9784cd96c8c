"""Images and labels as they come from a user, checked: rows from black to white, and one class for each."""
import numpy as np

from spikelearn.errors import SpikelearnError


def image_rows(images, pixels, what="images"):
    """Images as rows; an array keeps its type, and is not copied if it lies in memory row after row.

    images : (n, pixels) or (n, height, width), from 0 (black) to 1 (white), also a list. what : what to call them.
    Returns (n, pixels). Raises SpikelearnError for another shape, and for what is no number from 0 to 1.
    """
    x = _array(images, what)
    if x.ndim not in (2, 3) or x[:1].size != pixels * len(x[:1]):
        raise SpikelearnError(f"{what} must have the shape (n, {pixels}), not {x.shape}")
    if x.dtype.kind not in "biuf":
        raise SpikelearnError(f"{what} must be numbers, not {x.dtype}")
    if not len(x):
        return np.zeros((0, pixels))
    low, high = x.min(), x.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise SpikelearnError(f"{what} must lie from 0 (black) to 1 (white), but hold values that are not a number or "
                              "infinite")
    if not (low >= 0 and high <= 1):
        raise SpikelearnError(f"{what} must lie from 0 (black) to 1 (white), but lie from {low:g} to {high:g}: divide "
                              "them by the value of a white pixel, such as data.scale")
    return x.reshape(len(x), pixels)


def check_movable(images, glances=1, *, scored=True):
    """Refuse images, (n, height, width), that are not square: moved as rows they would be scrambled. Rows pass.

    glances : at each image, 1, 5 or 9; another number is refused. scored : whether there are images to glance at.
    """
    if glances not in (1, 5, 9):
        raise SpikelearnError(f"glances must be 1, 5 or 9, not {glances}")
    if glances > 1 and not scored:
        raise SpikelearnError(f"glances={glances} is a way to score images: it needs a validation above 0, or "
                              "final=true")
    if np.ndim(images) == 3 and np.shape(images)[1] != np.shape(images)[2]:
        height, width = np.shape(images)[1:]
        raise SpikelearnError(f"only square images can be moved, not those of {height} x {width} pixels")


def class_labels(labels, n, classes, what="labels"):
    """Labels as (n,) int.

    labels : (n,) whole numbers from 0 to classes - 1, of any type. what : what to call them.
    Raises SpikelearnError for another number of them, and for what is no such whole number.
    """
    y = _array(labels, what)
    if y.shape != (n,):
        raise SpikelearnError(f"{what} must have the shape ({n},), one for each image, not {y.shape}")
    if y.dtype.kind not in "iuf":
        raise SpikelearnError(f"{what} must be whole numbers, not {y.dtype}")
    broken = y[y != np.round(y)] if y.dtype.kind == "f" else y[:0]      # not-a-number differs from itself
    if len(broken):
        raise SpikelearnError(f"{what} must be whole numbers, but hold {broken[0]:g}")
    if n and not (y.min() >= 0 and y.max() < classes):
        raise SpikelearnError(f"{what} must lie from 0 to {classes - 1}, as there are {classes} classes, but lie from "
                              f"{y.min():g} to {y.max():g}")
    return y.astype(int, copy=False)


def examples_checked(images, labels, pixels, classes, whose=""):
    """(image_rows, class_labels) of images to learn or to score, of which there must be one at least.

    whose : "" or "validation ".
    """
    x = image_rows(images, pixels, f"{whose}images")
    if not len(x):
        raise SpikelearnError(f"{whose}images must be one at least, not none")
    return x, class_labels(labels, len(x), classes, f"{whose}labels")


def validation_checked(validation, pixels, classes):
    """`examples_checked` of the pair (images, labels) whose error is measured after each epoch; None stays None."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise SpikelearnError("validation must be a pair (images, labels), or None for no validation")
    return examples_checked(*validation, pixels, classes, "validation ")


def _array(values, what):
    try:
        return np.asarray(values)
    except ValueError as error:
        raise SpikelearnError(f"{what} must be an array, not lists of unequal lengths") from error
