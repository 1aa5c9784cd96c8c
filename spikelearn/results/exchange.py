"""Results in the formats of other tools: xarray, Neo, NWB. Each package is imported here when it is needed."""
import json
import uuid
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from brian2 import Quantity, get_dimensions

import spikelearn
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.results.dataframe import name_lists
from spikelearn.results.plain import plain
from spikelearn.results.recordings import recordings

if TYPE_CHECKING:
    from neo import Block
    from xarray import Dataset

    from spikelearn.results.result import Result

BASE = ("m", "kg", "s", "A", "K", "mol", "cd")
NAMED = {"volt": "V", "amp": "A", "siemens": "S", "second": "s", "Hz": "Hz", "farad": "F", "ohm": "ohm",
         "coulomb": "C"}


def package(name: str, extra: str, method: str) -> ModuleType:
    """A package that an extra brings. Raises SpikelearnError where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise SpikelearnError(f"{method} needs {name}, which is not installed: "
                              f"pip install 'spikelearn[{extra}]' brings it") from error


def unit_of(values: object) -> str:
    """The SI unit of values as xarray, Neo and NWB name it, "" for numbers without unit and text."""
    import brian2

    if np.asarray(values).dtype.kind not in "fc" or get_dimensions(values).is_dimensionless:
        return ""
    dimensions = get_dimensions(values)
    for name, short in NAMED.items():
        if getattr(brian2, name).dim is dimensions:
            return short
    from spikelearn.equations.content import base_powers

    return "*".join(f"{base}**{power:g}" for base, power in zip(BASE, base_powers(dimensions), strict=True) if power)


# --- xarray ------------------------------------------------------------------------------------------------------

def dataset(result: "Result", names: tuple[str, ...] = ()) -> "Dataset":
    """The dataset of `Result.to_xarray`."""
    xarray = package("xarray", "xarray", "to_xarray")
    for name in names:
        if name not in result.arrays:
            raise SpikelearnError(f"the result of {result.protocol} has no array '{name}'"
                                  f"{alternatives(str(name), result.arrays)}")
    arrays = {name: result.arrays[name] for name in names or result.arrays}
    lists, families = {}, {name: _family(result, name) for name in arrays}
    for name, values in arrays.items():     # family, length -> the first list so long, which names the dimension
        alike = {other: result.arrays[other] for other in arrays if families[other] == families[name]}
        if np.ndim(values) == 1 and (any(families[name]) or name_lists(alike, len(values)) < 2):
            lists.setdefault((families[name], len(values)), name)
    variables = {}
    for name, values in arrays.items():
        numbers, dims = np.array(values), []
        for axis, length in enumerate(numbers.shape):
            shared = lists.get((families[name], length))
            dims.append(shared if shared and shared not in dims else f"{name}_{axis}")
        unit = unit_of(values)
        variables[name] = (dims, numbers, {"units": unit} if unit else {})
    coordinates = {name: variables.pop(name) for name in lists.values()}
    facts = {"protocol": result.protocol, "headline": json.dumps(plain(result.headline))}
    return xarray.Dataset(variables, coordinates, attrs=facts)


def _family(result, name):
    """What an array belongs to: a rule, an experiment, a table of it. Only arrays of one family share dimensions."""
    known = [f"{rule}: " for rule in np.atleast_1d(result.arrays.get("rules", []))]
    known += [f"{one}_" for one in np.atleast_1d(result.arrays.get("experiments", []))]
    start = max((one for one in known if name.startswith(one)), key=len, default="")
    own = name.removeprefix(start)
    belongs = getattr(result.table, "belongs", None)
    return start, own in ("cells", "cell_of"), belongs is not None and belongs(own)


# --- Neo and NWB -------------------------------------------------------------------------------------------------

def block(result: "Result", stop: Quantity | None = None) -> "Block":
    """The block of `Result.to_neo`."""
    neo = package("neo", "neo", "to_neo")
    made = neo.Block(name=result.protocol, description=f"simulated by spikelearn {spikelearn.__version__}")
    for one in recordings(result, stop):
        segment = neo.Segment(name=one.name)
        for train in one.trains:
            segment.spiketrains.append(neo.SpikeTrain(
                train.times, units="s", t_start=one.start, t_stop=one.stop, name=train.name, neuron=train.neuron,
                population=train.population))
        for name, values in one.signals.items():
            segment.irregularlysampledsignals.append(neo.IrregularlySampledSignal(
                one.t, np.array(values, dtype=float), units=unit_of(values) or "dimensionless", time_units="s",
                name=name))
        made.segments.append(segment)
    return made


def write_nwb(result: "Result", path: str | Path, stop: Quantity | None = None) -> Path:
    """The file of `Result.to_nwb`."""
    nwb, path = package("pynwb", "nwb", "to_nwb"), Path(path)
    if path.exists():
        raise SpikelearnError(f"'{path}' exists: nothing is overwritten, choose another name")
    if not path.absolute().parent.is_dir():
        raise SpikelearnError(f"'{path}' cannot be written: there is no folder '{path.parent}'")
    found = recordings(result, stop)
    finished = result.provenance.get("finished")
    file = nwb.NWBFile(
        session_description=f"{result.protocol}, simulated by spikelearn {spikelearn.__version__}",
        identifier=str(uuid.uuid4()),
        session_start_time=datetime.fromisoformat(finished) if finished else datetime.now(UTC))
    if any(one.trains for one in found):
        for name, meaning in (("recording", "name of the recording"), ("neuron", "index or side of the neuron"),
                              ("population", "index of the population, -1 where there is one only")):
            file.add_unit_column(name, meaning)
    for one in found:
        for train in one.trains:
            file.add_unit(spike_times=train.times, obs_intervals=[[one.start, one.stop]], recording=one.name,
                          neuron=train.neuron, population=train.population)
        for name, values in one.signals.items():
            file.add_acquisition(nwb.TimeSeries(
                name=name.replace("/", "_").replace(":", "_"), data=np.array(values, dtype=float), timestamps=one.t,
                unit=unit_of(values) or "1"))
    with nwb.NWBHDF5IO(str(path), "w-") as io:
        io.write(file)
    return path
