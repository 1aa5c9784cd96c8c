"""`spikelearn sweep`: runs a protocol at every combination of values, one folder per point, one table for all."""
import argparse
import json
import os
import re
import sys
from pathlib import Path

from spikelearn.command import run as running
from spikelearn.command.sweep_points import Point, Reply, is_finished, points_of
from spikelearn.command.sweep_table import rows_of, text_of
from spikelearn.command.sweep_values import Varied, refuse_twice, varied
from spikelearn.command.sweep_workers import on_this_machine, over_scheduler
from spikelearn.errors import SpikelearnError
from spikelearn.results.files import read_run, replace_file
from spikelearn.training.progress import Progress

TEN_SECONDS = 10    # between two lines of progress
AT_ONCE = 50        # points of a pairing protocol that are simulated side by side; chosen here


def add_sweep(commands, add_run_options) -> None:
    """Add the command to the parser's commands. add_run_options : adds the options of `spikelearn run` to a parser."""
    parser = commands.add_parser("sweep", help="run a protocol at every combination of values", allow_abbrev=False)
    parser.add_argument("protocol", metavar="PROTOCOL", help="a protocol, by name or file")
    parser.add_argument("--vary", action="append", metavar="NAME=VALUES", required=True,
                        help='repeatable: "tau_plus=10..40*ms:7" (linear), "tau_plus=1..100*ms:5log", "seed=1..5", '
                             '"synapse=stdp_pair,mine.py"')
    parser.add_argument("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers run the points, such as "
                                                               "tcp://host:8786; otherwise --jobs processes do")
    parser.add_argument("--share", metavar="K/N", help="run every N-th point from the K-th on: one job of an array")
    parser.add_argument("--figures", action="store_true", help="draw the protocol's figure of each point as well")
    add_run_options(parser)
    parser.set_defaults(command=sweep)


def sweep(options: argparse.Namespace) -> int:
    """Run a sweep with the options of the command line. Returns the exit code: 1 if a point failed.

    Raises
    ------
    SpikelearnError
        If an option or a value is refused, before anything is run.
    """
    from spikelearn.command.process import import_brian2

    all_varied, share, jobs = _checked(options)
    import_brian2()
    module, folder = running.load_protocol(options.protocol), Path(options.out)
    points = points_of(module, options, all_varied, folder)
    _make(folder)
    mine = points[share[0] - 1::share[1]]
    waiting = [point for point in mine if not is_finished(point)]
    _warn_of_others([point for point in mine if point not in waiting])
    if len(waiting) < len(mine):
        print(f"{len(mine) - len(waiting)} of {len(mine)} points have a result already", file=sys.stderr)
    replies = {}
    try:
        _collect(replies, waiting, len(mine), options, jobs)
    except KeyboardInterrupt as stop:
        done = len(mine) - len(waiting) + len(replies)
        stop.args = (f"{done} of {len(mine)} points are over; the same command runs the others",)
        raise
    finally:
        failures = {name: reply.failure for name, reply in replies.items() if reply.failure}
        drawn = _gather(points, all_varied, failures, folder, running.protocol_name(module))
    _report(mine, replies, failures, folder, drawn, options.json)
    return 1 if failures else 0


def _collect(replies, waiting, total, options, jobs):
    """Run the points and enter their replies, by the names of their folders."""
    with Progress(f"sweep of {options.protocol}", unit="points", within=TEN_SECONDS) as progress:
        progress.start(total, total - len(waiting))
        for point, reply in _started(waiting, options, jobs):
            replies[point.folder.name] = reply
            failed = sum(bool(it.failure) for it in replies.values())
            progress.tell(1, f"{failed} failed" if failed else "")


def _checked(options) -> tuple[list[Varied], tuple[int, int], int]:
    """What is varied, the share and the number of processes; mistakes are refused."""
    if options.out is None:
        raise SpikelearnError("a sweep needs --out DIR, the folder of its points; an existing sweep is resumed")
    if options.resume is not None:
        raise SpikelearnError("a sweep takes no --resume: the same command resumes an interrupted sweep")
    all_varied = [varied(setting) for setting in options.vary]
    refuse_twice(all_varied, options.settings,
                 [name for name in ("synapse", "neuron", "seed", "device") if getattr(options, name)])
    found = re.fullmatch(r"(\d+)/(\d+)", options.share or "1/1")
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise SpikelearnError(f"--share must be K/N with K from 1 to N, such as 2/8, not {options.share}")
    if options.scheduler is not None and options.jobs is not None:
        raise SpikelearnError("--jobs counts processes of this machine: leave it or --scheduler out")
    jobs = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    jobs = jobs if options.jobs is None else options.jobs
    if not 1 <= jobs <= 1024:
        raise SpikelearnError(f"--jobs must be a whole number from 1 to 1024, not {jobs}")
    return all_varied, (int(found[1]), int(found[2])), jobs


def _make(folder):
    """Make the folder of the sweep; a result of one run is not one."""
    if (folder / "run.json").exists():
        raise SpikelearnError(f"'{folder}' holds the result of one run: choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"'{folder}' cannot be made: {error.strerror}; --out DIR chooses another place"
        raise SpikelearnError(sentence) from error


def _warn_of_others(kept):
    """Warn of existing points that another version made."""
    from spikelearn.results.provenance import commit, versions

    def made_by(facts):
        return facts.get("versions"), (facts.get("commit") or {}).get("revision")

    now = made_by({"versions": versions(), "commit": commit()}) if kept else None
    others = sum(made_by(read_run(point.folder)["provenance"]) != now for point in kept)
    if others:
        print(f"spikelearn: warning: {others} of the existing points were made by another commit or version",
              file=sys.stderr)


def _started(points: list[Point], options, jobs):
    if options.scheduler is not None and points:
        return over_scheduler([_absolute(point) for point in points], options.scheduler)
    beside = all(point.beside for point in points)
    return on_this_machine(points, jobs, min(AT_ONCE, -(-len(points) // jobs)) if beside else 1)


def _absolute(point):
    """A point whose files are found from any folder."""
    own = argparse.Namespace(**vars(point.options))
    if Path(own.protocol).is_file():
        own.protocol = str(Path(own.protocol).resolve())
    return point._replace(folder=point.folder.resolve(), options=own)


def _gather(points, all_varied, failures, folder, title):
    """Write table and figure of all points that are over, also those of other shares. Returns the files' names."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from spikelearn.command.sweep_figure import draw_sweep

    rows = rows_of(points, all_varied, failures)
    if not rows:
        return []
    replace_file(folder / "sweep.csv", text_of(rows).encode())
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    if not draw_sweep(rows, all_varied, figure, title):
        return ["sweep.csv"]
    image = BytesIO()
    figure.savefig(image, format="png", dpi=150)
    replace_file(folder / "figure.png", image.getvalue())
    return ["sweep.csv", "figure.png"]


def _report(points, replies: dict[str, Reply], failures, folder, files, as_json):
    """How many points have a result, where it is, and why the others have none."""
    finished = len(points) - len(failures)
    if as_json:
        print(json.dumps({"points": len(points), "finished": finished, "failed": failures, "folder": str(folder)}))
    else:
        print(f"{finished} of {len(points)} points have a result"
              + (f"; {' and '.join(files)} are in {folder}" if files else ""))
    warned = [line for reply in replies.values() for line in reply.warnings]
    for line in dict.fromkeys(warned):
        print(f"spikelearn: warning: {line} ({warned.count(line)} of {len(points)} points)", file=sys.stderr)
    for name, failure in failures.items():
        print(f"failed: {name}: {failure}", file=sys.stderr)
