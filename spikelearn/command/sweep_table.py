"""The table of a sweep: one row per point with the varied values and the headline numbers, with units in the header."""
import csv
import io
import math

from spikelearn.command.sweep_points import Point
from spikelearn.command.sweep_values import Varied
from spikelearn.results.files import read_run


def rows_of(points: list[Point], all_varied: list[Varied], failures: dict[str, str]) -> list[dict]:
    """The rows of the points that are over: column -> number or text.

    Parameters
    ----------
    points : those of the whole sweep; what has no result and no failure is left out.
    all_varied : what is varied.
    failures : name of a point's folder -> sentence.
    """
    rows = []
    for point in points:
        row = {column(it): _value(it, point.values[it.name]) for it in all_varied}
        failure = failures.get(point.folder.name)
        if failure is not None:
            rows.append(row | {"failure": failure})
        elif (point.folder / "run.json").exists():
            rows.append(row | apart(headline(read_run(point.folder)), {*row, "failure"}))
    return rows


def apart(found: dict, taken: set[str]) -> dict:
    """Headline numbers, those that are called like a column of the sweep with ", result" behind their names."""
    named = {}
    for name, value in found.items():
        while name in taken:
            name += ", result"
        named[name] = value
        taken = {*taken, name}
    return named


def column(it: Varied) -> str:
    """The header of a varied parameter: its name, and its unit if it has one."""
    return f"{it.name} ({it.unit})" if it.unit else it.name


def _value(it, text):
    if it.numbers is None:
        return text
    number = it.numbers[it.texts.index(text)]
    return int(number) if number == int(number) and it.texts[0].lstrip("+-").isdigit() else number


def headline(run: dict) -> dict:
    """The headline of a run.json that fits into cells: column -> number or text."""
    row = {}
    for name, value in run["headline"].items():
        if isinstance(value, dict) and {"value", "unit"} <= set(value):
            name, value = f"{name} ({value['unit']})", value["value"]
        if isinstance(value, bool | int | float | str):
            row[name] = value
    return row


def columns_of(rows: list[dict]) -> list[str]:
    """Every column, in the order of appearance; failures are the last."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "failure"))
    return names + ["failure"] * any("failure" in row for row in rows)


def text_of(rows: list[dict]) -> str:
    """The rows as CSV. A cell is empty where a point has no such number."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns_of(rows), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def numbers_of(rows: list[dict], all_varied: list[Varied]) -> list[str]:
    """The headline numbers that differ between points, which are worth drawing."""
    known = {column(it) for it in all_varied} | {"failure"}
    found = []
    for name in columns_of(rows):
        values = [row[name] for row in rows if name in row]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                      for value in values)
        if name not in known and numeric and len(set(values)) > 1:
            found.append(name)
    return found
