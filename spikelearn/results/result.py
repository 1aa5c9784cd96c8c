"""What a protocol brings home: named arrays with units, headline numbers and where they come from.

A saved result is a folder with `result.npz` (arrays in SI base units, no pickles; its entry `units` says
which) and `run.json` (provenance and headline numbers). Nothing is ever overwritten.
"""
import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.results.provenance import checksum_of

FORMAT = "spikelearn result 1"


@dataclasses.dataclass(frozen=True)
class Accepted:
    """The range in which a headline number must lie, and where that range comes from."""

    low: float
    high: float
    source: str

    def met(self, value):
        """Whether `value` lies in the range; not a number never does."""
        return bool(self.low <= value <= self.high)


class Missing(str):
    """Stands for a headline number that does not exist; the text says why, such as "no window to fit"."""


@dataclasses.dataclass
class Result:
    """The outcome of one run of a protocol.

    protocol : name of the protocol
    arrays : name -> array or Quantity, any shape
    headline : name -> number: what is printed, and what `--json` gives
    provenance : how it came about; filled when it is saved, entries given by the protocol stay
    gaps : names of arrays in which not-a-number marks what does not exist, such as the mean of no spikes
    missing : headline name -> why there is no such number
    """

    protocol: str
    arrays: dict
    headline: dict
    provenance: dict = dataclasses.field(default_factory=dict)
    gaps: tuple = ()
    missing: dict = dataclasses.field(default_factory=dict)


def completed(result):
    """The result of a run, without the headline numbers that do not exist: a line says why each is left out.

    Raises SpikelearnError for a number that is infinite or none, in the headline or the arrays.
    """
    missing = {name: str(value) for name, value in result.headline.items() if isinstance(value, Missing)}
    result.headline = {name: value for name, value in result.headline.items() if name not in missing}
    result.missing = {**result.missing, **missing}
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}")
    for name, value in result.headline.items():
        if not _all_finite(value):
            raise SpikelearnError(f"the run gave no finite number for {name}, but {value}: its parameters are too "
                                  "extreme, or there is nothing to measure")
    for name, values in result.arrays.items():
        numbers = np.asarray(values)
        if numbers.dtype.kind in "fc" and not np.isfinite(numbers).all():
            if np.isinf(numbers).any() or name not in result.gaps:
                raise SpikelearnError(f"the run gave numbers that are not finite in '{name}': its parameters are too "
                                      "extreme, or there is nothing to measure")
    return result


def _all_finite(value):
    """Whether every number in a headline entry, lists and dicts included, is finite."""
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_all_finite, value))
    if value is None:
        return False
    return np.asarray(value).dtype.kind not in "fc" or bool(np.isfinite(np.asarray(value)).all())


def check_output(directory):
    """The folder as a path; refuses one that already holds something."""
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SpikelearnError(f"'{directory}' exists and is not an empty folder: nothing is overwritten, "
                              "choose another name")
    if directory.exists() and not os.access(directory.resolve().parent, os.W_OK):
        raise SpikelearnError(f"'{directory}' cannot be written: its parent folder is read-only")
    return directory


def save(result, directory):
    """Write `result.npz` and `run.json` into `directory`; all of it appears at once, or nothing does.

    Returns the path. Raises SpikelearnError if the folder holds something already, if an array is not made of
    numbers or text, or if the disk is full.
    """
    directory = check_output(directory).resolve()
    entries = _entries(result.arrays)
    made = None
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        with _synced(made / "result.npz") as file:
            np.savez_compressed(file, **entries)
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


def load(directory):
    """The Result that was saved in `directory`; refuses a folder that is damaged or none of ours."""
    directory = Path(directory)
    try:
        run = json.loads((directory / "run.json").read_bytes())
        if not isinstance(run, dict) or run.get("format") != FORMAT:
            raise SpikelearnError(f"'{directory}' is not a result saved by this version of spikelearn")
        if run["sha256"] != _checksum(directory / "result.npz"):
            raise SpikelearnError(f"'{directory}' is damaged: result.npz is not the file that was saved")
        with np.load(directory / "result.npz", allow_pickle=False) as file:
            units = json.loads(str(file["units"]))
            arrays = {name: _with_unit(file[name], units.get(name)) for name in file.files if name != "units"}
        headline = {name: math.nan if value is None else value for name, value in run["headline"].items()}
        return Result(run["protocol"], arrays, headline, run["provenance"])
    except SpikelearnError:
        raise
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise SpikelearnError(f"'{directory}' holds no saved result: {missing} is missing") from error
    except OSError as error:
        raise SpikelearnError(f"'{directory}' cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise SpikelearnError(f"'{directory}' holds a damaged or foreign result") from error


def write_file(path, content):
    """Write bytes to `path` so that it is there whole or not at all; an existing file is refused."""
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


def _entries(arrays):
    """The entries of the npz file: bare arrays in SI base units, and `units`."""
    from brian2 import get_unit
    from brian2.units.fundamentalunits import get_dimensions, is_dimensionless

    entries, units = {}, {}
    for name, values in arrays.items():
        if name in ("units", "file") or "/" in name:
            raise SpikelearnError(f"an array of a result cannot be called '{name}'")
        try:
            entries[name] = np.array(values)
        except ValueError:      # rows of different lengths
            entries[name] = np.array(None)
        if entries[name].dtype.kind not in "biufcUS":
            raise SpikelearnError(f"the array '{name}' of a result must hold numbers or text, in one shape")
        if entries[name].dtype.kind in "fc" and not is_dimensionless(values):
            dimensions = get_dimensions(values)
            units[name] = {"unit": str(get_unit(dimensions)), "dimensions": list(dimensions._dims)}
    return {**entries, "units": np.array(json.dumps(units))}


def _with_unit(values, unit):
    if unit is None:
        return values
    from brian2 import Quantity
    from brian2.units.fundamentalunits import get_or_create_dimension

    return Quantity(values, dim=get_or_create_dimension(unit["dimensions"]))


def plain(value):
    """`value` as JSON can hold it: quantities with their unit, not-a-number as null."""
    if isinstance(value, dict) or hasattr(value, "keys"):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "dimensions") and not value.dimensions.is_dimensionless:
        from brian2 import get_unit

        unit = str(get_unit(value.dimensions))
        return {"value": plain(np.asarray(value)), "unit": unit, "shown": str(value)}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str | bool | None) else str(value)
