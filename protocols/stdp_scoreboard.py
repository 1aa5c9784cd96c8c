"""The scoreboard: every rule that can be paired in every experiment that was measured, as published and fitted.

E = mean(((measured - model) / s.e.m.)^2), Pfister & Gerstner (2006) J Neurosci 26:9673; the null model never changes a
weight. Four numbers for each rule and experiment: E as published (the same as in stdp_battery); E fitted to this
experiment alone; p, the probability of a chi-square as large as the fit's or larger if the rule is right; and the
held-out E, the median over the fits to each of the other experiments. A rule that does not know a third factor is
scored on the conditions without it, which a dagger marks.

One policy for all fits. Free are all numbers of the rule but zeros, delays, and limits (names that end in _min or
_max), from a tenth of the published value to ten times it, in the ranges that the rule states. The search is that
of `spikelearn fit`: differential evolution of at most `generations` generations, then least squares from `starts`
points, of at most 60 steps each; where it finds nothing better, the published numbers stay. p counts every free number,
and there is none where an experiment has no more conditions than that. Rules that are integrated in time steps are
fitted only if asked for (time_steps=true), since their fits take hours to days. Interrupted runs keep each rule that is
over.
"""
import csv
import io

import numpy as np
from brian2 import second

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.command.free_parameters import free_parameters
from spikelearn.equations.content import content
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.ranges.check import checked, whole
from spikelearn.results.result import Accepted, Result
from spikelearn.stdp.candidates import identity_of
from spikelearn.stdp.comparison import experiments_of, rules_of
from spikelearn.stdp.experiments import null_score
from spikelearn.stdp.fit import GENERATIONS
from spikelearn.stdp.scoreboard import Board, Scores, explained, free_names, in_time_steps
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.tables import of_each_score
from spikelearn.stdp.weight_change import READ_AFTER
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing
from spikelearn.training.progress import Progress

FIGURE_SIZE = (19, 10.5)
RULES = tuple(name for name in shipped_models() if name.startswith("synapses/"))
FEW = ("synapses/static", "synapses/stdp_pair", "synapses/stdp_rubin", "synapses/voltage_derivative_symmetric")
QUICK = 2 * second      # of each condition in a quick run
NEURON_IS_ONLY_READ = True          # spikes are imposed, so that only its potential counts
RANGES = {"starts": whole(1, 1000), "generations": whole(1, 10_000), "copies": whole(1, 10_000)}
ACCEPTED = {"E_fitted_sjostrom_frequency_stdp_triplet": Accepted(
    0, .357, "Pfister & Gerstner (2006) table 3: E = .356 of the minimal all-to-all model; a fit is not worse")}
csv_table = of_each_score
PANELS = {"published": "as published", "fitted": "fitted to this experiment alone",
          "held_out": "held out: median of the fits to the others"}


@checked
def run(synapse=RULES, neuron=None, *, data=("all",), fitted=True, time_steps=False, starts=4, generations=GENERATIONS,
        copies=20, read_after=READ_AFTER, seed=1, device="auto", out=None, resume=None, quick=False):
    """data : experiments by name or file, all = every shipped one. fitted : false = as published only. time_steps :
    fit also the rules that are integrated in time steps. starts, generations : of each fit. copies : of each condition,
    for rules that draw random numbers. quick : the first 2 s of each condition, few rules, one generation, one start.
    """
    every = tuple(data) == ("all",)
    known = experiments_of(shipped_experiments() if every else data)
    known = {name: it for name, it in known.items() if it.scored.any()}
    if not known:
        raise SpikelearnError("data has no condition with a measured change and its s.e.m., so that nothing is scored")
    rules = rules_of(FEW if quick and tuple(synapse) == RULES else synapse)
    search = dict(starts=1, generations=1) if quick else dict(starts=starts, generations=generations)
    options = dict(until=QUICK if quick else None, copies=copies, read_after=read_after, seed=seed,
                   device="numpy" if quick and device == "auto" else device)
    fits = dict(fitted=fitted, time_steps=time_steps, search=search)
    with (checkpointing(checkpoint_file(out) if out else None, checkpoint_file(resume) if resume else None,
                        identity(rules, known, neuron, options, fits), State({}), 1) as (begun, save),
          Progress("scoreboard", unit="rules") as progress):
        lines = begun.weights
        progress.start(len(rules), len(lines))
        for rule in rules:
            if rule.title not in lines:
                lines[rule.title] = line(rule, known, neuron, options, **fits)
                save(State(lines, chunks=len(lines)))
                progress.tell(1, rule.title)
    return gathered(rules, lines, known, fitted)


