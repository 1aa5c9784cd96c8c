"""Fits: parameters that are known come back, intervals hold the truth as often as they say, mistakes are told."""
import shlex

import numpy as np
import pytest
from brian2 import Hz, ms, second
from spikelearn.protocols import stdp_fit

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.command.free_parameters import free_parameters
from spikelearn.equations.written import python_value, with_numbers
from spikelearn.stdp.candidates import Candidates
from spikelearn.stdp.comparison import predicted
from spikelearn.stdp.experiments import experiment
from spikelearn.stdp.fit import Residuals, Scale, fit
from spikelearn.stdp.posterior import posterior
from spikelearn.stdp.side_by_side import side_by_side
from spikelearn.stdp.spike_times import beginning, pairs
from spikelearn.stdp.weight_change import weight_changes
from spikelearn.training import kept

DELTA = np.array([-80, -50, -30, -20, -10, -5, 5, 10, 20, 30, 50, 80.])
TRUE = np.array([0.7, 0.3, 17, 34])         # A_plus, A_minus, tau_plus and tau_minus in ms
BOUNDS = Scale(np.array([0, 0, 3, 3.]), np.array([3, 3, 100, 200.]))


def window(values):
    """Two exponentials, in closed form: (m, 12) of parameters (m, 4)."""
    A_plus, A_minus, tau_plus, tau_minus = np.atleast_2d(values).T[:, :, None]
    return np.where(DELTA > 0, A_plus * np.exp(-DELTA / tau_plus), -A_minus * np.exp(DELTA / tau_minus))


def fitted(measured, sem=0.05, seed=1, starts=3):
    residuals = Residuals(window, BOUNDS, measured, np.full(len(DELTA), sem))
    return fit(residuals, np.full(4, 0.5), starts=starts, seed=seed)


def test_parameters_of_exact_data_come_back():
    found = fitted(window(TRUE)[0])
    assert BOUNDS.values(found.u) == pytest.approx(TRUE, rel=1e-4) and found.chi2 < 1e-6 and found.agree == 3


@pytest.mark.slow
def test_intervals_hold_the_truth_in_68_of_100_cases():
    """200 intervals of 50 data sets: 68 % +- 3.3 % (binomial)."""
    rng, held = np.random.default_rng(20), []
    for seed in range(50):
        found = fitted(window(TRUE)[0] + rng.normal(0, 0.05, len(DELTA)), seed=seed)
        low, high = BOUNDS.values(np.where(np.isnan(found.interval), [0, 1], found.interval).T)
        held += list((low <= TRUE) & (TRUE <= high))
    assert 0.55 <= np.mean(held) <= 0.80


def test_a_linear_model_has_the_textbook_interval_and_correlation():
    """y = a + b x: the standard errors and the correlation of a straight line, from the normal equations."""
    x, sem = np.array([1, 2, 3, 4.]), 0.1
    scale = Scale(np.array([-5, -5.]), np.array([5, 5.]))
    y = 0.3 + 0.7 * x + np.array([.05, -.02, .03, -.06])
    found = fit(Residuals(lambda v: v[:, :1] + v[:, 1:] * x, scale, y, np.full(4, sem)), np.full(2, .5), starts=2,
                seed=1)
    design = np.stack([np.ones(4), x], axis=1)
    covariance = np.linalg.inv(design.T @ design) * sem ** 2
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    assert scale.values(found.u) == pytest.approx(best, abs=1e-5)
    width = np.sqrt(np.diag(covariance))
    assert scale.values(found.interval.T) == pytest.approx(np.array([best - width, best + width]), abs=2e-4)
    assert found.correlation[0, 1] == pytest.approx(covariance[0, 1] / width.prod(), abs=1e-4)
    assert found.spread * sem == pytest.approx(np.sqrt(np.diag(design @ covariance @ design.T)), rel=1e-4)


def test_the_posterior_of_a_linear_model_is_normal():
    """A straight line: mean and covariance of the normal equations; 16 walkers, autocorrelation below 50 steps."""
    pytest.importorskip("emcee")
    x, scale = np.array([1, 2, 3, 4.]), Scale(np.array([-5, -5.]), np.array([5, 5.]))
    y = 0.3 + 0.7 * x
    residuals = Residuals(lambda v: v[:, :1] + v[:, 1:] * x, scale, y, np.full(4, .1))
    drawn = scale.values(posterior(residuals, scale.numbers(np.array([.3, .7])), 4000, 1))
    covariance = np.linalg.inv(np.stack([np.ones(4), x]) @ np.stack([np.ones(4), x]).T) * .01
    width = np.sqrt(np.diag(covariance))
    assert drawn.shape == (32_000, 2)
    assert np.all(np.abs(drawn.mean(axis=0) - [.3, .7]) < 4 * width * np.sqrt(50 / 32_000))
    assert np.cov(drawn.T) == pytest.approx(covariance, rel=.2)


