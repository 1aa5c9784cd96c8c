"""Learning from dreams: the reverse voltage-derivative rule acts while a network moves away from the data.

Bengio (2016), slides at NIPS 2016 (reverse STDP in dreams); Goyal et al. (2017) arXiv:1711.02282 (variational
walkback: from a data point, walk while the noise rises, and make the previous state more likely). Leaky integrators
hold a point; cells tuned to places drive them, and each spike of a cell takes from its weights the change of the
potential around it. Then samples are drawn: from a uniform cloud, while the noise falls. Measured: energy distance
to held-out data (0 = same law), for the reverse rule, for the forward rule as a negative control, and before learning.
Points in the plane: Brian2, place cells on a grid. Digits of 8 x 8 pixels: the same with NumPy, cells tuned to
examples and divided by their sum. Our own: the tuned cells, which are given and do not learn; the weights' bounds;
the drive is the mean of the cells' spikes, only the rule reads the spikes themselves; and that a spike reads the
change on both sides of it. With one side only, the rule reverses the walk too strongly.
"""

import numpy as np
from brian2 import Hz, TimedArray, ms

from spikelearn import NeuronModel, SynapseModel, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import energy_distance
from spikelearn.equilibrium.relaxation import RATE_COUPLING
from spikelearn.equilibrium.side_by_side import blocks
from spikelearn.images.datasets import load
from spikelearn.plotting import heading, mosaic
from spikelearn.ranges.check import checked, positive
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.brian_internals.objects import order_summed
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation

FIGURE_SIZE = (13, 8.5)
ACCEPTED = {
    "plane_reverse": Accepted(0, .35, "energy distance to the data, share of the uniform cloud's; bound chosen here"),
    "plane_forward": Accepted(1, 1e9, "the same after the forward rule, the control: must be no better than the cloud"),
    "digits_reverse": Accepted(0, .2, "energy distance to the data, share of the uniform cloud's; bound chosen here"),
    "digits_forward": Accepted(1, 1e9, "the same after the forward rule"),
}
RULES = {"reverse": "synapses/voltage_derivative_reverse", "forward": "synapses/voltage_derivative"}
CELL = NeuronModel(
    source="Place cell: O'Keefe & Dostrovsky (1971); shape chosen here",
    equations="""
        distance : 1                                             # squared distance of the point from the cell's place
        rho = exp(-distance / (2*width**2)) / overlap : 1        # share of the cell in what all cells say
    """,
    threshold="rand() < r_max*rho*dt",
    parameters=dict(
        width=.07,              # of the tuning curve; chosen here
        overlap=1.0,            # sum of all cells' bumps at a point; set by the protocol
        r_max=1000 * Hz,        # rate of a cell that has all the share; chosen here
    ),
)
TUNING = SynapseModel(source="Chosen here", equations="""
    place : 1                                           # the place the cell is tuned to, one coordinate
    distance_post = (s_pre - place)**2 : 1 (summed)     # taken before the potentials move on
""")
TAU, W_MIN, W_MAX = 5, -2.0, 3.0                        # steps of 1 ms; bounds of the weights: chosen here


RANGES = {"rate": positive(1), "noise": positive(1), "digit_noise": positive(1)}
SHORT_FORM = dict(rounds=at_most(40), dreamers=at_most(150), digit_rounds=at_most(20), samples=always(300))


@checked
def run(*, rounds=60, dreamers=200, dream=40, noise=.03, rate=0.5, digit_rounds=60, digit_noise=.1,
        digit_dream=20, digit_rate=1.0, samples=1000, seed=1, device="auto", quick=False):
    """rounds of `dreamers` dreams of `dream` steps; noise : standard deviation of a step at the end of a dream; rate :
    share of a cell's mean error that one round takes off. Returns a Result."""
    rng = np.random.default_rng(seed)
    points, held_out = moons(2000, rng), moons(samples, rng)
    cloud = rng.uniform(size=(samples, 2))
    plane = Plane(dreamers, samples, dream, noise, device)
    weights = {"before": plane.naive()} | {name: plane.learn(points, rule, rounds, rate, rng)
                                           for name, rule in RULES.items()}
    arrays = {"plane_data": held_out, "plane_cloud": cloud, "places": plane.places}
    arrays |= {f"plane_{name}": plane.sample(w, cloud, seed) for name, w in weights.items()}
    arrays |= {f"drift_{name}": plane.drift(w) for name, w in weights.items()}
    arrays |= dream_of_digits(digit_rounds, digit_noise, digit_rate, digit_dream, rng)
    headline = {}
    for part in ("plane", "digits"):
        start = energy_distance(arrays[f"{part}_cloud"], arrays[f"{part}_data"])
        headline |= {f"{part}_{name}": energy_distance(arrays[f"{part}_{name}"], arrays[f"{part}_data"]) / start
                     for name in weights}
        headline[f"{part}_cloud_distance"] = start
    headline["plane_fresh_data"] = energy_distance(moons(samples, rng), held_out) / headline["plane_cloud_distance"]
    headline["digits_fresh_data"] = energy_distance(
        arrays.pop("digits_fresh"), arrays["digits_data"]) / headline["digits_cloud_distance"]
    return Result("walkback", arrays, headline)


