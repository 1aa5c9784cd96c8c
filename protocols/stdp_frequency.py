"""Pairing frequency: weight change against the rate of the pairs, pre before post and post before pre.

Sjostrom, Turrigiano & Nelson (2001) Neuron 32:1149, Fig. 1 and 7: visual cortex, layer 5, delta_t = +-10 ms, as Pfister
& Gerstner (2006) J Neurosci 26:9673 tabulate it. Left: 60 pairs in one continuous train at rho, the protocol to which
Pfister & Gerstner fitted their rule. Middle: the protocol of the experiment, 15 trains of 5 pairs, one each 10 s; at
0.1 Hz 50 single pairs. Right: Markram et al. (1997) Science 275:213, somatosensory cortex, 10 trains of 5 pairs, one
each 4 s. In the experiments current pulses forced the post spikes.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured, scores
from spikelearn.ranges.check import checked
from spikelearn.results.result import Accepted, Result
from spikelearn.stdp import spike_times as pairing
from spikelearn.stdp import trains as spike_trains
from spikelearn.stdp.comparison import each_rule, induced_in, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (12.5, 4.4)
EXPERIMENTS = ("sjostrom_frequency", "sjostrom_trains", "markram_frequency")
PROTOCOLS = dict(sjostrom_frequency="60 pairs in one continuous train",
                 sjostrom_trains="15 trains of 5 pairs, one each 10 s; at 0.1 Hz 50 pairs",
                 markram_frequency="10 trains of 5 pairs, one each 4 s")
ACCEPTED = {"E_sjostrom_frequency": Accepted(.349, .363, "0.356: Pfister & Gerstner (2006) table 3, minimal")}
CURVE = (0.1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50) * Hz
csv_table = of_each_rule("rates", "rule", "neuron", also="_curve_")


@checked
def run(synapse=("synapses/stdp_triplet",), neuron=None, *, rates=CURVE, dt=None, read_after=READ_AFTER, seed=1,
        device="auto", quick=False):
    """The measured points and, for the curves, `rates`. quick: continuous pairs only, from 10 Hz on."""
    lowest = 10 if quick else 0
    rates = np.asarray(rates / Hz)[np.asarray(rates / Hz) >= lowest]
    names, data, used = EXPERIMENTS[:1] if quick else EXPERIMENTS, {}, {}
    for name in names:
        data[name] = experiment(name)
        used[name] = data[name].columns["repeat_hz"] >= lowest
    points = {name: list(zip(it.columns["delta_t_ms"][used[name]], it.columns["repeat_hz"][used[name]], strict=True))
              for name, it in data.items()}
    asked = list(dict.fromkeys((name, *point) for name in names for point in
                               [*points[name], *((delta_t, rho) for delta_t in curves(name) for rho in rates)]))
    pairings = [pairs(name, delta_t * ms, rho * Hz) for name, delta_t, rho in asked]

    def one(rule):
        post = post_neuron(rule, neuron)
        simulated = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
        found = dict(zip(asked, simulated.change, strict=True))
        headline, arrays = {}, dict(rates=rates * Hz, rule=rule.title, neuron=post.title if post else "")
        for name, it in data.items():
            own, numbers = in_one_experiment(name, found, points[name], rates, it.mean[used[name]], it.sem[used[name]])
            arrays, headline = arrays | own, headline | numbers
        return arrays, headline | simulated.headline(), ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_frequency", arrays, headline, gaps=gaps)


def in_one_experiment(name, found, points, rates, mean, sem):
    """Arrays and errors of one rule. found : (experiment, delta_t, rho) -> change; points : those measured."""
    model = np.array([found[name, *point] for point in points])
    delta_t, rho = np.transpose(points)
    arrays = {f"{name}_rho": rho * Hz, f"{name}_delta_t": delta_t * ms, f"{name}_model": model,
              f"{name}_measured": mean, f"{name}_sem": sem}
    arrays |= {f"{name}_curve_{delta_t:+d}_ms": np.array([found[name, delta_t, rho] for rho in rates])
               for delta_t in curves(name)}
    return arrays, {f"E_{name}": score(model, mean, sem), f"E_null_{name}": null_score(mean, sem)}


def curves(name):
    """The intervals (ms) whose curves are drawn."""
    return (5, -10) if name == "markram_frequency" else (10, -10)


def pairs(name, delta_t, rho):
    """The pairing of the experiment `name` at any rate."""
    if name == "sjostrom_frequency":
        return pairing.pairs(delta_t, 60, rho)
    trains, interval = (15, 10 * second) if name == "sjostrom_trains" else (10, 4 * second)
    if 5 / rho > interval:      # a train would last longer than the time between trains
        return pairing.pairs(delta_t, 50, rho)
    return spike_trains.trains(delta_t, 5, rho, trains, interval)


def plot(result, figure):
    """Change against rate; solid and filled: pre before post, dashed and open: post before pre."""
    rules = each_rule(result)
    a = rules[0][2]
    names = [name for name in EXPERIMENTS if f"{name}_model" in a]
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, name in zip(panels, names, strict=True):
        rho, delta_t = np.asarray(a[f"{name}_rho"]), np.asarray(a[f"{name}_delta_t"] / ms)
        drawn = zip(curves(name), ("-", "--"), ("k", "white"), ("pre before post", "post before pre"), strict=True)
        for interval, line, face, order in drawn:
            for rule, colour, own, _ in rules:
                axes.plot(np.asarray(a["rates"]), 100 + 100 * own[f"{name}_curve_{interval:+d}_ms"], line, color=colour,
                          lw=2, label=f"{rule}, {order}")
            used = delta_t == interval
            measured(axes, rho[used], 100 + 100 * a[f"{name}_measured"][used], 100 * a[f"{name}_sem"][used],
                     mfc=face, label=f"measured ± s.e.m., {order}")
        axes.axhline(100, color="0.6", lw=.8, ls="--", zorder=0)
        axes.set(xlabel="pairing rate ρ (Hz)", ylabel="normalised weight (%)" if name == names[0] else None)
        title = {"s": "Sjöström et al. (2001)", "m": "Markram et al. (1997)"}[name[0]]
        heading(axes, title, f"{PROTOCOLS[name]}\nΔt = {curves(name)[0]:+d} and {curves(name)[1]} ms, "
                              f"{induced_in(rules)}")
        scores(axes, {rule: numbers[f"E_{name}"] for rule, _, _, numbers in rules}, result.headline[f"E_null_{name}"])
        axes.margins(y=.12 + .04 * len(rules))      # room for the scores
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)


if __name__ == "__main__":
    run_protocol()
