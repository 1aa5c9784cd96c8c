"""Tables of results: rows hold what belongs together, whatever arrays happen to be equally long."""
import csv
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import ms

import spikelearn as sl
from spikelearn.command.command_line import main
from spikelearn.results import Result, exchange

ROWS = "delta_t_ms,repeats,repeat_hz,ratio,sem\n10,60,1,1.43,.05\n-10,60,1,.8,.03\n20,60,1,1.2,.04\n-20,60,1,.9,\n"
PAIR, TRIPLET = "synapses/stdp_pair", "synapses/stdp_triplet"
HEAD = ["experiment", "rule", "label", "measured", "sem", "predicted"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cr.csv").write_text(ROWS)
    (tmp_path / "cc.csv").write_text("\n".join(ROWS.splitlines()[:3]) + "\n")
    return tmp_path


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return list(rows[0]), rows


@pytest.mark.parametrize("protocol, rules, data, count", [
    ("stdp_experiment", [PAIR], "cc.csv,cr.csv", 6),
    ("stdp_experiment", [PAIR, TRIPLET], "cc.csv", 4),
    ("stdp_experiment", [PAIR, TRIPLET], "cr.csv", 8),
    ("stdp_experiment", [PAIR], "cr.csv", 4),
    ("stdp_battery", [PAIR, TRIPLET], "cc.csv,cr.csv", 12),
])
def test_a_row_for_each_condition_and_rule(folder, capsys, protocol, rules, data, count):
    more = ["--set", "others=false"] if protocol == "stdp_battery" else []
    words = [word for rule in rules for word in ("--synapse", rule)]
    assert main(["run", protocol, "--set", f"data={data}", *more, *words, "--csv", "--device", "numpy", "--out",
                 "out"]) == 0, capsys.readouterr().err
    head, rows = rows_of("out/result.csv")
    assert head == HEAD and len(rows) == count
    a = sl.load_result("out").arrays
    sl.load_result("out").to_csv("again.csv")
    assert rows_of("again.csv") == (head, rows)
    for name in data.replace(".csv", "").split(","):
        for rule in rules:
            title = rule.removeprefix("synapses/")
            own = [row for row in rows if (row["experiment"], row["rule"]) == (name, title)]
            assert [row["label"] for row in own] == list(a[f"{name}_labels"])
            for column, key in (("measured", "measured"), ("sem", "sem"), ("predicted", title)):
                assert np.array_equal([float(row[column]) for row in own], a[f"{name}_{key}"], equal_nan=True)


def test_a_window_of_two_rules_and_one_of_seven_points(folder):
    """The measurements have seven bins, too, which are other intervals."""
    result = sl.run("stdp_window", synapse=(PAIR, TRIPLET), device="numpy", pairs=2, widest=30 * ms, spacing=10 * ms)
    head, rows = rows_of(result.to_csv("window.csv"))
    assert head == ["delta_t (s)", "change", "pairs", "rate (Hz)", "rule", "neuron"] and len(rows) == 14
    for rule in ("stdp_pair", "stdp_triplet"):
        own = [row for row in rows if row["rule"] == rule]
        assert [float(row["change"]) for row in own] == list(result.arrays[f"{rule}: change"])
    result = sl.run("stdp_window", synapse=PAIR, device="numpy", pairs=2, widest=30 * ms, spacing=10 * ms)
    assert len(result.arrays["measured"]) == 7 and rows_of(result.to_csv("one.csv"))[0] == head


@pytest.mark.parametrize("protocol, keywords, columns, count", [
    ("stdp_frequency", {}, {"rates (Hz)", "rule", "sjostrom_frequency_curve_+10_ms"}, 18),
    ("stdp_triplets", {}, {"motif", "label", "change", "measured"}, 16),
    ("stdp_clamp", dict(levels=3), {"rule", "v (V)", "weight"}, 6),
    ("stdp_trace", dict(points=12), {"rule", "condition", "part", "t (s)", "weight"}, None),
])
def test_protocols_of_several_rules_have_rows_of_each(folder, protocol, keywords, columns, count):
    rules = ("voltage_derivative", "voltage_derivative_trace") if protocol == "stdp_clamp" else (PAIR, TRIPLET)
    result = sl.run(protocol, synapse=rules, device="numpy", quick=True, **keywords)
    head, rows = rows_of(result.to_csv("table.csv"))
    assert columns <= set(head) and (count is None or len(rows) == count)
    assert {row["rule"] for row in rows} == {rule.removeprefix("synapses/") for rule in rules}


def test_conditions_of_a_fit(folder):
    result = sl.run("stdp_fit", synapse=PAIR, to="cr.csv", hold_out="cc.csv", free="A_plus", quick=True)
    head, rows = rows_of(result.to_csv("fit.csv"))
    assert [(row["experiment"], row["held_out"]) for row in rows] == [("cr", "False")] * 4 + [("cc", "True")] * 2
    assert [float(row["before"]) for row in rows[:4]] == list(result.arrays["cr_before"])


def test_several_tables_are_refused_with_their_names(tmp_path):
    arrays = {"rules": np.array(["a", "b"]), "experiments": np.array(["x", "y"]), "E": np.ones(2)}
    with pytest.raises(sl.SpikelearnError, match="several tables, so name the arrays.* equally long are rules, "
                                                 "experiments, E$"):
        Result("mine", arrays, {}).to_csv(tmp_path / "t.csv")
    arrays = {"rules": np.array(["a", "b"]), "t": np.arange(3), "v": np.arange(3)}
    with pytest.raises(sl.SpikelearnError, match="equally long are rules; t, v$"):
        Result("mine", arrays, {}).to_csv(tmp_path / "t.csv")
    assert Result("mine", arrays, {}).to_csv(tmp_path / "t.csv", "t", "v").read_text() == "t,v\n0,0\n1,1\n2,2\n"


def test_xarray_shares_dimensions_within_one_rule_or_experiment(folder, monkeypatch):
    """xarray need not be installed: what it would be given."""
    def dims(result):
        def made(variables, coordinates, attrs):
            return {name: one[0] for name, one in {**variables, **coordinates}.items()}

        monkeypatch.setattr(exchange, "package", lambda *names: SimpleNamespace(Dataset=made))
        return exchange.dataset(result)

    found = dims(sl.run("stdp_experiment", synapse=(PAIR, TRIPLET), data=("cc.csv",), device="numpy"))
    assert list(found["cc_measured"]) == list(found["cc_stdp_pair"]) == list(found["cc_labels"]) != list(found["rules"])
    found = dims(sl.run("stdp_battery", synapse=(PAIR, TRIPLET), data=("cc.csv", "cr.csv"), others=False,
                        device="numpy"))
    assert len({*found["E"], *found["rules"], *found["experiments"]}) == 4
    found = dims(sl.run("stdp_window", synapse=PAIR, device="numpy", pairs=2, widest=30 * ms, spacing=10 * ms))
    assert list(found["change"]) == ["delta_t"] != list(found["measured"]) == list(found["bin_from"])
