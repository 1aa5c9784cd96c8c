"""Longer spike trains of pairing protocols: trains of pairs, bursts of action potentials, Poisson trains."""
import numpy as np
from brian2 import Hz, Quantity, ms, second

from spikelearn.errors import SpikelearnError
from spikelearn.ranges.check import refuse_large
from spikelearn.simulation.spike_tables import in_ms
from spikelearn.stdp.spike_times import (
    LEAD_IN,
    MOST,
    Pairing,
    checked_time,
    count_of,
    lead_of,
    period_of,
    positive_time,
    repeated,
    scalar_of,
)


def trains(delta_t: Quantity, spikes: int, rho: Quantity, n: int, interval: Quantity, *, label: str = "",
           lead_in: Quantity = LEAD_IN) -> Pairing:
    """Trains of pairs of spikes, repeated after a pause.

    Parameters
    ----------
    delta_t : t_post - t_pre, shorter than 1/rho.
    spikes : pairs in a train.
    rho : rate of the pairs within a train.
    n : how many trains.
    interval : time from the onset of a train to that of the next.
    label, lead_in : name of the condition in a plot, and time of the first spike.

    Returns
    -------
    Pairing

    Raises
    ------
    SpikelearnError : for values of other units or out of range, and for pairs or trains that overlap.

    Examples
    --------
    >>> pairing = sl.trains(10*ms, 5, 20*Hz, 15, 10*second)       # Sjostrom et al. (2001)
    >>> len(pairing.post)
    75
    """
    delta_t, gap, count = checked_time(delta_t, "delta_t"), period_of(rho, "rho"), count_of(spikes, "spikes")
    if count > 1 and not round(abs(delta_t), 9) < round(gap, 9):
        raise SpikelearnError(f"pairs {in_ms(abs(delta_t))} wide at {rho} overlap, so the order of spikes is lost")
    pre = gap * np.arange(count)
    return repeated(pre, pre + delta_t, n, positive_time(interval, "interval"), lead_in, label)


def bursts(delta_t: Quantity, n_ap: int, burst_rate: Quantity, n: int = 60, rate: Quantity = 0.1 * Hz, *,
           label: str = "", lead_in: Quantity = LEAD_IN) -> Pairing:
    """One EPSP with a burst of action potentials, again and again, as in Nevian & Sakmann (2006).

    Parameters
    ----------
    delta_t : first action potential minus EPSP (their delta t prime; their delta t is to the nearest one).
    n_ap : action potentials in a burst.
    burst_rate : rate inside the burst.
    n, rate : how many bursts, and how many a second.
    label, lead_in : name of the condition in a plot, and time of the first spike.

    Returns
    -------
    Pairing

    Raises
    ------
    SpikelearnError : for values of other units or out of range, and for bursts that overlap.

    Examples
    --------
    >>> pairing = sl.bursts(10*ms, 3, 50*Hz)
    >>> (pairing.post[:3] - pairing.pre[0]) / ms
    array([10., 30., 50.])
    """
    first, gap = checked_time(delta_t, "delta_t"), period_of(burst_rate, "burst_rate")
    post = first + gap * np.arange(count_of(n_ap, "n_ap"))
    return repeated([0.0], post, n, period_of(rate, "rate"), lead_in, label)


