"""What a training needs to go on: one .npz without pickles that is there whole or not at all.

It carries the weights, where the training stands, its curve, and an identity: the network, the text and parameters of
every model, the recipe, the images and the seed. Another training's checkpoint is refused.
"""
import contextlib
import dataclasses
import json
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from spikelearn.content import code_of, exact
from spikelearn.equations import SpikelearnError

FORMAT = "spikelearn checkpoint 4"
TALLY = ("images", "wrong", "nudged", "spikes", "events", "seconds")      # counted within an epoch


@dataclasses.dataclass
class State:
    """Where a training stands, at the boundary of two chunks.

    weights : name -> array. mean_weights : their running mean, empty if none is wanted. epoch, chunk : the next to
    come, from 0. chunks : how many are over in all. curve : name -> list with a number for each epoch that is over.
    tally : what was counted in this epoch.
    """

    weights: dict
    mean_weights: dict = dataclasses.field(default_factory=dict)
    epoch: int = 0
    chunk: int = 0
    chunks: int = 0
    curve: dict = dataclasses.field(default_factory=dict)
    tally: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(len(TALLY)))


def checkpoint_file(directory):
    """The checkpoint that belongs to a folder of results: it stands beside it, as the folder is written at the end."""
    directory = Path(directory)
    return directory.with_name(f"{directory.name}.checkpoint.npz")


def identity(classifier, recipe, **facts):
    """What makes a training this one: name -> text. facts : anything else that must agree, such as seed=1."""
    known = {"network": "-".join(str(size) for size in classifier.sizes), "dt": exact(classifier.dt),
             "device": classifier.simulation.device}
    for kind in ("synapse", "neuron", "pixel"):
        model = getattr(classifier, kind)
        known[f"text of the {kind} model"] = json.dumps(code_of(model), sort_keys=True)
        known |= {f"{kind}.{name}": exact(value) for name, value in model.parameters.items()}
        known |= {f"{kind}.{name} at the start": exact(value) for name, value in model.initial.items()}
    known |= {name: exact(value) for name, value in dataclasses.asdict(recipe).items()}
    return known | {name: exact(value) for name, value in facts.items()}


def save_checkpoint(path, state, identity):
    """Write `path` anew: into a temporary file, to the disk, then by a rename; one good file is always there."""
    path = Path(path)
    entries = {f"weights/{name}": array for name, array in state.weights.items()}
    entries |= {f"mean_weights/{name}": array for name, array in state.mean_weights.items()}
    entries |= {f"curve/{name}": np.array(values, dtype=float) for name, values in state.curve.items()}
    facts = {"format": FORMAT, "identity": identity, "epoch": state.epoch, "chunk": state.chunk,
             "chunks": state.chunks, "arrays": sorted(["tally", *entries])}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), tally=state.tally, **entries)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)            # the rename itself
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SpikelearnError(f"the checkpoint '{path}' cannot be written: {error.strerror or error}; the last one "
                              "that was is kept") from error


@contextlib.contextmanager
def damage_told(sentence):
    """What a damaged file brings about while it is read becomes a SpikelearnError with this sentence."""
    try:
        yield
    except SpikelearnError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile,
            zlib.error, NotImplementedError, RuntimeError) as error:
        raise SpikelearnError(sentence) from error


def read_archive(path, form):
    """(facts, name -> array) of an .npz whose entry `facts`, in JSON, names its format and its arrays.

    To be called within `damage_told`. Raises SpikelearnError for another format.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    facts = json.loads(str(arrays.pop("facts")))
    if facts.pop("format") != form:
        raise SpikelearnError(f"'{path}' is no {form.split()[1]} of this version of spikelearn")
    if facts.pop("arrays") != sorted(arrays):
        raise KeyError("an array is missing")
    return facts, arrays


def load_checkpoint(path, identity):
    """The State in `path`. Raises SpikelearnError if there is none, it is damaged, or it is another training's."""
    path = Path(path)
    if not path.is_file():
        raise SpikelearnError(f"there is no checkpoint '{path}'")
    with damage_told(f"'{path}' is damaged or no checkpoint: it cannot be gone on from"):
        facts, entries = read_archive(path, FORMAT)
        groups = {"weights": {}, "mean_weights": {}, "curve": {}}
        for name, array in entries.items():
            group, _, name = name.partition("/")
            if name:
                groups[group][name] = array.tolist() if group == "curve" else array
        state = State(epoch=int(facts["epoch"]), chunk=int(facts["chunk"]), chunks=int(facts["chunks"]),
                      tally=entries["tally"], **groups)
        found = dict(facts["identity"])
    _refuse_another(path, found, identity)
    return state


def _refuse_another(path, found, wanted):
    for name in [*wanted, *found]:
        old, new = found.get(name), wanted.get(name)
        if old == new:
            continue
        if name.startswith("text of"):
            raise SpikelearnError(f"the checkpoint '{path}' was made with another {name}")
        raise SpikelearnError(f"the checkpoint '{path}' was made with {name}={old or 'nothing'}, "
                              f"but this training has {new or 'nothing'}")
