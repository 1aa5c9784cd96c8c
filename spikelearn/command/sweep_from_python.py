"""`spikelearn.sweep`: what `spikelearn sweep` does, from Python, and its table as arrays."""
import contextlib
import csv
import sys
from pathlib import Path

import numpy as np

from spikelearn.equations.records import Model
from spikelearn.equations.written import python_value
from spikelearn.errors import SpikelearnError

OWN = ("scheduler", "share", "neuron", "seed", "device", "data_dir", "jobs")    # options that have a value


def sweep(protocol: str | Path, vary: dict, out: str | Path, *, synapse: str | Path | list | tuple = (),
          quick: bool = False, **options: object) -> dict[str, np.ndarray]:
    """Run a protocol at every combination of some values, as `spikelearn sweep` does.

    Parameters
    ----------
    protocol : by name or file.
    vary : name -> values as text: {"tau_plus": "10..40*ms:7", "seed": "1..5"}; ":7log" is logarithmic, and words and
        single values are separated by commas.
    out : folder of the sweep. Points that are there already are kept.
    synapse : rules by name or file; not records, since other processes read them.
    quick : the short form of each run.
    **options : jobs=2 processes, scheduler="tcp://host:8786", share="1/4", neuron=, seed=, device=, data_dir=, and
        parameters of the protocol, with their units.

    Returns
    -------
    Column of the table -> array with one entry a point: the values that were varied, the headline numbers, and the
    sentence of a failure where a point failed. The same table is in sweep.csv.

    Raises
    ------
    SpikelearnError : if a name or a value is refused, before anything is run.

    Examples
    --------
    >>> table = sl.sweep("stdp_window", {"tau_plus": "10*ms, 20*ms"}, out="sweep", quick=True, jobs=1)
    ... # doctest: +ELLIPSIS
    2 of 2 points...
    >>> table["tau_plus_ms"].round(3)
    array([10., 20.])
    """
    from spikelearn.command.command_line import parsed
    from spikelearn.command.sweep import sweep as command

    words = ["sweep", str(protocol), "--out", str(out), *["--quick"] * quick]
    for name, values in dict(vary).items():
        words += ["--vary", f"{name}={values}"]
    for rule in synapse if isinstance(synapse, list | tuple) else [synapse]:
        if isinstance(rule, Model):
            raise SpikelearnError(f"synapse must name {rule.title} or its file, since the processes of a sweep read it")
        words += ["--synapse", str(rule)]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)] if name in OWN else ["--set", f"{name}={_text(value)}"]
    with contextlib.redirect_stderr(sys.stdout):        # progress is no error
        command(parsed(words))
    return _columns(Path(out) / "sweep.csv")


def _text(value):
    """A value as --set takes it."""
    if isinstance(value, str | Path | bool | int | np.integer):
        return str(value)
    return ", ".join(map(_text, value)) if np.ndim(value) else python_value(value)


def _columns(path):
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {}
    for name in rows[0]:
        cells = [row[name] for row in rows]
        try:
            columns[name] = np.array([float(cell) if cell else np.nan for cell in cells])
        except ValueError:
            columns[name] = np.array(cells)
    return columns
