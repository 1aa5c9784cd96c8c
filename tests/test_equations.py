"""Model records: what is refused when they are made, and how they are loaded, changed and copied."""
import dataclasses
import pickle

import pytest
from brian2 import ms, mV, second

from spikelearn import NeuronModel, SpikelearnError, SynapseModel, load_model
from spikelearn.equations.files import shipped_models

LIF = load_model("neurons/lif")
PAIR = load_model("synapses/stdp_pair")


@pytest.mark.parametrize("change, sentence", [
    (dict(treshold="v > v_threshold"), "no field 'treshold'; did you mean 'threshold'?"),
    (dict(parameters={**LIF.parameters, "tau_x": 1 * ms}), "the parameter 'tau_x' is used nowhere"),
    (dict(threshold="v > v_treshold"), "unknown name 'v_treshold' in the threshold; did you mean 'v_threshold'?"),
    (dict(threshold="v > t_ref"), "different units"),
    (dict(threshold="v"), "must be true or false"),
    (dict(reset="v = tau_m"), "wrong unit in reset"),
    (dict(equations="dv/dt = "), "the equations cannot be read"),
    (dict(initial=dict(v="t_ref")), "the initial 'v', 't_ref', has the unit s where V is needed"),
    (dict(initial=dict(u="v_rest")), "initial value for the unknown variable 'u'"),
    (dict(initial=dict(v=1 * second)), "the initial 'v' has the unit s where V is needed"),
    (dict(parameters={**LIF.parameters, "v": 1 * mV}), "'v' is a parameter and a variable at once"),
    (dict(parameters=[1]), "'parameters' must be a dict, not list"),
    (dict(threshold=5), "'threshold' must be text, not int"),
])
def test_a_wrong_neuron_record_is_refused_when_it_is_made(change, sentence):
    with pytest.raises(SpikelearnError) as error:
        dataclasses.replace(LIF, **change) if "treshold" not in change else NeuronModel(
            source="x", equations="v : 1", **change)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change, sentence", [
    (dict(on_pre="w += A_pluss*y"), "unknown name 'A_pluss'"),
    (dict(on_post="w = clip(w + A_plus*x + tau_plus, w_min, w_max)\ny += 1"), "wrong unit in on_post"),
    (dict(sets={"a": dict(A_minu=1)}), "the set 'a' names the unknown parameter 'A_minu'"),
    (dict(sets={"a": dict(tau_plus=1)}), "'tau_plus' has a wrong unit in the set 'a'"),
])
def test_a_wrong_synapse_record_is_refused_when_it_is_made(change, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        dataclasses.replace(PAIR, **change)


def test_an_equation_with_a_wrong_unit_is_refused():
    with pytest.raises(SpikelearnError, match="the equation of 'v', '-v', has the unit V where V/s is needed"):
        NeuronModel(source="here", equations="dv/dt = -v : volt")


def test_with_parameters_gives_a_new_record_and_checks_units_and_names():
    other = PAIR.with_parameters(tau_plus=20 * ms)
    assert other.parameters["tau_plus"] == 20 * ms
    assert PAIR.parameters["tau_plus"] == 16.8 * ms
    with pytest.raises(SpikelearnError, match="'tau_plus' has the unit s, not V"):
        PAIR.with_parameters(tau_plus=20 * mV)
    with pytest.raises(SpikelearnError, match="did you mean 'tau_plus'"):
        PAIR.with_parameters(tau_plu=20 * ms)


def test_a_named_parameter_set_replaces_the_values_and_an_unknown_one_is_refused():
    triplet = load_model("stdp_triplet")
    hippocampus = triplet.with_parameters(parameters="hippocampus_full")
    assert hippocampus.parameters["A2_plus"] == pytest.approx(0.0061)       # Pfister & Gerstner (2006), table 4
    assert hippocampus.parameters["tau_y"] / ms == pytest.approx(27)
    with pytest.raises(SpikelearnError, match="no parameter set 'hippocampus'"):
        triplet.with_parameters(parameters="hippocampus")


def test_records_are_frozen_to_the_bottom():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAIR.on_pre = ""
    with pytest.raises(TypeError):
        PAIR.parameters["tau_plus"] = 1 * ms
    with pytest.raises(ValueError, match="read-only"):
        PAIR.parameters["tau_plus"][...] = 2 * ms


def test_a_record_survives_pickling():
    copy = pickle.loads(pickle.dumps(PAIR))
    assert copy.parameters["tau_plus"] == 16.8 * ms
    assert copy.on_post == PAIR.on_post and copy.name == "stdp_pair"


def test_load_model_by_name_file_and_record(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(PAIR.text.replace("tau_plus=16.8", "tau_plus=10"))
    assert load_model("stdp_pair").name == load_model("synapses/stdp_pair").name == "stdp_pair"
    assert load_model(str(mine)).parameters["tau_plus"] == 10 * ms
    assert load_model(PAIR) is PAIR
    assert "neurons/lif" in shipped_models()


@pytest.mark.parametrize("text, sentence", [
    ("x = 1", "defines no MODEL"),
    ("def (", "is not a model file: invalid syntax in line 1"),
    ("import nowhere_to_be_found", "cannot be read as a model file: ModuleNotFoundError"),
    ("from spikelearn import SynapseModel\nMODEL = SynapseModel(source='x', equation='w : 1')",
     "no field 'equation'; did you mean 'equations'?"),
])
def test_a_file_that_is_no_model_is_refused(tmp_path, text, sentence):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(SpikelearnError, match=sentence.replace("?", r"\?").replace("(", r"\(")):
        load_model(str(tmp_path / "bad.py"))


def test_unknown_models_and_models_of_the_other_kind_are_refused():
    with pytest.raises(SpikelearnError, match="there is no model 'stdp_pear'; did you mean"):
        load_model("stdp_pear")
    with pytest.raises(SpikelearnError, match="there is no file 'nowhere.py'"):
        load_model("nowhere.py")
    with pytest.raises(SpikelearnError, match="lif is a NeuronModel, but a SynapseModel is needed here"):
        load_model("neurons/lif", "synapse")


def test_reads_names_what_a_rule_takes_of_its_neurons():
    rule = SynapseModel(source="x", equations="w : 1\nx_pre_trace : 1", on_pre="w += v_post/volt + s_pre  # y_post")
    assert rule.reads() == {"pre": {"s"}, "post": {"v"}}
