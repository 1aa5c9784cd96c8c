"""What a fit found, in words and numbers."""
import re
from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, get_dimensions
from scipy.stats import chi2 as chi_square

from spikelearn.equations.records import SynapseModel
from spikelearn.results.names import headers, name_of
from spikelearn.results.result import Missing
from spikelearn.stdp.fit import Fitted, Scale


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter in a unit that reads well.

    unit : its name, "" for numbers. published, value : before and after the fit. low, high : ends of the 68 % interval,
    not-a-number where it does not close between the bounds lowest and highest. size : the unit in SI units.
    """

    name: str
    unit: str
    published: float
    value: float
    low: float
    high: float
    lowest: float
    highest: float
    size: float = 1.0

    @property
    def key(self) -> str:
        """Name of the headline number, with the unit."""
        return "_".join([self.name, *re.findall(r"\w+", self.unit)])

    @property
    def interval(self) -> str:
        """The interval in words."""
        if np.isnan(self.low) and np.isnan(self.high):
            return f"not identified between {self.lowest:.4g} and {self.highest:.4g}{self._unit}"
        if np.isnan(self.low):
            return f"68 % interval up to {self.high:.4g}{self._unit}, not identified below"
        if np.isnan(self.high):
            return f"68 % interval from {self.low:.4g}{self._unit}, not identified above"
        return f"68 % interval {self.low:.4g} to {self.high:.4g}{self._unit}"

    @property
    def _unit(self):
        return f" {self.unit}" if self.unit else ""

    def __str__(self):
        return f"{self.name} = {self.value:.4g}{self._unit} ({self.interval}; was {self.published:.4g})"


def estimates(rule: SynapseModel, free: tuple, scale: Scale, found: Fitted) -> list[Estimate]:
    """The fitted parameters, each with its interval."""
    values, ends = scale.values(found.u), scale.values(np.nan_to_num(found.interval).T).T
    ends = np.where(np.isnan(found.interval), np.nan, ends)
    made = []
    for k, name in enumerate(free):
        number = rule.parameters[name]
        numbers = (float(number), values[k], *ends[k], scale.lowest[k], scale.highest[k])
        dimensions = get_dimensions(number)
        if dimensions.is_dimensionless:
            made.append(Estimate(name, "", *map(float, numbers)))
            continue
        best = Quantity(values[k] or scale.highest[k], dim=dimensions).get_best_unit()
        made.append(Estimate(name, str(best), *(float(number) / float(best) for number in numbers),
                             float(best)))
    return made


def numbers(found: Fitted, n: int, made: list[Estimate]) -> dict:
    """Headline numbers of a fit to n conditions: how good it is, and the parameters."""
    p = len(made)
    room = n - p - 1
    quality = dict(
        chi_square=found.chi2, conditions=n, free_parameters=p, chi_square_p=float(chi_square.sf(found.chi2, n - p)),
        AIC=found.chi2 + 2 * p,
        AICc=found.chi2 + 2 * p + 2 * p * (p + 1) / room if room > 0 else
        Missing("it needs two conditions more than free parameters, at least"))
    search = dict(
        not_identified=sum(bool(np.isnan([one.low, one.high]).any()) for one in made),
        searches=found.starts, searches_that_agree=found.agree)
    taken = [*quality, *search]
    keys = headers(taken, [one.key for one in made], "parameter")[len(taken):]
    return {**quality, **dict(zip(keys, [one.value for one in made], strict=True)), **search}


def errors_of(held_out: bool) -> tuple[str, str, str]:
    """First part of the names of an experiment's errors: before and after the fit, and of no change."""
    part = "_held_out" * held_out
    return f"E_before{part}", f"E{part}", f"E_null{part}"


def report(title: str, fitted: list[str], held_out: list[str], headline: dict, made: list[Estimate],
           found: Fitted) -> str:
    """The fit as a text, in the order in which lmfit reports one. fitted, held_out : names of experiments."""
    aicc = headline["AICc"]
    lines = [f"[[{title} fitted to {', '.join(fitted)}]]",
             f"    conditions         {headline['conditions']}",
             f"    free parameters    {headline['free_parameters']}",
             f"    chi-square         {headline['chi_square']:.5g} (p = {headline['chi_square_p']:.2g})",
             f"    AIC                {headline['AIC']:.5g}",
             f"    AICc               {aicc if isinstance(aicc, str) else format(aicc, '.5g')}",
             f"    searches           {found.agree} of {found.starts} ended at this minimum",
             "[[Parameters]]", *(f"    {one}" for one in made)]
    if headline["chi_square_p"] < 0.05:
        lines.append("    the rule does not explain the data (p < 0.05), so the intervals are too narrow")
    pairs = [(abs(found.correlation[a, b]), a, b) for a in range(len(made)) for b in range(a)
             if abs(found.correlation[a, b]) >= 0.1]
    if pairs:
        lines.append("[[Correlations]] (below 0.1 left out)")
        lines += [f"    {made[b].name}, {made[a].name} = {found.correlation[a, b]:+.3f}"
                  for _, a, b in sorted(pairs, reverse=True)]
    lines.append("[[E before and after]]")
    for name in (*fitted, *held_out):
        before, after, null = (headline[name_of(headline, error, name)] for error in errors_of(name in held_out))
        lines.append(f"    {'(held out) ' * (name in held_out) + name:24} {before:8.4g} {after:8.4g}   "
                     f"no change {null:.4g}")
    return "\n".join(lines) + "\n"


def posterior(made: list[Estimate], drawn: np.ndarray) -> str:
    """Median and central 68 % of what was drawn from the posterior, (draws, p) in SI units, as lines of the report."""
    lines = ["[[Posterior: median and central 68 %]]"]
    for one, values in zip(made, drawn.T, strict=True):
        low, middle, high = np.percentile(values, [15.865, 50, 84.135]) / one.size
        lines.append(f"    {one.name} = {middle:.4g}{' ' * bool(one.unit)}{one.unit} ({low:.4g} to {high:.4g})")
    return "\n".join(lines) + "\n"


def table(made: list[Estimate]) -> str:
    """The parameters as CSV."""
    rows = ["parameter,unit,published,fitted,low_68,high_68,lowest,highest"]
    for one in made:
        values = (one.published, one.value, one.low, one.high, one.lowest, one.highest)
        rows.append(",".join([one.name, one.unit, *("" if np.isnan(value) else repr(value) for value in values)]))
    return "\n".join(rows) + "\n"
