"""Names made of those of files: no array and no headline number of a result stands twice, whatever files are called."""
import csv
import json

import numpy as np
import pytest
from brian2 import ms
from matplotlib.figure import Figure
from spikelearn.protocols import stdp_battery, stdp_clamp, stdp_experiment, stdp_fit, stdp_trace

from spikelearn import SpikelearnError, load_model
from spikelearn.command.sweep_table import apart
from spikelearn.lab.figures import together
from spikelearn.results.names import headers, joined, merged, name_of
from spikelearn.stdp.comparison import each_rule, side_by_side
from spikelearn.stdp.experiments import experiment, null_score

ROWS = "delta_t_ms,repeats,repeat_hz,ratio,sem\n10,60,1,1.43,.05\n-10,60,1,.8,.03\n20,60,1,1.2,.04\n-20,60,1,.9,\n"
PAIR, TRIPLET = "synapses/stdp_pair", "synapses/stdp_triplet"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cr.csv").write_text(ROWS)
    return tmp_path


def copy(name, to):
    """A shipped rule under another name."""
    with open(f"{to}.py", "w", encoding="utf-8") as file:
        file.write(load_model(name).text)
    return f"{to}.py"


def by_rule(result, name="cr"):
    """Rule -> changes in per cent, of the table conditions.csv."""
    rows = list(csv.reader(stdp_experiment.tables(result)["conditions.csv"].splitlines()))
    rules = [str(rule) for rule in result.arrays["rules"]]
    own = [row for row in rows[1:] if row[0] == name]
    assert len(set(rows[0])) == len(rows[0])
    return {rule: [float(row[5 + k]) for row in own] for k, rule in enumerate(rules)}


TAKEN = ("x", "group", "xlabel", "labels", "measured", "sem", "scored", "control", "cells", "cell_of", "title",
         "protocol")


def test_a_rule_may_be_called_like_an_array_of_an_experiment(folder):
    rules = [copy(PAIR, name) for name in TAKEN]
    result = stdp_experiment.run((*rules, TRIPLET), data=("cr.csv",), device="numpy")
    alone = by_rule(stdp_experiment.run(PAIR, data=("cr.csv",), device="numpy"))["stdp_pair"]
    found = by_rule(result)
    assert alone == pytest.approx([42.846, -20.290, 23.627, -15.081], abs=1e-3)
    for name in TAKEN:
        assert found[name] == alone
        assert result.headline[f"E_cr_{name}"] == pytest.approx(.2775, abs=1e-4)
    figure = Figure()
    stdp_experiment.plot(result, figure)
    lines = {line.get_label().partition("\n")[0]: line for line in figure.axes[0].lines}
    assert lines["control"].get_ydata() == pytest.approx([alone[2], alone[0]][::-1])


def test_names_joined_to_the_same_word_stay_apart(folder):
    (folder / "a.csv").write_text(ROWS)
    (folder / "a_b.csv").write_text(ROWS.replace("1.43", "1.9"))
    late, b_late = copy(TRIPLET, "late"), copy(PAIR, "b_late")
    result = stdp_experiment.run((late, b_late), data=("a.csv", "a_b.csv"), device="numpy")
    for name in ("a", "a_b"):
        for rule in (late, b_late):
            alone, title = stdp_experiment.run(rule, data=(f"{name}.csv",), device="numpy"), rule.removesuffix(".py")
            assert result.headline[name_of(result.headline, "E", name, title)] == alone.headline[f"E_{name}"]
            assert by_rule(result, name)[title] == by_rule(alone, name)[title]
    assert result.headline["E: a_b: late"] == pytest.approx(121.4, abs=.05)
    assert result.headline["E: a: b_late"] == pytest.approx(.2775, abs=1e-4) and "E_a_b_late" not in result.headline
    single = {title: stdp_experiment.run(rule, data=("a.csv", "a_b.csv"), device="numpy")
              for title, rule in (("late", late), ("b_late", b_late))}
    arrays, headline = together(list(single.items()))
    for name in ("a", "a_b"):
        for title in single:
            assert np.array_equal(arrays[name_of(arrays, name, title)], single[title].arrays[f"{name}_{title}"])
            assert headline[name_of(headline, "E", name, title)] == single[title].headline[f"E_{name}"]


def test_an_experiment_called_null_and_a_rule_called_like_another(folder):
    for name in ("a", "null_a"):
        (folder / f"{name}.csv").write_text(ROWS)
    found = stdp_experiment.run(PAIR, data=("a.csv", "null_a.csv"), device="numpy").headline
    assert found["E: null_a"] == found["E_a"] < 1 < found["E_null: a"] == found["E_null_null_a"]


