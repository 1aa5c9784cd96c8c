"""The protocols of the theory at reduced sizes: what must hold, and figures that draw."""
import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from spikelearn.protocols import (
    contrastive_faults,
    early_inference,
    equilibrium_gradient,
    feedforward_energy,
    feedforward_start,
    langevin,
    learn_mnist_rates,
    theory_report,
)

from spikelearn import SpikelearnError
from spikelearn.equilibrium import autoencoders
from spikelearn.equilibrium.energy import LOGISTIC, Energy, cost
from spikelearn.equilibrium.rate_layers import Layers
from spikelearn.results.result import Accepted, Result


def drawn(module, result):
    figure = Figure(figsize=module.FIGURE_SIZE)
    module.plot(result, figure)
    figure.canvas.draw()
    return figure.axes


def met(module, result, *names):
    for name in names or module.ACCEPTED:
        assert module.ACCEPTED[name].met(result.headline[name]), (name, result.headline[name])
    assert drawn(module, result)


@pytest.mark.long
def test_early_inference():
    result = early_inference.run(depths=(1, 2), networks=6, angles=(0, 45, 90), temperatures=(1e-12, 1e-2), trials=5,
                                 device="numpy", quick=True)
    met(early_inference, result)
    assert result.arrays["slopes"] == pytest.approx([2, 3], abs=1e-6)      # eps^(k+1), rho being linear inside
    assert result.arrays["cosine_time"][:, :, -1].max() < 1                # and later it is no gradient any more


@pytest.mark.long
def test_equilibrium_gradient():
    result = equilibrium_gradient.run(sizes=(5, 6, 3), networks=2, chains=1000, chain_steps=1500, quick=True)
    met(equilibrium_gradient, result)
    assert result.headline["langevin_bias_of_xi_z"] < 1


def test_thermal_gradient_against_finite_differences_of_the_mean_cost():
    """dJ/dtheta by quadrature of the covariance, against the quadrature of J at theta +- h."""
    weights, bias, target, h = np.array([[0, .7], [.7, 0]]), np.array([-.2, .3]), np.array([1.0]), 1e-4

    def J(w, b):
        s, P = equilibrium_gradient.law_on_grid(Energy(weights + w * np.array([[0, 1], [1, 0]]), bias + b, LOGISTIC),
                                                .3, points=301)
        return P @ cost(s, target)

    found = equilibrium_gradient.thermal_gradient(Energy(weights, bias, LOGISTIC), target, .3)
    first, second = np.array([h, 0]), np.array([0, h])
    numeric = [J(h, 0 * first) - J(-h, 0 * first), J(0, first) - J(0, -first), J(0, second) - J(0, -second)]
    assert found == pytest.approx(np.array(numeric) / (2 * h), abs=3e-5)   # the cut at +-2


def test_feedforward_energy():
    result = feedforward_energy.run(depths=(1, 2), units=10, images=4, nudges=(1e-4, 1e-2), steps=600)
    met(feedforward_energy, result)
    assert result.arrays["one_sided"][:, 1] / result.arrays["one_sided"][:, 0] == pytest.approx([100, 100], rel=.05)


def test_contrastive_faults():
    result = contrastive_faults.run(networks=200, nudges=(1e-3,), steps=1000)
    met(contrastive_faults, result)
    assert result.headline["other_mode_percent_ep"] < 1


@pytest.mark.long
def test_langevin():
    result = langevin.run(temperatures=(.2,), device="numpy", quick=True)
    met(langevin, result)
    assert result.headline.keys() >= set(langevin.ACCEPTED) and len(langevin.ACCEPTED) >= 2
    assert result.arrays


def test_autocorrelation_time_of_a_first_order_process():
    """x_t = a x_{t-1} + noise has the time (1 + a)/(1 - a)."""
    rng, a = np.random.default_rng(2), .6
    x = rng.standard_normal((400, 300))
    for t in range(1, 300):
        x[:, t] = a * x[:, t - 1] + np.sqrt(1 - a * a) * x[:, t]
    assert langevin.autocorrelation_time(x) == pytest.approx(4, rel=.05)


# --- rates in layers -------------------------------------------------------------------------------------------

def small_layers(**options):
    net = Layers((6, 5, 4, 3), np.random.default_rng(3), scale=.5, **options)
    net.weights, net.biases = ([np.asarray(a, dtype=float) for a in arrays] for arrays in (net.weights, net.biases))
    for b in net.biases:
        b += .3
    return net


