"""How far measured numbers lie from exact ones, in standard errors, when many are compared at once.

The largest of n deviations grows with n though nothing is wrong. Sidak (1967) J Am Stat Assoc 62:626: n independent
comparisons, each with probability p of being exceeded by chance, give 1 - (1 - p)^n together. What is returned is the
deviation that one normal comparison has with that probability, so that a bound of 3 means the same for 1 point and 16.
"""
import numpy as np
from scipy.special import ndtr, ndtri, stdtr  # scipy.stats takes half a second to import


def corrected_z(z: float, points: int, samples: int | None = None) -> float:
    """The largest of `points` deviations, corrected for their number.

    Parameters
    ----------
    z : the largest deviation in standard errors, of either sign; the sign is lost
    points : number of deviations of which it is the largest
    samples : number of independent samples that each standard error was estimated from: Student's t instead of the
        normal law; None = the errors are exact

    Returns
    -------
    float
        At least 0; not a number stays so. Correlated points make it smaller than it should be, never larger.
    """
    p = 2 * float(ndtr(-abs(z)) if samples is None else stdtr(samples - 1, -abs(z)))
    if p < 1e-300:                  # beyond what can be counted; one point or many, nothing is decided by it
        return abs(float(z))
    return float(-ndtri(corrected_p(p, points) / 2))


def corrected_p(p: float, points: int) -> float:
    """Probability that the smallest of `points` independent p is at most `p`, if nothing is wrong."""
    return float(-np.expm1(points * np.log1p(-min(p, 1 - 1e-16))))


def worst_z(values, errors, exact, samples: int | None = None) -> float:
    """Largest deviation of `values` from `exact` in standard errors, corrected for the number of values.

    Parameters
    ----------
    values, errors, exact : arrays of one shape, or that broadcast; in the same unit
    samples : as in `corrected_z`

    Returns
    -------
    float
        The corrected deviation; infinity where an error is 0 and the values differ.
    """
    apart = np.abs(np.asarray(values) - np.asarray(exact))
    errors = np.broadcast_to(np.asarray(errors), apart.shape)
    z = np.divide(apart, errors, out=np.where(apart > 0, np.inf, 0.0), where=errors > 0)
    return corrected_z(float(z.max()), z.size, samples)


def energy_distance(a, b):
    """2 E|A-B| - E|A-A'| - E|B-B'|: Szekely & Rizzo (2013). a : (n, d), b : (m, d); pairs of a point with itself
    are left out, so that two samples of one law give 0 on average."""
    def mean(p, q):
        squared = (p**2).sum(axis=1)[:, None] + (q**2).sum(axis=1) - 2 * p @ q.T
        return np.sqrt(np.maximum(squared, 0)).sum()

    n, m = len(a), len(b)
    return 2 * mean(a, b) / (n * m) - mean(a, a) / (n * (n - 1)) - mean(b, b) / (m * (m - 1))
