"""Random spikes: rate of weight change against the post rate, at a fixed pre rate (the BCM curve).

Bienenstock, Cooper & Munro (1982) J Neurosci 2:32; for triplet STDP, Pfister & Gerstner (2006) J Neurosci 26:9673,
for nearest-neighbour pairs Izhikevich & Desai (2003) Neural Comput 15:1511. Independent Poisson trains; post spikes
are forced where the rule reads a potential. The post train begins before and ends after the pre train, so that each
pre spike sees a stationary post neuron. Lines are closed forms, with spikes on the grid of the time step.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import worst_z
from spikelearn.equations.content import same_code
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import at_least, at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.stdp.comparison import each_rule, rules_of, side_by_side
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.trains import poisson, whole_steps
from spikelearn.stdp.weight_change import near_bound, outcome, post_neuron

MARGIN = 0.5 * second       # post spikes before and after the pre train; chosen here
DEAD_TIME = 3 * ms          # shortest interval of spikes that a refractory neuron is forced to fire; chosen here
RATES = np.array([1, 5, 10, 15, 20, 25, 30, 40, 50]) * Hz
ACCEPTED = {
    "worst_z": Accepted(0, 3, "closed form, in standard errors, corrected for the number of rates"),
    "threshold_closed_form_hz": Accepted(19.21, 19.23, "A2- tau- / (A3+ tau+ tau_y), visual cortex, minimal"),
}
RANGES = {"repetitions": whole(2, 20_000)}       # of which the standard error is taken
SHORT_FORM = dict(repetitions=at_most(20), duration=at_most(2 * second), dt=at_least(0.5 * ms))
csv_table = of_each_rule("rates_post", "rate_pre", "drift", "drift_se", "closed_form", "repetitions", "duration",
                         "rule")


@checked
def run(synapse=("synapses/stdp_triplet",), neuron=None, *, rate_pre=10 * Hz, rates_post=RATES, repetitions=60,
        duration=10 * second, dt=0.1 * ms, seed=1, device="auto", quick=False):
    """All post rates and repetitions at once. rates_post : (n,) rates; dt : grid of the spikes. Returns a Result."""
    y = np.asarray(rates_post)

    def one(rule):
        change, facts = drifts(rule, neuron, rate_pre, rates_post, repetitions, duration, dt, seed, device)
        drift, error = change.mean(axis=1), change.std(axis=1, ddof=1) / np.sqrt(repetitions)
        arrays = {"rates_post": y * Hz, "rate_pre": rate_pre, "drift": drift * Hz, "drift_se": error * Hz,
                  "repetitions": repetitions, "duration": duration, "rule": np.array(rule.title)}
        headline = {**facts, **crossing(y, drift, error, np.random.default_rng(seed)),
                    "largest_drift_per_s": float(np.max(np.abs(drift))),
                    "worst_z_of_no_drift": worst_z(drift, np.maximum(error, 1e-15), 0.0, repetitions)}
        law = closed_form(rule, y, rate_pre, dt)
        if law is not None and (bound := near_bound(rule, change * float(whole_steps(duration, dt)))):
            headline["worst_z"] = Missing(f"weights came near {bound}, and the closed form is that of weights far from "
                                          "their bounds")
        elif law is not None:
            fine = np.linspace(0.1, 1.05 * y.max(), 200)
            arrays |= {"closed_form": law * Hz, "fine_rates": fine * Hz,
                       "fine_form": closed_form(rule, fine, rate_pre, dt) * Hz}
            headline["worst_z"] = (worst_z(drift, error, law, repetitions) if error.all() else
                                   Missing("at some rate no copy differs from another"))
            headline["threshold_closed_form_hz"] = threshold(rule, rate_pre)
        return arrays, {key: value for key, value in headline.items() if value is not None}, ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_poisson", arrays, headline, gaps=gaps)


def drifts(rule, neuron, rate_pre, rates_post, repetitions, duration, dt, seed, device="auto"):
    """(relative weight change per second, (n_rates, repetitions); headline numbers of its accuracy)."""
    rng, post_model = np.random.default_rng(seed), post_neuron(rule, neuron)
    dead_time = DEAD_TIME if post_model is not None and post_model.refractory else 0 * ms
    trains, length, margin = [], whole_steps(duration, dt), whole_steps(MARGIN, dt)
    for rate in np.repeat(np.asarray(rates_post), repetitions) * Hz:
        pre = poisson(rate_pre, 0 * Hz, length, rng, dt=dt, lead_in=margin).pre
        post = poisson(0 * Hz, rate, length + 2 * margin, rng, dt=dt, dead_time=dead_time,
                       lead_in=0 * second).post
        trains.append(Pairing(pre, post))
    found = outcome(trains, rule, neuron, dt=dt, drawn_on_grid=True, device=device, seed=seed)
    return found.change.reshape(-1, repetitions) / float(length), found.headline()


def closed_form(rule, y, rate_pre, dt):
    """Mean relative weight change per second [ours], far from bounds; None for a rule without a known form.

    y : (n,) post rates in Hz. Spikes fall on the grid of dt, pre before post in the same step; dt = 0 is the limit of
    continuous time. Kempter, Gerstner & van Hemmen (1999); Izhikevich & Desai (2003); Pfister & Gerstner (2006).
    """
    p, x, dt = rule.parameters, float(rate_pre), max(float(dt), 1e-9)

    def trace(rate, tau, nearest=0.0, before=False):
        """Mean trace of a Poisson train at a spike of the other neuron; nearest : rate at which it is cut."""
        q = np.exp(-dt / float(tau))
        return rate * dt * (q if before else 1) / (1 - q * (1 - nearest * dt))

    name = same_code(rule, "stdp_pair", "stdp_pair_nearest", "stdp_triplet", "voltage_derivative_trace",
                     "vpf_asymmetric")
    if name in ("stdp_pair", "stdp_pair_nearest"):
        cut = y if name == "stdp_pair_nearest" else 0.0
        up = p["A_plus"] * trace(y, p["tau_plus"], cut)
        down = p["A_minus"] * trace(y, p["tau_minus"], cut, before=True)
        return x * (up - down) / float(rule.initial["w"])
    if name == "stdp_triplet":
        up = y * trace(x, p["tau_plus"]) * (p["A2_plus"] + p["A3_plus"] * trace(y, p["tau_y"], before=True))
        down = x * trace(y, p["tau_minus"], before=True) * (
            p["A2_minus"] + p["A3_minus"] * trace(x, p["tau_x"], before=True))
        return (up - down) / float(rule.initial["w"])
    if name in ("voltage_derivative_trace", "vpf_asymmetric"):
        balanced = name != "vpf_asymmetric" or p["A_plus"] == p["A_minus"]
        return np.zeros_like(y) if balanced else None
    return None


def threshold(rule, rate_pre, dt=0 * second):
    """Post rate in Hz between 0.1 and 200 at which the closed form changes from depression to potentiation, or None."""
    from scipy.optimize import brentq  # takes half a second to import

    def drift(y):
        return float(closed_form(rule, y, rate_pre, dt))

    return brentq(drift, 0.1, 200) if drift(0.1) < 0 < drift(200) else None


def crossing(y, drift, error, rng):
    """Post rate at which the measured drift turns from depression to potentiation, and its standard error.

    Root of a parabola through drift/y, weighted; standard error from 200 redraws of the means. Empty if there is no
    significant depression (3 standard errors) below significant potentiation.
    """
    error = np.maximum(error, 1e-15)
    down, up = np.flatnonzero(drift < -3 * error), np.flatnonzero(drift > 3 * error)
    if not (down.size and up.size and down.min() < up.max()):
        return {}

    def root(values):
        roots = np.roots(np.polyfit(y, values / y, 2, w=y / error))
        inside = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > y.min()) & (roots.real < y.max())]
        return inside.max() if inside.size else np.nan

    redrawn = [root(drift + error * rng.standard_normal(y.size)) for _ in range(200)]
    return {"threshold_hz": float(root(drift)), "threshold_se_hz": float(np.nanstd(redrawn))}


def plot(result, figure):
    """dw/dt against the post rate, closed forms as lines, thresholds marked."""
    rules, ax = each_rule(result), figure.subplots()
    ax.axhline(0, color="0.6", lw=.8, ls="--")
    for rule, colour, a, headline in rules:
        alone = len(rules) == 1
        name, dots = ("", "k") if alone else (f"{rule}, ", colour)
        if "fine_form" in a:
            ax.plot(np.asarray(a["fine_rates"]), np.asarray(a["fine_form"]), color=colour, lw=1.5,
                    label=f"{name}closed form")
        points = [np.asarray(a[key]) for key in ("rates_post", "drift", "drift_se")]
        ax.errorbar(*points, fmt="o", color=dots, ms=4, capsize=2, label=f"{name}simulated ± s.e.")
        thresholds = (("threshold_closed_form_hz", colour, "closed form"), ("threshold_hz", dots, "simulated"))
        for key, shade, word in thresholds:
            if key in headline and (alone or word == "simulated"):
                ax.axvline(headline[key], color=shade, lw=.8, ls=":",
                           label=f"{name}threshold, {word}: {headline[key]:.2f} Hz")
    ax.set(xlabel="post rate y (Hz)", ylabel="relative weight change dw/dt (1/s)", xlim=(0, None))
    ax.set_title(f"{' and '.join(rule for rule, *_ in rules)}: random spikes, pre at {float(a['rate_pre']):g} Hz\n"
                 f"independent Poisson trains, {int(a['repetitions'])} × {float(a['duration']):g} s per point",
                 fontsize=9)
    ax.legend(fontsize=8)


if __name__ == "__main__":
    run_protocol()
