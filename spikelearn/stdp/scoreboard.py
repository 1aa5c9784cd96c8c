"""The scoreboard: how well a rule meets each of several experiments as published, fitted, and fitted to the others.

Every experiment is fitted alone. All these fits run side by side in one simulation, whose synapses have the parameters
that the fit of their own experiment asks for.
"""
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from brian2 import Quantity
from scipy.stats import chi2 as chi_square

from spikelearn.equations.own_names import for_brian
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.stdp.candidates import Candidates
from spikelearn.stdp.comparison import predicted
from spikelearn.stdp.experiments import Experiment, score
from spikelearn.stdp.fit import GENERATIONS, Residuals, Scale, minima, population
from spikelearn.stdp.network import exact_between_spikes
from spikelearn.stdp.side_by_side import side_by_side
from spikelearn.stdp.spike_times import Pairing, beginning
from spikelearn.stdp.time_steps import is_random
from spikelearn.stdp.weight_change import post_neuron

LIMITS = ("_min", "_max")       # endings of the names of limits, which are not fitted


class Scores(NamedTuple):
    """What one rule reaches in each of m experiments: (m,) each, not-a-number where there is no such number.

    published, fitted, held_out : E with the rule's own numbers, fitted to this experiment alone, and the median over
    the fits to each other experiment. p : probability of a chi-square as large as the fit's, or larger, if the rule is
    right. conditions : how many are scored and known to the rule. null : E of no change, on these conditions.
    """

    published: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    p: np.ndarray
    conditions: np.ndarray
    null: np.ndarray


def free_names(rule: SynapseModel) -> list[str]:
    """The parameters that are fitted: all but zeros, delays, and limits, whose names end in _min or _max."""
    return [name for name, value in rule.parameters.items() if float(value) != 0
            and name not in (rule.delay_pre, rule.delay_post) and not name.endswith(LIMITS)]


def in_time_steps(rule: SynapseModel, neuron: str | NeuronModel | None) -> bool:
    """Whether the rule is integrated in time steps, so that fits take hours. Raises SpikelearnError."""
    return post_neuron(rule, neuron) is not None or not exact_between_spikes(for_brian(rule))


