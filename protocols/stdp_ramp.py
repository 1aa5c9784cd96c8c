"""Rate ramps: weight change while the post rate rises, stays or falls, at a fixed pre rate.

Bengio et al. (2015) arXiv:1509.05936: the voltage-derivative rule as dW ~ (pre rate) x d(post rate)/dt, so a rising
post rate potentiates and a falling one depresses, and only the difference of the end points counts. Independent
Poisson trains: the pre train lasts as long as the ramp; the post train begins before and ends after it, at constant
rates. The mean post rate is the same in all conditions. Post spikes are forced where the rule reads a potential.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import worst_z
from spikelearn.equations.content import same_code
from spikelearn.ranges.check import Range, checked, whole
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.stdp.comparison import each_rule, rules_of, side_by_side
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.trains import random_times, whole_steps
from spikelearn.stdp.weight_change import near_bound, outcome, post_neuron

FIGURE_SIZE = (10, 4.4)
MARGIN = 0.5 * second       # constant post rates before and after the ramp; chosen here
DEAD_TIME = 3 * ms          # shortest interval of spikes that a refractory neuron is forced to fire; chosen here
RISES = np.array([-60, -45, -30, -15, 0, 15, 30, 45, 60]) * Hz
ACCEPTED = {
    "slope_z": Accepted(4, 1e9, "rising rate = LTP, falling = LTD: the slope is positive, in standard errors"),
    "constant_rate_z": Accepted(-3, 3, "no change at a constant rate, in standard errors"),
    "worst_z": Accepted(0, 3, "closed form, in standard errors"),
}
RANGES = {"repetitions": whole(2, 20_000),       # of which the standard error is taken
          "rises": Range(-1000, 1000, unit="Hz", several=True, least=2)}
SHORT_FORM = dict(repetitions=at_most(100))
csv_table = of_each_rule("rises", "rate_pre", "rate_post", "duration", "repetitions", "change", "change_se",
                         "closed_form", "rule")


@checked
def run(synapse=("synapses/voltage_derivative_trace",), neuron=None, *, rate_pre=40 * Hz, rate_post=40 * Hz,
        rises=RISES, repetitions=600, duration=1 * second, dt=0.2 * ms, seed=1, device="auto", quick=False):
    """All ramps and repetitions side by side. rises : (n,) change of the post rate from start to end of a ramp;
    dt : grid of the spikes."""
    values = np.asarray(rises)

    def one(rule):
        rng, post_model = np.random.default_rng(seed), post_neuron(rule, neuron)
        dead_time = DEAD_TIME if post_model is not None and post_model.refractory else 0 * ms
        trains = [ramp(rate_pre, rate_post, rise, duration, dt, rng, dead_time)
                  for rise in np.repeat(values, repetitions) * Hz]
        found = outcome(trains, rule, neuron, dt=dt, drawn_on_grid=True, device=device, seed=seed)
        change = found.change.reshape(-1, repetitions)
        mean, error = change.mean(axis=1), change.std(axis=1, ddof=1) / np.sqrt(repetitions)
        arrays = {"rises": values * Hz, "rate_pre": rate_pre, "rate_post": rate_post, "duration": duration,
                  "repetitions": repetitions, "change": mean, "change_se": error, "rule": np.array(rule.title)}
        headline = line(values, mean, np.maximum(error, 1e-15)) | found.headline()
        law = closed_form(rule, neuron, values, rate_pre, rate_post, whole_steps(duration, dt), dt)
        if law is not None and (bound := near_bound(rule, change)):
            headline["worst_z"] = Missing(f"weights came near {bound}, and the closed form is that of weights far "
                                          "from their bounds")
        elif law is not None:
            arrays["closed_form"] = law
            headline["worst_z"] = worst_z(mean, np.maximum(error, 1e-15), law, repetitions)
        return arrays, headline, ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_ramp", arrays, headline, gaps=gaps)


def ramp(rate_pre, rate_post, rise, duration, dt, rng, dead_time=0 * ms):
    """One pre train at rate_pre and one post train whose rate changes by `rise` around rate_post: a Pairing."""
    length, margin = float(whole_steps(duration, dt)), float(whole_steps(MARGIN, dt))
    most = float(rate_post + abs(rise) / 2)
    pre = margin + random_times(float(rate_pre), length, rng, float(dt))
    post = random_times(most, length + 2 * margin, rng, float(dt), float(dead_time))
    progress = np.clip((post - margin) / length, 0, 1)
    wanted = float(rate_post) + float(rise) * (progress - .5)
    return Pairing(pre * second, post[rng.random(len(post)) * most < wanted] * second)


def closed_form(rule, neuron, rises, rate_pre, rate_post, duration, dt):
    """Mean relative change [ours]; None for a rule without a known form.

    A pair window W(s) sees y(t + s) = y + s y' at each pre spike: x (area of W * integral of y + moment of W * rise).
    For the trace form with an exponential after-potential that is eta x tau_s tau_v rise. Ramps are taken as much
    longer than the window; spikes fall on the grid of dt, pre before post in the same step.
    """
    p, x, rises = rule.parameters, float(rate_pre), np.asarray(rises)
    name = same_code(rule, "voltage_derivative_trace", "voltage_derivative", "stdp_pair")
    if name in ("voltage_derivative_trace", "voltage_derivative"):
        post = load_model(neuron or rule.neuron, "neuron")
        if not same_code(post, "afterpotential"):
            return None
        memory = 1 if name == "voltage_derivative" else float(p["tau_s"])
        return float(p["eta"]) * memory * x * float(post.parameters["tau_v"]) * rises
    if name == "stdp_pair":
        dt = float(dt)
        plus, minus = (np.exp(-dt / float(p[tau])) for tau in ("tau_plus", "tau_minus"))
        area = dt * (p["A_plus"] / (1 - plus) - p["A_minus"] * minus / (1 - minus))
        moment = dt ** 2 * (p["A_plus"] * plus / (1 - plus) ** 2 + p["A_minus"] * minus / (1 - minus) ** 2)
        return x * (area * float(rate_post) * float(duration) + moment * rises) / float(rule.initial["w"])
    return None


def line(rises, mean, error):
    """Headline: weighted straight line through change against rise, and the change at a constant rate."""
    coefficients, covariance = np.polyfit(rises, mean, 1, w=1 / error, cov="unscaled")
    found = {"percent_per_10_Hz_rise": 1000 * float(coefficients[0]),
             "slope_z": float(coefficients[0] / np.sqrt(covariance[0, 0]))}
    for name, k in (("rising_percent", np.argmax(rises)), ("falling_percent", np.argmin(rises))):
        found[name] = 100 * float(mean[k])
    constant = np.argmin(np.abs(rises))
    return found | {"constant_percent": 100 * float(mean[constant]),
                    "constant_rate_z": float(mean[constant] / error[constant])}


def plot(result, figure):
    """Left: post rate over time; right: weight change against the rise of the rate."""
    rules = each_rule(result)
    a = rules[0][2]
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    rises, y, T, margin = np.asarray(a["rises"]), float(a["rate_post"]), float(a["duration"]), float(MARGIN)
    colours = ["C3" if rise < 0 else "C0" if rise > 0 else "k" for rise in rises]
    for rise, colour in zip(rises, colours, strict=True):
        left.plot([-margin, 0, T, T + margin], y + rise * np.array([-.5, -.5, .5, .5]), color=colour, lw=1)
    left.axvspan(0, T, color="0.93", lw=0, label=f"pre spikes, {float(a['rate_pre']):g} Hz")
    left.set(xlabel="time (s)", ylabel="post rate y (Hz)", ylim=(0, None))
    left.legend(fontsize=8, loc="lower center")
    right.axhline(0, color="0.6", lw=.8, ls="--")
    right.axvline(0, color="0.6", lw=.8, ls="--")
    for rule, colour, own, _ in rules:
        name, dots = ("", "k") if len(rules) == 1 else (f"{rule}, ", colour)
        if "closed_form" in own:
            right.plot(rises, 100 * own["closed_form"], color=colour, lw=1.5, label=f"{name}closed form")
        right.errorbar(rises, 100 * own["change"], 100 * own["change_se"], fmt="o", color=dots, ms=4, capsize=2,
                       label=f"{name}simulated ± s.e.")
    right.set(xlabel=f"rise of the post rate in {T:g} s (Hz)", ylabel="weight change (%)")
    right.set_title(f"{' and '.join(rule for rule, *_ in rules)}: rate ramps\n"
                    f"Poisson trains around {y:g} Hz, {int(a['repetitions'])} a point, spikes imposed", fontsize=9)
    right.legend(fontsize=8)


if __name__ == "__main__":
    run_protocol()
