"""Fit a rule to experiments: the best parameters, their confidence intervals, and E before and after.

Chi-square, the sum over all scored conditions of ((model - measured) / s.e.m.)^2, is minimised by differential
evolution (Storn & Price (1997) J Global Optim 11:341) and then by least squares from several starts; all candidates run
side by side as synapses of one simulation. Intervals are 68 % by profile likelihood and take the s.e.m. as the standard
deviation of a normal error. Experiments named by hold_out are predicted, not fitted. `spikelearn fit` is the same with
options of its own.
"""
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from brian2 import second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.command.free_parameters import free_parameters
from spikelearn.equations.content import content
from spikelearn.equations.written import with_numbers
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, whole
from spikelearn.results.names import joined, merged, name_of
from spikelearn.results.result import Result
from spikelearn.stdp import fit_report
from spikelearn.stdp.candidates import Candidates, identity_of
from spikelearn.stdp.comparison import predicted
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.fit import GENERATIONS, Residuals, Scale, fit, population
from spikelearn.stdp.moments import known_to
from spikelearn.stdp.posterior import posterior as drawn_from_posterior
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.tables import of_each_fit
from spikelearn.stdp.time_steps import is_random
from spikelearn.stdp.weight_change import READ_AFTER, largest_step_error, post_neuron
from spikelearn.training.checkpoint import checkpoint_file, checkpointing
from spikelearn.training.kept import Kept, nothing_kept

FIGURE_SIZE = (11, 6)
QUICK = 2 * second      # of each condition in a quick run
TOGETHER = 16           # searches whose points fit into one simulation
csv_table = of_each_fit
ACCEPTED = {}
RANGES = {"starts": whole(1, 1000), "repeats": whole(1, 10_000), "posterior": whole(0, 1_000_000)}


@checked
def run(synapse="synapses/stdp_triplet", neuron=None, *, to="sjostrom_frequency", hold_out="none",
        free="A3_plus, A2_minus, tau_y", starts=8, repeats=1, posterior=0, read_after=READ_AFTER, seed=1,
        device="auto", out=None, resume=None, quick=False):
    """to, hold_out : experiments, shipped or files, separated by commas. free : parameters with bounds "a..b*unit";
    a bare name is searched from a tenth of its value to ten times its value. starts : searches by least squares.
    repeats : synapses of each candidate, for rules that draw random numbers; chi-square and E are then those of another
    draw. posterior : steps of an ensemble sampler (emcee) after the fit, of which the second half is kept. quick : the
    first 2 s of each condition, few generations, one search.
    """
    rule = load_model(synapse, "synapse")
    bounds, data, random = free_parameters(free, rule), measurements(to, hold_out), draws_random(rule, neuron)
    refuse_delays(bounds, rule)
    if posterior and random:
        raise SpikelearnError(f"posterior needs a rule without random numbers, and {rule.title} draws some")
    for it in data.held_out:
        refuse_unknown(it, rule)
    if len(data.mean) <= len(bounds):
        raise SpikelearnError(f"free names {len(bounds)} parameters, which cannot be fitted to {len(data.mean)} "
                              "conditions: free fewer, or add an experiment")
    lowest, highest = (np.array([float(pair[side]) for pair in bounds.values()]) for side in (0, 1))
    scale, starts = Scale(lowest, highest), 1 if quick else starts
    candidates = Candidates(
        shortened(data.pairings, quick), rule, tuple(bounds), lowest,
        highest, max(population(len(bounds)), min(starts, TOGETHER) * (2 * len(bounds) + 1)), neuron,
        read_after=read_after, device="numpy" if quick and device == "auto" else device, seed=seed, repeats=repeats)
    first = scale.numbers(np.array([float(rule.parameters[name]) for name in bounds]))
    who = {**content(rule), "neuron": str(neuron and content(load_model(neuron, "neuron"))), "seed": str(seed),
           "spike times": identity_of(data.pairings),
           "fit": repr((bounds, to, starts, repeats, posterior, quick, float(read_after), data.mean, data.sem))}
    with (keeping(out, resume, who, len(bounds), len(data.mean)) as (begun, save),
          Kept(candidates.changes, begun, save, f"fit of {rule.title}") as changes):
        residuals = Residuals(changes, scale, data.mean, data.sem)
        found = fit(residuals, first, starts=starts, seed=seed, random=random, generations=1 if quick else GENERATIONS)
        drawn = scale.values(drawn_from_posterior(residuals, found.u, posterior, seed)) if posterior else None
    best = rule.with_parameters(**candidates.with_units(scale.values(found.u)))
    options = dict(neuron=post_neuron(rule, neuron), read_after=read_after, seed=seed, device=device)
    if random:                  # the search found the luckiest draw: another one tells how good the fit is
        options |= dict(copies=repeats, seed=seed - 1 if seed else 1)
    return result_of(rule, best, found, data, scale, tuple(bounds), options, quick, drawn)