def test_layers_settle_at_the_minimum_of_the_energy():
    """s = clip(drive) at the fixed point; updates by halves give the same state in whatever order."""
    net, x = small_layers(), np.random.default_rng(4).uniform(0, 1, (2, 6))
    first = net.drive_of(x)
    states = net.settle(first, net.rest(2), 200)
    for k, s in enumerate(states):
        assert s == pytest.approx(np.clip(net.drive(k, first, states), 0, 1), abs=1e-12)
    again = net.settle(first, net.forward(first), 200)
    assert np.hstack(again) == pytest.approx(np.hstack(states), abs=1e-6)


def test_layers_learn_down_the_gradient():
    """The centred contrast is the gradient of the cost at the fixed point, by finite differences."""
    net, rng = small_layers(linear_outputs=True), np.random.default_rng(5)
    x, target = rng.uniform(0, 1, (2, 6)), rng.uniform(0, 1, (2, 3))

    def C():
        first = net.drive_of(x)
        return ((net.settle(first, net.rest(2), 400)[-1] - target) ** 2).sum() / (2 * len(x))

    first, beta = net.drive_of(x), 1e-3
    free = net.settle(first, net.rest(2), 400)
    plus, minus = (net.settle(first, free, 400, sign * beta, target) for sign in (1, -1))
    weights, biases = net.contrast(x, plus, minus)
    for arrays, changes in ((net.weights, weights), (net.biases, biases)):
        for array, change in zip(arrays, changes, strict=True):
            index, kept = tuple(0 for _ in array.shape), array.flat[0]
            array[index] = kept + 1e-5
            up = C()
            array[index] = kept - 1e-5
            slope = (up - C()) / 2e-5
            array[index] = kept
            assert change[index] / (2 * beta) == pytest.approx(-slope, abs=2e-5)


def test_averaged_branches():
    """leak 2: bottom-up and top-down input are averaged, each branch with its own offset."""
    net = Layers((2, 1, 1), np.random.default_rng(0), leak=[2, 1])
    net.weights = [np.array([[.5], [.5]]), np.array([[.5]])]
    net.biases, net.offsets = [np.array([.1]), np.array([0.])], [np.array([.05]), 0.0]
    states = net.update(net.drive_of(np.array([[.4, .6]])), [np.array([[.0]]), np.array([[.3]])], 0)
    assert states[0] == pytest.approx(np.array([[((.5 + .1) + (.15 + .05)) / 2]]))


def test_autoencoder_gradients():
    rng = np.random.default_rng(6)
    x, arrays = rng.uniform(0, 1, (5, 6)), [.4 * rng.standard_normal((6, 4)), rng.uniform(.3, .5, 4), np.zeros(6)]
    for k, gradient in enumerate(autoencoders.gradients(x, *arrays)):
        for index in np.ndindex(gradient.shape):
            values = []
            for h in (1e-6, -1e-6):
                changed = [a.copy() for a in arrays]
                changed[k][index] += h
                values.append(autoencoders.loss(x, *changed))
            assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-6)


def test_orthogonal_autoencoder_is_perfect_where_nothing_is_clipped():
    w, b, c = autoencoders.orthogonal(6, 6, np.random.default_rng(1))
    x = np.random.default_rng(2).uniform(0, .15, (20, 6))
    assert autoencoders.loss(x, w, b, c) < 1e-12


def digits_as_mnist(monkeypatch, module):
    """Let a protocol of MNIST read the digits that come with scikit-learn."""
    from spikelearn.images.datasets import load

    monkeypatch.setattr(module, "load", lambda name, *_, **__: load("digits"))


def test_learn_mnist_rates_resumes_to_the_same_weights(tmp_path, monkeypatch):
    digits_as_mnist(monkeypatch, learn_mnist_rates)
    monkeypatch.setattr(learn_mnist_rates, "RECIPES", {name: learn_mnist_rates.RECIPES["500"] for name in
                                                       ("40", "500", "500-500")})
    options = dict(networks=("40",), dataset="digits", rates=(.2, .1), seed=2)
    whole = learn_mnist_rates.run(**options, epochs=3)
    learn_mnist_rates.run(**options, epochs=2, out=str(tmp_path / "run"))
    resumed = learn_mnist_rates.run(**options, epochs=3, resume=str(tmp_path / "run"), out=str(tmp_path / "on"))
    assert np.array_equal(whole.arrays["w_0_40"], resumed.arrays["w_0_40"])
    assert whole.headline["validation_error_percent_40"] < 12               # chance: 90
    assert "test_error_percent_40" not in whole.headline
    drawn(learn_mnist_rates, whole)
    with pytest.raises(SpikelearnError, match="rates"):
        learn_mnist_rates.run(**options | {"rates": (.1, .1)}, epochs=3, resume=str(tmp_path / "run"))
    with pytest.raises(SpikelearnError, match="named by its hidden layers"):
        learn_mnist_rates.run(networks=("big",), dataset="digits")


