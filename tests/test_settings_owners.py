"""Whom a setting belongs to, and a neuron that nothing reads."""
import json

import pytest
from brian2 import Hz, ms
from spikelearn.protocols import stdp_fit

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann.spiking_machine import SpikingMachine
from spikelearn.command import command_line as cli
from spikelearn.command.settings import apply_settings
from spikelearn.equilibrium.classifier import Classifier
from spikelearn.equilibrium.regression import Regression
from spikelearn.equilibrium.side_by_side import Copies
from spikelearn.errors import keyword_named

RATED = '''"""A pair rule with a parameter that the protocol has too."""
from spikelearn import load_model
import dataclasses
from brian2 import Hz, ms

PAIR = load_model("stdp_pair")
MODEL = dataclasses.replace(PAIR, on_post=PAIR.on_post + "\\nw -= rate*0*ms",
                            parameters={**PAIR.parameters, "rate": 2 * Hz})
'''
QUICK = ("run", "stdp_window", "--quick", "--json")


@pytest.fixture
def rated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rated.py").write_text(RATED)
    return "rated.py"


def test_a_bare_name_of_two_owners_is_refused_with_both_full_names(rated, capsys):
    assert cli.main([*QUICK, "--synapse", rated, "--set", "rate=3*Hz"]) == 2
    out, err = capsys.readouterr()
    assert "protocol.rate or synapse.rate" in err and out == "" and err.count("\n") == 1
    assert cli.main([*QUICK, "--set", "rate=3*Hz"]) == 0        # of the shipped rules none has a rate


@pytest.mark.parametrize("setting, owner, unit", [("protocol.rate=3*Hz", "protocol", 3),
                                                  ("synapse.rate=4*Hz", "rule", 4)])
def test_a_full_name_reaches_its_owner(rated, tmp_path, setting, owner, unit):
    assert cli.main([*QUICK, "--synapse", rated, "--set", setting, "--out", "out"]) == 0
    facts = json.loads((tmp_path / "out" / "run.json").read_text())["provenance"]
    found = {"protocol": facts["parameters"]["rate"], "rule": facts["models"][0]["parameters"]["rate"]}
    assert found[owner]["value"] == unit
    assert found["rule" if owner == "protocol" else "protocol"]["value"] == (2 if owner == "protocol" else 1)


def test_all_owners_of_a_name_are_told():
    rule, cell = load_model("stdp_pair"), load_model("lif")
    own = {"tau_plus": 1 * ms, "tau_m": 1 * ms, "rate": 1 * Hz}
    for setting, words in (("tau_plus=2*ms", "protocol.tau_plus or synapse.tau_plus"),
                           ("tau_m=2*ms", "protocol.tau_m or neuron.tau_m")):
        with pytest.raises(SpikelearnError, match=words):
            apply_settings([setting], "here", own, [rule], cell)
    values, _, _ = apply_settings(["protocol.tau_plus=2*ms", "rate=2*Hz"], "here", own, [rule], cell)
    assert values == {"tau_plus": 2 * ms, "rate": 2 * Hz}
    with pytest.raises(SpikelearnError, match="protocol.rate.*twice|'rate' twice"):
        apply_settings(["protocol.rate=2*Hz", "rate=3*Hz"], "here", own, [rule], cell)


def test_a_parameter_set_belongs_to_whoever_publishes_it():
    rule, cell = load_model("stdp_voltage"), load_model("adex_afterdepolarisation")
    _, (changed,), same = apply_settings(["parameters=hippocampus"], "here", {}, [rule], cell)
    assert changed.parameters["theta_plus"] != rule.parameters["theta_plus"] and same is cell
    _, (same,), changed = apply_settings(["parameters=strong_adaptation"], "here", {}, [rule], cell)
    assert changed.parameters["b"] != cell.parameters["b"] and same is rule


@pytest.mark.parametrize("arguments", [
    ("stdp_window", "--neuron", "lif"), ("stdp_triplets", "--neuron", "lif"), ("stdp_poisson", "--neuron", "lif"),
    ("stdp_battery", "--synapse", "stdp_pair", "--synapse", "stdp_triplet", "--neuron", "afterpotential"),
    ("stdp_clamp", "--synapse", "stdp_pair", "--neuron", "voltage_clamp"),
    ("stdp_clamp", "--synapse", "stdp_pair", "--set", "neuron.v_rest=-60*mV"),
])
def test_a_neuron_that_no_rule_reads_is_refused(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", *arguments, "--quick"]) == 2
    out, err = capsys.readouterr()
    assert "the neuron would change nothing" in err and err.count("\n") == 1 and out == ""


@pytest.mark.slow
def test_a_neuron_that_a_rule_reads_is_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = []
    for setting in ([], ["--set", "neuron.tau_v=10*ms"]):
        assert cli.main([*QUICK, "--synapse", "voltage_derivative", "--neuron", "afterpotential", *setting]) == 0
        found.append(json.loads(capsys.readouterr().out)["E_bi_poo_window"])
    assert found[0] != found[1]


def test_a_refused_word_is_said_with_its_keyword():
    for keyword, word in (("hold_out", "nothing"), ("to", "no_such")):
        with pytest.raises(SpikelearnError, match=f"^{keyword}: there is no experiment '{word}'"):
            stdp_fit.run("stdp_pair", free="A_plus", device="numpy", quick=True, **{keyword: word})
    for values, said in (({"kind": "odd", "other": 3}, "kind: no 'odd' here"), (
            {"kinds": ("even", "odd")}, "kinds: no 'odd' here"), ({"kind": "x"}, "no 'odd' here"),
                         ({"neuron": "odd"}, "no 'odd' here"), ({"one": "odd", "two": "odd"}, "no 'odd' here")):
        with pytest.raises(SpikelearnError, match=f"^{said}$"), keyword_named(values):
            raise SpikelearnError("no 'odd' here")
    with pytest.raises(SpikelearnError, match="^kind must not be 'odd'$"), keyword_named({"kind": "odd"}):
        raise SpikelearnError("kind must not be 'odd'")


@pytest.mark.parametrize("rule, made_of", [
    ("voltage_derivative_temporal", lambda rule: Classifier((4, 3, 2), rule, device="numpy")),
    ("voltage_derivative_temporal", lambda rule: Regression((1, 3, 1), rule, device="numpy")),
    ("voltage_derivative_symmetric", lambda rule: Copies((4, 3, 2), 2, rule, device="numpy")),
    ("vpf_symmetric", lambda rule: SpikingMachine(3, 2, rule, device="numpy"))])
def test_an_eta_that_a_training_sets_itself_is_refused(rule, made_of, tmp_path):
    own = load_model(rule)
    with pytest.raises(SpikelearnError, match=f"eta of {rule} would change nothing: the training sets it"):
        made_of(own.with_parameters(eta=2 * own.parameters["eta"]))
    made_of(own.with_parameters(eta=own.parameters["eta"]))
    mine = tmp_path / "mine.py"
    mine.write_text(own.text.replace("eta=", "eta=2*"))         # an edited file states its own number
    assert load_model(str(mine)).parameters["eta"] == 2 * own.parameters["eta"]
    made_of(str(mine))
