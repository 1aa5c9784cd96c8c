"""Spike times of pairing protocols.

One condition of an experiment is a `Pairing`: when the presynaptic and when the postsynaptic neuron spikes.
All functions here return one. The first spike comes after a lead-in, so that a network is at rest when it
arrives; with whole milliseconds inside the motif and between the motifs, every spike is at a whole
millisecond. delta_t = t_post - t_pre throughout.
"""
import dataclasses
from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, ms, second, volt

from spikelearn.errors import SpikelearnError
from spikelearn.simulation.spike_tables import checked_times, has_unit, in_ms

LEAD_IN = 100 * ms   # chosen here: several membrane time constants
TAIL = 500 * ms      # chosen here: by then after-potentials have decayed


@dataclass(frozen=True, eq=False)
class Pairing:
    """Spike times of one condition, and what else is done to the synapse.

    pre, post : (n_pre,), (n_post,) times, strictly increasing, from 0 on; either may be empty
    label : what to call the condition in a plot
    third : (n,) times at which a third factor arrives, such as a reward
    bath : (2,) times at which a drug is washed in and out; None = there is none
    hold : potential at which the post neuron is held (voltage clamp); None = it is not
    read_after : the weight is read so long after the last spike; None = as the call says

    Raises SpikelearnError for other units or shapes, and for times unsorted, not finite or negative.
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
            if value is not None and (not has_unit(value, unit) or np.ndim(value) or not np.isfinite(float(value))):
                raise SpikelearnError(f"{name} must be a {'potential' if name == 'hold' else 'time'}, not {value}")
        if self.bath is not None and np.shape(self.bath) != (2,):
            raise SpikelearnError("bath must be two times, such as [0, 600]*second")
        for side in ("pre", "post", "third", "bath"):
            if side == "bath" and self.bath is None:
                continue
            times = checked_times(getattr(self, side), f"{side} spike times")
            if times.size and times[0] < 0:
                raise SpikelearnError(f"the {side} spike times must not be negative")
            quantity = times * second
            quantity.setflags(write=False)
            object.__setattr__(self, side, quantity)


def pairs(delta_t, n=60, rate=1 * Hz, *, label="", lead_in=LEAD_IN):
    """`n` pairs of one pre and one post spike, `rate` pairs a second; the earlier spike keeps the beat.

    delta_t : t_post - t_pre, a time of either sign, shorter than 1/rate
    """
    delta_t = _time(delta_t, "delta_t")
    return _repeated([0.0], [delta_t], n, _period(rate, "rate"), lead_in, label)


def motifs(pre, post, n=60, rate=1 * Hz, *, trains=1, every=None, label="", lead_in=LEAD_IN):
    """`n` repeats of a motif such as a triplet or a quadruplet, `rate` motifs a second.

    pre, post : (n_pre,), (n_post,) inner spike times, from any zero, strictly increasing; either may be empty
    trains, every : the `n` motifs make up a train, of which there are so many, from onset to onset so long
    """
    pre, post = checked_times(pre, "pre spike times of a motif"), checked_times(post, "post spike times of a motif")
    period, count = _period(rate, "rate"), _count(n, "n")
    if _count(trains, "trains") == 1 and every is None:
        return _repeated(pre, post, count, period, lead_in, label)
    _refuse_overlap(np.concatenate([pre, post]), count, period)
    pre, post = (np.add.outer(period * np.arange(count), side).ravel() for side in (pre, post))
    return _repeated(pre, post, trains, _positive_time(every, "every"), lead_in, label)


def trains(delta_t, spikes, rho, n, interval, *, label="", lead_in=LEAD_IN):
    """`n` trains, one each `interval`, of `spikes` pairs at the rate `rho`.

    delta_t : t_post - t_pre, shorter than 1/rho; interval : from train onset to train onset
    """
    delta_t, gap, count = _time(delta_t, "delta_t"), _period(rho, "rho"), _count(spikes, "spikes")
    if count > 1 and not round(abs(delta_t), 9) < round(gap, 9):
        raise SpikelearnError(f"pairs {in_ms(abs(delta_t))} wide at {rho} overlap, their order would be lost")
    pre = gap * np.arange(count)
    return _repeated(pre, pre + delta_t, n, _positive_time(interval, "interval"), lead_in, label)


def bursts(delta_t, n_ap, burst_rate, n=60, rate=0.1 * Hz, *, label="", lead_in=LEAD_IN):
    """`n` times one EPSP with a burst of `n_ap` action potentials, as in Nevian & Sakmann (2006).

    delta_t : first action potential minus EPSP (their delta t prime; their delta t is to the nearest one)
    n_ap : action potentials in a burst, 1 or more; burst_rate : rate inside the burst
    """
    first, gap = _time(delta_t, "delta_t"), _period(burst_rate, "burst_rate")
    post = first + gap * np.arange(_count(n_ap, "n_ap"))
    return _repeated([0.0], post, n, _period(rate, "rate"), lead_in, label)


def poisson(rate_pre, rate_post, duration, rng, *, dt=None, dead_time=0 * ms, label="", lead_in=LEAD_IN):
    """Independent Poisson trains of one pre and one post neuron, `duration` long.

    rate_pre, rate_post : rates, 0 or more; rng : numpy.random.Generator
    dt : time step of a grid, at most one spike of a neuron in a step, rate*dt being its probability;
        None: continuous times
    dead_time : shortest interval between two spikes of a neuron; the mean rates are as given all the same
    """
    dead, duration, start = _time(dead_time, "dead_time"), _positive_time(duration, "duration"), _lead(lead_in)
    times = {}
    for name, rate in (("rate_pre", rate_pre), ("rate_post", rate_post)):
        rate = _scalar(rate, Hz, name, "a rate such as 10*Hz")
        if rate < 0:
            raise SpikelearnError(f"{name} must not be negative")
        if not 0 <= dead * rate < 1:
            raise SpikelearnError(f"dead_time must be from 0 to less than 1/{name}, not {dead_time}")
        if dead > 0 and rate > 0:
            times[name] = _with_dead_time(rate, duration, dead, rng, dt and _positive_time(dt, "dt"))
        elif dt is None:
            times[name] = np.unique(rng.uniform(0, duration, rng.poisson(rate * duration)))
        else:
            times[name] = _on_grid(rate, duration, _positive_time(dt, "dt"), rng)
    return Pairing((start + times["rate_pre"]) * second, (start + times["rate_post"]) * second, label)


def duration(pairings, tail=TAIL):
    """Time by which `pairings` (one or several) are over: last spike + `tail`, up to a whole millisecond."""
    pairings = [pairings] if isinstance(pairings, Pairing) else list(pairings)
    if not pairings:
        raise SpikelearnError("there is no pairing whose duration could be told")
    last = max((float(times[-1]) for p in pairings for times in (p.pre, p.post) if len(times)), default=0.0)
    end = last + _scalar(tail, second, "tail", "a time such as 500*ms")
    return np.ceil(np.round(end * 1e3, 6)) * ms


def beginning(pairing, end):
    """The part of a Pairing before the time `end`: what a quick run simulates."""
    cut = _positive_time(end, "end") * second
    early = {name: getattr(pairing, name)[getattr(pairing, name) < cut] for name in ("pre", "post", "third")}
    return dataclasses.replace(pairing, **early)


def _repeated(pre, post, n, period, lead_in, label):
    """`n` copies of a motif (times in seconds), `period` apart, its first spike at the lead-in."""
    inner, count = np.concatenate([pre, post]), _count(n, "n")
    _refuse_overlap(inner, count, period)
    starts = _lead(lead_in) - inner.min() + period * np.arange(count)
    pre, post = (np.add.outer(starts, side).ravel() for side in (pre, post))
    return Pairing(pre * second, post * second, label)


def _refuse_overlap(inner, count, period):
    if inner.size == 0:
        raise SpikelearnError("a motif needs at least one spike")
    span = np.ptp(inner)
    if count > 1 and not round(span, 9) < round(period, 9):
        raise SpikelearnError(
            f"motifs {in_ms(span)} long, one each {in_ms(period)}, overlap, their order would be lost")


def _on_grid(rate, duration, dt, rng):
    if rate * dt > 1:
        raise SpikelearnError("the rate asks for more than one spike in a time step, dt must be shorter")
    return dt * np.flatnonzero(rng.random(round(duration / dt)) < rate * dt)


def _with_dead_time(rate, duration, dead, rng, dt):
    """Spike times of a renewal process: a dead time, then an exponential (on a grid: geometric) wait."""
    most = int(rate * duration + 10 * np.sqrt(rate * duration) + 20)
    if dt is None:
        waits = dead + rng.exponential(1 / rate - dead, most)
        times = np.cumsum(waits) - dead
    else:
        steps = int(np.ceil(round(dead / dt, 6))) - 1
        times = dt * (np.cumsum(steps + rng.geometric(1 / max(1 / (rate * dt) - steps, 1), most)) - 1 - steps)
    return times[times < duration]


def _scalar(value, unit, name, example):
    if not has_unit(value, unit) or np.ndim(value) != 0 or not np.isfinite(float(value)):
        raise SpikelearnError(f"{name} must be {example}, not {value}")
    return float(value)


def _time(value, name):
    return _scalar(value, second, name, "a time such as 10*ms")


def _positive_time(value, name):
    time = _time(value, name)
    if time <= 0:
        raise SpikelearnError(f"{name} must be longer than 0 s")
    return time


def _lead(lead_in):
    start = _time(lead_in, "lead_in")
    if start < 0:
        raise SpikelearnError("lead_in must not be negative")
    return start


def _period(rate, name):
    value = _scalar(rate, Hz, name, "a rate such as 10*Hz")
    if value <= 0:
        raise SpikelearnError(f"{name} must be above 0 Hz")
    return 1 / value


def _count(value, name):
    whole = has_unit(value, 1) and np.ndim(value) == 0 and not isinstance(value, (bool, np.bool_))
    if not whole or not np.isfinite(value) or value != round(value) or value < 1:
        raise SpikelearnError(f"{name} must be a whole number, 1 or more, not {value}")
    return int(value)


