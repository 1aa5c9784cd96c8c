"""Speed of a training step: against a hand-written C++ loop, against Brian2's ordinary loops, and how the cost grows.

Times are wall times of the compiled program on one core, its start and its files included; two programs are run in
turn, so that a machine whose speed drifts treats both alike. Both must give the same weights.
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from brian2 import Hz, second

from spikelearn import load_model
from spikelearn.equilibrium.classifier import Classifier, Recipe
from spikelearn.equilibrium.presentation import layered_network, nudge_values
from spikelearn.equilibrium.train import train
from spikelearn.simulation.simulate import Simulation

LONG = 10_000 * second
SPIKES = ("pixels", "layer_1", "layer_2")


def network(sizes, images, connect="all-to-all", precision="single", profile=False):
    """A compiled network 784-...-10 with the temporal twin, for so many images a run."""
    rule, pixel = load_model("synapses/voltage_derivative_temporal"), load_model("pixel_fire")
    neuron = load_model(rule.neuron)
    return Simulation(lambda: layered_network(sizes, neuron, rule, pixel, images=images, connect=connect), LONG,
                      device="cpp", precision=precision, profile=profile)


def values(sizes, images, free=100, half=80, seed=0):
    """Weights, digits-like images and labels: 19 % of the pixels on, as in MNIST. free, half : steps of the phases."""
    rng = np.random.default_rng(seed)
    shown = rng.uniform(0.2, 1, (images, sizes[0] + 1)) * (rng.uniform(size=(images, sizes[0] + 1)) < 0.19)
    shown[:, -1] = 1
    given = {"pixels_shown": shown, "labels_shown": rng.integers(0, 10, images).astype(float), "trial.images": images,
             "trial.free_steps": free} | nudge_values((half, half), (1, -1))
    for k in range(1, len(sizes)):
        rows = sizes[k - 1] + (k == 1)
        given[f"synapses_{k}.w"] = rng.normal(0, sizes[k - 1] ** -0.5, (rows, sizes[k])).ravel()
        given[f"synapses_{k}.eta"] = 0.002 / k
    return given


def timed(built, given, read):
    """Seconds of one run and what it gave."""
    start = time.perf_counter()
    result = built.run(given, seed=1, read=read)
    return time.perf_counter() - start, result


def against_the_loop(images, repeats):
    """The temporal twin, 784-500-10, against loop.cpp: the same weights from the same images; ratio of times."""
    sizes, etas = (784, 500, 10), (0.002, 0.001, 0.001)
    built = network(sizes, images)
    names = ["synapses_1.w", "synapses_2.w", "biases_2.w"]
    given = values(sizes, images) | {"biases_2.w": np.zeros(10)}
    given |= {name.replace(".w", ".eta"): eta for name, eta in zip(names, etas, strict=True)}
    parts = [given["pixels_shown"], np.eye(10)[given["labels_shown"].astype(int)], *(given[name] for name in names)]
    content = np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        program, file = Path(folder) / "loop", Path(folder) / "values"
        flags = "-O3 -ffast-math -fno-finite-math-only -march=native -std=c++11".split()
        subprocess.run(["g++", *flags, "-o", program, Path(__file__).with_name("loop.cpp")], check=True)
        walls, ratios = [], []
        for _ in range(repeats):
            content.tofile(file)
            start = time.perf_counter()
            subprocess.run([program, file, str(images), *map(str, etas)], check=True)
            walls.append(time.perf_counter() - start)
            seconds, found = timed(built, given, [*names, *(f"spikes_of_{name}.N" for name in SPIKES)])
            ratios.append(walls[-1] / seconds)
        by_hand = np.fromfile(file, dtype=np.float32)[-sum(np.size(given[name]) for name in names):]
    ours, before = (np.concatenate([np.ravel(part[name]) for name in names]) for part in (found, given))
    gap = np.abs(ours - by_hand).max() / np.abs(ours - before).max()
    assert gap < 0.05, f"the two programs give other weights: {gap}"
    pixels, hidden, outputs = (float(found[f"spikes_of_{name}.N"]) for name in SPIKES)
    events = 500 * pixels + 10 * hidden + 500 * outputs
    loop = statistics.median(walls)
    print(f"temporal twin, single precision: {statistics.median(ratios):.2f} x the speed of the C++ loop (from "
          f"{min(ratios):.2f} to {max(ratios):.2f} in {repeats} turns); the loop: {images / loop:.0f} images/s, "
          f"{events / loop / 1e9:.2f} G synaptic events/s; largest difference of changes {100 * gap:.1g} %")


def compare(images, repeats):
    """Rows against ordinary loops, whole step and input layer."""
    sizes, read = (784, 500, 10), ["synapses_1.w", "spikes_of_pixels.N", "spikes_of_layer_1.N", "spikes_of_layer_2.N"]
    given = values(sizes, images)
    for precision, tolerance in (("double", 1e-9), ("single", 1e-2)):
        both = {name: network(sizes, images, connect, precision) for name, connect in
                (("rows", "all-to-all"), ("ordinary", "i >= 0"))}
        walls, found = {name: [] for name in both}, {}
        for _ in range(repeats):
            for name, built in both.items():
                seconds, found[name] = timed(built, given, read)
                walls[name].append(seconds)
        ratio = statistics.median(slow / fast for slow, fast in zip(walls["ordinary"], walls["rows"], strict=True))
        gap = np.abs(found["rows"]["synapses_1.w"] - found["ordinary"]["synapses_1.w"]).max()
        assert gap <= tolerance, f"the two loops give other weights: {gap}"
        fast = statistics.median(walls["rows"])
        events = 500 * float(found["rows"]["spikes_of_pixels.N"])
        print(f"{precision:>6}: rows {images / fast:7.0f} images/s, {events / fast / 1e9:.2f} G synaptic events/s; "
              f"ordinary {images / statistics.median(walls['ordinary']):6.0f} images/s; whole step {ratio:.2f} x; "
              f"largest difference of weights {gap:.1e}")


def pieces(images):
    """Where the time goes, per piece of code, with both kinds of loops."""
    sizes = (784, 500, 10)
    given, times = values(sizes, images), {}
    for name, connect in (("ordinary", "i >= 0"), ("rows", "all-to-all")):
        built = network(sizes, images, connect, profile=True)
        spikes = float(built.run(given, seed=1, read=["spikes_of_pixels.N"])["spikes_of_pixels.N"])
        times[name] = built.times
    clock = min(times["rows"].values())             # what it costs to read the clock twice
    rows, ordinary = ({name: max(seconds - clock, 0) for name, seconds in times[kind].items()}
                      for kind in ("rows", "ordinary"))
    loop = [name for name in rows if name.startswith("synapses_1_pre") and "finished" not in name]
    ratio = sum(ordinary[name] for name in loop) / sum(rows[name] for name in loop)
    print(f"\nloops of the input layer, queue included: {ratio:.1f} x faster over rows")
    print("where the time goes (rows), ms per image:")
    for name, seconds in sorted(rows.items(), key=lambda item: -item[1])[:12]:
        print(f"  {1e3 * seconds / images:6.3f}  {100 * seconds / sum(rows.values()):4.1f} %  {name}")
    bandwidth, row = read_from_cache(np.float32(given["synapses_1.w"])), 4 * sizes[1]
    learnt = spikes * 160 / 260             # in the steps in which there is something to learn
    print(f"the two largest take at least {1e3 * spikes * row / bandwidth / images:.3f} and "
          f"{2e3 * learnt * row / bandwidth / images:.3f} ms where a row of {sizes[1]} weights is read for every pixel "
          f"spike, and a row of changes read and written for every one that teaches, at the {bandwidth / 1e9:.0f} GB/s "
          "of a scalar product of the weights with themselves")


def read_from_cache(weights, turns=200):
    """Bytes a second at which one core reads the weights, by BLAS's scalar product of an array with itself."""
    walls = []
    for _ in range(turns):
        start = time.perf_counter()
        np.dot(weights, weights)
        walls.append(time.perf_counter() - start)
    return weights.nbytes / statistics.median(walls)


