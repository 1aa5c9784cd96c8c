"""Early inference is back-propagation: the first changes of hidden layers after the outputs are nudged to a target.

Bengio & Fischer (2015) arXiv:1510.02777, eq. 11-25: from a fixed point, with the outputs driven to the target at the
rate eps, the k-th layer below them first changes by -eps^(k+1) dC/dh_k. The leaky integrators are Brian2 equations;
one time step is eps = dt/tau of them. The gradients come from back-propagation written out in energy.py, which is
checked by finite differences. Random networks of 1 to 4 hidden layers whose fixed point is chosen first and the biases
after it, and the three perturbations (feedback weights that differ from the forward ones, noise, later times) are
chosen here: the source has no simulation.
"""
from math import factorial

import numpy as np
from brian2 import ms

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium.energy import Energy, Nudge, backpropagated, cosine, layered, relax
from spikelearn.equilibrium.relaxation import relaxation
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, positive
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (13, 9)
PAPER = "Bengio & Fischer (2015) eq. 25"
ACCEPTED = {
    "worst_slope_error_percent": Accepted(0, 2, f"{PAPER}: slope k + 1"),
    "worst_size_error_percent": Accepted(0, 2, f"{PAPER}: factor 1"),
    "smallest_cosine": Accepted(.999, 1 + 1e-9, f"{PAPER}, symmetric weights"),
    "largest_cosine_random_feedback": Accepted(-.3, .3, f"{PAPER} needs symmetric weights: without, it must fail"),
    "against_energy_py": Accepted(0, 1e-12, "the same steps in NumPy"),
}
CLAIMS = {
    "worst_slope_error_percent": "the first change of the k-th layer below the outputs grows as eps^(k+1)",
    "worst_size_error_percent": "that change has the size of eps^(k+1) times the back-propagated gradient",
    "smallest_cosine": "its direction is that of the back-propagated gradient, for 1 to 4 hidden layers",
    "largest_cosine_random_feedback": "with random feedback weights it is not",
    "against_energy_py": "Brian2's equations and energy.py take the same steps",
}
DT = 1 * ms


RANGES = {"rates": positive(0.9, several=True, least=2)}       # of eps = dt/tau
SHORT_FORM = dict(networks=at_most(10), trials=at_most(30))


@checked
def run(neuron="neurons/leaky_integrator", *, units=20, outputs=10, depths=(1, 2, 3, 4), networks=20, gain=0.3,
        rates=(.02, .04, .08, .16, .32), angles=(0, 15, 30, 45, 60, 75, 90), temperatures=(1e-14, 1e-12, 1e-10, 1e-8,
        1e-6, 1e-4, 1e-2), trials=100, seed=1, device="auto", quick=False):
    """All parts. units : in each hidden layer; depths : numbers of hidden layers; rates : values of eps = dt/tau.

    angles : degrees between forward and feedback weights; trials : noisy runs whose changes are averaged.
    Returns a Result; in its arrays the layers are counted from the outputs down, k = 1 the first below them.
    """
    rng = np.random.default_rng(seed)
    headline, arrays = {}, {"rates": np.array(rates), "angles": np.array(angles), "depths": np.array(depths),
                            "temperatures": np.array(temperatures), "trials": trials, "networks": networks}
    parts = [first_changes(depth, units, outputs, networks, gain, rates, neuron, rng, device) for depth in depths]
    slopes = [100 * np.abs(part["slopes"] / np.arange(2, depth + 2) - 1).max()
              for depth, part in zip(depths, parts, strict=True)]
    headline["worst_slope_error_percent"] = float(np.max(slopes))
    headline["worst_size_error_percent"] = max(float(100 * np.abs(part["ratios"] - 1).max()) for part in parts)
    headline["smallest_cosine"] = min(float(part["cosines"].min()) for part in parts)
    headline |= {f"cosine_{depth}_layers": float(part["cosines"].min())
                 for depth, part in zip(depths, parts, strict=True)}
    deepest = parts[-1]
    arrays |= {"sizes": deepest["sizes"], "expected_sizes": deepest["expected"], "slopes": deepest["slopes"]}
    case = (depths[-1], units, outputs, networks, gain)
    arrays["cosine_angle"] = by_asymmetry(*case, angles, neuron, rng, device)
    headline["largest_cosine_random_feedback"] = float(np.abs(arrays["cosine_angle"][-1].mean(axis=-1)).max())
    arrays["cosine_noise"] = by_noise(*case, temperatures, trials, rng, device, seed)
    later = by_time(*case, neuron, rng, device)
    arrays |= {key: later[key] for key in ("time", "cosine_time", "ratio_time")}
    headline["against_energy_py"] = max(part["difference"] for part in parts)
    return Result("early_inference", arrays, headline)


