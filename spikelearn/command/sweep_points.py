"""The points of a sweep: what each runs, the folder of its result, and how it is run in a worker."""
import argparse
import contextlib
import hashlib
import io
import json
import shlex
import threading
import types
from pathlib import Path
from typing import NamedTuple

from spikelearn.command import run as running
from spikelearn.equations.files import load_model
from spikelearn.errors import SpikelearnError

LONGEST = 150                       # letters of a folder's name
ONE_AT_A_TIME = threading.Lock()    # Brian2 has one set of globals a process, and a Dask worker may have threads


class Point(NamedTuple):
    """One point of a sweep.

    values : name of what is varied -> text. options : those of `spikelearn run`. command : what gives the point alone.
    identity : hash of everything that decides its result.
    """

    values: dict
    folder: Path
    options: argparse.Namespace
    command: str
    identity: str

    @property
    def marker(self) -> Path:
        """The file that is there while a worker is at this point."""
        return self.folder.with_name(f".{self.folder.name}.started")


class Reply(NamedTuple):
    """What became of a point: the sentence of its failure, "" if it has a result, and the warnings of its run."""

    failure: str = ""
    warnings: tuple = ()


def point_of(module, options: argparse.Namespace, values: dict, labels: list[str], folder: Path) -> Point:
    """A point, checked: models, parameters and ranges are those that `spikelearn run` takes.

    Parameters
    ----------
    module : the protocol.
    options : those of the sweep.
    values : name -> text.
    labels : what the point's folder is named by.
    folder : of the sweep.

    Raises
    ------
    SpikelearnError
        If `spikelearn run` would refuse the point.
    """
    from spikelearn.command.command_line import typed

    own = argparse.Namespace(**vars(options))
    own.resume = own.jobs = None
    own.settings, own.json, own.out = list(options.settings), False, None
    for name, text in values.items():
        if name == "synapse":
            own.synapse = [word.strip() for word in text.split(",")]
        elif name in ("neuron", "device", "seed"):
            setattr(own, name, _whole(text) if name == "seed" else text)
        else:
            own.settings.append(f"{name}={text}")
    command = shlex.join(["spikelearn", *typed(own)])
    own.synapse = [load_model(word, "synapse") for word in own.synapse]     # a file is read once: it may change later
    own.neuron = own.neuron and load_model(own.neuron, "neuron")
    keywords, models, _ = running.run_keywords(module, own)
    return Point(values, folder / _short(",".join(labels)), own, command, _identity(module, keywords, models, own))


def _whole(text):
    try:
        return int(text)
    except ValueError as error:
        raise SpikelearnError(f"--vary seed: a seed is a whole number, not {text}") from error


def _short(name):
    if len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _identity(module, keywords, models, options):
    from spikelearn.equations.content import content

    stated = {"protocol": Path(module.__file__).read_text(encoding="utf-8"), "models": [content(it) for it in models],
              "seed": options.seed, "device": options.device,
              "keywords": {name: _exact(value) for name, value in keywords.items() if name not in ("synapse", "neuron")}}
    return hashlib.sha256(json.dumps(stated, sort_keys=True, default=str).encode()).hexdigest()


def _exact(value):
    from spikelearn.equations.content import exact

    return [_exact(item) for item in value] if isinstance(value, tuple | list) else exact(value)


def is_finished(point: Point) -> bool:
    """Whether the point has a result.

    Raises
    ------
    SpikelearnError
        If its folder holds a damaged result, or one of other settings, models or another protocol.
    """
    from spikelearn.results.result import load

    if not (point.folder / "run.json").exists():
        return False
    facts = load(point.folder).provenance
    if facts.get("sweep", {}).get("identity") != point.identity:
        raise SpikelearnError(f"'{point.folder}' was made with other settings, models or another protocol: "
                              "choose another --out")
    return True


def run_points(points: list[Point]) -> list[Reply]:
    """Run points in this process, one after the other."""
    with ONE_AT_A_TIME:
        return [_run_point(point) for point in points]


def _run_point(point):
    from spikelearn.command.command_line import naming_the_settings, sentence, warnings_in_one_line

    printed = io.StringIO()
    point.marker.touch()
    try:
        if is_finished(point):
            return Reply()
        with (contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings_in_one_line(),
              naming_the_settings(point.options)):
            module = _named_after(running.load_protocol(point.options.protocol), point)
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


def _named_after(module, point):
    """The protocol whose result says which point of a sweep it is; its figure only where it is asked for."""
    run = module.run

    def run_point(*arguments, **keywords):
        result = run(*arguments, **keywords)
        result.provenance["sweep"] = {"values": point.values, "identity": point.identity}
        return result

    run_point.__wrapped__ = run
    copy = types.ModuleType(module.__name__)
    vars(copy).update(vars(module), run=run_point)
    if not point.options.figures:
        vars(copy).pop("plot", None)
    return copy