def result_of(rule, best, found, data, scale, free, options, quick, drawn):
    """The Result of a fit: both sets of numbers in every experiment, and the report. drawn : from the posterior."""
    arrays, errors = {}, {}
    every = [compared(it, rule, best, data, found, options, arrays, quick) for it in (*data.fitted, *data.held_out)]
    for own, _ in every:
        errors |= own
    accuracy = largest_step_error(step for _, step in every)
    if "copies" in options:
        found = replace(found, chi2=sum(errors["E", it.name] * int(it.scored.sum()) for it in data.fitted))
    made = fit_report.estimates(rule, free, scale, found)
    numbers = merged(fit_report.numbers(found, len(data.mean), made), accuracy)
    headline = merged(numbers, joined(errors, taken=numbers))
    arrays |= described(rule, best, made, headline, found, data)
    if drawn is not None:
        arrays |= dict(posterior=drawn, report=np.array(f"{arrays['report']}{fit_report.posterior(made, drawn)}"))
    print(arrays["report"])
    return Result("stdp_fit", arrays, headline, gaps=tuple(name for name in arrays if arrays[name].dtype.kind == "f"))


class Data(NamedTuple):
    """What is fitted and what is held out. mean, sem : (n,) of the scored conditions, whose Pairings are `pairings`."""

    fitted: list
    held_out: list
    pairings: list
    mean: np.ndarray
    sem: np.ndarray

    def part(self, it):
        """The conditions of a fitted experiment among all, as a slice."""
        counts = np.cumsum([0, *(int(other.scored.sum()) for other in self.fitted)])
        k = self.fitted.index(it)
        return slice(counts[k], counts[k + 1])


def measurements(to, hold_out):
    """The experiments that two texts name. Raises SpikelearnError if one has nothing to be fitted to."""
    fitted, held_out = ([experiment(name.strip()) for name in text.split(",") if name.strip() not in ("", "none")]
                        for text in (to, hold_out))
    if not fitted:
        raise SpikelearnError("to must name one experiment or more")
    names = [it.name for it in (*fitted, *held_out)]
    for it in (*fitted, *held_out):
        if not np.any(it.scored):
            what = "no fit can be compared with it" if it in held_out else "nothing can be fitted to it"
            raise SpikelearnError(f"{it.name} has no condition with a measured change and its s.e.m., so {what}")
        if names.count(it.name) > 1:
            raise SpikelearnError(f"the experiment {it.name} is named twice in to and hold_out")
    mean, sem = (np.concatenate([getattr(it, name)[it.scored] for it in fitted]) for name in ("mean", "sem"))
    pairings = [pairing for it in fitted for pairing, scored in zip(it.pairings, it.scored, strict=True) if scored]
    return Data(fitted, held_out, pairings, mean, sem)


def refuse_delays(bounds, rule):
    """Delays are the same in all candidates, which run side by side."""
    for name in bounds:
        if name in (rule.delay_pre, rule.delay_post):
            raise SpikelearnError(f"free: '{name}' is a delay of {rule.title}, and delays cannot be fitted: sweep it "
                                  f"instead, as in --vary {name}=1..5*ms:5")


def refuse_unknown(it, rule):
    """A held-out experiment must be one that the rule can predict; better to know before the fit."""
    for pairing, scored in zip(it.pairings, it.scored, strict=True):
        if scored and not known_to(rule, pairing):
            raise SpikelearnError(f"hold_out: the condition '{pairing.label}' of {it.name} has a third factor, and "
                                  f"{rule.title} knows none")


def shortened(pairings, quick):
    """The first seconds of each pairing in a quick run."""
    return [beginning(pairing, QUICK) for pairing in pairings] if quick else list(pairings)


def draws_random(rule, neuron):
    """Whether the rule or its neuron draws random numbers."""
    return is_random(*[model for model in (rule, post_neuron(rule, neuron)) if model])


def keeping(out, resume, who, p, n):
    """The checkpoint of the fit, which keeps every simulation."""
    if not (out or resume):
        return nullcontext((nothing_kept(p, n), lambda state: None))
    return checkpointing(checkpoint_file(out or resume), checkpoint_file(resume) if resume else None, who,
                         nothing_kept(p, n), 1)


