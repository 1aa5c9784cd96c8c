"""Fits of a rule's parameters to measured weight changes.

What is minimised is chi-square, the sum over all measured conditions of ((model - measured) / s.e.m.)^2: first by
differential evolution, then by least squares from the best of its candidates and from other starts. The 68 % interval
of a parameter is that of the profile likelihood: with the parameter held at its end and all others fitted again,
chi-square is 1 above its minimum.
"""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, differential_evolution, least_squares
from scipy.stats import qmc

from spikelearn.stdp.side_by_side import side_by_side

STEP = 1e-4             # of a parameter's range, for derivatives by differences
FAR = 1e4               # distance in s.e.m. that stands for a change that is not finite
GENERATIONS = 60        # of differential evolution, at most; chosen here
AGREE = 0.01            # chi-square by which two minima count as one; chosen here
RATIO = 10              # bounds above 0 that are so far apart are searched on a logarithmic scale; chosen here


@dataclass(frozen=True)
class Scale:
    """Parameters between bounds as numbers from 0 to 1. lowest, highest : (p,) in SI units."""

    lowest: np.ndarray
    highest: np.ndarray

    @property
    def logarithmic(self) -> np.ndarray:
        """Which parameters are on a logarithmic scale: (p,)."""
        return (self.lowest > 0) & (self.highest >= RATIO * self.lowest)

    def values(self, u: np.ndarray) -> np.ndarray:
        """Parameters of numbers from 0 to 1, (..., p)."""
        u, safe = np.clip(u, 0, 1), np.where(self.logarithmic, self.lowest, 1)
        wide = np.where(self.logarithmic, self.highest, 1) / safe
        return np.clip(np.where(self.logarithmic, safe * wide ** u, self.lowest + u * (self.highest - self.lowest)),
                       self.lowest, self.highest)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """The inverse of `values`."""
        safe, inside = np.where(self.logarithmic, self.lowest, 1), np.clip(values, self.lowest, self.highest)
        wide = np.where(self.logarithmic, self.highest, np.e) / safe
        logs = np.log(np.where(self.logarithmic, inside / safe, 1)) / np.log(wide)
        return np.where(self.logarithmic, logs, (inside - self.lowest) / (self.highest - self.lowest))


@dataclass(frozen=True)
class Fitted:
    """The outcome of a fit of p parameters.

    u : (p,) the best parameters as numbers from 0 to 1. chi2 : at them. agree : how many of `starts` searches ended
    there. interval : (p, 2) numbers from 0 to 1, not-a-number where the interval does not close within the bounds.
    correlation : (p, p), not-a-number where it is not determined.
    """

    u: np.ndarray
    chi2: float
    agree: int
    starts: int
    interval: np.ndarray
    correlation: np.ndarray
    spread: np.ndarray


class Residuals:
    """Distances of a model from measurements, in s.e.m., at numbers from 0 to 1.

    changes : function of parameters (m, p) in SI units that returns weight changes (m, n).
    """

    def __init__(self, changes: Callable, scale: Scale, mean: np.ndarray, sem: np.ndarray):
        self.changes, self.scale, self.mean, self.sem = changes, scale, mean, sem

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """(m, n) of (m, p)."""
        with np.errstate(all="ignore"):
            found = (self.changes(self.scale.values(u)) - self.mean) / self.sem
        return np.clip(np.where(np.isfinite(found), found, FAR), -FAR, FAR)

    def chi2(self, u: np.ndarray) -> np.ndarray:
        """(m,) of (m, p)."""
        return (self(u) ** 2).sum(axis=-1)


def fit(residuals: Residuals, first: np.ndarray, *, starts: int, seed: int, generations: int = GENERATIONS,
        random: bool = False) -> Fitted:
    """The best parameters, and how well they are known.

    first : (p,) numbers from 0 to 1 at which one search begins, one begins at the best candidate of differential
    evolution, and the others at points spread over the space, `starts` in all. random : the model draws random
    numbers, so that differences tell no derivatives: differential evolution alone, without intervals.
    """
    p, found = len(first), minima(residuals, first, starts=starts, seed=seed, generations=generations, random=random)
    if random:
        unknown = np.full((p, p), np.nan)
        return Fitted(*found[0], 1, 1, unknown[:, :1].repeat(2, axis=1), unknown, np.full(len(residuals.mean), np.nan))
    while True:
        u, chi2 = min(found, key=lambda result: result[1])
        interval, better = intervals(residuals, u, chi2)
        if better is None:
            break
        found.append(better)                    # a profile passed below the minimum: search from there
    agree = sum(result[1] < chi2 + AGREE for result in found[:starts])
    return Fitted(u, chi2, agree, starts, interval, *_local(residuals, u))


def minima(residuals: Residuals, first: np.ndarray, *, starts: int, seed: int, generations: int = GENERATIONS,
           random: bool = False) -> list[tuple[np.ndarray, float]]:
    """Where `starts` searches end, each as (u (p,), chi-square), without intervals; parameters as in `fit`."""
    best = evolved(residuals, first, seed, generations)
    if random:
        return [(best, float(residuals.chi2(best[None])[0]))]
    others = spread(residuals, len(first), starts - 2, seed)
    return side_by_side(residuals, [_search(u) for u in [best, first, *others][:starts]])


