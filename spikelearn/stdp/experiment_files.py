"""Reading an experiment from its CSV file: the comment lines at the top, one row a condition, single cells."""
import csv
import difflib
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.stdp.conditions import REPEATS, WAYS, WrongCell, number, pairing
from spikelearn.stdp.spike_times import Pairing

TREATMENT = ("third_s", "third_from_s", "third_to_s", "hold_mV", "read_after_s")
RESULTS = {"change_percent": (100, 0), "ratio": (1, 1), "change": (1, 0)}      # unit, value of no change
SPREADS = ("sem_percent", "sem", "sd_percent", "sd")
KNOWN = ("label", *WAYS, *REPEATS, *TREATMENT, *RESULTS, *SPREADS, "n", "control", "score", "cell")
UNITS = ("_ms", "_s", "_hz", "_mV", "_percent")
NEAR = 0.8      # likeness to a known column from which another is taken for a slip; chosen here
MOST_ROWS = 10_000


class Condition(NamedTuple):
    """A condition: pairing, measured relative change, its s.e.m. (NaN = none), whether it is a control and is scored.

    cells : (n,) relative changes of single cells. row : column -> text.
    """

    pairing: Pairing
    mean: float
    sem: float
    control: bool
    scored: bool
    cells: np.ndarray
    row: dict


def read_experiment(path: Path) -> tuple[dict, list[Condition]]:
    """Comments at the top (key -> text) and conditions of an experiment's file.

    Raises SpikelearnError, one sentence that names file, line and column.
    """
    comments, head, rows = _lines(path)
    if not rows:
        raise SpikelearnError(f"{path} holds no conditions: one row each is needed below the names of the columns")
    if len(rows) > MOST_ROWS:
        raise SpikelearnError(f"{path} holds {len(rows)} rows, and at most {MOST_ROWS} are taken")
    grouped, lines = {}, {}
    labels = _labels(head, [row for _, row in rows])
    for (line, row), label in zip(rows, labels, strict=True):
        try:
            _add(grouped, label, row, _condition(row, path.parent, label))
        except SpikelearnError as error:
            raise SpikelearnError(f"{path}, line {line}, {error}") from error
        lines.setdefault(label, line)
    try:
        return comments, [_of_cells(several) for label, several in grouped.items()]
    except WrongCell as error:
        raise SpikelearnError(f"{path}: {error}") from error


