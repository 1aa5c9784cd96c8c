"""Features that restricted Boltzmann machines of three sizes learn by variational probability flow.

Liu & Lin (2017) arXiv:1711.07732, the four figures on RBMs: randomly chosen filters of each machine; the objective over
training; histogram of the mean activations of hidden units over the training images; weight sparsity
p = (sum w^2)^2 / (n sum w^4) and squared weight over training. MNIST in black and white (above half). Sizes and passes
are chosen here; the recipe is that of free samples (boltzmann.recipe), in which a homeostasis draws the mean activation
of each hidden unit to 0.1.
"""

import numpy as np

from spikelearn.boltzmann.machine import hidden_probability
from spikelearn.boltzmann.recipe import DREAMING, Recipe  # noqa: F401  (fields of Recipe are parameters)
from spikelearn.boltzmann.train import black_and_white, train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.errors import SpikelearnError
from spikelearn.images.datasets import load
from spikelearn.plotting import receptive_fields
from spikelearn.ranges.check import checked, given_fields
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (13, 8)
ACCEPTED = {
    "sparsity_last_over_first_500": Accepted(0, 1, "Liu & Lin (2017): p decreased during training"),
    "squared_weight_last_over_first_500": Accepted(1, np.inf, "Liu & Lin (2017): the squared weight grew"),
    "epoch_seconds_500": Accepted(0, 15, "speed wanted of the 784-500 machine on two cores; chosen here"),
}
SHORT_FORM = dict(images=unless_given(6000), epochs=at_most(4), runs=at_most(1))


@checked
def run(*, recipe=None, sizes=(100, 200, 500), epochs=20, runs=3, images=0, dataset="mnist", out="", resume="",
        data_dir="", seed=1, quick=False):
    """Train `runs` RBMs of each size. images : how many training images, 0 = all. Returns a Result.

    recipe : fields of boltzmann.recipe.Recipe that differ from DREAMING; a field is also a keyword of its own. The
    measures of weights begin with those before learning. The figure shows the first machine of each size
    """
    recipe = DREAMING.changed(**given_fields(recipe))
    if not recipe.spread > 0:
        raise SpikelearnError(f"spread must be above 0, not {recipe.spread:g}: the weights are measured relative to "
                              "the first")
    data = load(dataset, data_dir or None)
    x = black_and_white(data.train.images[:images or None], data.scale)
    arrays, headline = {"sizes": np.array(sizes)}, {"runs": runs}
    for hidden in np.atleast_1d(sizes):
        found = []
        for r in range(runs):
            before = recipe.start((x.shape[1], int(hidden)), x, seed=seed + r)
            machine, curve = train_kept(before, x, "vpf", recipe, name=f"vpf-{hidden}-{seed + r}", out=out,
                                        resume=resume, epochs=epochs, seed=seed + r, watch=weight_measures,
                                        about={"dataset": dataset})
            curve |= {name: np.array([value, *curve[name]]) for name, value in weight_measures(before).items()}
            activation = mean_activations(machine, x)
            found.append(summary(curve, activation))
            if r == 0:
                arrays |= pictured(machine, curve, activation, hidden, data.side, seed)
        for name in found[0]:
            values = np.array([one[name] for one in found])
            arrays[f"means_{name}_{hidden}"] = values
            headline |= {f"{name}_{hidden}": values.mean(), f"sd_{name}_{hidden}": values.std(ddof=runs > 1)}
    return Result("vpf_features", arrays, {name: float(value) for name, value in headline.items()})


def summary(curve, activation):
    """Name -> number of one machine."""
    return {"objective": curve["objective"][-1], "epoch_seconds": curve["seconds"].mean(),
            "mean_activation": activation.mean(), "share_below_0.2": (activation < .2).mean(),
            **{f"{name}_last_over_first": curve[name][-1] / curve[name][0] for name in ("sparsity", "squared_weight")}}


def pictured(machine, curve, activation, hidden, side, seed):
    """Arrays of one machine for the figure."""
    return {f"{name}_{hidden}": values for name, values in curve.items()} | {
        f"activation_{hidden}": activation, f"filters_{hidden}": machine.weights[0].T.reshape(-1, side, side),
        f"chosen_{hidden}": np.random.default_rng(seed).permutation(hidden)[:64],
        f"biases_hidden_{hidden}": machine.biases[1], f"biases_visible_{hidden}": machine.biases[0]}


def weight_measures(machine):
    """Sparsity p of the weights (1 = all alike, small = few are large; 1/3 in a Gaussian) and their mean square."""
    square = machine.weights[0].astype(float) ** 2
    return {"sparsity": square.sum() ** 2 / (square.size * (square ** 2).sum()), "squared_weight": square.mean()}


def mean_activations(machine, x, part=5000):
    """Mean over the images of each hidden unit's probability of being on, (hidden,)."""
    return sum(hidden_probability(machine, x[first:first + part]).sum(axis=0, dtype=float)
               for first in range(0, len(x), part)) / len(x)


def plot(result, figure):
    """Filters above; objective, activations, sparsity and squared weight below."""
    a = result.arrays
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.6, 1])
    for axes, hidden in zip(np.atleast_1d(upper.subplots(1, len(a["sizes"]))), a["sizes"], strict=True):
        receptive_fields(axes, a[f"filters_{hidden}"][a[f"chosen_{hidden}"]], columns=8)
        axes.set_title(f"{hidden} hidden units: filters chosen at random\n(red positive, each to its own scale)",
                       fontsize=9)
    curves, histogram, sparsity, square = lower.subplots(1, 4)
    first = np.asarray(a[f"objective_{a['sizes'][0]}"])
    for k, hidden in enumerate(a["sizes"]):
        epochs, label = np.arange(1, len(first) + 1), f"{hidden} hidden"
        curves.plot(epochs, a[f"objective_{hidden}"], color=f"C{k}", label=label)
        histogram.hist(a[f"activation_{hidden}"], bins=np.linspace(0, 1, 41), histtype="step", color=f"C{k}",
                       weights=np.full(int(hidden), 100 / hidden), label=label)
        sparsity.plot(np.arange(len(first) + 1), a[f"sparsity_{hidden}"], color=f"C{k}")
        square.plot(np.arange(len(first) + 1), a[f"squared_weight_{hidden}"], color=f"C{k}")
    curves.set(xlabel="epoch", ylabel="objective K, flips per time unit", title="Objective", ylim=(0, None))
    curves.legend(fontsize=8)
    histogram.set(xlabel="mean activation over training images", ylabel="hidden units (%)", title="Activations")
    sparsity.set(xlabel="epoch", ylabel="(Σw²)² / (n Σw⁴)", title="Weight sparsity", ylim=(0, None))
    square.set(xlabel="epoch", ylabel="mean of w²", title="Squared weight", ylim=(0, None))
    for axes in (curves, histogram, sparsity, square):
        axes.title.set_fontsize(9)


if __name__ == "__main__":
    run_protocol()
