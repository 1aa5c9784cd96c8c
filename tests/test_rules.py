"""The shipped rules against naive second implementations and closed forms, through `weight_changes`."""
import dataclasses

import numpy as np
import pytest
import reference
from brian2 import Hz, Quantity, ms, mV, second

from spikelearn import NeuronModel, SpikelearnError, SynapseModel, load_model
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table
from spikelearn.stdp.experiments import table
from spikelearn.stdp.spike_times import Pairing, motifs, pairs
from spikelearn.stdp.trains import poisson
from spikelearn.stdp.weight_change import post_neuron, weight_changes


def numbers(model, *names):
    """Parameters as plain numbers in SI units."""
    return {name: float(model.parameters[name]) for name in names or model.parameters if name not in ("w_min", "w_max")}


def trains(duration=.6, rates=((80, 30), (15, 110), (60, 60), (200, 9)), dt=1 * ms, seed=4):
    """Poisson pairings of large unequal rates, and three coincident spikes in each."""
    rng, made, shared = np.random.default_rng(seed), [], np.array([.012, .035, .06])
    for x, y in rates:
        p = poisson(x * Hz, y * Hz, duration * second, rng, dt=dt, lead_in=5 * ms)
        made.append(Pairing(*(np.union1d(np.asarray(times), shared) * second for times in (p.pre, p.post))))
    return made


# --- rules of spike times ------------------------------------------------------------------------------------------

def test_one_pair_is_the_closed_form():
    """delta_t >= 0: A_plus exp(-delta_t/tau_plus), coincident spikes included; else -A_minus exp(delta_t/tau_minus)."""
    delta_t = np.array([-100, -33, -10, -1, 0, 1, 10, 33, 100])
    change = weight_changes([pairs(d * ms, 1) for d in delta_t], "synapses/stdp_pair", device="numpy")
    a = numbers(load_model("synapses/stdp_pair"))
    expected = np.where(delta_t >= 0, a["A_plus"] * np.exp(-delta_t / (1e3 * a["tau_plus"])),
                        -a["A_minus"] * np.exp(delta_t / (1e3 * a["tau_minus"])))
    assert np.abs(change - expected).max() < 1e-9


@pytest.mark.long
def test_the_weight_relative_to_its_start():
    rule = load_model("synapses/stdp_pair")
    half, third = (dataclasses.replace(rule, initial=dict(w=w)) for w in (.5, "1/(2 + A_plus/A_plus)"))
    one, two, three = (weight_changes([pairs(10 * ms, 2)], model, device="numpy") for model in (rule, half, third))
    assert two == pytest.approx(2 * one) and three == pytest.approx(3 * one)


@pytest.mark.parametrize("name, naive", [("stdp_pair", reference.pair_all_to_all),
                                         ("stdp_pair_nearest", reference.pair_nearest_presynaptic)])
def test_pair_rules(name, naive):
    rule, ps = load_model(name), trains()
    expected = [naive(p.pre, p.post, **numbers(rule)) for p in ps]
    assert weight_changes(ps, rule, device="numpy") == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.long
@pytest.mark.parametrize("chosen", ["visual_cortex_full", "hippocampus_full"])
@pytest.mark.parametrize("name, scheme", [("stdp_triplet", "all-to-all"), ("stdp_triplet_nearest", "nearest-spike")])
def test_triplet_rules(name, scheme, chosen):
    rule, ps = load_model(name).with_parameters(parameters=chosen, w_max=1000., w_min=-1000.), trains(.3)
    expected = [reference.triplet(p.pre, p.post, **numbers(rule), scheme=scheme) for p in ps]
    assert weight_changes(ps, rule, device="numpy") == pytest.approx(expected, rel=1e-9, abs=1e-11)


def test_bounds_hold_at_every_spike():
    rule, ps = load_model("stdp_pair").with_parameters(w_min=.98, w_max=1.02, A_plus=.01, A_minus=.013), trains(.3)
    expected = [reference.pair_all_to_all(p.pre, p.post, **numbers(rule), w0=1, w_min=.98, w_max=1.02) - 1 for p in ps]
    change = weight_changes(ps, rule, device="numpy")
    assert change == pytest.approx(expected, abs=1e-9)
    assert np.any(np.isclose(change, -.02)) or np.any(np.isclose(change, .02))


