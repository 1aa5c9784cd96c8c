"""Pairing experiments: conditions, measured change, and the score of a model against them.

An experiment is a CSV file, shipped in `experiments` or one of the user's. Changes are relative to the start:
0 = none, 1 = doubled.
"""
import csv
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from spikelearn.errors import SpikelearnError, SpikelearnWarning, alternatives, no_file
from spikelearn.stdp.experiment_files import notes, read_experiment
from spikelearn.stdp.shipped import shipped_experiments


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment of n conditions.

    name : name of its file; file : the file
    comments : key -> text at the top of the file: title, citation, table, preparation, protocol, measured, note
    pairings : n Pairing records
    mean, sem : (n,) relative change and its standard error, NaN where there is none
    control, scored : (n,) whether a condition is a control, and whether it counts in E
    cells : n arrays of relative changes of single cells
    columns : column of the file -> (n,) array of numbers (NaN = empty) or words
    """

    name: str
    file: Path
    comments: Mapping
    pairings: tuple
    mean: np.ndarray
    sem: np.ndarray
    control: np.ndarray
    scored: np.ndarray
    cells: tuple
    columns: Mapping

    @property
    def citation(self) -> str:
        """Paper, and whose table the numbers are."""
        return self.comments.get("citation", "")

    @property
    def protocol(self) -> str:
        """One line: motifs, rate, induction."""
        return self.comments.get("protocol", "")


def experiment(name: str | Path) -> Experiment:
    """An experiment, by its shipped name or by its file.

    Parameters
    ----------
    name : name of a shipped experiment, or a CSV file.

    Returns
    -------
    Experiment, with its n Pairing records, the measured means and their s.e.m.

    Raises
    ------
    SpikelearnError : for an unknown name, and for a file that says something impossible: one sentence with file, line
        and column.

    Examples
    --------
    >>> it = sl.experiment("bi_poo_window")
    >>> len(it.pairings), it.mean.shape
    (7, (7,))
    """
    known, bare = shipped_experiments(), str(name).removeprefix("experiments/")
    path = known.get(bare, Path(name))
    if path.suffix != ".csv":
        raise SpikelearnError(f"there is no experiment '{name}'{alternatives(bare, known)}")
    if not path.is_file():
        raise SpikelearnError(no_file(name))
    return _shipped(path) if path in known.values() else _read(path, tell=True)


@cache
def _shipped(path):
    """A shipped experiment, read once: a sweep and a fit ask for it again and again."""
    return _read(path)


def _read(path, tell=False):
    comments, conditions = read_experiment(path)
    if tell:
        for line in notes(conditions):
            warnings.warn(f"{path}: {line}", SpikelearnWarning, stacklevel=2)
    arrays = {key: _frozen([getattr(one, key) for one in conditions]) for key in ("mean", "sem", "control")}
    scored = [one.scored and bool(np.isfinite([one.mean, one.sem]).all()) for one in conditions]
    columns = {key: _column([one.row[key] for one in conditions]) for key in conditions[0].row}
    return Experiment(path.stem, path, MappingProxyType(comments), tuple(one.pairing for one in conditions),
                      **arrays, scored=_frozen(scored), cells=tuple(one.cells for one in conditions),
                      columns=MappingProxyType(columns))


def described(it: Experiment) -> str:
    """An experiment as text: the comments at the top of its file, and a line for each condition."""
    head = [f"{it.name} (experiment, {it.file})", ""]
    head += [f"{key}: {text}" for key, text in it.comments.items()]
    own = [name for name in it.columns if name not in ("label", "cell")]
    rows = [["", "condition", *own]]
    rows += [[str(k), pairing.label, *(_shown(it.columns[name][k - 1]) for name in own)]
             for k, pairing in enumerate(it.pairings, 1)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    left_out = [pairing.label for pairing, scored in zip(it.pairings, it.scored, strict=True) if not scored]
    scored = f"scored: {len(it.pairings) - len(left_out)} of {len(it.pairings)} conditions"
    return "\n".join([*head, "", *lines, "", scored + (f", all but {'; '.join(left_out)}" if left_out else "")])


def _shown(value) -> str:
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else f"{value:g}"


def score(model: ArrayLike, mean: ArrayLike, sem: ArrayLike) -> float:
    """E = mean(((mean - model) / sem)**2), the error in units of the measurement's own uncertainty.

    Parameters
    ----------
    model : (n,) relative weight changes of a rule, as `weight_changes` gives them.
    mean, sem : (n,) measured relative changes and their standard errors.

    Returns
    -------
    float
        Near 1 = as close as the measurement allows. Pfister & Gerstner (2006) print this number.

    Raises
    ------
    SpikelearnError
        For unequal lengths, numbers that are not finite, or sem <= 0.

    Examples
    --------
    >>> round(sl.score([0.5, -0.2], mean=[0.4, -0.2], sem=[0.1, 0.1]), 6)
    0.5
    """
    model, mean, sem = (np.asarray(values, dtype=float) for values in (model, mean, sem))
    if not model.shape == mean.shape == sem.shape or mean.ndim != 1 or mean.size == 0:
        raise SpikelearnError("model, mean and sem must be lists of the same length, one number a condition")
    if not np.all(sem > 0):
        raise SpikelearnError("every sem must be above 0")
    if not np.all(np.isfinite([model, mean, sem])):
        raise SpikelearnError("model, mean and sem must be finite numbers")
    return float(np.mean(((mean - model) / sem) ** 2))


def null_score(mean, sem):
    """E of the null model, in which no weight ever changes: print it beside every E."""
    return score(np.zeros(np.shape(mean)), mean, sem)


def chi_square_p(E: float, n: int) -> float:
    """Probability of an error of E or more over n conditions if the model is right and the errors are normal."""
    from scipy.special import chdtrc  # takes a tenth of a second to load, and most runs ask for no probability

    return float(chdtrc(n, n * E))


def table(name):
    """Columns of data/NAME.csv: name -> read-only (n,) array of float (NaN = empty) or str."""
    folder = files("spikelearn.stdp") / "data"
    known = [entry.name.removesuffix(".csv") for entry in folder.iterdir() if entry.name.endswith(".csv")]
    if name not in known:
        raise SpikelearnError(f"there is no table '{name}'{alternatives(name, known)}")
    text = (folder / f"{name}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    return MappingProxyType({key: _column([row[key] for row in rows]) for key in rows[0]})


def _column(cells):
    try:
        return _frozen([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return _frozen(cells)


def _frozen(values):
    array = np.array(values)
    array.setflags(write=False)
    return array
