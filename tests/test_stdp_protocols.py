"""The pairing protocols: their numbers against the naive rules, the published errors, and figures that draw."""
import csv
import io
import json

import numpy as np
import pytest
import reference
from brian2 import Hz, ms, second
from matplotlib.figure import Figure
from spikelearn.protocols import (
    stdp_battery,
    stdp_bursts,
    stdp_frequency,
    stdp_quadruplets,
    stdp_triplets,
    stdp_window,
)

from spikelearn import SpikelearnError, load_model
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.weight_change import weight_changes

CLASSIC = ("bi_poo_window", "markram_frequency", "nevian_bursts", "sjostrom_frequency", "sjostrom_trains",
           "wang_hippocampus")
EXPERIMENTS = tuple(name for name in shipped_experiments() if experiment(name).scored.any())
TAUS = dict(tau_plus=.0168, tau_minus=.0337)
PAIR = dict(A_plus=.777 / 60, A_minus=.273 / 60, **TAUS)
KNOWN_E = {  # of the rounded published parameters; Pfister & Gerstner print 2.9 for both full hippocampal fits
    ("stdp_triplet", "visual_cortex_full"): .342, ("stdp_triplet", "visual_cortex_minimal"): .356,
    ("stdp_triplet_nearest", "visual_cortex_full"): .232, ("stdp_triplet_nearest", "visual_cortex_minimal"): .348,
    ("stdp_triplet", "hippocampus_full"): 2.83, ("stdp_triplet", "hippocampus_minimal"): 3.27,
    ("stdp_triplet_nearest", "hippocampus_full"): 2.72, ("stdp_triplet_nearest", "hippocampus_minimal"): 2.71,
}


def drawn(module, result):
    """The figure's axes, after it was rendered once; every axis has its labels."""
    figure = Figure(figsize=module.FIGURE_SIZE)
    module.plot(result, figure)
    figure.canvas.draw()
    return figure.axes


def same(one, other):
    return all(np.allclose(np.asarray(a), np.asarray(b), rtol=0, atol=1e-9)
               for a, b in ((one.pre, other.pre), (one.post, other.post)))


def naive(pairings):
    return np.array([reference.pair_all_to_all(p.pre, p.post, **PAIR) for p in pairings])


def test_window():
    """As the user runs it: the fit gives back the parameters that Bi & Wang (2002) published."""
    result = stdp_window.run(device="numpy")
    for name, accepted in stdp_window.ACCEPTED.items():
        assert accepted.met(result.headline[name]), name
    it = experiment("bi_poo_window")
    assert result.headline["E_bi_poo_window"] == pytest.approx(score(naive(it.pairings), it.mean, it.sem), rel=1e-6)
    assert result.headline["E_null_bi_poo_window"] == null_score(it.mean, it.sem)
    (axes,) = drawn(stdp_window, result)
    assert "(ms)" in axes.get_xlabel() and "(%)" in axes.get_ylabel()


@pytest.mark.long
def test_window_of_a_rule_that_reads_the_potential():
    """One pair of the trace rule: LTP with tau_s, LTD with tau_v; amplitudes of balanced STDP, up to the step."""
    result = stdp_window.run("synapses/voltage_derivative_trace", pairs=1, widest=50 * ms, quick=True, device="numpy")
    h, eta = result.headline, load_model("voltage_derivative_trace").parameters["eta"]
    assert (h["tau_plus_ms"], h["tau_minus_ms"]) == pytest.approx((16.8, 33.7), rel=1e-4)
    assert h["A_plus_percent"] == pytest.approx(100 * eta * 33.7 / 50.5, rel=2e-3)
    assert h["A_minus_percent"] == pytest.approx(100 * eta * 16.8 / 50.5, rel=4e-3)
    assert str(result.arrays["neuron"]) == "afterpotential"


@pytest.mark.long
def test_window_of_the_null_model_has_no_exponential():
    result = stdp_window.run("synapses/static", quick=True, device="numpy")
    h = result.headline
    assert set(result.missing) == {"A_plus_percent", "tau_plus_ms", "A_minus_percent", "tau_minus_ms"} - set(h)
    assert h["E_bi_poo_window"] == h["E_null_bi_poo_window"]
    drawn(stdp_window, stdp_window.run("synapses/static", quick=True, device="numpy"))


