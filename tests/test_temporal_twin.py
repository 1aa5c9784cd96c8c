"""The temporal twin: turning nudges, batches with a gate, resuming after a kill, what results keep."""
import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from brian2 import ms
from reference_network import changes, show_image
from spikelearn.protocols import langevin_ep_spikes, learn_digits, learn_mnist
from test_learn_protocols import few_images
from test_phases import LABELS, LISTEN, RECIPE, RULES, SIZES, X, assert_close, named, network, weights_of

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.equilibrium.classifier import Classifier, Recipe
from spikelearn.equilibrium.one_image import one_image
from spikelearn.equilibrium.rate_estimates import exact_gradient, mean_field
from spikelearn.equilibrium.side_by_side import Copies, Phases
from spikelearn.equilibrium.train import answers, mean_input, train
from spikelearn.images.datasets import Dataset
from spikelearn.images.encoding import glances
from spikelearn.images.readout import tell_of_guessing
from spikelearn.results.files import load as load_result
from spikelearn.training.checkpoint import load_checkpoint
from spikelearn.training.seeds import run_seed

TEMPORAL = "voltage_derivative_temporal"
TURNED = RECIPE.with_given(nudged_steps=(14, 11))


# --- recipes -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("lengths, signs, signal", [
    ((80,), (1,), 1), ((80, 80), (1, -1), 3), ((80, 160, 80), (1, -1, 1), 5), ((9, 8, 7, 6), (1, -1, 1, -1), 7)])
def test_signs_alternate_and_the_signal_counts_each_turn_twice(lengths, signs, signal):
    recipe = Recipe(nudged_steps=lengths)
    assert recipe.signs == signs and recipe.signal == signal


def test_one_length_is_meant_for_every_nudged_phase():
    two = Recipe(nudged_steps=(80, 80))
    assert two.with_given(nudged_steps=30).nudged_steps == (30, 30)
    assert two.with_given(nudged_steps=(10, 20, 10)).signs == (1, -1, 1)
    assert two.with_given(signs=(-1, 1)).signs == (-1, 1)
    assert Recipe(nudged_steps=12).nudged_steps == (12,)


@pytest.mark.parametrize("given, said", [
    (dict(nudged_steps=(8, 0)), "nudged_steps must be at least 1, not 0"),
    (dict(nudged_steps=(8, 8), signs=(1, 2)), "signs must be 1 or -1 for each of the 2"),
    (dict(nudged_steps=(8, 8), signs=(1, -1, 1)), "signs must be 1 or -1 for each of the 2"),
    (dict(nudged_steps=(1,) * 9), "9 nudged phases, but at most 8"),
    (dict(nudged_steps=(8, 8), window_steps=5), "window_steps must be 0 with more than one nudged phase"),
])
def test_phases_that_make_no_sense_are_refused(given, said):
    with pytest.raises(SpikelearnError, match=said):
        RECIPE.with_given(**given)


@pytest.mark.parametrize("rule", ["twin", "centred"])
def test_rules_that_do_not_read_the_sign_take_one_nudged_phase(rule):
    with pytest.raises(SpikelearnError, match="does not read the sign of the nudge"):
        network(rule).show(X, LABELS, named(*weights_of()), TURNED, seed=1)


@pytest.mark.parametrize("rule", ["twin", "centred", "temporal"])
def test_rules_without_a_free_window_refuse_one(rule):
    with pytest.raises(SpikelearnError, match="knows no window in the free phase"):
        network(rule).show(X, LABELS, named(*weights_of()), RECIPE.with_given(window_steps=5), seed=1)


# --- the nudge -------------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_turned_signs_turn_the_change_of_a_symmetric_presentation():
    """With beta and its sign both turned, the nudge is the same and every change counts with the other sign."""
    start = named(*weights_of())
    plus = network("temporal").show(X[:1], LABELS[:1], start, TURNED, seed=1).weights
    minus = network("temporal").show(X[:1], LABELS[:1], start, TURNED.with_given(signs=(-1, 1), beta=-0.5), seed=1)
    for name, w in start.items():       # eta holds 1/beta, so that both changes are the same
        np.testing.assert_allclose(minus.weights[name], plus[name], rtol=0, atol=1e-12)
        assert np.abs(plus[name] - w).max() > 1e-3


@pytest.mark.long
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("order", [[1, 2, 0], *(pytest.param(order, marks=pytest.mark.slow)
                                                for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]))])
