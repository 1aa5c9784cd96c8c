"""Values out of range are refused in one sentence that names the parameter, in models, protocols and recipes."""
import dataclasses
import json
import math

import numpy as np
import pytest
from brian2 import Hz, amp, mA, ms, mV, nA, nS, second
from spikelearn.protocols import stdp_window
from spikelearn.protocols.learn_mnist_rates import Recipe as RateRecipe

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.boltzmann.train_on_spikes import Recipe as MachineRecipe
from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.equations.files import shipped_models
from spikelearn.equations.ranges import divisors
from spikelearn.equilibrium.classifier import Recipe as NetworkRecipe
from spikelearn.generative.recipe import Recipe as GenerativeRecipe
from spikelearn.ranges.check import Range, Words, check_keywords, checked, derived, positive, range_of, whole
from spikelearn.ranges.keywords import KEYWORDS
from spikelearn.results.result import Missing, Result, completed
from spikelearn.simulation.network import neurons
from spikelearn.simulation.simulate import Simulation

OWN_OPTIONS = ("synapse", "neuron", "device", "resume", "data_dir", "out", "quick")


# --- models ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model, change, words", [
    ("stdp_pair", dict(tau_plus=-17 * ms), "'tau_plus' must not be negative"),
    ("stdp_pair", dict(tau_plus=0 * ms), "'tau_plus' divides and must be above 0"),
    ("lif", dict(tau_m=0 * ms), "'tau_m' divides"), ("lif", dict(t_ref=-1 * ms), "'t_ref' must not be negative"),
    ("lif", dict(v_threshold=-70 * mV), "'v_threshold - v_rest' divides and must not be 0"),
    ("leaky_integrator_fire", dict(r_max=-1 * Hz), "'r_max' must not be negative"),
    ("leaky_integrator_fire", dict(r_max=0 * Hz), "'r_max' divides"),
    ("leaky_integrator_fire", dict(r_max=1e30 * Hz), "'r_max' must be a rate of at most"),
    ("adex_afterdepolarisation", dict(g_L=-1 * nS), "'g_L' must not be negative"),
    ("stdp_pair", dict(w_max=.5), "initial w = 1 lies outside its bound w_max = 0.5"),
    ("stdp_pair", dict(w_min=2.), "initial w = 1 lies outside its bound w_min = 2"),
    ("stdp_pair", dict(w_max=-1.), "w_min = 0 must not be above w_max = -1"),
    ("stdp_pair", dict(A_plus=math.nan), "'A_plus' must be finite"),
    ("voltage_derivative_trace", dict(eta=math.inf), "'eta' must be finite"),
    ("voltage_derivative_symmetric_twin", dict(beta_twin=1), "'1 - beta_twin' divides and must not be 0"),
    ("leaky_integrator_noise", dict(temperature=-1), "'temperature' must lie from 0"),
    ("background_current", dict(spread=-1 * nA), "'spread' must lie from 0"),
])
def test_a_parameter_out_of_its_range_is_refused(model, change, words):
    with pytest.raises(SpikelearnError, match=words.replace("(", r"\(")) as error:
        load_model(model).with_parameters(**change)
    assert model in str(error.value) and "\n" not in str(error.value)


def test_a_weight_starts_between_its_bounds():
    rule = dict(source="here", equations="w : 1", on_pre="w += 1")
    with pytest.raises(SpikelearnError, match="initial w = -1 must not be negative"):
        SynapseModel(**rule, initial=dict(w=-1))
    assert SynapseModel(**rule, initial=dict(w=-1), ranges=dict(w=(-2, 2))).initial["w"] == -1
    with pytest.raises(SpikelearnError, match="'w' must lie from -2 to 2"):
        SynapseModel(**rule, initial=dict(w=-3), ranges=dict(w=(-2, 2)))
    with pytest.raises(SpikelearnError, match="outside its bound w_min"):
        dataclasses.replace(load_model("stdp_pair"), initial=dict(w=-.1))


