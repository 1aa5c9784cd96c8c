"""The exponential through measured or simulated changes, by least squares."""
import numpy as np

SHORTEST, LONGEST = 1e-3, 1e4       # time constants that are looked for, in the unit of the distances; chosen here


def exponential_through(distance: np.ndarray, change: np.ndarray) -> tuple[float, float] | None:
    """Amplitude A and time constant tau of the A exp(-distance/tau) with the least squared error.

    For each tau the best amplitude is known, so that only tau is searched for, in a range that narrows.

    Parameters
    ----------
    distance, change : (n,) values

    Returns
    -------
    (A, tau), or None if the best tau is at either end of the range: no exponential fits
    """
    taus = np.geomspace(SHORTEST, LONGEST, 500)
    for _ in range(8):
        shapes = np.exp(-distance / taus[:, None])
        norms = np.maximum(np.sum(shapes**2, axis=1), 1e-300)
        best = int(np.argmax((shapes @ change)**2 / norms))
        tau, amplitude = taus[best], shapes[best] @ change / norms[best]
        taus = np.linspace(taus[max(best - 1, 0)], taus[min(best + 1, len(taus) - 1)], 50)
    return (float(amplitude), float(tau)) if 1.01 * SHORTEST < tau < .99 * LONGEST else None