def evolved(residuals: Residuals, first: np.ndarray, seed: int, generations: int) -> np.ndarray:
    """The best candidate (p,) of differential evolution, one generation a simulation."""
    p = len(first)
    found = differential_evolution(
        lambda u: residuals.chi2(u.T), [(0, 1)] * p, vectorized=True, updating="deferred", polish=False,
        popsize=population(p) // p, maxiter=generations, tol=0.01, atol=0.5, seed=seed, init="sobol",
        x0=np.clip(first, 0, 1))
    return found.x


def population(p: int) -> int:
    """Candidates of a generation, for p parameters: a power of 2 times p."""
    return p * max(8, 2 ** int(np.ceil(np.log2(48 / p))))


def spread(residuals: Residuals, p: int, count: int, seed: int) -> np.ndarray:
    """The best `count` of some points spread over the space: (count, p)."""
    if count < 1:
        return np.empty((0, p))
    points = qmc.LatinHypercube(p, seed=seed).random(max(64, 4 * count))
    return points[np.argsort(residuals.chi2(points), kind="stable")[:count]]


def _search(start, held=None, at=None):
    """A task for side_by_side: least squares from `start`; parameter number `held` stays at `at`.

    Returns (u (p,), chi-square).
    """
    free = [k for k in range(len(start)) if k != held]

    def whole(x):
        u = np.array(start, dtype=float)
        u[free] = x
        if held is not None:
            u[held] = at
        return u

    def task(ask):
        if not free:
            u = whole([])
            return u, float((ask(u)[0] ** 2).sum())
        known = {}

        def at_and_around(x):
            key = x.tobytes()
            if key not in known:
                known.clear()
                u = whole(x)
                known[key] = _with_derivatives(ask, u, free)
            return known[key]

        found = least_squares(lambda x: at_and_around(x)[0], np.clip(np.array(start)[free], 1e-9, 1 - 1e-9),
                              jac=lambda x: at_and_around(x)[1], bounds=(0, 1), max_nfev=60, xtol=1e-8, ftol=1e-8,
                              gtol=1e-8)
        return whole(found.x), float(2 * found.cost)

    return task


def _with_derivatives(ask, u, free):
    """Residuals (n,) at u and their derivatives (n, len(free)), all from one simulation."""
    around = np.repeat(u[None], 2 * len(free), axis=0)
    for row, k in enumerate(free):
        around[2 * row, k], around[2 * row + 1, k] = min(u[k] + STEP, 1), max(u[k] - STEP, 0)
    found = ask(np.vstack([u, around]))
    wide = np.array([around[2 * row, k] - around[2 * row + 1, k] for row, k in enumerate(free)])
    return found[0], ((found[1::2] - found[2::2]) / wide[:, None]).T


def _local(residuals: Residuals, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation (p, p) of the parameters at the minimum, and the spread (n,) of the model; see Fitted."""
    jacobian = _with_derivatives(residuals, u, range(len(u)))[1]
    try:
        covariance = np.linalg.inv(jacobian.T @ jacobian)
    except np.linalg.LinAlgError:
        covariance = np.full((len(u),) * 2, np.nan)
    with np.errstate(all="ignore"):
        width = np.sqrt(np.diag(covariance))
        found = covariance / np.outer(width, width)
        wide = np.sqrt(np.einsum("np,pq,nq->n", jacobian, covariance, jacobian))
    return np.where(np.isfinite(found) & (np.abs(found) <= 1 + 1e-6), np.clip(found, -1, 1), np.nan), wide


def intervals(residuals: Residuals, u: np.ndarray, chi2: float) -> tuple[np.ndarray, tuple | None]:
    """68 % intervals (p, 2) by profile likelihood, or a better minimum (u, chi-square) that was met on the way."""
    jacobian = _with_derivatives(residuals, u, range(len(u)))[1]
    steep = np.sqrt((jacobian ** 2).sum(axis=0))
    first = np.clip(1 / np.maximum(steep, 1e-9), 1e-4, 0.1)       # the width if all other parameters were known
    better = []
    tasks = [_end(u, chi2, k, side, first[k], better) for k in range(len(u)) for side in (-1, 1)]
    ends = np.array(side_by_side(residuals, tasks)).reshape(len(u), 2)
    return ends, min(better, key=lambda result: result[1]) if better else None


def _end(u, chi2, k, side, first, better):
    """A task: one end of the interval of parameter k, not-a-number if it does not close within the bounds."""

    def task(ask):
        others = {"near": u}

        def above(value):
            found, least = _search(others["near"], k, value)(ask)
            if least < chi2 - AGREE:
                better.append((found, least))
            others["near"] = found
            return least - chi2 - 1

        inner, width, below = u[k], first, -1.0
        while True:
            outer = float(np.clip(inner + side * width, 0, 1))
            if outer == inner:
                return np.nan                   # the bound is within the interval
            beyond = above(outer)
            if better:
                return np.nan
            if beyond > 0:
                break
            inner, width, below = outer, 2 * width, beyond
        if below == 0:
            return inner
        return brentq(lambda value: below if value == inner else beyond if value == outer else above(value),
                      inner, outer, xtol=1e-5, rtol=1e-6, maxiter=30)

    return task
