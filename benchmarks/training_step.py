"""Speed of a training step: loops over rows against Brian2's ordinary loops, and how the cost grows.

Times are wall times of the compiled program on one core; the two networks are run in turn, so that a machine whose
speed drifts treats both alike. Both must give the same weights.
"""
import argparse
import statistics
import time

import numpy as np
from brian2 import second

from spikelearn import load_model
from spikelearn.equilibrium.presentation import layered_network
from spikelearn.simulation.simulate import Simulation

LONG = 10_000 * second


def network(sizes, images, connect="all-to-all", precision="single", profile=False):
    """A compiled network 784-...-10 with the centred twin, for so many images a run."""
    rule = load_model("synapses/voltage_derivative_symmetric_centred")
    neuron, pixel = load_model(rule.neuron), load_model("pixel_fire")
    return Simulation(lambda: layered_network(sizes, neuron, rule, pixel, images=images, connect=connect), LONG,
                      device="cpp", precision=precision, profile=profile)


def values(sizes, images, seed=0):
    """Weights, digits-like images and labels: 19 % of the pixels on, as in MNIST."""
    rng = np.random.default_rng(seed)
    shown = rng.uniform(0.2, 1, (images, sizes[0] + 1)) * (rng.uniform(size=(images, sizes[0] + 1)) < 0.19)
    shown[:, -1] = 1
    given = {"pixels_shown": shown, "labels_shown": rng.integers(0, 10, images).astype(float), "trial.images": images,
             "trial.beta_twin": -1}
    for k in range(1, len(sizes)):
        rows = sizes[k - 1] + (k == 1)
        given[f"synapses_{k}.w"] = rng.normal(0, sizes[k - 1] ** -0.5, (rows, sizes[k])).ravel()
        given[f"synapses_{k}.eta"] = 0.04
    return given


def timed(built, given, read):
    """Seconds of one run and what it gave."""
    start = time.perf_counter()
    result = built.run(given, seed=1, read=read)
    return time.perf_counter() - start, result


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
    for name, connect in (("rows", "all-to-all"), ("ordinary", "i >= 0")):
        built = network(sizes, images, connect, profile=True)
        built.run(given, seed=1, read=["trial.image"])
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


def growth(images):
    """Images per second against hidden units, layers and steps."""
    print("\nimages/s, rows, single precision:")
    for sizes in ((784, 250, 10), (784, 500, 10), (784, 1000, 10), (784, 500, 500, 10)):
        built, given = network(sizes, images), values(sizes, images)
        for steps in ((80, 40), (160, 80)):
            given |= {"trial.free_steps": steps[0], "trial.nudged_steps": steps[1]}
            seconds, _ = timed(built, given, ["trial.image"])
            print(f"  {'-'.join(map(str, sizes)):>16}  {steps[0]} + {steps[1]} steps: {images / seconds:6.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    compare(options.images, options.repeats)
    pieces(options.images)
    growth(options.images)
