"""Checkpoints: everything a training needs to resume, in one .npz without pickles, written atomically.

It carries the weights, where the training stands, its curve, and an identity: the network, the text and parameters of
every model, the recipe, the images and the seed. Another training's checkpoint is refused.
"""
import contextlib
import dataclasses
import glob
import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np

from spikelearn.equations.content import code_of, exact
from spikelearn.errors import SpikelearnError
from spikelearn.results.archives import damage_told, read_archive, write_archive
from spikelearn.results.locks import LOCK, held, remove_leftovers, temporary_folder

FORMAT = "spikelearn checkpoint 5"
OLDER = ("spikelearn checkpoint 4",)        # without a SHA-256
EXAMPLES = "content of the examples"
MOST = 10**6    # epochs and chunks of a training; chosen here
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


def beside(directory, ending, hidden=False):
    """The path of a file beside a folder: its name with an ending, and a dot before it if it is hidden."""
    path = Path(directory)
    path = path if path.name not in ("", "..") else Path(os.path.abspath(path))
    if not path.name:
        raise SpikelearnError(f"'{directory}' cannot be the folder of a result")
    return path.with_name(f"{'.' * hidden}{path.name}{ending}")


def checkpoint_file(directory, part=""):
    """The checkpoint that belongs to a folder of results: it stands beside it, as the folder is written at the end.

    part : name of one training of several whose result goes into the folder
    """
    return beside(directory, f".{part}.checkpoint.npz" if part else ".checkpoint.npz")


def checkpoints_of(directory):
    """Every checkpoint that stands beside a folder of results, also those of several trainings."""
    one = checkpoint_file(directory)
    several = beside(glob.escape(str(directory)), ".*.checkpoint.npz")
    return [Path(path) for path in (*glob.glob(glob.escape(str(one))), *sorted(glob.glob(str(several))))]


@contextlib.contextmanager
def checkpointing(path, resume, identity, state, epochs):
    """Keep the checkpoint of a training; until the end of the block no other training can write it.

    The checkpoint is written at once, so that a training that is killed before its first chunk can be resumed.

    path : file to keep, None = none; one that exists must be the one that is resumed. resume : checkpoint to resume
    from, None = begin with `state`. identity : what makes this training this one, name -> text. epochs : in all.

    Yields (State to begin with, function that saves a State). Raises SpikelearnError if the file exists and is not
    resumed, if another training holds it, or if it cannot be resumed.
    """
    if path is None:
        yield _beginning(resume, identity, state, epochs), lambda state: None
        return
    path, again = Path(path), resume is not None and os.path.realpath(path) == os.path.realpath(resume)
    with _only_writer(path):
        remove_leftovers(path.parent)
        if not again:
            refuse_to_replace(path)
        begun, learnt = _beginning(resume, identity, state, epochs), []

        def save(state):
            save_checkpoint(path, state, identity)
            learnt.append(state is not begun)

        if not again:
            save(begun)
        try:
            yield begun, save
        except SpikelearnError:
            if not again and not any(learnt):       # refused in its first chunk: there is nothing to resume
                path.unlink()
            raise


def _only_writer(path):
    """Hold a checkpoint, whose folder is made, against other trainings."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpikelearnError(f"the folder '{path.parent}' cannot be made: {error.strerror}") from error
    return held(beside(path, LOCK, hidden=True),
                f"another training writes to '{path}': wait for its end, or choose another --out")


def _beginning(resume, identity, state, epochs):
    """The state of the checkpoint `resume`, if there is one."""
    if resume is None:
        return state
    first, state = state, load_checkpoint(resume, identity)
    _refuse_other_arrays(resume, state, first)
    if (state.epoch, state.chunk) > (epochs, 0):
        raise SpikelearnError(f"the training of '{resume}' has had {state.epoch} epochs and {state.chunk} chunks: it "
                              f"cannot end after {epochs}, so ask for more epochs")
    return state


def refuse_to_replace(path, directory="DIR"):
    """Refuse a checkpoint that exists: nothing is overwritten. directory : the folder of results it belongs to."""
    if path.exists():
        raise SpikelearnError(f"'{path}' is the checkpoint of an earlier training and is kept: continue that one with "
                              f"--resume {directory}, or choose another --out")


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


def examples_told(about, *arrays):
    """What identifies a training's examples, beside `about`: their content, unless `about` names a dataset."""
    if "dataset" in (about or {}):
        return dict(about)
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return {**(about or {}), EXAMPLES: digest.hexdigest()}


