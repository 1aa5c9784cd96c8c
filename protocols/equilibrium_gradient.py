"""Equilibrium propagation measures the gradient: the contrast of two equilibria against dJ/dtheta as the nudge shrinks.

Scellier & Bengio (2017) Front Comput Neurosci 11:24, theorem 1, and its stochastic form (Bengio's slides at NIPS
2016): (dF/dtheta at beta + xi minus at beta)/xi goes to dJ/dtheta. J is the cost at the fixed point; its gradient is
differentiated implicitly (energy.py, checked by finite differences). At a temperature T, J is the mean cost under
exp(-E/T) and its gradient is worked out by quadrature for two free units; Langevin chains with small nudges of either
sign, driven by the same noise, must meet it within their standard error. Networks, sizes and nudges are chosen here:
the source gives the theorem, no numbers.
"""

import numpy as np

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import worst_z
from spikelearn.equilibrium.energy import (
    HARD,
    LOGISTIC,
    Energy,
    Nudge,
    clamp,
    contrast,
    cost,
    exact_gradient,
    flat,
    langevin,
    layered,
    settle,
)
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, positive, whole
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (13, 4.6)
THEOREM = "Scellier & Bengio (2017) theorem 1"
ACCEPTED = {
    "worst_slope_one_sided": Accepted(.98, 1.02, f"{THEOREM}: the error is linear in the nudge"),
    "worst_slope_centred": Accepted(1.96, 2.04, f"{THEOREM}: quadratic where the nudge is centred"),
    "smallest_error_one_sided": Accepted(0, 1e-4, f"{THEOREM}: relative error at the best nudge"),
    "smallest_error_centred": Accepted(0, 1e-4, f"{THEOREM}: relative error at the best nudge"),
    "langevin_worst_z": Accepted(0, 3, "the stochastic theorem; truth by quadrature; standard errors, corrected for "
                                    "the number of parameters"),
}
CLAIMS = {
    "worst_slope_one_sided": "the error of the contrast falls linearly with a one-sided nudge",
    "worst_slope_centred": "it falls quadratically with a centred nudge",
    "smallest_error_one_sided": "at its best, the one-sided contrast is dJ/dtheta",
    "smallest_error_centred": "at its best, the centred contrast is dJ/dtheta",
    "langevin_worst_z": "with Langevin noise the contrast is unbiased",
}
CASES = {"layers, logistic ρ": (True, LOGISTIC), "layers, hard sigmoid": (True, HARD),
         "all to all, logistic ρ": (False, LOGISTIC)}
SMALL = np.array([[0, 0, .9, 0], [0, 0, -.6, .5], [.9, -.6, 0, 1.2], [0, .5, 1.2, 0]])   # 2 inputs, hidden, output
SMALL_BIAS, SMALL_INPUT, SMALL_TARGET = np.array([0, 0, -.3, .2]), np.array([.8, .3]), np.array([1.0])
RANGES = {"chains": whole(2, 100_000), "chain_steps": whole(10, 100_000), "nudges": positive(1, several=True)}
SHORT_FORM = dict(networks=at_most(3), chains=at_most(4000), chain_steps=at_most(1500))