def identity(rules, known, neuron, options, fits):
    """What makes a scoreboard this one."""
    measured = {name: [it.mean.tolist(), it.sem.tolist(), it.scored.tolist()] for name, it in known.items()}
    return {"rules": repr([content(rule) for rule in rules]), "measurements": repr(measured),
            "spike times": identity_of(pairing for it in known.values() for pairing in it.pairings),
            "neuron": str(neuron and content(load_model(neuron, "neuron"))),
            "settings": repr({**options, **fits, "read_after": float(options["read_after"])})}


def line(rule, known, neuron, options, *, fitted, time_steps, search):
    """One rule's line: an array of two texts, why it is not paired or not fitted, and its Scores as text."""
    try:
        board = Board(rule, known, neuron, **options)
    except SpikelearnError as refusal:
        return np.array([str(refusal), "", ""])
    names = free_names(rule)
    if not fitted:
        return written(board.scores(), "")
    if names and in_time_steps(rule, neuron) and not time_steps:
        return written(board.scores(), "it is integrated in time steps, and time_steps=true was not asked for")
    try:
        return written(board.fitted(free_parameters(", ".join(names), rule) if names else {}, **search), "")
    except SpikelearnError as refusal:
        return written(board.scores(), str(refusal))


def written(scores, why):
    """Scores as a text of exact numbers, behind the reason for which there is no fit."""
    return np.array(["", why, ";".join(" ".join(map(repr, map(float, column))) for column in scores)])


def gathered(rules, lines, known, fitted):
    """The Result of all lines."""
    paired = [rule for rule in rules if not str(lines[rule.title][0])]
    if not paired:
        raise SpikelearnError(f"no rule can be paired: {rules[0].title}: {lines[rules[0].title][0]}")
    scores = [Scores(*(np.array(column.split(), dtype=float) for column in str(lines[rule.title][2]).split(";")))
              for rule in paired]
    arrays = {f"E_{key}" if key in (*PANELS, "null") else key: np.array([getattr(one, key) for one in scores])
              for key in Scores._fields}
    arrays["E_no_change"] = np.array([null_score(it.mean[it.scored], it.sem[it.scored]) for it in known.values()])
    gaps = tuple(arrays)
    apart = {which: [(rule.title, str(lines[rule.title][k])) for rule in rules if str(lines[rule.title][k])]
             for k, which in enumerate(("not_paired", "not_fitted"))}
    arrays |= dict(rules=np.array([rule.title for rule in paired]), experiments=np.array(list(known)),
                   free=np.array([len(free_names(rule)) for rule in paired]), was_fitted=np.array(fitted),
                   scored=np.array([np.count_nonzero(it.scored) for it in known.values()]),
                   **{which: np.array(found, dtype=str).reshape(-1, 2) for which, found in apart.items()})
    E = np.where(np.isnan(arrays["E_fitted"]), arrays["E_published"], arrays["E_fitted"])
    arrays["explained"] = np.array(explained(arrays["p"], E, arrays["conditions"], arrays["scored"]))
    return Result("stdp_scoreboard", arrays, headline_of(arrays, fitted), gaps=gaps)


def headline_of(a, fitted):
    """The lowest E of each experiment, and how many rules and experiments there are."""
    headline = dict(rules=len(a["rules"]), rules_not_paired=len(a["not_paired"]),
                    rules_not_fitted=len(a["not_fitted"]),
                    experiments_that_no_rule_explains=int((a["explained"] == "no").sum()))
    for k, name in enumerate(map(str, a["experiments"])):
        headline[f"E_null_{name}"] = float(a["E_no_change"][k])
        for key in PANELS if fitted else ("published",):
            values = a[f"E_{key}"][:, k]
            if np.isfinite(values).any():
                headline[f"lowest_E_{key}_{name}"] = float(np.nanmin(values))
        for rule, value in zip(map(str, a["rules"]), a["E_fitted"][:, k], strict=True):
            if f"E_fitted_{name}_{rule}" in ACCEPTED and np.isfinite(value):
                headline[f"E_fitted_{name}_{rule}"] = float(value)
    return headline


def tables(result):
    """The table as CSV, a row for each rule and experiment, and as a page in Markdown."""
    a, text = result.arrays, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rule", "free_parameters", "experiment", "conditions", *(f"E_{key}" for key in PANELS), "p",
                     "E_null"])
    for row, rule in enumerate(a["rules"]):
        for k, name in enumerate(a["experiments"]):
            values = (*(a[f"E_{key}"][row, k] for key in PANELS), a["p"][row, k], a["E_null"][row, k])
            writer.writerow([rule, a["free"][row], name, int(a["conditions"][row, k]), *map(cell, values)])
    return {"scoreboard.csv": text.getvalue(), "scoreboard.md": page(a)}


