"""Features that restricted Boltzmann machines of three sizes learn by variational probability flow.

Liu & Lin (2017) arXiv:1711.07732, the four figures on RBMs: randomly chosen filters of each machine; the objective over
training; histogram of the mean activations of hidden units over the training images; weight sparsity
p = (sum w^2)^2 / (n sum w^4) and squared weight over training. MNIST in black and white (above half). Sizes, passes and
settings are chosen here.
"""

import numpy as np

from spikelearn.boltzmann.machine import hidden_probability, new_machine
from spikelearn.boltzmann.train import black_and_white, train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.errors import SpikelearnError
from spikelearn.images.datasets import load
from spikelearn.plotting import receptive_fields
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (13, 8)
ACCEPTED = {
    "sparsity_last_over_first_500": Accepted(0, 1, "Liu & Lin (2017): p decreased during training"),
    "squared_weight_last_over_first_500": Accepted(1, np.inf, "Liu & Lin (2017): the squared weight grew"),
    "epoch_seconds_500": Accepted(0, 15, "speed wanted of the 784-500 machine on two cores; chosen here"),
}
SHORT_FORM = dict(images=unless_given(6000), epochs=at_most(4))


@checked
def run(*, sizes=(100, 200, 500), epochs=20, rate=0.01, last_rate=0.1, weight_decay=1e-3, batch=100, rounds=10,
        spread=0.1, bias=-3.0, images=0, dataset="mnist", out="", resume="", data_dir="", seed=1, quick=False):
    """Train one RBM of each size. images : how many training images, 0 = all. Returns a Result.

    rate : of Adam, goes linearly to last_rate * rate; rounds : how often in an epoch hidden units are drawn
    spread, bias : of the weights and the hidden units before learning; the measures of weights begin there
    """
    if not spread > 0:
        raise SpikelearnError(f"spread must be above 0, not {spread:g}: the weights are measured relative to the first")
    data = load(dataset, data_dir or None)
    x = black_and_white(data.train.images[:images or None], data.scale)
    arrays, headline = {"sizes": np.array(sizes)}, {}
    for hidden in sizes:
        before = new_machine((x.shape[1], hidden), mean=x.mean(axis=0), spread=spread, bias=bias, seed=seed,
                             dtype=np.float32)
        machine, curve = train_kept(
            before, x, "vpf", name=f"vpf-{hidden}", out=out, resume=resume, epochs=epochs, batch=batch, rate=rate,
            last_rate=last_rate, weight_decay=weight_decay, rounds=rounds, seed=seed, watch=weight_measures,
            about={"dataset": dataset, "spread": spread, "bias": bias})
        activation = mean_activations(machine, x)
        chosen = np.random.default_rng(seed).permutation(hidden)[:64]
        curve |= {name: np.array([value, *curve[name]]) for name, value in weight_measures(before).items()}
        arrays |= {f"{name}_{hidden}": values for name, values in curve.items()}
        filters = machine.weights[0].T.reshape(-1, data.side, data.side)
        arrays |= {f"activation_{hidden}": activation, f"filters_{hidden}": filters, f"chosen_{hidden}": chosen,
                   f"biases_hidden_{hidden}": machine.biases[1],
                   f"biases_visible_{hidden}": machine.biases[0]}
        headline |= {f"objective_{hidden}": curve["objective"][-1], f"epoch_seconds_{hidden}": curve["seconds"].mean(),
                     f"mean_activation_{hidden}": activation.mean(),
                     f"share_below_0.2_{hidden}": (activation < .2).mean()}
        headline |= {f"{name}_last_over_first_{hidden}": curve[name][-1] / curve[name][0]
                     for name in ("sparsity", "squared_weight")}
    return Result("vpf_features", arrays, {name: float(value) for name, value in headline.items()})


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
