"""Two networks that judge each other: a generator and a discriminator in rates, both by equilibrium propagation.

Bengio (2016), slides at NIPS 2016, last page, names the idea (a discriminator could train a generator by equilibrium
propagation) and gives no experiment: task, sizes and numbers are chosen here. Data: a mixture of eight Gaussians on a
circle in the unit square. Generator: noise to hidden units to a point; discriminator: a point to hidden units to one
output, nudged to 1 for data and to 0 for generated points (least squares: Mao et al. (2017) ICCV). Both are layers of
leaky integrators with tied weights (Scellier & Bengio (2017) Front Comput Neurosci 11:24), linear outputs and nudges of
+beta and -beta. The discriminator's hidden units respond to a nudge towards "data"; this response, through the same
synapses, is the message to the generator, whose outputs are nudged to their point plus the message. Beside it the same
pair, with the same first weights and noise, as feedforward networks by back-propagation. Both use Adam without
momentum, with which back-propagation loses modes. Shown against training: the energy distance of generated points to
the data (Szekely & Rizzo (2013)) and the number of modes that have at least 2 % of the points within three standard
deviations.
"""
import numpy as np
from threadpoolctl import threadpool_limits

from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import energy_distance
from spikelearn.equilibrium.rate_layers import Layers, check_nudge
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, positive, whole
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Result
from spikelearn.training.adam import Adam
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers

FIGURE_SIZE = (15, 8)
MODES, RADIUS, SD = 8, 0.35, 0.02       # of the data; the circle's middle is that of the unit square; chosen here
NOISE = 4                       # inputs of the generator, uniform from 0 to 1; chosen here
MODE_SHARE = 0.02               # a mode with this share of the points near it is covered, an even share is 1/8
GAIN = 6.0                      # of the first weights from noise or points: kinks as fine as the modes; chosen here
POINTS = 1000                   # for each measurement, and in the figure
SIDE = 41                       # points of a side of the grid on which the discriminator is shown
METHODS = ("equilibrium", "backprop")
SHORT_FORM = dict(rounds=at_most(200), seeds=always(1), measurements=at_most(4))
RANGES = {"measurements": whole(2, 1000), "d_rate": positive(1), "g_rate": positive(1), "beta": positive(0.9)}


@checked
def run(*, rounds=3000, batch=100, hidden=64, beta=0.1, sweeps=8, d_rate=0.005, g_rate=0.0005, measurements=20, seeds=3,
        seed=1, quick=False):
    """Train the pair by each method. rounds : updates of both networks; batch : real and as many generated points.

    sweeps : over the layers in the free and in each nudged phase; d_rate, g_rate : Adam's rates of discriminator and
    generator; measurements : how often the energy distance is measured. Returns a Result.
    """
    check_nudge(-beta)
    at = np.unique(np.linspace(0, rounds, measurements).round().astype(int))
    arrays, headline = {"rounds": at}, {}
    for method in METHODS:
        with threadpool_limits(1):      # the matrices are small: threads would only wait for each other
            found = [train(method, at, batch, hidden, beta, sweeps, d_rate, g_rate, seed + k) for k in range(seeds)]
        distance, covered, near = (np.array([one[part] for one in found]) for part in ("distance", "covered", "near"))
        arrays |= {f"distance_{method}": distance, f"covered_{method}": covered, f"near_{method}": near,
                   f"points_{method}": found[0]["points"], f"judged_{method}": found[0]["judged"]}
        headline |= {f"energy_distance_{method}": distance[:, -1].mean(),
                     f"modes_covered_{method}": covered[:, -1].mean(),
                     f"fewest_modes_{method}": int(covered[:, -1].min()),
                     f"near_a_mode_percent_{method}": 100 * near[:, -1].mean()}
    rng = np.random.default_rng(random_numbers(seed, 9))
    real = data(rng, POINTS)
    headline["energy_distance_one_gaussian"] = energy_distance(
        rng.multivariate_normal(real.mean(axis=0), np.cov(real.T), POINTS), data(rng, POINTS))
    headline["energy_distance_before"] = arrays["distance_equilibrium"][:, 0].mean()
    return Result("adversarial", arrays | {"real": real}, headline)


