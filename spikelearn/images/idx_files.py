"""The idx files of MNIST and Fashion-MNIST: found in a folder or downloaded, read, checked by SHA-256.

The content is checked uncompressed, because mirrors pack the same content differently.
"""
import contextlib
import errno
import gzip
import hashlib
import os
import struct
import time
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.results.locks import remove_leftovers, temporary_folder

DOWNLOAD = ".download-"     # begins the name of a folder into which a file is downloaded
TIMEOUT = 30                # seconds without an answer after which the next mirror is tried; these three chosen here
SLOWEST = 2000              # bytes a second on average, after that time
LARGEST = 2**26             # bytes of a packed file; the largest of the real ones has 26 million
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


def read_part(name, paths, part):
    """(images, labels) of the part "train" or "t10k" out of the idx files at `paths`."""
    arrays = []
    for file in SHAPES:
        if file.startswith(part):
            try:
                arrays.append(read_idx(paths[file], SHAPES[file], SHA256[name][file]))
            except SpikelearnError as error:
                if cache_folder() not in paths[file].parents:
                    raise
                raise SpikelearnError(f"{error}; delete it and it will be downloaded again") from error
    return arrays


def find_files(name, data_dir=None):
    """Paths of the four idx files of `name`, as a dict from plain file name; downloads into the cache."""
    folder = data_dir or os.environ.get("SPIKELEARN_DATA")
    if not folder:
        return {file: fetch(name, file) for file in SHAPES}
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise SpikelearnError(f"the data folder {folder} does not exist")
    paths = {}
    for file in SHAPES:
        choices = [folder / name / file, folder / name / f"{file}.gz", folder / file, folder / f"{file}.gz"]
        paths[file] = next((path for path in choices if path.is_file()), None)
        if paths[file] is None:
            raise SpikelearnError(
                f"the data folder {folder} holds no {file} or {file}.gz, neither itself nor in its "
                f"subfolder {name}")
    return paths


def read_idx(path, shape, sha256=None):
    """The array of unsigned bytes in an idx file, gzipped or plain, which must have the given shape.

    path : file; shape : (n, height, width) of images or (n,) of labels; sha256 : of the uncompressed content
    Returns a read-only uint8 array. Raises SpikelearnError: file unreadable, truncated, damaged, another one.
    Format: http://yann.lecun.com/exdb/mnist (magic number, then sizes, big-endian; then the bytes).
    """
    magic = bytes((0, 0, 8, len(shape)))  # 8 = unsigned byte, then the number of dimensions
    header, expected = 4 + 4 * len(shape), int(np.prod(shape))
    with _opened(path) as file:
        content = file.read(header)
        if len(content) >= 4 and content[:4] != magic:
            kind = "images" if len(shape) == 3 else "labels"
            raise SpikelearnError(f"{path} is not an idx file of {kind}: it begins with the bytes "
                                  f"{content[:4].hex(' ')} and not with {magic.hex(' ')}")
        if len(content) < header:
            raise SpikelearnError(f"{path} is truncated: it ends within its header")
        found = struct.unpack(f">{len(shape)}I", content[4:])
        if found != tuple(shape):
            raise SpikelearnError(f"{path} states the wrong count: {_times(found)} where {_times(shape)} belong")
        data = file.read(expected + 1)      # one more than there are: whatever else the file unpacks to is not read
    if len(data) < expected:
        raise SpikelearnError(f"{path} is truncated: it holds {len(data):,} of {expected:,} bytes of data")
    if len(data) > expected:
        raise SpikelearnError(f"{path} is too long: it holds more than {expected:,} bytes of data")
    if sha256 is not None and hashlib.sha256(content + data).hexdigest() != sha256:
        raise SpikelearnError(
            f"{path} has the wrong content: the SHA-256 of its uncompressed bytes is not the known one")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


@contextlib.contextmanager
def _opened(path):
    """The file, unpacked while it is read if it is gzipped; what is wrong with it becomes a sentence."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if packed else contextlib.nullcontext(file) as opened:
                yield opened
    except SpikelearnError:
        raise
    except EOFError as error:
        raise SpikelearnError(f"{path} is truncated: its gzip stream ends too early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SpikelearnError(f"{path} is damaged: its gzip stream is corrupt") from error
    except OSError as error:
        raise SpikelearnError(f"{path} cannot be read: {error.strerror or error}") from error


def _times(shape):
    return " x ".join(f"{size:,}" for size in shape)


def cache_folder():
    """Folder of the downloaded datasets, in the user's cache."""
    import pooch

    return Path(pooch.os_cache("spikelearn")) / "data"


class _Watched:
    """A file that a download is written to; it raises OSError when that is too large or too slow."""

    def __init__(self, file):
        self.file, self.began, self.size = file, time.monotonic(), 0

    def write(self, piece):
        self.size += len(piece)
        if self.size > LARGEST:
            raise OSError(errno.EFBIG, "too large")
        if self.size < SLOWEST * (time.monotonic() - self.began - TIMEOUT):
            raise OSError(errno.ETIMEDOUT, "too slow")
        return self.file.write(piece)

    def flush(self):
        self.file.flush()


def download(url, path):
    """Write the file at `url` to `path`, silently. Raises OSError (as every error of requests is)."""
    import pooch

    with open(path, "wb") as file:
        pooch.HTTPDownloader(progressbar=False, chunk_size=2**12, timeout=TIMEOUT)(url, _Watched(file), None)


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
        remove_leftovers(folder, DOWNLOAD)
        with temporary_folder(folder, DOWNLOAD) as temporary:
            fresh = temporary / cached.name
            _download_checked(name, file, fresh)
            os.replace(fresh, cached)
    except OSError as error:
        reason = error.strerror or error
        raise SpikelearnError(f"the cache folder {folder} cannot be written: {reason}") from error
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
        f"check the network, or name a folder that holds its files by --data-dir or SPIKELEARN_DATA")
