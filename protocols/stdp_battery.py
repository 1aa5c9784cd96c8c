"""The battery: one rule, or several, through every classic pairing experiment; E of each, beside the null model's.

E = mean(((measured - model) / s.e.m.)^2), Pfister & Gerstner (2006) J Neurosci 26:9673. Experiments: Bi & Poo (1998)
window, Wang et al. (2005) and Bi & Poo, 13 points; Sjostrom et al. (2001) as 60 continuous pairs (the protocol of
Pfister & Gerstner's fits) and as the 15 trains of 5 pairs that were measured; Markram et al. (1997); Nevian & Sakmann
(2006). All conditions of a rule run side by side in one simulation of 600 s. Then one number from a quick run of each
protocol that measures no pairings: natural spikes, voltage clamp, Poisson trains, rate ramps, controls.
"""
import csv
import inspect
import io
import json
import textwrap

import numpy as np
from brian2 import second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.command.run import load_protocol
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.results.plain import plain
from spikelearn.results.result import Missing, Result
from spikelearn.stdp.experiments import EXPERIMENTS, experiment, null_score, score
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (13, 7.5)
RULES = ("synapses/stdp_pair", "synapses/stdp_triplet", "synapses/voltage_derivative_trace")
OTHERS = dict(stdp_natural="correlation", stdp_clamp="order_of_signs", stdp_poisson="threshold_hz",
              stdp_ramp="percent_per_10_Hz_rise", stdp_controls="pre_only_with_epsp_percent")
QUICK = 5 * second      # of each condition in a quick run
ACCEPTED = {}


@checked
def run(synapse=RULES, neuron=None, *, others=True, dt=None, read_after=READ_AFTER, seed=1, device="auto",
        quick=False):
    """others : also the protocols without pairings. quick: the first 5 s of each pairing, and no others."""
    rules = [load_model(rule, "synapse") for rule in ([synapse] if not isinstance(synapse, tuple | list) else synapse)]
    titles = [rule.title for rule in rules]
    if len(set(titles)) < len(titles):
        raise SpikelearnError("stdp_battery needs rules of different names: copy one of them to another file")
    data = {name: experiment(name) for name in EXPERIMENTS}
    pairings = [pairing for it in data.values() for pairing in it.pairings]
    if quick:
        pairings = [beginning(pairing, QUICK) for pairing in pairings]
    ends = np.cumsum([len(it.pairings) for it in data.values()])[:-1]
    arrays, headline = dict(rules=np.array(titles), experiments=np.array(list(data))), {}
    E = np.full((len(data), len(rules)), np.nan)
    for column, rule in enumerate(rules):
        suffix = f"_{rule.title}" if len(rules) > 1 else ""
        found = outcome(pairings, rule, post_neuron(rule, neuron), dt=dt, read_after=read_after, device=device,
                        seed=seed)
        for row, (name, change) in enumerate(zip(data, np.split(found.change, ends), strict=True)):
            E[row, column] = headline[f"E_{name}{suffix}"] = score(change, data[name].mean, data[name].sem)
            arrays[f"{name}_{rule.title}"] = change
        headline |= {key + suffix: value for key, value in found.headline().items()}
        if others and not quick:
            headline |= {key + suffix: value for key, value in other_protocols(rule, neuron, seed, device).items()}
    for name, it in data.items():
        headline[f"E_null_{name}"] = null_score(it.mean, it.sem)
        arrays |= {f"{name}_measured": it.mean, f"{name}_sem": it.sem,
                   f"{name}_labels": np.array([pairing.label for pairing in it.pairings])}
    arrays |= dict(E=E, E_null=np.array([headline[f"E_null_{name}"] for name in data]))
    return Result("stdp_battery", arrays, headline)


def other_protocols(rule, neuron, seed, device):
    """One number of a quick run of each protocol without pairings; none where the rule does not fit it."""
    found = {}
    for name, key in OTHERS.items():
        module = load_protocol(name)
        takes = inspect.signature(module.run).parameters
        asked = {"neuron": neuron} if neuron and takes["neuron"].default is None else {}
        try:
            headline = module.run(rule, **asked, seed=seed, device=device, quick=True).headline
        except SpikelearnError as refusal:
            print(f"{name} is left out for {rule.title}: {refusal}")
            continue
        values = [value for full, value in headline.items() if full in (key, f"{key}_{rule.title}")]
        number = float(values[0]) if values else Missing("the protocol found none")
        found[f"{name.removeprefix('stdp_')}_{key}"] = number
    return found


def tables(result):
    """The table of E, as text of the files table.csv and table.json."""
    a, text = result.arrays, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["experiment", *a["rules"], "null"])
    rows = {str(name): [*map(float, row), float(null)]
            for name, row, null in zip(a["experiments"], a["E"], a["E_null"], strict=True)}
    writer.writerows([name, *(f"{value:.6g}" for value in row)] for name, row in rows.items())
    named = {name: dict(zip([*map(str, a["rules"]), "null"], row, strict=True)) for name, row in rows.items()}
    return {"table.csv": text.getvalue(), "table.json": json.dumps(plain(named), indent=2) + "\n"}


def plot(result, figure):
    """One small panel for each experiment: every condition's measurement and each rule's prediction."""
    a, null = result.arrays, dict(zip(result.arrays["experiments"], result.arrays["E_null"], strict=True))
    panels = figure.subplots(2, 3).ravel()
    for axes, name, E in zip(panels, a["experiments"], a["E"], strict=True):
        x = np.arange(len(a[f"{name}_measured"]))
        axes.errorbar(x, 100 * a[f"{name}_measured"], 100 * a[f"{name}_sem"], fmt="ko", ms=4, lw=1, capsize=2,
                      label="measured ± s.e.m.")
        for column, rule in enumerate(a["rules"]):
            axes.plot(x + .12 * (column + 1), 100 * a[f"{name}_{rule}"], f"C{column}D", ms=4, mew=0, label=str(rule))
        axes.axhline(0, color="0.6", lw=.8, ls="--", zorder=0, label="null model")
        axes.set_xticks(x, [str(label) for label in a[f"{name}_labels"]], rotation=90, fontsize=6)
        scores = ", ".join(f"{rule} {value:.3g}" for rule, value in zip(a["rules"], E, strict=True))
        heading(axes, str(name), textwrap.fill(f"E: null {null[name]:.3g}, {scores}", 60))
        axes.set_ylabel("change of weight (%)", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)


if __name__ == "__main__":
    run_protocol()
