"""Labelled images: scikit-learn's handwritten digits, MNIST and Fashion-MNIST.

    data = load("mnist")
    data.train.images, data.train.labels          # all but the last 10,000 training images
    data.validation.images                        # the last 10,000: every choice is made on these
    images, labels = data.test()                  # decoded here and not before: once, at the end

MNIST (LeCun, Cortes & Burges 1998) and Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) are idx files, gzipped or
plain. They are taken from a folder (`data_dir`, else the environment variable SPIKELEARN_DATA) or else from
the user's cache, into which they are downloaded. SHA-256 is checked on the uncompressed content, because
mirrors pack the same content differently.
"""
import gzip
import hashlib
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from spikelearn.errors import SpikelearnError

DATASETS = {
    "digits": "1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn",
    "mnist": "70,000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998)",
    "fashion_mnist": "70,000 articles of clothing of 28 x 28 pixels (Xiao et al. 2017)",
}
DIGITS_TEST, DIGITS_VALIDATION, MNIST_VALIDATION = 360, 237, 10_000

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}
SHAPES = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}
SHA256 = {  # of the uncompressed files
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


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

    def test(self):
        """The test examples, decoded only now: read them once, when every choice is made."""
        return self.read_test()


def load(name, data_dir=None, validation=None, own=False):
    """The dataset called `name`: "digits", "mnist" or "fashion_mnist".

    own : `name` may also be a .npz file with the user's own images (see own_images)
    data_dir : folder with the idx files, or with a subfolder `name` that holds them (digits need none)
    validation : how many of the last training images are held out, fewer than are left to train on; by default
        10,000, or 237 of the digits
    Returns a Dataset. Raises SpikelearnError: unknown name, missing or damaged file, no network.
    """
    if own and str(name).endswith(".npz"):
        from spikelearn.images.own_images import load_own_images

        return load_own_images(name, validation)
    if name not in DATASETS:
        raise SpikelearnError(f"There is no dataset {name!r}; known datasets: {', '.join(DATASETS)}.")
    if name == "digits":
        training, read_test = read_digits("train"), partial(read_digits, "test")
        scale, default = 16, DIGITS_VALIDATION
    else:
        # All four files are found (or fetched) now, so that a missing test set is not met at the end of a
        # long training; only the training files are decoded.
        paths = find_files(name, data_dir)
        training, read_test = _read_part(name, paths, "train"), partial(_read_part, name, paths, "t10k")
        scale, default = 255, MNIST_VALIDATION
    validation = default if validation is None else validation
    n = len(training.labels)
    if isinstance(validation, bool) or not isinstance(validation, Integral) or not 0 <= 2 * validation < n:
        raise SpikelearnError(f"validation must be a whole number from 0 to {(n - 1) // 2}, less than half of the "
                              f"{n:,} training images of {name}, not {validation!r}")
    first = n - int(validation)
    return Dataset(name, scale, Examples(*(part[:first] for part in training)),
                   Examples(*(part[first:] for part in training)), read_test)


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


def _read_part(name, paths, part):
    """The "train" or "t10k" examples out of the idx files at `paths`."""
    arrays = []
    for file in SHAPES:
        if file.startswith(part):
            try:
                arrays.append(read_idx(paths[file], SHAPES[file], SHA256[name][file]))
            except SpikelearnError as error:
                if cache_folder() not in paths[file].parents:
                    raise
                message = str(error).removesuffix(".")
                raise SpikelearnError(f"{message}; delete it and it will be downloaded again.") from error
    return Examples(*arrays)


def find_files(name, data_dir=None):
    """Paths of the four idx files of `name`, as a dict from plain file name; downloads into the cache."""
    folder = data_dir or os.environ.get("SPIKELEARN_DATA")
    if not folder:
        return {file: fetch(name, file) for file in SHAPES}
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise SpikelearnError(f"The data folder {folder} does not exist.")
    paths = {}
    for file in SHAPES:
        choices = [folder / name / file, folder / name / f"{file}.gz", folder / file, folder / f"{file}.gz"]
        paths[file] = next((path for path in choices if path.is_file()), None)
        if paths[file] is None:
            raise SpikelearnError(
                f"The data folder {folder} holds no {file} or {file}.gz, neither itself nor in its "
                f"subfolder {name}.")
    return paths


def read_idx(path, shape, sha256=None):
    """The array of unsigned bytes in an idx file, gzipped or plain, which must have the given shape.

    path : file; shape : (n, height, width) of images or (n,) of labels; sha256 : of the uncompressed content
    Returns a read-only uint8 array. Raises SpikelearnError: file unreadable, truncated, damaged, another one.
    Format: http://yann.lecun.com/exdb/mnist (magic number, then sizes, big-endian; then the bytes).
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SpikelearnError(f"{path} cannot be read: {error.strerror or error}.") from error
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except EOFError as error:
            raise SpikelearnError(f"{path} is truncated: its gzip stream ends too early.") from error
        except (OSError, zlib.error) as error:
            raise SpikelearnError(f"{path} is damaged: its gzip stream is corrupt.") from error
    magic = bytes((0, 0, 8, len(shape)))  # 8 = unsigned byte, then the number of dimensions
    header = 4 + 4 * len(shape)
    if len(content) >= 4 and content[:4] != magic:
        kind = "images" if len(shape) == 3 else "labels"
        raise SpikelearnError(f"{path} is no idx file of {kind}: it begins with the bytes "
                              f"{content[:4].hex(' ')} and not with {magic.hex(' ')}.")
    if len(content) < header:
        raise SpikelearnError(f"{path} is truncated: it ends within its header.")
    found = struct.unpack(f">{len(shape)}I", content[4:header])
    if found != tuple(shape):
        raise SpikelearnError(f"{path} states the wrong count: {_times(found)} where {_times(shape)} belong.")
    expected, held = int(np.prod(shape)), len(content) - header
    if held != expected:
        what = "is truncated" if held < expected else "is too long"
        raise SpikelearnError(f"{path} {what}: it holds {held:,} of {expected:,} bytes of data.")
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise SpikelearnError(
            f"{path} has the wrong content: the SHA-256 of its uncompressed bytes is not the known one.")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _times(shape):
    return " x ".join(f"{size:,}" for size in shape)


def cache_folder():
    """Folder of the downloaded datasets, in the user's cache."""
    import pooch

    return Path(pooch.os_cache("spikelearn")) / "data"


def download(url, path):
    """Write the file at `url` to `path`, silently. Raises OSError (as every error of requests is)."""
    import pooch

    pooch.HTTPDownloader(progressbar=False, chunk_size=2**16, timeout=30)(url, str(path), None)


def fetch(name, file):
    """Path of an idx file in the cache, downloaded from the first mirror that gives the right content.

    The file enters the cache by a rename, after it has been checked: there is never half a file.
    """
    folder = cache_folder() / name
    cached = folder / f"{file}.gz"
    if cached.is_file():
        return cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            fresh = Path(temporary) / cached.name
            _download_checked(name, file, fresh)
            os.replace(fresh, cached)
    except OSError as error:
        reason = error.strerror or error
        raise SpikelearnError(f"The cache folder {folder} cannot be written: {reason}.") from error
    return cached


def _download_checked(name, file, path):
    reasons = []
    for mirror in MIRRORS[name]:
        try:
            download(f"{mirror}{path.name}", path)
            read_idx(path, SHAPES[file], SHA256[name][file])
            return
        except SpikelearnError:
            reasons.append(f"{urlsplit(mirror).netloc}: wrong content")
        except OSError as error:
            reasons.append(f"{urlsplit(mirror).netloc}: {error.strerror or type(error).__name__}")
    raise SpikelearnError(
        f"{name} is not on this machine and {path.name} could not be downloaded ({'; '.join(reasons)}): "
        f"check the network, or name a folder that holds its files by --data-dir or SPIKELEARN_DATA.")
