"""Saved results: a folder with `result.npz` and `run.json`. Nothing is ever overwritten.

`result.npz` holds the arrays in SI base units, without pickles; its entry `units` says which. `run.json` holds
provenance and headline numbers.
"""
import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.results.plain import entries, plain, with_unit
from spikelearn.results.provenance import checksum_of
from spikelearn.results.result import Result

FORMAT = "spikelearn result 1"


def check_output(directory: str | Path) -> Path:
    """The folder as a path; refuses one that already holds something."""
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SpikelearnError(f"'{directory}' exists and is not an empty folder: nothing is overwritten, "
                              "choose another name")
    if directory.exists() and not os.access(directory.resolve().parent, os.W_OK):
        raise SpikelearnError(f"'{directory}' cannot be written: its parent folder is read-only")
    return directory


def save(result: Result, directory: str | Path) -> Path:
    """Write `result.npz` and `run.json` into a folder; all of it appears at once, or nothing does.

    Parameters
    ----------
    result : what to save.
    directory : a new or empty folder.

    Returns
    -------
    Path : the folder.

    Raises
    ------
    SpikelearnError : if the folder holds something already, if an array is not made of numbers or text, or if the disk
        is full.

    Examples
    --------
    >>> from spikelearn.results import save
    >>> sorted(path.name for path in save(sl.Result("mine", {"rate": [5, 10]*Hz}, {}), "saved").iterdir())
    ['result.npz', 'run.json']
    """
    directory = check_output(directory).resolve()
    arrays = entries(result.arrays)
    made = None
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        with _synced(made / "result.npz") as file:
            np.savez_compressed(file, **arrays)
        run = {"format": FORMAT, "protocol": result.protocol, "sha256": _checksum(made / "result.npz"),
               "headline": plain(result.headline), "provenance": plain(result.provenance)}
        run["checksum"] = checksum_of(run)
        write_file(made / "run.json", json.dumps(run, indent=2, allow_nan=False).encode() + b"\n")
        made.chmod(0o755)       # mkdtemp makes folders that only their owner can open
        os.rename(made, directory)
        made = None
    except OSError as error:
        raise SpikelearnError(_disk_sentence(directory, error)) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
    return directory


def load(directory: str | Path) -> Result:
    """The result that was saved in a folder, without its figure; see `spikelearn.load_result`.

    Parameters
    ----------
    directory : folder with result.npz and run.json.

    Returns
    -------
    Result

    Raises
    ------
    SpikelearnError : if the folder holds no saved result, or a damaged one.

    Examples
    --------
    >>> from spikelearn.results import load, save
    >>> load(save(sl.Result("mine", {"rate": [5, 10]*Hz}, {}), "saved")).arrays["rate"]
    array([ 5., 10.]) * hertz
    """
    directory = Path(directory)
    try:
        run = json.loads((directory / "run.json").read_bytes())
        if not isinstance(run, dict) or run.get("format") != FORMAT:
            raise SpikelearnError(f"'{directory}' is not a result saved by this version of spikelearn")
        if not isinstance(run["provenance"], dict):
            raise TypeError("provenance")
        if run["sha256"] != _checksum(directory / "result.npz"):
            raise SpikelearnError(f"'{directory}' is damaged: result.npz is not the file that was saved")
        with np.load(directory / "result.npz", allow_pickle=False) as file:
            units = json.loads(str(file["units"]))
            arrays = {name: with_unit(file[name], units.get(name)) for name in file.files if name != "units"}
        headline = {name: math.nan if value is None else value for name, value in run["headline"].items()}
        return Result(run["protocol"], arrays, headline, run["provenance"])
    except SpikelearnError:
        raise
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise SpikelearnError(f"'{directory}' holds no saved result: {missing} is missing") from error
    except OSError as error:
        raise SpikelearnError(f"'{directory}' cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise SpikelearnError(f"'{directory}' holds a damaged or foreign result") from error


def write_file(path: str | Path, content: bytes) -> None:
    """Write bytes to `path` atomically; an existing file is refused."""
    path = Path(path)
    if path.exists():
        raise SpikelearnError(f"'{path}' exists: nothing is overwritten, choose another name")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _synced(temporary) as file:
            file.write(content)
        os.rename(temporary, path)
    except OSError as error:
        raise SpikelearnError(_disk_sentence(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _synced(path):
    with open(path, "xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _disk_sentence(path, error):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: '{path}' was not written, and nothing that was there is lost"
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return f"'{path}' was filled by another run meanwhile: nothing was overwritten, choose another name"
    return f"'{path}' cannot be written: {error.strerror or error}"


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