def random_networks(depth, units, outputs, networks, gain, rng, angle=0.0):
    """Layers of random networks, feedback at `angle` (degrees) to the forward weights, and a fixed point of each.

    Returns (weights (networks, n, n), bias, state (networks, n), target (networks, outputs), sizes of the layers).
    The potentials of the fixed point are drawn first, from .2 to .8: outside of [0, 1] there is none.
    """
    sizes = [units] * depth + [outputs]
    shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
    up, other = ([gain * rng.standard_normal((networks, *shape)) / np.sqrt(units) for shape in shapes]
                 for _ in range(2))
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    weights = layered(up, [cos * forward + sin * fresh for forward, fresh in zip(up, other, strict=True)])
    state = rng.uniform(.2, .8, (networks, sum(sizes)))
    bias = state - np.einsum("nij,nj->ni", weights, state)
    return weights, bias, state, rng.uniform(0, 1, (networks, outputs)), sizes


def gradients(weights, bias, state, target, sizes):
    """-dC/dh of each layer of each network, counted from the outputs down, (layers + 1) arrays (networks, units)."""
    found = [backpropagated(Energy(*one, asymmetric=True), s, y, sizes)
             for *one, s, y in zip(weights, bias, state, target, strict=True)]
    return [-np.array(layer) for layer in zip(*found, strict=True)][::-1]


def nudged(target, sizes):
    """(nudge, target) of all units: the outputs are drawn at full strength."""
    nudge, wanted = np.zeros((len(target), sum(sizes))), np.zeros((len(target), sum(sizes)))
    nudge[:, -sizes[-1]:], wanted[:, -sizes[-1]:] = 1, target
    return nudge, wanted


def layer_slices(sizes):
    """Slices of the layers in the state, from the outputs down."""
    ends = np.cumsum([0, *sizes])
    return [slice(low, high) for low, high in zip(ends[:-1], ends[1:], strict=True)][::-1]


def first_changes(depth, units, outputs, networks, gain, rates, neuron, rng, device):
    """The first change of each layer at each rate eps: sizes, slopes and cosines, (layers, rates, networks)."""
    weights, bias, state, target, sizes = random_networks(depth, units, outputs, networks, gain, rng)
    nudge, wanted = nudged(target, sizes)
    tau = np.repeat(1 / np.asarray(rates), networks) * DT
    many = [np.tile(values, (len(rates),) + (1,) * (values.ndim - 1))
            for values in (weights, bias, state, nudge, wanted)]
    states = relaxation(*many[:3], duration=(depth + 2) * DT, dt=DT, tau=tau, nudge=many[3], target=many[4],
                        neuron=neuron, device=device)
    truth, eps, found = gradients(weights, bias, state, target, sizes), np.array(rates)[:, None], {}
    changes = [(states[:, part, k + 1] - many[2][:, part]).reshape(len(rates), networks, -1)
               for k, part in enumerate(layer_slices(sizes)) if k > 0]
    found["sizes"] = np.array([np.linalg.norm(change, axis=-1) for change in changes])
    found["expected"] = np.array([eps ** (k + 2) * np.linalg.norm(truth[k + 1], axis=-1) for k in range(depth)])
    found["ratios"] = found["sizes"] / found["expected"]
    found["cosines"] = np.array([cosine(change, g) for change, g in zip(changes, truth[1:], strict=True)])
    found["slopes"] = np.array([np.polyfit(np.log(rates), np.log(size).mean(axis=-1), 1)[0]
                                for size in found["sizes"]])
    energy, again = Energy(weights[0], bias[0]), state[0]
    for step in range(1, depth + 2):
        again = relax(energy, again, Nudge(1.0, target[0]), step=rates[-1], steps=1)
        found["difference"] = max(found.get("difference", 0.0),
                                  float(np.abs(states[-networks, :, step] - again).max()))
    return found


def by_asymmetry(depth, units, outputs, networks, gain, angles, neuron, rng, device):
    """Cosine of the first change with the gradient, (angles, layers, networks); the same forward weights at each."""
    draws, found = rng.integers(2**32), []
    for angle in angles:
        *network, target, sizes = random_networks(depth, units, outputs, networks, gain,
                                                  np.random.default_rng(draws), angle)
        nudge, wanted = nudged(target, sizes)
        states = relaxation(*network, duration=(depth + 2) * DT, dt=DT, tau=np.full(networks, 10) * DT, nudge=nudge,
                            target=wanted, neuron=neuron, device=device)
        truth = gradients(*network, target, sizes)
        found.append([cosine(states[:, part, k + 1] - states[:, part, 0], truth[k])
                      for k, part in enumerate(layer_slices(sizes)) if k > 0])
    return np.array(found)