class Board:
    """The scored conditions of m experiments that a rule knows, and what it predicts for them.

    rule, neuron, options : as in `comparison.predicted`. until : simulate only what happens before.
    """

    def __init__(self, rule: SynapseModel, data: Mapping[str, Experiment], neuron: str | NeuronModel | None = None, *,
                 until: Quantity | None = None, copies: int = 20, **options):
        self.rule, self.neuron, self.copies, self.options = rule, neuron, copies, options
        pairings = [pairing for it in data.values() for pairing in it.pairings]
        pairings = pairings if until is None else [beginning(pairing, until) for pairing in pairings]
        change, accuracy = predicted(rule, pairings, neuron, copies=copies, **options)
        self.step_error_percent = accuracy.get("step_error_percent", np.nan)
        scored = np.concatenate([it.scored for it in data.values()])
        used = np.flatnonzero(scored & np.isfinite(change))
        self.pairings: list[Pairing] = [pairings[k] for k in used]
        self.mean, self.sem = (np.concatenate([getattr(it, key) for it in data.values()])[used]
                               for key in ("mean", "sem"))
        of = np.repeat(np.arange(len(data)), [len(it.pairings) for it in data.values()])[used]
        self.parts = [np.flatnonzero(of == k) for k in range(len(data))]
        self.published = self.errors(change[used])

    def errors(self, change: np.ndarray) -> np.ndarray:
        """E (m,) of relative changes (n,), infinite where a change is not finite."""
        return np.array([np.nan if not part.size else
                         score(change[part], self.mean[part], self.sem[part]) if np.isfinite(change[part]).all() else
                         np.inf for part in self.parts])

    def scores(self) -> Scores:
        """As published; nothing is fitted, and p is that of the published numbers."""
        counts, nothing = np.array([part.size for part in self.parts]), np.full(len(self.parts), np.nan)
        return Scores(self.published, nothing, nothing, probability(self.published, counts, 0), counts,
                      self.errors(np.zeros(len(self.mean))))

    def fitted(self, bounds: Mapping, *, starts: int, generations: int = GENERATIONS) -> Scores:
        """As published, fitted and held out. bounds : free parameter -> (lowest, highest). Raises SpikelearnError."""
        board = self.scores()
        if not bounds:                          # nothing to be fitted: the same numbers everywhere
            return board._replace(fitted=self.published, held_out=self.published)
        scale, p = Scale(*np.array([[float(end) for end in pair] for pair in bounds.values()]).T), len(bounds)
        models = [model for model in (self.rule, post_neuron(self.rule, self.neuron)) if model]
        random = is_random(*models)
        candidates = Candidates(self.pairings, self.rule, tuple(bounds), scale.lowest, scale.highest,
                                max(population(p), starts * (2 * p + 1)), self.neuron,
                                repeats=self.copies if random else 1, **self.options)
        own = np.array([float(self.rule.parameters[name]) for name in bounds])
        asked = [k for k, part in enumerate(self.parts) if part.size]
        best = self._alone(candidates, scale, own, asked, starts=starts, generations=generations, random=random)
        errors = np.array([self.errors(change) for change in
                           (self._drawn_anew(candidates, best) if random else candidates.changes(best))])
        better = np.diag(errors[:, asked]) < self.published[asked]      # else the published numbers stay
        errors = np.where(better[:, None], errors, self.published)
        fitted, held_out = np.full((2, len(self.parts)), np.nan)
        fitted[asked] = np.diag(errors[:, asked])
        for row, k in enumerate(asked):
            others = np.delete(errors[:, k], row)
            held_out[k] = np.median(others) if others.size else np.nan
        return board._replace(fitted=fitted, held_out=held_out, p=probability(fitted, board.conditions, p))

    def _drawn_anew(self, candidates, best):
        """Changes (m, n) at the parameters (m, p) by other random numbers than those on which they were best."""
        options = self.options | dict(copies=self.copies, seed=self.options["seed"] - 1 if self.options["seed"] else 1)
        return [predicted(self.rule.with_parameters(**candidates.with_units(values)), self.pairings, self.neuron,
                          **options)[0] for values in best]

    def _alone(self, candidates, scale, own, asked, *, starts, **search):
        """The best parameters (len(asked), p) for each experiment in `asked`, each fitted alone."""
        widest = max(self.parts[k].size for k in asked)

        def compute(points):                    # (r, 1 + p): number of the experiment, and its parameters
            of, values = points[:, 0].astype(int), points[:, 1:]
            rows = {k: np.flatnonzero(of == k) for k in asked}
            spread = np.tile(own, (max(map(len, rows.values())), len(self.pairings), 1))
            for k, mine in rows.items():
                spread[:len(mine), self.parts[k]] = values[mine][:, None]
            found, answer = candidates.changes(spread), np.full((len(points), widest), np.nan)
            for k, mine in rows.items():
                answer[mine, :self.parts[k].size] = found[:len(mine), self.parts[k]]
            return answer

        def task(k):
            part = self.parts[k]

            def changes(ask, values):
                return ask(np.column_stack([np.full(len(values), k), values]))[:, :part.size]

            def search_alone(ask):
                residuals = Residuals(lambda values: changes(ask, values), scale, self.mean[part], self.sem[part])
                found = minima(residuals, scale.numbers(own), starts=starts, seed=self.options["seed"], **search)
                return scale.values(min(found, key=lambda one: one[1])[0])

            return search_alone

        return np.array(side_by_side(compute, [task(k) for k in asked]))


def probability(E: np.ndarray, conditions: np.ndarray, free: int) -> np.ndarray:
    """Probability of chi-square, not-a-number where there are no more conditions than free parameters."""
    with np.errstate(invalid="ignore"):
        return np.where(conditions > free, chi_square.sf(E * conditions, np.maximum(conditions - free, 1)), np.nan)


def explained(p: np.ndarray, E: np.ndarray, conditions: np.ndarray, scored: np.ndarray) -> list[str]:
    """Whether some rule explains each of m experiments: "yes", "no", or "undecided".

    A rule explains an experiment if p is at least .05 and it knows every scored condition. Where p is not known, the
    rule has as many free parameters as there are conditions, or more: it may explain the experiment unless its
    chi-square is too large even for one degree of freedom. p, E, conditions : (rules, m). scored : (m,).
    """
    whole = conditions == scored
    yes = (whole & (p >= 0.05)).any(axis=0)
    maybe = (whole & np.isnan(p) & (chi_square.sf(np.nan_to_num(E, nan=np.inf) * conditions, 1) >= 0.05)).any(axis=0)
    return ["yes" if sure else "undecided" if perhaps else "no" for sure, perhaps in zip(yes, maybe, strict=True)]
