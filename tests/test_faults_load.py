"""Load: many processes on one empty cache and one data folder, kills and resumes, a sweep whose cache is cleared."""
import functools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import NeuronGroup, ms
from faulty_disk import on_a_faulty_disk
from test_downloads import PACKED, mirror  # noqa: F401  (a fixture)

from spikelearn.command.output_folder import output_folder
from spikelearn.images.datasets import load as load_dataset
from spikelearn.results import Result, load, save
from spikelearn.results.locks import remove_leftovers, temporary_folder
from spikelearn.simulation import programs
from spikelearn.simulation.simulate import Simulation
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing

SEED = int(os.environ["SPIKELEARN_SEED"])
PROCESSES = 8
PROTOCOL = '''"""Two potentials that decay, in a compiled program."""
import numpy as np
from brian2 import NeuronGroup, ms
from spikelearn.results import Result
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.simulate import Simulation


def run(*, start=1.0, seed=1):
    def network():
        cells = NeuronGroup(2, "dv/dt = -v / (10*ms) : 1", name="cells", method="exact")
        note(cells, values={"v": np.ones(2)})
        return [cells]

    simulation = Simulation(network, 10 * ms, device="cpp", dt=1 * ms)
    v = simulation.run({"cells.v": np.full(2, start)}, read=["cells.v"])["cells.v"]
    return Result("decay", {"v": v}, {"v": float(v[0])})
'''


def at_once(action, count=PROCESSES):
    """Run an action in so many processes at once; asserts that each ends without an error."""
    children = []
    for k in range(count):
        child = os.fork()
        if not child:
            try:
                action(k)
                os._exit(0)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                os._exit(1)
        children.append(child)
    codes = [os.waitpid(child, 0)[1] for child in children]
    assert codes == [0] * count


def network():
    return [NeuronGroup(2, "dv/dt = -v / (10*ms) : 1", name="cells", method="exact")]


@pytest.mark.compiler
def test_many_processes_on_one_empty_cache_build_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "cache"))

    def make(draft):
        with open(tmp_path / "built", "ab") as file:
            file.write(b"1")
        time.sleep(.2)
        (draft / "main").write_bytes(b"a program")
        (draft / "main").chmod(0o755)

    def build(_):
        folder = Simulation(network, 10 * ms, device="cpp", dt=1 * ms).folder
        assert programs._whole(folder) and (folder / "main").read_bytes() == b"a program"

    monkeypatch.setattr(programs, "make_program", make)
    at_once(build)
    assert (tmp_path / "built").read_bytes() == b"1"
    folder, lock = sorted((tmp_path / "cache" / "networks").iterdir())
    assert lock.name == f"{folder.name}.lock"


def test_many_processes_on_one_data_folder_download_without_a_trace(mirror, tmp_path):  # noqa: F811
    def images(_):
        assert np.array_equal(load_dataset("mnist", validation=1).train.images, np.arange(30).reshape(5, 2, 3))

    at_once(images)
    assert {path.name for path in (tmp_path / "cache" / "mnist").iterdir()} == set(PACKED)
    assert 4 <= len(mirror.asked) <= 4 * PROCESSES


def test_temporary_folders_of_many_processes_do_not_meet(tmp_path):
    """Each sweeps leftovers while others make and hold their folders."""
    def work(k):
        for n in range(30):
            with temporary_folder(tmp_path) as folder:
                (folder / "mine").write_text(f"{k} {n}")
                remove_leftovers(tmp_path)
                assert (folder / "mine").read_text() == f"{k} {n}"
                if n == 29 and k % 2:
                    os.kill(os.getpid(), signal.SIGKILL)

    children = []
    for k in range(PROCESSES):
        child = os.fork()
        if not child:
            try:
                work(k)
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, -signal.SIGKILL] * (PROCESSES // 2)
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())


# --- kills and resumes -------------------------------------------------------------------------------------------

