"""A misspelt name on the left of an assignment is refused, in every block of a record and of a connection."""
import dataclasses

import numpy as np
import pytest
from brian2 import ms

from spikelearn import NeuronModel, SpikelearnError, SynapseModel, load_model
from spikelearn.equations.files import shipped_models
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER

PAIR, LIF = load_model("stdp_pair"), load_model("lif")
RULE = dict(source="here", equations="w : 1\nx : 1")
CELL = dict(source="here", equations="v : 1\nz : 1", threshold="v > 1")


@pytest.mark.parametrize("make, sentence", [
    (lambda: dataclasses.replace(PAIR, on_pre="ww = clip(w - A_minus*y, w_min, w_max)\nx += 1"),
     "on_pre assigns to 'ww'.*did you mean 'w'"),
    (lambda: dataclasses.replace(LIF, reset="vv = v_reset"), "reset assigns to 'vv'.*did you mean 'v'"),
    (lambda: dataclasses.replace(PAIR, on_pre="w -= A_minus*y; xx = x + 1"), "on_pre assigns to 'xx'"),
    (lambda: SynapseModel(**RULE, on_post="x = 1; ww = x"), "on_post assigns to 'ww'"),
    (lambda: SynapseModel(**RULE, on_event=dict(post_rest="ww = x")), "on_event 'post_rest' assigns to 'ww'"),
    (lambda: SynapseModel(**RULE, at_end="xw = 0"), "at_end assigns to 'xw'"),
    (lambda: NeuronModel(**CELL, reset="v = 0", forced="vs = 2"), "forced assigns to 'vs'"),
    (lambda: NeuronModel(**CELL, reset="v = 0", at_start="zz = 0"), "at_start assigns to 'zz'"),
    (lambda: NeuronModel(**CELL, reset="v = 0", every_step=dict(after_groups="vz = clip(v, 0, 1)")), "assigns to 'vz'"),
    (lambda: NeuronModel(**CELL, reset="v = 0", events=dict(rest=("z > 1", "zv = 0"))), "event 'rest'.*'zv'"),
    (lambda: SynapseModel(**RULE, on_pre="fresh = x\nfresh = fresh + 1\nw += 1"), "assigns to 'fresh'"),
    (lambda: SynapseModel(**RULE, on_pre="a = x; b = a"), "assigns to 'b'"),
    (lambda: SynapseModel(**RULE, on_pre="w += a; a = x"), "unknown name 'a' in on_pre"),
    (lambda: SynapseModel(**RULE, on_pre="a += 1; w = a"), "unknown name 'a' in on_pre"),
    (lambda: dataclasses.replace(PAIR, on_pre="w -= A_minus*y; w_max = 1"), "'w_max', which statements cannot change"),
    (lambda: SynapseModel(source="here", equations="w : 1\nb = w/2 : 1", on_pre="b = 1"), "'b', which statements"),
    (lambda: SynapseModel(**RULE, on_pre="w = 1\n  ; x = 1"), "on_pre cannot be read: nothing stands on one side"),
    (lambda: SynapseModel(**RULE, on_pre="w = 1; t = 0*second"), "'t', which statements cannot change"),
])
def test_a_name_that_nothing_declares_or_reads_is_refused(make, sentence):
    with pytest.raises(SpikelearnError, match=sentence) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_name_that_is_read_later_in_the_block_is_a_variable_of_the_block():
    rule = dataclasses.replace(PAIR, on_pre="fresh = w - A_minus*y      # before the bounds\n"
                                            "w = clip(fresh, w_min, w_max); x += 1")
    found = []
    for model in (PAIR, rule):
        def build(model=model):
            trains, times = spike_trains(np.array([[.004, .002], [NEVER, NEVER]]), name="trains")
            return [trains, times, synapses(trains[:1], trains[1:], model, name="rule")]
        found.append(Simulation(build, 10 * ms, device="numpy", dt=1 * ms).run(read=["rule.w"])["rule.w"])
    assert found[0] == found[1] != 1


def test_a_misspelt_target_of_transmission_is_refused():
    pre, _ = spike_trains(np.array([[.002], [NEVER]]), name="pre")
    post = neurons("lif", 1, name="post")
    with pytest.raises(SpikelearnError, match="assigns to 'I_pots'.*did you mean 'I_post'"):
        synapses(pre, post, name="wrong", transmit="I_pots = w*nA")
    assert synapses(pre, post, name="right", transmit="I_post = w*nA").name == "right"


@pytest.mark.parametrize("name", shipped_models())
def test_no_shipped_model_loses_an_assignment(name):
    assert load_model(name).source
