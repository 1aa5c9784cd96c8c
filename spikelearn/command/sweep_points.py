"""The points of a sweep: what each runs, the folder of its result, and how it is run in a worker."""
import argparse
import contextlib
import functools
import hashlib
import io
import pickle
import shlex
import threading
import time
import types
from pathlib import Path
from typing import NamedTuple

from spikelearn.command import run as running
from spikelearn.command.named_files import changed
from spikelearn.command.sweep_identity import Models, identity_of
from spikelearn.command.sweep_values import Varied, combinations
from spikelearn.errors import SpikelearnError

LONGEST = 150                       # letters of a folder's name
ONE_AT_A_TIME = threading.Lock()    # Brian2 has one set of globals a process, and a Dask worker may have threads


class Point(NamedTuple):
    """One point of a sweep.

    values : name of what is varied -> text. options : those of `spikelearn run`. command : what gives it alone.
    identity : hash of everything that decides its result. beside : whether its pairings can be simulated beside those
    of other points. files : path -> hash of each file that its settings name or its protocol imports.
    """

    values: dict
    folder: Path
    options: argparse.Namespace
    command: str
    identity: str
    beside: bool = False
    files: dict = {}        # never changed

    @property
    def marker(self) -> Path:
        """The file that is there while a worker is at this point."""
        return self.folder.with_name(f".{self.folder.name}.started")


class Reply(NamedTuple):
    """Outcome of a point: its error message, "" if it has a result, and the warnings of its run."""

    failure: str = ""
    warnings: tuple = ()


def points_of(module, options: argparse.Namespace, all_varied: list[Varied], folder: Path) -> list[Point]:
    """The points of a sweep. Models, parameters and ranges are checked: every value once, not every combination.

    Parameters
    ----------
    module : the protocol.
    options : those of the sweep.
    all_varied : what is varied.
    folder : of the sweep.

    Raises
    ------
    SpikelearnError
        If `spikelearn run` would refuse a value.
    """
    from spikelearn.command.command_line import typed

    points, models, hashes, every = [], {}, {}, combinations(all_varied)
    for values in every:
        own = _options_of(options, values)
        command, words = shlex.join(["spikelearn", *typed(own)]), (tuple(own.synapse), own.neuron)
        if words not in models:
            models[words] = Models(module, own)
        own.synapse, own.neuron = models[words].synapse, models[words].neuron
        if sum(values[name] != text for name, text in every[0].items()) <= 1:
            running.run_keywords(module, own)
        name = ",".join(it.label(values[it.name]) for it in all_varied)
        identity, files = identity_of(module, own, models[words], folder, hashes)
        points.append(Point(values, folder / _short(name), own, command, identity, models[words].beside, files))
    return points


def _options_of(options, values):
    """The options of `spikelearn run` at a point."""
    own = argparse.Namespace(**vars(options))
    own.resume = own.jobs = own.out = None
    own.settings, own.json = list(options.settings), False
    for name, text in values.items():
        if name == "synapse":
            own.synapse = [word.strip() for word in text.split(",")]
        elif name in ("neuron", "device", "seed"):
            setattr(own, name, _whole(text) if name == "seed" else text)
        else:
            own.settings.append(f"{name}={text}")
    return own


def _whole(text):
    try:
        return int(text)
    except ValueError as error:
        raise SpikelearnError(f"--vary seed: a seed is a whole number, not {text}") from error


def _short(name):
    ending = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name if len(name) <= LONGEST else f"{name[:LONGEST - 9]}-{ending}"


def is_finished(point: Point) -> bool:
    """Whether the point has a result.

    Raises
    ------
    SpikelearnError
        If its folder holds a damaged result, or one of other settings, models, files or another protocol.
    """
    from spikelearn.results import load

    if not (point.folder / "run.json").exists():
        return False
    facts = load(point.folder).provenance
    if facts.get("sweep", {}).get("identity") != point.identity:
        raise SpikelearnError(f"'{point.folder}' was made with other settings, models, files or another "
                              "protocol: choose another --out")
    return True


def run_points(points: list[Point]) -> list[Reply]:
    """Run points in this process, those of pairing protocols side by side, others one after the other."""
    with ONE_AT_A_TIME:
        for point in points:
            point.marker.touch()
        results, printed = _results_side_by_side(points) if len(points) > 1 else ({}, "")
        return [_run_point(point, results.get(point.folder), printed) for point in points]


def run_pickled(points: bytes) -> list[Reply]:
    """Run points in a thread of another process, where reading the points would import Brian2 in vain."""
    from spikelearn.command.process import import_brian2

    with ONE_AT_A_TIME:
        import_brian2(quiet=True)       # the sweep itself has told of a file that is not read
        read = pickle.loads(points)
    return run_points(read)


def _results_side_by_side(points):
    """(folder -> what the protocol gives for the point, or the exception that it raises; what was printed)."""
    from spikelearn.command.command_line import warnings_in_one_line
    from spikelearn.stdp.together import together

    printed = io.StringIO()
    left = [point for point in points if point.beside and not (point.folder / "run.json").exists()]
    actions = []
    for point in left:
        module = running.load_protocol(point.options.protocol)
        keywords, _, _ = running.run_keywords(module, point.options)
        actions.append(functools.partial(module.run, **keywords))
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings_in_one_line():
        start = time.monotonic()
        results = together(actions)
    for result in results:
        if not isinstance(result, Exception):
            result.provenance["wall_time_s"] = (time.monotonic() - start) / len(left)
    return {point.folder: result for point, result in zip(left, results, strict=True)}, printed.getvalue()


def _run_point(point, result, already):
    from spikelearn.command.command_line import naming_the_settings, sentence, warnings_in_one_line

    printed = io.StringIO(already)
    printed.seek(0, io.SEEK_END)
    try:
        if is_finished(point):
            return Reply()
        with (contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings_in_one_line(),
              naming_the_settings(point.options)):
            module = _named_after(running.load_protocol(point.options.protocol), point, result)
            running.run_and_save(module, _resuming(point), command=point.command)
        failure = ""
    except Exception as error:
        failure = sentence(error)
    finally:
        point.marker.unlink(missing_ok=True)
    start = "spikelearn: warning: "
    lines = [line.removeprefix(start) for line in printed.getvalue().splitlines() if line.startswith(start)]
    return Reply(failure, tuple(dict.fromkeys(lines)))


def _resuming(point):
    """The options of a point, which resumes the training that an earlier worker left."""
    from spikelearn.training.checkpoint import checkpoints_of

    own = [path for path in checkpoints_of(point.folder)        # "rate=1" is no training of "rate=1.5"
           if not path.name.removeprefix(point.folder.name)[1:2].isdigit()]
    where = "resume" if own else "out"
    return argparse.Namespace(**vars(point.options) | {where: str(point.folder)})


def _named_after(module, point, found):
    """The protocol with the point's name in its result; its figure is drawn only if requested.

    found : its result or its exception, None = it is run.
    """
    run = module.run

    def run_point(*arguments, **keywords):
        if isinstance(found, Exception):
            raise found
        result = run(*arguments, **keywords) if found is None else found
        if other := changed(point.files):
            raise SpikelearnError(f"'{other}' was changed while the sweep ran: choose another --out")
        result.provenance["sweep"] = {"values": point.values, "identity": point.identity}
        return result

    run_point.__wrapped__ = run
    copy = types.ModuleType(module.__name__)
    vars(copy).update(vars(module), run=run_point)
    if not point.options.figures:
        vars(copy).pop("plot", None)
    return copy
