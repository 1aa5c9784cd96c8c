"""A laboratory for learning rules on spikes, on Brian2."""
from spikelearn.equations import NeuronModel, SpikelearnError, SynapseModel, load_model

__version__ = "0.1.0"
__all__ = ["NeuronModel", "SynapseModel", "SpikelearnError", "load_model", "__version__"]
