"""Speed beside two published programs of the network of Diehl & Cook (2015): BindsNET's, and Brian2's example.

    python benchmarks/peers.py --turns 3 --out results/peers.md

Each of the two gets a virtual environment of its own, which is kept: 1.5 GB in all, in the user's cache or --folder.
Brian2's example is taken from its source distribution and runs as published, except that it trains, and on few images.
All have 400 excitatory neurons, learn the first training images of MNIST one by one on one core, and run in turn. What
is built is built before: the first image of a turn of the two, which compiles, is not timed.
"""
import argparse
import functools
import importlib
import inspect
import sys
import time
from pathlib import Path

from pairing import in_turn, spread
from peer_environments import Turn, bindsnet, brian2_example, own_folder
from report import machine

from spikelearn.errors import SpikelearnError
from spikelearn.images.datasets import load
from spikelearn.images.encoding import scaled
from spikelearn.results.files import replace_file
from spikelearn.simulation.cache import cache_folder
from spikelearn.unsupervised.competing import CompetingNeurons
from spikelearn.unsupervised.recipe import Recipe

HERE = Path(__file__).resolve().parent
OURS = {"ours, default": "learn_mnist_unsupervised", "ours, as published": "learn_mnist_diehl_cook"}
OUR_IMAGES = 4000                                   # timed in a turn, in chunks as in our trainings
PEERS = {"BindsNET": bindsnet, "Brian2's example": brian2_example}
IMAGES = {"BindsNET": 15, "Brian2's example": 5}    # timed in a turn, after the first image

DIFFERENCES = """\
The work differs: images/s compares the programs as they are used, not equal work. BindsNET: pair STDP, no rest, steps
of 1 ms, single precision. Brian2's example: triplet STDP, delays, rest, steps of 0.1 ms, double precision. Ours,
default: two-trace potentiation, no inhibitory neurons, no rest. Ours, as published: the rule and the rest of Brian2's
example, no delays. Both of ours: steps of 0.5 ms, single precision. All start each turn from new weights; ours learn
more images in it."""


def ours(protocol, data, images):
    """A function for a turn of one of our networks, as its protocol builds it; a turn begins with new weights."""
    module = importlib.import_module(f"spikelearn.protocols.{protocol}")
    given = {name: it.default for name, it in inspect.signature(module.run).parameters.items()}
    recipe = Recipe(**getattr(module, "PUBLISHED", {})).for_neurons(given["excitatory"])
    network = CompetingNeurons(data.pixels, given["excitatory"], given["synapse"], given["neuron"], given["pixel"],
                               given["inhibitory"] or None, images=given["chunk"], pauses=recipe.pauses(),
                               dt=given["dt"], precision=given["precision"], device="cpp")
    x = scaled(data.train.images[:images], data.scale)
    steps = sum(recipe.steps(network.dt))

    def turn():
        weights, presentations, spikes, start = network.new_weights(1, recipe), 0, 0, time.perf_counter()
        for first in range(0, len(x), network.images):
            shown = network.show(x[first:first + network.images], weights, recipe, seed=1 + first)
            weights, presentations = shown.weights, presentations + shown.presentations
            spikes += int(shown.counts.sum())
        return Turn(time.perf_counter() - start, len(x), presentations * steps, spikes, 1e3 * float(network.dt),
                    network.simulation.build_seconds, {})

    return turn


def kept_going(calls):
    """(name -> result, name -> why there is none) of functions that may fail for reasons of the machine."""
    found, missing = {}, {}
    for name, call in calls.items():
        try:
            found[name] = call()
        except (SpikelearnError, OSError) as error:
            missing[name] = str(error)
    return found, missing


def measured(makers, turns):
    """(name -> Turns, name -> why there are none). makers : name -> function that prepares and returns another."""
    ready, missing = kept_going(makers)
    found = {name: [] for name in ready}

    def once(name):
        if name not in missing:
            done, failed = kept_going({name: ready[name]})
            found[name] += done.values()
            missing.update(failed)

    in_turn({name: functools.partial(once, name) for name in ready}, turns)
    return {name: walls for name, walls in found.items() if name not in missing}, missing


def table(found):
    """The lines of a table: name -> Turns, in which turn k of one ran beside turn k of the others."""
    compared = [name for name in OURS if name in found]
    heads = ["", "images in a turn", "simulated for an image", "spikes for an image", "speed", "computing for a step",
             *(f"speed of {name}" for name in compared)]
    rows = [heads, ["---"] * len(heads)]
    for name, turns in found.items():
        one, per_image = turns[0], [turn.seconds / turn.images for turn in turns]
        ratios = [[own * other.images / other.seconds for own, other in zip(per_image, found[it])] for it in compared]
        rows.append([name, str(one.images), f"{one.steps * one.dt / one.images:.0f} ms in steps of {one.dt:g} ms",
                     f"{one.spikes / one.images:.0f}", spread([1 / it for it in per_image], "images/s"),
                     spread([1e3 * turn.seconds / turn.steps for turn in turns], "ms"),
                     *(spread(ratio, "x") for ratio in ratios)])
    return [f"| {' | '.join(row)} |" for row in rows]


def report_of(found, missing):
    """Everything that is printed."""
    lines = [*(table(found) if found else []), "", DIFFERENCES, ""]
    for name, (first, *_) in found.items():
        used = "".join(f", {what} {version}" for what, version in first.versions.items())
        lines.append(f"* {name}: {first.built:.1f} s to {'start and ' if used else ''}build, not timed{used}")
    return "\n".join([*lines, *(f"* {name} is missing: {why}" for name, why in missing.items())])


def options_of(arguments):
    """The options. Raises SpikelearnError for a value that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3, help="of each program (default 3)")
    parser.add_argument("--folder", type=Path, help="of the environments (default: peers in the user's cache)")
    parser.add_argument("--data-dir", default=None, help="folder with the files of MNIST")
    parser.add_argument("--out", type=Path, help="also write the table into this file")
    options = parser.parse_args(arguments)
    options.folder = (options.folder or cache_folder() / "peers").expanduser().absolute()
    if options.turns < 1:
        raise SpikelearnError(f"--turns must be at least 1, not {options.turns}")
    if HERE.parent in (options.folder.resolve(), *options.folder.resolve().parents):
        raise SpikelearnError(f"--folder must lie outside the repository {HERE.parent}, not at {options.folder}")
    if options.out and not options.out.absolute().parent.is_dir():
        raise SpikelearnError(f"--out needs a folder that exists, not {options.out.absolute().parent}")
    return options


def run(options):
    """Prepare, measure, print, write. Returns the exit code: 1 where something is missing."""
    folder = own_folder(options.folder)
    data = load("mnist", options.data_dir)
    makers = {name: functools.partial(make, folder, data, IMAGES[name]) for name, make in PEERS.items()}
    makers |= {name: functools.partial(ours, protocol, data, OUR_IMAGES) for name, protocol in OURS.items()}
    found, missing = measured(makers, options.turns)
    said = f"Turns: {options.turns}. Each number is their median, and the range.\n\n{report_of(found, missing)}\n"
    print(said, end="")
    if options.out:
        page = f"# Speed beside other programs\n\n{machine('python benchmarks/peers.py')}.\n\n{said}"
        replace_file(options.out, page.encode())
    return 1 if missing else 0


def main(arguments=None):
    """The command line: exit code 2 and one sentence for a mistake."""
    try:
        return run(options_of(arguments))
    except (SpikelearnError, OSError) as error:
        print(f"peers: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
