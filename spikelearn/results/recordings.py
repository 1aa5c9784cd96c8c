"""The spikes and recorded signals among the arrays of a result, as other tools take them.

Two forms are known. NAME_t and NAME_i hold the times and the neurons of all spikes, NAME_population their population.
PREFIX_t holds the times of a recording: other numbers of its length are signals, PREFIX_potential for example, and
PREFIX_pre, PREFIX_post and PREFIX_third the times of spikes.
"""
from typing import NamedTuple

import numpy as np
from brian2 import get_dimensions, second

from spikelearn.errors import SpikelearnError

SIDES = ("pre", "post", "third")


class Train(NamedTuple):
    """Spikes of one neuron. name : unique in the recording; times : (n,) in seconds, sorted; neuron : its index or
    side; population : its index, -1 where there is one only."""

    name: str
    times: np.ndarray
    neuron: str
    population: int


class Recording(NamedTuple):
    """What shares a time axis. start, stop : when it begins and ends, in seconds; t : (n,) times of the signals.

    signals : name -> (n,) values with their unit.
    """

    name: str
    trains: list
    t: np.ndarray
    signals: dict
    start: float
    stop: float


def recordings(result, stop=None) -> list[Recording]:
    """The recordings of a result. stop : end of the simulation, a time; see Result.to_neo. Raises SpikelearnError."""
    found, arrays = [], result.arrays
    for name in arrays:
        prefix = name.removesuffix("_t")
        if name in (prefix, "delta_t") or not _times(arrays, name):      # delta_t is an interval
            continue
        neurons = arrays.get(f"{prefix}_i")
        raster = np.shape(neurons) == np.shape(arrays[name]) and np.asarray(neurons).dtype.kind in "iu"
        found.append(_raster(arrays, prefix, stop) if raster else _recorded(arrays, prefix))
    found = [one for one in found if one.trains or one.signals]
    if not found:
        raise SpikelearnError(f"the result of {result.protocol} holds no spikes and no potentials: they are arrays "
                              "such as spikes_t and spikes_i, or motif_t and motif_potential")
    return found


def _times(arrays, name):
    """Whether an array is a list of times."""
    return name in arrays and np.ndim(arrays[name]) == 1 and get_dimensions(arrays[name]) is second.dim


def _raster(arrays, prefix, stop):
    """Spikes of many neurons."""
    t, i = (np.asarray(arrays[f"{prefix}_{what}"]) for what in "ti")
    population = np.asarray(arrays.get(f"{prefix}_population", np.full(len(t), -1)))
    trains = []
    for which, neuron in sorted(set(zip(population.tolist(), i.tolist()))):
        label = f"{prefix} {neuron}" if which < 0 else f"{prefix} {which} {neuron}"
        trains.append(Train(label, np.sort(t[(population == which) & (i == neuron)]), str(neuron), which))
    last, duration = float(np.max(t, initial=0)), arrays.get("duration", 0)
    if stop is not None:
        if get_dimensions(stop) is not second.dim or not float(stop) >= last:
            raise SpikelearnError(f"stop must be a time of {last:g} s or more, the last spike of {prefix}, not {stop}")
        last = float(stop)
    elif get_dimensions(duration) is second.dim and np.ndim(duration) == 0:
        last = max(last, float(duration))
    return Recording(prefix, trains, np.zeros(0), {}, min(0.0, float(np.min(t, initial=0))), last)


def _recorded(arrays, prefix):
    """Signals against time, and the spikes of both sides of a synapse."""
    t, sides = np.asarray(arrays[f"{prefix}_t"]), {f"{prefix}_{side}": side for side in SIDES}
    trains = [Train(name, np.sort(np.asarray(arrays[name])), side, -1) for name, side in sides.items()
              if _times(arrays, name) and (side != "third" or len(arrays[name]))]
    signals = {name: values for name, values in arrays.items() if name.startswith(f"{prefix}_")
               and name not in (*sides, f"{prefix}_t") and np.shape(values) == t.shape
               and np.asarray(values).dtype.kind in "biuf"}
    every = np.concatenate([t, *(train.times for train in trains)])
    return Recording(prefix, trains, t, signals, float(np.min(every, initial=0)), float(np.max(every, initial=0)))
