"""Natural spikes, clamp, random trains, rate ramps and controls against closed forms."""
import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from matplotlib.figure import Figure
from spikelearn.protocols import stdp_clamp, stdp_controls, stdp_natural, stdp_poisson, stdp_ramp

from spikelearn import SpikelearnError, load_model
from spikelearn.stdp.weight_change import near_bound, weight_changes


def drawn(module, result):
    figure = Figure(figsize=getattr(module, "FIGURE_SIZE", (7, 4.5)))
    module.plot(result, figure)
    assert all(ax.get_xlabel() or ax.get_title() for ax in figure.axes) and figure.axes
    return figure


# --- natural spikes --------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def natural():
    return stdp_natural.run(trials=7000)


@pytest.mark.long
def test_the_natural_window_without_reset_is_that_of_rices_theorem(natural):
    a = natural.arrays
    z = (a["change"] - a["closed_form"]) / a["change_se"]
    assert abs(np.mean(z ** 2) - 1) < 3 * np.sqrt(2 / z.size)


def test_the_natural_window_has_the_signs_of_stdp_and_a_reset_spoils_them(natural):
    h = natural.headline
    for name in ("correlation", "right_sign_before_with_reset"):
        assert stdp_natural.ACCEPTED[name].met(h[name]), name
    d, a = np.asarray(natural.arrays["delta_t"]) * 1e3, natural.arrays
    after, before = (d > 0) & (d < 20), (d < -8) & (d > -30)
    for key, sign in (("change", -1), ("change_with_reset", 1)):        # the failure: LTP on both sides
        assert np.mean(a[key][after]) > 0 and sign * np.median(a[key][before]) > 0, key
    drawn(stdp_natural, natural)


def test_the_closed_form_is_odd_but_for_the_slope_at_the_crossing():
    neuron, background = (load_model(name).parameters for name in ("lif_without_reset", "background_current"))
    d = np.linspace(.5, 60, 50) * ms
    after, before = (stdp_natural.expected_slope(x, neuron, background, 1e-6 * second) for x in (d, -d))
    middle = stdp_natural.expected_slope([0] * second, neuron, background, 1e-6 * second)[0]
    C = [float(neuron["tau_m"]), float(background["tau_I"])]
    spread = float(neuron["R"] * background["spread"] / (neuron["v_threshold"] - neuron["v_rest"]))
    assert middle == pytest.approx(np.sqrt(np.pi / 2) * spread / np.sqrt(C[0] * (C[0] + C[1])), rel=1e-3)   # Rice
    assert np.all(after - before > 0) and abs(after[-1]) < middle / 50
    far = np.asarray(d) > .02
    assert np.all((after + before)[far] < 0)           # the symmetric part integrates to zero


def test_pair_stdp_keeps_its_window_with_natural_spikes():
    h = stdp_natural.run("synapses/stdp_pair", trials=1500, window=40 * ms).headline
    assert h["correlation"] > 0.95 and h["correlation_with_reset"] > 0.95
    assert h["right_sign_after"] == h["right_sign_before"] == h["right_sign_before_with_reset"] == 1


def test_natural_spikes_need_an_input_current():
    with pytest.raises(SpikelearnError, match="input current"):
        stdp_natural.run(neuron="neurons/voltage_clamp", quick=True)


# --- voltage clamp ---------------------------------------------------------------------------------------------

@pytest.mark.long
def test_under_clamp_the_voltage_derivative_is_exactly_zero_and_clopaths_rule_is_not():
    result = stdp_clamp.run(quick=True)
    weight = dict(zip(result.arrays["rules"], result.arrays["weight"], strict=True))
    assert np.all(weight["voltage_derivative"] == 1) and np.all(weight["voltage_derivative_trace"] == 1)
    v, clopath = np.asarray(result.arrays["v"]) * 1e3, weight["stdp_voltage"]
    assert np.all(clopath[v < -71] == 1)
    assert np.all(clopath[(v > -70) & (v < -46)] < 1) and np.all(clopath[v > -30] > 1)
    assert result.headline["order_of_signs_stdp_voltage"] == 1
    drawn(stdp_clamp, result)