def trained(out, resume, chunks):
    """A training whose weights follow from those before, and its result."""
    with output_folder(out, resume, "p", trains=True) as directory:
        begun, earlier = State({"w": np.linspace(0, 1, 50)}), checkpoint_file(resume) if resume else None
        with checkpointing(checkpoint_file(directory), earlier, {"seed": "1"}, begun, 1) as (state, keep):
            while state.chunk < chunks:
                state = State({"w": np.sin(3 * state.weights["w"] + state.chunk)}, chunk=state.chunk + 1)
                keep(state)
        save(Result("p", {"w": state.weights["w"]}, {}), directory)


def killed_and_resumed(folder, kills):
    """One training that is killed so often, each time at a random call to the disk, and resumed."""
    draw, out, chunks = random.Random(SEED), folder / "x", 3 * kills
    for _ in range(kills):
        resume = out if checkpoint_file(out).exists() else None
        outcome, _ = on_a_faulty_disk(functools.partial(trained, out, resume, chunks), "kill", draw.randrange(1, 60))
        assert outcome == "killed"
    trained(out, out if checkpoint_file(out).exists() else None, chunks)
    trained(folder / "whole", None, chunks)
    assert np.array_equal(load(out).arrays["w"], load(folder / "whole").arrays["w"])
    assert {path.name for path in folder.iterdir()} == {"x", "whole", "x.checkpoint.npz", "whole.checkpoint.npz"}


def test_twenty_kills_of_one_training_change_no_bit(tmp_path):
    killed_and_resumed(tmp_path, 20)


@pytest.mark.slow
def test_two_hundred_kills_of_one_training_change_no_bit(tmp_path):
    killed_and_resumed(tmp_path, 200)


# --- real commands -----------------------------------------------------------------------------------------------

def command(*words):
    return [sys.executable, "-m", "spikelearn", *words]


@pytest.mark.slow
@pytest.mark.compiler
def test_eight_commands_at_once_on_one_empty_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "cache"))
    Path("decay.py").write_text(PROTOCOL)
    runs = [subprocess.Popen(command("run", "decay.py", "--out", f"results/{k}"), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True) for k in range(PROCESSES)]
    told = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * PROCESSES, told
    potentials = {load(f"results/{k}").headline["v"] for k in range(PROCESSES)}
    assert len(potentials) == 1 and potentials.pop() == pytest.approx(np.exp(-1), rel=1e-12)
    assert {path.name for path in Path("results").iterdir()} == {str(k) for k in range(PROCESSES)}
    assert sorted(path.suffix for path in Path("cache/networks").iterdir()) == ["", ".lock"]


@pytest.mark.slow
@pytest.mark.compiler
def test_a_sweep_of_200_points_while_the_cache_is_cleared_and_a_worker_is_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path / "cache"))
    Path("decay.py").write_text(PROTOCOL)
    words = command("sweep", "decay.py", "--vary", "start=1..200", "--out", "out", "--jobs", "2")
    sweep = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    cleared, killed, done = 0, False, 0
    while sweep.poll() is None:
        before, done = done, len(list(Path("out").glob("start=*/run.json")))
        if done // 40 > before // 40:
            cleared += subprocess.run(command("cache", "--clear"), capture_output=True).returncode == 0
        if done >= 60 and not killed:
            killed = kill_a_worker(sweep.pid)
        time.sleep(.2)
    told = sweep.communicate()[0]
    again = subprocess.run(words, capture_output=True, text=True)      # points whose program went at the wrong moment
    assert killed and cleared >= 2 and again.returncode == 0, (told, again.stderr)
    for k in range(1, 201):
        assert load(f"out/start={k}").headline["v"] == pytest.approx(k * np.exp(-1), rel=1e-12)
    print(f"cache cleared {cleared} times; {[line for line in told.splitlines() if 'points have' in line]}")


def kill_a_worker(parent):
    """Kill -9 one child of a sweep that runs points; whether there was one."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent and b"loky" in words:
                os.kill(int(entry.name), signal.SIGKILL)
                return True
        except (OSError, ValueError):
            pass
    return False
