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
from pathlib import Path

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.results.archives import LARGEST, damage_told, read_arrays
from spikelearn.results.locks import remove_leftovers, temporary_folder
from spikelearn.results.plain import entries, plain, with_unit
from spikelearn.results.provenance import checksum_of
from spikelearn.results.result import Result

FORMAT = "spikelearn result 2"
OLDER = "spikelearn result 1"       # its run.json may have no checksum
LONGEST_NAME = 200                  # bytes of a folder's name: those of files beside it are longer, and 255 is the most
LARGEST_TEXT = 2**28                # bytes of a run.json; chosen here


def check_place(directory: str | Path) -> Path:
    """The folder as a path; refuses one that a result can never become: one with a long name, in use, or a disk."""
    directory = Path(directory)
    if len(directory.resolve().name.encode()) > LONGEST_NAME:
        raise SpikelearnError(f"'{directory}' is too long a name for a folder of results: it may have {LONGEST_NAME} "
                              "bytes, as files beside it have longer names")
    if os.path.realpath(directory) == os.path.realpath("."):
        raise SpikelearnError(f"'{directory}' is the folder that you work in, which a result cannot replace: nothing "
                              "is overwritten, choose another name")
    if os.path.ismount(directory):
        raise SpikelearnError(f"'{directory}' is a disk of its own, which a result cannot replace: choose a folder "
                              "in it")
    return directory


def check_output(directory: str | Path) -> Path:
    """The folder as a path; refuses one that already holds something, or that a result can never become."""
    directory = check_place(directory)
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
    if sum(array.nbytes for array in arrays.values()) > LARGEST:
        raise SpikelearnError(f"the arrays of this result of {result.protocol} hold more than {LARGEST // 2**30} GiB, "
                              "the most that is saved: record less")
    with _told(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(directory.parent)
        with temporary_folder(directory.parent) as made:
            with _synced(made / "result.npz") as file:
                np.savez_compressed(file, **arrays)
            run = {"format": FORMAT, "protocol": result.protocol, "sha256": sha256(made / "result.npz"),
                   "arrays": {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()},
                   "headline": plain(result.headline), "provenance": plain(result.provenance)}
            run["checksum"] = checksum_of(run)
            with _synced(made / "run.json") as file:
                file.write(json.dumps(run, indent=2, allow_nan=False).encode() + b"\n")
            os.rename(made, directory)
        _confirm(directory)
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
    run, path = read_run(directory), directory / "result.npz"
    with damage_told(f"'{directory}' holds a damaged or foreign result"):
        try:
            found = sha256(path)
        except FileNotFoundError as error:
            raise SpikelearnError(f"'{directory}' holds no saved result: result.npz is missing") from error
        if run["sha256"] != found:
            raise SpikelearnError(f"'{directory}' is damaged: result.npz is not the file that was saved")
        arrays = read_arrays(path, packed=True)
        stated = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
        if stated != run.get("arrays", stated):
            raise ValueError("the arrays are not those of run.json")
        units = _units(json.loads(str(arrays.pop("units"))), arrays)
        arrays = {name: with_unit(array, units.get(name)) for name, array in arrays.items()}
        headline = {name: math.nan if value is None else value for name, value in run["headline"].items()}
        return Result(run["protocol"], arrays, headline, run["provenance"])


def read_run(directory: str | Path) -> dict:
    """The content of the run.json of a saved result.

    Raises
    ------
    SpikelearnError
        If it is missing or damaged, or if it was edited after it was saved.
    """
    path = Path(directory) / "run.json"
    with damage_told(f"'{path}' is damaged or foreign: it is no saved result"):
        try:
            with open(path, "rb") as file:
                content = file.read(LARGEST_TEXT + 1)
        except FileNotFoundError as error:
            raise SpikelearnError(f"'{directory}' has no run.json: it holds no saved result") from error
        except OSError as error:
            raise SpikelearnError(f"'{path}' cannot be read: {error.strerror}") from error
        if len(content) > LARGEST_TEXT:
            raise ValueError("run.json is larger than it may be")
        run = json.loads(content, parse_constant=_no_number)
        if run["format"] not in (FORMAT, OLDER) and isinstance(run["format"], str):
            raise SpikelearnError(f"'{directory}' is not a result saved by this version of spikelearn")
        if not (run["format"] in (FORMAT, OLDER) and isinstance(run["protocol"], str) and isinstance(run["sha256"], str)
                and isinstance(run["headline"], dict) and isinstance(run["provenance"], dict)):
            raise TypeError("run.json")
        if "checksum" in run or run["format"] == FORMAT:
            whole = run.get("checksum") == checksum_of(run)
        else:
            facts = run["provenance"].get("headline")
            whole = facts is None or {fact["name"]: fact["value"] for fact in facts} == run["headline"]
        if not whole:
            raise SpikelearnError(f"'{path}' was edited after it was saved: it no longer describes the run")
        return run


def _no_number(text):
    raise ValueError(f"{text} is no number that is saved")


def _units(units, arrays):
    """The units of arrays, if they are units: name -> powers of the seven base units."""
    for name, unit in units.items():
        powers = unit["dimensions"]
        if name not in arrays or len(powers) != 7 or not all(abs(power) < 100 for power in powers):
            raise ValueError(f"the unit of {name}")
    return units


def write_file(path: str | Path, content: bytes) -> None:
    """Write bytes to `path` atomically; an existing file is refused."""
    path = Path(path)
    if os.path.lexists(path):
        raise SpikelearnError(f"'{path}' exists: nothing is overwritten, choose another name")
    replace_file(path, content)


def replace_file(path: str | Path, content: bytes) -> None:
    """Write bytes to `path` atomically, in place of a file that is there; SpikelearnError if that fails."""
    path = Path(path)
    finished = (path.parent / "run.json").is_file()     # then what is left is swept by the next run beside it
    with _told(path):
        with temporary_folder(path.parent.resolve().parent if finished else path.parent) as made:
            with _synced(made / "file") as file:
                file.write(content)
            os.replace(made / "file", path)
        _confirm(path)


@contextlib.contextmanager
def _synced(path):
    with open(path, "xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _confirm(path):
    """Wait until the disk has the new name `path`, which is there already."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SpikelearnError(f"'{path}' was written, but its disk fails: {error.strerror or error}") from error


@contextlib.contextmanager
def _told(path):
    """A sentence for the user if a file or folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise SpikelearnError(_disk_sentence(path, error)) from error


def _disk_sentence(path, error):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: '{path}' was not written, and nothing that was there is lost"
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return f"'{path}' was filled by another run meanwhile: nothing was overwritten, choose another name"
    return f"'{path}' cannot be written: {error.strerror or error}"


def sha256(path: str | Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
