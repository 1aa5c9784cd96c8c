"""Spike times of pairing protocols.

One condition of an experiment is a `Pairing`: when the presynaptic and when the postsynaptic neuron spikes.
All functions here return one. The first spike comes after a lead-in, so that a network is at rest when it
arrives; with whole milliseconds inside the motif and between the motifs, every spike is at a whole
millisecond. delta_t = t_post - t_pre throughout.
"""
import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, ms, second, volt

from spikelearn.errors import SpikelearnError
from spikelearn.ranges.check import refuse_large
from spikelearn.simulation.spike_tables import NEVER, checked_times, has_unit, in_ms

LEAD_IN = 100 * ms   # chosen here: several membrane time constants
LATEST = NEVER / 1000    # seconds, 12 days: later times are no longer exact to 0.1 ns
MOST = 10_000_000    # spikes of a neuron: more would fill the memory
SMALL = 1000         # spikes of a pairing that is made once and shared; chosen here
TAIL = 500 * ms      # chosen here: by then after-potentials have decayed


@dataclass(frozen=True, eq=False)
class Pairing:
    """Spike times of one condition, and what else is done to the synapse.

    Parameters
    ----------
    pre, post : spike times, strictly increasing, from 0 s on; either may be empty.
    label : name of the condition in a plot.
    third : times at which a third factor arrives, such as a reward.
    bath : the two times at which a drug is washed in and out; None = there is none.
    hold : potential at which the post neuron is held (voltage clamp), with u in its own scale; None = it is not.
    read_after : the weight is read so long after the last spike; None = as the call says.

    Raises
    ------
    SpikelearnError : for other units or shapes, and for times unsorted, not finite, negative or beyond 1,000,000 s.

    Examples
    --------
    >>> len(sl.Pairing([100, 200]*ms, [110]*ms, label="pre post pre").pre)
    2
    """

    pre: Quantity
    post: Quantity
    label: str = ""
    third: Quantity = dataclasses.field(default_factory=lambda: [] * second)
    bath: Quantity | None = None
    hold: Quantity | None = None
    read_after: Quantity | None = None

    def __post_init__(self):
        for name, unit in (("hold", volt), ("read_after", second)):
            value = getattr(self, name)
            if value is not None and (not has_unit(value, unit) or np.ndim(value) or not abs(float(value)) <= LATEST):
                raise SpikelearnError(f"{name} must be a {'potential' if name == 'hold' else 'time'}, not {value}")
        if self.bath is not None and np.shape(self.bath) != (2,):
            raise SpikelearnError("bath must be two times, such as [0, 600]*second")
        for side in ("pre", "post", "third", "bath"):
            if side == "bath" and self.bath is None:
                continue
            times = checked_times(getattr(self, side), f"{side} spike times")
            if times.size and times[0] < 0:
                raise SpikelearnError(f"the {side} spike times must not be negative")
            if times.size and times[-1] > LATEST:
                raise SpikelearnError(f"the {side} spike times must not be later than {LATEST:,.0f} s, which "
                                      f"{times[-1]:g} s is")
            quantity = times * second
            quantity.setflags(write=False)
            object.__setattr__(self, side, quantity)


def pairs(delta_t: Quantity, n: int = 60, rate: Quantity = 1 * Hz, *, label: str = "",
          lead_in: Quantity = LEAD_IN) -> Pairing:
    """Pairs of one pre and one post spike; the earlier spike keeps the beat.

    Parameters
    ----------
    delta_t : t_post - t_pre, a time of either sign, shorter than 1/rate.
    n, rate : how many pairs, and how many a second.
    label, lead_in : name of the condition in a plot, and time of the first spike.

    Returns
    -------
    Pairing

    Raises
    ------
    SpikelearnError : for values of other units or out of range, and for pairs that overlap.

    Examples
    --------
    >>> pairing = sl.pairs(10*ms, 60, 1*Hz)
    >>> len(pairing.pre), pairing.post[0] - pairing.pre[0]
    (60, 10. * msecond)
    """
    delta_t = checked_time(delta_t, "delta_t")
    return repeated([0.0], [delta_t], n, period_of(rate, "rate"), lead_in, label)