@pytest.mark.long
def test_clopaths_weight_stops_at_its_upper_bound_between_spikes():
    """A bound of 1 from the weight .5: within a second at 0 mV it would grow to thirteen times its start."""
    rule = load_model("synapses/stdp_voltage").with_parameters(w_max=1)
    weight = stdp_clamp.run(rule, v_highest=0 * mV, levels=2).arrays["weight"]
    assert 2 <= weight.max() < 2.02



@pytest.mark.long
def test_clamp_depression_is_linear_in_the_potential():
    rule = load_model("stdp_voltage")
    held = np.array([-65, -60, -55, -50]) * mV
    change = stdp_clamp.clamped(rule, load_model("voltage_clamp"), held, 25 * Hz, .4 * second, None, 1, "numpy").values
    p = rule.parameters
    assert change == pytest.approx(-np.asarray(10 * p["A_LTD"] * (held - p["theta_minus"])) / .5, rel=1e-6)


def test_the_clamp_needs_a_command():
    with pytest.raises(SpikelearnError, match="v_command"):
        stdp_clamp.run(neuron="neurons/lif")


# --- random trains ---------------------------------------------------------------------------------------------

def test_thresholds_of_the_closed_forms():
    triplet = load_model("stdp_triplet").with_parameters(parameters="visual_cortex_minimal")
    by_hand = 7.1e-3 * 33.7e-3 / (6.5e-3 * 16.8e-3 * 114e-3)
    assert stdp_poisson.threshold(triplet, 10 * Hz) == pytest.approx(by_hand, rel=1e-6)
    assert by_hand == pytest.approx(19.22, abs=.005)
    nearest = load_model("stdp_pair_nearest").with_parameters(A_plus=1.03, A_minus=.51, tau_plus=13.3 * ms,
                                                              tau_minus=34.5 * ms)
    by_hand = (.51 / 13.3e-3 - 1.03 / 34.5e-3) / (1.03 - .51)
    assert stdp_poisson.threshold(nearest, 10 * Hz) == pytest.approx(by_hand, rel=1e-5)
    assert by_hand == pytest.approx(16.3, abs=.05)
    assert stdp_poisson.threshold(load_model("stdp_pair"), 10 * Hz) is None
    assert stdp_poisson.threshold(load_model("stdp_pair_nearest"), 10 * Hz) is None     # Bi & Poo's values: none