def test_a_batch_with_a_gate_adds_up_its_images_one_by_one(rule, order):
    """Each image alone, batch 1, from the same weights; in every order, also if the last one is not nudged."""
    weights, biases = weights_of()
    start, recipe, targets = named(weights, biases), TURNED if rule == "temporal" else RECIPE, np.eye(2)[LABELS]
    away = [np.abs(target - show_image(weights, biases, x, target, 0.5, recipe.free_steps, 0, LISTEN)["s"]).max()
            for x, target in zip(X, targets)]
    nearest, second, _ = np.argsort(away)
    assert away[second] - away[nearest] > 1e-3
    gated = recipe.with_given(gate=(away[nearest] + away[second]) / 2, batch=3)     # the nearest is not nudged
    together = network(rule).show(X[order], LABELS[order], start, gated, seed=1)
    expected = start
    for k in set(order) - {nearest}:
        alone = network(rule).show(X[[k]], LABELS[[k]], start, recipe, seed=1).weights
        expected = {name: w + alone[name] - start[name] for name, w in expected.items()}
    assert together.nudged == 2
    assert_close(together.weights, expected)


@pytest.mark.long
def test_one_image_shows_the_learning_sign_and_the_collected_change():
    start = named(*weights_of())
    seen = one_image(network("temporal"), X[0], LABELS[0], start, TURNED.with_given(gate=1.0))
    assert seen.learning.tolist() == [0] * 30 + [1] * 14 + [-1] * 11
    assert not seen.change[:30].any() and seen.change[-1] != 0
    after = network("temporal").show(X[:1], LABELS[:1], start, TURNED, seed=0).weights
    hidden, output = seen.units
    moved = (after["synapses_3.w"] - start["synapses_3.w"]).reshape(SIZES[-2:])
    assert output == LABELS[0] and seen.change[-1] == pytest.approx(moved[hidden, output], abs=1e-12)


# --- copies and the gradient ---------------------------------------------------------------------------------------

@pytest.mark.long
@pytest.mark.parametrize("nudged", [(30, 25), (20, 35, 22)])
def test_each_copy_is_the_naive_network(nudged):
    rng = np.random.default_rng(1)
    weights = [rng.normal(.05, .4, (5, 10)), rng.normal(.05, .3, (10, 3))]
    biases, x, targets = [np.full(10, .2), np.full(3, .2)], rng.uniform(.2, 1, (2, 5)), np.eye(3)[:2]
    neuron = load_model("leaky_integrator_fire").with_parameters(tau_d=7 * ms)
    copies = Copies((5, 10, 3), 2, TEMPORAL, neuron, phases=Phases(60, nudged, 0, 20), device="numpy")
    got = copies.show(x, targets, weights, biases, .5, seed=1, at_random=False)
    for k in range(2):
        by_weights, by_biases = changes(weights, biases, x[k], targets[k], "temporal", [1, 1], .5, free=60,
                                        nudged=nudged, listen=20, tau_d=7, signs=(1, -1, 1)[:len(nudged)])
        for found, expected in zip(got.weights + got.biases, by_weights + by_biases, strict=True):
            assert np.abs(expected).max() > 1e-3
            assert found[k] == pytest.approx(expected, abs=1e-12)


def test_copies_refuse_turning_nudges_for_twins():
    with pytest.raises(SpikelearnError, match="does not read the sign of the nudge"):
        Copies((2, 2, 1), 1, f"{RULES['single']}_twin", phases=Phases(20, (10, 10), 0, 5))


@pytest.mark.parametrize("lengths", [(800, 800), (800, 800, 800)])
def test_small_nudges_and_long_phases_lead_to_the_gradient(lengths):
    weights, biases, x, targets = langevin_ep_spikes.draw_network(1)
    exact, beta = exact_gradient(weights, biases, x, targets), 1e-3
    found = mean_field(weights, biases, x, targets, beta, Phases(800, lengths), 5, 10, False) / beta
    assert found == pytest.approx(exact, abs=2e-3 * np.abs(exact).max())


@pytest.mark.long
def test_the_temporal_twin_spreads_less_than_a_free_window():
    rows = {name: langevin_ep_spikes.compare(
        langevin_ep_spikes.draw_network(1), "Poisson", name, 30, beta=.2, free=250, nudged=80, tau_d=20, r_max=500,
        seed=3, device="numpy") for name in ("single − free window", "temporal twin", "temporal twin + − +")}
    assert 2 * rows["temporal twin"]["sd"] < rows["single − free window"]["sd"]
    assert rows["temporal twin + − +"]["sd"] < rows["temporal twin"]["sd"]
    assert 2 * rows["temporal twin"]["by_beta"] < rows["single − free window"]["by_beta"]


# --- resuming --------------------------------------------------------------------------------------------------------

SCRIPT = """
import os, signal, sys
from spikelearn.equilibrium.train import train
from spikelearn.training.progress import Progress
from test_temporal_twin import killed_recipe, small_network
from test_training import LABELS, X

class Kill(Progress):
    left = int(sys.argv[2])
    def tell(self, images, state):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

path = sys.argv[1]
train(small_network(), X, LABELS, killed_recipe(), epochs=4, seed=3, chunk=2, checkpoint=path,
      resume=path if os.path.exists(path) else None, progress=Kill(None))
"""