def motifs(pre: Quantity, post: Quantity, n: int = 60, rate: Quantity = 1 * Hz, *, trains: int = 1,
           every: Quantity | None = None, label: str = "",
           lead_in: Quantity = LEAD_IN) -> Pairing:
    """Repeats of a motif such as a triplet or a quadruplet of spikes.

    Parameters
    ----------
    pre, post : spike times of the motif, from any zero, strictly increasing; either may be empty.
    n, rate : how many motifs, and how many a second.
    trains, every : the n motifs make up a train, of which there are so many, from onset to onset so long.
    label, lead_in : name of the condition in a plot, and time of the first spike.

    Returns
    -------
    Pairing

    Raises
    ------
    SpikelearnError : for values of other units or out of range, and for motifs without a spike or that overlap.

    Examples
    --------
    >>> triplets = sl.motifs([0, 20]*ms, [10]*ms, 60, 1*Hz)       # pre-post-pre
    >>> len(triplets.pre), len(triplets.post)
    (120, 60)
    """
    pre, post = checked_times(pre, "pre spike times of a motif"), checked_times(post, "post spike times of a motif")
    period, count = period_of(rate, "rate"), count_of(n, "n")
    if count_of(trains, "trains") == 1 and every is None:
        return repeated(pre, post, count, period, lead_in, label)
    _refuse_overlap(np.concatenate([pre, post]), count, period)
    pre, post = (np.add.outer(period * np.arange(count), side).ravel() for side in (pre, post))
    return repeated(pre, post, trains, positive_time(every, "every"), lead_in, label)


def duration(pairings, tail=TAIL):
    """Time by which `pairings` (one or several) are over: last spike + `tail`, up to a whole millisecond."""
    pairings = [pairings] if isinstance(pairings, Pairing) else list(pairings)
    if not pairings:
        raise SpikelearnError("pairings must hold at least one pairing")
    last = max((float(times[-1]) for p in pairings for times in (p.pre, p.post) if len(times)), default=0.0)
    end = last + scalar_of(tail, second, "tail", "a time such as 500*ms")
    return np.ceil(np.round(end * 1e3, 6)) * ms


def beginning(pairing, end):
    """The part of a Pairing before the time `end`: what a quick run simulates."""
    cut = positive_time(end, "end") * second
    early = {name: getattr(pairing, name)[getattr(pairing, name) < cut] for name in ("pre", "post", "third")}
    return dataclasses.replace(pairing, **early)


def labelled(pairing: Pairing, label: str) -> Pairing:
    """The pairing with this label if it has none; a small one is made once and shared."""
    if pairing.label:
        return pairing
    return (_labelled_once if pairing.pre.size + pairing.post.size <= SMALL else _labelled)(pairing, label)


def _labelled(pairing, label):
    return dataclasses.replace(pairing, label=label)


_labelled_once = functools.lru_cache(maxsize=2048)(_labelled)


def repeated(pre, post, n, period, lead_in, label):
    """`n` copies of a motif (times in seconds), `period` apart, its first spike at the lead-in."""
    inner, count = np.concatenate([pre, post]), count_of(n, "n")
    _refuse_overlap(inner, count, period)
    refuse_large("the motifs", count * inner.size, MOST)
    made = _made if count * inner.size > SMALL else _made_once
    return made(tuple(map(float, pre)), tuple(map(float, post)), count, float(period), lead_of(lead_in), label)


def _made(pre, post, count, period, lead, label):
    starts = lead - min(pre + post) + period * np.arange(count)
    pre, post = (np.add.outer(starts, side).ravel() for side in (pre, post))
    return Pairing(pre * second, post * second, label)


_made_once = functools.lru_cache(maxsize=2048)(_made)       # a Pairing does not change, so that it can be shared


def _refuse_overlap(inner, count, period):
    if inner.size == 0:
        raise SpikelearnError("a motif needs at least one spike")
    span = np.ptp(inner)
    if count > 1 and not round(span, 9) < round(period, 9):
        raise SpikelearnError(
            f"motifs {in_ms(span)} long, one each {in_ms(period)}, overlap, so the order of spikes is lost")


def scalar_of(value, unit, name, example):
    if not has_unit(value, unit) or np.ndim(value) != 0 or not np.isfinite(float(value)):
        raise SpikelearnError(f"{name} must be {example}, not {value}")
    return float(value)


def checked_time(value, name):
    return scalar_of(value, second, name, "a time such as 10*ms")


def positive_time(value, name):
    time = checked_time(value, name)
    if time <= 0:
        raise SpikelearnError(f"{name} must be longer than 0 s")
    return time


def lead_of(lead_in):
    start = checked_time(lead_in, "lead_in")
    if start < 0:
        raise SpikelearnError("lead_in must not be negative")
    return start


def period_of(rate, name):
    value = scalar_of(rate, Hz, name, "a rate such as 10*Hz")
    if value <= 0:
        raise SpikelearnError(f"{name} must be above 0 Hz")
    return 1 / value


def count_of(value, name):
    whole = has_unit(value, 1) and np.ndim(value) == 0 and not isinstance(value, (bool, np.bool_))
    if not whole or not np.isfinite(value) or value != round(value) or value < 1:
        raise SpikelearnError(f"{name} must be a whole number, 1 or more, not {value}")
    refuse_large(name, value, MOST)
    return int(value)


