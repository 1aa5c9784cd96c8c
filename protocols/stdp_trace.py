"""The inside of a rule: spikes, traces, potential and weight against time, for one motif and for a whole condition.

One column for each rule and condition. Above, one motif: the spikes, the potential where the rule reads one, every
variable of the rule as it decays between the spikes, and the weight. Below, the weight over the whole condition.
`--set data=mine.csv --set conditions=1,4` chooses conditions by their number in `spikelearn show`;
`--pairing "pre 0; post 7 17; 60 at 1*Hz"` is one condition without a file. `--set motif=3` looks at the third motif.
The triplets drawn are those of Wang, Gerkin, Nauen & Bi (2005) Nat Neurosci 8:187.
"""
import csv
import io

import numpy as np
from brian2 import Quantity, get_dimensions, have_same_dimensions, ms, second, volt

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.ranges.check import Range, checked, whole
from spikelearn.results.names import headers, merged
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import experiments_of, rules_of
from spikelearn.stdp.conditions import from_line
from spikelearn.stdp.tables import of_each_trace
from spikelearn.stdp.traces import trace, unit_of

FIGURE_SIZE = (8.4, 8)
DATA = ("wang_hippocampus",)
LONGEST = 5 * second        # of a quick run
NEURON_IS_ONLY_READ = True          # spikes are imposed, so that only its potential counts
csv_table = of_each_trace
ACCEPTED = {}
RANGES = {"conditions": whole(1, 10_000, several=True), "motif": whole(1, 100_000), "points": whole(10, 100_000),
          "before": Range(0, 0.1, unit="second")}


@checked
def run(synapse=("synapses/stdp_triplet",), neuron=None, *, data=DATA, conditions=(3, 7), pairing="", motif=1,
        before=20 * ms, after=120 * ms, points=1000, dt=None, seed=1, device="auto", quick=False):
    """conditions : numbers of the rows; motif : which one is drawn large, from `before` its first spike until `after`
    its last; points : recorded times; quick: the first 5 s of each condition at most."""
    rules, chosen = rules_of(synapse), chosen_conditions(data, conditions, pairing)
    windows = [motif_of(one, motif) for one in chosen.values()]
    arrays = dict(rules=np.array([rule.title for rule in rules]), conditions=np.array(list(chosen)),
                  windows=np.array(windows) * second)
    headline, errors = {}, []
    for rule in rules:
        for k, ((label, one), (first, last)) in enumerate(zip(chosen.items(), windows, strict=True)):
            options = dict(points=points, dt=dt, device=device, seed=seed)
            parts = {"motif": trace(rule, one, neuron, start=first * second - before, stop=last * second + after,
                                    **options)}
            stop = duration_of(one) * second + after
            stop = min(stop, LONGEST) if quick else stop
            parts["all"] = trace(rule, one, neuron, start=-before, stop=stop, **options)
            errors += [found.step_error_percent for found in parts.values()]
            for part, found in parts.items():
                arrays = merged(arrays, {f"{rule.title}_{k}_{part}_{name}": values
                                         for name, values in recorded(found).items()})
            change = float(parts["all"].weight[-1] / parts["all"].weight[0] - 1)
            headline = merged(headline, {f"change_percent_{rule.title} ({label})": 100 * change})
    headline |= {} if None in errors else {"step_error_percent": max(errors)}
    return Result("stdp_trace", arrays, headline)


def recorded(found):
    """Arrays of a Trace: t, weight, potential if there is one, pre, post and third spikes, and variable_NAME."""
    arrays = dict(t=found.t, weight=found.weight, pre=found.pre, post=found.post, third=found.third)
    arrays |= {} if found.potential is None else {"potential": found.potential}
    return arrays | {f"variable_{name}": values for name, values in found.variables.items()}


def chosen_conditions(data, conditions, line):
    """Label -> Pairing of the rows with these numbers, or of a line; labels end in the number where some are equal."""
    if line:
        if tuple(data) != DATA:
            raise SpikelearnError("stdp_trace takes either data or pairing, not both")
        one = from_line(line)
        return {one.label: one}
    pairings = [one for it in experiments_of(data).values() for one in it.pairings]
    numbers = dict.fromkeys(map(int, np.atleast_1d(conditions)))
    if max(numbers) > len(pairings):
        raise SpikelearnError(f"conditions are numbered from 1 to {len(pairings)}, so there is no {max(numbers)}")
    chosen = {number: pairings[number - 1] for number in numbers}
    alike = len({one.label for one in chosen.values()}) < len(chosen)
    return {one.label + f", condition {number}" * alike: one for number, one in chosen.items()}


def beginning_of(pairing):
    """Time of the first thing that happens in a condition, in seconds."""
    sides = [pairing.pre, pairing.post, pairing.third, [] if pairing.bath is None else pairing.bath]
    return min(float(side[0]) for side in sides if len(side))


def duration_of(pairing):
    """Seconds from the beginning of a condition to its last spike or third factor."""
    sides = (pairing.pre, pairing.post, pairing.third)
    return max(float(side[-1]) for side in sides if len(side)) - beginning_of(pairing)


def motif_of(pairing, number):
    """First and last spike of a motif in seconds from the beginning.

    A motif ends where the next spike is at least 60 ms away, and half as far as two spikes of this condition ever are.
    """
    spikes = np.sort(np.concatenate([np.asarray(pairing.pre), np.asarray(pairing.post)])) - beginning_of(pairing)
    if not spikes.size:
        raise SpikelearnError(f"the condition '{pairing.label}' has no spikes to look at")
    apart = max(.06, .5 * np.max(np.diff(spikes), initial=0))
    firsts = np.flatnonzero(np.diff(spikes, prepend=-np.inf) >= apart)
    if number > len(firsts):
        raise SpikelearnError(f"the condition '{pairing.label}' has {len(firsts)} motifs, so there is no motif "
                              f"{number}")
    first = spikes[firsts[number - 1]]
    last = spikes[firsts[number] - 1 if number < len(firsts) else len(spikes) - 1]
    return first, min(last, first + 1)