def small_network():
    neuron = load_model("leaky_integrator_fire").with_parameters(tau_d=5 * ms)
    return Classifier((4, 3, 2), TEMPORAL, neuron, images=2, device="numpy", precision="single")


def killed_recipe():
    return Recipe(rates=(0.3, 0.2), decay=0.7, free_steps=14, nudged_steps=(8, 15, 9), listen_steps=5, gate=0.3,
                  output_bias=0.3, average=0.9, shift=1)


@pytest.mark.slow
def test_killed_it_resumes_to_the_same_bits(tmp_path):
    from test_training import LABELS, X

    whole = train(small_network(), X, LABELS, killed_recipe(), epochs=4, seed=3, chunk=2)
    path = tmp_path / "c.npz"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    ends = [subprocess.run([sys.executable, "-c", SCRIPT, path, str(chunks)], env=environment).returncode
            for chunks in (3, 5, 100)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    with np.load(path) as file:
        facts = json.loads(str(file["facts"]))
    state = load_checkpoint(path, facts["identity"])
    assert state.epoch == 4 and whole.weights.keys() == state.mean_weights.keys()
    assert all(np.array_equal(state.mean_weights[name], w) for name, w in whole.weights.items())
    assert all(np.array_equal(state.weights[name], w) for name, w in whole.last_weights.items())


# --- protocols -----------------------------------------------------------------------------------------------------

@pytest.fixture
def few(monkeypatch):
    """Both protocols get a dataset of a few images; returns which parts were read."""
    readings = []

    def load(name, data_dir=None, validation=None, own=False):
        return Dataset(name, 16, few_images(6, 1), few_images(4, 2),
                       lambda: readings.append("test") or few_images(4, 3), classes=2)

    for protocol in (learn_mnist, learn_digits):
        monkeypatch.setattr(protocol, "load", load)
    return readings


SHORT = dict(hidden=(5,), epochs=2, free_steps=24, nudged_steps=12, listen_steps=8, device="numpy")


@pytest.mark.long
def test_learn_mnist_is_the_temporal_twin_unless_told_otherwise(few):
    result = learn_mnist.run(**SHORT, chunk=2, average=0.5)
    facts = result.provenance
    assert [model["name"] for model in facts["models"]] == [TEMPORAL, "leaky_integrator_fire", "pixel_fire"]
    assert float(facts["models"][1]["parameters"]["tau_d"] / ms) == pytest.approx(10)
    assert facts["recipe"]["signs"] == (1, -1) and facts["recipe"]["nudged_steps"] == (12, 12)
    assert result.arrays["trace_learning"].tolist() == [0] * 24 + [1] * 12 + [-1] * 12
    assert few == []


@pytest.mark.parametrize("rule, kind", [(TEMPORAL, "temporal"), (RULES["single"], "single"), (RULES["twin"], "twin"),
                                        (RULES["centred"], "twin")])
def test_each_rule_has_its_recipe(rule, kind):
    rule = load_model(rule, "synapse")
    assert learn_mnist.setting_of(rule, 2) is learn_mnist.setting_of(rule, 2, "mine.npz") is learn_mnist.SETTINGS[kind]
    clothes, digits = (learn_mnist.setting_of(rule, 2, dataset).recipe for dataset in ("fashion_mnist", "mnist"))
    assert clothes == (dataclasses.replace(digits, rates=(.004, .002)) if kind == "temporal" else digits)
    assert learn_digits.kind_of(rule) == kind
    deep = learn_mnist.setting_of(rule, 3).recipe
    assert deep.free_steps >= 200 and len(deep.with_given(3).rates) == 3
    if kind == "temporal":
        assert deep.signs == (1, -1, 1)


@pytest.mark.slow
def test_a_neuron_that_is_given_stays_as_it_is(few):
    neuron = load_model("leaky_integrator_fire").with_parameters(tau_d=3 * ms)
    facts = learn_mnist.run(neuron=neuron, **SHORT).provenance
    assert float(facts["models"][1]["parameters"]["tau_d"] / ms) == pytest.approx(3)


@pytest.mark.long
def test_results_keep_the_last_weights_and_their_mean_and_the_mean_answers(few, tmp_path):
    out = tmp_path / "out"
    words = [f"{name}={value[0] if isinstance(value, tuple) else value}" for name, value in SHORT.items()
             if name != "device"]
    settings = [word for setting in [*words, "chunk=2", "average=0.8", "rates=0.3", "glances=5"]
                for word in ("--set", setting)]
    assert cli.main(["run", "learn_mnist", "--device", "numpy", "--out", str(out), *settings]) == 0
    arrays = load_result(out).arrays
    names = [name.removeprefix("mean_weights_") for name in arrays if name.startswith("mean_weights_")]
    assert len(names) == 3
    assert all(not np.array_equal(arrays[f"mean_weights_{name}"], arrays[f"weights_{name}"]) for name in names)
    loaded = Classifier.load(out, device="numpy", images=4)
    assert all(np.array_equal(loaded.weights[name], arrays[f"mean_weights_{name}"]) for name in names)
    assert loaded.sizes == (9, 5, 2) and loaded.recipe.nudged_steps == (12, 12)
    assert float(loaded.neuron.parameters["tau_d"] / ms) == pytest.approx(10)
    held_out = few_images(4, 2)
    said = answers(loaded, held_out.images.reshape(4, -1) / 16, held_out.labels, loaded.weights, loaded.recipe)
    assert np.array_equal(arrays["confusion"], [[np.sum((held_out.labels == row) & (said == column))
                                                 for column in (0, 1)] for row in (0, 1)])
    assert learn_mnist.weights_of(out, loaded).keys() == loaded.weights.keys()
    x, none = held_out.images.reshape(4, -1) / 16, np.zeros(4, dtype=int)
    seen = [mean_input(loaded, one, none, loaded.weights, loaded.recipe, seed=run_seed(0, k) if k else 0)
            for k, one in enumerate(glances(x, 5))]
    assert np.array_equal(loaded.predict(x, glances=5), np.argmax(np.mean(seen, axis=0), axis=1))
    wrong = np.mean(loaded.predict(x, glances=5) != held_out.labels)
    assert load_result(out).headline["validation_error_percent_5_glances"] == pytest.approx(100 * wrong)


@pytest.mark.slow
def test_a_network_whose_rule_has_changed_is_not_loaded_silently(few, tmp_path):
    from spikelearn.results.files import save

    result = learn_mnist.run(**SHORT)
    result.provenance["models"][0]["text"] += "EDITED = True"
    save(result, tmp_path / "edited")
    with pytest.raises(SpikelearnError, match="the synapse model voltage_derivative_temporal is not what it was"):
        Classifier.load(tmp_path / "edited", device="numpy")
    assert Classifier.load(tmp_path / "edited", synapse=TEMPORAL, device="numpy", images=2).sizes == (9, 5, 2)


@pytest.mark.long
@pytest.mark.parametrize("goal, found", [(101.0, True), pytest.param(-1.0, False, marks=pytest.mark.slow)])
def test_seconds_to_the_goal_are_there_if_it_was_reached(few, monkeypatch, capsys, goal, found):
    monkeypatch.setattr(learn_mnist, "GOAL", goal)
    result = learn_mnist.run(**SHORT)
    assert ("seconds_to_2_percent" in result.headline) == found
    curve = [result.arrays[f"curve_{name}"][0] for name in ("seconds", "validation_seconds")]
    if found:
        assert sum(curve) < result.headline["seconds_to_2_percent"] < result.headline["wall_seconds"]
    else:
        assert "seconds_to_2_percent is left out" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("final", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_learn_digits_reads_the_test_set_only_when_told_to(few, final):
    result = learn_digits.run(TEMPORAL, **SHORT, seeds=1, final=final)
    assert few == ["test"] * final and result.headline["test_set_was_read"] == final
    assert ("accuracy_percent" in result.headline) == final
    assert "validation_accuracy_percent" in result.headline


def test_learn_digits_gives_each_rule_what_it_knows(few):
    rules = [load_model(rule, "synapse") for rule in learn_digits.OWN_RULES]
    given = dict.fromkeys(("rates", "decay", "gate"), None) | dict(nudged_steps=(9, 18, 9), signs=None, window_steps=4)
    recipes = [learn_digits.recipe_of(rule, 2, True, given) for rule in rules]
    assert [recipe.nudged_steps for recipe in recipes] == [(9, 18, 9), (60,), (80,)]
    assert [recipe.window_steps for recipe in recipes] == [0, 0, 4]
    with pytest.raises(SpikelearnError, match="window_steps must be 0"):
        learn_digits.recipe_of(rules[0], 2, False, given)
    assert LISTEN == 8


@pytest.mark.parametrize("error, said", [(74.0, True), (71.5, True), (71, False), (10, False)])
def test_a_training_that_learns_nothing_says_so(error, said, capsys):
    tell_of_guessing(error, np.repeat(np.arange(4), 25), (.03, .015))
    told = capsys.readouterr().err
    assert (f"errs for {error:.1f} % of the training images, a guess for 75.0 %" in told) == said
    assert ("smaller rates than 0.03,0.015 (--set rates=...)" in told) == said