def test_a_rule_called_null_beside_the_null_model(folder):
    result = stdp_battery.run((copy(PAIR, "null"), TRIPLET), data=("cr.csv",), others=False, device="numpy")
    files = stdp_battery.tables(result)
    row, = csv.DictReader(files["table.csv"].splitlines())
    assert list(row) == ["experiment", "rule null", "stdp_triplet", "null"]
    assert float(row["rule null"]) == pytest.approx(.2775, abs=1e-4) and float(row["null"]) > 40
    assert json.loads(files["table.json"])["cr"] == pytest.approx(
        {name: float(value) for name, value in row.items() if name != "experiment"}, rel=1e-5)


def test_predictions_of_several_files_without_measurements_are_all_told(folder):
    """Alone 0.003 % and 22.78 %; files with rows of equal labels, too."""
    def predicted(*names, rule=TRIPLET):
        return stdp_experiment.run(rule, data=tuple(f"{name}.csv" for name in names), device="numpy").headline

    head = "delta_t_ms,repeats,repeat_hz\n"
    for name, hz in (("slow", 1), ("fast", 20)):
        (folder / f"{name}1.csv").write_text(f"{head}10,60,{hz}\n")
        (folder / f"{name}.csv").write_text(f"{head}10,60,{hz}\n-10,60,{hz}\n")
    found = predicted("slow1", "fast1")
    assert found["change_percent_slow1"] == predicted("slow1")["change_percent"]
    assert found["change_percent_fast1"] == predicted("fast1")["change_percent"] == pytest.approx(22.78, abs=.01)
    found = predicted("slow", "fast", rule=(PAIR, TRIPLET))
    assert len([name for name in found if name.startswith("change_percent")]) == 8
    assert found["change_percent_fast_stdp_triplet (+10 ms)"] == predicted("fast")["change_percent (+10 ms)"]
    assert "change_percent_stdp_pair (-10 ms)" in predicted("slow", "cr", rule=(PAIR, TRIPLET))


# --- E of no change ----------------------------------------------------------------------------------------------

def test_no_change_is_scored_on_the_conditions_of_the_rule():
    it = experiment("brzosko_acetylcholine")
    h = stdp_experiment.run(PAIR, data=(it.name,), device="numpy").headline
    drug = np.array([pairing.bath is not None or len(pairing.third) > 0 for pairing in it.pairings])
    used = it.scored & ~drug
    assert h[f"conditions_{it.name}"] == used.sum() == 3
    assert h[f"E_null_{it.name}"] == null_score(it.mean[used], it.sem[used]) == pytest.approx(16.34, abs=.01)
    assert h[f"E_{it.name}"] < h[f"E_null_{it.name}"]


def test_rules_that_score_different_conditions_have_each_their_own_null_model(folder):
    """Beside stdp_pair a rule that follows the drug, and so scores all conditions."""
    it = experiment("brzosko_dopamine")
    (folder / "follows.py").write_text(load_model(PAIR).text.replace("A_plus*x,", "A_plus*x*(1 + third),"))
    rules = (PAIR, "follows.py")
    result = stdp_battery.run(rules, data=(it.name,), others=False, device="numpy", quick=True)
    h, every = result.headline, null_score(it.mean[it.scored], it.sem[it.scored])
    assert h[f"E_null_{it.name}_follows"] == every != h[f"E_null_{it.name}_stdp_pair"]
    assert f"E_null_{it.name}" not in h
    row, = csv.DictReader(stdp_battery.tables(result)["table.csv"].splitlines())
    assert float(row["null of follows"]) == pytest.approx(every, rel=1e-5) and row["null"] == ""
    figure = Figure()
    stdp_battery.plot(result, figure)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert any(f"(null model {every:.3g})" in label for label in labels)


# --- other protocols ---------------------------------------------------------------------------------------------

def test_conditions_of_one_label_are_told_apart_in_traces(folder):
    head = "delta_t_ms,repeats,repeat_hz\n"
    for name, hz in (("slow", 1), ("fast", 20)):
        (folder / f"{name}.csv").write_text(f"{head}10,9,{hz}\n-10,9,{hz}\n")
    found = stdp_trace.run(TRIPLET, data=("slow.csv", "fast.csv"), conditions=(1, 3, 3), device="numpy", points=50)
    numbers = {name: value for name, value in found.headline.items() if name.startswith("change_percent")}
    assert list(numbers) == [f"change_percent_stdp_triplet (+10 ms, condition {k})" for k in (1, 3)]
    assert len(set(numbers.values())) == 2
    rows = list(csv.DictReader(stdp_trace.tables(found)["traces_stdp_triplet.csv"].splitlines()))
    assert {row["condition"] for row in rows} == {"+10 ms, condition 1", "+10 ms, condition 3"}
    rules = (PAIR, copy(TRIPLET, "stdp_pair_0_all_x"))
    found = stdp_trace.run(rules, pairing="pre 0; post 7; 3 at 2*Hz", device="numpy", points=50)
    for rule, own in (("stdp_pair", {"x", "y"}), ("stdp_pair_0_all_x", {"r1", "r2", "o1", "o2"})):
        text = stdp_trace.tables(found)[f"traces_{rule}.csv"]
        assert set(text.splitlines()[0].split(",")) == {"condition", "part", "t_s", "weight"} | own