def test_a_declared_range_comes_first_and_is_checked_itself():
    rule = dict(source="here", equations="w : 1", on_pre="w += a*leak*second", parameters=dict(a=.5, leak=-1 * Hz))
    with pytest.raises(SpikelearnError, match="'leak' must not be negative"):
        SynapseModel(**rule)
    made = SynapseModel(**rule, ranges=dict(leak=(-5 * Hz, 5 * Hz), a=(0, 1)))
    with pytest.raises(SpikelearnError, match="'a' must lie from 0 to 1, not be 2"):
        made.with_parameters(a=2)
    with pytest.raises(SpikelearnError, match="unknown parameter 'b'"):
        SynapseModel(**rule, ranges=dict(b=(0, 1)))
    with pytest.raises(SpikelearnError, match="range of 'leak' must have the unit"):
        SynapseModel(**rule, ranges=dict(leak=(0, 1)))
    with pytest.raises(SpikelearnError, match="set 'high'.*'a' must lie"):
        SynapseModel(**rule, ranges=dict(leak=(-5 * Hz, 5 * Hz), a=(0, 1)), sets=dict(high=dict(a=3)))


def test_divisors_are_found_wherever_they_stand():
    found = [[node.id if hasattr(node, "id") else "?" for node in divisors(text)] for text in (
        "-x / tau", "exp(-dt/tau)*a", "I/(r*tau)", "a/(b + c)", "a/b**2", "a*b")]
    assert found == [["tau"], ["tau"], ["r", "tau"], ["?"], ["b"], []]


@pytest.mark.parametrize("name", shipped_models())
def test_every_time_that_divides_in_a_shipped_model_is_kept_above_zero(name):
    model = load_model(name)
    times = [key for key, value in model.parameters.items()
             if key.startswith("tau") and getattr(value, "dim", None) is second.dim]
    for key in times:
        for wrong in (-1 * ms, *([] if key == "tau_d" else [0 * ms])):
            with pytest.raises(SpikelearnError, match=f"'{key}'"):
                model.with_parameters(**{key: wrong})


# --- keywords of protocols and recipes -------------------------------------------------------------------------

@pytest.mark.parametrize("name", running.shipped_protocols())
def test_every_keyword_of_a_shipped_protocol_has_a_range_or_is_a_word(name):
    module = running.load_protocol(name)
    declared = getattr(module, "RANGES", {})
    for keyword, default in running.signature(module).items():
        known = range_of(keyword, default, declared)
        if keyword in OWN_OPTIONS:
            continue
        if known is None:
            words = [default] if isinstance(default, str) else default
            assert words is not None and all(isinstance(word, str) for word in words), keyword
        elif isinstance(known, Range) and not known.switch:
            assert math.isfinite(known.low) and math.isfinite(known.high), f"{keyword} has no bounds"
        if known is not None and default is not None:
            known.check(keyword, default)
    assert set(declared) <= set(running.signature(module))
    assert hasattr(module.run, "__wrapped__"), "run is not checked when it is called from Python"


@pytest.mark.parametrize("setting, words", [
    ("pairs=0", "pairs must be a whole number from 1"), ("pairs=-5", "pairs must be"), ("rate=-1*Hz", "rate must be"),
    ("rate=1e30*Hz", "rate must be a rate above 0 Hz and at most"), ("spacing=0*ms", "spacing must be a time"),
    ("spacing=1e-9*second", "spacing must be a time"), ("widest=-1*ms", "widest must be a time above 0 s"),
    ("dt=0*ms", "dt must be a time"), ("dt=-1*ms", "dt must be a time"), ("dt=1*amp", "dt must be a time"),
    ("dt=5", "dt must be a time"), ("dt=word", "dt must be a time"), ("dt=1*ms, 2*ms", "dt must be a time"),
    ("pairs=99999999", "pairs must be"), ("tau_plus=-17*ms", "tau_plus"), ("w_max=-1", "w_max"),
])
def test_a_wrong_keyword_ends_in_one_sentence(tmp_path, monkeypatch, capsys, setting, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "stdp_window", "--quick", "--set", setting]) == 2
    out, err = capsys.readouterr()
    assert words in err and out == "" and err.count("\n") == 1 and not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize("options, words", [
    (["--seed", "-1"], "seed must be a whole number from 0 to 2,147,483,647"),
    (["--seed", str(2**31)], "seed must be"), (["--seed", str(2**31 + 1)], "seed must be"),
])
def test_a_seed_that_the_generator_would_fold_is_refused(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "stdp_window", "--quick", *options]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("seed", [-1, 2**31, 2**31 + 1, 1.5, True])
def test_a_network_takes_no_seed_that_is_another_one(seed):
    simulation = Simulation(lambda: [neurons("two_state", 1, name="cells")], 1 * ms, device="numpy")
    with pytest.raises(SpikelearnError, match="seed must be a whole number from 0"):
        simulation.run(seed=seed)
    assert simulation.run(seed=np.int64(2**31 - 1), read=["cells.state"])["cells.state"].shape == (1,)