def moons(n, rng):
    """Two interleaved arcs in the unit square, blurred: (n, 2)."""
    t, upper = rng.uniform(0, np.pi, n), rng.random(n) < .5
    x = np.where(upper, np.cos(t), 1 - np.cos(t))
    y = np.where(upper, np.sin(t), .5 - np.sin(t))
    return np.c_[.15 + .7 * (x + 1) / 3, .25 + .5 * (y + .5) / 1.5] + .015 * rng.standard_normal((n, 2))


# --- points in the plane, Brian2 ---------------------------------------------------------------------------------

class Plane:
    """Walkers in the plane, each with its own pair of potentials and its own place cells, but equal weights.

    dreamers : walkers side by side in a round of learning; samplers : when samples are drawn.
    """

    def __init__(self, dreamers, samplers, dream, noise, device, cells=13):
        grid = np.linspace(-.1, 1.1, cells)
        self.places = np.array([(x, y) for x in grid for y in grid])
        width = CELL.parameters["width"]
        self.cell = CELL.with_parameters(overlap=2 * np.pi * width**2 / (grid[1] - grid[0])**2)
        self.dream, self.noise, self.device, self.n = dream, noise, device, dreamers
        self.samplers = samplers

    def naive(self):
        """Weights before learning: every cell says its own place, so that a walk goes wherever noise takes it."""
        return self.places.copy()

    def _simulation(self, walkers, noise, rule=None):
        """Walkers whose step noise follows `noise` (steps,), with the rule or without."""
        def build():
            noise_at = TimedArray(noise, dt=1 * ms, name="noise_at")
            walker = neurons("neurons/leaky_integrator_dream", 2 * walkers, name="walker", reads=("u", "dudt"),
                             inputs=dict(noise_at=noise_at))
            walker.run_regularly("noise = noise_at(t)", when="start")
            cells = neurons(self.cell, len(self.places) * walkers, name="cells")
            coordinates, all_cells = (2, range(2)), (len(self.places), range(len(self.places)))
            tuning = synapses(walker, cells, TUNING, name="tuning", connect=blocks(walkers, coordinates, all_cells))
            back = blocks(walkers, all_cells, coordinates)
            drive = synapses(cells, walker, RATE_COUPLING, name="drive", connect=back)
            order_summed(tuning, "distance_post", -2)       # the cells see where the point is, then they say
            made = [noise_at, walker, cells, tuning, drive]
            return made if rule is None else [*made, synapses(cells, walker, rule, name="rule", connect=back)]

        return Simulation(build, len(noise) * ms, device=self.device, dt=1 * ms)

    def _values(self, start, weights):
        walkers = len(start)
        return {"walker.s": start.ravel(), "walker.s_before": start.ravel(),
                "tuning.place": np.tile(self.places.T.ravel(), walkers), "drive.w": np.tile(weights.ravel(), walkers)}

    def learn(self, points, rule, rounds, rate, rng):
        """Weights (cells, 2) after rounds of dreams that begin at random data points."""
        rule = load_model(rule, "synapse")
        rule = rule.with_parameters(eta=1 * ms)         # what is collected is the sum of the changes read
        noise = self.noise * np.sqrt(np.arange(1, self.dream + 1) / self.dream)
        simulation, w = self._simulation(self.n, noise, rule), self.naive()
        for _ in range(rounds):
            start = points[rng.integers(0, len(points), self.n)]
            values = self._values(start, w) | {"rule.w": np.zeros(self.n * w.size)}
            collected = simulation.run(values, seed=int(rng.integers(2**31)), read=["rule.w"])["rule.w"]
            mean = np.asarray(collected).reshape(self.n, *w.shape).mean(axis=0)
            w = np.clip(w + rate * gain(self.dream, len(w)) * mean, W_MIN, W_MAX)
        return w

    def sample(self, weights, cloud, seed, steps=100):
        """Where walkers that begin in the cloud are when the noise has fallen to 0: (n, 2)."""
        simulation = self._simulation(len(cloud), self.noise * (1 - np.arange(steps) / steps))
        found = simulation.run(self._values(cloud, weights), seed=seed, read=["walker.s"])["walker.s"]
        return np.asarray(found).reshape(-1, 2)

    def drift(self, weights, side=16):
        """Where the potentials are drawn to from each point of a grid: (side * side, 4), point and drift."""
        axis = np.linspace(.03, .97, side)
        at = np.array([(x, y) for x in axis for y in axis])
        squared = ((at[:, None] - self.places)**2).sum(axis=-1)
        width, overlap = (self.cell.parameters[name] for name in ("width", "overlap"))
        return np.hstack([at, np.exp(-squared / (2 * width**2)) / overlap @ weights - at])