def _lines(path: Path) -> tuple[dict, list[str], list]:
    """Comments, names of the columns, and rows (line number, column -> text) of a file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpikelearnError(f"{path} is no readable text file in UTF-8") from error
    comments, key, body = {}, "note", []
    for count, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            found = re.match(r"#\s?([a-z_]+):\s*(.*)", line)
            key, words = (found[1], found[2]) if found else (key, line[1:])
            comments[key] = " ".join([comments.get(key, ""), *words.split()]).strip()
        elif line.strip().strip(","):
            body.append((count, line))
    try:
        cells = [(count, [cell.strip() for cell in next(csv.reader([line], strict=True))]) for count, line in body]
    except csv.Error as error:
        raise SpikelearnError(f"{path} cannot be read as a CSV file: {error}") from error
    head = _checked_head(path, *cells[0]) if cells else []
    for count, row in cells[1:]:
        if len(row) != len(head):
            raise SpikelearnError(f"{path}, line {count}: {len(row)} cells stand below {len(head)} columns; "
                                  "a cell that holds a comma needs quotes")
    return comments, head, [(count, dict(zip(head, row, strict=True))) for count, row in cells[1:]]


def _checked_head(path: Path, line: int, head: list[str]) -> list[str]:
    if len(head) == 1 and re.search(r"[;\t]", head[0]):
        raise SpikelearnError(f"{path}, line {line}: the columns must be separated by commas")
    for name in head:
        if not name or head.count(name) > 1:
            what = f"column {name} stands twice" if name else "a column has no name"
            raise SpikelearnError(f"{path}, line {line}: {what}")
        if meant := _meant(name):
            raise SpikelearnError(f"{path}, line {line}, column {name}: is too like the known column {meant} "
                                  "to be one of your own: correct or rename it")
    if not set(head) & {*WAYS, *TREATMENT}:
        raise SpikelearnError(f"{path}, line {line}: no column gives the spikes: name delta_t_ms, pre_ms and post_ms, "
                              "or pre_file and post_file")
    return head


def _meant(name: str) -> str:
    """The known column that an unknown one is a slip for: other capitals, a unit that is missing or another, a typo."""
    if name in KNOWN:
        return ""
    lower, known = re.sub(r"[\s-]+", "_", name.lower()), {one.lower(): one for one in KNOWN}
    near = difflib.get_close_matches(lower, known, n=1, cutoff=NEAR)
    bare = [one for one in KNOWN if any(one == lower + unit for unit in UNITS)]
    return known[near[0]] if near else bare[0] if bare else ""


def _labels(head: list[str], rows: list[dict]) -> list[str]:
    """Label of each condition: its label, or what varies between the rows."""
    columns = [name for name in (*WAYS, *REPEATS, *TREATMENT) if name in head]
    varying = [name for name in columns if len({row[name] for row in rows}) > 1]
    first = [name for name in columns if name == "delta_t_ms" or name in (*WAYS, "repeat_hz") and name in varying]
    for shown in (first, [name for name in columns if name in first or name in varying]):
        labels = [row.get("label") or ", ".join(_words(name, row[name]) for name in shown if row[name])
                  or f"condition {count}" for count, row in enumerate(rows, 1)]
        if len(set(labels)) == len(labels):
            break
    return labels


def _words(name: str, text: str) -> str:
    unit = name.rpartition("_")[2]
    if name == "delta_t_ms":
        return f"{text if text[0] in '+-' or text.strip('0.') == '' else '+' + text} ms"
    what = {"repeat_hz": "Hz", "train_every_s": "s apart"}.get(name)
    return f"{text} {what}" if what else f"{name.removesuffix('_' + unit)} {text}" + (
        f" {unit}" if unit in ("ms", "s", "mV") else "")


def _condition(row: dict, folder: Path, label: str) -> Condition:
    mean, sem = _measured(row)
    flags = {name: _flag(row, name, default) for name, default in (("control", False), ("score", True))}
    cell = row.get("cell", "")
    cells = np.array([mean]) if cell and math.isfinite(mean) else np.zeros(0)
    if cell and math.isfinite(sem):
        raise WrongCell(next(name for name in SPREADS if row.get(name)), "a single cell has no spread of its own")
    return Condition(pairing(row, folder, label), mean, sem, flags["control"], flags["score"], cells, row)


def _measured(row: dict) -> tuple[float, float]:
    """Relative change and its s.e.m., NaN where there is none."""
    results = [name for name in RESULTS if row.get(name)]
    spreads = [name for name in SPREADS if row.get(name)]
    if len(results) > 1:
        raise WrongCell(results[1], f"gives the result a second time, beside {results[0]}")
    if len(spreads) > 1:
        raise WrongCell(spreads[1], f"gives the uncertainty a second time, beside {spreads[0]}")
    n = number(row, "n", 1, whole=True)
    if not results:
        if spreads:
            raise WrongCell(spreads[0], "is an uncertainty without a result")
        return math.nan, math.nan
    unit, nothing = RESULTS[results[0]]
    mean = (number(row, results[0], unit * (nothing - 1)) - nothing) / unit
    if not spreads:
        return mean, math.nan
    spread = number(row, spreads[0], 0, above=True)
    if spreads[0].endswith("_percent") != results[0].endswith("_percent"):
        raise WrongCell(spreads[0], f"must be in the unit of {results[0]}: "
                        + ("sem_percent or sd_percent" if unit == 100 else "sem or sd"))
    if spreads[0].startswith("sd"):
        if n is None:
            raise WrongCell("n", f"is missing: how many cells {spreads[0]} is the spread of")
        spread /= math.sqrt(n)
    return mean, spread / unit


def _flag(row: dict, name: str, default: bool) -> bool:
    words = {"": default, "1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
    text = row.get(name, "").lower()
    if text not in words:
        raise WrongCell(name, f"must be 1 or 0, not {row[name]}")
    return words[text]


def _add(grouped: dict, label: str, row: dict, condition: Condition) -> None:
    """Put a condition to those of its label, which are single cells of one condition."""
    before = grouped.setdefault(label, [])
    if before:
        if not (row.get("cell") and before[0].row.get("cell")):
            raise WrongCell("label" if row.get("label") else "delta_t_ms",
                            f"the condition '{label}' stands twice; single cells need a column cell")
        for name in (*WAYS, *REPEATS, *TREATMENT, "control", "score"):
            if row.get(name, "") != before[0].row.get(name, ""):
                raise WrongCell(name, f"differs between the cells of the condition '{label}'")
        if any(row["cell"] == other.row["cell"] for other in before):
            raise WrongCell("cell", f"the cell {row['cell']} of the condition '{label}' stands twice")
    before.append(condition)


def _of_cells(several: list[Condition]) -> Condition:
    """One condition of its single cells, with their mean and its standard error."""
    first = several[0]
    if not first.row.get("cell"):
        return first
    cells = np.concatenate([one.cells for one in several])
    if not cells.size:
        return first._replace(cells=cells)
    alike = np.ptp(cells) <= 1e-12 * np.max(np.abs(cells))     # equal cells have a deviation of the size of rounding
    sem = math.nan if alike else float(np.std(cells, ddof=1) / np.sqrt(cells.size))
    return first._replace(mean=float(np.mean(cells)), sem=sem, cells=cells)
