"""Labelled images: scikit-learn's handwritten digits, MNIST and Fashion-MNIST.

    data = load("mnist")
    data.train.images, data.train.labels          # all but the last 10,000 training images
    data.validation.images                        # the last 10,000: every choice is made on these
    images, labels = data.test()                  # decoded here and not before: once, at the end

MNIST (LeCun, Cortes & Burges 1998) and Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) are idx files, gzipped or
plain. They are taken from a folder (`data_dir`, else the environment variable SPIKELEARN_DATA) or else from
the user's cache, into which they are downloaded (idx_files.py).
"""
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.images import idx_files

DATASETS = {
    "digits": "1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn",
    "mnist": "70,000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998)",
    "fashion_mnist": "70,000 articles of clothing of 28 x 28 pixels (Xiao et al. 2017)",
}
DIGITS_TEST, DIGITS_VALIDATION, MNIST_VALIDATION = 360, 237, 10_000


class Examples(NamedTuple):
    """images : (n, height, width) uint8; labels : (n,) uint8, 0 to 9. Both read-only."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named dataset, split into training, validation and (unread) test examples.

    scale : value of a white pixel (255, or 16 for the digits); read_test : reads the test examples.
    """

    name: str
    scale: int
    train: Examples
    validation: Examples
    read_test: Callable[[], Examples]
    classes: int = 10

    @property
    def pixels(self):
        """Number of pixels of one image."""
        return int(np.prod(self.train.images.shape[1:]))

    @property
    def side(self):
        """Pixels of one side of the square images."""
        height, width = self.train.images.shape[1:]
        if height != width:
            raise SpikelearnError(f"the images of {self.name} must be square, not {height} x {width} pixels")
        return height

    def test(self):
        """The test examples, decoded only now: read them once, when every choice is made."""
        return self.read_test()


def load(name: str, data_dir: str | Path | None = None, validation: int | None = None,
         own: bool = False) -> Dataset:
    """A dataset of labelled images.

    Parameters
    ----------
    name : "digits", "mnist" or "fashion_mnist".
    own : `name` may also be a .npz file with images of the user's own (see own_images).
    data_dir : folder with the idx files, or with a subfolder `name` that holds them (digits need none).
    validation : how many of the last training images are held out, fewer than are left to train on; by default
        10,000, or 237 of the digits. Of one's own images they are drawn, of each class its share.

    Returns
    -------
    Dataset

    Raises
    ------
    SpikelearnError : for an unknown name, a missing or damaged file, or if a download fails.

    Examples
    --------
    >>> data = sl.load_dataset("digits")
    >>> data.train.images.shape, data.scale
    ((1200, 8, 8), 16)
    """
    if own and str(name).endswith(".npz"):
        from spikelearn.images.own_images import load_own_images

        return load_own_images(name, validation)
    if name not in DATASETS:
        raise SpikelearnError(f"there is no dataset '{name}'{alternatives(str(name), DATASETS)}")
    if name == "digits":
        read = read_digits
        scale, default = 16, DIGITS_VALIDATION
    else:
        # All four files are found (or fetched) now, so that a missing test set is not met at the end of a
        # long training; only the training files are decoded.
        paths = idx_files.find_files(name, data_dir)

        def read(part):
            return Examples(*idx_files.read_part(name, paths, "t10k" if part == "test" else part))

        scale, default = 255, MNIST_VALIDATION
    training = read("train")
    validation = default if validation is None else validation
    n = len(training.labels)
    if isinstance(validation, bool) or not isinstance(validation, Integral) or not 0 <= 2 * validation < n:
        raise SpikelearnError(f"validation must be a whole number from 0 to {(n - 1) // 2}, less than half of the "
                              f"{n:,} training images of {name}, not {validation!r}")
    first = n - int(validation)
    return Dataset(name, scale, Examples(*(part[:first] for part in training)),
                   Examples(*(part[first:] for part in training)), lambda: read("test"))


def read_digits(part):
    """The "train" (1,437) or "test" (360) examples of scikit-learn's digits; values 0 to 16.

    The split is fixed: stratified by digit, seed 0.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    split = train_test_split(digits.images.astype(np.uint8), digits.target.astype(np.uint8),
                             test_size=DIGITS_TEST, stratify=digits.target, random_state=0)
    examples = Examples(*(split[0::2] if part == "train" else split[1::2]))
    for array in examples:
        array.setflags(write=False)
    return examples


def scored_part(data: Dataset, final: bool) -> tuple[Examples, str]:
    """(examples, "validation" or "test"): what is scored at the end. The only place where the test set is read.

    final : whether every choice is made, so that the test set may be read.
    """
    return (data.test(), "test") if final else (data.validation, "validation")
