"""The laboratory's functions, without a browser: lines of mistakes, sliders, curves, files, commands."""
import contextlib
import shlex
import threading

import numpy as np
import pytest

import spikelearn as sl
from spikelearn.command import command_line as cli
from spikelearn.equations.files import shipped_models
from spikelearn.lab import page, rule
from spikelearn.lab.kept import Kept
from spikelearn.lab.view import POINTS, View, commands, is_live
from spikelearn.results.files import load

RULES = {name.partition("/")[2]: path.read_text(encoding="utf-8") for name, path in shipped_models().items()
         if name.startswith("synapses/")}
TRIPLET, PAIR = RULES["stdp_triplet"], RULES["stdp_pair"]
PAIRING = "pre 0; post 10 20; 3 at 1*Hz"


def line_of(part, text=TRIPLET):
    return 1 + text[:text.index(part)].count("\n")


# ---- mistakes

@pytest.mark.parametrize("old, new, said", [
    ("o1*(A2_minus", "o1*(A2_minu", "unknown name 'A2_minu' in on_pre"),
    ("r1 += 1", "r1 +=", "on_pre cannot be read"),
    ("o2 += 1", "o2 ++ 1", "on_post cannot be read"),
    ("-r1 / tau_plus", "-r1 / tau_pls", "unknown name 'tau_pls' in the equation of 'r1'"),
    ("101 * ms,  ", "101 * msec,", "name 'msec' is not defined"),
    ("    source=", "    sourc=", "SynapseModel has no field 'sourc'"),
    ("tau_plus=16.8", "tau_plus=0", "'tau_plus' divides and must be above 0"),
    ("A2_plus=0, ", "A2_plus=0, B=3, ", "the parameter 'B' is used nowhere"),
    ("A2_plus=0, ", "A2_plus=0 ", "invalid syntax"),
    ("dict(w=1)", "dict(w=1, q=2)", "initial value for the unknown variable 'q'"),
    ("w + r1*(A2_plus", "w + tau_x*r1*(A2_plus", "wrong unit in on_post"),
    ("MODEL = ", "MODEL = 1/0 or ", "division by zero"),
])
def test_a_mistake_has_its_line_and_one_sentence(old, new, said):
    text = TRIPLET.replace(old, new, 1)
    found, mistake = rule.read_rule(text, "mine")
    assert found is None and mistake.line == line_of(old)
    assert said in mistake.sentence and "\n" not in mistake.sentence and "Traceback" not in mistake.sentence
    assert mistake.code in text.splitlines()[mistake.line - 1]


@pytest.mark.parametrize("text", ["", "x = 1", "MODEL = 3", "raise SystemError", "MODEL = undefined("])
def test_a_text_that_is_no_rule_is_refused_in_one_sentence(text):
    found, mistake = rule.read_rule(text, "mine")
    assert found is None and mistake.sentence and "\n" not in mistake.sentence


def test_a_neuron_is_no_rule():
    text = shipped_models()["neurons/lif"].read_text(encoding="utf-8")
    assert "a SynapseModel is needed here" in rule.read_rule(text, "lif")[1].sentence


def test_a_rule_that_ends_the_program_does_not_end_the_page():
    assert "SystemExit" in rule.read_rule("import sys; sys.exit(3)", "mine")[1].sentence


# ---- numbers and sliders

@pytest.mark.parametrize("name", RULES)
def test_a_slider_writes_the_number_that_the_rule_then_has(name):
    """Every number of every rule: at its own position the text is unchanged, at another one the parameter moves."""
    text = RULES[name]
    before = sl.load_model(name).parameters
    for number in rule.numbers_of(text).values():
        assert rule.with_numbers(text, {number.name: number.value}) == text
        if number.value:
            moved, mistake = rule.read_rule(rule.with_numbers(text, {number.name: 1.01 * number.value}), name)
            if mistake is None:
                ratio = float(moved.parameters[number.name]) / float(before[number.name])
                assert ratio == pytest.approx(1.01, rel=1e-12)
                others = [key for key in before if key != number.name]
                assert all(float(moved.parameters[key]) == float(before[key]) for key in others)


