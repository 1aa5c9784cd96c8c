"""A fast start: a feedforward pass nearly reaches the fixed point if consecutive layers are good auto-encoders.

Bengio et al. (2016) arXiv:1606.01651, figure 1: 784 pixels and three hidden layers of 500 (or 1000) units, odd and
even layers updated in turn, bottom-up and top-down branches averaged (eq. 16); size of the update against the number
of updates, random tied weights against stacked auto-encoders. The potentials are read after the hard sigmoid: our
reading. How the auto-encoders are trained, and the last part, learning by equilibrium propagation (Scellier & Bengio
(2017) Front Comput Neurosci 11:24) with a free phase of two updates, are chosen here. Layers that learn only the task
stop being auto-encoders and lose the fast start, so they learn both throughout.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium import autoencoders
from spikelearn.equilibrium.rate_layers import Layers, check_nudge
from spikelearn.errors import SpikelearnError
from spikelearn.images.datasets import load
from spikelearn.images.encoding import pixels_and_labels
from spikelearn.images.readout import error_percent, predict
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.training.adam import Adam

FIGURE_SIZE = (14, 4.6)
PAPER = "Bengio et al. (2016) figure 1"
ACCEPTED = {
    "times_closer": Accepted(10, 1e6, f"{PAPER}: near-instant; the factor is chosen here"),
    "times_faster": Accepted(1.2, 1e6, f"{PAPER}: a faster exponential; the factor is chosen here"),
    "two_updates_against_random": Accepted(0, 1, f"{PAPER}: inference is nearly over; the comparison is chosen here"),
}
CLAIMS = {
    "times_closer": "after a feedforward pass, auto-encoder weights start closer to the fixed point than random tied "
                    "weights (ratio of distances)",
    "times_faster": "they also approach it at a faster exponential rate (ratio)",
    "two_updates_against_random": "equilibrium propagation with a free phase of two updates learns better after such a "
                                  "start than from random weights (ratio of validation errors)",
}
UPDATES = 60
SHORT_FORM = dict(units=always((200,)), images=at_most(4000), epochs=at_most(10), shown=at_most(100),
                  learn_images=at_most(6000), learn_epochs=always(1))


@checked
def run(*, units=(500, 1000), images=10_000, epochs=40, adam_rate=1e-3, shown=200, learn_images=20_000, learn_epochs=2,
        rates=(3e-4, .05), random_rates=(1e-4, .02), beta=0.2, pull=10.0, data_dir="", seed=1, quick=False):
    """All parts. units : of each of the three hidden layers, one network for each number; the first one learns.

    images, epochs, adam_rate : training of the auto-encoders; shown : images that the networks relax to;
    learn_images, learn_epochs, rates (random_rates from random weights), beta, pull : learning with two free updates.
    Returns a Result.
    """
    check_nudge(-abs(beta))
    for name, count, least in (("images", images, 2), ("learn_images", learn_images, 1), ("shown", shown, 1)):
        if count < least:       # the error of the auto-encoders is relative to the variance of the images
            raise SpikelearnError(f"{name} must be at least {least}, not {count}")
    data = load("mnist", data_dir or None)
    x, labels = pixels_and_labels(data.train, data.scale)
    held_out = tuple(part[:1000] if quick else part for part in pixels_and_labels(data.validation, data.scale))
    x, parts, learning = x.astype(np.float32), {}, {}
    with threadpool_limits(1):      # see learn_mnist_rates
        for size in units:
            random, stacked, rec = stack(x[:images], size, epochs, adam_rate, np.random.default_rng(seed))
            parts[size] = {name: relaxation(weights, held_out[0][:shown]) for name, weights in
                           (("random", random), ("auto-encoders", stacked))} | {"reconstruction": rec}
            if not learning:
                learning = {name: learn(weights, x[:learn_images], labels[:learn_images], held_out, learn_epochs, own,
                                        beta, pull, updates, seed)
                            for name, weights, updates, own in (("auto-encoders, 2 updates", stacked, 2, rates),
                                                                ("random, 2 updates", random, 2, random_rates),
                                                                ("random, 10 updates", random, 10, random_rates))}
    return _result(parts, learning)


def stack(x, size, epochs, rate, rng):
    """Random tied weights of three hidden layers; those of stacked auto-encoders that start there; their errors."""
    net = Layers((x.shape[1], size, size, size), rng)
    random, stacked, errors = [(w, b, 0.0, 1.0) for w, b in zip(net.weights, net.biases, strict=True)], [], []
    for w in net.weights:
        one = autoencoders.trained(x, *autoencoders.orthogonal(*w.shape, rng), epochs=epochs, rate=rate, rng=rng)
        errors.append(autoencoders.reconstruction_error(x, *one))
        stacked.append((*one, autoencoders.GAIN))
        x = autoencoders.encode(x, *one[:2])
    return random, stacked, np.array(errors)


def network(weights, outputs=0, rng=None):
    """Layers with these weights (and outputs on top), whose branches are averaged; the top hidden layer has but one.

    weights : (w, b, offset, gain) of each layer, the last two of the branch that leads down from it. A gain other than
    1 is that of an energy which counts the layers above it by so much more: learning follows its gradient, at a rate
    that differs between layers.
    """
    sizes = [len(weights[0][0]), *(len(b) for _, b, *_ in weights)]
    net = Layers(sizes + [outputs] * (outputs > 0), rng or np.random.default_rng(0), scale=.5,
                 leak=[2] * (len(weights) - 1) + [1] * (1 + (outputs > 0)), linear_outputs=outputs > 0)
    for k, (w, b, c, gain) in enumerate(weights):
        net.weights[k], net.biases[k] = w.copy(), b.copy()
        if k > 0:
            net.offsets[k - 1], net.gains[k - 1] = np.copy(c), np.float32(gain)
    return net


def relaxation(weights, x):
    """Sizes of the updates (UPDATES,) from a feedforward start, and the distance to the fixed point before each."""
    net = network([tuple(np.asarray(part, dtype=float) for part in one) for one in weights])
    first = net.drive_of(x)
    start = net.forward(first)
    fixed, states, sizes, distances = net.settle(first, start, 3000, tolerance=1e-12), start, [], []
    for update in range(UPDATES):
        distances.append(size_of(states, fixed))
        new = net.update(first, states, update % 2)
        sizes.append(size_of(new, states))
        states = new
    return {"sizes": np.array(sizes), "distances": np.array(distances)}


def size_of(one, other):
    """Length of the difference of two states of all hidden layers, mean over the images."""
    return float(np.sqrt(sum(((a - b) ** 2).sum(axis=1) for a, b in zip(one, other, strict=True))).mean())


def rate_of(distances):
    """Exponential rate per update, from the second half of the updates that are still above rounding."""
    used = np.flatnonzero(distances > 1e-9 * distances[0])
    used = used[len(used) // 2:]
    return float(-np.polyfit(used, np.log(distances[used]), 1)[0])


def learn(weights, x, labels, held_out, epochs, rates, beta, pull, updates, seed):
    """Validation error (%) while all layers learn with free phases of so many updates after a feedforward start.

    Auto-encoders go on as such: Adam takes their own gradient and `pull` times that of equilibrium propagation; layers
    that are none learn by the latter alone. rates : of Adam, and of the outputs. Activities count from their means
    (Montavon & Mueller (2012)), for which the outputs' biases make up: else the half of all units that is on drowns
    all else.
    """
    rng = np.random.default_rng(seed)
    net, target = network(weights, 10, rng), np.eye(10, dtype=np.float32)[labels]
    encoders = [gain != 1 for *_, gain in weights]
    offsets = [np.copy(weights[0][2]), *net.offsets[:len(weights) - 1]]         # of each branch that leads down
    adam = [Adam(dict(zip("wbc", [net.weights[k], net.biases[k], *offsets[k:k + one]]))) for k, one in
            enumerate(encoders)]
    shown, said, last = held_out[0].astype(np.float32), [], len(weights)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for begin in range(0, len(x), 20):
            if begin % max(1, len(x) // 5) == 0 and (epoch or begin):
                said.append(validation_error(net, shown[:1000], held_out[1][:1000], updates))
            chosen = order[begin:begin + 20]
            first = net.drive_of(x[chosen])
            free = net.settle(first, net.forward(first), updates // 2)
            left = 1 - (epoch + begin / len(x)) / epochs        # the rates fall to zero in a line
            by_weights, by_biases, means = estimate(net, x[chosen], free, first, target[chosen], beta)
            for k, one in enumerate(encoders):
                found = [-np.float32(pull) * by_weights[k], -np.float32(pull) * by_biases[k]]
                if one:
                    theirs = autoencoders.gradients(free[k - 1] if k else x[chosen], **adam[k].arrays)
                    found = [found[0] + theirs[0], found[1] + theirs[1], theirs[2]]
                adam[k].step(dict(zip(adam[k].arrays, found, strict=True)), left * rates[0])
            step = np.float32(left * rates[1])
            net.weights[last] += step * by_weights[last]
            net.biases[last] += step * (by_biases[last] - means[last] @ by_weights[last])
    return np.array([*said, validation_error(net, shown, held_out[1], updates)])


def estimate(net, x, free, first, target, beta):
    """Changes by equilibrium propagation with nudges of two updates, (of weights, of biases), and mean activities."""
    plus, minus = (net.settle(first, free, 2, sign * beta, target) for sign in (1, -1))
    by_weights, by_biases = ([part / np.float32(2 * beta) for part in parts]
                             for parts in net.contrast(x, plus, minus))
    means = [states.mean(axis=0) for states in (x, *free)]
    for k, change in enumerate(by_weights):
        change -= np.outer(means[k], by_biases[k])
        if k:
            change -= np.outer(by_biases[k - 1], means[k + 1])
    return by_weights, by_biases, means


def validation_error(net, x, labels, updates):
    """Error (%) of the answers after so many updates from a feedforward pass."""
    first = net.drive_of(x)
    states = net.settle(first, net.forward(first), updates // 2)
    return error_percent(labels, predict(net.drive(len(states) - 1, first, states)))


def _result(parts, learning):
    headline, arrays = {}, {"hidden_units": np.array(list(parts)), "learning_names": np.array(list(learning)),
                            "learning": np.array(list(learning.values()))}
    for size, part in parts.items():
        for name, short in (("random", "random"), ("auto-encoders", "stacked")):
            arrays |= {f"{short}_{key}_{size}": values for key, values in part[name].items()}
            headline[f"rate_per_update_{short}_{size}"] = rate_of(part[name]["distances"])
        arrays[f"reconstruction_{size}"] = part["reconstruction"]
        headline[f"times_closer_{size}"] = float(part["random"]["distances"][0] / part["auto-encoders"]["distances"][0])
        headline[f"times_faster_{size}"] = (headline[f"rate_per_update_stacked_{size}"]
                                            / headline[f"rate_per_update_random_{size}"])
    headline = {key: min(headline[f"{key}_{size}"] for size in parts) for key in ("times_closer", "times_faster")
                } | headline
    last = arrays["learning"][:, -1]
    headline |= {"two_updates_against_random": float(last[0] / last[1]),
                 "validation_error_percent_two_updates": float(last[0]),
                 "validation_error_percent_random_two_updates": float(last[1]),
                 "validation_error_percent_random_ten_updates": float(last[2])}
    return Result("feedforward_start", arrays, headline)


def plot(result, figure):
    """Update size against number of updates, linear and logarithmic; learning with two free updates."""
    a, h = result.arrays, result.headline
    linear, log, right = figure.subplots(1, 3)
    for k, size in enumerate(a["hidden_units"]):
        for short, words, style in (("random", "random tied weights", "--"), ("stacked", "auto-encoders", "-")):
            sizes, n = a[f"{short}_sizes_{size}"], np.arange(1, UPDATES + 1)
            rate = h[f"rate_per_update_{short}_{size}"]
            linear.plot(n, sizes, style, color=f"C{k}", label=f"3 × {size}, {words}")
            log.semilogy(n, sizes, style, color=f"C{k}", label=f"3 × {size}, {words}: {rate:.2f} per update")
    for axes in (linear, log):
        axes.set(xlabel="number of updates", ylabel="size of the update (all hidden layers)")
        axes.legend(fontsize=8, loc="upper right")
    linear.set_xlim(0, 30)
    log.set_ylim(top=300 * log.get_ylim()[1])      # room for the legend
    heading(linear, "After a feedforward pass", "odd and even layers in turn, branches averaged; MNIST")
    heading(log, "The same, logarithmic",
            f"auto-encoders start {h['times_closer']:.0f} × closer, converge {h['times_faster']:.1f} × faster")
    for k, (name, errors) in enumerate(zip(a["learning_names"], a["learning"], strict=True)):
        right.plot(np.arange(1, len(errors) + 1), errors, "o-", ms=4, color=f"C{k}",
                   label=f"{name}: {errors[-1]:.1f} %")
    right.set(xlabel="part of the training", ylabel="validation error (%)", ylim=(0, None))
    right.legend(fontsize=8)
    heading(right, "Learning with a short free phase",
            f"equilibrium propagation, 3 × {a['hidden_units'][0]} hidden units")


if __name__ == "__main__":
    run_protocol()
