"""Checkpoints of every trainer: written before anything is learnt, never replaced, held by one training at a time."""
import dataclasses
import functools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from brian2 import ms
from spikelearn.protocols import learn_mnist, learn_mnist_rates

from spikelearn import SpikelearnError
from spikelearn.boltzmann import spiking_machine
from spikelearn.boltzmann import train as boltzmann_training
from spikelearn.boltzmann import train_on_spikes as spiking_training
from spikelearn.boltzmann.machine import new_machine
from spikelearn.boltzmann.spiking_machine import SpikingMachine
from spikelearn.command import command_line as cli
from spikelearn.command.output_folder import output_folder
from spikelearn.equilibrium import classifier
from spikelearn.equilibrium import train as training
from spikelearn.equilibrium.classifier import Classifier, Recipe, Shown
from spikelearn.equilibrium.one_image import OneImage
from spikelearn.generative import train as generative_training
from spikelearn.generative.model import new_model
from spikelearn.images.masks import gaussian
from spikelearn.results.files import load
from spikelearn.results.locks import held
from spikelearn.training.checkpoint import beside, checkpoint_file, checkpoints_of

RNG = np.random.default_rng(5)
X, LABELS = RNG.uniform(0.1, 1, (6, 4)).astype(np.float32), np.array([0, 1, 0, 1, 1, 0])
RECIPE = Recipe(rates=(0.3, 0.2), free_steps=14, nudged_steps=8, listen_steps=5, output_bias=0.3)
RATES = learn_mnist_rates.Recipe(epochs=1, rates=(.2, .1), sweeps=5, nudged=2, batch=2)


def stand_in(shown):
    """A stand-in for showing images to a network: what it returns depends on all that a simulation depends on."""
    def show(self, x, *arguments, seed, **keywords):
        weights = next(value for value in arguments if isinstance(value, dict))
        rng = np.random.default_rng(seed)
        new = {name: .9 * w + x.sum() * rng.normal(size=w.shape) for name, w in weights.items()}
        return shown(self, new if keywords.get("learn", True) else weights, len(x))
    return show


classifier_shows = stand_in(lambda self, w, n: Shown(w, np.tile(np.eye(self.sizes[-1])[0], (n, 1)), n, 5 * n, 50 * n))
machine_shows = stand_in(lambda self, w, n: spiking_machine.Shown(w, None, 5 * n, 3 * n))


class NoSimulation:
    """Stands where a built network would."""

    def __init__(self, build, duration, *, device, precision, **_):
        self.device, self.precision, self.built = device, np.dtype("f8"), False


@pytest.fixture(autouse=True)
def no_simulation(monkeypatch):
    monkeypatch.setattr(classifier, "Simulation", NoSimulation)
    monkeypatch.setattr(Classifier, "show", classifier_shows)
    monkeypatch.setattr(SpikingMachine, "show", machine_shows)
    nothing = OneImage([1, 2, 3] * ms, np.zeros(3, int), np.arange(3), *[np.zeros(3)] * 4, (0, 0))
    monkeypatch.setattr(learn_mnist, "one_image", lambda *_: nothing)


@functools.cache
def network():
    return Classifier((4, 3, 2), "voltage_derivative_symmetric_centred", images=3, device="numpy")


@functools.cache
def machine():
    return SpikingMachine(4, 2, examples=3, device="numpy")


def classify(epochs, **settings):
    return training.train(network(), X, LABELS, RECIPE, epochs=epochs, chunk=3, **settings).weights


def on_spikes(epochs, **settings):
    recipe = spiking_training.Recipe(rate=.02, batch=3)
    return spiking_training.learn(machine(), X, recipe, epochs=epochs, chunk=3, **settings).weights


def in_minibatches(epochs, last_rate=1.0, **settings):
    return boltzmann_training.train(new_machine((4, 2), dtype=np.float32), X, "pcd1", epochs=epochs, batch=3, rate=.02,
                                    last_rate=last_rate, **settings).machine.arrays()


def with_falling_rates(epochs, **settings):
    return in_minibatches(epochs, last_rate=.1, **settings)


def generate(epochs, **settings):
    return generative_training.train(new_model((4, 3, 2)), X, [gaussian(.1)] * 3, epochs=epochs, batch=3,
                                     **settings).model.arrays()


def in_rates(epochs, checkpoint=None, resume=None, seed=1):
    recipe = dataclasses.replace(RATES, epochs=epochs)
    about = {"network": "3", "dataset": "lines", "images": "6", "seed": str(seed)}
    net, _ = learn_mnist_rates.train((4, 3, 2), X, LABELS, None, recipe, seed, checkpoint, resume, about, 0)
    return net.parameters()