def test_every_parameter_of_a_shipped_rule_has_a_slider():
    counts = {name: (len(rule.numbers_of(text)), len(sl.load_model(name).parameters)) for name, text in RULES.items()}
    assert all(found == wanted for found, wanted in counts.values()), counts


@pytest.mark.parametrize("text, numbers", [
    ("dict(a=-3e-2*mV, b=1)", {"a": (-.03, "mV"), "b": (1, "")}),
    ("{'a': 0.5/60, 'b': 2 * 3}", {"a": (.5, "/60"), "b": (2, "3")}),
    ("dict(ä=1.5*ms)", {"ä": (1.5, "ms")}),
    ("dict(a=c*2, b=max(1, 2), d=True)", {}),
])
def test_numbers_are_read_with_what_stands_beside_them(text, numbers):
    found = rule.numbers_of(f"MODEL = SynapseModel(parameters={text})")
    assert {name: (one.value, one.unit) for name, one in found.items()} == numbers
    for name, (value, _) in numbers.items():
        changed = rule.numbers_of(rule.with_numbers(f"MODEL = SynapseModel(parameters={text})", {name: 7.25}))
        assert changed[name].value == 7.25
        assert {key: one.value for key, one in changed.items() if key != name} == {
            key: one.value for key, one in found.items() if key != name}, value


def test_sliders_reach_allowed_values_only():
    for name, number in rule.numbers_of(TRIPLET).items():
        steps = rule.positions(TRIPLET, name)
        assert number.value in steps and steps == sorted(set(steps))
        for value in (steps[0], steps[-1]):
            assert rule.read_rule(rule.with_numbers(TRIPLET, {name: value}), "mine")[1] is None
    assert rule.positions(TRIPLET, "A2_plus")[-1] == pytest.approx(3 * 7.1e-3)      # 0 now: as wide as A2_minus
    assert rule.positions(TRIPLET, "tau_plus")[0] > 0


def test_a_moved_slider_stays_until_its_number_is_edited():
    session = page.Session()
    steps, value, label = session.sliders(TRIPLET)["tau_plus"]
    assert value == 16.8 and label == "tau_plus (ms)"
    assert "tau_plus=20.2 * ms" in session.text(TRIPLET, {"tau_plus": 20.2})
    assert 20.2 in steps
    edited = TRIPLET.replace("r1 += 1", "r1 += 2")
    assert session.sliders(edited)["tau_plus"][1] == 20.2
    broken = TRIPLET.replace("r1 += 1", "r1 +=")
    session.text(edited, {"tau_plus": steps[50]})
    assert session.sliders(broken)["tau_plus"][1] == steps[50]
    assert session.sliders(TRIPLET)["tau_plus"][1] == steps[50]
    assert session.sliders(TRIPLET.replace("16.8", "12"))["tau_plus"][1] == 12
    session.open()
    assert session.sliders(TRIPLET)["tau_plus"][1] == 16.8


# ---- what is computed

