"""The posterior of a fit's parameters, by an ensemble of walkers.

Goodman & Weare (2010) Commun Appl Math Comput Sci 5:65; emcee, Foreman-Mackey et al. (2013) PASP 125:306.
"""
import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.stdp.fit import Residuals

NEAR = 1e-3             # of the ranges: how far from the best point walkers begin; chosen here


def posterior(residuals: Residuals, best: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Numbers from 0 to 1 drawn from exp(-chi-square/2) between the bounds: (draws, p).

    The prior is flat on the scale of the search: in the logarithm of a parameter whose bounds are above 0 and a factor
    of 10 apart or more, else in the parameter. The first half of the steps is left out.

    best : (p,) numbers from 0 to 1 around which the walkers begin. Raises SpikelearnError without emcee.
    """
    try:
        import emcee
    except ImportError as error:
        raise SpikelearnError("posterior needs emcee, which is not installed: pip install 'spikelearn[fit]'") from error

    p = len(best)
    walkers, rng = max(16, 4 * p), np.random.default_rng(seed)
    start = np.clip(best + NEAR * rng.standard_normal((walkers, p)), NEAR * rng.random((walkers, p)),
                    1 - NEAR * rng.random((walkers, p)))

    def log_probability(u):
        inside = np.all((u >= 0) & (u <= 1), axis=1)
        found = np.full(len(u), -np.inf)
        if inside.any():
            found[inside] = -residuals.chi2(u[inside]) / 2
        return found

    sampler = emcee.EnsembleSampler(walkers, p, log_probability, vectorize=True)
    state = emcee.State(start, random_state=np.random.RandomState(seed).get_state())
    sampler.run_mcmc(state, steps)
    return sampler.get_chain(discard=steps // 2, flat=True)
