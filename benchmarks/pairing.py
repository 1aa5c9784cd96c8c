"""Speed of pairing experiments: from an edited rule to its figure, jump clock against time steps, candidates of a fit.

Commands are timed from a cold shell, in turn with `python -c "import brian2"`, the part of each that is not ours: their
ratio is what can be compared between machines.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from brian2 import Hz, ms

from spikelearn import load_model
from spikelearn.stdp.candidates import Candidates
from spikelearn.stdp.comparison import experiments_of
from spikelearn.stdp.network import FromSpikeToSpike
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.spike_times import pairs
from spikelearn.stdp.time_step_network import InTimeSteps

SPIKE_RULE, POTENTIAL_RULE = "synapses/stdp_pair", "synapses/stdp_voltage"


def seconds_of(command, **environment):
    """Wall time of a command that must succeed, from compiled modules, as Python keeps them."""
    start = time.perf_counter()
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True)
    wall = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    return wall


def in_turn(calls, repeats):
    """Name -> seconds of each turn, for functions that are called in turn."""
    found = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            found[name].append(time.perf_counter() - start)
    return found


def spread(values, unit="s"):
    """The median of some values, and from where to where they reach."""
    middle, least, most = (f"{value:,.0f}" if value >= 999.5 else f"{value:.3g}" for value in
                           (statistics.median(values), min(values), max(values)))
    return f"{middle} {unit} (from {least} to {most})"


def commands(repeats, folder):
    """From a cold shell to the figure: an edited rule, the battery of one rule, a rule that reads a potential."""
    text, caches = Path(load_model(SPIKE_RULE).file).read_text(), iter(range(10**6))

    def run(protocol, *more, edit=False, cache=None):
        if edit:            # another rule each time: nothing of it can have been kept
            edited = re.sub(r"tau_plus=[\d.]+", f"tau_plus={20 + next(caches) / 1000}", text)
            assert edited != text
            (folder / "edited.py").write_text(edited)
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        given = {} if cache is None else {"SPIKELEARN_CACHE": str(folder / cache)}
        return seconds_of([sys.executable, "-m", "spikelearn", "run", protocol, *more, "--out", str(out)], **given)

    mine = ["--synapse", str(folder / "edited.py")]
    calls = {"python -c 'import brian2'": lambda: seconds_of([sys.executable, "-c", "import brian2"])}
    for protocol in ("stdp_window", "stdp_frequency", "stdp_triplets"):
        calls[f"an edited rule in {protocol}"] = lambda protocol=protocol: run(protocol, *mine, edit=True)
    calls["stdp_battery of one rule"] = lambda: run("stdp_battery", "--synapse", SPIKE_RULE)
    calls["stdp_battery of one rule, its experiments alone"] = lambda: run(
        "stdp_battery", "--synapse", SPIKE_RULE, "--set", "others=false")
    calls[f"{POTENTIAL_RULE} in stdp_window, empty cache"] = lambda: run(
        "stdp_window", "--synapse", POTENTIAL_RULE, cache=f"cache{next(caches)}")
    run("stdp_window", "--synapse", POTENTIAL_RULE, cache="full")
    calls[f"{POTENTIAL_RULE} in stdp_window, cached"] = lambda: run(
        "stdp_window", "--synapse", POTENTIAL_RULE, cache="full")
    found = in_turn(calls, repeats)
    alone = next(iter(found.values()))
    for name, walls in found.items():
        ratios = [wall / brian2 for wall, brian2 in zip(walls, alone, strict=True)]
        print(f"{name}: {spread(walls)}; {spread(ratios, 'x')} the import of Brian2")


def all_pairings():
    """Every condition of the shipped experiments that a rule without a third factor knows."""
    found = [pairing for it in experiments_of(shipped_experiments()).values() for pairing in it.pairings]
    return [pairing for pairing in found if not pairing.third.size and pairing.bath is None and pairing.hold is None]


def jumps(repeats):
    """The jump clock against time steps of 1 ms: the same conditions, networks built before, the same weights."""
    rule, step = load_model(SPIKE_RULE), 1e-3
    pairings = [pairs(delta * ms, 60, 1 * Hz) for delta in range(-50, 50, 5)]
    jumping = FromSpikeToSpike(pairings, rule, 0.5, "numpy", 1)
    stepping = InTimeSteps(pairings, rule, None, 0.5, "numpy", 1, step)
    gap = np.abs(jumping.weights().end - stepping.weights(step).end).max()
    assert gap < 1e-9, f"the two clocks give other weights: {gap}"
    found = in_turn({"jumps": jumping.weights, "steps": lambda: stepping.weights(step)}, repeats)
    ratios = [slow / fast for fast, slow in zip(*found.values(), strict=True)]
    print(f"jump clock, {len(pairings)} conditions of 60 pairs at 1 Hz: {spread(found['jumps'])}; time steps of 1 ms: "
          f"{spread(ratios, 'x')} as long; largest difference of weights {gap:.1e}")


def evaluations(repeats):
    """One evaluation of all pairings inside a running process, and how its time grows."""
    rule, free = load_model(SPIKE_RULE), ("A_plus", "tau_plus")
    published = np.array([float(rule.parameters[name]) for name in free])
    for conditions in (len(all_pairings()), 20):
        for count in (1, 16, 128):
            candidates = Candidates(all_pairings()[:conditions], rule, free, published / 2, published * 2, count,
                                    device="numpy")
            values = np.repeat(published[None], count, axis=0)
            walls = in_turn({"one": lambda candidates=candidates, values=values: candidates.changes(values)}, repeats)
            print(f"{count} candidates in {conditions} conditions: {spread(walls['one'])}")


def main(repeats):
    """Every measurement, printed."""
    with tempfile.TemporaryDirectory() as folder:
        commands(repeats, Path(folder))
    jumps(repeats)
    evaluations(repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args().repeats)
