"""Protocols of the further rules in their short form, and every such rule through window and battery."""
import numpy as np
import pytest
from brian2 import second
from matplotlib.figure import Figure
from spikelearn.protocols import (
    btsp_window,
    calcium_window,
    distal_reward,
    inhibitory_balance,
    presynaptic_expression,
    short_term,
    stdp_battery,
    stdp_window,
)

from spikelearn import SpikelearnError
from spikelearn.results.result import completed
from spikelearn.stdp.experiments import experiment, null_score

PAIRED = ["stdp_rubin", "stdp_guetig", "stdp_van_rossum", "stdp_inhibitory", "stdp_suppression", "stdp_diehl_cook",
          "stdp_dopamine", "pre_post_expression", "calcium", "calcium_population", "calcium_bistable", "btsp",
          "bistable", "contrastive_hebbian", "short_term_facilitation", "short_term_depression", "short_term_active"]
NO_CHANGE = ("short_term_facilitation", "short_term_depression", "short_term_active",        # transmission alone
             "bistable", "calcium_population")      # X needs several post spikes, a noisy population several pairs


def drawn(module, result):
    """The figure's axes, after it was rendered once; texts of 8 points or more but for the protocol line."""
    figure = Figure(figsize=module.FIGURE_SIZE)
    module.plot(result, figure)
    figure.canvas.draw()
    return figure.axes


def accepted(module, headline, *names):
    for name in names:
        assert module.ACCEPTED[name].met(headline[name]), (name, headline[name])


@pytest.mark.long
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow)
    if name in ("calcium_bistable", "bistable", "btsp", "contrastive_hebbian") else name for name in PAIRED])
def test_rule_runs_through_the_window(name):
    """One pair at 20 intervals of 10 ms: finite, and with change, but for those that one pair leaves as they are."""
    result = completed(stdp_window.run(name, pairs=1, quick=True, device="numpy"))
    change = result.arrays["change"]
    assert np.isfinite(change).all() and change.shape == (21,)
    assert (np.abs(change).max() > 1e-12) == (name not in NO_CHANGE)
    assert result.headline["step_error_percent"] < 1


@pytest.mark.long
def test_rules_run_through_the_battery():
    result = stdp_battery.run(("pre_post_expression", "calcium_population", "stdp_suppression"), quick=True,
                              others=False, device="numpy")
    assert np.isfinite(result.arrays["E"]).all() and result.arrays["E"].shape[1] == 3


@pytest.mark.long
def test_short_term():
    result = short_term.run(quick=True, device="numpy")
    accepted(short_term, result.headline, *short_term.ACCEPTED)
    assert result.arrays["first"][0, :5] == pytest.approx([.5, .26515, .15483, .10302, .07868], abs=5e-6)
    assert result.arrays["first"][1, :5] == pytest.approx([.04, .07467, .10329, .12644, .14516], abs=5e-6)
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in drawn(short_term, result))
    with pytest.raises(SpikelearnError, match="does not start"):
        short_term.run("bistable", device="numpy")


@pytest.mark.long
def test_presynaptic_expression():
    """The product of P and q is the weight, and E that of the rule on the experiment."""
    result = presynaptic_expression.run(quick=True, device="numpy")
    accepted(presynaptic_expression, result.headline, *presynaptic_expression.ACCEPTED)
    a, it = result.arrays, experiment("sjostrom_trains")
    for side in ("plus", "minus"):
        assert a[f"w_{side}"] == pytest.approx(a[f"P_{side}"] * a[f"q_{side}"], rel=1e-12)
    assert result.headline["E_null_sjostrom_trains"] == null_score(it.mean, it.sem)
    assert len(drawn(presynaptic_expression, result)) == 3
    with pytest.raises(SpikelearnError, match="P and q"):
        presynaptic_expression.run("stdp_pair", quick=True, device="numpy")


