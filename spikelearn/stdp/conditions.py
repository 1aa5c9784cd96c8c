"""One condition of an experiment: from the words of a table's row, or of one line, to spike times."""
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from brian2 import Hz, ms, mV, second

from spikelearn.errors import SpikelearnError
from spikelearn.stdp.spike_times import LEAD_IN, Pairing, motifs

WAYS = ("delta_t_ms", "pre_ms", "post_ms", "pre_file", "post_file")
REPEATS = ("repeats", "repeat_hz", "trains", "train_every_s")
MOST_SPIKES = 1_000_000     # of one neuron in a condition: beyond them a run would not end
LINE = re.compile(r"pre(?P<pre>[^;]*);\s*post(?P<post>[^;]*)(;\s*(?P<repeats>[^;@]*?)(\s+at\s+(?P<rate>[^;]+))?)?\s*")


class WrongCell(SpikelearnError):
    """What is wrong with a cell of a table: the column and a sentence about it."""

    def __init__(self, column: str, what: str):
        super().__init__(f"column {column}: {what}")


def number(row: Mapping, column: str, low: float = -np.inf, *, above: bool = False,
           whole: bool = False) -> float | None:
    """The number in a cell, None if it is empty. Raises WrongCell for text, a NaN and numbers out of range."""
    text = row.get(column, "")
    if not text:
        return None
    value = _read_number(column, text)
    if value < low or above and value == low or whole and value != round(value):
        kind = "a whole number" if whole else "a number"
        bound = f" above {low:g}" if above else f" of at least {low:g}" if np.isfinite(low) else ""
        raise WrongCell(column, f"must be {kind}{bound}, not {text}")
    return value


