"""The cache of compiled programs heals itself, and a program ends with the process that started it."""
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from brian2 import NeuronGroup, ms

from spikelearn import SpikelearnError
from spikelearn.command import command_line as cli
from spikelearn.results.locks import _locked
from spikelearn.simulation import cache as caches
from spikelearn.simulation import program_code, programs
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.simulate import Simulation

pytestmark = pytest.mark.compiler


REAL = programs.make_program


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
    environment = os.environ | {program_code.PARENT: "1000000000"}
    done = subprocess.run([str(cache / "main")], cwd=cache, env=environment)
    assert done.returncode == 1


# --- where the cache stands --------------------------------------------------------------------------------------

def as_an_ordinary_user(action):
    """What an action gives in a process whose user may write only what is open to all; an error as a text."""
    from_child, to_parent = os.pipe()
    child = os.fork()
    if not child:
        try:
            if not os.getuid():
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            found = action()
        except BaseException as error:
            found = f"{type(error).__name__}: {error}"
        os.write(to_parent, json.dumps(found).encode())
        os._exit(0)
    os.close(to_parent)
    with os.fdopen(from_child) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told)


@pytest.fixture
def open_place(monkeypatch):
    """A folder that every user can enter, with drafts that every user can write."""
    with tempfile.TemporaryDirectory(prefix="spikelearn-test-") as place:
        os.chmod(place, 0o755)
        drafts = Path(place) / "drafts"
        drafts.mkdir()
        drafts.chmod(0o777)
        monkeypatch.setattr(tempfile, "tempdir", str(drafts))
        yield Path(place)


def found():
    """Folder of the simulation's program, whether it was built, and what it gives."""
    simulation, v = simulated()
    return str(simulation.folder), simulation.built, list(v)


def test_a_read_only_cache_that_holds_the_program_is_used_and_another_is_told(cache, open_place, monkeypatch):
    whole = open_place / "cache"
    shutil.copytree(cache.parent, whole / "networks")
    for folder in (whole, whole / "networks", open_place / "empty"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o555)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(whole))
    where, built, v = as_an_ordinary_user(found)
    assert Path(where) == whole / "networks" / cache.name and not built
    assert np.allclose(v, np.exp(-1) * np.array([1, 2]), rtol=1e-12)
    monkeypatch.setenv("SPIKELEARN_CACHE", str(open_place / "empty"))
    said = as_an_ordinary_user(found)
    assert said.startswith("SpikelearnError: the network could not be built in") and "Permission denied" in said
    assert "SPIKELEARN_CACHE names another folder" in said and not list((open_place / "drafts").iterdir())


