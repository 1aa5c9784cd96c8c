"""What the protocols on spikes and local rules must show, at a reduced size, against numbers known without them."""
import functools

import numpy as np
import pytest
from brian2 import ms, second
from reference_network import changes
from spikelearn.protocols import dendritic_prediction, langevin_ep_spikes

from spikelearn import SpikelearnError, load_model
from spikelearn.equilibrium import energy
from spikelearn.equilibrium.rate_estimates import bias_and_spread, exact_gradient, finite_beta, mean_field
from spikelearn.equilibrium.side_by_side import Copies, Phases, blocks
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation

RULE = "voltage_derivative_symmetric"
INSIDE = langevin_ep_spikes.draw_network(1)


def bare(name):
    """A neuron without low-pass of the change."""
    model = load_model(name)
    return model.with_parameters(tau_d=0 * ms) if "tau_d" in model.parameters else model


# --- copies --------------------------------------------------------------------------------------------------------

@pytest.mark.long
@pytest.mark.parametrize("rule, name, window", [(RULE, "single", 20), (f"{RULE}_centred", "centred", 0),
                                                (f"{RULE}_twin", "twin", 0)])
def test_each_copy_is_the_naive_network(rule, name, window):
    rng = np.random.default_rng(1)
    weights = [rng.normal(.05, .4, (5, 10)), rng.normal(.05, .3, (10, 3))]
    biases, x, targets = [np.full(10, .2), np.full(3, .2)], rng.uniform(.2, 1, (2, 5)), np.eye(3)[:2]
    copies = Copies((5, 10, 3), 2, rule, bare(load_model(rule).neuron), phases=Phases(60, 30, window, 20),
                    device="numpy")
    got = copies.show(x, targets, weights, biases, .5, seed=1, at_random=False)
    for k in range(2):
        by_weights, by_biases = changes(weights, biases, x[k], targets[k], name, [1, 1], .5, free=60, nudged=30,
                                        listen=20, window=window)
        for found, expected in zip(got.weights + got.biases, by_weights + by_biases, strict=True):
            assert found[k] == pytest.approx(expected, abs=1e-12)


def test_copies_refuse_what_cannot_be():
    with pytest.raises(SpikelearnError, match="twin"):
        Copies((2, 2, 1), 1, f"{RULE}_twin", "leaky_integrator_fire")
    with pytest.raises(SpikelearnError, match="window"):
        Copies((2, 2, 1), 1, f"{RULE}_twin", phases=Phases(20, 10, 10, 5))
    with pytest.raises(SpikelearnError, match="free phase"):
        Copies((2, 2, 1), 1, RULE, phases=Phases(20, 10, 0, 25))


def test_blocks():
    i, j = blocks(2, (3, [0, 2]), (2, [1]))
    assert i.tolist() == [0, 2, 3, 5] and j.tolist() == [1, 1, 3, 3]


# --- what the spikes are held against --------------------------------------------------------------------------------

@pytest.mark.parametrize("clipped", [False, True])
def test_exact_gradient_is_the_finite_difference(clipped):
    weights, biases, x, targets = langevin_ep_spikes.draw_network(1, clipped)
    found = exact_gradient(weights, biases, x, targets)

    def cost(parameters):
        w = [parameters[:50].reshape(5, 10), parameters[60:90].reshape(10, 3)]
        b = [parameters[50:60], parameters[90:]]
        outputs = langevin_equilibrium(w, b, x)
        return ((targets - outputs)**2).sum(axis=1) / 2

    at = np.concatenate([weights[0].ravel(), biases[0], weights[1].ravel(), biases[1]])
    for k in range(0, 93, 13):
        step = 1e-6 * np.eye(93)[k]
        assert found[:, k] == pytest.approx(-(cost(at + step) - cost(at - step)) / 2e-6, abs=1e-7)


def langevin_equilibrium(weights, biases, x):
    """Outputs at the fixed point, by plain iteration."""
    h, o = np.zeros((len(x), 10)), np.zeros((len(x), 3))
    for _ in range(400):
        h, o = (h + .3 * (np.clip(x @ weights[0] + biases[0] + o @ weights[1].T, 0, 1) - h),
                o + .3 * (np.clip(h @ weights[1] + biases[1], 0, 1) - o))
    return o


def test_exact_gradient_is_that_of_energy():
    weights, biases, x, targets = INSIDE
    mine = exact_gradient(weights, biases, x, targets)
    whole = energy.Energy(energy.layered(weights), np.concatenate([np.zeros(5), *biases]))
    for k in range(len(x)):
        held = energy.clamp(whole, x[k])
        s = energy.settle(held, np.full(13, .5))
        by_weights, by_biases = energy.exact_gradient(held, s, targets[k])
        assert mine[k, 50:60] == pytest.approx(-by_biases[:10], abs=1e-9)
        assert mine[k, 90:] == pytest.approx(-by_biases[10:], abs=1e-9)
        assert mine[k, 60:90] == pytest.approx(-by_weights[:10, 10:].ravel(), abs=1e-9)


def test_small_nudges_and_long_phases_lead_to_the_gradient():
    weights, biases, x, targets = INSIDE
    exact = exact_gradient(weights, biases, x, targets)
    errors = [np.abs(finite_beta(weights, biases, x, targets, (beta, -beta)) - exact).max() for beta in (.1, .05)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=.1)            # centred: quadratic in beta
    beta = 1e-3
    collected = [mean_field(weights, biases, x, targets, b, Phases(800, 800), 5, 0, False) for b in (beta, -beta)]
    assert (collected[0] - collected[1]) / (2 * beta) == pytest.approx(exact, abs=2e-3 * np.abs(exact).max())


