"""Training in chunks: what a checkpoint holds, resuming to the same weights, batches and jobs."""
import dataclasses
import functools
import io
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from spikelearn import SpikelearnError, load_model
from spikelearn.equilibrium import train as training
from spikelearn.equilibrium.classifier import Classifier, Recipe, Shown
from spikelearn.equilibrium.train import examples_told, train
from spikelearn.training.checkpoint import State, checkpoint_file, exact, identity, load_checkpoint, save_checkpoint
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers, run_seed

RULE = "voltage_derivative_symmetric_centred"
SIZES = (4, 3, 2)
RNG = np.random.default_rng(5)
X, LABELS = RNG.uniform(0.1, 1, (7, 4)), np.array([0, 1, 0, 1, 1, 0, 1])
RECIPE = Recipe(rates=(0.3, 0.2), decay=0.5, free_steps=14, nudged_steps=8, listen_steps=5, output_bias=0.3)


@functools.cache
def network(device="numpy"):
    return Classifier(SIZES, RULE, images=4, device=device)


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def trained(recipe=RECIPE, device="numpy", **settings):
    settings = dict(epochs=2, seed=3, chunk=3) | settings
    return train(network(device), X, LABELS, recipe, **settings)


@pytest.fixture
def quick_network(monkeypatch):
    """A stand-in for the simulation that depends on all that a real one depends on."""
    def show(self, x, labels, weights, recipe, *, seed, learn=True):
        rng = np.random.default_rng(seed)
        new = {name: w + learn * recipe.rates[0] * (rng.normal(size=w.shape) + x.sum() * np.sin(w) + labels.sum())
               for name, w in weights.items()}
        mean_input = np.outer(x.sum(axis=1), [1, 0]) + [0, 2 + weights["biases_2.w"].mean()]
        return Shown(new, mean_input, len(x), 10 * len(x), 50 * len(x))

    monkeypatch.setattr(Classifier, "show", show)


class Killed(Exception):
    """Stands for a power cut."""


class Cut(Progress):
    """Ends the training after some chunks, before the next checkpoint."""

    def __init__(self, chunks):
        super().__init__(None)
        self.chunks = chunks

    def tell(self, images, state):
        self.chunks -= 1
        if self.chunks < 0:
            raise Killed


# --- going on --------------------------------------------------------------------------------------------------

def test_random_numbers_follow_from_the_place_alone():
    assert random_numbers(1, 2).generate_state(4).tolist() == random_numbers(1, 2).generate_state(4).tolist()
    places = [(1, 0, 0, 0), (1, 0, 1, 0), (1, 1, 0, 0), (2, 0, 0, 0), (1, 0, 0, 1), (1, 0, 0)]
    assert len({run_seed(*place) for place in places}) == len(places)
    assert all(0 <= run_seed(seed, 1, 2) < 2**31 for seed in range(50))


@pytest.mark.parametrize("recipe", [RECIPE, RECIPE.with_given(average=0.7, weight_decay=0.01, batch=2, shift=1)],
                         ids=["plain", "averaged, decaying, in batches, moved"])
def test_a_training_that_was_cut_goes_on_to_the_same_bits(tmp_path, recipe, quick_network):
    whole = trained(recipe, validation=(X[:3], LABELS[:3]))
    path = checkpoint_file(tmp_path / "a run")
    with pytest.raises(Killed):
        trained(recipe, validation=(X[:3], LABELS[:3]), checkpoint=path, progress=Cut(1))
    with pytest.raises(Killed):
        trained(recipe, validation=(X[:3], LABELS[:3]), checkpoint=path, resume=path, progress=Cut(3))
    again = trained(recipe, validation=(X[:3], LABELS[:3]), checkpoint=path, resume=path)
    assert equal(whole.weights, again.weights)
    curves = [{name: values for name, values in one.curve.items() if not name.endswith("seconds")}
              for one in (whole, again)]
    assert equal(*curves)
    assert curves[0]["images"].tolist() == [7, 7]
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.long
def test_a_real_network_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "c.npz"
    with pytest.raises(Killed):
        trained(epochs=1, chunk=4, checkpoint=path, progress=Cut(1))
    assert load_checkpoint(path, who(chunk=4)).chunk == 1
    assert equal(trained(epochs=1, chunk=4, resume=path).weights, trained(epochs=1, chunk=4).weights)