@checked
def run(*, sizes=(10, 20, 15, 5), networks=10, gain=0.3, nudges=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, .5),
        fitted=(1e-4, 1e-2), temperature=0.1, xi=0.02, chains=20000, chain_steps=3000, chain_step=0.02, seed=1,
        quick=False):
    """Both parts. sizes : layers of the networks; nudges : values of xi; fitted : range of nudges of the slopes.

    temperature, xi, chains, chain_steps (a third of which are not counted), chain_step (dt/tau) : of the Langevin
    part, where xi is small enough for its own bias, which quadrature tells, to be far below the noise.
    """
    _refuse(nudges, fitted, xi, chains, chain_steps)
    if len(sizes) < 3:
        raise SpikelearnError(f"sizes must name three layers or more, inputs to outputs, not {len(sizes)}")
    rng, nudges = np.random.default_rng(seed), np.array(nudges)
    errors = {name: relative_errors(*case, sizes, networks, gain, nudges, rng) for name, case in CASES.items()}
    stacked = np.array([errors[name] for name in CASES])            # (cases, one-sided or centred, nudges, networks)
    used = (nudges >= fitted[0]) & (nudges <= fitted[1])
    if used.sum() < 2:
        raise SpikelearnError("fitted must be a range that contains at least two of the nudges")
    slopes = np.polyfit(np.log(nudges[used]), np.log(stacked[:, :, used]).mean(axis=-1).reshape(6, -1).T, 1)[0]
    slopes = slopes.reshape(3, 2)
    worst = slopes[np.abs(slopes / (1, 2) - 1).argmax(axis=0), (0, 1)]
    best = stacked.mean(axis=-1).min(axis=-1).max(axis=0)
    noisy = stochastic(temperature, xi, chains, chain_steps, chain_step, rng)
    headline = {"worst_slope_one_sided": float(worst[0]), "worst_slope_centred": float(worst[1]),
                "smallest_error_one_sided": float(best[0]), "smallest_error_centred": float(best[1]),
                "langevin_worst_z": noisy.pop("worst_z"), "langevin_bias_of_xi_z": noisy.pop("bias_z"),
                "langevin_relative_error": float(np.linalg.norm(noisy["estimate"] - noisy["truth"])
                                                 / np.linalg.norm(noisy["truth"]))}
    arrays = {"nudges": nudges, "errors": stacked, "slopes": slopes, "cases": np.array(list(CASES)),
              "temperature": temperature, "xi": xi, "chains": chains, **noisy}
    return Result("equilibrium_gradient", arrays, headline)


def _refuse(nudges, fitted, xi, chains, chain_steps):
    for name, given in (("nudges", nudges), ("xi", (xi,))):
        if not all(0 < value < 1 for value in given):
            raise SpikelearnError(f"{name} must lie above 0 and below 1, not {', '.join(f'{v:g}' for v in given)}: "
                                  "nudged by -1, the energy has no minimum")
    if len(fitted) != 2 or len({nudge for nudge in nudges if fitted[0] <= nudge <= fitted[1]}) < 2:
        raise SpikelearnError(f"fitted must be two numbers with at least two of the nudges from one to the other, "
                              f"not {', '.join(f'{v:g}' for v in fitted)}")
    if chains < 2 or chain_steps < 10:
        raise SpikelearnError(f"chains must be at least 2 and chain_steps at least 10, not {chains} and {chain_steps}")


def random_network(in_layers, rho, sizes, gain, rng):
    """A network whose inputs are clamped, its fixed point, a target, and which weights it has, (n, n) of bool.

    The potentials of the fixed point are drawn from .2 to .8 and the biases chosen to fit, as in early_inference.
    """
    n = sum(sizes)
    if in_layers:
        weights = layered([gain * rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in
                           zip(sizes[:-1], sizes[1:], strict=True)])
    else:
        upper = np.triu(gain * rng.standard_normal((n, n)) / np.sqrt(n), 1)
        weights = upper + upper.T
    state = rng.uniform(.2, .8, n)
    bias = state / rho.slope(state) - weights @ rho.value(state)
    free = clamp(Energy(weights, bias, rho), state[:sizes[0]])
    return free, settle(free, state[sizes[0]:]), rng.uniform(0, 1, sizes[-1]), free.weights != 0


def relative_errors(in_layers, rho, sizes, networks, gain, nudges, rng):
    """Relative error of the contrast, (one-sided or centred, nudges, networks)."""
    found = np.zeros((2, len(nudges), networks))
    for network in range(networks):
        energy, s, target, mask = random_network(in_layers, rho, sizes, gain, rng)
        truth = flat(exact_gradient(energy, s, target), mask)
        for k, xi in enumerate(nudges):
            up, down = (settle(energy, s, Nudge(sign * xi, target)) for sign in (1, -1))
            for row, estimate in enumerate((contrast(energy, up, s, xi), contrast(energy, up, down, 2 * xi))):
                error = flat(estimate, mask) - truth
                found[row, k, network] = np.linalg.norm(error) / np.linalg.norm(truth)
    return found


# --- the stochastic form -----------------------------------------------------------------------------------------

def statistics(energy, s):
    """The derivatives of E by all parameters of the small network: w of hidden-output, then the two biases."""
    return flat(energy.by_parameters(s), energy.weights != 0)