def test_static_is_the_null_model():
    assert np.all(weight_changes(trains(.2), "synapses/static", device="numpy") == 0)


@pytest.mark.parametrize("row", range(8))
def test_triplet_sets_are_the_published_tables(row):
    data = table("pfister_gerstner2006_parameters")
    name = {"all-to-all": "stdp_triplet", "nearest-spike": "stdp_triplet_nearest"}[data["scheme"][row]]
    chosen = f"{str(data['dataset'][row]).removesuffix('_culture').removesuffix('al')}_{data['model'][row]}"
    chosen = chosen.replace("hippocamp_", "hippocampus_")
    rule = load_model(name).with_parameters(parameters=chosen)
    for parameter in ("A2_plus", "A3_plus", "A2_minus", "A3_minus"):
        assert rule.parameters[parameter] == data[parameter][row]
    for parameter in ("tau_plus", "tau_minus", "tau_x", "tau_y"):
        printed = data[f"{parameter}_ms"][row]
        if np.isnan(printed):
            assert rule.parameters["A3_minus"] == 0
        else:
            assert float(rule.parameters[parameter] / ms) == pytest.approx(printed)


@pytest.mark.parametrize("name", ["stdp_triplet", "stdp_triplet_nearest"])
def test_triplet_default_is_a_set(name):
    rule = load_model(name)
    assert rule.with_parameters(parameters="visual_cortex_minimal").parameters == rule.parameters


# --- voltage-derivative rules --------------------------------------------------------------------------------------

@pytest.mark.long
def test_trace_form_is_balanced_pair_stdp():
    """Each pair, up to the step: -dt/(2 tau_v) of the LTP and +dt/(2 tau_s) of the LTD, from summing over steps."""
    rule, post = load_model("voltage_derivative_trace"), load_model("neurons/afterpotential")
    tau_s, tau_v, eta = rule.parameters["tau_s"], post.parameters["tau_v"], rule.parameters["eta"]
    ps = [pairs(d * ms, 1, lead_in=1 * ms) for d in (-40, -10, -1, 0, 1, 10, 40)]
    exact = np.array([reference.balanced_pair(p.pre, p.post, float(tau_s), float(tau_v), eta) for p in ps])
    dt = .1 * ms
    error = weight_changes(ps, rule, dt=dt, device="numpy") / exact - 1
    assert error[3:] == pytest.approx(-float(dt / (2 * tau_v)), rel=.01)
    assert error[:3] == pytest.approx(float(dt / (2 * tau_s)), rel=.01)


@pytest.mark.compiler
def test_trace_form_is_balanced_pair_stdp_on_random_trains():
    """To 1e-3 of the potentiation alone (the net change is the small difference of two large sums)."""
    rule, tau_v = load_model("voltage_derivative_trace"), .0337
    tau_s, eta = float(rule.parameters["tau_s"]), rule.parameters["eta"]
    ps = trains(1, rates=((80, 30), (15, 110), (60, 60), (120, 20)))
    expected = np.array([reference.balanced_pair(p.pre, p.post, tau_s, tau_v, eta) for p in ps])
    naive = np.array([reference.voltage_derivative_trace(p.pre, p.post, tau_s, tau_v, eta) for p in ps])
    potentiation = np.array([reference.pair_all_to_all(p.pre, p.post, eta * tau_v / (tau_s + tau_v), 0, tau_s, tau_v)
                             for p in ps])
    assert naive == pytest.approx(expected, rel=1e-9)
    change = weight_changes(ps, rule, dt=.01 * ms, device="cpp")
    assert np.all(np.abs(change - expected) < 1e-3 * potentiation)


