"""A result as a table: of pandas, which is imported when it is needed, or as a CSV file."""
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikelearn.errors import SpikelearnError, alternatives

if TYPE_CHECKING:
    from pandas import DataFrame

    from spikelearn.results.result import Result


def dataframe(result: "Result", names: tuple[str, ...] = ()) -> "DataFrame":
    """The table of `Result.to_dataframe`."""
    from spikelearn.results.exchange import package

    return package("pandas", "data", "to_dataframe").DataFrame(columns_of(result, names))


def write_csv(result: "Result", path: str | Path, names: tuple[str, ...] = ()) -> Path:
    """The file of `Result.to_csv`."""
    from spikelearn.results.files import write_file

    columns, text = columns_of(result, names), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    write_file(path, text.getvalue().encode())
    return Path(path)


def columns_of(result: "Result", names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Name with unit -> (n,) values of each column; without names, those of `Result.table`. Raises SpikelearnError."""
    for name in names:
        if name not in result.arrays:
            raise SpikelearnError(f"the result of {result.protocol} has no array '{name}'"
                                  f"{alternatives(str(name), result.arrays)}")
    if result.table is not None and not names:
        blocks = [_block(one) for one in result.table(result)]
        shared = [name for name in blocks[0] if all(name in block for block in blocks)]
        return {name: np.concatenate([block[name] for block in blocks]) for name in shared}
    return _block({name: result.arrays[name] for name in names or _names(result)})


def _block(arrays):
    """Columns of arrays of one length, and of single values, which are repeated."""
    rows = {name: len(values) for name, values in arrays.items() if np.ndim(values)}
    if len(set(rows.values())) > 1:
        lengths = ", ".join(f"{name} {length}" for name, length in rows.items())
        raise SpikelearnError(f"the columns of a table must be equally long, and these are not: {lengths}")
    count = next(iter(rows.values()), 1)
    columns = {}
    for name, values in arrays.items():
        columns |= _columns(name, values, count)
    return columns


def _names(result):
    """The first list of two entries or more, all arrays of its length, and the single values but whole pages.

    Raises SpikelearnError where these do not belong together: two of them name different things, or names are alone.
    """
    arrays = result.arrays
    lists = {name: len(values) for name, values in arrays.items() if np.ndim(values) == 1}
    lengths = list(lists.values())
    count = next((length for length in lengths if length > 1), lengths[0] if lengths else None)
    chosen = [name for name, length in lists.items() if length == count]
    several = {length for length in lengths if length > 1}
    if name_lists(arrays, count) > 1 or len(several) > 1 and all(np.asarray(arrays[name]).dtype.kind == "U"
                                                                 for name in chosen):
        tables = "; ".join(", ".join(name for name, length in lists.items() if length == one)
                           for one in dict.fromkeys(lengths) if one in several)
        raise SpikelearnError(f"the result of {result.protocol} holds several tables, so name the arrays of one in "
                              f"to_csv or to_dataframe; equally long are {tables}")
    return [name for name, values in arrays.items() if np.shape(values) == (count,)
            or np.ndim(values) == 0 and not (np.asarray(values).dtype.kind == "U" and "\n" in str(values))]


def name_lists(arrays: Mapping, length: int | None) -> int:
    """How many lists of this length name different things: texts of which none stands twice."""
    lists = [np.asarray(values) for values in arrays.values() if np.shape(values) == (length,)]
    return sum(one.dtype.kind == "U" and len(one) > 1 and len(set(one.tolist())) == len(one) for one in lists)


def _columns(name, values, count):
    """Column name -> numbers of one array."""
    from brian2 import get_dimensions, get_unit, is_dimensionless

    unit = "" if np.asarray(values).dtype.kind not in "fc" or is_dimensionless(values) else (
        f" ({get_unit(get_dimensions(values))})")
    numbers = np.asarray(values)
    if numbers.ndim > 2:
        raise SpikelearnError(f"'{name}' has {numbers.ndim} dimensions, and the columns of a table have one")
    if numbers.ndim == 2:
        return {f"{name} {k}{unit}": numbers[:, k] for k in range(numbers.shape[1])}
    return {f"{name}{unit}": np.repeat(numbers, count) if numbers.ndim == 0 else numbers}