def test_bias_and_spread_of_known_noise():
    rng = np.random.default_rng(2)
    truth, bias = rng.normal(size=(2, 30)), .3 * np.eye(30)[:2]
    found = bias_and_spread(truth + bias + rng.normal(size=(4000, 2, 30)), truth)
    assert found["sd"] == pytest.approx(np.sqrt(60), rel=.02)
    assert abs(found["square"] - .18) < 4 * found["square_se"] and found["square_se"] < .02
    clean = bias_and_spread(truth + rng.normal(size=(4000, 2, 30)), truth)
    assert abs(clean["square"]) < 4 * clean["square_se"] and abs(clean["gain"] - 1) < 4 * clean["gain_se"]


@functools.cache
def row(coding, estimator, tau_d=20):
    return langevin_ep_spikes.compare(INSIDE, coding, estimator, 40, beta=.2, free=250, nudged=80, tau_d=tau_d,
                                      r_max=500, seed=3, device="numpy")


@pytest.mark.long
@pytest.mark.parametrize("coding, estimator", langevin_ep_spikes.CLAIMED)
def test_spikes_add_no_bias_where_claimed(coding, estimator):
    found = row(coding, estimator)
    assert abs(found["bias_z"]) < 4 and abs(found["step"] - 1) < 4 * found["step_se"]


@pytest.mark.long
def test_without_the_window_regular_spikes_are_locked_to_their_own_ripple():
    alone, corrected = (row("integrate-and-fire", name) for name in ("single", "single − free window"))
    assert alone["bias_z"] > 10 and alone["bias"] > 5 * max(corrected["bias"], corrected["bias_floor"])
    assert row("integrate-and-fire", "single", 5)["bias"] > 2 * alone["bias"]       # the low-pass is what helps


# --- dendrites -------------------------------------------------------------------------------------------------------

def test_branches_follow_the_delta_rule():
    """One unit, rates held: the errors of both branches shrink together as exp(-eta (|x|^2 + |y|^2) t / 2)."""
    eta, x, y, T = 2.5, np.array([.5, 1]), np.array([.2, .4, 1]), .4

    def build():
        held = [neurons(dendritic_prediction.CLAMPED, len(rates), name=name) for name, rates in (("x", x), ("y", y))]
        soma = neurons("neurons/dendritic_integrator", 1, name="soma")
        return [*held, soma] + [synapses(group, soma, f"synapses/dendritic_prediction_{name}", name=name,
                                         connect="all-to-all") for group, name in zip(held, ("basal", "apical"))]

    simulation = Simulation(build, T * second, device="numpy", dt=.5 * ms)
    values = {"x.rho": x, "y.rho": y, "basal.w": [.4, .8], "apical.w": [-.2, .1, .3], "soma.s": .675}
    read = simulation.run(values, read=["basal.w", "apical.w"])
    before, after = 1.0 - .3, read["basal.w"] @ x - read["apical.w"] @ y
    assert after == pytest.approx(before * np.exp(-eta * (x @ x + y @ y) * T / 2), rel=.01)
    assert read["basal.w"] - [.4, .8] == pytest.approx(-(read["basal.w"] - [.4, .8])[1] * -x, rel=1e-6)


def test_branches_come_to_agree():
    found = dendritic_prediction.agree(300, 1, "numpy")
    error = found["disagreement"]
    assert error[:15].mean() > 10 * error[-30:].mean()


@pytest.mark.long
def test_spiking_rule_on_forced_spikes():
    """Somatic spikes against a silent prediction: the weight follows the double low-pass, worked out by hand."""
    rule = load_model("dendritic_prediction_spikes")
    p = {name: float(value) for name, value in rule.parameters.items()}
    silent = dendritic_prediction.NeuronModel(
        source="A prediction of rate 0 and slope 1, spikes at a given time",
        equations="phi_star : Hz\nh_star : 1", threshold="t >= due - dt/2 and t < due + dt/2",
        parameters=dict(due=10 * ms))

    def build():
        train, times = spike_trains(np.array([[.004], [9]]), name="train")
        post = neurons(silent, 1, name="post")
        return [train, times, post, synapses(train, post, rule, name="rule")]

    T, dt = .2, .02e-3
    w = Simulation(build, T * second, device="numpy", dt=dt * second).run(
        {"post.h_star": 1.0}, read=["rule.w"])["rule.w"]
    lag = .006
    psp = (np.exp(-lag / p["tau_L"]) - np.exp(-lag / p["tau_s"])) * p["tau_s"] / (p["tau_L"] - p["tau_s"])
    expected = p["eta"] * psp * (1 - np.exp(-(T - .01) / p["tau_delta"]))
    assert 1e12 * np.asarray(w)[0] - 90 == pytest.approx(1e12 * expected, rel=.02)


def test_teacher_conductances_are_those_of_the_example():
    excite, inhibit = dendritic_prediction.teachers(1, .1 * ms)
    assert 1e9 * excite.max() == pytest.approx(306, rel=1e-3)
    assert 1e9 * excite[excite > 0].min() == pytest.approx(18, rel=1e-3)
    assert 1e9 * inhibit.max() == pytest.approx(540) and (inhibit > 0).sum() == 2000


@pytest.mark.slow
def test_the_soma_replays_what_it_was_taught():
    result = dendritic_prediction.run(quick=True)
    for key in ("replay_correlation", "replay_error_mV"):
        assert dendritic_prediction.ACCEPTED[key].met(result.headline[key])
    assert result.headline["control_correlation"] < .6
