"""Claims for seeds that nobody chose: deviations corrected for their number, reports over seeds, results left out."""
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from spikelearn.protocols import langevin_ep_spikes, learn_mnist_rates, stdp_bistate, theory_report

from spikelearn.command import command_line as cli
from spikelearn.deviations import corrected_p, corrected_z, worst_z

# --- deviations of many points -----------------------------------------------------------------------------------


def test_one_deviation_stays_and_many_are_corrected():
    """By hand: p = 2 (1 - Phi(3)) = .0026998; 1 - (1 - p)^16 = .042337, which is 2.0302 standard errors."""
    assert corrected_z(-3, 1) == pytest.approx(3, abs=1e-9)
    assert corrected_z(3, 16) == pytest.approx(2.0302, abs=1e-4)
    assert corrected_p(.05, 2) == pytest.approx(.0975)
    assert corrected_z(0, 9) == 0 and np.isnan(corrected_z(np.nan, 9)) and corrected_z(50, 9) == 50


def test_errors_from_two_samples_follow_the_law_of_cauchy():
    """With one degree of freedom 12.706 has p = .05, as 1.95996 of the normal law."""
    assert corrected_z(12.7062, 1, samples=2) == pytest.approx(1.95996, abs=1e-4)


@pytest.mark.parametrize("points", [1, 6, 16])
def test_a_bound_means_the_same_for_any_number_of_points(points):
    """Of 4,000 sets of 10 samples a point, as many lie beyond 2 as of single normal numbers: 4.55 %."""
    samples = np.random.default_rng(3).standard_normal((4000, points, 10))
    means, errors = samples.mean(axis=-1), samples.std(axis=-1, ddof=1) / np.sqrt(10)
    beyond = np.mean([worst_z(*one, 0, samples=10) > 2 for one in zip(means, errors, strict=True)])
    share = 2 * norm.sf(2)
    assert abs(beyond - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_a_difference_without_error_is_infinite():
    assert worst_z([1, 2], [0, 1], [1, 2]) == 0 and worst_z([1, 2], [0, 1], [1.1, 2]) == np.inf


def test_two_state_neurons_are_judged_by_the_corrected_deviation():
    """Sixteen points, one 3 standard errors off: an ordinary run. At 8be5cb3 it was at its bound."""
    off = np.zeros(16)
    off[5] = 3.1
    z = stdp_bistate.worst_z(off, np.ones(16), np.zeros(16))
    assert z == pytest.approx(corrected_z(3.1, 16)) and stdp_bistate.ACCEPTED["window_worst_z"].met(z)


def test_spiking_estimates_are_judged_by_the_corrected_deviation():
    """The five claimed cases, one of them 3.2 standard errors off: corrected for five it is 2.71."""
    calm = dict(step=1.0, step_se=.1, bias_z=.1, bias=.1, bias_floor=.1, rate_error=0, sd=1)
    table = {("inside", coding, estimator): dict(calm) for coding in langevin_ep_spikes.CODINGS
             for estimator in langevin_ep_spikes.ESTIMATORS}
    table["inside", "Poisson", "twin"] |= dict(step=1.32, bias_z=-3.2)
    found = langevin_ep_spikes.headline(table)
    assert found["worst_step_z"] == pytest.approx(2.704, abs=.001)
    assert found["worst_bias_z"] == pytest.approx(-2.704, abs=.001)


# --- the report over several seeds -------------------------------------------------------------------------------


def page(number, measured, low=0., high=1.):
    """A page of a report with one claim."""
    holds = low <= measured <= high
    claim = {"claim": number, "protocol": "p", "number": number, "source": "s", "expected": "e", "quick": True,
             "measured": measured, "tolerance": [low, high], "runs": 1, "held": int(holds), "holds": holds}
    return {"name": "p", "summary": "", "figure": b"", "trouble": "", "left_out": [], "claims": [claim], "seconds": 1.}


def test_a_claim_says_how_often_it_held():
    """19 of 20 are enough, 8 of 9 and 17 of 20 are not."""
    for values, holds in (([.5] * 19 + [2.], True), ([.5] * 8 + [2.], False), ([.5] * 17 + [2.] * 3, False)):
        (claim,) = theory_report.together([page("x", value) for value in values])["claims"]
        assert (claim["runs"], claim["held"]) == (len(values), values.count(.5))
        assert claim["holds"] is holds and claim["measured"] == .5


def test_a_protocol_that_stops_with_one_seed_is_told():
    stopped = page("x", 1.)
    stopped["claims"][0] |= {"number": None, "claim": "p runs to its end", "measured": "x", "held": 0, "holds": False}
    claims = theory_report.together([page("x", .5), stopped, page("x", .5)])["claims"]
    assert [(claim["held"], claim["runs"], claim["holds"]) for claim in claims] == [(2, 2, True), (2, 3, False)]


def test_seeds_of_the_report_on_the_command_line(tmp_path, capsys):
    """Both ways to ask for two seeds; another seed, another number; how often each claim held is printed."""
    words = ["run", "theory_report", "--quick", "--jobs", "1", "--set", "protocols=early_inference"]
    assert cli.main([*words, "--seeds", "2", "--out", str(tmp_path / "a")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("held in 2 of 2: ") == 5
    claims = json.loads((tmp_path / "a" / "claims.json").read_text())["claims"]
    assert [(claim["runs"], claim["held"]) for claim in claims] == [(2, 2)] * 5
    assert "in 2 of 2 runs" in (tmp_path / "a" / "report.html").read_text()


@pytest.mark.parametrize("given", [["--seeds", "0"], ["--set", "seeds=-1"]])
def test_seeds_below_one_are_refused(given, tmp_path, capsys):
    assert cli.main(["run", "theory_report", "--quick", *given, "--out", str(tmp_path / "a")]) == 2
    assert "seeds" in capsys.readouterr().err


# --- finished results --------------------------------------------------------------------------------------------


def saved(folder, error, epochs=40, **changed):
    """A finished result of learn_mnist_rates, as it stands on the disk."""
    folder.mkdir()
    parameters = {"networks": ["500"], "final": True, "images": 0, "validation": 10000, "quick": False} | changed
    headline = {"test_error_percent_500": error, "epochs_500": epochs}
    (folder / "run.json").write_text(json.dumps({"headline": headline, "provenance": {"parameters": parameters}}))
    (folder / "figure.png").write_bytes(b"png")


@pytest.mark.parametrize("changed, words", [({"quick": True, "images": 2000}, "--quick"), ({"images": 3}, "images=3"),
                                            ({"epochs": 2, "hours": .1}, "fewer epochs")])
def test_a_quick_result_is_no_full_one(tmp_path, capsys, changed, words):
    saved(tmp_path / "learn_mnist_rates_a", 1.7)
    saved(tmp_path / "learn_mnist_rates_b", 0.1, **changed)
    (page,) = theory_report.finished("learn_mnist_rates", tmp_path)
    assert [claim["measured"] for claim in page["claims"]] == [1.7]
    assert words in page["left_out"][0] and "learn_mnist_rates_b' are left out" in capsys.readouterr().err
    assert "learn_mnist_rates_b" in theory_report.page_text([page], [], False)


def test_a_quick_result_alone_makes_no_claim(tmp_path):
    saved(tmp_path / "learn_mnist_rates_b", 0.1, quick=True)
    (page,) = theory_report.finished("learn_mnist_rates", tmp_path)
    assert not page["claims"] and page["left_out"]


def test_the_shipped_results_count():
    """Those of this repository were made with the protocol's own recipes."""
    (page,) = theory_report.finished("learn_mnist_rates", Path(__file__).parent.parent / "results")
    assert not page["left_out"] and {claim["number"] for claim in page["claims"]} == set(learn_mnist_rates.ACCEPTED)