# --- data and measures -------------------------------------------------------------------------------------------

def centres():
    """Centres of the modes, (MODES, 2)."""
    angles = 2 * np.pi * np.arange(MODES) / MODES
    return .5 + RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])


def data(rng, n):
    """Points of the mixture, (n, 2)."""
    return (centres()[rng.integers(0, MODES, n)] + SD * rng.standard_normal((n, 2))).astype(np.float32)


def coverage(points):
    """(modes covered, share of the points near any mode): within three standard deviations of its centre."""
    near = np.linalg.norm(points[:, None] - centres(), axis=2) < 3 * SD
    return int((near.mean(axis=0) >= MODE_SHARE).sum()), float(near.any(axis=1).mean())


# --- the two networks --------------------------------------------------------------------------------------------

def network(inputs, hidden, outputs, rng):
    """Layers inputs-hidden-outputs whose hidden units have their linear range at random places of the input's cube."""
    net = Layers((inputs, hidden, outputs), rng, linear_outputs=True)
    net.weights[0][:] = rng.normal(0, GAIN / np.sqrt(inputs), (inputs, hidden))
    net.biases[0][:] = .5 - (rng.random((hidden, inputs)) * net.weights[0].T).sum(axis=1)
    net.weights[1][:] = rng.normal(0, .5 / np.sqrt(hidden), (hidden, outputs))
    net.biases[1][:] = .5 - net.weights[1].sum(axis=0) / 2
    return net


def equilibrium(net, x, target, beta, sweeps):
    """Free and nudged phases: (outputs, gradients of C = |o - target|^2/2 by parameters, -dC/dx (n, inputs)).

    Gradients are means over the n points. target : (n, outputs), or a function of the outputs.
    """
    first = net.drive_of(x)
    free = net.settle(first, net.rest(len(x)), sweeps)
    target = target(free[-1]) if callable(target) else target
    plus, minus = (net.settle(first, free, sweeps, sign * beta, target) for sign in (1, -1))
    by_weights, by_biases = net.contrast(x, plus, minus)
    gradient = {f"{kind}_{k}": -part / (2 * beta) for kind, parts in (("w", by_weights), ("b", by_biases))
                for k, part in enumerate(parts)}
    return free[-1], gradient, (plus[0] - minus[0]) @ net.weights[0].T / (2 * beta)


def backprop(net, x, target, beta=None, sweeps=None):
    """The same numbers of the feedforward network with these weights, by back-propagation."""
    drive = net.drive_of(x)
    h, o = net.forward(drive)
    target = target(o) if callable(target) else target
    by_output = (o - target) / len(x)
    by_hidden = by_output @ net.weights[1].T * ((drive >= 0) & (drive <= 1))
    gradient = {"w_0": x.T @ by_hidden, "b_0": by_hidden.sum(axis=0), "w_1": h.T @ by_output,
                "b_1": by_output.sum(axis=0)}
    return o, gradient, -len(x) * by_hidden @ net.weights[0].T


