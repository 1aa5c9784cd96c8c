"""A user's own labelled images: a .npz file with the arrays images, labels and, if wanted, split.

    np.savez("mine.npz", images=images, labels=labels)

images : (n, height, width) grey values: fractions from 0 (black) to 1 (white), or whole numbers of which 0 is black and
the largest in the file is white. labels : (n,) whole numbers from 0, each class among the training images.
split : (n,) words "train", "validation" or "test". Without it a fifth of each class is for the test; without validation
images a sixth of the training images, drawn once and for all, is held out, of each class its share to within one image.
Each part is in a mixed order, always the same, so that the first N of a file sorted by class are of all classes.
"""
import hashlib
import os
import zipfile
from numbers import Integral
from pathlib import Path

import numpy as np

from spikelearn.errors import SpikelearnError, alternatives, no_file
from spikelearn.images.datasets import Dataset, Examples
from spikelearn.results.archives import damage_told, read_arrays

PARTS = ("train", "validation", "test")
TEST_SHARE, VALIDATION_SHARE = 0.2, 1 / 6       # chosen here; MNIST's own shares are 1/7 and 1/6
MOST_CLASSES = 1000


def load_own_images(path: str | Path, validation: int | None = None) -> Dataset:
    """The images in a .npz file as a Dataset.

    Parameters
    ----------
    path : the file.
    validation : how many of the training images are held out, of each class its share to within one image; None is the
        file's own validation images, or a sixth of the training images.

    Returns
    -------
    Dataset.

    Raises
    ------
    SpikelearnError
        If the file cannot be read, if a shape, a range or a label is wrong, or if a part is empty.
    """
    path = Path(path).expanduser()
    arrays = _arrays(path)
    images, scale = _images(path, arrays["images"])
    labels = _labels(path, arrays["labels"], len(images))
    parts = _parts(path, arrays.get("split"), labels)
    where = {part: np.flatnonzero(parts == part) for part in PARTS}
    if not len(where["validation"]):
        where["train"], where["validation"] = _held_out(path, where["train"], labels, validation)
    elif validation is not None:
        raise SpikelearnError(f"the split of '{path}' says which images are for validation: leave validation= out")
    where = {part: np.random.default_rng(0).permutation(chosen) for part, chosen in where.items()}
    arrays |= {f"{part} images": chosen for part, chosen in where.items()}    # another draw is another dataset
    classes = int(labels.max()) + 1
    missing = np.setdiff1d(np.arange(classes), labels[where["train"]])
    if len(missing):
        raise SpikelearnError(f"labels in '{path}' run from 0 to {classes - 1}, but no training image has the label "
                              f"{missing[0]}")
    examples = {part: _read_only(images[chosen], labels[chosen]) for part, chosen in where.items()}
    return Dataset(f"{path.name} {_content(arrays)}", scale, examples["train"], examples["validation"],
                   lambda: examples["test"], classes)


