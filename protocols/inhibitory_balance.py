"""Inhibitory plasticity balances a network: rates of the excitatory neurons before and after learning.

Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569, figure 4; sizes and conductances of the authors'
program, ModelDB 143751, as in Brian2's example of it: conductance neurons, a fifth of them inhibitory, 160 excitatory
and 40 inhibitory inputs, 200 pA into each. The authors' network has 10,000 cells; here are 4,000 with as many inputs.
The synapses from inhibitory to excitatory neurons start at 0 and learn; the rule drives each excitatory neuron to
rho_0.
"""

import numpy as np
from brian2 import Hz, PopulationRateMonitor, SpikeMonitor, get_dimensions, ms, mV, second, siemens

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading
from spikelearn.ranges.check import Range, checked, whole
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation

FIGURE_SIZE = (12, 4.6)
IN_DEGREE = 0.02            # share of connected pairs; ModelDB 143751
G_E, G_II = 0.3, 3.0        # jump of the conductances in nS, excitatory and between inhibitory neurons; ModelDB 143751
SHOWN = 200                 # excitatory neurons in the rasters and for the irregularity
BIN = 100                   # ms, of the population rate
LAST = 2 * second           # over which the rates after learning are taken
ACCEPTED = {
    "rate_after_hz": Accepted(2.7, 5.5, "drawn to rho_0 = 3 Hz, still above it after 60 s; upper bound chosen here"),
    "rate_before_over_after": Accepted(5, 1000, "the network starts far from balanced; chosen here"),
}
RANGES = {"cells": whole(100, 20_000), "duration": Range(3, 1000, unit="second")}
SHORT_FORM = dict(cells=at_most(1000), duration=at_most(6 * second))


@checked
def run(synapse="synapses/stdp_inhibitory", neuron="neurons/conductance_lif", *, cells=4000, duration=60 * second,
        dt=0.1 * ms, seed=1, device="auto", quick=False):
    """cells : of which 4/5 are excitatory; the number of inputs of each stays that of 10,000.

    quick : 1,000 cells, 6 s. Returns a Result.
    """
    rule, cell = load_model(synapse, "synapse"), load_model(neuron, "neuron")
    if "w" not in rule.initial or get_dimensions(rule.initial["w"]) is not siemens.dim:
        raise SpikelearnError(f"{rule.title} has no weight w that is a conductance, as inhibitory_balance needs it")
    excitatory, rng = cells * 4 // 5, np.random.default_rng(seed)
    simulation = Simulation(network(rule, cell, cells, excitatory, rng), duration, device=device, dt=dt)
    start = {"cells.v": rng.uniform(-60, -50, cells) * mV, "learning.w": 0 * rule.initial["w"]}
    found = simulation.run(start, seed=seed, read=["rate.rate", "spikes.t", "spikes.i", "learning.w"])
    steps, rate = round(float(BIN * ms / dt)), np.asarray(found["rate.rate"])
    rate = rate[:len(rate) // steps * steps].reshape(-1, steps).mean(axis=1)
    rate_before, rate_after = float(rate[0]), float(rate[-round(float(LAST / (BIN * ms))):].mean())
    times, i = found["spikes.t"], np.asarray(found["spikes.i"])
    arrays = dict(rate=rate * Hz, spikes_t=times, spikes_i=i, bin=BIN * ms, duration=duration, rule=rule.title,
                  rho_0=rule.parameters.get("rho_0", 0 * Hz), cells=cells, w=found["learning.w"])
    headline = {"rate_before_hz": rate_before, "rate_after_hz": rate_after,
                "rate_before_over_after": rate_before / rate_after if rate_after else Missing("no neuron fires"),
                "mean_weight": float(np.mean(np.asarray(found["learning.w"]))),
                "cv_of_intervals_after": irregularity(np.asarray(times), i, float(duration))}
    return Result("inhibitory_balance", arrays, headline)


def network(rule, cell, cells, excitatory, rng):
    """Function that builds the network; the connections are drawn here, so that every run has the same."""
    share = min(1.0, IN_DEGREE * 10_000 / cells)
    drawn = {name: pairs(rng, sources, targets, share) for name, sources, targets in (
        ("excitation", excitatory, cells), ("inhibition", cells - excitatory, cells - excitatory),
        ("learning", cells - excitatory, excitatory))}

    def build():
        group = neurons(cell, cells, name="cells")
        driving, calming = group[:excitatory], group[excitatory:]
        return [group, PopulationRateMonitor(driving, name="rate"),
                SpikeMonitor(driving[:min(SHOWN, excitatory)], name="spikes"),
                synapses(driving, group, "static", name="excitation", connect=drawn["excitation"],
                         transmit=f"g_E_post += {G_E}*nS"),
                synapses(calming, calming, "static", name="inhibition", connect=drawn["inhibition"],
                         transmit=f"g_I_post += {G_II}*nS"),
                synapses(calming, driving, rule, name="learning", connect=drawn["learning"], transmit="g_I_post += w")]

    return build


def pairs(rng, sources, targets, share):
    """Index arrays (i, j) of a random connection: every pair with the probability `share`."""
    counts = rng.binomial(targets, share, sources)
    j = np.concatenate([np.sort(rng.choice(targets, count, replace=False)) for count in counts])
    return np.repeat(np.arange(sources), counts), j


def irregularity(t, i, end):
    """Mean coefficient of variation of the intervals of neurons with ten spikes or more in the second half.

    t : (n,) spike times in seconds. i : (n,) their neurons. end : duration in seconds.
    """
    i, t = i[t > end / 2], t[t > end / 2]
    intervals = [np.diff(t[i == k]) for k in np.unique(i)]
    found = [gaps.std() / gaps.mean() for gaps in intervals if len(gaps) >= 9]
    return float(np.mean(found)) if found else Missing("no neuron fires ten spikes in the second half")


def plot(result, figure):
    """Rasters of the first and the last half second; population rate over time."""
    a, h, t = result.arrays, result.headline, np.asarray(result.arrays["spikes_t"])
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.3])
    end = float(a["duration"])
    for axes, first, title, words in (
            (left, 0, "Before learning", f"first half second; {h['rate_before_hz']:.3g} Hz in the first {BIN} ms"),
            (middle, end - .5, "After learning", f"last half second; {h['rate_after_hz']:.3g} Hz in the last 2 s")):
        now = (t >= first) & (t < first + .5)
        axes.plot(1e3 * (t[now] - first), a["spikes_i"][now], "k.", ms=1.5)
        axes.set(xlabel="time (ms)", ylabel="excitatory neuron", xlim=(0, 500))
        heading(axes, title, words)
    right.plot(float(a["bin"]) * (np.arange(len(a["rate"])) + .5), np.asarray(a["rate"]), "C0", lw=1.2,
               label=str(a["rule"]))
    right.axhline(float(a["rho_0"]), color="k", lw=.9, ls="--", label=f"rho_0 = {float(a['rho_0']):g} Hz")
    right.set(xlabel="time (s)", ylabel="mean rate of the excitatory neurons (Hz)", yscale="log", xlim=(0, end))
    right.legend(fontsize=8, loc="upper right")
    heading(right, "Inhibitory plasticity balances the network",
            f"{int(a['cells']):,} cells, inhibitory weights from 0, bins of {float(a['bin']) * 1e3:g} ms")


if __name__ == "__main__":
    run_protocol()
