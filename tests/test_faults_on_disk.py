"""Crash tests: a training, a result and a build on a disk that fails at each of their calls, one after the other.

After each the same command runs again: the same weights to the last bit, the same program, nothing left behind.
"""
import os
import tempfile

import numpy as np
import pytest
from brian2 import NeuronGroup, ms
from faulty_disk import FAULTS, on_a_faulty_disk

from spikelearn.command.output_folder import output_folder
from spikelearn.results import Result, load, save
from spikelearn.results.files import write_file
from spikelearn.simulation import programs
from spikelearn.simulation.simulate import Simulation
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a faulty disk needs a process of its own")
CHUNKS = 3


def trained(out, resume=None):
    """A training of three chunks whose weights follow from those before, and its result with a figure."""
    with output_folder(out, resume, "p", trains=True) as directory:
        begun, earlier = State({"w": np.linspace(0, 1, 50)}), checkpoint_file(resume) if resume else None
        with checkpointing(checkpoint_file(directory), earlier, {"seed": "1"}, begun, 1) as (state, keep):
            while state.chunk < CHUNKS:
                state = State({"w": np.sin(3 * state.weights["w"] + state.chunk)}, chunk=state.chunk + 1)
                keep(state)
        save(Result("p", {"w": state.weights["w"]}, {"x": float(state.weights["w"].sum())}), directory)
        write_file(directory / "figure.png", b"figure")


def one_result(out):
    """Save a result alone."""
    save(Result("p", {"w": np.arange(5)}, {"x": 1.0}), out)


def check_sentence(outcome, where):
    """An action on a faulty disk ends, is killed, or says why in one sentence."""
    if outcome not in ("done", "killed"):
        assert outcome[0] == "SpikelearnError" and "\n" not in outcome[1] and len(outcome[1]) > 20, (outcome, where)


def check_training(folder, fault, moment, weights):
    """A training that met a fault goes on to the same weights and leaves nothing behind."""
    folder.mkdir()
    out = folder / "x"
    outcome, calls = on_a_faulty_disk(lambda: trained(out), fault, moment)
    where = fault, moment, calls[-3:]
    check_sentence(outcome, where)
    if not (out / "run.json").exists():
        trained(out, resume=out if checkpoint_file(out).exists() else None)
    assert np.array_equal(load(out).arrays["w"], weights), where
    assert outcome != "done" or (out / "figure.png").read_bytes() == b"figure", where
    trained(folder / "next")
    known = {"x", "next", "x.checkpoint.npz", "next.checkpoint.npz"}
    assert {path.name for path in folder.iterdir()} == known, where
    assert {path.name for path in out.iterdir()} <= {"run.json", "result.npz", "figure.png"}, where


def check_result(folder, fault, moment):
    """A result that met a fault is there as a whole, or not at all and can be saved again."""
    folder.mkdir()
    outcome, calls = on_a_faulty_disk(lambda: one_result(folder / "x"), fault, moment)
    check_sentence(outcome, (fault, moment, calls[-3:]))
    if (folder / "x").exists():
        assert list(load(folder / "x").arrays["w"]) == [0, 1, 2, 3, 4]
        one_result(folder / "y")
    else:
        one_result(folder / "x")
    assert {path.name for path in folder.iterdir()} <= {"x", "y"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "x"
    trained(out)
    return load(out).arrays["w"]


def moments_of(action):
    """How many calls an action makes on a disk that works."""
    outcome, calls = on_a_faulty_disk(action)
    assert outcome == "done" and "write" in calls and {"rename", "replace"} & set(calls), outcome
    return len(calls)


def test_three_moments_of_a_training(tmp_path, weights):
    last = moments_of(lambda: trained(tmp_path / "count"))
    for fault, moment in zip(FAULTS, (last // 3, last // 2, last - 12)):
        check_training(tmp_path / fault, fault, moment, weights)


def test_a_moment_of_a_result(tmp_path):
    check_result(tmp_path / "a", "kill", moments_of(lambda: one_result(tmp_path / "count")) // 2)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_moment_of_a_training(tmp_path, weights, fault):
    last = moments_of(lambda: trained(tmp_path / "count"))
    print(f"training, {fault}: {last} moments")
    for moment in range(1, last + 1):
        check_training(tmp_path / str(moment), fault, moment, weights)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_moment_of_a_result(tmp_path, fault):
    last = moments_of(lambda: one_result(tmp_path / "count"))
    print(f"result, {fault}: {last} moments")
    for moment in range(1, last + 1):
        check_result(tmp_path / str(moment), fault, moment)


# --- a build -----------------------------------------------------------------------------------------------------

def network():
    """Two potentials that decay."""
    return [NeuronGroup(2, "dv/dt = -v / (10*ms) : 1", name="cells", method="exact")]


def built():
    """Build the network: the folder of its program."""
    return Simulation(network, 10 * ms, device="cpp", dt=1 * ms).folder


def make(draft):
    """A compiler that takes no time."""
    (draft / "main").write_bytes(b"a program")
    (draft / "main").chmod(0o755)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder for caches, with drafts beside them."""
    (tmp_path / "drafts").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "drafts"))
    monkeypatch.setattr(programs, "make_program", make)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "before"))
    built()         # what Brian2 writes once in a process does not count
    return tmp_path


def check_build(cache, fault, moment, monkeypatch):
    """A build that met a fault leaves a cache that heals: one whole program, and nothing else."""
    monkeypatch.setenv("SPIKELEARN_CACHE", str(cache / f"{fault} {moment}"))
    outcome, calls = on_a_faulty_disk(built, fault, moment)
    where = fault, moment, calls[-3:]
    check_sentence(outcome, where)
    folder = built()
    assert programs._whole(folder) and (folder / "main").read_bytes() == b"a program", where
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, f"{folder.name}.lock"}, where
    assert not list((cache / "drafts").glob("spikelearn-*")), where


@pytest.mark.compiler
def test_a_moment_of_a_build(cache, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(cache / "count"))
    check_build(cache, "kill", moments_of(built) - 30, monkeypatch)


@pytest.mark.slow
@pytest.mark.compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_every_moment_of_a_build(cache, fault, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(cache / "count"))
    last = moments_of(built)
    print(f"build, {fault}: {last} moments")
    for moment in range(1, last + 1):
        check_build(cache, fault, moment, monkeypatch)