@pytest.mark.parametrize("amplitude, tau", [(.8, 17), (-.3, 34)])
def test_exponential_fit(amplitude, tau):
    d = np.arange(-50, 51)
    curve = np.where(d > 0, amplitude * np.exp(-d / tau), 7)
    assert stdp_window.exponential(d, curve) == pytest.approx((amplitude, tau))


def test_frequency():
    """Quick: the continuous pairs from 10 Hz on, against the naive triplet rule."""
    result = stdp_frequency.run(device="numpy", quick=True)
    rule, it = load_model("stdp_triplet").parameters, experiment("sjostrom_frequency")
    used = it.columns["repeat_hz"] >= 10
    names = ("A2_plus", "A3_plus", "A2_minus", "A3_minus", "tau_plus", "tau_minus", "tau_x", "tau_y")
    expected = np.array([reference.triplet(p.pre, p.post, **{name: float(rule[name]) for name in names})
                         for p, wanted in zip(it.pairings, used, strict=True) if wanted])
    assert result.arrays["sjostrom_frequency_model"] == pytest.approx(expected, rel=1e-9)
    E = score(expected, it.mean[used], it.sem[used])
    assert result.headline["E_sjostrom_frequency"] == pytest.approx(E, rel=1e-9)
    (axes,) = drawn(stdp_frequency, result)
    assert "(Hz)" in axes.get_xlabel() and "(%)" in axes.get_ylabel()


@pytest.mark.parametrize("name", stdp_frequency.EXPERIMENTS)
def test_frequency_curves_pass_through_the_measured_protocols(name):
    """The curves' pairings are the experiment's own where a rate was measured."""
    it = experiment(name)
    for p, rho, delta_t in zip(it.pairings, it.columns["repeat_hz"], it.columns["delta_t_ms"], strict=True):
        own = stdp_frequency.pairs(name, delta_t * ms, rho * Hz)
        assert same(own, p)


def test_triplets():
    result, it = stdp_triplets.run(device="numpy", quick=True), experiment("wang_hippocampus")
    motif = result.arrays["motif"]
    pairings = [beginning(p, 5 * second) for p, m in zip(it.pairings, it.columns["motif"], strict=True) if m in motif]
    assert result.arrays["change"] == pytest.approx(naive(pairings), rel=1e-9)
    assert result.headline["mean_pre_post_pre"] == pytest.approx(np.mean(naive(pairings)[motif == "pre-post-pre"]))
    assert [axes.get_title() for axes in drawn(stdp_triplets, result)] == ["pre-post-pre", "post-pre-post"]


def test_quadruplets():
    result, it = stdp_quadruplets.run(device="numpy", quick=True), experiment("wang_hippocampus")
    used = it.columns["motif"] == "quadruplet"
    own = [p for p, wanted in zip(it.pairings, used, strict=True) if wanted]
    for T, p in zip(result.arrays["measured_T"], own, strict=True):
        made = stdp_quadruplets.quadruplet(T, 5 * ms)
        assert same(made, p)
    assert result.arrays["change"] == pytest.approx(naive([beginning(p, 5 * second) for p in own]), rel=1e-9)
    (axes,) = drawn(stdp_quadruplets, result)
    assert "T (ms)" in axes.get_xlabel()


def test_bursts():
    result = stdp_bursts.run("synapses/stdp_pair", device="numpy", quick=True)
    a, it = result.arrays, experiment("nevian_bursts")
    pairings = [beginning(p, 11 * second) for p in it.pairings]
    assert a["conditions"] == pytest.approx(naive(pairings), rel=1e-9)
    assert a["number_plus"][2] == pytest.approx(a["rate_plus"][list(stdp_bursts.RATES).index(50)])
    assert a["first"][list(stdp_bursts.FIRST).index(10)] == pytest.approx(a["number_plus"][2])
    assert len(drawn(stdp_bursts, result)) == 3