@pytest.mark.slow
def test_calcium_window():
    result = calcium_window.run(quick=True, device="numpy")
    accepted(calcium_window, result.headline, *calcium_window.ACCEPTED)
    assert list(result.arrays["sets"]) == ["DP", "cortical_slices"]
    assert len(drawn(calcium_window, result)) == 3


@pytest.mark.slow
def test_btsp_window():
    """Changes at whole seconds from w = 1 and w = 4; the time step is 1 ms."""
    result = btsp_window.run(quick=True, device="numpy")
    found = result.arrays["change"]
    weak = [.2597, .7647, 1.1344, 1.4797, 1.0615, .5088, .0519]
    assert found[0, [0, 2, 3, 4, 5, 6, 8]] == pytest.approx(weak, abs=2e-3)
    assert found[1, [0, 2, 4, 6, 8]] == pytest.approx([-1.185, -1.294, -1.212, -1.227, -.795], abs=.01)
    (axes,) = drawn(btsp_window, result)
    assert "(s)" in axes.get_xlabel()


def test_half_widths():
    x = np.linspace(-5, 5, 1001)
    y = np.where(x < 0, np.exp(x / 2), np.exp(-x))
    assert btsp_window.half_widths(x, y) == pytest.approx((2 * np.log(2), np.log(2)), abs=1e-4)


def test_distal_reward_against_delay():
    result = distal_reward.run(with_network=False, device="numpy")
    accepted(distal_reward, result.headline, "worst_error", "factor_at_1_s")
    assert len(drawn(distal_reward, result)) == 1
    with pytest.raises(SpikelearnError, match="rewarded pairs"):
        distal_reward.run("stdp_pair", device="numpy")


@pytest.mark.parametrize("cells, excitatory", [(200, 160), (1000, 800)])
def test_connections_of_the_rewarded_network(cells, excitatory):
    """No neuron onto itself or twice onto another; inhibitory neurons reach excitatory ones; synapse 0 is 0 to 1."""
    rng = np.random.default_rng(4)
    (i, j), (k, m) = distal_reward.connections(cells, excitatory, rng)
    per_cell = min(100, cells // 4)
    assert (i[0], j[0]) == (0, 1) and np.all(i != j) and m.max() < excitatory and k.max() < cells - excitatory
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == len(i) == excitatory * per_cell
    assert len(set(zip(k.tolist(), m.tolist(), strict=True))) == len(k) == (cells - excitatory) * per_cell


@pytest.mark.slow
@pytest.mark.compiler
def test_rewarded_network():
    """Quick: rewards come, neurons fire at a few Hz, the credited weight rises from 0, tonic dopamine depresses."""
    result = distal_reward.run(delays=[0, 1] * second, quick=True, device="cpp")
    h = result.headline
    assert h["rewards"] > 0 and h["credited_weight"] > 0 and .5 < h["rate_excitatory_hz"] < 10
    assert h["mean_weight_of_others"] < 1
    assert len(drawn(distal_reward, result)) == 3


@pytest.mark.slow
@pytest.mark.compiler
def test_inhibitory_balance():
    """Quick: 1,000 cells; the rate falls by a factor of five or more, and firing becomes irregular."""
    result = inhibitory_balance.run(quick=True, device="cpp")
    accepted(inhibitory_balance, result.headline, "rate_before_over_after")
    assert result.headline["cv_of_intervals_after"] > .6
    assert len(drawn(inhibitory_balance, result)) == 3
    with pytest.raises(SpikelearnError, match="a conductance"):
        inhibitory_balance.run("stdp_pair", quick=True)


def test_random_connection():
    """Each pair with the given probability: the count within 5 standard deviations, no pair twice."""
    i, j = inhibitory_balance.pairs(np.random.default_rng(1), 300, 500, .04)
    assert abs(len(i) - 6000) < 5 * np.sqrt(6000 * .96) and len(set(zip(i.tolist(), j.tolist(), strict=True))) == len(i)
