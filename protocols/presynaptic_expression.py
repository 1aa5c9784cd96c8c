"""Where plasticity is expressed: release probability P and quantal amplitude q after pairs at a rising rate.

Costa, Froemke, Sjostrom & van Rossum (2015) eLife 4:e09457, on the experiment of Sjostrom, Turrigiano & Nelson (2001)
Neuron 32:1149: 15 trains of 5 pairs at rho, one each 10 s; at 0.1 Hz 50 single pairs. The paper does not state the
scale of a single step; with a fiftieth of the printed amplitudes, the default of the rule, E is 2.9.
"""
import dataclasses

import numpy as np
from brian2 import Hz, ms, second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured, scores
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import every
from spikelearn.results.result import Accepted, Result
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import pairs
from spikelearn.stdp.trains import trains
from spikelearn.stdp.weight_change import READ_AFTER, largest_step_error, outcome, post_neuron

FIGURE_SIZE = (12, 4.6)
RATES = np.array([.1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]) * Hz
PRINTED = "amplitudes as printed, five pairs at 20 Hz, +10 ms"
ACCEPTED = {
    "E_sjostrom_trains": Accepted(2.86, 2.96, "2.91 by a second implementation, scale 1/50"),
    "P_ratio_as_printed": Accepted(1.733, 1.735, f"1.734 by hand: {PRINTED}"),
    "q_ratio_as_printed": Accepted(1.093, 1.095, f"1.094 by hand: {PRINTED}"),
}
SHORT_FORM = dict(rates=every(5))


@checked
def run(synapse="synapses/pre_post_expression", neuron=None, *, rates=RATES, read_after=READ_AFTER, seed=1,
        device="auto", quick=False):
    """P, q and their product at the measured points and, for the curves, at `rates`. quick: three rates."""
    rule = load_model(synapse, "synapse")
    if not {"P", "q"} <= set(rule.initial):
        raise SpikelearnError(f"{rule.title} does not start with numbers P and q, which presynaptic_expression reads")
    it, rates = experiment("sjostrom_trains"), np.asarray(rates / Hz)
    curves = [sjostrom(d * ms, rho) for d in (10, -10) for rho in rates]
    five = pairs(10 * ms, 5, 20 * Hz)
    post, found, ratio = post_neuron(rule, neuron), {}, {}
    for name in ("w", "P", "q"):
        read = rule if name == "w" else dataclasses.replace(rule, read=name)
        found[name] = outcome([*it.pairings, *curves], read, post, read_after=read_after, seed=seed, device=device)
        if name != "w" and "scale" in rule.parameters:
            printed = outcome([five], read.with_parameters(scale=1), post, seed=seed, device=device)
            ratio[f"{name}_ratio_as_printed"] = float(1 + printed.change[0])
    n, count = len(it.pairings), len(rates)
    model = found["w"].change[:n]
    headline = {"E_sjostrom_trains": score(model, it.mean, it.sem),
                "E_null_sjostrom_trains": null_score(it.mean, it.sem), **ratio,
                **largest_step_error(one.headline() for one in found.values())}
    arrays = dict(rates=rates * Hz, rho=it.columns["repeat_hz"] * Hz, delta_t=it.columns["delta_t_ms"] * ms,
                  model=model, measured=it.mean, measured_sem=it.sem, rule=rule.title)
    for name, values in found.items():
        arrays |= {f"{name}_plus": 1 + values.change[n:n + count], f"{name}_minus": 1 + values.change[n + count:]}
    return Result("presynaptic_expression", arrays, headline)


def sjostrom(delta_t, rho):
    """The protocol of the experiment at a rate in Hz."""
    if rho < .5:            # a train of 5 would last longer than the time between trains
        return pairs(delta_t, 50, rho * Hz)
    return trains(delta_t, 5, rho * Hz, 15, 10 * second)


def plot(result, figure):
    """Product with the measurements; P and q apart."""
    a, rho = result.arrays, np.asarray(result.arrays["rates"])
    panels = figure.subplots(1, 3)
    for axes, name, title in zip(panels, ("w", "P", "q"), ("Weight w = P q", "Release probability P",
                                                           "Quantal amplitude q"), strict=True):
        for key, sign, style in (("plus", 10, "-"), ("minus", -10, "--")):
            axes.plot(rho, 100 * a[f"{name}_{key}"], f"C0{style}", lw=2, label=f"{a['rule']}, {sign:+d} ms")
        axes.axhline(100, color="0.6", lw=.8, ls="--", zorder=0)
        axes.set(xlabel="pairing rate ρ (Hz)", ylabel=f"{name} after/before (%)")
        heading(axes, title, "15 trains of 5 pairs, one each 10 s; at 0.1 Hz 50 pairs")
    for sign, face in ((10, "k"), (-10, "white")):
        used = np.asarray(a["delta_t"] / ms) == sign
        measured(panels[0], np.asarray(a["rho"])[used], 100 + 100 * a["measured"][used], 100 * a["measured_sem"][used],
                 mfc=face, label=f"measured, {sign:+d} ms ± s.e.m.")
    scores(panels[0], result.headline["E_sjostrom_trains"], result.headline["E_null_sjostrom_trains"])
    panels[0].legend(fontsize=8, loc="upper left")
    panels[1].legend(fontsize=8)


if __name__ == "__main__":
    run_protocol()