def test_what_the_data_do_not_tell_is_not_identified():
    """Only A_plus exp(-10/tau_plus) is seen: neither alone is known."""
    scale = Scale(np.array([0.01, 1.]), np.array([100, 1000.]))
    residuals = Residuals(lambda v: v[:, :1] * np.exp(-10 / v[:, 1:]) * np.ones(3), scale, np.full(3, .5),
                          np.full(3, .1))
    found = fit(residuals, np.full(2, .5), starts=3, seed=1)
    assert np.isnan(found.interval).any(axis=1).all() and found.chi2 < 1e-6


def test_scales_lead_there_and_back():
    values = BOUNDS.values(np.random.default_rng(1).random((20, 4)))
    assert BOUNDS.values(BOUNDS.numbers(values)) == pytest.approx(values, rel=1e-12)
    assert list(BOUNDS.logarithmic) == [False, False, True, True]


def test_tasks_side_by_side_end_as_they_would_alone():
    sizes = []

    def compute(points):
        sizes.append(len(points))
        return points ** 2

    def task(k):
        return lambda ask: sum(float(ask(np.array([[k + step]]))[0, 0]) for step in range(k))

    assert side_by_side(compute, [task(k) for k in range(5)]) == [
        sum((k + step) ** 2 for step in range(k)) for k in range(5)]
    assert sizes == [4, 3, 2, 1]
    with pytest.raises(ZeroDivisionError):
        side_by_side(compute, [task(3), lambda ask: ask(np.ones((1, 1))).size // 0])


def test_a_mistake_in_the_simulation_reaches_the_caller():
    def compute(points):
        raise SpikelearnError("no")

    with pytest.raises(SpikelearnError, match="no"):
        side_by_side(compute, [lambda ask: ask(np.ones((1, 1)))] * 3)


# --- candidates --------------------------------------------------------------------------------------------------

@pytest.mark.long
@pytest.mark.parametrize("rule, free, device", [("synapses/stdp_pair", ("A_plus", "tau_minus"), "numpy"),
    pytest.param("synapses/stdp_pair", ("A_plus", "tau_minus"), "cpp", marks=[pytest.mark.compiler, pytest.mark.slow]),
    pytest.param("voltage_derivative_trace", ("eta", "tau_x"), "cpp", marks=[pytest.mark.compiler, pytest.mark.slow])])
def test_candidates_change_as_they_would_alone(rule, free, device):
    model = load_model(rule)
    free = tuple(name for name in free if name in model.parameters)
    pairings = [pairs(interval, 1) for interval in (-12 * ms, 5 * ms, 20 * ms)]
    value = np.array([float(model.parameters[name]) for name in free])
    found = Candidates(pairings, model, free, value / 2, 2 * value, 3, device=device)
    several = np.array([value, 2 * value, value / 2, 1.5 * value])
    alone = [weight_changes(pairings, model.with_parameters(**found.with_units(values))) for values in several]
    exact = found.step_error_percent == 0
    assert found.changes(several) == pytest.approx(np.array(alone), rel=1e-9 if exact else 0.02)


# --- the protocol ------------------------------------------------------------------------------------------------

def experiment_file(folder, rule="synapses/stdp_pair", **values):
    """A CSV with the exact changes of a rule after five pairs at 10 Hz, as if they had been measured."""
    model, intervals = load_model(rule).with_parameters(**values), (-40, -20, -8, 8, 20, 40)
    change = weight_changes([pairs(d * ms, 5, 10 * Hz) for d in intervals], model)
    rows = [f"{d:+d} ms,0,{d},5,10,{dw!r},0.01" for d, dw in zip(intervals, map(float, change), strict=True)]
    path = folder / "exact.csv"
    path.write_text("# title: exact data\nlabel,pre_ms,post_ms,repeats,repeat_hz,change,sem\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def few_generations(monkeypatch):
    """Differential evolution ends after three generations: least squares does the rest of an easy fit."""
    monkeypatch.setattr(stdp_fit, "GENERATIONS", 3)


@pytest.mark.slow
def test_the_protocol_finds_the_numbers_behind_exact_data(tmp_path, few_generations):
    path = experiment_file(tmp_path, A_plus=0.03, tau_minus=25 * ms)
    result = stdp_fit.run("synapses/stdp_pair", to=str(path), free="A_plus, tau_minus=5..100*ms", starts=1,
                          device="numpy")
    assert result.headline["A_plus"] == pytest.approx(0.03, rel=1e-4)
    assert result.headline["tau_minus_ms"] == pytest.approx(25, rel=1e-4)
    assert result.headline["E_exact"] < 1e-6 < result.headline["E_before_exact"]
    fitted_file = tmp_path / "fitted.py"
    fitted_file.write_text(stdp_fit.tables(result)["fitted.py"])
    again = load_model(str(fitted_file))
    assert float(again.parameters["tau_minus"]) == pytest.approx(0.025, rel=1e-4)
    assert again.parameters["tau_plus"] == load_model("synapses/stdp_pair").parameters["tau_plus"]


@pytest.mark.slow
def test_a_killed_fit_ends_with_the_same_numbers(tmp_path, monkeypatch, few_generations):
    """Killed in its 13th simulation: the 10 that the checkpoint holds are not done again."""
    monkeypatch.setattr(kept, "OFTEN", 10)
    path, out = experiment_file(tmp_path, A_plus=0.03), tmp_path / "out"
    options = dict(to=str(path), free="A_plus, A_minus", starts=1, device="numpy")
    simulate, runs, last = Candidates.changes, [], [0]

    def counted(self, points):
        runs.append(1)
        if len(runs) == last[0]:
            raise KeyboardInterrupt
        return simulate(self, points)

    monkeypatch.setattr(Candidates, "changes", counted)
    whole, needed = stdp_fit.run("synapses/stdp_pair", **options), len(runs)
    runs.clear()
    last[0] = 13
    with pytest.raises(KeyboardInterrupt):
        stdp_fit.run("synapses/stdp_pair", **options, out=str(out))
    runs.clear()
    last[0] = 0
    resumed = stdp_fit.run("synapses/stdp_pair", **options, resume=str(out))
    assert len(runs) == needed - 10
    assert np.array_equal(resumed.arrays["values"], whole.arrays["values"]) and resumed.headline == whole.headline


@pytest.mark.parametrize("options, words", [
    (["--free", "A_pluss"], "no parameter 'A_pluss'; did you mean 'A_plus'"),
    (["--free", "A_plus=2..1"], "must rise"),
    (["--free", "tau_plus=5..50"], "unit"),
    (["--free", "tau_plus=0..50*ms"], "tau_plus"),
    (["--free", "A_plus=1"], "a..b"),
    (["--free", "A_plus, A_plus"], "twice"),
    (["--free", ","], "names"),
    (["--free", "A_plus=nan..1"], "A_plus"),
    (["--free", "A_plus", "--to", "bi_poo"], "bi_poo"),
    (["--free", "A_plus", "--hold-out", "bi_poo_window"], "twice"),
    (["--free", "A_plus", "--starts", "0"], "starts"),
])
def test_mistakes_are_told_in_one_sentence(options, words, tmp_path, capsys):
    code = cli.main(["fit", "--synapse", "synapses/stdp_pair", "--out", str(tmp_path / "out"),
                     *([] if "--to" in options else ["--to", "bi_poo_window"]), *options])
    said = capsys.readouterr().err
    assert code == 2 and words in said and len(said.strip().splitlines()) == 1


def test_more_parameters_than_conditions_are_refused(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("label,pre_ms,post_ms,repeats,repeat_hz,change,sem\na,0,5,5,1,0.2,0.1\nb,0,-5,5,1,-0.2,0.1\n")
    with pytest.raises(SpikelearnError, match="2 parameters, which cannot be fitted to 2 conditions"):
        stdp_fit.run("synapses/stdp_pair", to=str(path), free="A_plus, A_minus")


def test_bounds_share_their_unit_and_a_bare_name_has_a_decade_either_side():
    rule = load_model("synapses/stdp_pair")
    found = free_parameters("A_plus, tau_plus=5..50*ms, tau_minus=1e-3*second..40*ms", rule)
    assert [float(end) for end in found["A_plus"]] == pytest.approx([.001295, .1295], rel=1e-6)
    assert [float(end) for end in found["tau_plus"]] == pytest.approx([.005, .05])
    assert [float(end) for end in found["tau_minus"]] == pytest.approx([.001, .04])


def test_a_rule_without_a_file_is_written_whole(tmp_path):
    rule = load_model("synapses/stdp_pair").with_parameters(tau_plus=3 * ms)
    text = with_numbers(rule, dict(A_plus=0.25), dict(A_plus="fitted"), "a heading")
    (tmp_path / "mine.py").write_text(text)
    again = load_model(str(tmp_path / "mine.py"))
    assert again.parameters["A_plus"] == 0.25 and float(again.parameters["tau_plus"]) == pytest.approx(.003)
    assert python_value(16.8 * ms) == "16.8*ms" and python_value(3 * Hz) == "3.0*Hz"


# --- rules and data of every kind ---------------------------------------------------------------------------------

ROWS = ("a,0,10,5,5,0.1,0.02", "b,0,-10,5,5,-0.1,0.02", "c,0,20,5,5,0.05,0.02", "d,0,-30,5,5,-0.02,0.02")
NOISY = '''"""A pair rule whose trace is noisy."""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    equations="""
        w : 1
        dx/dt = -x/tau + sigma*xi*tau**-0.5 : 1 (clock-driven)
        dy/dt = -y/tau : 1 (clock-driven)
    """,
    on_pre="""
        w = w - A*y
        x += 1
    """,
    on_post="""
        w = w + A*x
        y += 1
    """,
    parameters=dict(tau=20*ms, A=0.01, sigma=0.5),
    initial=dict(w=1),
    source="mine",
)
'''


def data_file(path, rows=ROWS, more="", row_more=""):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"label,pre_ms,post_ms,repeats,repeat_hz,change,sem{more}\n"
                    + "".join(f"{row}{row_more}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("rule, free, words", [
    ("calcium_population", "D", "free: 'D' is a delay"),
    ("calcium_bistable", "D", "free: 'D' is a delay"),
    ("stdp_inhibitory", "rho_0=-1..5*Hz", "'rho_0' must not be negative"),
    ("stdp_pair", "w_max=0.5..5", "w_max = 0.5"),
    ("stdp_pair", "A_plus=0..1e400", "free: A_plus=1e400"),
])
def test_what_cannot_be_fitted_is_refused(rule, free, words, tmp_path):
    with pytest.raises(SpikelearnError, match=words):
        stdp_fit.run(rule, to=data_file(tmp_path / "mine.csv"), free=free, device="numpy", quick=True)


def test_data_that_do_not_fit_are_refused_before_the_fit(tmp_path, monkeypatch):
    mine = data_file(tmp_path / "mine.csv")
    third = data_file(tmp_path / "third.csv", more=",third_s", row_more=",0.5")
    bare = data_file(tmp_path / "bare.csv", [row[:-4] for row in ROWS])
    same = data_file(tmp_path / "another" / "mine.csv")
    monkeypatch.setattr(Candidates, "changes", None)            # nothing is simulated
    for options, words in ((dict(to=third), "knows none"),
                           (dict(to=mine, hold_out=third), "hold_out: the condition 'a"),
                           (dict(to=bare), "nothing can be fitted to it"),
                           (dict(to=mine, hold_out=bare), "no fit can be compared with it"),
                           (dict(to=f"{mine}, {same}"), "mine is named twice"),
                           (dict(to=mine, hold_out=same), "mine is named twice")):
        with pytest.raises(SpikelearnError, match=words):
            stdp_fit.run("stdp_pair", free="A_plus", device="numpy", quick=True, **options)


@pytest.mark.long
@pytest.mark.parametrize("rule, free", [
    pytest.param("pre_post_expression", "d_minus, d_plus", marks=pytest.mark.slow),
    pytest.param("stdp_dopamine", "A_plus", marks=pytest.mark.slow),
    pytest.param("calcium_population", "C_pre", marks=pytest.mark.slow),
    pytest.param("short_term_depression", "U", marks=pytest.mark.slow)])
def test_rules_with_another_weight_a_third_factor_or_own_names_are_fitted(rule, free, tmp_path):
    """The weight P q, a rule that can do without its dopamine, C_pre, and a bare name up to the end of its range."""
    third = dict(more=",third_s", row_more=",0.5") if rule == "stdp_dopamine" else {}
    headline = stdp_fit.run(rule, to=data_file(tmp_path / "mine.csv", **third), free=free, device="numpy", quick=True,
                            hold_out=data_file(tmp_path / "plain.csv")).headline
    assert headline["chi_square"] == pytest.approx(4 * headline["E_mine"], rel=1e-6)
    assert headline["E_mine"] <= headline["E_before_mine"] and np.isfinite(headline["E_held_out_plain"])


@pytest.mark.slow
def test_bounds_may_exclude_the_published_value(tmp_path):
    headline = stdp_fit.run("stdp_pair", to=data_file(tmp_path / "mine.csv"), free="A_plus=0.02..0.03", starts=1,
                            device="numpy").headline
    assert headline["A_plus"] == pytest.approx(0.03) and headline["searches"] == 1 == headline["not_identified"]


@pytest.mark.slow
def test_chi_square_of_a_random_rule_is_that_of_another_draw(tmp_path):
    """Of 96 candidates with one draw each the best is the luckiest: its own chi-square would be too good."""
    rule, mine = tmp_path / "noisy.py", data_file(tmp_path / "mine.csv")
    rule.write_text(NOISY)
    result = stdp_fit.run(str(rule), to=mine, free="A, tau", repeats=2, device="numpy", quick=True)
    headline, best = result.headline, load_model(str(rule)).with_parameters(
        **dict(zip(("A", "tau"), (float(result.arrays["values"][0]), float(result.arrays["values"][1]) * second))))
    found, _ = predicted(best, [beginning(pairing, stdp_fit.QUICK) for pairing in experiment(mine).pairings],
                         copies=2, seed=0, device="numpy")
    assert 100 * result.arrays["mine_fitted"] == pytest.approx(100 * found)
    assert headline["chi_square"] == pytest.approx(4 * headline["E_mine"], rel=1e-9)
    assert headline["not_identified"] == 2


def test_a_posterior_is_written_and_refused_where_it_cannot_be(tmp_path):
    mine, rule = data_file(tmp_path / "mine.csv"), tmp_path / "noisy.py"
    rule.write_text(NOISY)
    with pytest.raises(SpikelearnError, match="posterior needs a rule without random numbers"):
        stdp_fit.run(str(rule), to=mine, free="A, tau", posterior=10, device="numpy", quick=True)
    pytest.importorskip("emcee")
    options = dict(to=mine, free="A_plus, tau_plus", device="numpy", quick=True, posterior=20)
    result = stdp_fit.run("stdp_pair", **options)
    files = stdp_fit.tables(result)
    rows = files["posterior.csv"].splitlines()
    assert rows[0] == "A_plus,tau_plus" and len(rows) == 1 + 16 * 10 == 1 + len(result.arrays["posterior"])
    assert "[[Posterior" in files["report.txt"] and " ms (" in files["report.txt"].rpartition("[[Posterior")[2]
    assert np.array_equal(stdp_fit.run("stdp_pair", **options).arrays["posterior"], result.arrays["posterior"])


@pytest.mark.slow
def test_the_printed_command_resumes_an_interrupted_fit(tmp_path, monkeypatch, capsys, few_generations):
    monkeypatch.chdir(tmp_path)
    data_file(tmp_path / "mine.csv")
    simulate, runs = Candidates.changes, []

    def counted(self, points):
        runs.append(1)
        if len(runs) == 25:
            raise KeyboardInterrupt
        return simulate(self, points)

    monkeypatch.setattr(Candidates, "changes", counted)
    arguments = "fit --synapse stdp_pair --to mine.csv --free A_plus,A_minus=0..0.1 --starts 1 --device numpy".split()
    assert cli.main([*arguments, "--out", "out"]) == 130
    command = capsys.readouterr().err.strip().rpartition("resume with: ")[2]
    assert cli.main(shlex.split(command)[1:]) == 0 and len(runs) > 25
    resumed = capsys.readouterr().out
    assert cli.main([*arguments, "--out", "whole"]) == 0
    whole = capsys.readouterr().out
    assert resumed.replace("in out", "in whole") == whole


def test_the_step_error_is_the_largest_of_all_experiments(tmp_path, monkeypatch):
    """The first of two fitted experiments is the less accurate one, or the one that is held out."""
    first, second_ = data_file(tmp_path / "first.csv"), data_file(tmp_path / "second.csv", ROWS[:2])
    monkeypatch.setattr(stdp_fit, "predicted", lambda rule, pairings, **options: (
        np.zeros(len(pairings)), {"step_error_percent": 0.1 * len(pairings)}))
    for data in (dict(to=f"{first}, {second_}"), dict(to=first, hold_out=second_)):
        result = stdp_fit.run("stdp_pair", free="A_plus", device="numpy", quick=True, **data)
        assert result.headline["step_error_percent"] == 0.4