def train(method, at, batch, hidden, beta, sweeps, d_rate, g_rate, seed):
    """Train a pair; measured after the rounds `at`. Returns a dict: distance, covered, near (measurements,), points and
    the discriminator's answers on a grid."""
    gradients = {"equilibrium": equilibrium, "backprop": backprop}[method]
    rng = np.random.default_rng(random_numbers(seed))
    judge, generator = network(2, hidden, 1, rng), network(NOISE, hidden, 2, rng)
    steps = [Adam(net.parameters(), beta1=0) for net in (judge, generator)]
    label = np.repeat(np.float32([[1], [0]]), batch, axis=0)
    found = {"distance": [], "covered": [], "near": []}
    with Progress(f"{method}, seed {seed}", unit="rounds", apart=30) as progress:
        progress.start(int(at[-1]), 0)
        for k in range(int(at[-1]) + 1):
            if k in at:
                points = generated(generator, gradients, POINTS, beta, sweeps, random_numbers(seed, k, 1))
                real = data(np.random.default_rng(random_numbers(seed, k, 2)), POINTS)
                distance = energy_distance(points.astype(float), real)
                for name, value in zip(found, (distance, *coverage(points)), strict=True):
                    found[name].append(value)
                if k:
                    progress.tell_epoch(k, f"energy distance {distance:.4f}, {found['covered'][-1]} modes")
            noise = rng.random((batch, NOISE), dtype=np.float32)
            fake = gradients(generator, noise, np.zeros((batch, 2), np.float32), beta, sweeps)[0]
            steps[0].step(gradients(judge, np.vstack([data(rng, batch), fake]), label, beta, sweeps)[1], d_rate)
            message = gradients(judge, fake, label[:batch], beta, sweeps)[2]
            steps[1].step(gradients(generator, noise, lambda o, m=message: o + m, beta, sweeps)[1], g_rate)
            progress.tell(1, "")
    side = np.linspace(0, 1, SIDE, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    judged = gradients(judge, grid, np.zeros((len(grid), 1), np.float32), beta, sweeps)[0]
    return found | dict(points=points, judged=judged.reshape(SIDE, SIDE))


def generated(generator, gradients, n, beta, sweeps, seed):
    """Points of the generator, (n, 2)."""
    noise = np.random.default_rng(seed).random((n, NOISE), dtype=np.float32)
    return gradients(generator, noise, np.zeros((n, 2), np.float32), beta, sweeps)[0]


# --- figure ------------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Data and generated points over the discriminator's answers; energy distance and modes against training."""
    a, h = result.arrays, result.headline
    titles = {"equilibrium": "Equilibrium propagation", "backprop": "Back-propagation"}
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.2, 1])
    panels = upper.subplots(1, 3, sharex=True, sharey=True)
    for axes, points, title, words in (
            (panels[0], a["real"], "Data", f"{MODES} Gaussians, {len(a['real'])} points"),
            *((axes, a[f"points_{method}"], titles[method],
               f"first seed; distance {a[f'distance_{method}'][0, -1]:.4f}, {a[f'covered_{method}'][0, -1]} modes")
              for axes, method in zip(panels[1:], METHODS, strict=True))):
        if axes is not panels[0]:
            judged = a[f"judged_{METHODS[0] if axes is panels[1] else METHODS[1]}"]
            picture = axes.imshow(judged, origin="lower", extent=(0, 1, 0, 1), vmin=0, vmax=1, cmap="PuOr", alpha=.6)
        axes.plot(*np.transpose(points), "k.", ms=2, alpha=.6)
        axes.set(xlabel="x₁", ylabel="x₂", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        heading(axes, title, words)
    upper.colorbar(picture, ax=panels, label="discriminator's output (1 = data)", shrink=.8)
    left, right = lower.subplots(1, 2)
    for k, method in enumerate(METHODS):
        for axes, part in ((left, "distance"), (right, "covered")):
            values = np.asarray(a[f"{part}_{method}"])
            axes.plot(a["rounds"], values.mean(axis=0), f"C{k}o-", ms=3, label=titles[method])
            axes.fill_between(a["rounds"], values.min(axis=0), values.max(axis=0), color=f"C{k}", alpha=.15, lw=0)
    left.axhline(h["energy_distance_one_gaussian"], color="0.5", ls=":", label="one Gaussian, same mean and covariance")
    left.set(xlabel="updates", ylabel="energy distance to the data")
    left.legend(fontsize=8, loc="upper right")
    right.set(xlabel="updates", ylabel="modes covered", ylim=(0, MODES + .5))
    words = f"mean and range over seeds ({len(values)}), {POINTS} points each"
    heading(left, "Distance against training", words)
    heading(right, "Modes with at least 2 % of the points within 3 s.d.", words)


if __name__ == "__main__":
    run_protocol()
