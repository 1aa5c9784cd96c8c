"""Runs that share their simulations give what they give alone, whatever runs beside them."""
import functools

import numpy as np
import pytest
from brian2 import Hz, ms

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.stdp import together as sharing
from spikelearn.stdp.network import FromSpikeToSpike
from spikelearn.stdp.spike_times import pairs
from spikelearn.stdp.together import share_simulations, together
from spikelearn.stdp.weight_change import weight_changes

PAIR = load_model("synapses/stdp_pair")
RANDOM = SynapseModel(source="here", equations="w : 1", on_pre="w += step * rand()", parameters=dict(step=0.1),
                      initial=dict(w=1))
EXPLOSIVE = SynapseModel(source="here", equations="w : 1", on_pre="w = w * factor", parameters=dict(factor=1.5),
                         initial=dict(w=1))


def singly(delta_t, tau_plus, rate=1, n=3):
    """The change by n pairs of each interval, simulated one by one."""
    return np.array([float(weight_changes([pairs(it * ms, n, rate * Hz)], PAIR.with_parameters(tau_plus=tau_plus))[0])
                     for it in delta_t])


def simulations(monkeypatch):
    """The sizes of the simulations that are built."""
    sizes = []

    class Counted(FromSpikeToSpike):
        def __init__(self, pairings, *arguments, **keywords):
            sizes.append(len(pairings))
            super().__init__(pairings, *arguments, **keywords)

    monkeypatch.setattr(sharing, "FromSpikeToSpike", Counted)
    monkeypatch.setattr("spikelearn.stdp.network.FromSpikeToSpike", Counted)
    return sizes


@pytest.mark.long
def test_runs_with_other_parameters_and_pairings_share_one_simulation(monkeypatch):
    """Three time constants, with two, three and one condition, of which one asks twice."""
    expected = [singly([5, 10], 10 * ms), singly([5, 20, 30], 20 * ms), singly([7], 30 * ms)]
    sizes = simulations(monkeypatch)

    def run(delta_t, tau_plus, again=False):
        rule = PAIR.with_parameters(tau_plus=tau_plus)
        found = weight_changes([pairs(it * ms, 3, 1 * Hz) for it in delta_t], rule)
        return (found, weight_changes([pairs(5 * ms, 3, 1 * Hz)], rule)) if again else found

    found = together([functools.partial(run, [5, 10], 10 * ms), functools.partial(run, [5, 20, 30], 20 * ms),
                      functools.partial(run, [7], 30 * ms, again=True)])
    assert sizes == [6, 1]
    for got, wanted in zip([found[0], found[1], found[2][0]], expected, strict=True):
        assert got == pytest.approx(wanted, rel=1e-12)
    assert found[2][1] == pytest.approx(singly([5], 30 * ms), rel=1e-12)


@pytest.mark.long
def test_other_rules_do_not_share_and_a_large_number_is_split(monkeypatch):
    sizes = simulations(monkeypatch)
    triplet = load_model("synapses/stdp_triplet")
    conditions = [pairs(it * ms, 3, 1 * Hz) for it in (5, 10, 15)]
    actions = [functools.partial(weight_changes, conditions, rule) for rule in (PAIR, triplet, PAIR, triplet)]
    found = together(actions)
    assert sizes == [6, 6] and np.array_equal(found[0], found[2]) and not np.allclose(found[0], found[1])
    sizes.clear()
    monkeypatch.setattr(sharing, "MOST", 6)
    assert np.array_equal(together([actions[0]] * 5), [found[0]] * 5) and sizes == [6, 6, 3]


@pytest.mark.long
def test_what_goes_wrong_in_one_run_stays_there():
    """A weight that becomes infinite, and a mistake after the simulation."""
    conditions = [pairs(10 * ms, 400, 10 * Hz)]

    def run(factor):
        found = weight_changes(conditions, EXPLOSIVE.with_parameters(factor=factor))
        if factor == 1:
            raise SpikelearnError("a mistake of its own")
        return found

    fine, infinite, mistaken, last = together([functools.partial(run, factor) for factor in (1.01, 1e3, 1, 0.99)])
    assert fine == pytest.approx(1.01 ** 400 - 1) and last == pytest.approx(0.99 ** 400 - 1)
    assert isinstance(infinite, SpikelearnError) and "infinite" in str(infinite)
    assert str(mistaken) == "a mistake of its own"


@pytest.mark.long
def test_rules_that_draw_random_numbers_run_alone_from_their_seed():
    assert not share_simulations(RANDOM) and share_simulations(PAIR)
    assert not share_simulations(load_model("synapses/stdp_voltage"))
    conditions = [pairs(10 * ms, 5, 10 * Hz)] * 3
    actions = [functools.partial(weight_changes, conditions, RANDOM, seed=seed) for seed in (1, 2, 1)]
    alone = [action() for action in actions]
    for got, wanted in zip(together(actions), alone, strict=True):
        assert np.array_equal(got, wanted)
    assert not np.array_equal(alone[0], alone[1])


@pytest.mark.long
def test_after_runs_that_share_single_ones_are_as_before():
    conditions = [pairs(10 * ms, 5, 10 * Hz)]
    before = weight_changes(conditions, PAIR)
    together([functools.partial(weight_changes, conditions, PAIR)] * 2)
    assert np.array_equal(weight_changes(conditions, PAIR), before)
