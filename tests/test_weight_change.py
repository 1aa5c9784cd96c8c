"""What `weight_changes` refuses of a rule, a neuron and a time step, also where a rule follows spike times only."""
import numpy as np
import pytest
from brian2 import Network, ms, mV, prefs

import spikelearn as sl
from spikelearn import SpikelearnError, SynapseModel
from spikelearn.stdp.time_steps import is_random
from spikelearn.stdp.together import share_simulations
from spikelearn.stdp.weight_change import outcome, weight_changes

PAIR = [sl.pairs(10 * ms, 1)]
TEXT = dict(name="mine", source="none", initial=dict(w=1), parameters=dict(A=.01), equations="w : 1")


@pytest.mark.parametrize("name, fields", [
    ("i", dict(on_post="w += A*(i + 1)")), ("j", dict(on_pre="w += A*j  # j")), ("N", dict(on_post="w += A/N")),
    ("i", dict(on_post="w += A", initial=dict(w="1 + i"))), ("N", dict(on_post="w += A", read="w + 0*N")),
    ("j", dict(on_post="w += A*x", equations="w : 1\nx = j + 1 : 1")),
    ("i_post", dict(on_post="w += A*i_post", neuron="afterpotential"))])
def test_a_rule_that_counts_synapses_is_refused_in_a_pairing(name, fields):
    """Two conditions side by side would give 0.01 and 0.02 for the first of them."""
    with pytest.raises(SpikelearnError, match=f"mine reads '{name}', .* and a pairing has one synapse"):
        weight_changes(PAIR * 2, SynapseModel(**TEXT | fields), device="numpy")


@pytest.mark.parametrize("initial, random",
                         [("0.5 + rand()", True), ("1 + 0.1*randn()", True), ("2*A", False), (1, False)])
def test_a_weight_that_starts_at_random_makes_a_rule_random(initial, random):
    rule = SynapseModel(**TEXT | dict(on_post="w += A", initial=dict(w=initial)))
    assert is_random(rule) == random and share_simulations(rule) != random


def test_a_rule_may_name_its_own_variables_so_and_count_synapses_in_a_network(monkeypatch):
    comment = SynapseModel(**TEXT | dict(on_post="w += A*count  # not i", parameters=dict(A=.01, count=3)))
    assert weight_changes(PAIR * 2, comment, device="numpy") == pytest.approx([.03, .03])
    counts = SynapseModel(**TEXT | dict(on_post="w += A*(i + 1)"))
    trains = sl.spike_trains([[1] * ms, [1] * ms])
    monkeypatch.setattr("spikelearn.simulation.own_network.cython_declares_i", lambda: True)
    with pytest.raises(SpikelearnError, match="mine reads i, .* which Brian2 .* loses in Cython"):
        sl.synapses(trains, trains, counts, "one-to-one")
    with pytest.raises(SpikelearnError, match="stdp_pair reads i"):
        sl.synapses(trains, trains, "stdp_pair", "one-to-one", transmit="spikes_so_far_post += 0*i")
    sl.synapses(trains, trains, comment, "i == j")
    monkeypatch.undo()
    monkeypatch.setitem(prefs, "codegen.target", "numpy")
    made = sl.synapses(trains, trains, counts, "one-to-one")
    Network(trains, made).run(2 * ms)
    assert np.asarray(made.w) == pytest.approx([1.01, 1.02])


def test_an_unknown_or_idle_neuron_is_refused():
    for given in (weight_changes, outcome):
        with pytest.raises(SpikelearnError, match="nonsense"):
            given(PAIR, "stdp_pair", "nonsense")
    with pytest.raises(SpikelearnError, match="the neuron would change nothing: stdp_pair follows spike times only"):
        weight_changes(PAIR, "stdp_pair", "lif")
    assert weight_changes(PAIR, "stdp_pair", "lif", transmit="I_post += w*nA", device="numpy").size == 1


@pytest.mark.parametrize("name", ["dt", "read_after"])
@pytest.mark.parametrize("value", [0 * ms, -1 * ms, np.inf * ms, 1 * mV, 5, "long", [1, 2] * ms])
def test_what_is_no_time_above_0_is_refused(name, value):
    with pytest.raises(SpikelearnError, match=f"{name} must be a time above 0"):
        weight_changes(PAIR, "stdp_pair", **{name: value})


@pytest.mark.parametrize("own", ["now", "kind", "w_start", "w_end", "sampled", "weight_read", "moments", "happens",
                                 "lastupdate", "delay"])
def test_names_of_a_pairing_are_free_for_a_rule(own):
    """A trace or a parameter may have a name that pairings use inside."""
    trace = SynapseModel(**TEXT | dict(equations=f"w : 1\nd{own}/dt = -{own}/(20*ms) : 1 (event-driven)",
                                       on_pre=f"{own} += 1", on_post=f"w += A*{own}"))
    parameter = SynapseModel(**TEXT | dict(equations="w : 1\ndx/dt = -x/(20*ms) : 1 (event-driven)", on_pre="x += 1",
                                           on_post=f"w += {own}*x", parameters={own: .01}))
    for rule in (trace, parameter):
        assert weight_changes(PAIR, rule, device="numpy") == pytest.approx([.01 * np.exp(-.5)], rel=1e-9)
        seen = sl.trace(rule, PAIR[0], device="numpy")
        assert float(seen.weight[-1]) == pytest.approx(1 + .01 * np.exp(-.5), rel=1e-9)
    assert own in sl.trace(trace, PAIR[0], device="numpy").variables