def tables(result):
    """All that was recorded, a CSV file for each rule."""
    return {f"traces_{rule}.csv": _table(result.arrays, str(rule)) for rule in result.arrays["rules"]}


def _table(a, rule):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in columns(a, rule, 0) if name not in ("t", "pre", "post", "third")]
    units = [unit_of(a[f"{rule}_0_all_{name}"]) for name in names]
    writer.writerow(headers(["condition", "part", "t_s"], [
        name.removeprefix("variable_") + (f" ({unit})" if unit else "")
        for name, unit in zip(names, units, strict=True)], "variable"))
    for k, label in enumerate(a["conditions"]):
        for part in ("motif", "all"):
            values = [np.asarray(a[f"{rule}_{k}_{part}_{name}"]) for name in ("t", *names)]
            writer.writerows([label, part, *map(repr, map(float, row))] for row in zip(*values, strict=True))
    return text.getvalue()


def columns(a, rule, k):
    """Names of what was recorded of a rule in its condition k."""
    start = f"{rule}_{k}_all_"
    others = tuple(f"{other}_" for other in a["rules"] if other.startswith(start))
    return [name.removeprefix(start) for name in a if name.startswith(start) and not name.startswith(others)]


def panels(a, rule):
    """What is drawn of a rule from top to bottom: potential, variables by unit, weight."""
    units = {}
    for name in columns(a, rule, 0):
        if name.startswith("variable_"):
            units.setdefault(unit_of(a[f"{rule}_0_all_{name}"]), []).append(name)
    return ([["potential"]] if "potential" in columns(a, rule, 0) else []) + list(units.values()) + [["weight"]]


def plot(result, figure):
    """A column for each rule and condition; see the docstring."""
    a = result.arrays
    columns_drawn = [(str(rule), k) for rule in a["rules"] for k in range(len(a["conditions"]))]
    most = max(len(panels(a, rule)) for rule, _ in columns_drawn)
    figure.set_size_inches(max(7, 4.2 * len(columns_drawn)), 2.8 + 1.7 * most)
    for sub, (rule, k) in zip(figure.subfigures(1, len(columns_drawn), squeeze=False)[0], columns_drawn, strict=True):
        drawn = panels(a, rule)
        heights = [.5, *[most / len(drawn)] * len(drawn), 1.1]
        axes = sub.subplots(len(heights), 1, height_ratios=heights)
        draw_spikes(axes[0], a, rule, k)
        axes[0].set_title(f"{rule}: {a['conditions'][k]}", fontsize=10)
        for one, names in zip(axes[1:-1], drawn, strict=True):
            draw_lines(one, a, rule, k, names)
            one.sharex(axes[0])
        for one in axes[:-2]:
            one.tick_params(labelbottom=False)
        axes[-2].set_xlabel("time from the first spike (ms)", fontsize=9)
        draw_whole(axes[-1], a, rule, k)


def draw_spikes(axes, a, rule, k):
    """Pre spikes above, post spikes below, third factors as triangles."""
    t = np.asarray(a[f"{rule}_{k}_motif_t"]) * 1e3
    for y, (side, colour) in enumerate((("post", "C3"), ("pre", "C0"))):
        spikes = np.asarray(a[f"{rule}_{k}_motif_{side}"]) * 1e3
        axes.eventplot(spikes, lineoffsets=y, linelengths=.7, color=colour, lw=1.5)
    axes.plot(np.asarray(a[f"{rule}_{k}_motif_third"]) * 1e3, np.full(len(a[f"{rule}_{k}_motif_third"]), 1.7), "v",
              color="C2", ms=5)
    axes.set_yticks([0, 1], ["post", "pre"], fontsize=9)
    axes.set(xlim=(t[0], t[-1]), ylim=(-.6, 2))


def draw_lines(axes, a, rule, k, names):
    """Recorded values of one unit against time in ms."""
    t = np.asarray(a[f"{rule}_{k}_motif_t"]) * 1e3
    for count, name in enumerate(names):
        values = a[f"{rule}_{k}_motif_{name}"]
        scaled = np.asarray(values) * (1e3 if have_same_dimensions(values, volt) else 1)
        colour = "k" if name == "weight" else "C4" if name == "potential" else f"C{count}"
        axes.plot(t, scaled, color=colour, lw=1.3, label=name.removeprefix("variable_"))
    unit = "mV" if have_same_dimensions(values, volt) else unit_of(values)
    single = names[0].removeprefix("variable_") if len(names) == 1 else "traces"
    axes.set_ylabel(f"{single} ({unit})" if unit else single, fontsize=9)
    if len(names) > 1:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1.05), frameon=False, handlelength=1)


def draw_whole(axes, a, rule, k):
    """Weight over the whole condition; the motif that is drawn large is shaded."""
    t, weight = np.asarray(a[f"{rule}_{k}_all_t"]), a[f"{rule}_{k}_all_weight"]
    shown = np.asarray(a[f"{rule}_{k}_motif_t"])
    axes.plot(t, np.asarray(weight), "k", lw=1.3)
    axes.axvspan(shown[0], shown[-1], color="0.8", lw=0, zorder=0)
    unit = unit_of(Quantity(np.asarray(weight), dim=get_dimensions(weight)))
    axes.set_ylabel(f"weight ({unit})" if unit else "weight", fontsize=9)
    axes.set_xlabel("time from the first spike (s)", fontsize=9)
    axes.margins(x=.01)


if __name__ == "__main__":
    run_protocol()