def _held_out(path, training, labels, validation):
    """Training images without those for validation, and these: of each class its share, drawn once and for all."""
    n = len(training)
    held_out = int(n * VALIDATION_SHARE) if validation is None else validation
    if isinstance(held_out, bool) or not isinstance(held_out, Integral) or not 0 <= 2 * held_out < n:
        raise SpikelearnError(f"validation must be a whole number from 0 to {(n - 1) // 2}, less than half of the "
                              f"{n:,} training images of '{path}', not {held_out!r}")
    rng = np.random.default_rng(0)
    drawn = rng.permutation(training)
    drawn = drawn[np.argsort(labels[drawn], kind="stable")]     # class after class, of which every so many-th is taken
    chosen = drawn[(2 * np.arange(held_out) + 1) * n // (2 * max(held_out, 1))]
    return np.setdiff1d(training, chosen), chosen


def _content(arrays):
    """Start of a hash of the content, to tell files of the same name apart."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _read_only(images, labels):
    for array in (images, labels):
        array.setflags(write=False)
    return Examples(images, labels)


def _arrays(path):
    """The arrays of the file: images, labels, and split if it is there."""
    try:
        with open(path, "rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise SpikelearnError(f"'{path}' is one array: np.savez writes a file with images and labels")
        with zipfile.ZipFile(path) as file:
            names = [member.filename.removesuffix(".npy") for member in file.infolist()]
            if sum(member.file_size for member in file.infolist()) > _memory():
                raise MemoryError
        for name in ("images", "labels"):
            if name not in names:
                raise SpikelearnError(f"'{path}' holds no array '{name}', but {', '.join(names) or 'nothing'}")
        known = ("images", "labels", "split")
        for name in names:
            if name not in known:
                raise SpikelearnError(f"'{path}' holds an array '{name}', which is not read{alternatives(name, known)}")
    except SpikelearnError:
        raise
    except FileNotFoundError as error:
        raise SpikelearnError(no_file(path)) from error
    except MemoryError as error:
        raise SpikelearnError(f"'{path}' does not fit into memory") from error
    except OSError as error:
        raise SpikelearnError(f"'{path}' cannot be read: {error.strerror or 'it is no .npz file'}") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise SpikelearnError(f"'{path}' cannot be read: it is damaged or no .npz file") from error
    with damage_told(f"'{path}' cannot be read: it is damaged, or an array holds Python objects"):
        return read_arrays(path, packed=True, most=_memory())


def _memory():
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _images(path, images):
    """Images from black to white, and the value of white."""
    if images.ndim != 3 or 0 in images.shape:
        raise SpikelearnError(f"images in '{path}' must have the shape (n, height, width), grey values without a "
                              f"channel of colour, not {images.shape}")
    if images.dtype.kind == "b":
        images = images.astype(np.uint8)
    if images.dtype.kind not in "uif":
        raise SpikelearnError(f"images in '{path}' must be numbers, not {images.dtype}")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise SpikelearnError(f"images in '{path}' hold values that are not a number or infinite")
    low, high = images.min(), images.max()
    if low < 0:
        raise SpikelearnError(f"images in '{path}' must not be below 0 (black), but hold {low:g}")
    if images.dtype.kind == "f" and high > 1:
        raise SpikelearnError(f"images in '{path}' are fractions, which must lie from 0 (black) to 1 (white), but hold "
                              f"{high:g}: divide them by the value of white, or save whole numbers")
    if high == 0:
        raise SpikelearnError(f"images in '{path}' are all black")
    return images, 1 if images.dtype.kind == "f" else int(high)


def _labels(path, labels, n):
    """Labels as whole numbers from 0."""
    if labels.shape != (n,):
        raise SpikelearnError(f"labels in '{path}' must have the shape ({n},), one for each image, not {labels.shape}")
    if labels.dtype.kind not in "uif" or labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        raise SpikelearnError(f"labels in '{path}' must be whole numbers from 0")
    if labels.min() < 0:
        raise SpikelearnError(f"labels in '{path}' must be whole numbers from 0, but hold {labels.min():g}")
    if labels.max() >= MOST_CLASSES:
        raise SpikelearnError(f"labels in '{path}' must be below {MOST_CLASSES}, but hold {labels.max():g}")
    if labels.max() == labels.min():
        raise SpikelearnError(f"labels in '{path}' must be of 2 classes or more, but all are {labels.max():g}")
    return labels.astype(np.uint16)


def _parts(path, split, labels):
    """Part of each image: that of the file, else a fifth of each class, drawn once and for all, is for the test."""
    if split is None:
        return _drawn(path, labels)
    split = split.astype(str) if split.dtype.kind in "US" else split
    if split.dtype.kind != "U" or split.shape != labels.shape:
        raise SpikelearnError(f"split in '{path}' must be ({len(labels)},) words, train, validation or test, one for "
                              "each image")
    for word in np.unique(split):
        if word not in PARTS:
            raise SpikelearnError(f"split in '{path}' holds '{word}'{alternatives(str(word), PARTS)}")
    for part in ("train", "test"):
        if part not in split:
            raise SpikelearnError(f"split in '{path}' leaves no image for {part}")
    return split


def _drawn(path, labels):
    from sklearn.model_selection import train_test_split

    try:
        _, test = train_test_split(np.arange(len(labels)), test_size=TEST_SHARE, stratify=labels, random_state=0)
    except ValueError as error:
        counts = np.bincount(labels)
        raise SpikelearnError(f"'{path}' holds too few images to draw a fifth of each class for the test (class "
                              f"{np.argmin(counts)} has {counts.min()}): add images, or the array split") from error
    parts = np.full(len(labels), "train", dtype="U10")
    parts[test] = "test"
    return parts