def _read_number(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise WrongCell(column, f"'{text}' is no number") from None
    if not np.isfinite(value) or not re.fullmatch(r"[\s\d.eE+-]+", text):
        raise WrongCell(column, f"must be a finite number, not {text}")
    return value


def times(row: Mapping, column: str, increasing: bool = True) -> np.ndarray:
    """The times in a cell, separated by spaces: (n,). Raises WrongCell."""
    values = np.array([_read_number(column, word) for word in row.get(column, "").split()])
    if increasing and np.any(np.diff(values) <= 0):
        raise WrongCell(column, f"the times must increase, not be {row[column]}")
    return values


def pairing(row: Mapping, folder: Path, label: str) -> Pairing:
    """The `Pairing` that a row of a table describes.

    row : column -> text. folder : where its files of spike times are. Raises WrongCell.
    """
    given = [column for column in WAYS if row.get(column)]
    for way, others in (("delta_t_ms", WAYS[1:]), ("pre_file", ("pre_ms", "post_ms")),
                        ("post_file", ("pre_ms", "post_ms"))):
        both = next((other for other in others if other in given), None)
        if way in given and both:
            raise WrongCell(both, f"gives the spikes a second time, beside {way}")
    third, bath = _third(row)
    hold = number(row, "hold_mV")
    if any(column in given for column in ("pre_file", "post_file")):
        made = _from_files(row, folder, label)
    elif given:
        made = _from_motif(row, label)
    else:
        made = _without_spikes(row, label, third.size or bath is not None or hold is not None)
    if hold is not None and len(made.post):
        raise WrongCell("hold_mV", "the post neuron is held, so it cannot spike as well")
    return _treated(made, third, bath, hold, number(row, "read_after_s", 0, above=True))


def _from_motif(row: Mapping, label: str) -> Pairing:
    if row.get("delta_t_ms"):
        pre, post = np.zeros(1), np.array([number(row, "delta_t_ms")])
    else:
        pre, post = times(row, "pre_ms"), times(row, "post_ms")
    given = number(row, "repeats", 1, whole=True)
    repeats = int(given or 1)
    rate, every = number(row, "repeat_hz", 0, above=True), number(row, "train_every_s", 0, above=True)
    trains = number(row, "trains", 1, whole=True)
    if repeats > 1 and rate is None:
        raise WrongCell("repeat_hz", f"is missing: the rate of the {repeats} motifs")
    if given is None and rate is not None:
        raise WrongCell("repeats", "is missing: how many motifs there are")
    if trains is not None and trains > 1 and every is None:
        raise WrongCell("train_every_s", f"is missing: the time from one of the {trains:g} trains to the next")
    if trains is None and every is not None:
        raise WrongCell("trains", "is missing: how many trains there are")
    size = repeats * (trains or 1) * max(pre.size, post.size)
    if size > MOST_SPIKES:
        raise WrongCell("repeats", f"makes {size:,.0f} spikes of a neuron, and at most {MOST_SPIKES:,} are taken")
    more = {} if trains in (None, 1) else dict(trains=int(trains), every=every * second)
    try:
        return motifs(pre * ms, post * ms, repeats, (rate or 1) * Hz, label=label, **more)
    except SpikelearnError as error:
        raise WrongCell("trains" if "one each" in str(error) and trains and not _overlap(pre, post, repeats, rate)
                        else "repeat_hz", str(error)) from error


def _overlap(pre: np.ndarray, post: np.ndarray, repeats: int, rate: float | None) -> bool:
    """Whether the motifs of one train overlap."""
    return repeats > 1 and rate is not None and np.ptp(np.concatenate([pre, post])) >= 1000 / rate


def _from_files(row: Mapping, folder: Path, label: str) -> Pairing:
    beside = next((column for column in REPEATS if row.get(column)), None)
    if beside:
        raise WrongCell(beside, "a file holds the whole spike train: leave this out")
    sides = [_spikes_of(folder, row.get(f"{side}_file", ""), f"{side}_file") for side in ("pre", "post")]
    both = np.concatenate(sides)
    if not both.size:
        raise WrongCell("pre_file", "there are no spikes in the files")
    later = float(LEAD_IN) - both.min()
    return Pairing((sides[0] + later) * second, (sides[1] + later) * second, label)


def _spikes_of(folder: Path, name: str, column: str) -> np.ndarray:
    if not name:
        return np.zeros(0)
    path = folder / name
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise WrongCell(column, f"'{path}' is no readable text file") from None
    spikes = []
    for count, line in enumerate(lines, 1):
        if line.split("#")[0].strip():
            try:
                spikes.append(_read_number(column, line.split("#")[0].strip()))
            except WrongCell as error:
                raise WrongCell(column, f"'{path}', line {count}: {str(error).partition(': ')[2]}") from None
            if spikes[1:] and spikes[-1] <= spikes[-2]:
                raise WrongCell(column, f"'{path}', line {count}: the times must increase")
    if len(spikes) > MOST_SPIKES:
        raise WrongCell(column, f"'{path}' holds {len(spikes):,} spikes, and at most {MOST_SPIKES:,} are taken")
    return np.array(spikes)


def _without_spikes(row: Mapping, label: str, something: bool) -> Pairing:
    if not something:
        raise WrongCell("delta_t_ms", "the row gives no spikes: name delta_t_ms, pre_ms and post_ms, or files")
    beside = next((column for column in REPEATS if row.get(column)), None)
    if beside:
        raise WrongCell(beside, "the row gives no spikes that could be repeated")
    return Pairing([] * second, [] * second, label)


def _third(row: Mapping) -> tuple[np.ndarray, np.ndarray | None]:
    """Times of the third factor, and when a drug is washed in and out, in seconds from the first spike."""
    third, bath = times(row, "third_s"), [number(row, name) for name in ("third_from_s", "third_to_s")]
    for value, name, other in ((bath[0], "third_from_s", "third_to_s"), (bath[1], "third_to_s", "third_from_s")):
        if value is not None and third.size:
            raise WrongCell(name, "gives the third factor a second time, beside third_s")
        if value is None and any(one is not None for one in bath):
            raise WrongCell(name, f"is missing beside {other}")
    if bath[0] is not None and not bath[0] < bath[1]:
        raise WrongCell("third_to_s", f"must come after third_from_s = {bath[0]:g}, not be {bath[1]:g}")
    return third, None if bath[0] is None else np.array(bath)


def _treated(made: Pairing, third: np.ndarray, bath: np.ndarray | None, hold: float | None,
             read_after: float | None) -> Pairing:
    """The pairing with what else is done to the synapse; times count from its first spike."""
    first = min((float(side[0]) for side in (made.pre, made.post) if len(side)), default=float(LEAD_IN))
    early = min([0.0, *third[:1], *([] if bath is None else bath[:1])])
    return dataclasses.replace(
        made, pre=made.pre - early * second, post=made.post - early * second,
        third=(first - early + third) * second, bath=None if bath is None else (first - early + bath) * second,
        hold=None if hold is None else hold * mV, read_after=None if read_after is None else read_after * second)


def from_line(text: str) -> Pairing:
    """One condition in a line: "pre 0; post 7 17 27 37; 100 at 5*Hz", spike times of the motif in ms.

    Without "100 at 5*Hz" the motif comes once. Raises SpikelearnError.
    """
    found = LINE.fullmatch(text.strip())
    if not found:
        raise SpikelearnError(f"a pairing is written like 'pre 0; post 7 17; 60 at 1*Hz', times in ms, not '{text}'")
    row = {"pre_ms": found["pre"].strip(" :"), "post_ms": found["post"].strip(" :"),
           "repeats": (found["repeats"] or "").strip(), "repeat_hz": ""}
    if found["rate"]:
        row["repeat_hz"] = re.sub(r"\s*\*?\s*Hz$", "", found["rate"].strip())
    try:
        return pairing(row, Path(), text.strip())
    except WrongCell as error:
        names = {"pre_ms": "pre", "post_ms": "post", "repeats": "repeats", "repeat_hz": "rate", "delta_t_ms": "pre"}
        column, _, what = str(error).removeprefix("column ").partition(": ")
        raise SpikelearnError(f"pairing '{text.strip()}': {names[column]}: {what}") from error
