"""Crash tests of what the compiler and compiled programs write, on a disk that fails at a chosen moment.

After each the same network is built or run again: the same numbers, nothing left behind.
"""
import errno
import functools
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from brian2 import NeuronGroup, StateMonitor, ms
from brian2.codegen import cpp_prefs
from faulty_disk import FAULTS
from test_faults_load import PROTOCOL
from test_faults_on_disk import check_sentence

from spikelearn.results import load
from spikelearn.simulation import programs
from spikelearn.simulation.brian_internals.device import try_refused_flags_again
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.simulate import Simulation

pytestmark = [pytest.mark.compiler,
              pytest.mark.skipif(sys.platform != "linux", reason="the faulty disk is loaded by Linux's ld.so")]
SEED, REAL = int(os.environ["SPIKELEARN_SEED"]), programs.make_program
RECORD, RECORDS = 32, 2**16             # of the file in which faulty_disk.c counts calls
READ = ("cells.v", "potential.v", "potential.t")
V = np.array([1.0, 2.0])


def network():
    """Two potentials that decay, recorded."""
    cells = NeuronGroup(2, "dv/dt = -v / (10*ms) : 1", name="cells", method="exact")
    note(cells, values={"v": V})
    return [cells, StateMonitor(cells, "v", record=True, name="potential")]


def simulation(profile=False):
    return Simulation(network, 20 * ms, device="cpp", dt=1 * ms, profile=profile)


def simulated(built):
    """What a simulation gives, as lists."""
    return {name: np.asarray(value).tolist() for name, value in built.run({"cells.v": V}, read=READ).items()}


def check_numbers(read):
    assert np.allclose(read["cells.v"], np.exp(-2) * V, rtol=1e-9)
    assert np.allclose(read["potential.v"], V[:, None] * np.exp(-np.arange(20) / 10), rtol=1e-9)
    assert np.allclose(read["potential.t"], np.arange(20) / 1000, rtol=1e-9)


# --- the disk ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """The faulty disk as a library."""
    library = tmp_path_factory.mktemp("disk") / "faulty_disk.so"
    subprocess.run([*shlex.split(os.environ.get("CXX", "g++")), "-x", "c", "-shared", "-fPIC", "-o", str(library),
                    str(Path(__file__).parent / "faulty_disk.c"), "-ldl"], check=True)
    return library


def environment_of(disk, fault, moment):
    """Environment variables with which programs run on the faulty disk, this interpreter aside."""
    calls = disk.parent / "calls"
    calls.write_bytes(b"")
    os.truncate(calls, 8 + RECORD * RECORDS)
    number = {None: 0, "kill": -1}.get(fault) if fault in (None, "kill") else getattr(errno, fault)
    return {"LD_PRELOAD": str(disk), "DISK_CALLS": str(calls), "DISK_FAULT": str(number), "DISK_MOMENT": str(moment),
            "DISK_SPARES": "python"}


def calls_of(disk):
    """What programs called, in its order: "ld write"."""
    with open(disk.parent / "calls", "rb") as file:
        count = int.from_bytes(file.read(8), sys.byteorder)
        assert count < RECORDS
        records = [file.read(RECORD) for _ in range(count + 1)][1:]
    return [record.split(b"\0")[0].decode() for record in records]


def on_the_disk(disk, action, fault=None, moment=0):
    """(outcome, value, calls) of an action whose programs are on the faulty disk: "done" or the exception."""
    from_child, to_parent = os.pipe()
    child = os.fork()
    if not child:
        os.environ.update(environment_of(disk, fault, moment))
        os.cpu_count = lambda: 1            # one after the other, so that a moment is the same in each run
        try:
            told = "done", action()
        except BaseException as error:
            told = [type(error).__name__, str(error)], None
        with os.fdopen(to_parent, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(to_parent)
    with os.fdopen(from_child) as pipe:
        outcome, value = json.load(pipe)
    os.waitpid(child, 0)
    return outcome, value, calls_of(disk)


def moments_of(calls, draw, count):
    """So many moments, 1 the first: one of each kind of call, the others at random."""
    kinds = {kind: [k + 1 for k, call in enumerate(calls) if call == kind] for kind in sorted(set(calls))}
    first = [draw.choice(places) for places in kinds.values()]
    others = sorted(set(range(1, len(calls) + 1)) - set(first))
    return first + draw.sample(others, max(0, min(count - len(first), len(others))))


@pytest.fixture(scope="module")
def whole(disk, tmp_path_factory):
    """(folder of the program, what was called when it was built) of a build on a disk that works."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "make_program", lambda draft: (draft / "main").write_bytes(b"a program"))
        patch.setenv("SPIKELEARN_CACHE", str(tmp_path_factory.mktemp("before")))
        simulation()        # what Brian2 tries once in a process does not count
        patch.setattr(programs, "make_program", REAL)
        patch.setenv("SPIKELEARN_CACHE", str(tmp_path_factory.mktemp("whole")))
        outcome, folder, calls = on_the_disk(disk, lambda: str(simulation().folder))
        assert outcome == "done" and {"open", "write", "close", "unlink"} <= {call.split()[1] for call in calls}
        yield Path(folder), calls


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for caches, with temporary files beside them."""
    (tmp_path / "drafts").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "drafts"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "drafts"))
    return tmp_path


def left_in(place):
    """Temporary files that are left, Brian2's own aside, which it removes when its process ends."""
    return [path.name for path in (place / "drafts").iterdir() if not path.name.startswith("brian_")]


# --- builds ------------------------------------------------------------------------------------------------------

