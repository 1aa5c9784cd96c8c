"""Reading an experiment from its CSV file: the comment lines at the top, one row a condition, single cells."""
import csv
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.stdp.columns import KNOWN, RESULTS, SPREADS, TREATMENT, is_number, plain, refusal
from spikelearn.stdp.conditions import REPEATS, WAYS, WrongCell, number, pairing
from spikelearn.stdp.spike_times import Pairing

STATED = (*WAYS, *REPEATS, *TREATMENT)      # what is done in a condition
MOST_ROWS = 10_000
LARGE = 5       # relative change, sixfold: pairings change a weight threefold at most; chosen here


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
    grouped = {}
    labels = _labels(head, [row for _, row in rows])
    for (line, row), label in zip(rows, labels, strict=True):
        try:
            _add(grouped, label, row, _condition(row, path.parent, label))
        except SpikelearnError as error:
            raise SpikelearnError(f"{path}, line {line}, {error}") from error
    try:
        conditions = [_of_cells(several) for several in grouped.values()]
    except WrongCell as error:
        raise SpikelearnError(f"{path}: {error}") from error
    _refuse_percent(path, conditions)
    return comments, conditions


def _refuse_percent(path: Path, conditions: list[Condition]) -> None:
    """Refuse per cent in a column of ratios, or of the ratio minus 1."""
    for name, least, right in (("ratio", 1, "1.35"), ("change", 0, "0.35")):
        sizes = [abs(one.mean) for one in conditions if one.row.get(name) and math.isfinite(one.mean)]
        if sizes and np.median(sizes) > LARGE:
            raise SpikelearnError(f"{path}, column {name}: half of the values or more are above {LARGE + least}, where "
                                  f"35 % more is {right}, and no pairing changes a weight so much: for per cent of "
                                  "change name it change_percent, with sem_percent beside it")


def _lines(path: Path) -> tuple[dict, list[str], list]:
    """Comments, names of the columns, and rows (line number, column -> text) of a file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpikelearnError(f"{path} is no readable text file in UTF-8") from error
    said, body = [], []
    for count, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            if body:
                _refuse_row(path, count, line, len(body[0][1]))
            said.append(re.sub(",{2,}$", "", line))         # a spreadsheet fills a comment up to the last column
            continue
        cells = _cells(path, line)
        if not body and any(cells) and cells[0].startswith("#") and not any(cells[1:]):
            said.append(cells[0])                           # and puts one that holds a comma into quotes
        elif any(cells):
            body.append((count, cells))
    head = _checked_head(path, *body[0]) if body else []
    for count, row in body[1:]:
        if len(row) != len(head):
            raise SpikelearnError(f"{path}, line {count}: {len(row)} cells stand below {len(head)} columns; "
                                  "a cell that holds a comma needs quotes")
    return _comments(said), head, [(count, dict(zip(head, row, strict=True))) for count, row in body[1:]]


def _cells(path: Path, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise SpikelearnError(f"{path} cannot be read as a CSV file: {error}") from error


def _refuse_row(path: Path, count: int, line: str, columns: int) -> None:
    """Refuse a condition that begins with #: nobody could tell a label from a comment."""
    cells = [cell.strip() for cell in line.split(",")]
    if any(cells[1:]) and (len(cells) == columns or any(map(is_number, cells[1:]))):
        raise SpikelearnError(f"{path}, line {count}: a row that begins with # may be a condition or a comment: put "
                              "its label into quotes, or the comment above the names of the columns")


def _comments(lines: list[str]) -> dict:
    comments, key = {}, "note"
    for line in lines:
        found = re.match(r"#\s?([a-z_]+):\s*(.*)", line)
        key, words = (found[1], found[2]) if found else (key, line[1:])
        comments[key] = " ".join([comments.get(key, ""), *words.split()]).strip()
    return comments


def _checked_head(path: Path, line: int, head: list[str]) -> list[str]:
    if len(head) == 1 and re.search(r"[;\t]", head[0]):
        raise SpikelearnError(f"{path}, line {line}: the columns must be separated by commas")
    for name in head:
        if not name or head.count(name) > 1:
            what = f"column {name} stands twice" if name else "a column has no name"
            raise SpikelearnError(f"{path}, line {line}: {what}")
        if why := refusal(name, head):
            raise SpikelearnError(f"{path}, line {line}, column {name}: {why}")
    if not set(head) & {*WAYS, *TREATMENT}:
        raise SpikelearnError(f"{path}, line {line}: no column gives the spikes: name delta_t_ms, pre_ms and post_ms, "
                              "or pre_file and post_file")
    return head


def _labels(head: list[str], rows: list[dict]) -> list[str]:
    """Label of each condition: its label, or what varies between the rows."""
    columns = [name for name in STATED if name in head]
    varying = [name for name in columns if len({plain(name, row[name]) for row in rows}) > 1]
    first = [name for name in columns if name == "delta_t_ms" or name in (*WAYS, "repeat_hz") and name in varying]
    for shown in (first, [name for name in columns if name in first or name in varying]):
        labels = [row.get("label") or ", ".join(_words(name, plain(name, row[name])) for name in shown if row[name])
                  or f"condition {count}" for count, row in enumerate(rows, 1)]
        if len(set(labels)) == len(labels):
            break
    return labels


def _words(name: str, text: str) -> str:
    unit = name.rpartition("_")[2]
    if name == "delta_t_ms":
        return f"{text if text == '0' or text.startswith('-') else '+' + text} ms"
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
    stated = [plain(name, row.get(name, "")) for name in STATED]
    before = grouped.setdefault(plain("label", row.get("label", "")) or tuple(stated), [])
    if before:
        first, cell = before[0], plain("cell", row.get("cell", ""))
        if not (row.get("cell") and before[0].row.get("cell")):
            raise WrongCell("label" if row.get("label") else next(name for name in STATED if name in row),
                            f"the condition '{first.pairing.label}' stands twice; single cells need a column cell")
        differs = [name for name, text in zip(STATED, stated, strict=True)
                   if text != plain(name, first.row.get(name, ""))]
        differs += ["control"] * (condition.control != first.control) + ["score"] * (condition.scored != first.scored)
        if differs:
            raise WrongCell(differs[0], f"differs between the cells of the condition '{label}'")
        if any(cell == plain("cell", other.row["cell"]) for other in before):
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


def notes(conditions: list[Condition]) -> list[str]:
    """What a user is told of a file that may have been meant otherwise: a clause each."""
    own, said = [name for name in conditions[0].row if name not in KNOWN], []
    if own:
        said.append(f"shown but not used: {', '.join(own)}")
    once = [one for one in conditions if any(one.row.get(name) for name in WAYS[:3])
            and not any(one.row.get(name) for name in REPEATS)]
    if once:
        which = "each condition" if len(once) == len(conditions) else f"each of {len(once)} conditions"
        said.append(f"without repeats and repeat_hz, {which} is simulated as a single motif")
    large = [one for one in conditions if one.mean > LARGE]
    if large:
        said.append(f"the change of '{large[0].pairing.label}', to {1 + large[0].mean:.3g} times the weight, is larger "
                    "than any known one: check its unit")
    return said
