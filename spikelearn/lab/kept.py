"""Simulations of one page: networks that are built once, whose parameters are given at each run.

All pairings that the protocols of the page ask for are simulated together, as synapses of one network.
"""
import threading
from collections.abc import Sequence

import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.equations.content import content
from spikelearn.equations.records import SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.stdp.moments import known_to
from spikelearn.stdp.network import SIMULATED_BY, Changes, FromSpikeToSpike
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.together import share_simulations

ONE_AT_A_TIME = threading.Lock()        # Brian2's device and time step are global; each page has a thread of its own
MOST = 4            # networks, and rules whose answers are kept; chosen here
MOST_LISTS = 12     # lists of pairings that are kept; chosen here
TIMES = ("pre", "post", "third", "bath", "hold", "read_after")


class Kept:
    """Simulates pairings for protocols within `with kept:`, exact rules only; see network.SIMULATED_BY."""

    def __init__(self):
        self.asked = []         # lists of pairings that protocols asked for, each once
        self.networks = {}      # what a rule states, without its parameters -> (lists that are in it, network)
        self.answers = {}       # a rule's content -> Changes of each list

    def __enter__(self) -> "Kept":
        ONE_AT_A_TIME.acquire()
        self.token = SIMULATED_BY.set(self.simulated)
        return self

    def __exit__(self, *error) -> None:
        SIMULATED_BY.reset(self.token)
        ONE_AT_A_TIME.release()

    def simulated(self, pairings: Sequence[Pairing], rule: SynapseModel, read_after: float, device: str,
                  seed: int) -> Changes:
        """Weights of each pairing (n,). A rule that draws random numbers is simulated alone."""
        if not share_simulations(rule):
            return FromSpikeToSpike(pairings, rule, read_after, device, seed).weights()
        number = self._number(pairings)
        key = (tuple(content(rule).items()), read_after, device, seed)
        if number not in self.answers.get(key, {}):
            known = self.answers.get(key, {})
            _add(self.answers, key, known | self._together(rule, number, read_after, device, seed))
        return self.answers[key][number]

    def holds(self, rule: SynapseModel) -> bool:
        """Whether a network of this rule is built, with other parameters or these."""
        return any(key[0] == _stated(rule) for key in self.networks)

    def _number(self, pairings):
        """The place of a list among those asked for, where it is put if it is new."""
        for number, known in enumerate(self.asked):
            if len(known) == len(pairings) and all(map(_same, known, pairings)):
                return number
        if len(self.asked) == MOST_LISTS:
            self.__init__()
        self.asked.append(list(pairings))
        return len(self.asked) - 1

    def _together(self, rule, number, read_after, device, seed):
        """Place -> Changes of every list that was asked for, or of this one where all fail together."""
        delays, key = _delays(rule), (_stated(rule), read_after, device, seed)
        lists = {place: each for place, each in enumerate(self.asked) if all(known_to(rule, one) for one in each)}
        try:
            if key not in self.networks or self.networks[key][0] != [*lists]:
                free = [name for name in rule.parameters if name not in delays]
                every = [one for each in lists.values() for one in each]
                _add(self.networks, key, ([*lists], free, FromSpikeToSpike(every, rule, read_after, device, seed,
                                                                           per_synapse=free)))
            _, free, network = self.networks[key]
            found = network.weights({name: _spread(rule, name, sum(map(len, lists.values()))) for name in free})
        except SpikelearnError:         # of a list that this rule did not ask for, or of this one
            alone = FromSpikeToSpike(self.asked[number], rule, read_after, device, seed).weights()
            return {number: alone}
        ends = np.cumsum([len(each) for each in lists.values()])[:-1]
        weights = map(Changes, np.split(found.start, ends), np.split(found.end, ends))
        return dict(zip(lists, weights, strict=True))


def _delays(rule):
    """Parameters that are delays, which all synapses of a network share."""
    return {name: float(rule.parameters[name]) for name in (rule.delay_pre, rule.delay_post) if name in rule.parameters}


def _stated(rule):
    """All that a network is built of: what a rule states but for its parameters, and its delays."""
    stated = {name: value for name, value in content(rule).items() if not name.startswith("parameter ")}
    return (*stated.items(), *_delays(rule).items())


def _add(kept, key, value):
    """Add to a dict that keeps a few of its last entries."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > MOST:
        kept.pop(next(iter(kept)))


def _spread(rule, name, count):
    value = rule.parameters[name]
    return Quantity(np.full(count, float(value)), dim=get_dimensions(value))


def _same(one, other):
    return one is other or one.label == other.label and all(
        np.array_equal(*(np.asarray(np.nan if getattr(each, name) is None else getattr(each, name), dtype=float)
                         for each in (one, other)), equal_nan=True) for name in TIMES)
