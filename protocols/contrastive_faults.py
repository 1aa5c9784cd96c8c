"""A failure of contrastive Hebbian learning: its two phases can settle in different minima of the energy.

Bengio (2016), slides at NIPS: clamped outputs can lead the network into another mode than the free phase, and the
contrast of the two is then no descent direction; equilibrium propagation (Scellier & Bengio (2017) Front Comput
Neurosci 11:24) moves the outputs only slightly and stays in the same mode. 1,000 random networks with strong
weights, chosen here to have several modes; both phases of contrastive Hebbian learning start from the same random
state. An update leads uphill if its product with -dJ/dtheta is not positive, J the cost of the free phase,
differentiated implicitly (energy.py): all of it, or its hidden part alone (weights and biases that touch no output).
Modes differ if the network does not return to its free state when its outputs are released.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium.energy import (
    LOGISTIC,
    Energy,
    Nudge,
    clamp,
    contrast,
    cosine,
    cost,
    exact_gradient,
    flat,
    relax,
    settle,
)
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, every
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (14, 4.6)
SLIDES = "Bengio (2016) slides"
ACCEPTED = {
    "uphill_percent_ep": Accepted(0, 0.1, f"{SLIDES}: equilibrium propagation follows the gradient"),
    "uphill_percent_ep_hidden": Accepted(0, 0.1, f"{SLIDES}: equilibrium propagation follows the gradient"),
    "uphill_percent_chl_other_mode": Accepted(1, 100, f"{SLIDES}: such cases exist; bound chosen here"),
    "uphill_percent_chl_other_mode_hidden": Accepted(10, 100, f"{SLIDES}: such cases exist; bound chosen here"),
    "chl_excess_of_other_mode_hidden": Accepted(1.5, 1e6, f"{SLIDES}: it is the modes; bound chosen here"),
}
CLAIMS = {
    "uphill_percent_ep": "no update of equilibrium propagation leads uphill (per cent of random networks)",
    "uphill_percent_ep_hidden": "nor does its hidden part",
    "uphill_percent_chl_other_mode": "where its phases fall into different modes, some updates of contrastive Hebbian "
                                     "learning lead uphill (per cent)",
    "uphill_percent_chl_other_mode_hidden": "and many of their hidden parts do (per cent)",
    "chl_excess_of_other_mode_hidden": "hidden parts lead uphill more often where the modes differ than where they "
                                       "agree (ratio)",
}
SHORT_FORM = dict(steps=at_most(1200), nudges=every(4))       # as many networks: few of them lead uphill


@checked
def run(*, networks=1000, inputs=4, hidden=20, outputs=2, gain=6.0, nudges=(1e-3, 1e-2, .1, .3, 1.0, 3.0, 10.0),
        steps=2000, seed=1, quick=False):
    """Both rules on the same networks. gain : weights have the standard deviation gain/sqrt(units)."""
    rng, n = np.random.default_rng(seed), inputs + hidden + outputs
    upper = np.triu(gain * rng.standard_normal((networks, n, n)) / np.sqrt(n), 1)
    weights = upper + np.swapaxes(upper, -1, -2)
    bias = -weights.sum(axis=-1) / 2                    # rho around 1/2 excites no one: chosen here
    free_energy = clamp(Energy(weights, bias, LOGISTIC), rng.uniform(0, 1, (networks, inputs)))
    target = rng.integers(0, 2, (networks, outputs)).astype(float)
    start = rng.uniform(0, 1, (networks, n - inputs))
    free = settle(free_energy, start, steps=steps)
    good, truth = at_minimum(free_energy, free), exact_gradient(free_energy, free, target)
    second = {f"{beta:g}": (beta, nudged_phase(free_energy, free, target, beta, steps)) for beta in nudges}
    second["clamped"] = 1.0, clamped_phase(free_energy, start, target, steps)
    angles, other = [], []
    for beta, state in second.values():
        update = contrast(free_energy, state, free, beta)
        angles.append([cosine(row(update, part), row(truth, part))[good] for part in (outputs, 0)])
        released = relax(free_energy, state, steps=steps)
        other.append((np.linalg.norm(released - free, axis=-1) > .1)[good])
    return _result(np.array(nudges), np.array(angles), np.array(other), cost(free, target)[good])


def row(gradients, outputs):
    """Gradients as one row; outputs > 0: those that touch none of the last `outputs` units, 0: all."""
    by_weights, by_biases = gradients
    units = by_biases.shape[-1] - outputs
    return flat((by_weights[..., :units, :units], by_biases[..., :units]), np.ones((units, units)))


def at_minimum(energy, s):
    """Which networks have come to a minimum of their energy, (networks,) of bool."""
    still = np.linalg.norm(energy.gradient(s), axis=-1) < 1e-9
    return still & (np.linalg.eigvalsh(energy.jacobian(s)).min(axis=-1) > 1e-3)


def nudged_phase(energy, free, target, beta, steps):
    """Fixed points under a nudge of the outputs, from the free state."""
    slow = 1 + beta / 5                                # shorter steps where the nudge is stiff
    return settle(energy, free, Nudge(beta, target), step=.1 / slow, steps=int(steps * slow))


def clamped_phase(energy, start, target, steps):
    """Fixed points of the hidden units with the outputs held at the target, from the start. All units."""
    outputs = target.shape[-1]
    s = start.copy()
    s[:, -outputs:] = target
    for _ in range(steps):
        s[:, :-outputs] += .1 * energy.velocity(s)[:, :-outputs]
    return s


def _result(nudges, angles, other, costs):
    """angles : (nudges and clamped, hidden part or all, networks); other : (nudges and clamped, networks)."""
    uphill, moved, headline = 100 * (angles <= 0), other[-1], {}
    for part, key in enumerate(("_hidden", "")):
        chl = uphill[-1, part]
        headline |= {f"uphill_percent_ep{key}": float(uphill[0, part].mean()),
                     f"uphill_percent_chl{key}": float(chl.mean()),
                     f"uphill_percent_chl_other_mode{key}": float(chl[moved].mean()) if moved.any() else np.nan,
                     f"uphill_percent_chl_same_mode{key}": float(chl[~moved].mean())}
    headline["chl_excess_of_other_mode_hidden"] = (headline["uphill_percent_chl_other_mode_hidden"]
                                                   / max(headline["uphill_percent_chl_same_mode_hidden"], 1e-3))
    headline |= {"other_mode_percent_chl": float(100 * moved.mean()),
                 "other_mode_percent_ep": float(100 * other[0].mean()), "networks_at_a_minimum": len(moved)}
    return Result("contrastive_faults", {"nudges": nudges, "cosine": angles, "other_mode": other, "cost": costs},
                  headline)


def plot(result, figure):
    """Cosines of the hidden parts with the descent direction; shares against the strength of the nudge."""
    a, h = result.arrays, result.headline
    left, middle, right = figure.subplots(1, 3)
    bins, moved = np.linspace(-1, 1, 41), a["other_mode"][-1].astype(bool)
    ep, chl = a["cosine"][0, 0], a["cosine"][-1, 0]
    left.hist(ep, bins, color="C0", label=f"uphill: {h['uphill_percent_ep_hidden']:.1f} %")
    heading(left, f"Equilibrium propagation, nudge {a['nudges'][0]:g}", f"hidden part; {ep.size} random networks")
    middle.hist([chl[~moved], chl[moved]], bins, stacked=True, color=["0.7", "C3"],
                label=[f"phases in the same mode: {h['uphill_percent_chl_same_mode_hidden']:.1f} % uphill",
                       f"in different modes: {h['uphill_percent_chl_other_mode_hidden']:.1f} % uphill"])
    heading(middle, "Contrastive Hebbian learning: outputs clamped", "hidden part; the same networks")
    for axes in (left, middle):
        axes.axvspan(-1, 0, color="C3", alpha=.07, lw=0)
        axes.set(xlabel="cosine of the update with −dJ/dθ", ylabel="networks", xlim=(-1, 1))
        axes.legend(fontsize=8, loc="upper left")
    x = np.append(a["nudges"], a["nudges"][-1] * 10)
    uphill = a["cosine"] <= 0
    for values, words, colour in ((uphill[:, 0], "hidden part leads uphill", "C3"),
                                  (uphill[:, 1], "whole update leads uphill", "C4"),
                                  (a["other_mode"], "second phase in another mode", "C1")):
        share = 100 * values.mean(axis=-1)
        right.semilogx(x[:-1], share[:-1], "o-", color=colour, label=words)
        right.semilogx(x[-1], share[-1], "s", color=colour)
    right.set_xticks([1e-3, 1e-2, .1, 1, x[-1]], ["0.001", "0.01", "0.1", "1", "clamped (CHL)"])
    right.minorticks_off()
    right.set(xlabel="strength of the nudge β", ylabel="networks (%)", ylim=(-1, None))
    right.legend(fontsize=8)
    heading(right, "From one to the other", "the stronger the nudge, the more networks change their mode")


if __name__ == "__main__":
    run_protocol()
