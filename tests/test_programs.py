"""The cache of compiled programs heals itself, and a program ends with the process that started it."""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import NeuronGroup, ms

from spikelearn.simulation import programs
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.simulate import Simulation

pytestmark = pytest.mark.compiler


def decay():
    """Two potentials that decay."""
    cells = NeuronGroup(2, "dv/dt = -v / (10*ms) : 1", name="cells", method="exact")
    note(cells, values={"v": np.array([1.0, 2.0])})
    return [cells]


def simulated():
    simulation = Simulation(decay, 10 * ms, device="cpp", dt=1 * ms)
    return simulation, simulation.run(read=["cells.v"])["cells.v"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with one program, which is compiled once: its folder."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SPIKELEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
    folder = simulated()[0].folder
    program = (folder / "main").read_bytes()

    def make(draft):
        (draft / "main").write_bytes(program)
        (draft / "main").chmod(0o755)

    patch.setattr(programs, "make_program", make)
    yield folder
    patch.undo()


def truncated(main):
    main.write_bytes(main.read_bytes()[:1000])


def emptied(main):
    main.write_bytes(b"")


def foreign(main):
    shutil.copy(shutil.which("true"), main)


def unmarked(main):
    (main.parent / programs.CHECKSUM).unlink()


def file_in_place_of_the_folder(main):
    shutil.rmtree(main.parent)
    main.parent.write_text("no program")


DAMAGES = [truncated, emptied, foreign, unmarked, Path.unlink, lambda main: main.chmod(0o644),
           file_in_place_of_the_folder]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_program_is_compiled_again(cache, damage):
    damage(cache / "main")
    simulation, v = simulated()
    assert simulation.built and simulation.folder == cache
    assert np.allclose(v, np.exp(-1) * np.array([1, 2]), rtol=1e-12)
    again, _ = simulated()
    assert not again.built


def test_damaged_data_of_a_program_are_made_again(cache):
    static = cache / "static_arrays"
    static.mkdir(exist_ok=True)
    (static / "of_somebody_else").write_bytes(b"1")
    simulation, _ = simulated()
    assert simulation.built and not (static / "of_somebody_else").exists()


def test_an_unfinished_build_of_the_day_before_is_removed(cache):
    old, new = cache.parent / "draft-old", cache.parent / "draft-new"
    for draft in (old, new):
        draft.mkdir()
    os.utime(old, (0, 0))
    assert not simulated()[0].built
    assert not old.exists() and new.exists()
    new.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a program with its parent, other systems do not")
def test_a_program_ends_with_the_process_that_started_it(cache):
    script = ("from brian2 import NeuronGroup, second, ms\n"
              "from spikelearn.simulation.simulate import Simulation\n"
              "def network():\n"
              "    return [NeuronGroup(2, 'dv/dt = -v / (10*ms) : 1', name='cells', method='exact')]\n"
              "simulation = Simulation(network, 10**7 * second, device='cpp', dt=1*ms)\n"
              "print(simulation.folder, flush=True)\n"
              "simulation.run(read=['cells.v'])\n")
    parent = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], stdout=subprocess.PIPE, text=True)
    program = str(Path(parent.stdout.readline().strip()) / "main")
    while not running(program):
        assert parent.poll() is None
        time.sleep(0.05)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    for _ in range(1000):
        if not running(program):
            return
        time.sleep(0.05)
    pytest.fail("the program still runs")


def running(program):
    """Numbers of the processes that run a program, those that have ended aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "exe") == program:
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def test_a_program_whose_parent_has_ended_already_does_nothing(cache):
    environment = os.environ | {programs.PARENT: "1000000000"}
    done = subprocess.run([str(cache / "main")], cwd=cache, env=environment)
    assert done.returncode == 1