ENDLESS = [classify, in_minibatches, in_rates]          # their rates do not depend on how many epochs there will be
PLANNED = [on_spikes, with_falling_rates, generate]
TRAINERS = pytest.mark.parametrize("train", ENDLESS + PLANNED, ids=lambda train: train.__name__)


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


class Killed(BaseException):
    """Stands for a power cut."""


@TRAINERS
def test_a_training_killed_in_its_first_chunk_resumes_to_the_same_bits(train, tmp_path, monkeypatch):
    path = tmp_path / "x.checkpoint.npz"

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as cut, pytest.raises(Killed):
        for owner, name in ((Classifier, "show"), (SpikingMachine, "show"), (boltzmann_training, "_learn"),
                            (generative_training, "_epoch"), (learn_mnist_rates, "_epoch")):
            cut.setattr(owner, name, kill)
        train(2, checkpoint=path)
    assert list(tmp_path.iterdir()) == [path]
    assert equal(train(2, checkpoint=path, resume=path), train(2))


@TRAINERS
def test_a_checkpoint_is_never_replaced_by_another_training(train, tmp_path):
    path = tmp_path / "x.checkpoint.npz"
    train(1, checkpoint=path)
    before = path.read_bytes()
    for settings in (dict(), dict(seed=2)):
        with pytest.raises(SpikelearnError, match="continue that one with --resume DIR, or choose another --out"):
            train(1, checkpoint=path, **settings)
    assert path.read_bytes() == before


@TRAINERS
def test_two_trainings_never_share_a_checkpoint(train, tmp_path):
    path = tmp_path / "x.checkpoint.npz"
    train(1, checkpoint=path)
    before = path.read_bytes()
    lock = tmp_path / f".{path.name}.spikelearn-lock"
    with held(lock, ""), pytest.raises(SpikelearnError, match="another training writes to"):
        train(1, checkpoint=path, resume=path)
    assert path.read_bytes() == before
    train(1, checkpoint=path, resume=path)


@pytest.mark.parametrize("train", ENDLESS, ids=lambda train: train.__name__)
def test_more_epochs_go_into_a_new_checkpoint(train, tmp_path):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    train(1, checkpoint=first)
    before = first.read_bytes()
    assert equal(train(2, checkpoint=second, resume=first), train(2))
    assert first.read_bytes() == before and second.is_file()
    with pytest.raises(SpikelearnError, match="has had 2 epochs and 0 chunks: it cannot end after 1"):
        train(1, resume=second)