def save_checkpoint(path, state, identity):
    """Write `path` anew: into a temporary file, to the disk, then by a rename; one good file is always there."""
    path = Path(path)
    arrays = {f"weights/{name}": array for name, array in state.weights.items()}
    arrays |= {f"mean_weights/{name}": array for name, array in state.mean_weights.items()}
    arrays |= {f"curve/{name}": np.array(values, dtype=float) for name, values in state.curve.items()}
    facts = {"format": FORMAT, "identity": identity, "epoch": state.epoch, "chunk": state.chunk, "chunks": state.chunks}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path.parent) as made:
            with open(made / "file", "xb") as file:
                write_archive(file, facts, {**arrays, "tally": state.tally})
                file.flush()
                os.fsync(file.fileno())
            os.replace(made / "file", path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)            # the rename itself
        finally:
            os.close(folder)
    except OSError as error:
        raise SpikelearnError(f"the checkpoint '{path}' cannot be written: {error.strerror or error}; the last one "
                              "that was is kept") from error


def load_checkpoint(path, identity):
    """The State in `path`. Raises SpikelearnError if there is none, it is damaged, or it is another training's."""
    path = Path(path)
    if not path.is_file():
        raise SpikelearnError(f"there is no checkpoint '{path}'")
    with damage_told(f"'{path}' is damaged or no checkpoint: it cannot be resumed"):
        facts, arrays = read_archive(path, FORMAT, OLDER)
        state, found = _state(facts, arrays), facts["identity"]
        if not (isinstance(found, dict) and all(isinstance(text, str) for text in found.values())):
            raise TypeError("identity")
    _refuse_another(path, found, identity)
    return state


def _state(facts, arrays):
    """The State that a file holds. Raises an error if an entry has another name, type, shape or range than it must."""
    groups = {"weights": {}, "mean_weights": {}, "curve": {}}
    for name, array in arrays.items():
        group, _, name = name.partition("/")
        if name:
            groups[group][name] = array
    weights, mean, curve, tally = *groups.values(), arrays["tally"]
    numbers = [facts[name] for name in ("epoch", "chunk", "chunks")]
    for ok in (len(arrays) == sum(map(len, groups.values())) + 1,
               all(type(number) is int and 0 <= number < MOST for number in numbers),
               all(array.dtype.kind in "biufU" for array in [*weights.values(), *mean.values()]),
               all(name in weights and array.shape == weights[name].shape for name, array in mean.items()),
               all(array.dtype.kind == "f" and array.ndim == 1 for array in (tally, *curve.values())),
               all(array.size <= numbers[0] for array in curve.values()),
               np.isfinite(tally).all() and (tally >= 0).all()):
        if not ok:
            raise ValueError("an entry is not what it must be")
    return State(weights, mean, *numbers, {name: array.tolist() for name, array in curve.items()}, tally)


def _refuse_other_arrays(path, state, first):
    """Refuse weights that are not those of this training, which begins with the State `first`: names, shapes, types.

    Arrays that are empty at first may grow, and others may be added, such as chains of samples.
    """
    for name, wanted in first.weights.items():
        found, wanted = state.weights.get(name), np.asarray(wanted)
        if found is None or found.dtype.kind != wanted.dtype.kind or wanted.size and found.shape != wanted.shape:
            raise SpikelearnError(f"'{path}' is damaged: its array '{name}' is not that of this training")
    if state.tally.shape != first.tally.shape:
        raise SpikelearnError(f"'{path}' is damaged: it counts other things than this training")


def _refuse_another(path, found, wanted):
    for name in [*wanted, *found]:
        old, new = found.get(name), wanted.get(name)
        if old == new or old and new and re.fullmatch(r"-?\d+", old.removesuffix(".0")) and (
                old.removesuffix(".0") == new.removesuffix(".0")):      # shown=6 and shown=6.0 are one
            continue
        if name.startswith("text of"):
            raise SpikelearnError(f"the checkpoint '{path}' was made with another {name}")
        if name == EXAMPLES:
            raise SpikelearnError(f"the checkpoint '{path}' was made with other examples than those of this training")
        if name == "epochs" and old and new:
            raise SpikelearnError(f"the checkpoint '{path}' was made with epochs={old}, over which its rates fall, and "
                                  f"cannot be resumed with {new}: start a new training of {new} epochs")
        raise SpikelearnError(f"the checkpoint '{path}' was made with {name}={old or 'nothing'}, "
                              f"but this training has {new or 'nothing'}")
