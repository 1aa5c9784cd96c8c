"""Published pairing experiments: protocol, measured change, and the score of a model against them.

The measurements are the CSV files in `data`, each with its source. Changes are relative to the start:
0 = none, 1 = doubled.
"""
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import numpy as np
from brian2 import Hz, ms, second
from numpy.typing import ArrayLike

from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.stdp.spike_times import motifs, pairs
from spikelearn.stdp.trains import trains


@dataclass(frozen=True, eq=False)
class Experiment:
    """One published experiment of n conditions.

    name : as in EXPERIMENTS; citation : paper, and whose table the numbers are
    protocol : one line: motifs, rate, induction
    pairings : n Pairing records, aligned with the rows of the table
    mean, sem : (n,) relative change and its standard error
    columns : column name -> (n,) array of the table's numbers (NaN = empty), words or flags
    """

    name: str
    citation: str
    protocol: str
    pairings: tuple
    mean: np.ndarray
    sem: np.ndarray
    columns: Mapping


def experiment(name):
    """The `Experiment` called `name`; SpikelearnError for an unknown name."""
    if name not in _EXPERIMENTS:
        raise SpikelearnError(f"there is no experiment '{name}'{alternatives(name, EXPERIMENTS)}")
    return _EXPERIMENTS[name](name)


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
        column = np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        column = np.array(cells)
    column.setflags(write=False)
    return column


def _sjostrom_frequency(name):
    data = table("sjostrom2001_frequency")
    pairings = [pairs(dt * ms, 60, rho * Hz, label=f"{dt:+g} ms, {rho:g} Hz")
                for rho, dt in zip(data["rho_hz"], data["dt_ms"], strict=True)]
    protocol = "60 pairs in one continuous train at rho, as Pfister & Gerstner fitted; measured otherwise"
    return _experiment(name, _SJOSTROM, protocol, pairings, data)


def _sjostrom_trains(name):
    data = table("sjostrom2001_frequency")
    pairings = []
    for rho, dt in zip(data["rho_hz"], data["dt_ms"], strict=True):
        label = f"{dt:+g} ms, {rho:g} Hz"
        if rho == 0.1:   # single pairs: a train of 5 would last longer than the time between trains
            pairings.append(pairs(dt * ms, 50, rho * Hz, label=label))
        else:
            pairings.append(trains(dt * ms, 5, rho * Hz, 15, 10 * second, label=label))
    protocol = "15 trains of 5 pairs at rho, one each 10 s; at 0.1 Hz 50 single pairs"
    return _experiment(name, _SJOSTROM, protocol, pairings, data)


def _wang_hippocampus(name):
    data = table("wang2005_hippocampus")
    pairings = [motifs(_spikes(pre), _spikes(post), 60, 1 * Hz, label=str(label))
                for pre, post, label in zip(data["pre_ms"], data["post_ms"], data["label"], strict=True)]
    citation = ("Bi & Poo (1998) J Neurosci 18:10464 and Wang, Gerkin, Nauen & Bi (2005) Nat Neurosci 8:187, "
                "as tabulated by Pfister & Gerstner (2006)")
    return _experiment(name, citation, "60 pairs, triplets or quadruplets at 1 Hz", pairings, data)


def _markram_frequency(name):
    data = table("markram1997_frequency")
    pairings = [trains(dt * ms, 5, rho * Hz, 10, 4 * second, label=f"{dt:+g} ms, {rho:g} Hz")
                for rho, dt in zip(data["rho_hz"], data["dt_ms"], strict=True)]
    citation = "Markram, Lubke, Frotscher & Sakmann (1997) Science 275:213, as Graupner & Brunel used it"
    return _experiment(name, citation, "10 trains of 5 pairs at rho, one each 4 s", pairings, data)


def _nevian_bursts(name):
    data = dict(table("nevian_sakmann2006_bursts"))
    pairings = [_nevian_pairing(*row) for row in zip(
        data["condition"], data["n_ap"], data["burst_hz"], data["dt_burst_ms"], strict=True)]
    data |= dict(control=data["condition"] != "paired", dw_mean=data["epsp_ratio"] - 1, dw_sem=data["sem"])
    protocol = "60 EPSPs at 0.1 Hz, each with 1-3 action potentials forced by current; controls: one side"
    return _experiment(name, "Nevian & Sakmann (2006) J Neurosci 26:11001", protocol, pairings, data)


def _nevian_pairing(condition, n_ap, burst_hz, dt_burst_ms):
    if condition == "epsp_only":
        return motifs([0] * ms, [] * ms, 60, 0.1 * Hz, label="EPSP only")
    gap = 0 if np.isnan(burst_hz) else 1000 / burst_hz   # ms; a single action potential has no burst rate
    if condition == "aps_only":
        return motifs([] * ms, gap * np.arange(n_ap) * ms, 60, 0.1 * Hz, label="APs only")
    label = f"{n_ap:g} AP, {dt_burst_ms:+g} ms" + (f", {burst_hz:g} Hz" if gap else "")
    return motifs([0] * ms, (dt_burst_ms + gap * np.arange(n_ap)) * ms, 60, 0.1 * Hz, label=label)


def _bi_poo_window(name):
    data = table("bi_poo1998_bins")
    pairings = [pairs(dt * ms, 60, 1 * Hz, label=f"{dt:+g} ms") for dt in data["dt_ms"]]
    citation = "Bi & Poo (1998) J Neurosci 18:10464, Fig. 7; own bin means of a public digitisation"
    return _experiment(name, citation, "60 pairs at 1 Hz", pairings, data)


def _experiment(name, citation, protocol, pairings, data):
    columns = dict(data)
    for column in columns.values():
        column.setflags(write=False)
    return Experiment(name, citation, protocol, tuple(pairings), columns["dw_mean"], columns["dw_sem"],
                      MappingProxyType(columns))


def _spikes(cell):
    """Spike times of a table's cell, which is one number or several separated by spaces."""
    return np.array([float(word) for word in str(cell).split()]) * ms


_SJOSTROM = ("Sjostrom, Turrigiano & Nelson (2001) Neuron 32:1149, as tabulated by "
             "Pfister & Gerstner (2006) J Neurosci 26:9673")
_EXPERIMENTS = dict(
    sjostrom_frequency=_sjostrom_frequency,
    sjostrom_trains=_sjostrom_trains,
    wang_hippocampus=_wang_hippocampus,
    markram_frequency=_markram_frequency,
    nevian_bursts=_nevian_bursts,
    bi_poo_window=_bi_poo_window,
)
EXPERIMENTS = tuple(_EXPERIMENTS)
