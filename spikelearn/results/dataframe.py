"""A result as a table: of pandas, which is imported when it is needed, or as a CSV file."""
import csv
import io
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
    """Name with unit -> (n,) values of each column. Raises SpikelearnError."""
    for name in names:
        if name not in result.arrays:
            raise SpikelearnError(f"the result of {result.protocol} has no array '{name}'"
                                  f"{alternatives(str(name), result.arrays)}")
    names = names or _names(result.arrays)
    rows = {name: len(result.arrays[name]) for name in names if np.ndim(result.arrays[name])}
    if len(set(rows.values())) > 1:
        lengths = ", ".join(f"{name} {length}" for name, length in rows.items())
        raise SpikelearnError(f"the columns of a table must be equally long, and these are not: {lengths}")
    count = next(iter(rows.values()), 1)
    columns = {}
    for name in names:
        columns |= _columns(name, result.arrays[name], count)
    return columns


def _names(arrays):
    """The first list of two entries or more, all arrays of its length, and the single values but whole pages."""
    lengths = [len(values) for values in arrays.values() if np.ndim(values) == 1]
    count = next((length for length in lengths if length > 1), lengths[0] if lengths else None)
    return [name for name, values in arrays.items() if np.shape(values) == (count,)
            or np.ndim(values) == 0 and not (np.asarray(values).dtype.kind == "U" and "\n" in str(values))]


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
