"""A laboratory for learning rules on spikes, on Brian2."""
from spikelearn.equations.files import load_model
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError

__version__ = "0.1.0"
LATER = {"trace": "spikelearn.stdp.traces", "experiment": "spikelearn.stdp.experiments"}     # imported when used
__all__ = ["NeuronModel", "SynapseModel", "SpikelearnError", "load_model", "trace", "experiment", "__version__"]


def __getattr__(name):
    if name in LATER:
        import importlib

        return getattr(importlib.import_module(LATER[name]), name)
    raise AttributeError(f"module 'spikelearn' has no attribute '{name}'")
