"""The noisy leaky integrator is a sampler: two coupled units follow the distribution exp(-E/T).

Bengio & Fischer (2015) arXiv:1510.02777, section 2.1: leaky integrators with injected noise do Langevin dynamics,
whose stationary law is that of the energy. Many copies of a pair of neurons run side by side in Brian2; their
potentials are compared with exp(-E/T) integrated on a grid, E being that of energy.py. The Kolmogorov-Smirnov test
counts the samples by their effective number (all of them over the integrated autocorrelation time). The pair, the
temperatures and the step are chosen here.
"""

import numpy as np
from brian2 import ms
from scipy.special import kolmogorov

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import corrected_p, corrected_z
from spikelearn.equilibrium.energy import Energy
from spikelearn.equilibrium.relaxation import relaxation
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (14, 4.8)
PAPER = "Bengio & Fischer (2015) section 2.1"
ACCEPTED = {
    "smallest_p": Accepted(.0027, 1, f"{PAPER}: Kolmogorov-Smirnov, smallest of both units and all temperatures, "
                                     "corrected for their number; as rare as 3 standard errors"),
    "largest_energy_z": Accepted(0, 3, f"{PAPER}: mean energy against quadrature, in standard errors, corrected for "
                                       "the number of temperatures"),
}
CLAIMS = {
    "smallest_p": "the noisy leaky integrator samples exp(-E/T): Kolmogorov-Smirnov test of its potentials",
    "largest_energy_z": "its mean energy is that of the law, in standard errors",
}
WEIGHTS, BIAS = np.array([[0, 1.4], [1.4, 0]]), np.array([-.3, -.25])      # two modes: chosen here
LOW, HIGH = -3.0, 4.0
SHORT_FORM = dict(repetitions=at_most(400), duration=at_most(500 * ms), warm_up=at_most(250 * ms))


@checked
def run(neuron="neurons/leaky_integrator_noise", *, temperatures=(.1, .2, .4), repetitions=1000, duration=1200 * ms,
        warm_up=400 * ms, every=10 * ms, dt=.1 * ms, seed=1, device="auto", quick=False):
    """Sample at each temperature. every : time between the samples of a copy. Returns a Result."""
    noisy, energy = load_model(neuron, "neuron"), Energy(WEIGHTS, BIAS)
    axis = np.linspace(LOW, HIGH, 1401)
    skipped, found = int(np.ceil(warm_up / every)), []
    for k, temperature in enumerate(temperatures):
        start = np.random.default_rng(seed + k).uniform(0, 1, (repetitions, 2))
        states = relaxation(np.tile(WEIGHTS, (repetitions, 1, 1)), np.tile(BIAS, (repetitions, 1)), start,
                            duration=duration, dt=dt, every=every, seed=seed + k, device=device,
                            neuron=noisy.with_parameters(temperature=temperature))[:, :, skipped:]
        found.append(compare(energy, states, temperature, axis))
    p, z = (np.array([one[key] for one in found]) for key in ("p", "energy_z"))
    headline = {"smallest_p": corrected_p(float(p.min()), p.size),
                "largest_energy_z": corrected_z(float(np.abs(z).max()), z.size, repetitions),
                "smallest_effective_sample_size": float(min(one["effective"].min() for one in found)),
                "samples_at_each_temperature": repetitions * states.shape[-1]}
    arrays = {key: np.array([one[key] for one in found]) for key in found[0]}
    return Result("langevin", {"temperatures": np.array(temperatures), "axis": axis, "dt": dt, **arrays}, headline)


def quadrature(energy, temperature, axis):
    """P(s1, s2) on the grid of `axis`, (points, points), sum 1; and the energy there."""
    E = energy.value(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1))
    P = np.exp(-(E - E.min()) / temperature)
    return P / P.sum(), E


def compare(energy, states, temperature, axis):
    """Histograms, distances and p of one temperature. states : (repetitions, 2, samples)."""
    P, E = quadrature(energy, temperature, axis)
    found = {"marginals": np.stack([P.sum(axis=1), P.sum(axis=0)]), "effective": np.zeros(2), "p": np.zeros(2)}
    bins = np.linspace(-1.5, 2.5, 81)
    found["bins"] = bins
    found["histogram"] = np.stack([np.histogram(states[:, unit], bins, density=True)[0] for unit in range(2)])
    joint = np.histogram2d(states[:, 0].ravel(), states[:, 1].ravel(), bins=(bins[::2], bins[::2]), density=True)[0]
    found["joint"] = joint
    for unit in range(2):
        x = np.sort(states[:, unit].ravel())
        half = (axis[1] - axis[0]) / 2
        cdf = np.interp(x, axis + half, np.cumsum(found["marginals"][unit]))
        steps = np.arange(x.size + 1) / x.size
        distance = max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1]))
        found["effective"][unit] = x.size / autocorrelation_time(states[:, unit])
        found["p"][unit] = kolmogorov(distance * np.sqrt(found["effective"][unit]))
    energies = energy.value(np.moveaxis(states, 1, -1)).mean(axis=-1)         # of each copy, independent
    found["energy_z"] = (energies.mean() - (P * E).sum()) / (energies.std(ddof=1) / np.sqrt(len(energies)))
    return found


def autocorrelation_time(x):
    """1 + 2 sum of the autocorrelations, in samples, up to the first within the noise. x : (repetitions, samples)."""
    d, time = x - x.mean(), 1.0
    for lag in range(1, x.shape[1] // 2):
        correlation = (d[:, lag:] * d[:, :-lag]).mean() / (d * d).mean()
        if correlation < 2 / np.sqrt(x.size):
            break
        time += 2 * correlation
    return time


def plot(result, figure):
    """Marginals at each temperature; where the pair is, against the lines of equal probability."""
    a, h = result.arrays, result.headline
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    axis, step = a["axis"], a["axis"][1] - a["axis"][0]
    for k, temperature in enumerate(a["temperatures"]):
        centres = (a["bins"][k][1:] + a["bins"][k][:-1]) / 2
        left.plot(centres, a["histogram"][k, 0], "o", ms=3, color=f"C{k}",
                  label=f"T = {temperature:g}: p = {a['p'][k].min():.2f}, {a['effective'][k].min():,.0f} effective "
                        "samples")
        left.plot(axis, a["marginals"][k, 0] / step, color=f"C{k}", lw=1.2)
    left.set(xlabel="potential s of unit 1", ylabel="probability density", xlim=(-1.5, 2.5))
    left.legend(fontsize=8)
    heading(left, "The noisy leaky integrator samples exp(−E/T)",
            f"points: {h['samples_at_each_temperature']:,} samples in Brian2, dt = {float(a['dt'] / ms):g} ms; lines: "
            "quadrature; p of the Kolmogorov-Smirnov test, the smaller of both units'")
    low, shown = int(len(a["temperatures"]) // 2), a["bins"][0][::2]
    right.pcolormesh(shown, shown, a["joint"][low].T, cmap="Greys")
    P, _ = quadrature(Energy(WEIGHTS, BIAS), float(a["temperatures"][low]), axis)
    levels = np.array([.02, .1, .3, .6, .9]) * P.max()
    right.contour(axis, axis, P.T, levels, colors="C1", linewidths=1)
    right.set(xlabel="potential s of unit 1", ylabel="potential s of unit 2", xlim=(-1.2, 2.2), ylim=(-1.2, 2.2))
    heading(right, f"Both units at T = {a['temperatures'][low]:g}", "grey: samples; lines: exp(−E/T)")


if __name__ == "__main__":
    run_protocol()