@pytest.fixture(scope="module")
def view():
    return View()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an edited rule that was saved from the page, and an experiment."""
    place = tmp_path_factory.mktemp("lab")
    text = TRIPLET.replace("o1*(A2_minus", "o1*(w*A2_minus")
    rule.save_rule(rule.with_numbers(text, {"tau_y": 90.5, "A3_plus": 5e-3}), place / "my_rule.py")
    own = sl.experiment("sjostrom_frequency").file.read_text(encoding="utf-8")
    (place / "mine.csv").write_text(own, encoding="utf-8")
    return place


@pytest.mark.slow
def test_the_commands_give_the_numbers_of_the_page(view, folder, monkeypatch, capsys):
    """Every line is run in a terminal; each result has the arrays and the numbers that the page drew."""
    monkeypatch.chdir(folder)
    mine, other = (rule.read_rule(text, name)[0] for text, name in
                   (((folder / "my_rule.py").read_text(encoding="utf-8"), "my_rule"), (PAIR, "stdp_pair")))
    lines = commands(["my_rule.py", "synapses/stdp_pair"], "mine.csv", PAIRING).splitlines()
    assert [shlex.split(line)[2] for line in lines] == [
        "stdp_window", "stdp_frequency", "stdp_triplets", "stdp_battery", "stdp_experiment", "stdp_trace"]
    for k, line in enumerate(lines):
        assert cli.main([*shlex.split(line)[1:], "--out", f"out{k}"]) == 0, capsys.readouterr().err
    for one in (mine, other):
        for k, result in enumerate([*view.curves(one).values(), view.battery(one), view.experiment(one, "mine.csv")]):
            same_numbers(load(f"out{k}"), result, one.title)
        found, saved = view.traces(one, PAIRING), load("out5").arrays
        start = f"{one.title}_0_motif_"
        assert np.array_equal(saved[f"{start}t"], found.t)
        assert np.allclose(saved[f"{start}weight"], found.weight, rtol=1e-12)
        assert len(found.t) >= POINTS and len(found.variables) == len([name for name in saved if name.startswith(
            f"{start}variable")])


def same_numbers(saved, shown, title):
    """A saved result with two rules, and that of the page with one of them."""
    compared = 0
    for name, value in shown.arrays.items():
        key = name if name in saved.arrays else f"{title}: {name}"
        if name not in ("rules", "E", "E_null"):
            assert_equal(saved.arrays[key], value)
            compared += 1
    for name, value in shown.headline.items():
        key = name if name in saved.headline else f"{name}_{title}"
        assert_equal(saved.headline[key], value)
        compared += 1
    assert compared > 5


def assert_equal(one, other):
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind == "f":
        assert np.allclose(one, other, rtol=1e-12, atol=1e-14, equal_nan=True)
    else:
        assert np.array_equal(one, other)


@pytest.mark.long
def test_a_kept_network_gives_what_a_new_one_gives(view):
    """Parameters are given to the network of another rule, which reads them at the run."""
    for value in (12.0, 24.0):
        text = rule.with_numbers(TRIPLET, {"tau_plus": value, "w_max": 1.3})
        one = rule.read_rule(text, "mine")[0]
        kept = view.curves(one)["window"].arrays["change"]
        assert np.array_equal(kept, sl.run("stdp_window", synapse=one, device="numpy").arrays["change"])
    assert len({key[0] for key in view.kept.networks}) == len(view.kept.networks)


@pytest.mark.long
def test_a_slider_builds_no_network(view, monkeypatch):
    first = rule.read_rule(PAIR, "mine")[0]
    view.curves(first)
    view.battery(first)
    assert view.kept.holds(first)
    monkeypatch.setattr("spikelearn.stdp.network.FromSpikeToSpike.__init__", None)      # what builds one
    second = rule.read_rule(rule.with_numbers(PAIR, {"tau_plus": 10.0}), "mine")[0]
    assert view.kept.holds(second)
    found = view.curves(second)["window"].headline
    assert found["tau_plus_ms"] == pytest.approx(10, rel=1e-4)
    assert view.battery(second).headline["E_bi_poo_window"] > 0


@pytest.mark.long
def test_delays_are_part_of_a_network_and_other_errors_are_told(view):
    text = RULES["calcium"]
    assert not is_live(rule.read_rule(RULES["stdp_voltage"], "mine")[0])
    delayed = rule.read_rule(text, "mine")[0]
    name = delayed.delay_pre
    assert isinstance(name, str)
    changed = delayed.with_parameters(**{name: 2 * delayed.parameters[name]})
    kept = Kept()
    pairings = [sl.pairs(10 * sl.load_model("calcium").parameters[name], 2)]
    with kept:
        one, other = (sl.weight_changes(pairings, each, device="numpy") for each in (delayed, changed))
    assert one == sl.weight_changes(pairings, delayed, device="numpy")
    assert other == sl.weight_changes(pairings, changed, device="numpy")


def test_one_simulation_at_a_time():
    """Brian2's time step and device are global: a page waits for another page's simulation."""
    order, first, second = [], Kept(), Kept()

    def other():
        with second:
            order.append("second")

    with first:
        thread = threading.Thread(target=other)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    with contextlib.suppress(RuntimeError), first:
        raise RuntimeError
    with first:
        order.append("again")
    assert order[-1] == "again"
