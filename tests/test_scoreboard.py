"""The scoreboard: E as in the battery, fits that are never worse, rules left out with their reason, runs that go on."""
import csv
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from spikelearn.protocols import stdp_battery, stdp_scoreboard

from spikelearn import SpikelearnError, load_model
from spikelearn.command.free_parameters import free_parameters
from spikelearn.stdp.candidates import Candidates
from spikelearn.stdp.experiments import experiment
from spikelearn.stdp.scoreboard import Board, explained, free_names, probability
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.weight_change import weight_changes

RULES = ("synapses/static", "synapses/stdp_rubin", "synapses/voltage_derivative_symmetric")
EXPERIMENTS = ("bi_poo_window", "markram_frequency")
QUICK = dict(device="numpy", quick=True)


@pytest.fixture(scope="module")
def result():
    return stdp_scoreboard.run(RULES, data=EXPERIMENTS, **QUICK)


@pytest.mark.long
def test_published_E_is_that_of_the_battery():
    rules, data = ("synapses/stdp_pair", "synapses/voltage_derivative"), ("bi_poo_window", "brzosko_dopamine")
    board = stdp_scoreboard.run(rules, data=data, fitted=False, device="numpy", quick=True).arrays
    until = dict(until=stdp_scoreboard.QUICK, copies=20, read_after=stdp_scoreboard.READ_AFTER, seed=1, device="numpy")
    known = stdp_battery.experiments_of(data)
    arrays, headline, _ = stdp_battery.compared(stdp_battery.rules_of(rules), known, **until)
    assert np.array_equal(board["E_published"], [[headline[f"E_{name}_{rule}"] for name in data]
                                                 for rule in arrays["rules"]])
    for null in board["E_null"]:        # of each rule, over the conditions that it scores: here the same
        assert null == pytest.approx([headline[f"E_null_{name}"] for name in data])


@pytest.mark.slow
def test_a_fit_is_never_worse_than_the_published_numbers(result):
    a = result.arrays
    assert np.all(a["E_fitted"] <= a["E_published"])
    assert np.all(a["E_fitted"][1] < a["E_published"][1])       # far from its data, so that a search must find better


def test_a_rule_without_parameters_has_one_number(result):
    a = result.arrays
    assert list(a["rules"])[0] == "static" and a["free"][0] == 0
    for key in ("E_published", "E_fitted", "E_held_out"):
        assert a[key][0] == pytest.approx(a["E_no_change"])


@pytest.mark.long
def test_what_cannot_be_paired_is_listed_with_its_reason(result):
    (title, why), = result.arrays["not_paired"]
    page = stdp_scoreboard.tables(result)["scoreboard.md"]
    assert title == "voltage_derivative_symmetric" and "not by pairings" in why
    assert f"* {title}: {why}" in page and title not in result.arrays["rules"]
    assert stdp_scoreboard.run(("synapses/stdp_rubin", "synapses/voltage_derivative"), data=EXPERIMENTS[:1], **QUICK
                               ).arrays["not_fitted"][0][0] == "voltage_derivative"
    with pytest.raises(SpikelearnError, match="no rule can be paired: voltage_derivative_symmetric"):
        stdp_scoreboard.run(RULES[2:], data=EXPERIMENTS, **QUICK)


def test_table_and_page_hold_the_same_numbers(result):
    a, files = result.arrays, stdp_scoreboard.tables(result)
    rows = list(csv.DictReader(io.StringIO(files["scoreboard.csv"])))
    assert [(row["rule"], row["experiment"]) for row in rows] == [(rule, name) for rule in a["rules"]
                                                                  for name in a["experiments"]]
    for key in ("E_published", "E_fitted", "E_held_out", "E_null", "p"):
        assert [float(row[key]) for row in rows] == pytest.approx(a[key].ravel(), rel=1e-5)
    said = [stdp_scoreboard.short(a[f"E_{key}"][1, 0]) for key in stdp_scoreboard.PANELS]
    assert " / ".join(said) in files["scoreboard.md"] and "## What no rule explains" in files["scoreboard.md"]


def test_the_figure_shows_every_number(result):
    figure = Figure(figsize=stdp_scoreboard.FIGURE_SIZE, layout="constrained")
    stdp_scoreboard.plot(result, figure)
    shown = {text.get_text() for axes in figure.axes for text in axes.texts}
    sizes = [text.get_fontsize() for axes in figure.axes for text in (*axes.texts, *axes.get_xticklabels())]
    assert {stdp_scoreboard.short(value) for value in result.arrays["E_fitted"].ravel()} <= shown and min(sizes) >= 8


