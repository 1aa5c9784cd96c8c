"""The battery: one or several rules in every shipped pairing experiment; E of each rule and of the null model.

`--set data=bi_poo_window,mine.csv` chooses experiments by name or file. E = mean(((measured - model) / s.e.m.)^2),
Pfister & Gerstner (2006) J Neurosci 26:9673. Experiments: Bi & Poo (1998) window, Wang et al. (2005) and Bi & Poo, 13
points; Sjostrom et al. (2001) as 60 continuous pairs (the protocol of Pfister & Gerstner's fits) and as the 15 trains
of 5 pairs that were measured; Markram et al. (1997); Nevian & Sakmann (2006); Brzosko et al. (2015, 2017). All
conditions of a rule run side by side. Then one number from a quick run of each protocol that measures no pairings:
natural spikes, voltage clamp, Poisson trains, rate ramps, controls.
"""
import csv
import inspect
import io
import json

import numpy as np
from brian2 import second

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.command.run import load_protocol
from spikelearn.ranges.check import checked
from spikelearn.results.names import headers, joined, merged, name_of
from spikelearn.results.plain import plain
from spikelearn.results.result import Missing, Result
from spikelearn.stdp.comparison import compared, experiments_of, null_of, part, rules_of, table_of
from spikelearn.stdp.figures import draw_experiments
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.tables import of_each_condition
from spikelearn.stdp.weight_change import READ_AFTER

FIGURE_SIZE = (15, 18.4)
RULES = ("synapses/stdp_pair", "synapses/stdp_triplet", "synapses/voltage_derivative_trace")
OTHERS = dict(stdp_natural="correlation", stdp_clamp="order_of_signs", stdp_poisson="threshold_hz",
              stdp_ramp="percent_per_10_Hz_rise", stdp_controls="pre_only_with_epsp_percent")
QUICK = 5 * second      # of each condition in a quick run
NEURON_IS_ONLY_READ = True          # spikes are imposed, so that only its potential counts
ACCEPTED = {}
csv_table = of_each_condition


@checked
def run(synapse=RULES, neuron=None, *, data=("all",), others=True, repetitions=20, dt=None, read_after=READ_AFTER,
        seed=1, device="auto", quick=False):
    """data : experiments by name or file, all = every shipped one that has scored conditions; others : also the
    protocols without pairings; repetitions : of each condition, for a rule that draws random numbers; quick: the first
    5 s of each pairing, and no others."""
    rules, every = rules_of(synapse), tuple(data) == ("all",)
    known = experiments_of(shipped_experiments() if every else data)
    known = {name: it for name, it in known.items() if not every or it.scored.any()}
    arrays, headline, gaps = compared(rules, known, neuron, until=QUICK if quick else None, copies=repetitions, dt=dt,
                                      read_after=read_after, device=device, seed=seed)
    if others and not quick:
        headline = merged(headline, joined({
            (key, *part(rule, rules)): value for rule in rules
            for key, value in other_protocols(rule, neuron, seed, device).items()}))
    E = [[headline.get(name_of(headline, "E", name, *part(rule, rules)), np.nan) if it.scored.any() else np.nan
          for rule in rules] for name, it in known.items()]
    null = [[null_of(arrays, name, rule.title) for rule in rules] for name in known]
    arrays = merged(arrays, dict(E=np.array(E), E_null_of_rules=np.array(null), E_null=np.array(
        [row[0] if len(set(row)) == 1 else np.nan for row in null])))
    return Result("stdp_battery", arrays, headline, gaps=(*gaps, "E", "E_null", "E_null_of_rules"))


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
    """The table of E, as text of the files table.csv and table.json, and every condition in conditions.csv."""
    a, text = result.arrays, io.StringIO()
    rules, values = [str(rule) for rule in a["rules"]], np.column_stack([a["E"], a["E_null"]])
    apart = []
    if "E_null_of_rules" in a and np.isnan(a["E_null"][np.isfinite(a["E_null_of_rules"]).any(axis=1)]).any():
        apart = [f"null of {rule}" for rule in rules]       # the rules score different conditions
        values = np.column_stack([values, a["E_null_of_rules"]])
    names = [*headers(["experiment", "null", *apart], rules)[2 + len(apart):], "null", *apart]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["experiment", *names])
    rows = {str(name): list(map(float, row)) for name, row in zip(a["experiments"], values, strict=True)}
    writer.writerows([name, *("" if np.isnan(value) else f"{value:.6g}" for value in row)]
                     for name, row in rows.items())
    named = {name: dict(zip(names, [None if np.isnan(value) else value for value in row], strict=True))
             for name, row in rows.items()}
    return {"table.csv": text.getvalue(), "table.json": json.dumps(plain(named), indent=2) + "\n",
            "conditions.csv": table_of(a)}


def plot(result, figure):
    """One small panel for each experiment: every condition's measurement and each rule's prediction."""
    draw_experiments(figure, result.arrays, result.headline)


if __name__ == "__main__":
    run_protocol()
