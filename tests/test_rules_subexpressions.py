"""Subexpressions of a rule see, at a spike, the same time and the same traces as its statements."""
import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikelearn import SynapseModel
from spikelearn.equations.assignments import written_out
from spikelearn.stdp.spike_times import Pairing, pairs
from spikelearn.stdp.weight_change import weight_changes


def test_a_subexpression_sees_the_time_of_its_condition():
    """w decays with 1 s and gains A at each spike: by hand, from spike to spike."""
    rule = SynapseModel(
        source="a test", equations="w = X*exp(-(t - t_last)/tau) : 1\nX : 1\nt_last : second",
        on_pre="X = w + A; t_last = t", on_post="X = w + A; t_last = t",
        parameters=dict(A=.1, tau=1 * second), initial=dict(X=1))
    change = weight_changes([pairs(10 * ms, 1, lead_in=100 * ms)], rule, device="numpy", read_after=1 * second)
    start = np.exp(-.1)
    end = ((start + .1) * np.exp(-.01) + .1) * np.exp(-1)
    assert change == pytest.approx([end / start - 1], rel=1e-9)


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)])
def test_a_subexpression_sees_traces_as_they_are_at_the_spike(device):
    """w = 1 + x: the trace x gains 1 at each pre spike and is read after a time constant."""
    rule = SynapseModel(
        source="a test", equations="w = 1 + y : 1\ny = 2*x : 1\ndx/dt = -x/tau : 1 (event-driven)\nseen : 1",
        on_pre="x += 1\nseen = w", on_post="x += seen",
        parameters=dict(tau=20 * ms), initial=dict(seen=0))
    found = weight_changes([Pairing([1] * ms, [] * ms), Pairing([1] * ms, [21] * ms)], rule, device=device,
                           read_after=20 * ms)
    later = np.exp(-1)
    assert found == pytest.approx([2 * later, 2 * (later + 3) * later], rel=1e-9)


def test_written_out_repeats_nested_subexpressions():
    from brian2 import Equations

    equations = Equations("w = a*b : 1\nb = a + 1 : 1\na : 1")
    assert written_out("x = w + b  # w", equations).replace(" ", "") == "x=(a*(a+1))+(a+1)"


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=pytest.mark.compiler)])
def test_a_number_that_is_drawn_once_a_step_is_the_same_wherever_it_is_read(device):
    """f - f is 0, so that five pairs add five times A."""
    rule = SynapseModel(
        name="once", source="none", initial=dict(w=1), parameters=dict(A=0.01), on_pre="d = f - f\nw += A*(1 + d)",
        on_post="w += 0*d", equations="w : 1\nd : 1\nf = rand() : 1 (constant over dt)")
    change = weight_changes([pairs(10 * ms, 5, 10 * Hz)] * 3, rule, device=device)
    assert change == pytest.approx([0.05] * 3, abs=1e-12)
