"""What a rule may say besides equations: delays, a third factor, functions, inputs, noise, a weight of another name."""
import dataclasses

import numpy as np
import pytest
from brian2 import Hz, TimedArray, check_units, implementation, ms, mV, second

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.equations.content import python_text
from spikelearn.stdp.comparison import predicted
from spikelearn.stdp.experiments import experiment
from spikelearn.stdp.spike_times import LEAD_IN, Pairing, motifs, pairs
from spikelearn.stdp.weight_change import outcome, weight_changes

CLOCKED = "dx/dt = -x/tau : 1 (clock-driven)\ndy/dt = -y/tau : 1 (clock-driven)"
EXACT = CLOCKED.replace("clock-driven", "event-driven")


def pair_rule(traces=EXACT, **fields):
    """A pair rule with one time constant of 20 ms and steps of 0.1."""
    return SynapseModel(**{**dict(
        source="none", equations=f"w : 1\n{traces}", on_pre="w -= A*y\nx += 1", on_post="w += A*x\ny += 1",
        parameters=dict(A=.1, tau=20 * ms), initial=dict(w=1)), **fields})


def changes(rule, *pairings, **options):
    return weight_changes(pairings, rule, device="numpy", **options)


@pytest.mark.long
@pytest.mark.parametrize("traces", [EXACT, CLOCKED])
@pytest.mark.parametrize("delay", [4 * ms, "D"])
def test_a_delay_moves_the_window(traces, delay):
    """on_pre 4 ms late: what was +10 ms acts as +6 ms, and +2 ms as -2 ms."""
    parameters = dict(A=.1, tau=20 * ms, **({"D": 4 * ms} if delay == "D" else {}))
    rule = pair_rule(traces, delay_pre=delay, parameters=parameters)
    found = changes(rule, pairs(10 * ms, 1), pairs(2 * ms, 1), pairs(-10 * ms, 1))
    assert found == pytest.approx(.1 * np.array([np.exp(-.3), -np.exp(-.1), -np.exp(-.7)]), rel=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("traces", [EXACT, CLOCKED])
def test_a_third_factor_turns_eligibility_into_weight(traces):
    """Reward 50 and 90 ms after the pre spike: w grows by the eligibility left then; without reward nothing."""
    rule = pair_rule(traces + f"\ndtag/dt = -tag/tau_e : 1 ({'event' if traces == EXACT else 'clock'}-driven)",
                     on_pre="x += 1", on_post="tag += A*x", on_third="w += tag",
                     parameters=dict(A=.1, tau=20 * ms, tau_e=100 * ms))
    rewarded = dataclasses.replace(pairs(10 * ms, 1), third=LEAD_IN + [50, 90] * ms)
    found = changes(rule, rewarded, pairs(10 * ms, 1))
    expected = .1 * np.exp(-.5) * (np.exp(-.4) + np.exp(-.8))
    assert found == pytest.approx([expected, 0], rel=1e-6, abs=1e-15)


def test_a_third_factor_that_a_rule_does_not_know_is_refused():
    for treated in (dict(third=LEAD_IN + [50] * ms), dict(bath=LEAD_IN + [0, 50] * ms)):
        with pytest.raises(SpikelearnError, match="the condition '1' has a third factor, and .* knows none"):
            changes(pair_rule(), dataclasses.replace(pairs(10 * ms, 1), **treated))


def test_at_one_moment_the_third_factor_comes_after_the_spikes():
    rule = pair_rule(on_third="w = 10*w", on_pre="", on_post="w += x + y", equations="w : 1\nx : 1\ny : 1",
                     parameters={}, initial=dict(w=1, x=1, y=0))
    both = dataclasses.replace(pairs(0 * ms, 1), third=LEAD_IN + [0] * ms)
    assert changes(rule, both) == pytest.approx([19])


@pytest.mark.long
@pytest.mark.parametrize("traces", [EXACT, pytest.param(CLOCKED, marks=pytest.mark.slow)])
def test_a_drug_is_known_by_the_name_third(traces):
    """Washed in over the second of three pairs: that one counts twice as much."""
    rule = pair_rule(traces, on_post="w += A*x*(1 + third)\ny += 1")
    three, alone = pairs(10 * ms, 3, 2 * Hz), pairs(10 * ms, 1)
    drug = dataclasses.replace(three, bath=LEAD_IN + [400, 900] * ms)
    pair, all_three = changes(rule, alone, three)
    assert changes(rule, drug) == pytest.approx(all_three + pair, rel=1e-6)
    later = dataclasses.replace(three, bath=LEAD_IN + [1.2, 60] * second)
    assert changes(rule, later) == pytest.approx(all_three, rel=1e-6)


def test_the_weight_is_what_read_says():
    """Two weights multiplied: 1.1 times 0.5 after against 1 times 0.25 before."""
    rule = SynapseModel(source="none", equations="P : 1\nq : 1", on_pre="P += A", on_post="q += B", read="P*q",
                        parameters=dict(A=.1, B=.25), initial=dict(P=1, q=.25))
    assert changes(rule, pairs(10 * ms, 1)) == pytest.approx([1.1 * .5 / .25 - 1])


def test_names_of_the_rule_s_own_may_end_in_pre_or_post():
    """Calcium of Graupner & Brunel (2012): jumps C_pre and C_post, here summed into the weight."""
    rule = SynapseModel(source="none", equations="w : 1\ndx_post/dt = -x_post/tau : 1 (event-driven)",
                        on_pre="x_post += C_pre\nw += x_post", on_post="x_post += C_post\nw += x_post",
                        parameters=dict(C_pre=1.5, C_post=2, tau=20 * ms), initial=dict(w=1))
    assert changes(rule, pairs(10 * ms, 1)) == pytest.approx([1.5 + 1.5 * np.exp(-.5) + 2])
    assert rule.reads() == {"pre": set(), "post": set()}
    changed = rule.with_parameters(C_pre=3)
    assert changes(changed, pairs(10 * ms, 1)) == pytest.approx([3 + 3 * np.exp(-.5) + 2])
    with pytest.raises(SpikelearnError, match="C_pots"):
        dataclasses.replace(rule, on_post="x_post += C_pots\nw += x_post")
    with pytest.raises(SpikelearnError, match="'C_pre' is used nowhere"):
        dataclasses.replace(rule, on_pre="w += x_post")


@check_units(x=1, result=1)
def square(x):
    return x**2


@implementation("cpp", "double cube(double x) { return x*x*x; }")
@check_units(x=1, result=1)
def cube(x):
    return x**3


def test_functions_with_units():
    rule = pair_rule(on_post="w += A*f(x)\ny += 1", functions={"f": square})
    assert changes(rule, pairs(10 * ms, 1)) == pytest.approx([.1 * np.exp(-1)])
    assert outcome([pairs(10 * ms, 1)], rule).change == pytest.approx([.1 * np.exp(-1)])
    with pytest.raises(SpikelearnError, match="'f' of .* has no text for the device 'cpp'"):
        weight_changes([pairs(10 * ms, 1)], rule, device="cpp")
    with pytest.raises(SpikelearnError, match="'f' must state its units"):
        pair_rule(on_post="w += A*f(x)", functions={"f": lambda x: x})
    with pytest.raises(SpikelearnError, match="unknown function 'g'"):
        pair_rule(on_post="w += A*g(x)", functions={"f": square})


@pytest.mark.compiler
def test_functions_and_delays_in_cpp():
    rule = pair_rule(on_post="w += A*f(x)\ny += 1", functions={"f": cube}, delay_pre="D",
                     traces=CLOCKED, parameters=dict(A=.1, tau=20 * ms, D=4 * ms))
    assert weight_changes([pairs(10 * ms, 1)], rule, device="cpp") == pytest.approx([.1 * np.exp(-.9)], rel=1e-6)


def test_an_input_is_read_at_the_time_of_the_condition():
    """dw/dt = dopamine(t): 0, 3, 1 per second in steps of 200 ms, from the first spike at 100 ms to 100 ms later."""
    dopamine = TimedArray([0, 3, 1] * Hz, dt=200 * ms)
    rule = SynapseModel(source="none", equations="dw/dt = gain*dopamine(t) : 1 (clock-driven)",
                        inputs={"dopamine": dopamine}, parameters=dict(gain=1.), initial=dict(w=1))
    assert changes(rule, pairs(0 * ms, 1), read_after=200 * ms) == pytest.approx([3 * .1], rel=.02)
    with pytest.raises(SpikelearnError, match="'dopamine' must be a TimedArray"):
        dataclasses.replace(rule, inputs={"dopamine": np.zeros(3)})


def test_an_input_is_read_at_the_time_of_the_pairing_itself(tmp_path):
    """level(t) counts steps of 100 ms: 5 at 520 ms, 1 in a CSV file, 11 if a drug comes 1 s before its spikes."""
    rule = pair_rule(on_pre="", on_post="w += A*level(t) + 0*third", traces="",
                     inputs={"level": TimedArray(np.arange(30.), dt=100 * ms)}, parameters=dict(A=.1))
    (tmp_path / "mine.csv").write_text("pre_ms,post_ms,third_from_s,third_to_s\n0,20,,\n0,20,-1,5\n")
    plain, early = experiment(tmp_path / "mine.csv").pairings
    found = changes(rule, Pairing([500] * ms, [520] * ms), plain, early, dt=1 * ms)
    assert found == pytest.approx([.5, .1, 1.1])


def test_the_post_spike_of_the_same_moment_is_known_to_its_neuron_already():
    """Brian2 updates lastspike and not_refractory before synapses, whose pre spike is taken first all the same."""
    for read, together, apart in (("abs(lastspike_post - t) < dt/2", .1, 0), ("not_refractory_post", 0, .1)):
        rule = pair_rule(on_pre=f"w += A*int({read})", on_post="", traces="", parameters=dict(A=.1), neuron="lif")
        assert changes(rule, pairs(0 * ms, 1), pairs(10 * ms, 1)) == pytest.approx([together, apart])


def test_noise_spreads_the_weight():
    """dw = sigma xi: after T the variance is sigma^2 T; 400 synapses, 4 standard errors."""
    rule = SynapseModel(source="none", equations="dw/dt = sigma*xi : 1 (clock-driven)",
                        parameters=dict(sigma=.1 * Hz**.5), initial=dict(w=1))
    found = changes(rule, *[pairs(0 * ms, 1)] * 400, read_after=200 * ms)
    assert np.var(found) == pytest.approx(.01 * .2, rel=4 * np.sqrt(2 / 400))
    assert len(set(found)) == 400
    mean, _ = predicted(rule, [pairs(0 * ms, 1)] * 2, copies=100, device="numpy", read_after=200 * ms)
    assert mean.shape == (2,) and np.all(np.abs(mean) < 4 * .1 * np.sqrt(.2 / 100))


def test_a_weight_that_moves_between_spikes():
    """The weight falls back to its start with 200 ms from 10 ms on, when it was raised, to the reading at 510 ms."""
    rule = pair_rule(EXACT, equations=f"dw/dt = (1 - w)/tau_w : 1 (event-driven)\n{EXACT}",
                     parameters=dict(A=.1, tau=20 * ms, tau_w=200 * ms))
    assert changes(rule, pairs(10 * ms, 1)) == pytest.approx([.1 * np.exp(-.5) * np.exp(-2.5)])


@pytest.mark.slow
def test_a_held_potential():
    """Clopath's rule under clamp: nothing below, depression between, potentiation above its thresholds."""
    pre = motifs([0] * ms, [] * ms, 5, 25 * Hz)
    held = [dataclasses.replace(pre, hold=v * mV, label=f"{v}") for v in (-75, -60, -10)]
    low, middle, high = changes(load_model("stdp_voltage"), *held)
    assert low == 0 > middle and high > 0
    # 5 steps of A_LTD (V - theta_minus), the filtered potential at the command; w starts at 0.5
    assert middle == pytest.approx(-5 * 14e-5 * (70.6 - 60) / .5, rel=1e-6)
    unheld, again = changes(load_model("stdp_voltage"), pre, held[1])
    assert again == pytest.approx(middle, rel=1e-6) and unheld == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("fields, sentence", [
    (dict(delay_pre=-1 * ms), "delay_pre must be a time of 0 s or more"),
    (dict(delay_pre=3), "delay_pre must be a time of 0 s or more"),
    (dict(delay_post="tua"), "did you mean 'tau'"),
    (dict(read="v"), "unknown name 'v' in read"),
    (dict(on_third="ww += 1"), "on_third"),
])
def test_refusals(fields, sentence):
    with pytest.raises(SpikelearnError, match=sentence):
        pair_rule(**fields)


def test_what_comes_after_the_reading_is_refused():
    late = dataclasses.replace(pairs(10 * ms, 1), third=LEAD_IN + [2] * second)
    with pytest.raises(SpikelearnError, match="the third factor at 2000 ms after the first spike .* read_after"):
        changes(pair_rule(on_third="w += A"), late)
    with pytest.raises(SpikelearnError, match="the delayed spike"):
        changes(pair_rule(delay_pre=600 * ms), pairs(10 * ms, 1))
    assert changes(pair_rule(on_third="w += A"), dataclasses.replace(late, read_after=3 * second))[0] > .1


@pytest.mark.long
def test_a_record_with_functions_and_inputs_is_written_and_read_again(tmp_path):
    rule = pair_rule(on_post="w += A*f(x)*level(t)\ny += 1", functions={"f": cube}, delay_pre=2 * ms, read="2*w",
                     inputs={"level": TimedArray([1, 2.5], dt=100 * ms)}, traces=CLOCKED)
    path = tmp_path / "again.py"
    path.write_text(python_text(rule))
    again = load_model(str(path))
    condition = Pairing([100] * ms, [110] * ms)
    assert changes(again, condition) == pytest.approx(changes(rule, condition), rel=1e-12)
    assert again.delay("pre") == .002 and again.read == "2*w"
