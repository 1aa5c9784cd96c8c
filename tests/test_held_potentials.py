"""Voltage clamp in experiments: rules read the potential in the scale of the neuron that is chosen."""
import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, mV, nA

from spikelearn import NeuronModel, SpikelearnError, SynapseModel, load_model
from spikelearn.command import command_line as cli
from spikelearn.stdp.candidates import Candidates
from spikelearn.stdp.spike_times import motifs
from spikelearn.stdp.traces import trace
from spikelearn.stdp.weight_change import weight_changes

RULE = SynapseModel(source="a test", equations="w : 1", on_pre="w += A*u_post", parameters=dict(A=0.01),
                    initial=dict(w=1), neuron="neurons/lif")
FREE = motifs([0] * ms, [] * ms, 10, 200 * Hz)
HELD = dataclasses.replace(FREE, hold=-50 * mV, label="held")
SCALED = NeuronModel(       # u by way of two computed variables
    name="scaled", source="a test", equations="dv/dt = -(v - E)/tau : volt\nspan = top - E : volt\nu = rise/span : 1\n"
    "rise = v - E : volt", threshold="v > top", reset="v = E", parameters=dict(E=-60 * mV, top=-35 * mV, tau=9 * ms))


def changed(rule, neuron, *pairings):
    return weight_changes(pairings, rule, neuron, device="numpy", read_after=5 * ms)


@pytest.mark.parametrize("neuron, u", [
    (None, 1), ("lif", 1), (load_model("lif").with_parameters(v_threshold=-30 * mV, v_rest=-60 * mV), 10 / 30),
    ("adex_afterdepolarisation", 20.6 / 20.2), ("izhikevich", 15 / 95), ("conductance_lif", 1), (SCALED, 10 / 25),
    (load_model("voltage_clamp").with_parameters(v_threshold=-30 * mV), 20 / 40),
])
def test_ten_pre_spikes_add_ten_times_the_potential_of_the_chosen_neuron(neuron, u):
    assert changed(RULE, neuron, HELD) == pytest.approx([.1 * u], rel=1e-12)


def test_held_and_free_conditions_have_one_scale():
    """Free at a rest 10 mV above v_rest, by a current of its own, and held there: the same u of 1/3."""
    lif = load_model("lif").with_parameters(v_threshold=-30 * mV, v_rest=-60 * mV)
    driven = dataclasses.replace(lif, initial=dict(v=-50 * mV, I=1 * nA))
    assert changed(RULE, driven, FREE, HELD) == pytest.approx([.1 / 3, .1 / 3], rel=1e-9)


def test_the_trace_and_the_candidates_of_a_fit_have_this_scale_too():
    lif = load_model("lif").with_parameters(v_threshold=-30 * mV, v_rest=-60 * mV)
    seen = trace(RULE, HELD, lif, device="numpy")
    assert seen.weight[-1] == pytest.approx(1 + .1 / 3) and np.unique(seen.potential / mV) == pytest.approx([-50])
    fit = Candidates([HELD], RULE, ["A"], [.001], [.1], count=2, neuron=lif, device="numpy", read_after=5 * ms)
    assert fit.changes([[.01], [.03]]) == pytest.approx(np.array([[.1], [.3]]) / 3)


def test_a_parameter_of_the_neuron_is_that_of_the_chosen_one():
    rule = dataclasses.replace(RULE, on_pre="w += A*(v_post - v_threshold_post)/mV")
    lif = load_model("lif").with_parameters(v_threshold=-30 * mV)
    assert changed(rule, lif, HELD) == pytest.approx([-2])


@pytest.mark.parametrize("on_pre, neuron, change", [
    ("w += A*dudt_post*ms", "afterpotential", 0),           # a held potential has no derivative, in any unit
    ("w += A*v_post/mV", "adaptive_threshold", -5),         # v needs no scale
])
def test_what_needs_no_scale(on_pre, neuron, change):
    assert changed(dataclasses.replace(RULE, on_pre=on_pre), neuron, HELD) == pytest.approx([change])


@pytest.mark.parametrize("neuron, sentence", [
    ("leaky_integrator_fire", "^hold_mV: leaky_integrator_fire has no potential v in volts that could be held; choose"),
    ("afterpotential", "^hold_mV: afterpotential has no potential v in volts"),
    ("adaptive_threshold", "^hold_mV: the potential u of adaptive_threshold depends on 'theta', which a voltage clamp"),
])
def test_neurons_that_cannot_be_held_are_refused(neuron, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        changed(RULE, neuron, HELD)


def test_the_command_line_holds_the_neuron_as_set(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hold.csv").write_text("label,pre_ms,repeats,repeat_hz,hold_mV\na,0,10,10,-50\n")
    (tmp_path / "rule.py").write_text(
        "from spikelearn import SynapseModel\nMODEL = SynapseModel(source='a test', equations='w : 1', "
        "on_pre='w += A*u_post', parameters=dict(A=0.01), initial=dict(w=1), neuron='neurons/lif')\n")
    assert cli.main(["run", "stdp_experiment", "--synapse", "rule.py", "--neuron", "neurons/lif", "--device", "numpy",
                     "--set", "data=hold.csv", "--set", "neuron.v_threshold=-30*mV", "--set",
                     "neuron.v_rest=-60*mV"]) == 0
    assert "change_percent      3.333" in capsys.readouterr().out