@pytest.mark.long
def test_feedforward_start(monkeypatch):
    """The fast start."""
    digits_as_mnist(monkeypatch, feedforward_start)
    result = feedforward_start.run(units=(60,), images=1200, epochs=60, learn_images=100, learn_epochs=1)
    assert result.headline["times_closer"] > 3
    drawn(feedforward_start, result)

@pytest.mark.long
def test_two_updates_from_auto_encoders_give_the_gradient_and_learn_better_than_from_random_weights():
    """Against back-propagation through the feedforward pass, written out; and the claim of the protocol, on digits."""
    from spikelearn.images.datasets import load
    from spikelearn.images.encoding import pixels_and_labels

    data, rng = load("digits"), np.random.default_rng(1)
    x, labels = pixels_and_labels(data.train, data.scale)
    x, held_out = x.astype(np.float32), pixels_and_labels(data.validation, data.scale)
    random, stacked, _ = feedforward_start.stack(x, 60, 60, 1e-3, rng)
    net, target = feedforward_start.network(stacked, 10, rng), np.eye(10, dtype=np.float32)[labels]
    net.weights[3][:] = .02 * rng.standard_normal(net.weights[3].shape)     # outputs that barely act on what they read
    first = net.drive_of(x)
    h = net.forward(first)
    by_weights, _, means = feedforward_start.estimate(net, x, net.settle(first, h, 1), first, target, .02)
    delta, below = target - h[3], [x, *h]
    for k in (3, 2, 1):
        exact = below[k].T @ delta / len(x)
        exact = exact - np.outer(means[k], delta.mean(axis=0))          # activities count from their means
        cosine = np.sum(exact * by_weights[k]) / (np.linalg.norm(exact) * np.linalg.norm(by_weights[k]))
        assert cosine > .8, k
        delta = delta @ net.weights[k].T * ((h[k - 1] > 0) & (h[k - 1] < 1))
    errors = {name: feedforward_start.learn(weights, x, labels, held_out, 4, rates, .2, 10., 2, 1)[-1]
              for name, weights, rates in (("stacked", stacked, (3e-4, .1)), ("random", random, (1e-4, .02)))}
    assert errors["stacked"] < errors["random"]


# --- the report ------------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_report_of_one_protocol(tmp_path, capsys):
    """As on the command line: claims on standard output, a page with the figure, exit code by the claims."""
    from spikelearn.command import command_line as cli

    code = cli.main(["run", "theory_report", "--quick", "--json", "--jobs", "1", "--out", str(tmp_path / "out"),
                     "--set", "protocols=feedforward_energy"])
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert code == 0 and [claim["number"] for claim in claims] == list(feedforward_energy.ACCEPTED)
    assert all({"claim", "source", "expected", "measured", "tolerance", "holds"} <= set(claim) for claim in claims)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "data:image/png" in page and "3 of 3 claims hold" in page
    assert json.loads((tmp_path / "out" / "claims.json").read_text())["claims"] == claims


def test_a_claim_that_does_not_hold_is_told():
    module = SimpleNamespace(ACCEPTED={"x": Accepted(1, 1e6, "paper"), "y": Accepted(0, 1, "paper")},
                             CLAIMS={"x": "x is large"}, __file__="somewhere/named.py")
    (claim,) = theory_report.claims_of(module, {"x": .5})
    assert claim["holds"] is False and claim["expected"] == "at least 1" and claim["claim"] == "x is large"
    pages = [{"name": "named", "summary": "<s>", "figure": b"", "claims": [claim]}]
    page = theory_report.page_text(pages, [claim], True)
    assert "0 of 1 claims hold" in page and "NO" in page and "&lt;s&gt;" in page
    result = Result("theory_report", {}, {"claims": [claim], "claims_that_hold": 0})
    drawn(theory_report, result)


def test_a_protocol_that_stops_is_a_claim_that_fails(monkeypatch):
    monkeypatch.setattr(feedforward_energy, "run", lambda *, seed=1, quick=False: 1 / 0)
    page = theory_report.page_of("feedforward_energy", 1, "", True)
    assert [claim["holds"] for claim in page["claims"]] == [False] and "ZeroDivisionError" in page["trouble"]


@pytest.mark.parametrize("content", ["{", '{"protocol": "langevin"}', '{"headline": {}}'])
def test_damaged_results_are_told_by_the_report(tmp_path, content):
    (tmp_path / "langevin_1").mkdir()
    (tmp_path / "langevin_1" / "run.json").write_text(content)
    with pytest.raises(SpikelearnError, match="langevin_1.* damaged"):
        theory_report.finished("langevin", tmp_path)
