"""Traces of a rule against time: closed forms at every recorded time, potentials, names, and the protocol's figure."""
import csv
import io

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from matplotlib.figure import Figure
from spikelearn.protocols import stdp_trace

import spikelearn as sl
from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.stdp.spike_times import Pairing, motifs, pairs
from spikelearn.stdp.weight_change import weight_changes

BURST = motifs([0, 13.37] * ms, [-5, 7.003, 21] * ms, 3, 10 * Hz)


def closed_form(found, spikes, tau):
    """Sum of exp(-(t - spike)/tau) over the spikes up to t, at every recorded time."""
    t, spikes = np.asarray(found.t)[:, None], np.asarray(spikes)[None]
    return np.sum(np.where(t >= spikes - 1e-9, np.exp(-np.maximum(t - spikes, 0) / float(tau)), 0), axis=1)


def test_traces_of_a_pair_rule_decay_between_spikes():
    """Event-driven traces, spikes on no grid: 1e-6 at every recorded time, those just before the spikes included."""
    found, p = sl.trace("stdp_pair", BURST, device="numpy"), load_model("stdp_pair").parameters
    x, y = (closed_form(found, *given) for given in ((found.pre, p["tau_plus"]), (found.post, p["tau_minus"])))
    assert np.max(np.abs(found.variables["x"] - x)) < 1e-6 and np.max(np.abs(found.variables["y"] - y)) < 1e-6
    assert len(found.t) > 1000 and np.all(np.diff(found.t) > 0 * second) and found.potential is None
    assert found.weight[0] == 1
    assert found.weight[-1] - 1 == pytest.approx(weight_changes([BURST], "stdp_pair", device="numpy")[0], rel=1e-12)


def test_an_integrated_rule_with_an_event_driven_trace():
    """Both kinds of traces in one rule, recorded at the end of every step."""
    rule = SynapseModel(source="none", equations="""
        w : 1
        dx/dt = -x/tau : 1 (clock-driven)
        dy/dt = -y/tau : 1 (event-driven)""", on_pre="x += 1\ny += 1\nw += y", parameters=dict(tau=15 * ms),
        initial=dict(w=1))
    found = sl.trace(rule, pairs(5 * ms, 3, 20 * Hz), device="numpy", stop=150 * ms, points=300)
    expected = closed_form(found, found.pre, 15 * ms)
    for name in ("x", "y"):
        assert np.max(np.abs(found.variables[name] - expected)) < 1e-6
    assert len(found.t) >= 300 and found.weight[-1] == pytest.approx(4 + np.exp(-50 / 15) * 2 + np.exp(-100 / 15))


@pytest.mark.long
def test_the_potential_is_recorded_where_a_rule_reads_one():
    found = sl.trace("voltage_derivative_trace", pairs(10 * ms, 2, 20 * Hz), device="numpy")
    tau = load_model("afterpotential").parameters["tau_v"]
    assert np.max(np.abs(found.potential - closed_form(found, found.post, tau))) < 1e-6
    assert set(found.variables) == {"x"}
    voltage = sl.trace("stdp_voltage", pairs(10 * ms, 1), device="numpy", stop=30 * ms, points=100)
    assert voltage.potential.max() > 0 * mV > voltage.potential.min() and "u_minus" in voltage.variables


def test_several_conditions_and_a_window():
    first, other = sl.trace("stdp_pair", [pairs(10 * ms, 5), pairs(-10 * ms, 5)], start=990 * ms, stop=1100 * ms,
                            points=50, device="numpy")
    assert first.weight[-1] > first.weight[0] and other.weight[-1] < other.weight[0]
    assert np.all(np.asarray(first.t) >= .99) and np.all(np.asarray(first.t) <= 1.1 + 1e-9)
    with pytest.raises(SpikelearnError, match="stop must come after start"):
        sl.trace("stdp_pair", BURST, start=10 * ms, stop=0 * ms)


def test_names_of_the_rule_s_own_come_back():
    rule = SynapseModel(source="none", equations="w : 1\ndx_post/dt = -x_post/tau : 1 (event-driven)",
                        on_pre="x_post += C_pre\nw += x_post", parameters=dict(C_pre=2, tau=20 * ms), initial=dict(w=1))
    found = sl.trace(rule, Pairing([100] * ms, [] * ms), device="numpy")
    assert set(found.variables) == {"x_post"} and found.variables["x_post"].max() == pytest.approx(2)


@pytest.mark.long
def test_the_protocol_draws_rules_in_columns_and_writes_what_it_drew():
    result = stdp_trace.run(("stdp_pair", "voltage_derivative_trace"), pairing="pre 0; post 10 30; 3 at 2*Hz",
                            points=50, device="numpy", quick=True)
    figure = Figure()
    stdp_trace.plot(result, figure)
    assert len(figure.axes) == (1 + 2 + 1) + (1 + 3 + 1)        # spikes, variables, weight, all; with the potential
    text = stdp_trace.tables(result)["traces_stdp_pair.csv"]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert set(rows[0]) == {"condition", "part", "t_s", "weight", "x", "y"} and {row["part"] for row in rows} == {
        "motif", "all"}
    change = weight_changes([motifs([0] * ms, [10, 30] * ms, 3, 2 * Hz)], "stdp_pair", device="numpy")[0]
    assert float(rows[-1]["weight"]) == pytest.approx(1 + change, rel=1e-12)


@pytest.mark.parametrize("keywords, sentence", [
    (dict(conditions=(14,)), "conditions are numbered from 1 to 13"),
    (dict(motif=61), "has 60 motifs, so there is no motif 61"),
    (dict(pairing="pre 0; post 5", data=("bi_poo_window",)), "either data or pairing"),
    (dict(pairing="pre 0 post 5"), "a pairing is written like"),
])
def test_bad_requests(keywords, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        stdp_trace.run(**keywords, device="numpy")
