"""A record is its content: a changed record loses the name, the text and the closed forms of the old one."""
import dataclasses
import json
from argparse import Namespace

import numpy as np
import pytest
from brian2 import Hz, ms, second
from spikelearn.protocols import learn_digits, stdp_bistate, stdp_poisson, stdp_ramp

from spikelearn import load_model
from spikelearn.command import command_line as cli
from spikelearn.equations.content import content, python_text, same_code
from spikelearn.equations.files import model_from_text, shipped_models
from spikelearn.results.provenance import model_facts
from spikelearn.training.checkpoint import identity

PAIR, TRIPLET = load_model("stdp_pair"), load_model("stdp_triplet")
RATES = np.array([5., 20.])


def changed(rule, old, new, field="on_pre"):
    """The record with a piece of its code replaced."""
    assert old in getattr(rule, field)
    return dataclasses.replace(rule, **{field: getattr(rule, field).replace(old, new)})


HALVED = changed(PAIR, "A_minus*y", "A_minus*y/2")


def made(text):
    """The record that a model file's text makes."""
    found = {}
    exec(text, found)
    return found["MODEL"]


@pytest.mark.parametrize("other", [
    HALVED, changed(PAIR, "y += 1", "y = 1", "on_post"), changed(PAIR, "-x / tau_plus", "-2*x / tau_plus", "equations"),
    dataclasses.replace(PAIR, initial=dict(w=2)), dataclasses.replace(PAIR, source="elsewhere"),
    dataclasses.replace(PAIR, text=PAIR.text + "# edited"),
])
def test_a_changed_record_keeps_neither_text_nor_name(other):
    assert other.name == "stdp_pair (changed)" and other.text == "" and other.file == ""
    assert content(made(model_facts(other)["text"])) == content(other)


def test_other_parameters_keep_name_and_text_and_are_stored_beside_it():
    other = PAIR.with_parameters(tau_plus=20 * ms)
    assert (other.name, other.text) == ("stdp_pair", PAIR.text)
    assert content(other) != content(PAIR) and content(other.with_parameters(tau_plus=16.8 * ms)) == content(PAIR)
    facts = model_facts(other)
    assert content(made(facts["text"]).with_parameters(**facts["parameters"])) == content(other)


def test_a_record_that_was_changed_can_be_given_a_name():
    other = dataclasses.replace(PAIR, on_pre=HALVED.on_pre, name="halved")
    assert other.name == "halved" and other.text == ""


@pytest.mark.parametrize("name", shipped_models())
def test_the_text_written_from_a_record_makes_it_again(name, tmp_path):
    model, path = load_model(name), tmp_path / "again.py"
    path.write_text(python_text(model))         # functions are known by the text of their file
    again = load_model(str(path))
    assert content(again) == content(model)
    assert all(getattr(again, field.name) == getattr(model, field.name) for field in dataclasses.fields(model)
               if field.name not in ("name", "file", "text", "made_of", "functions", "inputs"))


def test_comments_spacing_and_file_names_are_no_content(tmp_path):
    (tmp_path / "mine.py").write_text(PAIR.text.replace("x += 1", "x  +=  1     # the trace"))
    mine = load_model(str(tmp_path / "mine.py"))
    assert content(mine) == content(PAIR) and same_code(mine, "stdp_triplet", "stdp_pair") == "stdp_pair"


