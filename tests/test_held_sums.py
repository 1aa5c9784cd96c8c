"""Sums that events add to an all-to-all connection wait for some steps: same result as Brian2's ordinary loop."""
import numpy as np
import pytest
from brian2 import Hz, ms

from spikelearn import NeuronModel, SynapseModel
from spikelearn.simulation import rows
from spikelearn.simulation.brian_internals.objects import pathways
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation

CELL = NeuronModel(
    source="none", threshold="phase >= 1", reset="phase -= 1", parameters=dict(tau=20 * ms, rate=300 * Hz),
    equations="dphase/dt = rate*(0.2 + x) : 1\ndx/dt = (y - x)/tau : 1\ny : 1", every_step=dict(start="y = 1 - y*x"),
    method="euler", events=dict(collect=("timestep(t, dt) % 23 == 22", "")))
RULE = SynapseModel(
    source="none", equations="w : 1\nchange : 1", parameters=dict(eta=0.1),
    on_pre="change += eta*x_post  # added", on_post="change -= eta*exp(-x_pre)",
    on_event=dict(pre_collect="w += change; change = 0.5*w*x_pre"))


def network(rule=RULE, connect="all-to-all", sizes=(40, 36), **how):
    def build():
        pre, post = neurons(CELL, sizes[0], name="pre"), neurons(CELL, sizes[1], name="post")
        return [pre, post, synapses(pre, post, rule, name="rule", connect=connect, **how)]
    return build


def result(device, connect="all-to-all", steps=100, **how):
    rng, read = np.random.default_rng(1), ["rule.w", "rule.change"]
    given = {"pre.x": rng.random(40), "post.x": rng.random(36), "pre.phase": rng.random(40), "rule.w": rng.random(1440)}
    found = Simulation(network(connect=connect, **how), steps * ms, device=device, dt=1 * ms).run(given, read=read)
    return [found[name] for name in read]


@pytest.mark.compiler
@pytest.mark.parametrize("turned", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_held_sums_give_what_the_ordinary_loop_gives(turned):
    """Steps with and without events, more than are held at once, a collection within, an end between two."""
    held, ordinary = result("cpp", turned=turned, private=True), result("numpy", "i >= 0")
    for one, other in zip(held, ordinary, strict=True):
        assert np.ptp(other) > 1
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def held(rule=RULE, sizes=(40, 36), turned=True):
    """Names of the pathways that hold sums."""
    connection = network(rule, sizes=sizes)()[-1]
    kinds = rows._kinds(connection) if turned else {}
    found = rows._held_arrays(connection, kinds)
    assert set(found) <= set(pathways(connection))
    return {pathway.objname: array for pathway, array in found.items()}


def test_which_pathways_hold_sums():
    assert held() == {"pre": "change", "post": "change"}
    assert held(turned=False) == {"pre": "change"}          # post events meet columns
    assert held(sizes=(40, 31)) == {"post": "change"}       # short rows are not worth it
    assert held(sizes=(31, 40)) == {"pre": "change"}


def changed(**fields):
    return SynapseModel(source="none", parameters=dict(eta=0.1), **{
        "equations": "w : 1\nchange : 1", "on_pre": "change += eta*x_post", "on_post": "", **fields})


@pytest.mark.parametrize("fields", [
    dict(on_pre="change += eta*rand()"),                    # another number for each synapse
    dict(on_pre="change += eta*w*x_post"),                  # reads the synapse
    dict(on_pre="change += eta*x_pre*x_post"),              # differs between the neurons that spike
    dict(on_pre="change = eta*x_post"),                     # does not add
    dict(on_pre="change += eta*x_post; w += 1"),            # does more than one thing
    dict(on_pre="y_post += eta*x_post"),                    # writes to neurons
    dict(on_pre="change += eta*j"),                         # of the synapse, though the same in each row
    dict(on_post="w += change"),                            # read where nothing is brought in
    dict(on_post="change = 0"),
    dict(equations="w : 1\ndchange/dt = -change/(10*ms) : 1 (clock-driven)"),      # changes between events
], ids=str)
def test_other_statements_are_run_event_by_event(fields):
    assert held(changed()) == {"pre": "change"}
    assert held(changed(**fields)) == {}


def test_shared_values_and_functions_without_a_state_are_the_same_in_each_row():
    assert held(changed(on_pre="change -= eta*clip(x_post, 0, exp(-x_post))")) == {"pre": "change"}
