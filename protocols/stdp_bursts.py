"""Bursts: weight change after an EPSP paired with one to three action potentials.

Nevian & Sakmann (2006) J Neurosci 26:11001, text and Fig. 3: layer 2/3 pyramids of rat barrel cortex, 60 pairings at
0.1 Hz, action potentials by current injection. Delta t: nearest action potential minus EPSP; delta t': first action
potential minus EPSP. Panels: number of action potentials at 50 Hz, rate of three, and delta t' of three at 50 Hz.
Here the EPSP is a pre spike without effect on the potential. E is over all 16 conditions, controls included.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import MODEL, heading, induced, measured, scores
from spikelearn.ranges.check import checked
from spikelearn.results.result import Result
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.trains import bursts
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (12.5, 4.4)
NUMBERS = np.array([1, 2, 3])
RATES = np.array([20, 25, 40, 50, 100])         # Hz, periods in whole milliseconds
FIRST = np.arange(-100, 65, 5)                  # delta t' in ms
ACCEPTED = {}


@checked
def run(synapse="synapses/stdp_voltage", neuron=None, *, dt=None, read_after=READ_AFTER, seed=1, device="auto",
        quick=False):
    """The measured conditions and the curves of the three panels; quick: the first two pairings of each."""
    rule, it = load_model(synapse, "synapse"), experiment("nevian_bursts")
    post = post_neuron(rule, neuron)
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
    simulated = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
    found = dict(zip(asked, np.split(simulated.change, np.cumsum([len(p) for p in asked.values()])[:-1]), strict=True))
    columns = ("condition", "n_ap", "burst_hz", "dt_ms", "dt_burst_ms")
    arrays = {**found, **{name: it.columns[name] for name in columns}, "measured": it.mean, "measured_sem": it.sem,
              "rule": rule.title, "neuron": post.title if post else ""}
    headline = dict(E_nevian_bursts=score(found["conditions"], it.mean, it.sem),
                    E_null_nevian_bursts=null_score(it.mean, it.sem), **simulated.headline())
    return Result("stdp_bursts", arrays, headline, gaps=columns)        # no rate of one spike, no times of the controls


def plot(result, figure):
    """EPSP ratio against number, rate and timing; filled and solid: EPSP first, open and dashed: burst first."""
    a = result.arrays
    paired, one, fifty = a["condition"] == "paired", a["n_ap"] == 1, a["burst_hz"] == 50
    before, after = paired & (a["dt_ms"] == a["dt_burst_ms"]), paired & last_before(a)
    ten = np.abs(a["dt_ms"]) == 10
    panels = figure.subplots(1, 3, sharey=True)
    drawn = [("n_ap", NUMBERS, "number", (fifty | one) & ten, "number of action potentials (50 Hz)"),
             ("burst_hz", RATES, "rate", (a["n_ap"] == 3) & ten, "rate of three action potentials (Hz)")]
    for axes, (column, x, curve, used, label) in zip(panels, drawn, strict=False):
        for side, key, line, face in ((before, "plus", "-", "k"), (after, "minus", "--", "white")):
            points(axes, a, column, used & side & (a["dt_ms"] == (10 if key == "plus" else -10)), face,
                   f"measured, Δt = {'+' if key == 'plus' else '-'}10 ms ± s.e.m.")
            axes.plot(x, 1 + a[f"{curve}_{key}"], MODEL + line, lw=2, label=str(a["rule"]))
        axes.set_xlabel(label)
    panels[0].set_xticks(NUMBERS)
    points(panels[2], a, "dt_burst_ms", paired & fifty & (a["n_ap"] == 3), "k", "measured ± s.e.m.")
    panels[2].plot(FIRST, 1 + a["first"], MODEL, lw=2, label=str(a["rule"]))
    panels[2].axvline(0, color="0.6", lw=.8, ls="--", zorder=0)
    panels[2].set_xlabel("Δt' = first action potential − EPSP (ms)")
    panels[0].set_ylabel("EPSP amplitude after / before")
    for axes in panels:
        axes.axhline(1, color="0.6", lw=.8, ls="--", zorder=0)
        axes.legend(fontsize=7, loc="upper left")
        axes.margins(y=.2)
    heading(panels[1], "Nevian & Sakmann (2006)",
            f"60 pairings at 0.1 Hz of one EPSP and 1-3 action potentials\n{induced(a['rule'], a['neuron'])}")
    scores(panels[2], result.headline["E_nevian_bursts"], result.headline["E_null_nevian_bursts"], "upper right")


def last_before(a):
    """Conditions whose last action potential precedes the EPSP."""
    gap = np.nan_to_num(1000 / a["burst_hz"])
    return np.isclose(a["dt_burst_ms"] + (a["n_ap"] - 1) * gap, a["dt_ms"]) & (a["dt_ms"] < 0)


def points(axes, a, column, used, face, label):
    """Measured against predicted changes, with s.e.m."""
    measured(axes, a[column][used], 1 + a["measured"][used], a["measured_sem"][used], mfc=face, label=label)


if __name__ == "__main__":
    run_protocol()