def test_with_a_read_only_home_programs_stand_in_a_private_folder(cache, open_place, monkeypatch):
    monkeypatch.delenv("SPIKELEARN_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (open_place / "home").mkdir()
    (open_place / "home").chmod(0o555)
    monkeypatch.setenv("HOME", str(open_place / "home"))
    for built_now in (True, False):
        where, built, v = as_an_ordinary_user(found)
        assert Path(where).is_relative_to(open_place / "drafts") and built == built_now
        assert np.allclose(v, np.exp(-1) * np.array([1, 2]), rtol=1e-12)
    private, = (open_place / "drafts").glob("spikelearn-cache-*")
    assert private.stat().st_mode & 0o077 == 0
    shutil.rmtree(private)
    private.mkdir()
    private.chmod(0o777)        # as somebody else could have made it, to put programs into it
    assert "it belongs to another user" in as_an_ordinary_user(found)


@pytest.mark.parametrize("given", ["relative", "~/home", "./a/../relative"])
def test_a_relative_path_and_one_in_the_home_name_a_cache(cache, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SPIKELEARN_CACHE", given)
    shutil.copytree(cache.parent, tmp_path / Path(given).name / "networks")
    simulation, _ = simulated()
    assert not simulation.built and simulation.folder == tmp_path / Path(given).name / "networks" / cache.name
    monkeypatch.chdir("/")
    assert len(simulation.run(read=["cells.v"])["cells.v"]) == 2


def test_a_home_of_nobody_is_told(cache, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", "~no_such_user/cache")
    with pytest.raises(SpikelearnError, match="SPIKELEARN_CACHE=~no_such_user/cache names no folder"):
        simulated()


@pytest.mark.parametrize("given", ["", " ", "'", "no_such_compiler -O3"])
def test_a_compiler_that_is_none_is_told(cache, given, monkeypatch):
    monkeypatch.setenv("CXX", given)
    with pytest.raises(SpikelearnError, match="needs a C\\+\\+ compiler and make, and none was found"):
        simulated()
    assert Simulation(decay, 10 * ms, device="auto", dt=1 * ms).device == "numpy"


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_while_copying(*_, **__):
    raise shutil.Error([("main.cpp", "draft/main.cpp", "[Errno 28] No space left on device")])


@pytest.mark.parametrize("where", ["copy", "compiler", "anything"])
def test_a_full_cache_is_told_and_left_as_it_was(cache, where, tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    if where == "compiler":
        monkeypatch.undo()
        monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
        monkeypatch.setattr(programs, "make_program", REAL)
        said = "main.cpp: fatal error: error writing to main.s: No space left on device"
        monkeypatch.setattr(programs, "to_the_end", lambda *_: subprocess.CompletedProcess([], 2, "", said))
    elif where == "copy":
        monkeypatch.setattr(shutil, "copytree", full_while_copying)
    else:
        monkeypatch.setattr(programs, "make_program", full)
    with pytest.raises(SpikelearnError, match="could not be built in .*No space left on device") as refusal:
        simulated()
    assert "\n" not in str(refusal.value)
    assert [path.suffix for path in (tmp_path / "networks").iterdir()] == [".lock"]


def test_a_program_that_is_removed_between_two_runs_is_compiled_again(cache, tmp_path, monkeypatch):
    """Also where several threads run it at once: it is compiled once."""
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    simulation, _ = simulated()
    shutil.rmtree(tmp_path / "networks")
    copied, make = [], programs.make_program
    monkeypatch.setattr(programs, "make_program", lambda draft: (copied.append(draft), make(draft)))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: simulation.run({"cells.v": [start, 2]}, read=["cells.v"])["cells.v"],
                              range(1, 9)))
    assert np.allclose(found, np.exp(-1) * np.array([(start, 2) for start in range(1, 9)]), rtol=1e-12)
    assert len(copied) == 1 and not simulated()[0].built
    shutil.rmtree(tmp_path / "networks")
    monkeypatch.setattr(programs, "_fingerprint", lambda draft: "0" * 32)
    with pytest.raises(SpikelearnError, match="no longer in .* the same command compiles it again"):
        simulation.run(read=["cells.v"])


def test_a_program_that_is_removed_just_before_it_starts_is_compiled_once_more(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    simulation, v = simulated()
    arguments, left = simulation._arguments, [1]

    def removed(*given):
        if left.pop() if left else False:
            shutil.rmtree(tmp_path / "networks")
        return arguments(*given)

    monkeypatch.setattr(simulation, "_arguments", removed)
    assert np.array_equal(simulation.run(read=["cells.v"])["cells.v"], v) and not left
    left += [1, 1]
    with pytest.raises(SpikelearnError, match="no longer in .* the same command compiles it again"):
        simulation.run(read=["cells.v"])
    assert simulated()[0].built


@pytest.mark.parametrize("umask, mode", [(0o022, 0o755), (0o077, 0o700), (0o002, 0o775)])
def test_programs_respect_the_umask(cache, tmp_path, monkeypatch, umask, mode):
    """So that others can use a cache that they share, or cannot."""
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    before = os.umask(umask)
    try:
        folder = simulated()[0].folder
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == mode
    assert {path.stat().st_mode & 0o777 & ~0o755 & ~mode for path in folder.rglob("*")} == {0}


# --- the command -------------------------------------------------------------------------------------------------

def test_the_command_shows_and_clears_the_cache_but_not_what_is_being_built(cache, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    folder, networks = simulated()[0].folder, tmp_path / "networks"
    (networks / "mine").mkdir()
    (networks / ("f" * 32)).mkdir()
    (networks / "draft-1").mkdir()
    (networks / "draft-2").mkdir()
    lock = _locked(networks / "draft-2.lock")
    with caches.FileLock(networks / f"{'f' * 32}.lock"):
        assert cli.main(["cache"]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert shown[0].split()[:3] == ["compiled", "networks", "5"] and str(networks) in shown[0]
        assert float(shown[0].split()[3]) == pytest.approx(size(networks) / 1e6, abs=.06) and folder.is_dir()
        os.utime(networks / "draft-1", (0, 0))
        assert cli.main(["cache", "--clear"]) == 0
        assert capsys.readouterr().out.startswith("1 compiled networks are removed")
        assert {path.name for path in networks.iterdir()} == {"mine", "f" * 32, f"{'f' * 32}.lock", "draft-2",
                                                              "draft-2.lock"}
    os.close(lock)
    assert cli.main(["cache", "--clear"]) == 0
    assert {path.name for path in networks.iterdir()} == {"mine"}


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# --- leftovers ---------------------------------------------------------------------------------------------------

def test_folders_of_runs_are_swept_unless_their_lock_is_held_whatever_their_names(cache, tmp_path, monkeypatch):
    """A number of a process says nothing: in another container it is another process."""
    monkeypatch.setattr(caches, "folder_for_runs", None)
    names = ["spikelearn-run-99999999999999999999-x", "spikelearn-run-1-x", "spikelearn-run--1-x", "spikelearn-run-x",
             "spikelearn-values-99999999999999999999", f"spikelearn-values-{os.getpid()}", "spikelearn-values-held"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / f"{names[5]}.lock").touch()
    (tmp_path / "spikelearn-values-alone.lock").touch()
    lock = _locked(tmp_path / "spikelearn-values-held.lock")
    for _ in range(2):
        caches.remove_leftovers(tmp_path, caches.VALUES)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names, "spikelearn-values-held.lock"} - {names[5]}
    os.close(lock)
    caches.remove_leftovers(tmp_path, caches.VALUES)
    assert {path.name for path in tmp_path.iterdir()} == set(names[:5])


def test_a_link_in_place_of_a_folder_of_a_run_is_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (tmp_path / "shm").mkdir()
    (tmp_path / "shm" / "spikelearn-values-1").symlink_to(tmp_path / "mine")
    (tmp_path / "shm" / "spikelearn-values-1.lock").touch()
    (tmp_path / "shm" / "spikelearn-values-2.lock").symlink_to(tmp_path / "mine" / "file")
    caches.remove_leftovers(tmp_path / "shm", caches.VALUES)
    assert (tmp_path / "mine" / "file").exists()
    assert [path.name for path in (tmp_path / "shm").iterdir()] == ["spikelearn-values-2.lock"]