def poisson(rate_pre: Quantity, rate_post: Quantity, duration: Quantity, rng: np.random.Generator | int, *,
            dt: Quantity | None = None, dead_time: Quantity = 0 * ms, label: str = "",
            lead_in: Quantity = LEAD_IN) -> Pairing:
    """Independent Poisson trains of one pre and one post neuron.

    Parameters
    ----------
    rate_pre, rate_post : rates, 0 Hz or more.
    duration : length of the trains.
    rng : where the random numbers come from, or a seed.
    dt : time step of a grid: at most one spike of a neuron in a step, with probability rate*dt. None: continuous times.
    dead_time : shortest interval between two spikes of a neuron, on a grid in whole steps, rounded up; the mean rates
        are as given all the same, and those that it does not allow are refused.
    label, lead_in : name of the condition in a plot, and time before the trains begin.

    Returns
    -------
    Pairing

    Raises
    ------
    SpikelearnError : for values of other units or out of range, and for more than ten million spikes or steps.

    Examples
    --------
    >>> pairing = sl.poisson(10*Hz, 20*Hz, 100*second, rng=1)
    >>> 900 < len(pairing.pre) < 1100
    True
    """
    dead, duration, start = checked_time(dead_time, "dead_time"), positive_time(duration, "duration"), lead_of(lead_in)
    rng, step, times = _generator(rng), None if dt is None else positive_time(dt, "dt"), {}
    if step is not None:
        refuse_large("duration and dt", duration / step, MOST)
    for name, given in (("rate_pre", rate_pre), ("rate_post", rate_post)):
        rate = scalar_of(given, Hz, name, "a rate such as 10*Hz")
        times[name] = random_times(rate, duration, rng, step, dead, name)
    return Pairing((start + times["rate_pre"]) * second, (start + times["rate_post"]) * second, label)


def random_times(rate: float, duration: float, rng: np.random.Generator, dt: float | None = None,
                 dead_time: float = 0, name: str = "the rate") -> np.ndarray:
    """Spike times of one Poisson train in seconds, from 0. Arguments as for `poisson`, in Hz and seconds.

    name : of the rate, for the error messages.
    """
    if rate < 0:
        raise SpikelearnError(f"{name} must not be negative")
    refuse_large(f"{name} and duration", rate * duration, MOST)
    if not 0 <= dead_time * rate < 1:
        raise SpikelearnError(f"dead_time must be from 0 to less than 1/{name}, not {dead_time}")
    if dead_time > 0 and rate > 0:
        _refuse_unreachable(rate, dead_time, dt, name)
        return _with_dead_time(rate, duration, dead_time, rng, dt)
    if dt is None:
        return np.unique(rng.uniform(0, duration, rng.poisson(rate * duration)))
    return _on_grid(rate, duration, dt, rng)


def whole_steps(time: Quantity, dt: Quantity) -> Quantity:
    """The multiple of dt nearest to a time, at least one step: trains that begin apart by it lie on one grid."""
    return max(1, round(float(time) / float(dt))) * dt


def _on_grid(rate, duration, dt, rng):
    if rate * dt > 1:
        raise SpikelearnError("the rate asks for more than one spike in a time step, dt must be shorter")
    return dt * np.flatnonzero(rng.random(round(duration / dt)) < rate * dt)


def _refuse_unreachable(rate, dead, dt, name):
    """Refuse a rate above that of one spike in each dead time, which is a whole number of steps."""
    shortest = dt * _steps_of(dead, dt) if dt is not None else dead
    if rate * shortest > 1 + 1e-9:
        raise SpikelearnError(f"{name} must be at most {1 / shortest:.4g} Hz, not {rate:.4g} Hz: dead_time is "
                              f"{1000 * shortest:.4g} ms in whole steps of dt; lower the rate or choose a shorter dt")


def _steps_of(dead, dt):
    """Steps from a spike to the next that a dead time allows."""
    return int(np.ceil(round(dead / dt, 6)))


def _with_dead_time(rate, duration, dead, rng, dt):
    """Spike times of a renewal process: a dead time, then an exponential (on a grid: geometric) wait."""
    most = int(rate * duration + 10 * np.sqrt(rate * duration) + 20)
    if dt is None:
        waits = dead + rng.exponential(1 / rate - dead, most)
        times = np.cumsum(waits) - dead
    else:
        steps = _steps_of(dead, dt) - 1
        times = dt * (np.cumsum(steps + rng.geometric(1 / max(1 / (rate * dt) - steps, 1), most)) - 1 - steps)
    return times[times < duration]


def _generator(rng):
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise SpikelearnError(f"rng must be a numpy.random.Generator, or a whole number of at least 0, not {rng}")
    return np.random.default_rng(rng)
