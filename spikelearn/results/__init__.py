"""What a run brings home and where it came from.

`result` holds the records Result, Accepted and Missing, `files` saves and loads them, `provenance` says how a result
came about, `tables` makes results/README.md. `formats`: pandas, CSV, xarray, Neo, NWB; `recordings` finds spikes.
"""
from spikelearn.results.files import load, save
from spikelearn.results.result import Accepted, Missing, Result

__all__ = ["Accepted", "Missing", "Result", "load", "save"]