@pytest.mark.parametrize("train", PLANNED, ids=lambda train: train.__name__)
def test_more_epochs_are_refused_where_the_rates_depend_on_their_number(train, tmp_path):
    path = tmp_path / "x.npz"
    train(1, checkpoint=path)
    with pytest.raises(SpikelearnError, match="epochs=1, over which its rates fall, and cannot be resumed with 2"):
        train(2, checkpoint=tmp_path / "more.npz", resume=path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_training_cut_within_an_epoch_cannot_end_before_that_epoch(tmp_path, monkeypatch):
    path, show, left = tmp_path / "x.npz", Classifier.show, [3]

    def kill(*arguments, **keywords):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return show(*arguments, **keywords)

    monkeypatch.setattr(Classifier, "show", kill)
    with pytest.raises(Killed):
        classify(2, checkpoint=path)
    with pytest.raises(SpikelearnError, match="has had 1 epochs and 1 chunks: it cannot end after 1"):
        classify(1, resume=path)


def test_a_training_refused_in_its_first_chunk_leaves_no_checkpoint(tmp_path, monkeypatch):
    def diverge(*_, **__):
        raise SpikelearnError("the weights became infinite")

    monkeypatch.setattr(Classifier, "show", diverge)
    with pytest.raises(SpikelearnError, match="infinite"):
        classify(1, checkpoint=tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


# --- locks and folders -------------------------------------------------------------------------------------------

HOLDER = """
import sys
from spikelearn.command.output_folder import output_folder

with output_folder(sys.argv[1], None, "p"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.long
def test_a_folder_is_refused_while_another_process_holds_it_and_free_after_kill_9(tmp_path):
    folder = tmp_path / "x"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    for out, resume in ((folder, None), (str(folder) + "/", None), (tmp_path / "y" / ".." / "x", None), (None, folder)):
        with pytest.raises(SpikelearnError, match="another run writes to '.*': wait for its end, or choose another"):
            with output_folder(out, resume, "p"):
                pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert {path.name for path in tmp_path.iterdir()} == {"x", ".x.spikelearn-lock", "y"}      # in nobody's way
    with output_folder(folder, None, "p") as directory:
        assert directory == folder


def test_a_folder_that_stays_empty_is_removed_with_its_lock(tmp_path):
    with output_folder(tmp_path / "x", None, "p") as directory:
        assert directory.is_dir() and len(list(tmp_path.iterdir())) == 2
    assert not list(tmp_path.iterdir())


def test_a_lock_is_free_again_after_the_block(tmp_path):
    for _ in range(3):
        with held(tmp_path / "lock", "held by another"):
            with pytest.raises(SpikelearnError, match="held by another"), held(tmp_path / "lock", "held by another"):
                pass
    assert not list(tmp_path.iterdir())


def test_checkpoints_stand_beside_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checkpoint_file("a/x").name == "x.checkpoint.npz" and checkpoint_file("a/x/").parent.name == "a"
    assert checkpoint_file("x", "500-500").name == "x.500-500.checkpoint.npz"
    assert beside(".", ".lock", hidden=True) == tmp_path.parent / f".{tmp_path.name}.lock"
    with pytest.raises(SpikelearnError, match="cannot be the folder of a result"):
        checkpoint_file("/")
    for name in ("x.checkpoint.npz", "x.2.checkpoint.npz", "x-2.checkpoint.npz", "[x].checkpoint.npz"):
        (tmp_path / name).touch()
    assert [path.name for path in checkpoints_of("x")] == ["x.checkpoint.npz", "x.2.checkpoint.npz"]
    assert [path.name for path in checkpoints_of("[x]")] == ["[x].checkpoint.npz"]


# --- the command -------------------------------------------------------------------------------------------------

COMMAND = ["run", "learn_mnist", "--device", "numpy", *(word for setting in (
    "dataset=digits", "images=6", "validation=4", "hidden=5", "free_steps=24", "nudged_steps=12", "chunk=2",
    "pixel=neurons/pixel_fire", "epochs=1") for word in ("--set", setting))]
KILLED = """
import os, signal, sys
import test_checkpoint
from spikelearn.command import command_line as cli
from spikelearn.equilibrium import classifier

left = [int(sys.argv[1])]

def kill(*arguments, **keywords):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return test_checkpoint.classifier_shows(*arguments, **keywords)

classifier.Simulation, classifier.Classifier.show = test_checkpoint.NoSimulation, kill
cli.main(sys.argv[2:])
"""


@pytest.mark.long
@pytest.mark.parametrize("chunks", [2, pytest.param(0, marks=pytest.mark.slow)])
def test_the_command_of_a_killed_training_given_again_is_refused_and_resume_ends_it(tmp_path, chunks, capsys):
    """kill -9 after so many chunks, then the same command, another seed's, and --resume."""
    out = tmp_path / "x"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(chunks), *COMMAND, "--out", str(out)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    before = checkpoint_file(out).read_bytes()
    for command in ([*COMMAND, "--out", str(out)], [*COMMAND, "--seed", "2", "--out", str(out)],
                    ["run", "stdp_window", "--quick", "--out", str(out)]):
        assert cli.main(command) == 2
        said = capsys.readouterr().err
        assert f"continue that one with --resume {out}, or choose another --out" in said and said.count("\n") == 1
    assert checkpoint_file(out).read_bytes() == before
    assert cli.main([*COMMAND, "--resume", str(out)]) == 0
    assert cli.main([*COMMAND, "--out", str(tmp_path / "whole")]) == 0
    arrays = [load(folder).arrays for folder in (out, tmp_path / "whole")]
    weights = [{name: one[name] for name in one if name.startswith("weights")} for one in arrays]
    assert equal(*weights) and weights[0]


def test_nothing_to_resume_is_told_in_one_sentence_and_makes_nothing(tmp_path, capsys):
    for protocol in ("learn_mnist", "learn_mnist_rates", "learn_vpf_spikes", "vpf_features"):
        assert cli.main(["run", protocol, "--resume", str(tmp_path / "no" / "x")]) == 2
        said = capsys.readouterr().err
        assert "there is no checkpoint of a training beside" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_finished_training_resumes_into_a_new_folder_only(tmp_path, capsys):
    first, more, whole = tmp_path / "first", tmp_path / "more", tmp_path / "whole"
    assert cli.main([*COMMAND, "--out", str(first)]) == 0
    before = {path: path.read_bytes() for path in (checkpoint_file(first), *first.iterdir())}
    longer = [word.replace("epochs=1", "epochs=2") for word in COMMAND]
    capsys.readouterr()
    assert cli.main([*longer, "--resume", str(first)]) == 2
    assert f"with --resume {first} --out DIR" in capsys.readouterr().err
    assert cli.main([*longer, "--resume", str(first), "--out", str(more)]) == 0
    assert cli.main([*longer, "--out", str(whole)]) == 0
    one, other = (load(folder).arrays for folder in (more, whole))
    assert all(np.array_equal(one[name], other[name]) for name in one if name.startswith("weights"))
    assert {path: path.read_bytes() for path in before} == before
    assert checkpoint_file(more).is_file()
