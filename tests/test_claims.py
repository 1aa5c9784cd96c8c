"""Claims for seeds that nobody chose: deviations corrected for their number, reports over seeds, results left out."""
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from spikelearn.protocols import (
    contrastive_faults,
    dendritic_prediction,
    inpaint,
    langevin,
    langevin_ep_spikes,
    learn_mnist_rates,
    reward,
    stdp_bistate,
    theory_report,
)

from spikelearn.command import command_line as cli
from spikelearn.deviations import corrected_p, corrected_z, worst_z
from spikelearn.equilibrium.side_by_side import Phases
from spikelearn.results import Result, save

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


@pytest.mark.long
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
    """One of the claimed cases is 3.2 standard errors off: corrected for n of them, p becomes 1 - (1 - p)^n."""
    calm = dict(step=1.0, step_se=.1, bias_z=.1, bias=.1, bias_floor=.1, rate_error=0, sd=1)
    table = {("inside", coding, estimator): dict(calm) for coding in langevin_ep_spikes.CODINGS
             for estimator in langevin_ep_spikes.ESTIMATORS}
    table["inside", "Poisson", "twin"] |= dict(step=1.32, bias_z=-3.2)
    found = langevin_ep_spikes.headline(table)
    n = 11                                          # six of the temporal twin, five of the others
    expected = norm.isf((1 - (1 - 2 * norm.sf(3.2)) ** n) / 2)
    assert found["worst_step_z"] == pytest.approx(expected, abs=.001)
    assert found["worst_bias_z"] == pytest.approx(-expected, abs=.001)


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


@pytest.mark.slow
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
    parameters = {"networks": ["500"], "final": True, "images": 0, "validation": 10000, "quick": False} | changed
    headline = {"test_error_percent_500": error, "epochs_500": epochs}
    save(Result("learn_mnist_rates", {}, headline, {"parameters": parameters}), folder)
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


# --- fragile claims, measured better -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("task", reward.TASKS)
def test_a_nudge_wakes_every_unit_of_action(task):
    """Drives of the outputs of 30 actors before learning, the network relaxed in NumPy. A nudge of .3 towards 1 lifts a
    unit from above -.3; one that stays below 0 is silent, and the actor takes one arm for all cues for ever."""
    cues = {"choice": reward.Choice.cues.astype(float), "reach": reward.TASKS["reach"].cue(np.random.default_rng(1), 9)}
    for seed in range(30):
        agent = reward.Agent(reward.TASKS[task], 2, "synapses/voltage_derivative_symmetric", 20, .3,
                             Phases(20, 10, 10, 5), seed, "numpy")
        (W1, W2), (b1, b2), x = agent.w["actor"], agent.b["actor"], cues[task]
        h = o = np.full((len(x), 1), .3) * np.ones((1, 20))
        o = o[:, :2]
        for _ in range(100):
            h = h + .2 * (np.clip(x @ W1 + b1 + o @ W2.T, 0, 1) - h)
            o = o + .2 * (np.clip(h @ W2 + b2, 0, 1) - o)
        drive = h @ W2 + b2
        assert drive.min() > -.1 and drive.max() < 1.1, seed


@pytest.mark.slow
def test_the_scored_actor_has_the_mean_of_its_last_weights(monkeypatch):
    """Of twelve rounds the last two are kept: what is scored lies half way between the weights of the last two."""
    seen, scored = [], []

    def learn(self, name, got, rate):
        self.w[name] = [w + 1 for w in self.w[name]]
        if name == "actor":
            seen.append([w.copy() for w in self.w[name]])

    def score(agent, *_):
        scored.extend(w.copy() for w in agent.w["actor"])
        return np.zeros(2)

    monkeypatch.setattr(reward.Agent, "learn", learn)
    monkeypatch.setattr(reward, "score", score)
    reward.train(reward.TASKS["choice"], 2, 12, "synapses/voltage_derivative_symmetric", 3, .3, Phases(20, 10, 10, 5),
                 1, False, "numpy")
    for found, one, other in zip(scored, seen[-1], seen[-2], strict=True):
        assert found == pytest.approx((one + other) / 2)


def test_the_replay_is_the_mean_of_both_repetitions_alone():
    """By hand: alone the soma is off by +1 in one repetition and by -1 in the other: it replays without error."""
    taught = np.sin(np.arange(200) / 5)
    rows = [0 * taught] * 2 + [taught] * 12 + [taught + 1, taught - 1]
    found = dendritic_prediction.replay({"v": np.concatenate(rows)}, 12)
    assert found == (pytest.approx(1), pytest.approx(0, abs=1e-12))


def test_ridge_regression_finds_pixels_that_are_linear_in_the_known_ones():
    """Two hidden pixels are sums of two known ones; what ridge regression adds is its small penalty."""
    rng = np.random.default_rng(4)
    known = rng.uniform(size=(4000, 2))
    images = np.hstack([known, known @ [[.5, -.2], [.3, .4]] + .1]).astype(np.float32)
    seen = np.array([True, True, False, False])
    found = inpaint.of_ridge(np.where(seen, images[:50], 9).astype(np.float32), seen, images, penalty=1e-3)
    assert found == pytest.approx(images[:50], abs=1e-4)
    assert np.array_equal(found[:, :2], images[:50, :2])


def test_half_planes_are_held_against_what_can_be_reached():
    """The bounds are shares of the gain of a linear prediction; the committed full run lies within them."""
    told = json.loads((Path(__file__).parent.parent / "results" / "inpaint" / "run.json").read_text())["headline"]
    for mask, linear in {"left": .595, "right": .639, "top": .640, "bottom": .666}.items():    # of the mean's error
        share = (1 - told[f"mse_ratio_{mask}"]) / (1 - linear)
        assert inpaint.ACCEPTED[f"share_of_ridge_{mask}"].met(share), mask
    assert inpaint.ACCEPTED["mse_over_nearest_pixels"].met(told["mse_pixels"] / told["mse_nearest_pixels"])


def test_a_quick_run_shows_as_many_networks_of_the_contrastive_rule():
    """1 % of 300 networks of which half change their mode are one or two: with some seeds none."""
    result = contrastive_faults.run(networks=400, steps=300, quick=True)
    assert result.arrays["cosine"].shape[-1] > 300


def test_the_sampler_is_judged_by_the_corrected_p(monkeypatch):
    """Six comparisons, the smallest p .005: together .0296. At 8be5cb3 .005 missed its bound."""
    found = {"p": np.array([.005, .6]), "energy_z": 3.1, "effective": np.ones(2)}
    monkeypatch.setattr(langevin, "compare", lambda *_: dict(found))
    monkeypatch.setattr(langevin, "relaxation", lambda *_, **__: np.zeros((2000, 2, 3)))
    h = langevin.run(repetitions=2000).headline
    assert h["smallest_p"] == pytest.approx(1 - .995**6) and h["largest_energy_z"] == pytest.approx(2.763, abs=.01)
    assert langevin.ACCEPTED["smallest_p"].met(h["smallest_p"])