def test_errors_of_a_fit_stay_apart(folder):
    """Experiments x and before_x, and a parameter that is called like a number of the fit."""
    for name, ratio in (("x", "1.43"), ("before_x", "1.9")):
        (folder / f"{name}.csv").write_text(ROWS.replace("1.43", ratio))
    (folder / "odd.py").write_text(load_model(PAIR).text.replace("A_plus", "AIC"))
    found = stdp_fit.run("odd.py", to="x.csv, before_x.csv", free="AIC", quick=True)
    h = found.headline
    assert {"E_x", "E: before_x", "E_before: x", "E_before_before_x"} < set(h) and "E_before_x" not in h
    assert h["E: before_x"] != h["E_before: x"] and h["AIC"] == h["chi_square"] + 2
    assert h["parameter AIC"] == pytest.approx(found.arrays["values"][0])
    assert "before_x" in str(found.arrays["report"])
    stdp_fit.plot(found, Figure())


def test_each_rule_keeps_its_thresholds_at_a_held_potential(folder):
    (folder / "other.py").write_text(load_model("stdp_voltage").text.replace("theta_minus=-70.6", "theta_minus=-60.6"))
    found = stdp_clamp.run(("stdp_voltage", "other.py"), levels=3, duration=40 * ms, device="numpy")
    assert float(found.arrays["theta_minus_stdp_voltage"]) == pytest.approx(-.0706)
    assert float(found.arrays["theta_minus_other"]) == pytest.approx(-.0606)
    figure = Figure()
    stdp_clamp.plot(found, figure)
    assert [text.get_color() for text in figure.axes[0].texts] == ["C0", "C1"] * 2
    assert "theta_minus" in stdp_clamp.run("stdp_voltage", levels=3, duration=40 * ms, device="numpy").arrays
    with pytest.raises(SpikelearnError, match="two rules are called stdp_voltage"):
        stdp_clamp.run(("stdp_voltage", "synapses/stdp_voltage"))


def test_what_is_varied_keeps_its_column():
    rows = {"A_plus": .01, "seed": 1}
    assert apart({"A_plus": .3, "A_plus, result": 2, "E": 1, "failure": 0}, {*rows, "failure"}) == {
        "A_plus, result": .3, "A_plus, result, result": 2, "E": 1, "failure, result": 0}


# --- the helpers -------------------------------------------------------------------------------------------------

def test_names_are_joined_without_loss_or_refused():
    assert joined({("E", "a"): 1, ("E", "b"): 2}) == {"E_a": 1, "E_b": 2}
    assert joined({("a_b", "c"): 1, ("a", "b_c"): 2, ("d",): 3}) == {"a_b: c": 1, "a: b_c": 2, "d": 3}
    assert joined({("a", "x"): 1}, taken=("a_x",)) == {"a: x": 1}
    with pytest.raises(SpikelearnError, match="would be called 'a_b: c': rename 'a_b' or 'c'"):
        joined({("a_b", "c"): 1, ("a", "b_c"): 2}, taken=("a_b: c",))
    assert merged({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(SpikelearnError, match="would be called 'a': rename"):
        merged({"a": 1}, {"b": 2, "a": 1})
    assert headers(["null"], ["null", "rule null", "b"]) == ["null", "rule null", "rule rule null", "b"]


def test_rules_whose_names_end_alike_keep_their_headline_numbers(folder):
    """Numbers x and x_b of rules late and b_late."""
    rules = [load_model(copy(PAIR, name)) for name in ("late", "b_late")]
    numbers = {"late": {"x": 1, "x_b": 2, "E_null_a": 5}, "b_late": {"x": 3, "x_b": 4, "E_null_a": 5}}
    arrays, headline, _ = side_by_side(rules, lambda rule: ({"y": 1}, numbers[rule.title], ()))
    assert headline == {"x_late": 1, "x_b: late": 2, "x: b_late": 3, "x_b_b_late": 4, "E_null_a": 5}
    result = stdp_experiment.Result("mine", arrays, headline)
    assert {rule: own for rule, _, _, own in each_rule(result)} == numbers