@pytest.mark.long
@pytest.mark.parametrize("name, sign", [("voltage_derivative", 1), ("voltage_derivative_reverse", -1)])
def test_derivative_at_the_spike(name, sign):
    """The derivative is the difference to the step before: tau_v/dt (exp(dt/tau_v) - 1) times the true one."""
    rule, tau_v, dt = load_model(name), .0337, .1 * ms
    eta, ps = float(rule.parameters["eta"]), trains(.15)
    exact = np.array([reference.voltage_derivative_at_spike(p.pre, p.post, tau_v, eta) for p in ps])
    factor = tau_v / float(dt) * np.expm1(float(dt) / tau_v)
    assert weight_changes(ps, rule, dt=dt, device="numpy") == pytest.approx(sign * factor * exact, rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("name", ["voltage_derivative", "voltage_derivative_trace", "voltage_derivative_reverse"])
def test_nothing_is_learnt_under_voltage_clamp(name):
    times = spike_table([p.pre for p in trains(.1)])

    def build():
        pre, stimulus = spike_trains(times, name="pre")
        post = neurons("neurons/voltage_clamp", 4, name="post", reads=["u", "dudt"])
        return [pre, stimulus, post, synapses(pre, post, name, name="rule")]

    w = Simulation(build, .2 * second, device="numpy", dt=.5 * ms).run(read=["rule.w"])["rule.w"]
    assert np.all(w == 1)


@pytest.mark.long
@pytest.mark.parametrize("neuron", ["neurons/lif", "neurons/adex_afterdepolarisation"])
def test_trace_form_runs_with_every_neuron(neuron):
    """A forced spike at rest leaves lif 5 mV and adex an after-depolarisation above rest: V falls, so LTD before."""
    ps = [pairs(d * ms, 1, lead_in=1 * ms) for d in (-10, 10)]
    before, after = weight_changes(ps, "voltage_derivative_trace", neuron, device="numpy")
    assert before < 0 < after


@pytest.mark.long
def test_lif_after_a_forced_spike():
    """u = (v_reset - v_rest) / (v_threshold - v_rest) = 1/4 decays with tau_m after the refractory time."""
    (change,) = weight_changes([pairs(-10 * ms, 1, lead_in=1 * ms)], "voltage_derivative", "neurons/lif",
                               dt=.1 * ms, device="numpy")
    eta, dt = float(load_model("voltage_derivative").parameters["eta"]), 1e-4
    u = .25 * np.exp(-np.array([.008, .008 + dt]) / .01)     # the step that ends the refractory time decays already
    assert change == pytest.approx(eta * (u[1] - u[0]) / dt, rel=1e-9)


# --- Clopath's rule ------------------------------------------------------------------------------------------------

SWING = NeuronModel(
    source="a test", equations="""
        v = v_mean + v_swing*sin(2*pi*rate*t) + v_second*sin(2*pi*rate_second*t) : volt
        forced_spike : boolean
    """, threshold="forced_spike", reset="forced_spike = False", forced="forced_spike = True", potential="v/v_swing",
    parameters=dict(v_mean=-45 * mV, v_swing=20 * mV, v_second=15 * mV, rate=13 * Hz, rate_second=71 * Hz))


@pytest.mark.long
@pytest.mark.parametrize("with_post_spikes", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_clopath_rule(with_post_spikes):
    """A prescribed potential: the rule of the paper step by step; a post spike stores what is read for t_read.

    In Brian2 a step ends with the spikes, in the reference it begins with them: hence steps + 1.
    """
    dt, rule = .1 * ms, load_model("stdp_voltage").with_parameters(w_min=-100., w_max=100.)
    ps = trains(.12, seed=8) if with_post_spikes else [Pairing(p.pre, [] * ms) for p in trains(.12, seed=8)]
    change = weight_changes(ps, rule, SWING, dt=dt, device="numpy")
    last = max(float(times[-1]) for p in ps for times in (p.pre, p.post) if len(times))
    t = np.arange(round(np.ceil(round((last + .5) * 1e3, 6)) * 10)) * 1e-4
    a, s = rule.parameters, SWING.parameters
    u = s["v_mean"] + s["v_swing"] * np.sin(2 * np.pi * t * float(s["rate"])) \
        + s["v_second"] * np.sin(2 * np.pi * t * float(s["rate_second"]))
    u = np.asarray(u) * 1e3
    in_mV = dict(theta_minus=float(a["theta_minus"] / mV), theta_plus=float(a["theta_plus"] / mV),
                 A_LTD=float(a["A_LTD"] * mV), A_LTP=float(a["A_LTP"] * mV ** 2))
    taus = {name: float(a[name] / ms) for name in ("tau_x", "tau_minus", "tau_plus")}
    for p, found in zip(ps, change, strict=True):
        steps = [np.round(np.asarray(times) / 1e-4).astype(int) + 1 for times in (p.pre, p.post)]
        w = reference.clopath(steps[0], u, .1, **in_mV, **taus, w0=.5, post_steps=steps[1], wait=29)
        assert found == pytest.approx(w / .5 - 1, rel=1e-8)         # 29 steps: t_read of 3 ms, less half a step


@pytest.mark.long
def test_clopath_one_pair_has_no_potentiation():
    """The filter is read as it was before the spike, at rest: nothing above theta_minus. Post first: depression."""
    ps = [pairs(d * ms, 1, lead_in=1 * ms) for d in (10, -10)]
    plus, minus = weight_changes(ps, "stdp_voltage", device="numpy")
    assert abs(plus) < 1e-6 and -.01 < minus < -.003


@pytest.mark.slow
@pytest.mark.compiler
def test_clopath_frequency_with_the_authors_extra_spike():
    """The authors' program gives 6 post spikes to 5 pre spikes at -10 ms: 117.8 and 173.6 % at 40 and 50 Hz."""
    ps = []
    for rho in (40, 50):
        onsets = 10 * np.arange(15)[:, None] + .1
        ps.append(Pairing(np.ravel(onsets + .01 + np.arange(5) / rho) * second,
                          np.ravel(onsets + np.arange(6) / rho) * second))
    assert 100 + 100 * weight_changes(ps, "stdp_voltage", device="cpp") == pytest.approx([117.8, 173.6], rel=.05)


# --- refusals ------------------------------------------------------------------------------------------------------

def test_which_neuron():
    assert post_neuron("stdp_pair", "neurons/lif") is None
    assert post_neuron("voltage_derivative_trace").name == "afterpotential"
    assert post_neuron("stdp_voltage", "lif").name == "lif"
    assert post_neuron("stdp_pair", "lif", transmit="v_post += 1*mV").name == "lif"
    with pytest.raises(SpikelearnError, match="needs a neuron"):
        post_neuron("stdp_pair", transmit="v_post += 1*mV")


def test_mistakes_are_told():
    with pytest.raises(SpikelearnError, match="'v' in V"):
        weight_changes([pairs(10 * ms, 1)], "stdp_voltage", "neurons/afterpotential", device="numpy")
    with pytest.raises(SpikelearnError, match="no multiples of dt = 0.3 ms: dt = 0.25 ms would do"):
        weight_changes([motifs([0, 1] * ms, [5] * ms, 1)], "voltage_derivative", dt=0.3 * ms, device="numpy")
    with pytest.raises(SpikelearnError, match="initial w"):
        rule = SynapseModel(source="a test", equations="w : 1", on_pre="w += 1")
        weight_changes([pairs(10 * ms, 1)], rule, device="numpy")


@pytest.mark.long
def test_a_rule_that_reads_both_sides_gets_two_neurons():
    """w += dudt of the other side at each spike, the symmetric form: as much for either order."""
    symmetric = SynapseModel(
        source="a test", equations="w : 1", on_pre="w += eta*dudt_post", on_post="w += eta*dudt_pre",
        neuron="neurons/afterpotential", parameters=dict(eta=Quantity(.1 * ms)), initial=dict(w=1))
    plus, minus = weight_changes([pairs(d * ms, 1, lead_in=1 * ms) for d in (7, -7)], symmetric, device="numpy")
    assert plus == pytest.approx(minus) and plus < 0
