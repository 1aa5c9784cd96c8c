"""What a run brings home and where it came from."""
from spikelearn.results.result import Accepted, Missing, Result, load, save

__all__ = ["Accepted", "Missing", "Result", "load", "save"]
