"""The STDP window: weight change against the interval of one pre and one post spike.

Bi & Poo (1998) J Neurosci 18:10464, Fig. 7: 60 pairs at 1 Hz, delta_t = t_post - t_pre from -100 to 100 ms, cultured
hippocampal neurons. In the experiment both spikes are evoked by current; here they are imposed, in a rule that reads
the potential by the forced spike of its neuron. Exponentials are fitted to either side; delta_t = 0 belongs to none.
E is over our own bin means of a digitisation of the figure, which leaves out -7 to 0 ms, where LTP and LTD overlap.
"""

import numpy as np
from brian2 import Hz, ms

from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured, scores, zero_lines
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_least, at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.stdp import spike_times as pairing
from spikelearn.stdp.comparison import each_rule, induced_in, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment, null_score, score, table
from spikelearn.stdp.exponentials import exponential_through
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (7, 4.8)
PUT_IN = "Bi & Wang (2002), put into stdp_pair: what goes in must come out"
ACCEPTED = {
    "A_plus_percent": Accepted(77.69, 77.71, PUT_IN), "tau_plus_ms": Accepted(16.79, 16.81, PUT_IN),
    "A_minus_percent": Accepted(27.29, 27.31, PUT_IN), "tau_minus_ms": Accepted(33.69, 33.71, PUT_IN),
}
SHORT_FORM = dict(pairs=at_most(5), spacing=at_least(10 * ms))
csv_table = of_each_rule("delta_t", "change", "pairs", "rate", "rule", "neuron")


@checked
def run(synapse=("synapses/stdp_pair",), neuron=None, *, pairs=60, rate=1 * Hz, widest=100 * ms, spacing=1 * ms,
        dt=None, read_after=READ_AFTER, seed=1, device="auto", quick=False):
    """`pairs` pairs at `rate`, delta_t from -widest to widest in steps of `spacing`; quick: 5 pairs, 10 ms apart."""
    it, steps = experiment("bi_poo_window"), int(np.floor(widest / spacing + 1e-9))
    delta_t = np.arange(-steps, steps + 1) * spacing
    pairings = [pairing.pairs(interval, pairs, rate) for interval in [*delta_t, *it.columns["delta_t_ms"] * ms]]

    def one(rule):
        post = post_neuron(rule, neuron)
        found = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
        window, at_bins = found.change[:len(delta_t)], found.change[len(delta_t):]
        A_plus, tau_plus = exponential(delta_t / ms, window)
        A_minus, tau_minus = exponential(-delta_t / ms, window)
        headline = dict(A_plus_percent=percent(A_plus), tau_plus_ms=tau_plus, A_minus_percent=percent(A_minus, -1),
                        tau_minus_ms=tau_minus, E_bi_poo_window=score(at_bins, it.mean, it.sem),
                        E_null_bi_poo_window=null_score(it.mean, it.sem), **found.headline())
        arrays = dict(delta_t=delta_t, change=window, change_at_bins=at_bins, measured=it.mean, measured_sem=it.sem,
                      bin_from=it.columns["from_ms"] * ms, bin_to=it.columns["to_ms"] * ms, pairs=pairs, rate=rate,
                      rule=rule.title, neuron=post.title if post else "")
        return arrays, headline, ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_window", arrays, headline, gaps=gaps)


def exponential(distance_ms, change):
    """Amplitude and time constant (ms) of A exp(-distance/tau) on the side distance > 0.

    Both are Missing where there is no exponential to fit.
    """
    side = distance_ms > 0
    x, y = np.asarray(distance_ms)[side], change[side]
    first = y[np.argmin(x)] if y.size else 0
    if abs(first) < 1e-9 or y.size < 3:
        return (Missing("the window has fewer than three points on this side" if y.size < 3 else
                        "the weight does not change on this side"),) * 2
    return exponential_through(x, y) or (Missing("no exponential fits this side"),) * 2


def percent(amplitude, sign=1):
    """An amplitude in percent; Missing stays what it is."""
    return amplitude if isinstance(amplitude, Missing) else sign * 100 * amplitude


def plot(result, figure):
    """The windows over the binned measurements and the published exponentials."""
    rules, axes = each_rule(result), figure.subplots()
    a = rules[0][2]
    x = np.asarray(a["delta_t"] / ms)
    zero_lines(axes)
    fit = table("bi_wang2002_fit")
    for side, amplitude, tau in zip((1, -1), fit["amplitude"], fit["tau_ms"], strict=True):
        d = side * np.linspace(0, max(100, x.max()), 200)
        axes.plot(d, 100 * amplitude * np.exp(-np.abs(d) / tau), color="k", lw=.9, ls=(0, (4, 3)), zorder=4,
                  label="fit of Bi & Wang (2002)" if side > 0 else None)
    centre, half = (a["bin_from"] + a["bin_to"]) / (2 * ms), (a["bin_to"] - a["bin_from"]) / (2 * ms)
    measured(axes, centre, 100 * a["measured"], 100 * a["measured_sem"], xerr=half, capsize=0,
             label="Bi & Poo (1998), means of bins ± s.e.m.")
    for rule, colour, own, _ in rules:
        for side in (x < 0, x >= 0):
            axes.plot(x[side], 100 * own["change"][side], color=colour, lw=2, label=rule if side[-1] else None)
    axes.set(xlabel="spike timing Δt = t_post − t_pre (ms)", ylabel="change in EPSC amplitude (%)",
             xlim=(x.min() - 3, x.max() + 3))
    heading(axes, f"STDP window of {' and '.join(rule for rule, *_ in rules)}",
            f"{int(a['pairs'])} pairs at {float(a['rate']):g} Hz, {induced_in(rules)}")
    scores(axes, {rule: numbers["E_bi_poo_window"] for rule, _, _, numbers in rules},
           result.headline["E_null_bi_poo_window"])
    axes.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    run_protocol()