def test_the_closed_form_of_pairs_is_the_area_of_the_window():
    p = load_model("stdp_pair").parameters
    area = p["A_plus"] * p["tau_plus"] - p["A_minus"] * p["tau_minus"]
    assert stdp_poisson.closed_form(load_model("stdp_pair"), np.array([30.]), 10 * Hz, 0 * ms) == pytest.approx(
        300 * float(area), rel=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("rule", ["stdp_triplet", "stdp_pair_nearest", "voltage_derivative_trace", "vpf_asymmetric"])
def test_random_trains_drift_as_the_closed_form_says(rule):
    result = stdp_poisson.run(rule, rates_post=[10, 19.22, 40] * Hz, repetitions=100, duration=1 * second, dt=.5 * ms)
    assert result.headline["worst_z"] < 3
    if rule in ("voltage_derivative_trace", "vpf_asymmetric"):
        assert result.headline["worst_z_of_no_drift"] < 3
    drawn(stdp_poisson, result)


@pytest.mark.long
def test_the_voltage_derivative_at_the_spike_has_no_drift_either():
    drift, _ = stdp_poisson.drifts(load_model("voltage_derivative"), None, 40 * Hz, [60] * Hz, 300, 1 * second, 1 * ms,
                                   2)
    assert abs(drift.mean()) < 3 * drift.std() / np.sqrt(drift.size)


def test_full_triplet_sets_have_a_closed_form_too():
    rule = load_model("stdp_triplet").with_parameters(parameters="hippocampus_full")
    y, p = 20.0, {name: float(value) for name, value in rule.parameters.items()}
    limit = 20 * y * (p["tau_plus"] * (p["A2_plus"] + p["A3_plus"] * p["tau_y"] * y)
                      - p["tau_minus"] * (p["A2_minus"] + p["A3_minus"] * p["tau_x"] * 20))
    assert stdp_poisson.closed_form(rule, np.array([y]), 20 * Hz, 0 * ms)[0] == pytest.approx(limit, rel=1e-4)


def test_a_crossing_is_found_only_where_depression_and_potentiation_are_significant():
    y = np.array([5., 10, 20, 30, 40])
    drift = y * (y - 17) / 1000
    rng = np.random.default_rng(0)
    found = stdp_poisson.crossing(y, drift, np.full(5, 1e-4), rng)
    assert found["threshold_hz"] == pytest.approx(17)
    assert stdp_poisson.crossing(y, drift, np.full(5, 1.), rng) == {}
    assert stdp_poisson.crossing(y, np.abs(drift), np.full(5, 1e-4), rng) == {}


@pytest.mark.slow
@pytest.mark.compiler
def test_the_triplet_threshold_is_found_at_19_hz():
    h = stdp_poisson.run(device="cpp").headline
    assert abs(h["threshold_hz"] - 19.22) < 3 * h["threshold_se_hz"] and h["threshold_se_hz"] < 1
    assert stdp_poisson.ACCEPTED["worst_z"].met(h["worst_z"])


# --- rate ramps ------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_rising_rates_potentiate_and_falling_rates_depress():
    result = stdp_ramp.run(repetitions=150, rises=[-60, -30, 0, 30, 60] * Hz, dt=.5 * ms)
    for name, accepted in stdp_ramp.ACCEPTED.items():
        assert accepted.met(result.headline[name]), name
    assert result.headline["rising_percent"] > 0 > result.headline["falling_percent"]
    drawn(stdp_ramp, result)


@pytest.mark.long
def test_pair_stdp_on_a_ramp_adds_its_area_to_its_moment():
    result = stdp_ramp.run("stdp_pair", repetitions=200, rises=[-60, 0, 60] * Hz, dt=1 * ms)
    assert result.headline["worst_z"] < 3
    rule = load_model("stdp_pair")
    p = {name: float(value) for name, value in rule.parameters.items()}
    limit = stdp_ramp.closed_form(rule, None, [0, 60] * Hz, 40 * Hz, 40 * Hz, 1 * second, 1e-6 * second)
    at_rest = 40 * 40 * (p["A_plus"] * p["tau_plus"] - p["A_minus"] * p["tau_minus"])
    rise = 40 * 60 * (p["A_plus"] * p["tau_plus"] ** 2 + p["A_minus"] * p["tau_minus"] ** 2)
    assert limit == pytest.approx([at_rest, at_rest + rise], rel=1e-3)


def test_a_ramp_has_the_rates_it_was_asked_for():
    rng = np.random.default_rng(1)
    trains = [stdp_ramp.ramp(20 * Hz, 40 * Hz, 60 * Hz, 1 * second, 1 * ms, rng) for _ in range(300)]
    times = np.concatenate([np.asarray(train.post) for train in trains])
    for low, high, rate in ((0, .5, 10), (.5, .75, 17.5), (1.25, 1.5, 62.5), (1.5, 2, 70)):
        count = np.sum((times >= low) & (times < high))
        assert abs(count - 300 * rate * (high - low)) < 3 * np.sqrt(count) + 5
    pre = np.concatenate([np.asarray(train.pre) for train in trains])
    assert pre.min() >= .5 and pre.max() <= 1.5


# --- controls --------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_controls_of_the_trace_rule_and_the_runaway_of_its_own_epsp():
    result = stdp_controls.run(n=3, longest=6, rate=5 * Hz, epsp=.5, dt=.5 * ms)
    h, rule = result.headline, load_model("voltage_derivative_trace").parameters
    tau_s, tau_v = float(rule["tau_s"]), float(load_model("afterpotential").parameters["tau_v"])
    assert h["pre_only_percent"] == h["post_only_percent"] == h["post_only_with_epsp_percent"] == 0
    assert h["pairs_plus_percent"] > 0 > h["pairs_minus_percent"]
    growth = 1 + rule["eta"] * .5 * tau_v / (tau_s + tau_v)      # a spike multiplies w by this
    expected = growth ** result.arrays["counts"] - 1
    assert result.arrays["runaway"] == pytest.approx(expected, rel=.02)
    drawn(stdp_controls, result)


def test_a_rule_on_spikes_does_not_see_the_epsp():
    result = stdp_controls.run("stdp_pair", quick=True)
    assert np.array_equal(result.arrays["without_epsp"], result.arrays["with_epsp"])
    assert result.headline["pre_only_percent"] == result.headline["post_only_percent"] == 0


@pytest.mark.long
def test_the_epsp_has_the_unit_of_the_neurons_potential():
    assert stdp_controls.epsp_of(load_model("afterpotential"), .1) == "v_post += w * 0.1"
    assert stdp_controls.epsp_of(load_model("lif"), .1) == "v_post += w * 2.0*mV"
    with pytest.raises(SpikelearnError, match="potential v"):
        stdp_controls.epsp_of(load_model("two_state"), .1)
    change = weight_changes([stdp_controls.spikes_only(2, 10 * Hz)], "voltage_derivative_trace", "lif",
                            transmit=stdp_controls.epsp_of(load_model("lif"), .1))
    assert change[0] > 0


@pytest.mark.parametrize("dt", [1.5 * ms, 3 * ms])
def test_random_trains_lie_on_one_grid(dt):
    """Half a second is no multiple of these steps: pre and post spikes could never coincide, as the closed form says.

    The pre spikes begin a whole number of steps after the post train, and the trains last whole steps.
    """
    rng = np.random.default_rng(1)
    pairing = stdp_ramp.ramp(40 * Hz, 40 * Hz, 30 * Hz, 20 * second, dt, rng)
    pre, post = (np.asarray(side) / float(dt) for side in (pairing.pre, pairing.post))
    assert np.max(np.abs(np.concatenate([pre - np.round(pre), post - np.round(post)]))) < 1e-6
    assert np.intersect1d(np.round(pre), np.round(post)).size
    found = stdp_poisson.run("stdp_pair", rates_post=[7, 37, 61] * Hz, repetitions=60, dt=dt, device="numpy")
    assert found.headline["worst_z"] < 3          # 9.2 and 8.4 with 100 repetitions on two grids


@pytest.mark.parametrize("protocol, options", [
    (stdp_poisson, dict(rates_post=[30, 60] * Hz, duration=2 * second, repetitions=20)),
    (stdp_ramp, dict(repetitions=20))])
def test_no_closed_form_where_weights_come_near_a_bound(protocol, options):
    """The closed form is of weights that are free to change; a line says why there is none."""
    rule = load_model("stdp_pair")
    free = protocol.run(rule, device="numpy", **options)
    assert "closed_form" in free.arrays and free.headline["worst_z"] < 3
    bound = protocol.run(rule.with_parameters(w_max=1.02), device="numpy", **options)
    assert "closed_form" not in bound.arrays and "weights came near w_max" in bound.missing["worst_z"]
    drawn(protocol, bound)


def test_near_a_bound_is_where_a_random_walk_meets_it():
    """100 walks of 400 steps that are stopped at a bound: by their ends it is told whether any met it."""
    rule, rng = load_model("stdp_pair").with_parameters(w_max=2), np.random.default_rng(3)
    for spread, met in ((0.1, False), (0.6, True)):
        walks = np.cumsum(spread / 20 * rng.standard_normal((100, 400)), axis=1)
        assert (walks.max() > 1) == met
        assert bool(near_bound(rule, np.minimum(walks[:, -1], 0.99)[None])) == met