@pytest.mark.slow
def test_a_killed_scoreboard_keeps_the_rules_that_are_over(result, tmp_path, monkeypatch):
    out, begun, stop = tmp_path / "out", [], ["stdp_rubin"]
    make = Board.__init__

    def counted(self, rule, *given, **more):
        begun.append(rule.title)
        if rule.title in stop:
            raise KeyboardInterrupt
        make(self, rule, *given, **more)

    monkeypatch.setattr(Board, "__init__", counted)
    with pytest.raises(KeyboardInterrupt):
        stdp_scoreboard.run(RULES, data=EXPERIMENTS, **QUICK, out=str(out))
    begun.clear()
    stop.clear()
    resumed = stdp_scoreboard.run(RULES, data=EXPERIMENTS, **QUICK, resume=str(out), out=str(out))
    assert begun == ["stdp_rubin", "voltage_derivative_symmetric"]
    assert resumed.headline == result.headline
    assert np.array_equal(resumed.arrays["E_held_out"], result.arrays["E_held_out"])
    with pytest.raises(SpikelearnError, match="settings"):
        stdp_scoreboard.run(RULES, data=EXPERIMENTS, **QUICK, seed=2, resume=str(out), out=str(out))


@pytest.mark.slow
def test_fits_side_by_side_are_those_of_each_experiment_alone():
    """Held out is the other's E at the numbers that a fit of one experiment alone finds."""
    known = {name: experiment(name) for name in EXPERIMENTS}
    options = dict(until=stdp_scoreboard.QUICK, device="numpy", seed=1)
    rule, search = load_model("synapses/stdp_rubin"), dict(starts=1, generations=1)
    bounds = {"eta": (.001, .1), "alpha": (.1, 10)}
    together = Board(rule, known, **options).fitted(bounds, **search)
    for k, name in enumerate(EXPERIMENTS):
        alone = Board(rule, {name: known[name]}, **options).fitted(bounds, **search)
        assert alone.fitted[0] == pytest.approx(together.fitted[k], rel=1e-6) and np.isnan(alone.held_out[0])
    assert np.all(together.held_out >= together.fitted * (1 - 1e-6))


@pytest.mark.slow
def test_a_rule_in_time_steps_is_fitted_when_asked_for():
    a = stdp_scoreboard.run("voltage_derivative", data="bi_poo_window", time_steps=True, **QUICK).arrays
    assert a["E_fitted"][0, 0] < a["E_published"][0, 0] and not len(a["not_fitted"])


@pytest.mark.long
def test_parameters_may_differ_between_conditions():
    rule, it = load_model("synapses/stdp_pair"), experiment("bi_poo_window")
    pairings = [beginning(one, stdp_scoreboard.QUICK) for one in it.pairings[:3]]
    candidates = Candidates(pairings, rule, ("A_plus",), [.001], [.1], 2, device="numpy")
    values = np.array([[[.01], [.02], [.03]], [[.04], [.05], [.06]]])
    alone = [[weight_changes([pairing], rule.with_parameters(A_plus=float(values[row, k, 0])))[0]
              for k, pairing in enumerate(pairings)] for row in range(2)]
    assert candidates.changes(values) == pytest.approx(np.array(alone), rel=1e-9)


def test_the_policy():
    triplet, calcium = load_model("synapses/stdp_triplet"), load_model("synapses/calcium_population")
    assert free_names(triplet) == ["A3_plus", "A2_minus", "tau_plus", "tau_minus", "tau_x", "tau_y"]
    assert "D" not in free_names(calcium) and "beta" in free_names(calcium)
    low, high = free_parameters("beta", calcium)["beta"]        # the rule states the range 0 to 1
    assert (float(low), float(high)) == pytest.approx((.05, 1))


def test_probabilities_and_what_no_rule_explains():
    """Chi-square of 2 degrees of freedom: P(more than x) = exp(-x/2)."""
    E, n = np.array([2.0, 1.0, 1.0]), np.array([4, 3, 2])
    found = probability(E, n, 2)
    assert found[0] == pytest.approx(np.exp(-4)) and np.isnan(found[2]) and np.isfinite(found[1])
    p = np.array([[.01, .01, np.nan, np.nan, .9], [.01, .2, .01, .01, .01]])
    E = np.array([[9, 9, .5, 9, .1], [9, .1, 9, 9, 9]])
    conditions = np.array([[4, 4, 4, 4, 3], [4] * 5])
    assert explained(p, E, conditions, np.full(5, 4)) == ["no", "yes", "undecided", "no", "no"]