def cell(value):
    """A number of the table, empty where there is none."""
    return "" if np.isnan(value) else f"{value:.6g}"


def short(value):
    """A number of the page and the figure."""
    if np.isnan(value):
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}" if value < 1e4 else f"{value:.0e}"


def page(a):
    """The page: E as published, fitted and held out, what no rule explains, and which rules are left out and why."""
    fitted = bool(a["was_fitted"])
    keys = PANELS if fitted else ("published",)
    kinds = " / ".join(PANELS[key] for key in keys)
    head = ["rule", "free", *(f"{name} ({n})" for name, n in zip(a["experiments"], a["scored"], strict=True))]
    rows = [["no change", "0", *map(short, a["E_no_change"])]]
    for row, rule in enumerate(a["rules"]):
        cells = [" / ".join(short(a[f"E_{key}"][row, k]) for key in keys) + " *" * bool(a["p"][row, k] >= 0.05)
                 + " †" * bool(a["conditions"][row, k] < n) for k, n in enumerate(a["scored"])]
        rows.append([str(rule), str(a["free"][row]), *cells])
    lines = ["# Scoreboard", "", __doc__.partition("\n\n")[2].strip(), "",
             f"E {kinds}; in brackets the number of conditions; † fewer of them; * p of at least .05"
             + ("" if fitted else " as published"), "", *(f"| {' | '.join(one)} |" for one in
                                                         [head, ["---"] * len(head), *rows])]
    lines += ["", "## What no rule explains", "", "A rule explains an experiment if it knows every condition and p is "
              "at least .05." + (" Rules that are not fitted count as published." if fitted else ""), "",
              *(f"* {name}: {explaining(a, k)}" for k, name in enumerate(a["experiments"]))]
    for key, title in (("not_paired", "Rules that cannot be paired"), ("not_fitted", "Rules that are not fitted")):
        if len(a[key]):
            lines += ["", f"## {title}", "", *(f"* {rule}: {why}" for rule, why in a[key])]
    return "\n".join(lines) + "\n"


def explaining(a, k):
    """Which rules explain an experiment, in words."""
    whole = a["conditions"][:, k] == a["scored"][k]
    rules = [str(rule) for rule in a["rules"][whole & (a["p"][:, k] >= 0.05)]]
    if rules:
        return f"explained by {', '.join(rules)}"
    if a["explained"][k] == "undecided":
        return "undecided: the rules that come close have as many free parameters as there are conditions, or more"
    return "explained by none" + ("" if whole.any() else ", since no rule knows its third factor")


def plot(result, figure):
    """A table of colours: E of each rule in each experiment, as published, fitted and held out."""
    a = result.arrays
    keys = list(PANELS) if a["was_fitted"] else ["published"]
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    names = ["no change", *(f"{rule} ({free})" for rule, free in zip(a["rules"], a["free"], strict=True))]
    for axes, key in zip(panels, keys, strict=True):
        E, null = (np.vstack([a["E_no_change"], a[name]]) for name in (f"E_{key}", "E_null"))
        share = np.log10(np.maximum(E, 1e-9) / null)
        drawn = axes.imshow(np.clip(share, -1, 1), cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        bold, less = np.zeros((2, *E.shape), dtype=bool)
        bold[1:] = (a["p"] >= 0.05) & (key == keys[-2 if a["was_fitted"] else 0])
        less[1:] = a["conditions"] < a["scored"]
        for (row, k), value in np.ndenumerate(E):
            axes.text(k, row, short(value) + "†" * bool(less[row, k]), ha="center", va="center", fontsize=8,
                      color="w" if abs(share[row, k]) > 0.65 else "k", weight="bold" if bold[row, k] else "normal")
        if key == keys[0]:
            axes.set_ylabel("rule (free parameters)", fontsize=9)
        axes.set_xticks(range(len(a["experiments"])), a["experiments"], rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_title(f"E {PANELS[key]}" + ("\nbold: p of at least .05" if bold.any() else "\n"), fontsize=9)
    if (a["conditions"] < a["scored"]).any():
        figure.supxlabel("† without the conditions whose third factor the rule does not know", fontsize=9)
    bar = figure.colorbar(drawn, ax=list(panels), ticks=[-1, 0, 1], shrink=0.5, pad=0.01)
    bar.ax.set_yticklabels(["0.1", "1", "10"], fontsize=8)
    bar.set_label("E over E of no change", fontsize=8)


if __name__ == "__main__":
    run_protocol()
