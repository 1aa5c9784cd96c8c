"""The weights in a saved result, and the network that they belong to."""
import ast
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from spikelearn.equations.files import load_model
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError
from spikelearn.results.files import load
from spikelearn.results.result import Result


def weights_in(result: Result) -> dict:
    """The weights for classification in a result: name -> array; the running mean if there is one."""
    for prefix in ("mean_weights_", "weights_"):
        found = {name.removeprefix(prefix): w for name, w in result.arrays.items() if name.startswith(prefix)}
        if found:
            return found
    raise SpikelearnError(f"this result of {result.protocol} holds no weights")


def network_facts(classifier) -> dict:
    """Facts that a result stores so that its network can be rebuilt."""
    return {"sizes": classifier.sizes, "dt": classifier.dt,
            "precision": "single" if classifier.simulation.precision == np.float32 else "double"}


def saved_network(folder: str | Path, models: dict) -> tuple:
    """The network of a saved result of learn_mnist.

    models : "synapse", "neuron", "pixel" -> a model, for those that are not shipped or have changed since.
    Returns (keywords of Classifier, keywords of Recipe, weights). Raises SpikelearnError if the folder holds no such
    result, or if a model's file is not what it was.
    """
    result = load(folder)
    facts = result.provenance
    if not {"network", "recipe", "models"} <= set(facts):
        raise SpikelearnError(f"'{folder}' holds no network: it is a result of {result.protocol}, or of an earlier "
                              "version")
    network = dict(sizes=tuple(facts["network"]["sizes"]), precision=facts["network"]["precision"],
                   dt=Quantity(facts["network"]["dt"]["value"], dim=second.dim))
    for place, saved in zip(("synapse", "neuron", "pixel"), facts["models"], strict=True):
        network[place] = models[place] if models.get(place) is not None else _model(saved, place, folder)
    recipe = {name: tuple(value) if isinstance(value, list) else value for name, value in facts["recipe"].items()}
    return network, recipe, weights_in(result)


def _model(saved: dict, place: str, folder) -> Model:
    """The shipped model of this name with the saved parameters."""
    model = load_model(saved["name"], "synapse" if place == "synapse" else "neuron")
    if _statements(model.text) != _statements(saved["text"]):
        raise SpikelearnError(f"the {place} model {saved['name']} is not what it was when '{folder}' was made: "
                              f"give another {place}=")
    values = {name: value["value"] if isinstance(value, dict) else value for name, value in saved["parameters"].items()}
    return model.with_parameters(**{name: Quantity(value, dim=Quantity(model.parameters[name]).dim)
                                    for name, value in values.items()})


def _statements(text: str) -> str:
    """What a model's file says to Python: its docstring and comments left out, which change no network."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    return ast.dump(ast.Module(tree.body[ast.get_docstring(tree) is not None:], []))