def by_noise(depth, units, outputs, networks, gain, temperatures, trials, rng, device, seed):
    """Cosine of the mean first change of `trials` noisy runs with the gradient, (temperatures, layers, 1)."""
    weights, bias, state, target, sizes = random_networks(depth, units, outputs, 1, gain, rng)
    nudge, wanted = nudged(target, sizes)
    many = [np.repeat(values, trials, axis=0) for values in (weights, bias, state, nudge, wanted)]
    truth, found = gradients(weights, bias, state, target, sizes), []
    noisy = load_model("neurons/leaky_integrator_noise")
    for temperature in temperatures:
        states = relaxation(*many[:3], duration=(depth + 2) * DT, dt=DT, nudge=many[3], target=many[4], device=device,
                            neuron=noisy.with_parameters(temperature=temperature), seed=seed)
        found.append([cosine((states[:, part, k + 1] - states[:, part, 0]).mean(axis=0)[None], truth[k])
                      for k, part in enumerate(layer_slices(sizes)) if k > 0])
    return np.array(found)


def by_time(depth, units, outputs, networks, gain, neuron, rng, device):
    """The change after a time t, in fine steps, against -(t/tau)^(k+1)/(k+1)! dC/dh_k: (layers, networks, times)."""
    *network, target, sizes = random_networks(depth, units, outputs, networks, gain, rng)
    nudge, wanted = nudged(target, sizes)
    states = relaxation(*network, duration=40.05 * ms, dt=.05 * ms, every=.5 * ms, tau=np.full(networks, 10) * ms,
                        nudge=nudge, target=wanted, neuron=neuron, device=device)[..., 1:]
    time, truth = np.arange(1, states.shape[-1] + 1) * .05, gradients(*network, target, sizes)
    cosines, ratios = [], []
    for k, part in list(enumerate(layer_slices(sizes)))[1:]:
        change = np.moveaxis(states[:, part] - network[2][:, part, None], -1, 1)        # (networks, times, units)
        cosines.append(cosine(change, truth[k][:, None]))
        law = time ** (k + 1) / factorial(k + 1) * np.linalg.norm(truth[k], axis=-1)[:, None]
        ratios.append(np.linalg.norm(change, axis=-1) / law)
    return {"time": time, "cosine_time": np.array(cosines), "ratio_time": np.array(ratios)}


# --- figure ----------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Size of the first changes; and what later times, other feedback weights and noise do to their direction."""
    a, headline = result.arrays, result.headline
    (upper, right), (lower, last) = figure.subplots(2, 2)
    small = np.array([a["rates"].min() / 1.3, a["rates"].max() * 1.3])
    for k in range(a["sizes"].shape[0]):
        colour, size = f"C{k}", a["sizes"][k].mean(axis=-1)
        law = (a["expected_sizes"][k] / a["rates"][:, None] ** (k + 2)).mean()
        upper.loglog(small, law * small ** (k + 2), color=colour, lw=1)
        upper.loglog(a["rates"], size, "o", color=colour, label=f"layer {k + 1}: slope {a['slopes'][k]:.3f}")
        later = a["ratio_time"][k]
        right.plot(a["time"], later.mean(axis=0), color=colour, label=f"layer {k + 1} below the outputs")
        right.fill_between(a["time"], later.min(axis=0), later.max(axis=0), color=colour, alpha=.15, lw=0)
        mean = a["cosine_angle"][:, k]
        lower.errorbar(a["angles"], mean.mean(axis=-1), mean.std(axis=-1), fmt="o", ms=4, capsize=2, color=colour)
        fine = np.linspace(0, 90, 100)
        lower.plot(fine, np.cos(np.deg2rad(fine)) ** (k + 1), color=colour, lw=1)
        last.semilogx(a["temperatures"], a["cosine_noise"][:, k, 0], "o-", ms=4, lw=1, color=colour)
    upper.set(xlabel="rate ε at which the outputs are driven", ylabel="size of the first change |Δh|")
    upper.set_xticks(a["rates"], [f"{rate:g}" for rate in a["rates"]])
    upper.minorticks_off()
    upper.legend(fontsize=8)
    heading(upper, "The first change is −ε^(k+1) ∂C/∂h: back-propagation",
            f"points: Brian2; lines: back-propagated gradient. {int(a['networks'])} networks of "
            f"{a['sizes'].shape[0]} hidden layers; smallest cosine, 1 to {a['sizes'].shape[0]} layers: "
            f"{headline['smallest_cosine']:.6f}")
    right.set(xlabel="time ε since the target appeared (τ)", ylabel="size over that of the law", ylim=(0, None))
    right.legend(fontsize=8)
    heading(right, "Later the law of size fails, the direction holds",
            "continuous time: −ε^(k+1)/(k+1)! ∂C/∂h; mean and range of the networks; the cosine stays above "
            f"{a['cosine_time'].min():.3f}")
    lower.set(xlabel="angle between forward and feedback weights (degrees)", ylabel="cosine with the gradient")
    heading(lower, "Feedback must be the transpose", "points: mean ± s.d. of the networks; lines: cos(angle)^k")
    last.set(xlabel="temperature of the noise", ylabel="cosine with the gradient", ylim=(-.6, 1.05))
    heading(last, "Deep layers drown in noise first",
            f"first change at ε = 0.1, mean of {int(a['trials'])} trials, one network")


if __name__ == "__main__":
    run_protocol()