@pytest.mark.long
def test_seed_0_and_the_largest_seed_are_seeds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 2**31 - 1):
        assert cli.main(["run", "stdp_window", "--quick", "--seed", str(seed), "--out", f"out{seed}"]) == 0
        assert json.loads((tmp_path / f"out{seed}" / "run.json").read_text())["provenance"]["seed"] == seed


@pytest.mark.parametrize("protocol, options, words", [
    ("learn_mnist", ["--jobs", "0"], "jobs must be"), ("learn_mnist", ["--set", "chunk=0"], "chunk must be"),
    ("learn_mnist", ["--set", "images=-5"], "images must be"), ("learn_mnist", ["--set", "epochs=0"], "epochs must be"),
    ("learn_mnist", ["--set", "hidden=100000000"], "hidden must be"), ("learn_mnist", ["--set", "dt=1*mA"], "dt"),
    ("learn_mnist", ["--set", "rates=-1"], "rates must be"), ("learn_mnist", ["--set", "beta=5*ms"], "beta must be"),
    ("learn_mnist", ["--set", "weight_decay=.1, .1"], "weight_decay must be a number from 0 to 1, not a list"),
    ("reward", ["--set", "beta=0"], "beta must be a number from -2 to 2, but not 0"),
    ("learn_digits", ["--set", "batch=1.5"], "batch must be a whole number"),
    ("learn_mnist_rates", ["--set", "centred=3"], "centred must be true or false"),
    ("generate_mnist", ["--set", "loss=hinge"], "loss must be bernoulli or gaussian"),
    ("theory_report", ["--jobs", "0"], "jobs must be"), ("equilibrium_gradient", ["--set", "fitted=1"], "fitted"),
    ("learn_vpf_spikes", ["--set", "hidden=3,4"], "hidden must be a whole number"),
    ("stdp_ramp", ["--set", "rises=5*Hz"], "rises must be a list of 2 different values"),
    ("early_inference", ["--set", "rates=.1, .1"], "rates must be a list of 2 different values"),
    ("stdp_poisson", ["--set", "repetitions=1"], "repetitions must be a whole number from 2"),
    ("langevin", ["--set", "temperatures=-1"], "temperatures"), ("stdp_clamp", ["--set", "levels=1"], "levels"),
    ("spike_noise", ["--set", "r_max=-1*Hz"], "r_max must be"), ("vpf_reconstruct", ["--set", "methods=,"], "methods"),
    ("vpf_reconstruct", ["--set", "decays=.1"], "decays must hold one number for each of the methods"),
])
def test_a_wrong_value_is_refused_before_anything_is_read(tmp_path, monkeypatch, capsys, protocol, options, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", protocol, "--quick", *options]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1 and not list(tmp_path.rglob("*.npz"))


def test_keywords_are_checked_when_a_protocol_is_called_from_python():
    for wrong, words in ((dict(pairs=0), "pairs"), (dict(rate=5), "rate"), (dict(dt=1 * amp), "dt"),
                         (dict(rate=[1, 2] * Hz), "rate must be a rate .* not a list"), (dict(pairs="many"), "pairs"),
                         (dict(seed=-1), "seed")):
        with pytest.raises(SpikelearnError, match=words):
            stdp_window.run(**wrong)


def test_ranges_follow_from_defaults():
    assert str(derived(5 * ms)) == "a time above 0 s and at most 10000 s" and derived(60) == whole()
    assert derived((1., 2.)).several and derived(True).switch and derived("word") is None
    assert derived(-70 * mV).unit == "volt" and derived(np.array([1, 2]) * Hz).several

    @checked
    def run(*, sizes=(1, 2), share=.5, name="x"):
        return Result("here", {}, dict(share=share))

    assert run(share=.2).headline == dict(share=.2)
    for wrong in (dict(sizes=0), dict(sizes=()), dict(sizes=(1, 2.5)), dict(share=2), dict(share=True)):
        with pytest.raises(SpikelearnError, match=next(iter(wrong))):
            run(**wrong)
    with pytest.raises(SpikelearnError, match="share must be a number from 3 to 4"):
        check_keywords(dict(share=.5), run, dict(share=Range(3, 4)))


@pytest.mark.parametrize("recipe", [NetworkRecipe, GenerativeRecipe, MachineRecipe, RateRecipe])
def test_every_field_of_a_recipe_has_a_range(recipe):
    needed = dict(rates=(.1, .1), epochs=1, sweeps=1, nudged=1) if recipe is RateRecipe else {}
    made = recipe(**needed)
    for field in dataclasses.fields(made):
        assert field.name in KEYWORDS, field.name
        known = KEYWORDS[field.name]
        wrong = "hinge" if isinstance(known, Words) else 7 if known.switch else known.low - 1
        with pytest.raises(SpikelearnError, match=field.name):
            dataclasses.replace(made, **{field.name: (wrong,) * 2 if known_list(getattr(made, field.name)) else wrong})


def known_list(value):
    return isinstance(value, tuple)


# --- results ---------------------------------------------------------------------------------------------------

def test_a_number_that_does_not_exist_is_left_out_and_says_why(capsys):
    result = completed(Result("here", {}, dict(a=1.0, tau_ms=Missing("no window to fit"))))
    assert result.headline == dict(a=1.0) and result.missing == dict(tau_ms="no window to fit")
    assert capsys.readouterr().out == "tau_ms is left out: no window to fit\n"


@pytest.mark.parametrize("headline", [dict(a=math.nan), dict(a=-math.inf), dict(a=None), dict(a=[1.0, math.nan]),
                                      dict(a=np.array([1, np.inf])), dict(a=[dict(b=math.nan)])])
def test_no_headline_number_is_infinite_or_none(headline):
    with pytest.raises(SpikelearnError, match="no finite number for a"):
        completed(Result("here", {}, headline))


def test_no_array_holds_what_is_no_number_but_where_it_marks_a_gap():
    gap = dict(w=np.array([1, np.nan]))
    with pytest.raises(SpikelearnError, match="not finite in 'w'"):
        completed(Result("here", gap, {}))
    assert completed(Result("here", gap, {}, gaps=("w",))).arrays is gap
    with pytest.raises(SpikelearnError, match="not finite in 'w'"):
        completed(Result("here", dict(w=np.array([np.inf])), {}, gaps=("w",)))


def test_the_window_of_a_rule_without_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "stdp_window", "--quick", "--synapse", "static", "--json"]) == 0
    out, err = capsys.readouterr()
    numbers = json.loads(out)
    assert "tau_plus_ms" not in numbers and all(math.isfinite(value) for value in numbers.values())
    assert "tau_plus_ms is left out: the weight does not change on this side" in err


def test_units_and_bounds_are_told():
    with pytest.raises(SpikelearnError, match="x must be a number above 0 and at most 5, not 3. mA"):
        positive(5).check("x", 3 * mA)


@pytest.mark.long
@pytest.mark.parametrize("delta_t", ["10*ms", "-20*ms, -10*ms"])
def test_a_window_of_one_side_is_drawn_and_one_without_width_is_refused(tmp_path, monkeypatch, capsys, delta_t):
    monkeypatch.chdir(tmp_path)
    short = ["run", "stdp_bistate", "--quick", "--device", "numpy", "--set", "trials=40", "--set", "repetitions=3",
             "--set", "duration=50*ms", "--set"]
    assert cli.main([*short, f"delta_t={delta_t}", "--out", "out"]) == 0
    assert (tmp_path / "out" / "figure.png").is_file()
    capsys.readouterr()
    assert cli.main([*short, "delta_t=0*ms"]) == 2
    assert "delta_t must hold a time that is not 0" in capsys.readouterr().err