def gain(dream, cells):
    """Turns the changes read in a dream into a step of the weights: tau a step, by how much a cell is visited if the
    walk covers a quarter of them (chosen here)."""
    return TAU / dream * cells / 4


# --- digits, NumPy -----------------------------------------------------------------------------------------------

def shares(s, centres, width):
    """Share of each cell: Gaussian in the distance from its centre, divided by the sum. (n, d), (cells, d)."""
    squared = (s**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * s @ centres.T
    bump = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * width**2))
    return bump / bump.sum(axis=1, keepdims=True)


def walk(s, weights, centres, width, noise, rng, sign=None):
    """Walk from s (n, d) with the noise of each step. Returns (end, what the rule collects, mean of the walkers).

    sign : -1 reverse, 1 forward, None = nothing is collected. Each cell spikes with its share as the chance, and the
    spike reads the change of the potential around it: half the sum of the steps before and after.
    """
    collected, before = np.zeros_like(weights), np.zeros_like(s)
    for size in noise:
        share = shares(s, centres, width)
        new = np.clip(s + (share @ weights - s) / TAU + size * rng.standard_normal(s.shape), 0, 1)
        if sign is not None:
            spikes = rng.random(share.shape) < share
            collected += sign * spikes.T @ ((before + new - s) / 2) / len(s)
        before, s = new - s, new
    return s, collected


def dream_of_digits(rounds, noise, rate, dream, rng, cells=300, dreamers=200, width=.5):
    """Samples before learning, when every cell says grey, and after both rules. Returns digits_*, images (n, 64)."""
    data = load("digits")
    images, held_out = (part.images.reshape(len(part.images), -1) / data.scale
                        for part in (data.train, data.validation))
    centres = images[:cells]
    naive = np.full(centres.shape, .5)
    rising, weights = noise * np.sqrt(np.arange(1, dream + 1) / dream), {"before": naive}
    for name, sign in (("reverse", -1), ("forward", 1)):
        w = naive
        for _ in range(rounds):
            start = images[rng.integers(0, len(images), dreamers)]
            w = np.clip(w + rate * gain(dream, cells) * walk(start, w, centres, width, rising, rng, sign)[1],
                        W_MIN, W_MAX)
        weights[name] = w
    cloud = rng.uniform(size=held_out.shape)
    falling = noise * (1 - np.arange(60) / 60)
    return {f"digits_{name}": walk(cloud, w, centres, width, falling, rng)[0] for name, w in weights.items()} | {
        "digits_cloud": cloud, "digits_data": held_out, "digits_fresh": images[cells:cells + len(held_out)]}


# --- figure ------------------------------------------------------------------------------------------------------

TITLES = {"data": "held-out data", "cloud": "start: uniform cloud", "before": "before learning",
          "reverse": "reverse rule in dreams", "forward": "forward rule (control)"}


def plot(result, figure):
    """Above: the plane, with what draws the walkers. Below: digits."""
    a, headline = result.arrays, result.headline
    axes = figure.subplots(2, len(TITLES))
    for column, (name, title) in enumerate(TITLES.items()):
        above, below = axes[:, column]
        if f"drift_{name}" in a:
            above.quiver(*a[f"drift_{name}"].T, color="0.7", width=.004)
        above.plot(*a[f"plane_{name}"].T, ".", ms=2.5, color="C3" if name == "forward" else "C0", clip_on=False)
        above.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[0, 1], yticks=[0, 1])
        below.imshow(mosaic(a[f"digits_{name}"][:36]), cmap="gray_r", vmin=0, vmax=1)
        below.axis("off")
        for part, ax in (("plane", above), ("digits", below)):
            share = {"data": headline[f"{part}_fresh_data"], "cloud": 1.0}.get(name, headline.get(f"{part}_{name}"))
            heading(ax, title, f"energy distance to the data: {share:.3f}")
    axes[0, 0].set(xlabel="potential 1", ylabel="potential 2")
    figure.supxlabel("energy distances in units of the uniform cloud's; in the first column that of fresh data",
                     fontsize=8)


if __name__ == "__main__":
    run_protocol()
