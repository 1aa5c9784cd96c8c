"""Delays of rules: Brian2 would round them to the time step, and the order of two spikes could change."""
import math
from collections.abc import Iterable, Mapping

import numpy as np
from brian2 import Quantity, Synapses

from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.objects import delays, noted, pathways
from spikelearn.simulation.spike_tables import in_ms, off_grid

NEGATIVE_DELAY = "the delay of '{}' is negative: a spike cannot act before it comes"
FINEST = 10_000         # ns; no shorter step is proposed


def check_delays(objects: Iterable, values: Mapping, dt: Quantity) -> None:
    """Refuse a delay of a rule that is no multiple of the time step. values : "object.variable" -> value in a run."""
    for item in objects:
        for side, _ in _late(item):
            rule = noted(item, "model")
            stated = getattr(rule, f"delay_{side}")
            value = values.get(f"{item.name}.{stated}", rule.delay(side)) if isinstance(stated, str) else stated
            _check(rule, side, value, float(dt))


def check_delays_of(connection: Synapses) -> None:
    """The same for synapses of a network of the user's own, whose delays may have been set anew, before it is run."""
    for side, pathway in _late(connection):
        rule = noted(connection, "model")
        try:
            value = delays(pathway).get_value()
        except NotImplementedError:     # C++ standalone does not know yet
            value = rule.delay(side)
        _check(rule, side, value, float(connection.clock.dt))


def _late(item):
    """(side, pathway) of what a rule does late."""
    return [(pathway.objname.partition("_")[0], pathway) for pathway in pathways(item)
            if "delay" in noted(pathway, "values", {})]


def _check(rule, side, value, dt):
    late = np.ravel(np.asarray(value, dtype=float))
    off = off_grid(late, dt)
    if off.any():
        step = math.gcd(round(dt * 1e9), *(round(one * 1e9) for one in set(late[off].tolist())))
        raise SpikelearnError(f"{rule.title}: delay_{side} = {in_ms(late[off][0])} is no multiple of the time step of "
                              f"{in_ms(dt)}, to which it would be rounded: "
                              + (f"a step of {in_ms(step * 1e-9)} would do" if step >= FINEST else "round it yourself"))
