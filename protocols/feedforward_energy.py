"""A feedforward network as an energy: the free phase is the forward pass, the nudged phase back-propagates.

Bengio (2016), slides at NIPS: E = sum |h_l - f_l(h_{l-1})|^2 is zero after a feedforward pass; a weak nudge of the
outputs then travels down, and the contrast of equilibrium propagation, Scellier & Bengio (2017) Front Comput Neurosci
11:24, is the gradient of back-propagation. Here with handwritten digits (8 x 8 pixels) as inputs and random weights,
1 to 4 hidden layers of logistic units; layer sizes, weights and nudges are chosen here. Back-propagation is written
out in feedforward.py and checked by finite differences.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium import feedforward as ff
from spikelearn.errors import SpikelearnError
from spikelearn.images.datasets import load
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (14, 4.4)
SLIDES = "Bengio (2016) slides"
ACCEPTED = {
    "free_phase_error": Accepted(0, 1e-6, f"{SLIDES}: the free phase is the forward pass"),
    "worst_relative_error": Accepted(0, 1e-6, f"{SLIDES}: the gradient is that of back-propagation"),
    "worst_hidden_error": Accepted(0, 1e-6, f"{SLIDES}: the nudged layers hold back-propagated gradients"),
}
CLAIMS = {
    "free_phase_error": "from a random state, the free phase ends at the feedforward pass",
    "worst_relative_error": "the contrast of the two phases is the gradient of back-propagation, 1 to 4 hidden layers",
    "worst_hidden_error": "in the nudged phase each layer is displaced by the back-propagated gradient",
}
SHORT_FORM = dict(images=at_most(8), steps=at_most(1000))


@checked
def run(*, depths=(1, 2, 3, 4), units=32, images=20, nudges=(1e-4, 1e-3, 1e-2, 1e-1, 1.0), step=0.1, steps=3000,
        seed=1, quick=False):
    """Compare for each number of hidden layers. nudges : the smallest counts in the headline. Returns a Result."""
    if not all(0 < beta < 2 for beta in nudges):
        raise SpikelearnError(f"nudges must lie above 0 and below 2, not {', '.join(f'{v:g}' for v in nudges)}: nudged "
                              "by -2, the energy has no minimum")
    rng, digits = np.random.default_rng(seed), load("digits").train
    x = digits.images[:images].reshape(images, -1) / 16
    target = np.eye(10)[digits.labels[:images]]
    found = [compare(depth, units, x, target, nudges, step, steps, rng) for depth in depths]
    free = [one["free"] for one in found]
    centred, one_sided, hidden = (np.array([one[key] for one in found]) for key in ("centred", "one_sided", "hidden"))
    headline = {"free_phase_error": float(max(distance[-1] for distance in free)),
                "worst_relative_error": float(centred[:, 0].max()), "worst_hidden_error": float(hidden.max()),
                "worst_one_sided_error": float(one_sided[:, 0].max())}
    arrays = {"depths": np.array(depths), "nudges": np.array(nudges), "free": np.array(free), "centred": centred,
              "one_sided": one_sided, "hidden": hidden, "step": step, "images": images,
              "deepest_truth": found[-1]["truth"], "deepest_estimate": found[-1]["estimate"],
              "deepest_layer": found[-1]["layer"]}
    return Result("feedforward_energy", arrays, headline)


def relative(estimate, truth):
    """Length of the difference, relative to that of the truth."""
    return np.linalg.norm(estimate - truth) / np.linalg.norm(truth)


def row(by_weights, by_biases):
    """Derivatives by all weights and biases in one row."""
    return np.concatenate([g.ravel() for g in (*by_weights, *by_biases)])


def compare(depth, units, x, target, nudges, step, steps, rng):
    """Free phase from a random state, and the two nudged phases for every nudge, against back-propagation."""
    weights, biases = ff.random_layers([x.shape[1], *[units] * depth, target.shape[1]], rng)
    network = (weights, biases, x)
    passed, (*truth, by_state) = ff.forward(*network), ff.backpropagation(*network, target)
    distances = []

    def visit(states):
        distances.append(relative(np.hstack(states), np.hstack(passed)))

    free = ff.relax(*network, [rng.uniform(0, 1, h.shape) for h in passed], step=step, steps=steps, visit=visit)
    visit(free)
    found, truth = {"free": distances, "centred": [], "one_sided": [], "truth": row(*truth)}, row(*truth)
    zero = row(*ff.by_parameters(*network, free))
    for beta in nudges:
        up, down = (ff.relax(*network, free, beta=sign * beta, target=target, step=step, steps=steps)
                    for sign in (1, -1))
        plus, minus = (row(*ff.by_parameters(*network, states)) for states in (up, down))
        found["centred"].append(relative((plus - minus) / (2 * beta), truth))
        found["one_sided"].append(relative((plus - zero) / beta, truth))
        if beta == nudges[0]:
            moved = [(a - b) / -beta for a, b in
                     zip(ff.errors(*network, up)[0], ff.errors(*network, down)[0], strict=True)]
            found["hidden"] = max(relative(one, exact) for one, exact in zip(moved, by_state, strict=True))
            found["estimate"] = (plus - minus) / (2 * beta)
    found["layer"] = np.concatenate([np.full(w.size, k) for k, w in enumerate(weights)]
                                    + [np.full(b.size, k) for k, b in enumerate(biases)])
    return found


def plot(result, figure):
    """The free phase; each gradient against back-propagation; the error against the nudge."""
    a = result.arrays
    left, middle, right = figure.subplots(1, 3)
    time = np.arange(a["free"].shape[1]) * float(a["step"])
    for k, depth in enumerate(a["depths"]):
        words = f"{depth} hidden layer{'s' if depth > 1 else ''}"
        left.semilogy(time, a["free"][k], color=f"C{k}", label=words)
        right.loglog(a["nudges"], a["centred"][k], "s-", ms=4, color=f"C{k}", label=f"{words}, centred")
        right.loglog(a["nudges"], a["one_sided"][k], "o--", ms=4, lw=1, color=f"C{k}")
    left.set(xlabel="time (τ)", ylabel="distance to the feedforward pass", xlim=(0, 150))
    left.legend(fontsize=8)
    heading(left, "Free phase: the forward pass", f"from a random state; {int(a['images'])} digits at once")
    deepest = int(a["depths"][-1])
    for k in range(deepest + 1):
        here = a["deepest_layer"] == k
        middle.plot(a["deepest_truth"][here], a["deepest_estimate"][here], ".", ms=3, color=f"C{k}",
                    label=f"weights into layer {k + 1}", rasterized=True)
    bound = np.abs(a["deepest_truth"]).max()
    middle.plot([-bound, bound], [-bound, bound], color="k", lw=.6)
    middle.set(xlabel="gradient by back-propagation", ylabel="contrast of the two phases")
    middle.legend(fontsize=8)
    heading(middle, "Nudged phase: back-propagated gradients",
            f"{deepest} hidden layers, nudge ± {float(a['nudges'][0]):g}")
    right.set(xlabel="nudge β", ylabel="relative error of the gradient")
    right.plot([], [], "o--", color="0.4", ms=4, lw=1, label="one-sided")
    right.axhline(1e-6, color="0.5", lw=.8, ls=":")
    right.legend(fontsize=8)
    heading(right, "The error vanishes with the nudge", "linear one-sided, quadratic centred")


if __name__ == "__main__":
    run_protocol()
