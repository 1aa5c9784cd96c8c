"""When something happens in the conditions of a pairing experiment: spikes, a third factor, a drug, a reading."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spikelearn.equations.records import SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.spike_times import LEAD_IN, Pairing
from spikelearn.stdp.time_steps import text

TOGETHER = 2e-9     # seconds; spikes of a condition that are closer are at the same time: rounding of sums
APART = 0.999e-6    # seconds; spikes of one neuron that are closer are refused
SPIKE, BEGIN, READ, THIRD, ON, OFF = 1, 2, 4, 8, 16, 32       # what happens at a moment, summed
SAMPLE = 64
EVENTS = {"begin": BEGIN, "read": READ, "third": THIRD, "third_on": ON, "third_off": OFF, "sample": SAMPLE}


class Moments(NamedTuple):
    """When something happens in a condition, in seconds on the condition's own time axis.

    pre, post : (n_pre,), (n_post,) times at which the rule learns of the spikes, delays included. third : (n,) times of
    the third factor. begin, read : when the weight is noted. on, off : when a drug is washed in and out, or NEVER.
    """

    pre: np.ndarray
    post: np.ndarray
    third: np.ndarray
    begin: float
    read: float
    on: float
    off: float

    @property
    def acting(self) -> np.ndarray:
        """Times at which something acts on the synapse, sorted."""
        times = np.concatenate([self.pre, self.post, self.third, [self.on, self.off]])
        return np.sort(times[times < NEVER])


def known_to(rule: SynapseModel, pairing: Pairing) -> bool:
    """Whether a rule knows the third factor that a condition has, if it has one."""
    return bool(rule.on_third or not len(pairing.third)) and (pairing.bath is None or rule.follows_drug())


def moments_of(pairing: Pairing, rule: SynapseModel, read_after: float) -> Moments:
    """When something happens in a condition. read_after : seconds after the last spike, unless the condition says so.

    Raises SpikelearnError if something would happen after the weight is read, or if two spikes come at once.
    """
    if not known_to(rule, pairing):
        raise SpikelearnError(f"the condition '{pairing.label}' has a third factor, and {rule.title} knows none: a "
                              "rule says on_third= what it does, or reads 'third' where a drug is washed in")
    spikes = {"pre": np.asarray(pairing.pre), "post": np.asarray(pairing.post)}
    label = pairing.label
    for name, side in spikes.items():
        if np.any(np.diff(side) <= APART):
            raise SpikelearnError(f"two {name} spikes of the condition '{label}' are less than 1 us apart: no neuron "
                                  "fires so fast")
    together = np.concatenate([*spikes.values()])
    last = float(together.max()) if together.size else float(LEAD_IN)
    read = last + (read_after if pairing.read_after is None else float(pairing.read_after))
    late = {name: side + rule.delay(name) for name, side in spikes.items()}
    third = np.asarray(pairing.third)
    on, off = (NEVER, NEVER) if pairing.bath is None else np.asarray(pairing.bath)
    after = [("the delayed spike", side) for side in late.values()] + [("the third factor", third), ("the drug", [on])]
    for what, times in after:
        times = np.asarray(times)[np.asarray(times) < NEVER]
        if times.size and times.max() >= read - TOGETHER:
            raise SpikelearnError(f"{what} at {text(times.max() - float(together.min(initial=last)))} after the first "
                                  f"spike of the condition '{label}' comes when the weight has been read: read_after "
                                  "must be longer")
    begin = float(min([*together, *third, on], default=LEAD_IN)) if together.size or third.size or on < NEVER else last
    return Moments(late["pre"], late["post"], third, begin, read, on, off if off < read - TOGETHER else NEVER)


def moments(pairings: Sequence[Pairing], rule: SynapseModel, read_after: float) -> tuple[np.ndarray, np.ndarray]:
    """When something happens in each condition, and what.

    Returns (times, happens): (moments, n) in seconds, filled up with NEVER, and (moments, 2 n), the sum of what happens
    to the n pre neurons, then to the n post neurons.
    """
    return moments_table([moments_of(pairing, rule, read_after) for pairing in pairings])


def moments_table(when: Sequence[Moments],
                  samples: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The same, of given moments. samples : times in seconds at which each condition is recorded as well."""
    tables = [_table(one, *(() if samples is None else (samples[k],))) for k, one in enumerate(when)]
    longest = max(len(own) for own, _ in tables)
    table, happens = np.full((longest, len(tables)), NEVER), np.zeros((longest, 2 * len(tables)), dtype=int)
    for k, (own, kind) in enumerate(tables):
        table[:len(own), k] = own
        happens[:len(own), [k, len(tables) + k]] = kind
    return table, happens


def _table(when: Moments, samples: np.ndarray = np.zeros(0)) -> tuple[np.ndarray, np.ndarray]:
    """Distinct moments of one condition (n,), and what happens then on either side, (n, 2)."""
    own = np.sort(np.concatenate([when.acting, [when.begin, when.read], samples]))
    own = own[np.diff(own, prepend=-np.inf) > TOGETHER]
    kind = np.zeros((len(own), 2), dtype=int)
    for times, side, what in ((when.pre, 0, SPIKE), (when.post, 1, SPIKE), (when.third, 0, THIRD),
                              (when.begin, 0, BEGIN), (when.read, 0, READ), (when.on, 0, ON), (when.off, 0, OFF),
                              (samples, 0, SAMPLE)):
        times = np.atleast_1d(times)
        times = times[times < NEVER]
        kind[np.searchsorted(own, times + TOGETHER / 2, side="right") - 1, side] += what
    return own, kind
