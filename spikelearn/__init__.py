"""A laboratory for learning rules on spikes, on Brian2."""
from spikelearn.equations.files import load_model
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError

__version__ = "0.1.0"
__all__ = ["NeuronModel", "SynapseModel", "SpikelearnError", "load_model", "__version__"]