def test_more_epochs_can_be_added(tmp_path, quick_network):
    path = tmp_path / "c.npz"
    trained(epochs=1, checkpoint=path)
    assert equal(trained(epochs=2, resume=path).weights, trained(epochs=2).weights)
    assert not equal(trained(epochs=1, resume=path).weights, trained(epochs=2, resume=path).weights)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "c.npz"
    return path, trained(epochs=1, checkpoint=path)


def who(recipe=RECIPE, classifier=None, **more):
    return identity(classifier or network(), recipe, **examples_told(dict(seed=3, chunk=3, images=7) | more, X, LABELS))


@pytest.mark.long
def test_a_checkpoint_carries_all_that_is_needed_and_no_pickles(finished):
    path, result = finished
    state = load_checkpoint(path, who())
    assert equal(state.weights, result.weights) and (state.epoch, state.chunk) == (1, 0)
    assert state.curve["train_error_percent"] == result.curve["train_error_percent"].tolist()
    with np.load(path, allow_pickle=False) as file:
        facts = str(file["facts"])
    for word in ("".join(load_model(RULE).on_post.split()), "neuron.tau_syn", "0.005 s", "rates", "seed"):
        assert word in facts


def test_exact_text_gives_the_number_back_to_the_last_bit():
    from brian2 import ms

    assert float(exact(0.1 + 0.2)) == 0.1 + 0.2
    assert exact(10 * ms) == "0.01 s" and exact(np.float64(1) / 3) == "0.3333333333333333"


def changed_network(**changes):
    classifier = Classifier.__new__(Classifier)
    classifier.__dict__ |= network().__dict__ | changes
    return classifier


@pytest.mark.parametrize("other, said", [
    (dict(recipe=RECIPE.with_given(beta=0.4)), "beta=0.5, but this training has 0.4"),
    (dict(seed=4), "seed=3, but this training has 4"),
    (dict(images=8), "images=7"),
    (dict(classifier=lambda: changed_network(sizes=(4, 5, 2))), "network=4-3-2, but this training has 4-5-2"),
    (dict(classifier=lambda: changed_network(neuron=network().neuron.with_parameters(tau=9e-3 * _second()))),
     "neuron.tau=0.01 s, but this training has 0.009"),
    (dict(classifier=lambda: changed_network(synapse=dataclasses.replace(
        network().synapse, on_pre=network().synapse.on_pre + "; change += 1"))), "another text of the synapse model"),
    (dict(dataset="mnist"), "made with dataset=nothing"),
])
def test_a_checkpoint_of_another_training_is_refused(finished, other, said):
    other = {name: value() if callable(value) else value for name, value in other.items()}
    with pytest.raises(SpikelearnError, match="the checkpoint '.*' was made with") as refusal:
        load_checkpoint(finished[0], who(**other))
    assert said in str(refusal.value) and "\n" not in str(refusal.value)


def _second():
    from brian2 import second

    return second


