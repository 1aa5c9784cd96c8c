"""Model files: the shipped ones, and loading a model by name, file or record."""
import importlib.util
from pathlib import Path

from spikelearn.equations.records import Model, NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError, alternatives, no_file


def shipped_models() -> dict[str, Path]:
    """Path of every shipped model file: {"neurons/lif": path, "synapses/stdp_pair": path, ...}."""
    folder = Path(importlib.util.find_spec("spikelearn.models").submodule_search_locations[0])
    return {f"{kind}/{path.stem}": path for kind in ("neurons", "synapses")
            for path in sorted((folder / kind).glob("*.py")) if not path.stem.startswith("_")}


def _model_file(name):
    shipped = shipped_models()
    if name.endswith(".py") or "\\" in name or Path(name).is_file():
        if not Path(name).is_file():
            raise SpikelearnError(no_file(name))
        return Path(name)
    found = [path for key, path in shipped.items() if name in (key, key.split("/")[1])]
    if len(found) != 1:
        raise SpikelearnError(f"there is no model '{name}'{alternatives(name, shipped)}")
    return found[0]


def load_model(name: str | Path | Model, kind: str | None = None) -> Model:
    """A model by its shipped name or its file.

    Parameters
    ----------
    name : "synapses/stdp_pair" or "stdp_pair", or a model file; a record passes through.
    kind : "neuron" or "synapse" if it must be one; None = either.

    Returns
    -------
    NeuronModel or SynapseModel

    Raises
    ------
    SpikelearnError
        If there is no such model, if the file is no model file, or if the model is of the other kind.

    Examples
    --------
    >>> rule = sl.load_model("stdp_pair")
    >>> rule.parameters["tau_plus"]
    16.8 * msecond
    """
    wanted = {"neuron": NeuronModel, "synapse": SynapseModel, None: Model}[kind]
    model = name if isinstance(name, Model) else _read(_model_file(str(name)))
    if not isinstance(model, wanted):
        raise SpikelearnError(f"{model.title} is a {type(model).__name__}, but a {wanted.__name__} is needed here")
    return model


def trained_rule(name: str | Path | Model) -> SynapseModel:
    """A rule whose `eta` a training sets. Raises SpikelearnError if it was changed from its file's, for nothing."""
    model = load_model(name, "synapse")
    if Path(model.file).is_file():
        own = load_model(model.file).parameters
        if "eta" in own and "eta" in model.parameters and own["eta"] != model.parameters["eta"]:
            raise SpikelearnError(f"eta of {model.title} would change nothing: the training sets it; set the "
                                  "training's learning rate (rates or rate)")
    return model


def _read(path):
    try:
        text = path.read_text(encoding="utf-8")
    except Exception as error:
        raise SpikelearnError(f"{path} cannot be read as a model file: {type(error).__name__}: {error}") from error
    return model_from_text(text, path)


def model_from_text(text: str, path: Path) -> Model:
    """The model that the text of a model file makes; it is run as Python. path : the file, for name and messages.

    Raises SpikelearnError if it makes none; the error's cause is what happened in the text.
    """
    from spikelearn.equations.additions import keep_sources  # imports Brian2, which `spikelearn list` does not
    from spikelearn.equations.content import fingerprint

    try:
        code = compile(text, str(path), "exec")
        content = {"__name__": f"spikelearn_model_{path.stem}", "__file__": str(path)}
        exec(code, content)  # a model file is Python that the user wrote or copied
        keep_sources(content, text, str(path))
    except SpikelearnError as error:
        raise SpikelearnError(f"{path}: {error}") from error
    except SyntaxError as error:
        raise SpikelearnError(f"{path} is not a model file: {error.msg} in line {error.lineno}") from error
    except Exception as error:
        raise SpikelearnError(f"{path} cannot be read as a model file: {type(error).__name__}: {error}") from error
    model = content.get("MODEL")
    if not isinstance(model, Model):
        raise SpikelearnError(f"{path} is not a model file: it defines no MODEL, a NeuronModel or SynapseModel")
    named = object.__new__(type(model))         # not copy.copy, which would make and so check the record again
    vars(named).update(vars(model))
    for field, value in dict(name=path.stem, file=str(path), text=text).items():
        object.__setattr__(named, field, value)
    object.__setattr__(named, "made_of", fingerprint(named))
    return named
