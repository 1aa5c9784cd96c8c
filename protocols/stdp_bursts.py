"""Bursts: weight change after an EPSP paired with one to three action potentials.

Nevian & Sakmann (2006) J Neurosci 26:11001, text and Fig. 3: layer 2/3 pyramids of rat barrel cortex, 60 pairings at
0.1 Hz, action potentials by current injection. Delta t: nearest action potential minus EPSP; delta t': first action
potential minus EPSP. Panels: number of action potentials at 50 Hz, rate of three, and delta t' of three at 50 Hz.
Here the EPSP is a pre spike without effect on the potential. E is over all 16 conditions, controls included.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured, scores
from spikelearn.ranges.check import checked
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import each_rule, induced_in, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.trains import bursts
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (12.5, 4.4)
NUMBERS = np.array([1, 2, 3])
RATES = np.array([20, 25, 40, 50, 100])         # Hz, periods in whole milliseconds
FIRST = np.arange(-100, 65, 5)                  # delta t' in ms
ACCEPTED = {}
csv_table = of_each_rule("conditions", "n_ap", "burst_hz", "nearest_ms", "first_ms", "control", "measured",
                         "measured_sem", "rule", "neuron")


@checked
def run(synapse=("synapses/stdp_voltage",), neuron=None, *, dt=None, read_after=READ_AFTER, seed=1, device="auto",
        quick=False):
    """The measured conditions and the curves of the three panels; quick: the first two pairings of each."""
    it = experiment("nevian_bursts")
    asked = dict(
        conditions=list(it.pairings),
        number_plus=[bursts(10 * ms, n, 50 * Hz) for n in NUMBERS],
        number_minus=[bursts((-10 - 20 * (n - 1)) * ms, n, 50 * Hz) for n in NUMBERS],
        rate_plus=[bursts(10 * ms, 3, rate * Hz) for rate in RATES],
        rate_minus=[bursts((-10 - 2000 / rate) * ms, 3, rate * Hz) for rate in RATES],
        first=[bursts(first * ms, 3, 50 * Hz) for first in FIRST])
    pairings = sum(asked.values(), [])
    if quick:
        pairings = [beginning(p, 11 * second) for p in pairings]
    ends = np.cumsum([len(p) for p in asked.values()])[:-1]
    columns = ("n_ap", "burst_hz", "nearest_ms", "first_ms")       # no rate of one spike, no times of the controls

    def one(rule):
        post = post_neuron(rule, neuron)
        simulated = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
        found = dict(zip(asked, np.split(simulated.change, ends), strict=True))
        arrays = {**found, **{name: it.columns[name] for name in columns}, "control": it.control, "measured": it.mean,
                  "measured_sem": it.sem, "rule": rule.title, "neuron": post.title if post else ""}
        return arrays, dict(E_nevian_bursts=score(found["conditions"], it.mean, it.sem),
                            E_null_nevian_bursts=null_score(it.mean, it.sem), **simulated.headline()), columns

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_bursts", arrays, headline, gaps=gaps)


def plot(result, figure):
    """EPSP ratio against number, rate and timing; filled and solid: EPSP first, open and dashed: burst first."""
    rules = each_rule(result)
    a = rules[0][2]
    paired, one, fifty = ~a["control"], a["n_ap"] == 1, a["burst_hz"] == 50
    before, after = paired & (a["nearest_ms"] == a["first_ms"]), paired & last_before(a)
    ten = np.abs(a["nearest_ms"]) == 10
    panels = figure.subplots(1, 3, sharey=True)
    drawn = [("n_ap", NUMBERS, "number", (fifty | one) & ten, "number of action potentials (50 Hz)"),
             ("burst_hz", RATES, "rate", (a["n_ap"] == 3) & ten, "rate of three action potentials (Hz)")]
    for axes, (column, x, curve, used, label) in zip(panels, drawn, strict=False):
        for side, key, line, face in ((before, "plus", "-", "k"), (after, "minus", "--", "white")):
            points(axes, a, column, used & side & (a["nearest_ms"] == (10 if key == "plus" else -10)), face,
                   f"measured, Δt = {'+' if key == 'plus' else '-'}10 ms ± s.e.m.")
            for rule, colour, own, _ in rules:
                axes.plot(x, 1 + own[f"{curve}_{key}"], line, color=colour, lw=2, label=rule if line == "-" else None)
        axes.set_xlabel(label)
    panels[0].set_xticks(NUMBERS)
    points(panels[2], a, "first_ms", paired & fifty & (a["n_ap"] == 3), "k", None)
    for _, colour, own, _ in rules:
        panels[2].plot(FIRST, 1 + own["first"], color=colour, lw=2)
    panels[2].axvline(0, color="0.6", lw=.8, ls="--", zorder=0)
    panels[2].set_xlabel("Δt' = first action potential − EPSP (ms)")
    panels[0].set_ylabel("EPSP amplitude after / before")
    for axes in panels:
        axes.axhline(1, color="0.6", lw=.8, ls="--", zorder=0)
        axes.margins(y=.12 + .06 * len(rules))      # room for the scores
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    heading(panels[1], "Nevian & Sakmann (2006)",
            f"60 pairings at 0.1 Hz of one EPSP and 1-3 action potentials\n{induced_in(rules)}")
    scores(panels[2], {rule: numbers["E_nevian_bursts"] for rule, _, _, numbers in rules},
           result.headline["E_null_nevian_bursts"], "upper right")


def last_before(a):
    """Conditions whose last action potential precedes the EPSP."""
    gap = np.nan_to_num(1000 / a["burst_hz"])
    return np.isclose(a["first_ms"] + (a["n_ap"] - 1) * gap, a["nearest_ms"]) & (a["nearest_ms"] < 0)


def points(axes, a, column, used, face, label):
    """Measured against predicted changes, with s.e.m."""
    measured(axes, a[column][used], 1 + a["measured"][used], a["measured_sem"][used], mfc=face, label=label)


if __name__ == "__main__":
    run_protocol()
