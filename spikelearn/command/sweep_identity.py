"""What makes a point of a sweep this one: its models, its settings, and the content of every file that they name."""
import argparse
import hashlib
import json
from pathlib import Path

from spikelearn.command import run as running
from spikelearn.command.named_files import hashes_of, sha256
from spikelearn.equations.files import load_model
from spikelearn.equations.records import SynapseModel


class Models:
    """The models of some points, read once, as their files may change during a sweep.

    synapse, neuron : records of those that are named in the options. contents, texts : of all that are used, the
    protocol's own included. beside : whether the pairings of the points can be simulated side by side.
    """

    def __init__(self, module, options):
        from spikelearn.equations.content import content
        from spikelearn.stdp.together import share_simulations

        self.synapse = [load_model(word, "synapse") for word in options.synapse]
        self.neuron = options.neuron and load_model(options.neuron, "neuron")
        bare = argparse.Namespace(**vars(options) | dict(synapse=self.synapse, neuron=self.neuron, settings=[]))
        _, models, _ = running.run_keywords(module, bare)
        rules = [model for model in models if isinstance(model, SynapseModel)]
        models += [load_model(rule.neuron) for rule in rules if Path(rule.neuron).is_file()]
        self.contents, self.texts = [content(model) for model in models], [model.text for model in models]
        pairs = any(str(getattr(it, "__module__", "")).startswith("spikelearn.stdp") for it in vars(module).values())
        self.beside = pairs and bool(rules) and all(map(share_simulations, rules))


def identity_of(module, options: argparse.Namespace, models: Models, folder: Path, known: dict) -> tuple[str, dict]:
    """Identity of a point, and the files behind it: path -> hash, the protocol's own if it is the user's.

    Parameters
    ----------
    module : the protocol.
    options, models : of the point.
    folder : of the sweep.
    known : path -> hash of files that were read for another point.
    """
    path = Path(module.__file__)
    protocol = path.read_text(encoding="utf-8")
    files = hashes_of([*options.settings, *_defaults(module, options)], [protocol, *models.texts], folder, known)
    stated = {"protocol": protocol, "models": models.contents,
              **{name: getattr(options, name) for name in ("settings", "seed", "device", "quick", "data_dir")}}
    if files:
        stated["files"] = files
    own = {} if module.__name__.startswith("spikelearn.") else {str(path): sha256(path)}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest(), files | own


def _defaults(module, options):
    """The words that the protocol takes where no setting gives another one, as settings."""
    given = {setting.partition("=")[0].strip().removeprefix("protocol.") for setting in options.settings}
    for name, value in running.signature(module).items():
        words = value if isinstance(value, tuple | list) else [value]
        if name not in (*given, *running.COMMON, "out") and all(isinstance(word, str) for word in words):
            yield f"{name}={','.join(words)}"