def damaged(content, how):
    """Bytes of a checkpoint after an accident."""
    if how == "truncated":
        return content[:len(content) // 2]
    if how == "empty":
        return b""
    if how == "text":
        return b"not a checkpoint"
    file = io.BytesIO()
    if how == "foreign":
        np.savez(file, w=np.zeros(3))
    if how == "pickled":
        np.savez(file, facts=np.array([{"a": 1}], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize("how", ["truncated", "empty", "text", "foreign", "pickled"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(finished, tmp_path, how):
    path = tmp_path / "c.npz"
    path.write_bytes(damaged(finished[0].read_bytes(), how))
    with pytest.raises(SpikelearnError, match="is damaged or no checkpoint"):
        load_checkpoint(path, who())


def test_a_flipped_byte_never_changes_the_weights_silently(finished, tmp_path):
    content, path = finished[0].read_bytes(), tmp_path / "c.npz"
    good = load_checkpoint(finished[0], who())
    refused = 0
    for place in np.random.default_rng(1).integers(0, len(content), 150):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1:])
        try:
            state = load_checkpoint(path, who())
        except SpikelearnError:
            refused += 1
        else:
            assert equal(state.weights, good.weights)
            assert (state.epoch, state.chunk, state.curve) == (good.epoch, good.chunk, good.curve)
    assert refused > 75


def test_a_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(SpikelearnError, match="there is no checkpoint"):
        trained(resume=tmp_path / "none.npz")


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_good_one(tmp_path, monkeypatch):
    path, state = tmp_path / "c.npz", State({"w": np.arange(3.0)})
    save_checkpoint(path, state, {"seed": "1"})
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spikelearn.training.checkpoint.os.fsync", full)
    with pytest.raises(SpikelearnError, match="cannot be written: No space left on device"):
        save_checkpoint(path, State({"w": np.zeros(3)}), {"seed": "1"})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert zipfile.ZipFile(path).testzip() is None


# --- learning --------------------------------------------------------------------------------------------------

def test_learning_rates_fall_from_epoch_to_epoch(monkeypatch):
    seen = []
    monkeypatch.setattr(Classifier, "show", lambda self, x, labels, w, recipe, seed, learn=True: (
        seen.append(recipe.rates), training_shown(w, len(x)))[1])
    trained(epochs=3)
    assert np.allclose(np.array(seen)[::3], [[0.3, 0.2], [0.15, 0.1], [0.075, 0.05]])


def training_shown(weights, n):
    return Shown({name: w + 1 for name, w in weights.items()}, np.eye(2)[np.zeros(n, dtype=int)], n, 0, 0)


def test_first_weights_have_the_stated_spread():
    sizes = (400, 300, 200, 100)
    deep = Classifier(sizes, load_model("voltage_derivative_symmetric_centred"), images=1, device="numpy")
    weights = deep.new_weights(1, hidden_spread=0.25)
    for k, (n, spread) in enumerate(((400, 1), (300, 0.25), (200, 1)), 1):
        w = weights[f"synapses_{k}.w"][:n * sizes[k]]
        assert abs(w.std() * np.sqrt(n) / spread - 1) < 4 / np.sqrt(2 * w.size)


def test_weight_decay_and_running_mean(monkeypatch):
    monkeypatch.setattr(Classifier, "show", lambda self, x, labels, w, *_, **__: training_shown(w, len(x)))
    w = network().new_weights(3, 0.3)["synapses_2.w"]
    mean = None
    for images, memory in ((3, 0), (3, 1 / 10), (1, 0.15)):
        w = (w + 1) * (1 - 0.2 * 0.1) ** images
        mean = w if mean is None else memory * mean + (1 - memory) * w
    found = trained(RECIPE.with_given(weight_decay=0.1, average=0.15), epochs=1).weights["synapses_2.w"]
    assert np.allclose(found, mean, rtol=0, atol=1e-12)


def test_every_epoch_shows_every_image_once_in_another_order(monkeypatch):
    seen = []
    monkeypatch.setattr(Classifier, "show", lambda self, x, labels, w, *_, **__: (
        seen.extend(x[:, 0]), training_shown(w, len(x)))[1])
    trained(epochs=2)
    assert sorted(seen[:7]) == sorted(seen[7:]) == sorted(X[:, 0]) and seen[:7] != seen[7:]


@pytest.mark.parametrize("given, said", [
    (dict(decay=1.5), "decay must lie from 0 to 1"), (dict(gate=-1), "gate must lie"),
    (dict(nudged_steps=0), "nudged_steps must be at least 1"), (dict(batch=0), "batch must be at least 1"),
    (dict(window_steps=99), "window_steps must lie within the free phase of 14 steps"),
    (dict(listen_steps=15), "listen_steps must lie within"), (dict(rates=-1), "rates must be"),
    (dict(beta=0), "beta must not be 0"),
    (dict(batch=2, gate=0.3, window_steps=5), "changes must be applied after each image"),
])
def test_recipes_that_make_no_sense_are_refused(given, said):
    with pytest.raises(SpikelearnError, match=said):
        RECIPE.with_given(**given)


def test_rates_are_shared_out_over_the_layers():
    assert Recipe(rates=(1, 2)).with_given(4).rates == (1, 1, 1, 2)
    assert Recipe().with_given(3, rates=0.5).rates == (0.5, 0.5, 0.5)
    assert Recipe().with_given(3, rates=(3, 2, 1)).rates == (3, 2, 1)


# --- batches and jobs ------------------------------------------------------------------------------------------

@pytest.mark.long
def test_shares_of_a_batch_add_up_to_the_batch():
    recipes = RECIPE.with_given(batch=4), RECIPE.with_given(batch=4, shares=1), RECIPE
    in_shares, in_one, one_by_one = (
        train(network(), X[:4], LABELS[:4], recipe, epochs=1, seed=3, chunk=4) for recipe in recipes)
    for name, w in in_one.weights.items():
        np.testing.assert_allclose(in_shares.weights[name], w, rtol=0, atol=1e-12)
    assert not np.allclose(one_by_one.weights["synapses_1.w"], in_one.weights["synapses_1.w"], atol=1e-6)


def test_more_jobs_than_shares_are_refused():
    with pytest.raises(SpikelearnError, match="2 jobs need a batch"):
        trained(jobs=2)
    with pytest.raises(SpikelearnError, match="3 jobs need a batch"):
        trained(RECIPE.with_given(batch=8), jobs=3)


@pytest.mark.slow
@pytest.mark.compiler
def test_one_job_and_two_give_the_same_bits_and_build_nothing_new():
    recipe = RECIPE.with_given(batch=4)
    one, two = (trained(recipe, device="cpp", jobs=jobs) for jobs in (1, 2))
    assert equal(one.weights, two.weights)
    assert not equal(one.weights, network("cpp").new_weights(3, 0.3))
    assert not Classifier(SIZES, RULE, images=4, device="cpp").simulation.built


SCRIPT = """
import os, signal, sys
from pathlib import Path
from spikelearn.equilibrium.classifier import Classifier
from test_training import RULE, SIZES, RECIPE, X, LABELS
from spikelearn.equilibrium.train import examples_told, train

path, when, place, count = sys.argv[1:]
classifier = Classifier(SIZES, RULE, images=4, device="cpp")
owner = Classifier if place == "show" else os
original, left = getattr(owner, place), [int(count)]

def until_killed(*arguments, **keywords):
    left[0] -= 1
    if left[0] == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **keywords)
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, place, until_killed)
train(classifier, X, LABELS, RECIPE, epochs=2, seed=3, chunk=2, checkpoint=path,
      resume=path if Path(path).exists() else None)
"""
KILLS = [("before", "show", 1), ("before", "replace", 1), ("after", "replace", 2), ("before", "fsync", 1),
         ("after", "show", 2), ("before", "show", 99)]
CHUNKS_OVER = [0, 0, 2, 2, 3, 8]        # in all, of 2 epochs of 4 chunks, after each kill; the last does not come


@pytest.mark.slow
@pytest.mark.compiler
def test_killed_anywhere_it_resumes_to_the_same_bits(tmp_path):
    """kill -9 within a chunk, within the writing of a checkpoint, before and after its rename."""
    network("cpp")                                  # built once, by now in the cache
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    whole = trained(device="cpp", epochs=2, chunk=2)
    path = tmp_path / "c.npz"
    for (when, place, count), over in zip(KILLS, CHUNKS_OVER, strict=True):
        child = subprocess.run([sys.executable, "-c", SCRIPT, path, when, place, str(count)], env=environment)
        assert child.returncode == (0 if over == 8 else -signal.SIGKILL)
        state = load_checkpoint(path, who(classifier=network("cpp"), chunk=2))
        assert state.chunks == over
    assert state.epoch == 2 and equal(state.weights, whole.weights)
    assert list(tmp_path.iterdir()) == [path]


# --- progress --------------------------------------------------------------------------------------------------

def test_progress_is_plain_lines_when_piped(quick_network):
    said = io.StringIO()
    trained(epochs=2, validation=(X, LABELS), progress=Progress("digits", file=said))
    lines = said.getvalue().splitlines()
    assert all(line.startswith("digits: ") for line in lines)
    epochs = [line for line in lines if "epoch" in line]
    assert len(epochs) == 2 and "epoch 1: error" in epochs[0] and "validation" in epochs[1] and "images/s" in epochs[1]
    assert epochs[1].endswith(" 0 s left")


def test_progress_is_a_bar_on_a_terminal(quick_network):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    said = Terminal()
    trained(epochs=1, progress=Progress("digits", file=said))
    assert "7/7" in said.getvalue() and "error" in said.getvalue() and "images/s" in said.getvalue()


@pytest.mark.long
def test_answers_read_the_images_in_parts():
    weights = network().new_weights(3, 0.3)
    parts = training.mean_input(network(), X[:6], LABELS[:6], weights, RECIPE)
    assert parts.shape == (6, 2)
    last = network().show(X[4:6], LABELS[4:6], weights, RECIPE, seed=1, learn=False).mean_input
    assert np.array_equal(parts[4:], last)