def growth(images):
    """Images per second against hidden units, layers, steps and spikes; memory of a run."""
    print("\nimages/s, single precision, and the most memory that the program takes:")
    for sizes in ((784, 250, 10), (784, 500, 10), (784, 1000, 10), (784, 500, 500, 10)):
        built, name = network(sizes, images), "-".join(map(str, sizes))
        for steps in ((50, 40), (100, 80)):
            seconds, _ = timed(built, values(sizes, images, *steps), ["trial.image"])
            print(f"  {name:>16}  {steps[0]} + 2 x {steps[1]} steps: {images / seconds:6.0f}; "
                  f"{memory(built, values(sizes, images)):.0f} MB")
    built, given = network((784, 500, 10), images), values((784, 500, 10), images)
    for rate in (125, 250, 500):
        fewer = {f"{name}.r_max": rate * Hz for name in ("pixels", "layer_1", "layer_2")}
        seconds, found = timed(built, given | fewer, [f"spikes_of_{name}.N" for name in SPIKES])
        print(f"  {sum(map(float, found.values())) / images:10.0f} spikes an image: {images / seconds:6.0f} images/s")


def memory(built, given):
    """The most memory (MB) that a compiled program takes, read while it runs from Linux's /proc."""
    read, over = [0], threading.Event()

    def watch():
        while not over.wait(0.01):
            for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                with contextlib.suppress(OSError, StopIteration):
                    status = Path(f"/proc/{child}/status").read_text()
                    if status.startswith("Name:\tmain\n"):
                        read.append(next(int(one.split()[1]) for one in status.splitlines() if "VmHWM" in one))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        built.run(given, seed=1, read=["trial.image"])
    finally:
        over.set()
        watching.join()
    return max(read) / 1024