def compared(it, rule, best, data, found, options, arrays, quick):
    """Errors of one experiment before and after the fit, by parts of their names, and the accuracy.

    What its panel shows goes into `arrays`.
    """
    part, scored = it in data.held_out, it.scored
    (before, _), (after, accuracy) = (predicted(model, shortened(it.pairings, quick), **options)
                                      for model in (rule, best))
    spread = np.full(len(it.mean), np.nan)
    if not part:
        spread[scored] = found.spread[data.part(it)] * it.sem[scored]
    arrays |= {f"{it.name}_measured": it.mean, f"{it.name}_sem": it.sem, f"{it.name}_before": before,
               f"{it.name}_fitted": after, f"{it.name}_spread": spread,
               f"{it.name}_labels": np.array([pairing.label for pairing in it.pairings])}
    mean, sem = it.mean[scored], it.sem[scored]
    errors = score(before[scored], mean, sem), score(after[scored], mean, sem), null_score(mean, sem)
    return {(key, it.name): value for key, value in zip(fit_report.errors_of(part), errors, strict=True)}, accuracy


def described(rule, best, made, headline, found, data):
    """Arrays and texts of the fit as a whole."""
    names, held_out = ([it.name for it in part] for part in (data.fitted, data.held_out))
    comments = {one.name: f"fitted: {one.interval}; was {one.published:.4g}" for one in made}
    heading_line = (f"{rule.title} fitted to {', '.join(names)}: chi-square {found.chi2:.4g} over {len(data.mean)} "
                    "conditions")
    texts = dict(fitted=with_numbers(rule, {one.name: best.parameters[one.name] for one in made}, comments,
                                     heading_line),
                 report=fit_report.report(rule.title, names, held_out, headline, made, found),
                 table=fit_report.table(made))
    return dict(rule=np.array(rule.title), free=np.array([one.name for one in made]),
                values=np.array([float(best.parameters[one.name]) for one in made]),
                published=np.array([float(rule.parameters[one.name]) for one in made]),
                correlation=found.correlation, experiments=np.array(names), held_out=np.array(held_out, dtype=str),
                **{name: np.array(text) for name, text in texts.items()})


def tables(result):
    """The rule's file with the fitted numbers, the report, the parameters and what was drawn of them as CSV."""
    a = result.arrays
    files = {"fitted.py": str(a["fitted"]), "report.txt": str(a["report"]), "parameters.csv": str(a["table"])}
    if "posterior" in a:                # in SI units
        rows = [",".join(map(repr, map(float, row))) for row in a["posterior"]]
        files["posterior.csv"] = "\n".join([",".join(map(str, a["free"])), *rows]) + "\n"
    return files


def plot(result, figure):
    """A panel for each experiment: measurements, the rule before and after the fit, and the band of the fit."""
    a = result.arrays
    names = [*map(str, a["experiments"]), *map(str, a["held_out"])]
    rows = int(np.ceil(len(names) / 3))
    panels = np.ravel(figure.subplots(rows, min(len(names), 3), squeeze=False))
    for axes, name in zip(panels, names, strict=False):
        x = np.arange(len(a[f"{name}_measured"]))
        fitted, spread = 100 * a[f"{name}_fitted"], 100 * a[f"{name}_spread"]
        axes.axhline(0, color="0.6", lw=.8, ls="--", zorder=0)
        axes.plot(x, 100 * a[f"{name}_before"], "D", color="0.6", ms=4, mew=0, label="published numbers")
        axes.errorbar(x, fitted, np.nan_to_num(spread), fmt="C0D", ms=5, elinewidth=5, ecolor="#1f77b450",
                      label="fitted, with the uncertainty of the fit")
        axes.errorbar(x, 100 * a[f"{name}_measured"], 100 * a[f"{name}_sem"], fmt="ko", ms=4, lw=1, capsize=2,
                      mfc="none", label="measured ± s.e.m.")
        axes.set_xticks(x, [str(label) for label in a[f"{name}_labels"]], rotation=90, fontsize=8)
        part = name in a["held_out"]
        before, after, null = (result.headline[name_of(result.headline, error, name)]
                               for error in fit_report.errors_of(part))
        heading(axes, f"{name}, held out" if part else name,
                f"E: before {before:.3g}, after {after:.3g}, no change {null:.3g}")
        axes.set_ylabel("change of weight (%)")
    for axes in panels[len(names):]:
        axes.axis("off")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)


if __name__ == "__main__":
    run_protocol()