def test_closed_forms_are_offered_to_the_code_that_they_belong_to():
    options = RATES, 10 * Hz, 1 * ms
    assert stdp_poisson.closed_form(HALVED, *options) is None
    assert stdp_poisson.closed_form(changed(TRIPLET, "A3_minus*r2", "2*A3_minus*r2"), *options) is None
    named = dataclasses.replace(load_model("stdp_voltage"), name="stdp_triplet")
    assert stdp_poisson.closed_form(named, *options) is None
    law = stdp_poisson.closed_form(PAIR, *options)
    other = dataclasses.replace(PAIR, initial=dict(w=2))        # the same law, relative to another start
    assert stdp_poisson.closed_form(other, *options) == pytest.approx(law / 2)
    ramp = [0., 10.], 10 * Hz, 10 * Hz, 1 * second, 1 * ms
    assert stdp_ramp.closed_form(HALVED, None, *ramp) is None and stdp_ramp.closed_form(PAIR, None, *ramp) is not None
    trace, cell = load_model("voltage_derivative_trace"), load_model("afterpotential")
    jumpy = dataclasses.replace(cell, forced=cell.forced.replace("v += 1", "v = 1"))
    assert stdp_ramp.closed_form(trace, cell, *ramp) is not None
    assert stdp_ramp.closed_form(trace, jumpy, *ramp) is None


@pytest.mark.long
def test_the_window_of_the_spike_form_has_no_law_when_its_code_is_another():
    rule = load_model("vpf_asymmetric_flips")
    options = load_model("two_state"), np.array([.01]), 2, 16.8 * ms, 33.7 * ms, -10., 1 * ms, 1, "numpy"
    assert "closed_form" in stdp_bistate.simulate_window(rule, *options)
    other = changed(rule, "A_plus*x", "2*A_plus*x", "on_post")
    assert "closed_form" not in stdp_bistate.simulate_window(other, *options)


def test_the_recipe_of_a_rule_is_not_given_to_another():
    own = [load_model(rule) for rule in learn_digits.OWN_RULES]
    assert learn_digits.titles(own) == ["temporal", "twin", "single"]
    other = changed(own[-1], "eta", "2*eta")
    assert learn_digits.titles([*own[:-1], other]) != ["temporal", "twin", "single"]


@pytest.mark.parametrize("change", [dict(on_pre=HALVED.on_pre), dict(initial=dict(w=2)), dict(method="exact")])
def test_a_checkpoint_knows_a_changed_rule(change):
    def who(rule):
        cell = load_model("pixel_fire")
        network = Namespace(sizes=(1,), dt=1 * ms, simulation=Namespace(device="numpy"), synapse=rule, neuron=cell,
                            pixel=cell)
        return identity(network, dataclasses.make_dataclass("Recipe", [])())

    assert who(dataclasses.replace(PAIR, **change)) != who(PAIR)
    assert who(dataclasses.replace(PAIR, on_pre=PAIR.on_pre + "   # a comment")) == who(PAIR)


def test_run_json_stores_the_text_of_the_rule_that_was_run(tmp_path):
    mine, out = tmp_path / "stdp_pair.py", tmp_path / "out"
    mine.write_text("import dataclasses\nfrom spikelearn import load_model\n\n"
                    f"MODEL = dataclasses.replace(load_model('stdp_pair'), on_pre={HALVED.on_pre!r})\n")
    assert cli.main(["run", "stdp_window", "--quick", "--synapse", str(mine), "--out", str(out)]) == 0
    stored = json.loads((out / "run.json").read_text())["provenance"]["models"][0]
    assert content(made(stored["text"])) == content(HALVED)


READS = """
from brian2 import check_units
from spikelearn import SynapseModel
SHARE = {share}
def deeper(x):
    return [x * k for k in ({k},)][0]
@check_units(x=1, result=1)
def changed(x):
    return SHARE * deeper(x)
MODEL = SynapseModel(source="me", equations="w : 1", on_pre="w += changed(0.2)", functions=dict(changed=changed))
"""


def test_what_a_function_reads_belongs_to_the_content(tmp_path):
    """Another number under a name of the file, or in a function that a function calls, makes another rule."""
    file = tmp_path / "own.py"
    first, same, share, k = (model_from_text(READS.format(**numbers), file) for numbers in (
        dict(share=1, k=2), dict(share=1, k=2), dict(share=3, k=2), dict(share=1, k=4)))
    file.write_text("another text")
    assert content(first) == content(same)
    assert content(first) != content(share) and content(first) != content(k) and content(share) != content(k)
    assert "SHARE * deeper(x)" in content(first)["function changed"]