def two_jobs(images, repeats):
    """Batches of 100 images in two shares, one after the other or at once: `--jobs 2`."""
    given = values((784, 500, 10), images)
    x, labels = given["pixels_shown"][:, :-1], given["labels_shown"].astype(int)
    classifier = Classifier((784, 500, 10), "voltage_derivative_temporal", device="cpp", precision="single", images=50)
    recipe = Recipe(rates=(0.02, 0.01), batch=100, shares=2, free_steps=100, nudged_steps=(80, 80), signs=(1, -1))
    walls, found = {1: [], 2: []}, {}
    for _ in range(repeats):
        for jobs, own in walls.items():
            start = time.perf_counter()
            found[jobs] = train(classifier, x, labels, recipe, epochs=1, chunk=images, jobs=jobs).last_weights
            own.append(time.perf_counter() - start)
    assert all(np.array_equal(found[1][name], found[2][name]) for name in found[1])
    ratios = [one / two for one, two in zip(*walls.values(), strict=True)]
    print(f"\nbatches of 100 in two shares: --jobs 2 is {statistics.median(ratios):.2f} x as fast as --jobs 1 (from "
          f"{min(ratios):.2f} to {max(ratios):.2f}), the same weights to the last bit")
    ratios = [one / two for one, two in (counting() for _ in range(repeats))]
    print(f"two processes that only count, at once: {statistics.median(ratios):.2f} x as fast as in turn (from "
          f"{min(ratios):.2f} to {max(ratios):.2f}): what the machine's two cores can give")


def counting():
    """Seconds of two processes that read and write next to no memory, in turn and at once."""
    count = [sys.executable, "-c", "for _ in range(2 * 10**7): pass"]
    start = time.perf_counter()
    for _ in range(2):
        subprocess.run(count, check=True)
    middle = time.perf_counter()
    running = [subprocess.Popen(count) for _ in range(2)]
    for one in running:
        one.wait()
    return middle - start, time.perf_counter() - middle


def main(images, repeats):
    """Every measurement, printed."""
    against_the_loop(images, repeats)
    compare(images, repeats)
    pieces(images)
    growth(images)
    two_jobs(images, repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    main(options.images, options.repeats)