def check_build(disk, whole, place, monkeypatch, fault, moment, compiler=False):
    """A build that met a fault leaves a cache that heals. compiler : it compiles again; else the program is copied."""
    monkeypatch.setenv("SPIKELEARN_CACHE", str(place / f"{fault} {moment}"))
    where, networks = (fault, moment, whole[1][moment - 1]), place / f"{fault} {moment}" / "networks"
    monkeypatch.setattr(programs, "make_program", REAL)
    outcome, folder, calls = on_the_disk(disk, lambda: str(simulation().folder), fault, moment)
    assert len(calls) >= moment, where
    check_sentence(outcome, where)
    left = {path.name for path in networks.iterdir()} - {f"{whole[0].name}.lock"}
    assert left == ({whole[0].name} if outcome == "done" else set()) and not left_in(place), where
    monkeypatch.setattr(programs, "make_program", REAL if compiler else functools.partial(copied, whole[0]))
    again = simulation()
    assert again.built == (outcome != "done") and again.folder == networks / whole[0].name, where
    check_numbers(simulated(again))
    return outcome


def copied(program, draft):
    """In place of a compiler: the program that it makes."""
    shutil.copy(program / "main", draft)


def check_builds(disk, whole, place, monkeypatch, fault, count, every):
    """Builds that fail at so many moments; each so many is built again by the compiler."""
    moments = moments_of(whole[1], random.Random(f"{SEED} {fault}"), count)
    outcomes = [check_build(disk, whole, place, monkeypatch, fault, moment, not k % every)
                for k, moment in enumerate(moments)]
    refused = sum(outcome != "done" for outcome in outcomes)
    print(f"build, {fault}, seed {SEED}: {len(moments)} of {len(whole[1])} moments, {refused} refused in a sentence")
    assert refused


@pytest.mark.parametrize("fault", [
    fault if fault == "ENOSPC" else pytest.param(fault, marks=pytest.mark.slow) for fault in FAULTS])
def test_a_build_whose_compiler_meets_a_fault(disk, whole, place, monkeypatch, fault):
    draw = random.Random(f"one {SEED} {fault}")
    moment = draw.choice([k + 1 for k, call in enumerate(whole[1]) if call in ("as write", "ld write")])
    assert check_build(disk, whole, place, monkeypatch, fault, moment) != "done"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_builds_whose_compiler_meets_faults(disk, whole, place, monkeypatch, fault):
    check_builds(disk, whole, place, monkeypatch, fault, 30, 6)


def test_a_flag_that_was_refused_once_is_tried_again(monkeypatch):
    """The compiler may have failed for another reason than the flag, such as a disk that was full."""
    monkeypatch.setattr(cpp_prefs, "_compiler_flag_compatibility", {})
    with monkeypatch.context() as patch:
        patch.setattr(cpp_prefs, "_determine_flag_compatibility", lambda *given: False)
        try_refused_flags_again()
        assert cpp_prefs.get_compiler_and_args()[1] == []
    try_refused_flags_again()
    assert "-ffast-math" in cpp_prefs.get_compiler_and_args()[1]


# --- runs --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault, profile", [
    ("kill", False),
    *(pytest.param(*given, marks=pytest.mark.slow) for given in [
        ("ENOSPC", True), ("EIO", False), ("ENOSPC", False), ("EIO", True)])])
def test_a_run_whose_program_meets_a_fault_at_each_of_its_calls(disk, place, monkeypatch, fault, profile):
    built = simulation(profile)
    monkeypatch.setattr(built, "_runs", place / "drafts")
    outcome, read, calls = on_the_disk(disk, functools.partial(simulated, built))
    check_numbers(read)
    assert outcome == "done" and len(calls) >= 3 * (len(READ) + profile)
    for moment in range(1, len(calls) + 1):
        outcome, _, _ = on_the_disk(disk, functools.partial(simulated, built), fault, moment)
        assert outcome != "done", (fault, moment)
        check_sentence(outcome, (fault, moment))
        assert not left_in(place), (fault, moment)
        check_numbers(simulated(built))
    print(f"run, {fault}, profile {profile}: {len(calls)} moments")


# --- commands ----------------------------------------------------------------------------------------------------

def run(**environment):
    return subprocess.run([sys.executable, "-m", "spikelearn", "run", "decay.py", "--out", "out"], capture_output=True,
                          text=True, env=os.environ | environment)


def check_command(disk, call, fault, draw):
    """A command one of whose programs meets a fault ends in one sentence, and runs again."""
    Path("decay.py").write_text(PROTOCOL)
    shutil.rmtree("cache", ignore_errors=True)
    assert run(**environment_of(disk, None, 0)).returncode == 0
    calls = calls_of(disk)
    build = calls.index("g++ open")         # Brian2 tries the compiler's flags before, once more where one is refused
    moment = draw.choice([k + 1 for k, found in enumerate(calls) if found == call and k > build])
    for path in ("out", "cache"):
        shutil.rmtree(path)
    failed = run(**environment_of(disk, fault, moment))
    assert failed.returncode == 2 and len(failed.stderr.splitlines()) == 1, (fault, moment, failed.stderr)
    assert failed.stderr.startswith("spikelearn: ") and not Path("out").exists()
    again = run()
    assert again.returncode == 0, again.stderr
    assert load("out").headline["v"] == pytest.approx(np.exp(-1), rel=1e-12)
    assert {path.name for path in Path().iterdir()} == {"decay.py", "out", "cache", "drafts"}
    assert not list(Path("drafts").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("call, fault", [("cc1plus write", "EIO"), ("ld write", "ENOSPC"), ("main write", "kill")])
def test_a_command_whose_programs_meet_a_fault(disk, place, monkeypatch, call, fault):
    monkeypatch.chdir(place)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(place / "cache"))
    check_command(disk, call, fault, random.Random(f"{SEED} {call} {fault}"))
