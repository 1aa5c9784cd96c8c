"""A laboratory for learning rules on spikes, on Brian2.

    import spikelearn as sl

gives the names below. Nothing else is loaded, Brian2 and NumPy included, until one of them is used. The examples in
the docstrings assume this line, and

    import numpy as np
    from brian2 import *
"""
from importlib import import_module

__version__ = "0.2.0"

PUBLIC = {      # name -> where it is defined; a further public name is one more line here
    "load_model": "spikelearn.equations.files.load_model",
    "NeuronModel": "spikelearn.equations.records.NeuronModel",
    "SynapseModel": "spikelearn.equations.records.SynapseModel",
    "SpikelearnError": "spikelearn.errors.SpikelearnError",
    "Pairing": "spikelearn.stdp.spike_times.Pairing",
    "pairs": "spikelearn.stdp.spike_times.pairs",
    "motifs": "spikelearn.stdp.spike_times.motifs",
    "trains": "spikelearn.stdp.trains.trains",
    "bursts": "spikelearn.stdp.trains.bursts",
    "poisson": "spikelearn.stdp.trains.poisson",
    "weight_changes": "spikelearn.stdp.weight_change.weight_changes",
    "trace": "spikelearn.stdp.traces.trace",
    "experiment": "spikelearn.stdp.experiments.experiment",
    "score": "spikelearn.stdp.experiments.score",
    "fit": "spikelearn.command.fit.fit",
    "sweep": "spikelearn.command.sweep_from_python.sweep",
    "neurons": "spikelearn.simulation.own_network.neurons",
    "synapses": "spikelearn.simulation.own_network.synapses",
    "spike_trains": "spikelearn.simulation.own_network.spike_trains",
    "Simulation": "spikelearn.simulation.simulate.Simulation",
    "load_dataset": "spikelearn.images.datasets.load",
    "Classifier": "spikelearn.equilibrium.classifier.Classifier",
    "train": "spikelearn.equilibrium.train.train",
    "run": "spikelearn.command.notebook.run",
    "Result": "spikelearn.results.result.Result",
    "load_result": "spikelearn.command.notebook.load_result",
}
__all__ = [*PUBLIC]     # not __version__: what a star import brings


def __getattr__(name: str) -> object:
    """A public name, loaded when it is first used."""
    if name not in PUBLIC:
        from spikelearn.errors import alternatives

        raise AttributeError(f"spikelearn has no '{name}'{alternatives(name, PUBLIC)}", name=name)
    module, _, attribute = PUBLIC[name].rpartition(".")
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    """The public names; dunder names as usual."""
    return [*PUBLIC, *(name for name in globals() if name.startswith("__"))]