def law_on_grid(energy, temperature, nudge=None, low=-2.0, high=3.0, points=801):
    """States (points^2, 2) and their probabilities under exp(-(E + beta C)/T), by quadrature."""
    axis = np.linspace(low, high, points)
    s = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    weight = -energy.value(s, nudge) / temperature
    P = np.exp(weight - weight.max())
    return s, P / P.sum()


def thermal_gradient(energy, target, temperature):
    """dJ/dtheta of J = <C>: -cov(C, dE/dtheta)/T under exp(-E/T), by quadrature."""
    s, P = law_on_grid(energy, temperature)
    C, by_theta = cost(s, target), statistics(energy, s)
    return -(P @ (C[:, None] * by_theta) - (P @ C) * (P @ by_theta)) / temperature


def stochastic(temperature, xi, chains, steps, step, rng):
    """Langevin chains nudged by +xi and -xi with the same noise: estimate, its standard error, and the truth."""
    energy = clamp(Energy(SMALL, SMALL_BIAS, LOGISTIC), SMALL_INPUT)
    truth, draws, sums = thermal_gradient(energy, SMALL_TARGET, temperature), rng.integers(2**32), []
    for sign in (1, -1):
        total, visits = np.zeros((chains, 3)), [0]

        def visit(s, total=total, visits=visits):
            visits[0] += 1
            if visits[0] > steps // 3 and visits[0] % 5 == 0:
                total += statistics(energy, s)

        own = np.random.default_rng(draws)
        langevin(energy, own.uniform(0, 1, (chains, 2)), temperature, Nudge(sign * xi, SMALL_TARGET), step=step,
                 steps=steps, rng=own, visit=visit)
        sums.append(total / len([k for k in range(1, steps + 1) if k > steps // 3 and k % 5 == 0]))
    each = (sums[0] - sums[1]) / (2 * xi)
    estimate, se = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(chains)
    laws = [law_on_grid(energy, temperature, Nudge(sign * xi, SMALL_TARGET)) for sign in (1, -1)]
    exact = [P @ statistics(energy, s) for s, P in laws]
    bias = (exact[0] - exact[1]) / (2 * xi) - truth
    return {"estimate": estimate, "estimate_se": se, "truth": truth,
            "worst_z": worst_z(estimate, se, truth, chains), "bias_z": float(np.max(np.abs(bias) / se))}


# --- figure ----------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Error against nudge for three kinds of networks; the stochastic estimate against quadrature."""
    a = result.arrays
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    for case, name in enumerate(a["cases"]):
        for row, (style, word) in enumerate((("o--", "one-sided"), ("s-", "centred"))):
            left.loglog(a["nudges"], a["errors"][case, row].mean(axis=-1), style, color=f"C{case}", ms=4, lw=1.2,
                        label=f"{name}, {word}: slope {a['slopes'][case, row]:.3f}")
    left.axhline(1e-4, color="0.5", lw=.8, ls=":")
    left.set(xlabel="nudge ξ", ylabel="relative error of the estimate of dJ/dθ")
    left.legend(fontsize=8)
    heading(left, "Equilibrium propagation: the contrast of two equilibria becomes the gradient",
            f"mean of {a['errors'].shape[-1]} random networks each; truth: implicit differentiation; "
            "at the far left, rounding")
    names, x = ["weight\nhidden–output", "bias\nhidden", "bias\noutput"], np.arange(3)
    right.bar(x, a["truth"], .5, color="0.8", label="quadrature")
    right.errorbar(x, a["estimate"], 3 * a["estimate_se"], fmt="k.", capsize=4, label="Langevin contrast ± 3 s.e.")
    right.axhline(0, color="k", lw=.8)
    right.set_xticks(x, names, fontsize=8)
    right.set(ylabel="gradient of the mean cost dJ/dθ")
    right.legend(fontsize=8)
    heading(right, "The same with noise", f"temperature {float(a['temperature']):g}, nudge ± {float(a['xi']):g}, "
            f"{int(a['chains'])} chains; worst z {result.headline['langevin_worst_z']:.2f}")


if __name__ == "__main__":
    run_protocol()
