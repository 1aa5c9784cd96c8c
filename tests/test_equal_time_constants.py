"""Coupled equations whose time constants coincide, or nearly: their solution must not divide by the difference."""
import numpy as np
import pytest
from brian2 import Hz, TimedArray, ms, nS, second

import spikelearn as sl
from spikelearn.equations.apart import kept_apart
from spikelearn.errors import SpikelearnError

CASCADE = {1: "dx/dt = -x/a : 1 ({0})", 2: "dy/dt = (x - y)/b : 1 ({0})", 3: "dz/dt = (y - z)/c : 1 ({0})",
           4: "dq/dt = (z - q)/d : 1 ({0})"}


def cascade(n, kind="event-driven", **times):
    """A rule that reads the n-th of n traces that follow each other."""
    lines = [CASCADE[k].format(kind) for k in range(1, n + 1)]
    last = lines[-1][1]
    return sl.SynapseModel(name="cascade", source="a test", initial=dict(w=1), equations="\n".join(["w : 1", *lines]),
                           on_pre="x += 1", on_post=f"w += A*{last}", parameters=dict(A=.01, **times))


def response(n, times, wait):
    """What is left in the n-th trace after a wait, by the matrix exponential of the chain in many short steps."""
    matrix = np.diag(-1 / times) + np.diag(1 / times[1:], -1)
    step = np.eye(n) + matrix * wait / 2**30
    for _ in range(30):
        step = step @ step
    return step[-1, 0]


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)])
@pytest.mark.parametrize("kind", ["event-driven", "clock-driven"])
@pytest.mark.parametrize("apart", [0, 2.3e-16, 1e-14, 1e-11, 1e-9, 1.4e-8, 1e-6, 1e-3])
def test_two_equal_time_constants(apart, kind, device):
    rule = cascade(2, kind, a=20 * ms, b=20 * ms * (1 + apart))
    found = sl.weight_changes([sl.pairs(wait * ms, 1) for wait in (2, 10, 40)], rule, device=device)
    want = [.01 * wait / 20 * np.exp(-wait / 20) for wait in (2, 10, 40)]
    assert found == pytest.approx(want, rel=1e-5 + apart)


@pytest.mark.parametrize("third", [20, 20.01, 20.05, 20.3, 30, 2])
def test_three_time_constants(third):
    rule = cascade(3, a=20 * ms, b=20 * ms, c=third * ms)
    found = sl.weight_changes([sl.pairs(wait * ms, 1) for wait in (2, 10, 40)], rule, device="numpy")
    want = [.01 * response(3, np.array([20, 20, third]), wait) for wait in (2, 10, 40)]
    assert found == pytest.approx(want, rel=1.1e-3)


def test_four_are_refused():
    rule = cascade(4, a=20 * ms, b=20 * ms, c=20 * ms, d=20 * ms)
    with pytest.raises(SpikelearnError, match="nearly coincide"):
        sl.weight_changes([sl.pairs(10 * ms, 1)], rule, device="numpy")


def test_only_what_needs_it_is_moved():
    assert kept_apart(cascade(2, a=20 * ms, b=30 * ms)) == {}
    assert kept_apart(sl.load_model("stdp_pair").with_parameters(tau_plus=20 * ms, tau_minus=20 * ms)) == {}
    one = cascade(1, a=20 * ms)
    assert kept_apart(one) == {}
    moved = kept_apart(cascade(2, a=20 * ms, b=30 * ms), dict(b=np.array([.02, .03, .02 * (1 + 1e-12)]) * second))
    assert list(moved) == ["b"]
    assert np.asarray(moved["b"])[1] == .03
    assert np.abs(np.asarray(moved["b"])[[0, 2]] / .02 - 1) == pytest.approx(1.5e-8, rel=.1)


def test_shipped_rule_with_equal_time_constants():
    rule, spikes = sl.load_model("short_term_active"), sl.Pairing([0, 15, 200, 230] * ms, [] * ms)
    found = [sl.weight_changes([spikes], rule.with_parameters(tau_I=value), device="numpy")[0]
             for value in (.3 * second / 3, 100 * ms, 100.001 * ms)]
    assert found == pytest.approx([found[-1]] * 3, rel=1e-4)
    assert found[-1] == pytest.approx(1.925, abs=.002)


def narrow():
    """The weight rises while a trace is above a threshold, for a time far shorter than its time constant."""
    return sl.SynapseModel(
        name="narrow", source="a test", initial=dict(w=1), on_pre="c += 1", on_post="c += 1",
        equations="dw/dt = k*int(c > theta) : 1 (clock-driven)\ndc/dt = -c/tau : 1 (clock-driven)",
        parameters=dict(k=100 * Hz, tau=20 * ms, theta=1.95))


def test_trace_measures_the_error_of_its_step():
    close = sl.Pairing([0] * ms, [1] * ms)
    with pytest.raises(SpikelearnError, match="cannot be integrated accurately"):
        sl.trace(narrow(), close, device="numpy")
    found = sl.trace(narrow().with_parameters(theta=.5), close, device="numpy")
    assert 0 <= found.step_error_percent < 1
    # above .5 from the pre spike on until both have decayed
    above = 1 + 20 * np.log((1 + np.exp(-1 / 20)) / .5)
    assert float(found.weight[-1] - found.weight[0]) == pytest.approx(.1 * above, rel=.01)
    assert sl.trace("stdp_pair", close).step_error_percent == 0


def test_trace_of_a_small_weight_measures_the_error_too():
    """A weight in siemens changes by less than 1e-9 in base units, which is no rounding."""
    rule = sl.SynapseModel(
        name="small", source="a test", initial=dict(g=1 * nS), read="g", on_pre="c += 1", on_post="c += 1",
        equations="dg/dt = k*int(c > theta) : siemens (clock-driven)\ndc/dt = -c/tau : 1 (clock-driven)",
        parameters=dict(k=100 * nS * Hz, tau=20 * ms, theta=1.95))
    with pytest.raises(SpikelearnError, match="cannot be integrated accurately"):
        sl.trace(rule, sl.Pairing([0] * ms, [1] * ms), device="numpy")


@pytest.mark.parametrize(("given", "words"), [
    (dict(stop=2), "stop must be a time"), (dict(start=5 * Hz), "start must be a time"), (dict(points=-5), "points"),
    (dict(points=2.5), "points"), (dict(dt=1 * Hz), "dt must be a time"), (dict(stop=np.nan * ms), "stop")])
def test_trace_refuses(given, words):
    with pytest.raises(SpikelearnError, match=words):
        sl.trace("stdp_pair", sl.pairs(10 * ms, 1), **given)


def test_steps_are_no_longer_than_those_of_an_input():
    values = np.zeros(6000)
    values[2101] = 1
    rule = sl.SynapseModel(
        name="pulse", source="a test", initial=dict(w=1), equations="dw/dt = k*gate(t) : 1 (clock-driven)",
        on_pre="w += 0", parameters=dict(k=200 * Hz), inputs=dict(gate=TimedArray(values, dt=.05 * ms)))
    pairing = [sl.Pairing([0] * ms, [10] * ms)]
    assert sl.weight_changes(pairing, rule, device="numpy") == pytest.approx([.01], rel=1e-6)
    with pytest.raises(SpikelearnError, match="for which an input"):
        sl.weight_changes(pairing, rule, device="numpy", dt=.2 * ms)
