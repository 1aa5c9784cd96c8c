"""Calcium-based plasticity: STDP windows of nine parameter sets, and the dependence on pairing rate in cortex.

Graupner & Brunel (2012) PNAS 109:3991, figures 2 and 4: 60 pairs at 1 Hz, strength after/before of many noisy synapses;
pairs at a rising rate with the set fitted to visual cortex. All are exact from spike to spike. The measurements are
those of Sjostrom, Turrigiano & Nelson (2001), as tabulated by Pfister & Gerstner (2006). Above about 29 Hz every
interval of 75 pairs potentiates: the intervals of a pair reach half a period to either side.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured
from spikelearn.ranges.check import checked, positive
from spikelearn.ranges.quick import at_least, every
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.stdp.experiments import experiment
from spikelearn.stdp.spike_times import pairs as pairing
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (14, 6.5)
FITTED = "cortical_slices"
RATES = np.array([.1, 2, 5, 8, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50]) * Hz
SEARCHED = np.arange(26, 34, .5)        # Hz, rates among which potentiation at every interval is looked for
STRENGTH = "exact mean and variance, the article's stochastic run within .02"
ACCEPTED = {
    "strength_DP_minus_20_ms": Accepted(.74, .78, f".760 to .764: {STRENGTH}"),
    "strength_DP_20_ms": Accepted(1.15, 1.20, f"1.172 to 1.188: {STRENGTH}"),
    "all_potentiate_above_hz": Accepted(29.0, 29.2, "29.11 Hz: gamma_p f_p = gamma_d f_d in the closed form"),
}
RANGES = {"spacing": positive(1, unit="second")}
SHORT_FORM = dict(spacing=at_least(20 * ms), rates=every(3))      # and two of the parameter sets


@checked
def run(synapse="synapses/calcium_population", neuron=None, *, pairs=60, rate=1 * Hz, widest=100 * ms, spacing=2 * ms,
        rates=RATES, frequency_pairs=75, read_after=READ_AFTER, seed=1, device="auto", quick=False):
    """Every parameter set of the rule over delta_t; its fitted set over rates. quick: two sets, 20 ms apart."""
    rule = load_model(synapse, "synapse")
    post, options = post_neuron(rule, neuron), dict(read_after=read_after, seed=seed, device=device)
    steps = int(np.floor(widest / spacing + 1e-9))
    delta_t = np.arange(-steps, steps + 1) * spacing
    names = list(rule.sets) or [""]
    names = [name for name in names if name in ("DP", FITTED)] or names[:1] if quick else names
    one_window = [pairing(d, pairs, rate) for d in delta_t]
    window = np.array([1 + outcome(one_window, chosen(rule, name), post, **options).change for name in names])
    arrays = dict(delta_t=delta_t, window=window, sets=np.array(names), pairs=pairs, rate=rate, rule=rule.title)
    headline = {f"strength_{name}_{sign}{at}_ms": float(window[k, np.argmin(np.abs(delta_t / ms - x))])
                for k, name in enumerate(names) for sign, at, x in (("minus_", 20, -20), ("", 20, 20))}
    fitted = chosen(rule, FITTED if FITTED in rule.sets else "")
    arrays |= frequency(fitted, post, rates, frequency_pairs, options)
    lowest, worst = potentiation_everywhere(fitted, post, frequency_pairs, options)
    headline["all_potentiate_above_hz"] = lowest
    arrays |= dict(searched=SEARCHED * Hz, least_change=worst, frequency_pairs=frequency_pairs)
    return Result("calcium_window", arrays, headline)


def chosen(rule, name):
    """The rule with one of its parameter sets; "" is as it stands."""
    return rule.with_parameters(parameters=name) if name else rule


def frequency(rule, post, rates, n, options):
    """Strength after `n` pairs at each rate, at +-10 ms, beside the measurements."""
    it = experiment("sjostrom_frequency")
    rho = np.asarray(rates / Hz)
    if np.any(rho > 90):
        raise SpikelearnError("rates must stay below 90 Hz, so that pairs of 10 ms do not overlap")
    found = outcome([pairing(d * ms, n, r * Hz) for d in (10, -10) for r in rho], rule, post, **options).change
    return dict(rates=rates, strength_plus=1 + found[:len(rho)], strength_minus=1 + found[len(rho):],
                measured_rho=it.columns["repeat_hz"] * Hz, measured_delta_t=it.columns["delta_t_ms"] * ms,
                measured=it.mean, measured_sem=it.sem)


def potentiation_everywhere(rule, post, n, options):
    """Lowest rate in Hz above which every interval of `n` pairs potentiates; least change at each searched rate."""
    part = np.linspace(-.499, .499, 61)             # of the period, by which post is later
    found = outcome([pairing(x / rho * second, n, rho * Hz) for rho in SEARCHED for x in part], rule, post,
                    **options).change.reshape(len(SEARCHED), -1)
    least = found.min(axis=1)
    below = np.flatnonzero(least <= 0)
    if not below.size or below[-1] + 1 == len(SEARCHED):
        return Missing(f"no such rate between {SEARCHED[0]:g} and {SEARCHED[-1]:g} Hz"), least
    k = below[-1]
    return float(np.interp(0, least[k:k + 2], SEARCHED[k:k + 2])), least


def plot(result, figure):
    """Nine small windows; strength against rate with the measurements."""
    a, names = result.arrays, [str(name) for name in result.arrays["sets"]]
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1])
    columns = min(3, len(names))
    panels = left.subplots(-(-len(names) // columns), columns, squeeze=False, sharex=True)
    x = np.asarray(a["delta_t"] / ms)
    for axes, name, strength in zip(panels.ravel(), names, a["window"], strict=False):
        axes.plot(x, strength, "C0", lw=1.8)
        axes.axhline(1, color="0.6", lw=.8, ls="--", zorder=0)
        axes.axvline(0, color="0.6", lw=.8, ls="--", zorder=0)
        axes.set_title(name.replace("_", " ") or str(a["rule"]), fontsize=9)
        axes.tick_params(labelsize=8)
    for axes in panels.ravel()[len(names):]:
        axes.axis("off")
    left.supxlabel("spike timing Δt = t_post − t_pre (ms)", fontsize=9)
    left.supylabel("strength after/before", fontsize=9)
    left.suptitle(f"{a['rule']}: {int(a['pairs'])} pairs at {float(a['rate']):g} Hz", fontsize=10)
    axes, rho = right.subplots(), np.asarray(a["rates"])
    for key, sign, style, face in (("plus", 10, "-", "k"), ("minus", -10, "--", "white")):
        axes.plot(rho, a[f"strength_{key}"], f"C0{style}", lw=2, label=f"rule, Δt = {sign:+d} ms")
        used = np.asarray(a["measured_delta_t"] / ms) == sign
        measured(axes, np.asarray(a["measured_rho"])[used], 1 + a["measured"][used], a["measured_sem"][used], mfc=face,
                 label=f"measured, {sign:+d} ms ± s.e.m.")
    axes.axhline(1, color="0.6", lw=.8, ls="--", zorder=0)
    lowest = result.headline.get("all_potentiate_above_hz")
    if isinstance(lowest, float):
        axes.axvline(lowest, color="C3", lw=1, ls=":", label=f"all intervals potentiate above {lowest:.1f} Hz")
    axes.set(xlabel="pairing rate ρ (Hz)", ylabel="strength after/before")
    axes.legend(fontsize=8, loc="upper left")
    heading(axes, f"{names[-1].replace('_', ' ')}: rate of the pairs",
            f"{int(a['frequency_pairs'])} pairs; Sjöström et al. (2001)")


if __name__ == "__main__":
    run_protocol()