@pytest.mark.long
def test_battery():
    """Quick, two rules: E against the naive rule, the null model's E, the table's files."""
    result = stdp_battery.run(("synapses/stdp_pair", "synapses/static"), device="numpy", quick=True, data=CLASSIC)
    a, h = result.arrays, result.headline
    for row, name in enumerate(CLASSIC):
        it = experiment(name)
        expected = score(naive([beginning(p, 5 * second) for p in it.pairings]), it.mean, it.sem)
        # Markram's 30 Hz are no whole milliseconds: the step moves those spikes by up to 0.5 ms
        assert h[f"E_{name}_stdp_pair"] == pytest.approx(expected, rel=1e-4 if name == "markram_frequency" else 1e-9)
        assert a["E"][row, 0] == h[f"E_{name}_stdp_pair"]
        assert h[f"E_{name}_static"] == h[f"E_null_{name}"] == null_score(it.mean, it.sem)
    files = stdp_battery.tables(result)
    rows = list(csv.DictReader(io.StringIO(files["table.csv"])))
    assert [row["experiment"] for row in rows] == list(CLASSIC)
    assert float(rows[0]["null"]) == pytest.approx(h["E_null_bi_poo_window"], rel=1e-5)
    assert json.loads(files["table.json"])["bi_poo_window"]["stdp_pair"] == h["E_bi_poo_window_stdp_pair"]
    assert len(drawn(stdp_battery, result)) == 6


def test_battery_of_one_rule_names_experiments_only():
    h = stdp_battery.run("synapses/static", device="numpy", quick=True).headline
    errors = (f"{kind}_{name}" for kind in ("E", "E_null", "p") for name in EXPERIMENTS)
    assert set(h) == {"step_error_percent", *errors, "conditions_brzosko_acetylcholine", "conditions_brzosko_dopamine"}
    with pytest.raises(SpikelearnError, match="different names"):
        stdp_battery.run(("synapses/static", "static"), quick=True)


@pytest.mark.compiler
@pytest.mark.parametrize("name", ["stdp_triplet", pytest.param("stdp_triplet_nearest", marks=pytest.mark.slow)])
def test_battery_gives_the_published_errors(name):
    """The four published sets of either scheme; within 2 % of the E of the rounded parameters."""
    for (rule, chosen), known in KNOWN_E.items():
        if rule == name:
            model = load_model(rule).with_parameters(parameters=chosen)
            h = stdp_battery.run(model, others=False, device="cpp").headline
            key = "E_sjostrom_frequency" if chosen.startswith("visual") else "E_wang_hippocampus"
            assert h[key] == pytest.approx(known, rel=.02), chosen


@pytest.mark.slow
@pytest.mark.compiler
def test_battery_with_the_other_protocols():
    """Every experiment and one number of each protocol without pairings, for a rule that reads the potential.

    The E of the trace rule with the one learning rate that fits each experiment best, worked out apart from this
    code: 9.0 on the hippocampal points, 8.0 and 6.8 on the frequency points as continuous pairs and as trains.
    """
    result = stdp_battery.run("synapses/voltage_derivative_trace")
    assert {f"{name.removeprefix('stdp_')}_{key}" for name, key in stdp_battery.OTHERS.items()} <= {
        *result.headline, *result.missing}
    for name, known in (("wang_hippocampus", 9.0), ("sjostrom_frequency", 8.0), ("sjostrom_trains", 6.8)):
        it, change = experiment(name), result.arrays[f"{name}_voltage_derivative_trace"]
        best = np.sum(change * it.mean / it.sem ** 2) / np.sum((change / it.sem) ** 2)
        assert score(best * change, it.mean, it.sem) == pytest.approx(known, abs=.05)
    assert result.headline["clamp_order_of_signs"] == 0 and result.headline["controls_pre_only_with_epsp_percent"] > 0


@pytest.mark.slow
@pytest.mark.compiler
def test_clopath_has_the_published_shape():
    """+10 ms: LTP only above about 10 Hz; -10 ms: LTD, turning to LTP near 40 Hz (15 trains of 5 pairs)."""
    it = experiment("sjostrom_trains")
    change = weight_changes(it.pairings, "synapses/stdp_voltage", device="cpp")
    plus, minus = (dict(zip(it.columns["repeat_hz"][side], change[side], strict=True))
                   for side in (it.columns["delta_t_ms"] > 0, it.columns["delta_t_ms"] < 0))
    assert abs(plus[.1]) < .01 and 0 < plus[10] < .06 < plus[20] < plus[40] < plus[50]
    assert max(minus[.1], minus[10], minus[20]) < -.2 and 0 < minus[40] < .15 and minus[50] > .3
    assert score(change, it.mean, it.sem) < 1.2 < null_score(it.mean, it.sem) / 7
