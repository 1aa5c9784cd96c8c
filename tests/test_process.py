"""The process of a command: broken standard streams and signals lose no result and change no number."""
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikelearn.command import command_line as cli
from spikelearn.command.process import Stream
from spikelearn.results import Result, files
from spikelearn.results.files import load, save, write_file

SPIKELEARN = [sys.executable, "-m", "spikelearn"]
LINES = '''"""Says something while it runs."""
import sys
from spikelearn.results import Accepted, Result

ACCEPTED = {"x": Accepted(0, 2, "chosen here")}


def run():
    for _ in range(100):
        print("a line on standard error, while it runs", flush=True)
    return Result("lines", {"x": [1.0]}, {"x": 1.0})
'''
SIMULATION = '''"""A simulation in which a signal comes."""
import os
import signal
from brian2 import NeuronGroup, NetworkOperation, ms
from spikelearn.results import Result
from spikelearn.simulation.simulate import Simulation


def run():
    def network():
        clock = NeuronGroup(1, "dx/dt = 1/ms : 1", method="euler", name="clock")
        steps = iter(range(1000))
        return [clock, NetworkOperation(lambda: next(steps) == 10 and os.kill(os.getpid(), signal.NAME), dt=1*ms)]

    x = Simulation(network, 100 * ms, device="numpy", dt=1 * ms).run(read=["clock.x"])["clock.x"]
    return Result("simulation", {"x": x}, {"x": float(x[0])})
'''
TRAINING = '''"""A training that is interrupted in its second chunk, unless it is resumed."""
import os
import signal
import numpy as np
from spikelearn.training.checkpoint import State, checkpoint_file, checkpointing
from spikelearn.results import Result


def run(*, chunks=3, name="a b", resume="", out=""):
    with checkpointing(checkpoint_file(out), checkpoint_file(resume) if resume else None, {"name": name},
                       State({"w": np.zeros(1)}), 1) as (state, save):
        while state.chunk < chunks:
            if state.chunk == 1 and not resume:
                os.kill(os.getpid(), signal.NAME)
            state = State({"w": state.weights["w"] + 1}, chunk=state.chunk + 1)
            save(state)
    return Result("training", state.weights, {"w": float(state.weights["w"][0])})
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The working folder, in which protocols are written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    return tmp_path


def shell(script, **environment):
    """Run a script in which $SPIKELEARN is the command line. Returns the finished process."""
    known = os.environ | {"SPIKELEARN": shlex.join(SPIKELEARN)} | environment
    return subprocess.run(["bash", "-c", script], env=known, capture_output=True, text=True)


# --- standard streams --------------------------------------------------------------------------------------------

@pytest.mark.long
def test_a_closed_pipe_loses_no_result(lab):
    done = shell("$SPIKELEARN run stdp_window --quick --out o | true; exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (lab / "o").iterdir()} == {"result.npz", "run.json", "figure.png"}
    assert load("o").headline["tau_minus_ms"] == pytest.approx(33.7, abs=.1)


@pytest.mark.long
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_standard_output_fails_in_one_sentence_and_loses_no_result(lab, buffered):
    (lab / "quiet.py").write_text(LINES.replace("range(100)", "()"))
    done = shell("$SPIKELEARN run quiet.py --out o > /dev/full", PYTHONUNBUFFERED=buffered)
    said = "spikelearn: standard output cannot be written: No space left on device; the result is in 'o'\n"
    assert (done.returncode, done.stderr) == (2, said)
    assert load("o").headline["x"] == 1


@pytest.mark.long
def test_a_closed_pipe_hides_no_missed_tolerance(lab):
    (lab / "lines.py").write_text(LINES.replace("Accepted(0, 2", "Accepted(0, .5"))
    done = shell("$SPIKELEARN run lines.py --out o | true; exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED="1")
    assert done.returncode == 1 and load("o").headline["x"] == 1


@pytest.mark.long
@pytest.mark.parametrize("target", ["2>&1 | true", ">&-", *(pytest.param(target, marks=pytest.mark.slow) for target in (
    "2> /dev/full", "2>&-", "> /dev/full 2>&1"))])
def test_broken_streams_stop_no_run(lab, target):
    (lab / "lines.py").write_text(LINES)
    done = shell(f"$SPIKELEARN run lines.py --out o {target}; exit ${{PIPESTATUS[0]}}", PYTHONUNBUFFERED="1")
    assert done.returncode == (2 if target.startswith("> /dev/full") else 0)
    assert load("o").headline["x"] == 1


@pytest.mark.long
@pytest.mark.parametrize("command", ["list", "show stdp_pair", "--help"])
def test_other_commands_mind_a_full_output_and_no_closed_pipe(lab, command):
    full, closed = shell(f"$SPIKELEARN {command} > /dev/full"), shell(f"$SPIKELEARN {command} | true")
    assert full.returncode == 2 and closed.stderr == "" and full.stderr == \
        "spikelearn: standard output cannot be written: No space left on device\n"


def test_a_stream_drops_what_it_cannot_take():
    class Full:
        written = ""

        def write(self, text):
            if len(self.written) + len(text) > 3:
                raise OSError(28, "No space left on device")
            self.written += text

        def flush(self):
            pass

    full = Full()
    stream = Stream(full)
    assert [stream.write(text) for text in ("abc", "de", "f")] == [3, 2, 1]
    assert full.written == "abc" and stream.failure.errno == 28


# --- signals -----------------------------------------------------------------------------------------------------

@pytest.mark.long
@pytest.mark.parametrize("name, code, said", [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
def test_a_signal_within_a_simulation_ends_the_run_without_a_result(lab, name, code, said):
    """Brian2 would end the simulation early and go on: 11 of 100 steps."""
    (lab / "simulation.py").write_text(SIMULATION.replace("NAME", name))
    done = shell("$SPIKELEARN run simulation.py --out o --json")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"spikelearn: {said}\n")
    assert not (lab / "o").exists()


@pytest.mark.long
def test_a_simulation_in_a_script_of_the_user_is_interrupted_as_well(lab):
    (lab / "simulation.py").write_text(SIMULATION.replace("NAME", "SIGINT"))
    done = subprocess.run([sys.executable, "-c", "import simulation; print(simulation.run().headline)"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")


@pytest.mark.long
def test_a_job_in_the_background_ignores_sigint_as_its_shell_wants(lab):
    """A shell without job control starts jobs in the background with SIGINT ignored."""
    (lab / "simulation.py").write_text(SIMULATION.replace("NAME", "SIGINT"))
    done = shell("$SPIKELEARN run simulation.py --out o --json & wait $!")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1) and "are in o" in done.stderr
    assert load("o").headline["x"] == pytest.approx(100)


@pytest.mark.long
@pytest.mark.parametrize("name, code, out", [("SIGINT", 130, "--out 'my result'"), ("SIGTERM", 143, "")])
def test_an_interrupted_training_tells_the_command_that_resumes_it(lab, name, code, out):
    (lab / "training.py").write_text(TRAINING.replace("NAME", name))
    done = shell(f"$SPIKELEARN run training.py --set \"name=it's\" --json {out}")
    assert done.returncode == code and done.stdout == "" and done.stderr.count("\n") == 1
    advice = done.stderr.split("; resume with: ")[1].strip()
    words = shlex.split(advice)
    folder = words[words.index("--resume") + 1]
    assert words[:5] == ["spikelearn", "run", "training.py", "--set", "name=it's"] and "--json" in words
    assert folder == "my result" if out else folder.startswith("results/training-")
    again = shell(f"$SPIKELEARN {advice.removeprefix('spikelearn ')}")
    assert again.returncode == 0 and again.stdout == '{"w": 3.0}\n', again.stderr
    assert load(folder).headline["w"] == 3


def test_an_interrupted_protocol_that_trains_in_the_cache_tells_that_it_resumes_by_itself(lab, monkeypatch, capsys):
    from spikelearn.protocols import generate_mnist

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(generate_mnist, "load", interrupted)
    assert cli.main(["run", "generate_mnist", "--out", "o"]) == 130
    assert capsys.readouterr().err == "spikelearn: interrupted; the same command resumes the training\n"


# --- children ----------------------------------------------------------------------------------------------------

PARENT = """
import sys
from spikelearn.command.command_line import guarded
from spikelearn.simulation.children import to_the_end

sys.exit(guarded(lambda: to_the_end(["sh", "-c", "sleep SECONDS & sleep SECONDS; true"], ".").returncode))
"""


def sleeping(seconds):
    """How many processes sleep for so long."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found += (entry / "cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", seconds.encode()]
        except OSError:
            pass
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_what_a_command_starts_ends_with_the_process(how):
    """As make and its compilers do, when a build is interrupted or its process is killed."""
    seconds = f"{30_000 + os.getpid() % 10_000}.{int(how)}"
    parent = subprocess.Popen([sys.executable, "-c", PARENT.replace("SECONDS", seconds)], stderr=subprocess.PIPE)
    while sleeping(seconds) < 2:
        assert parent.poll() is None
        time.sleep(.02)
    parent.send_signal(how)
    parent.communicate()
    assert parent.returncode == {"SIGKILL": -9, "SIGTERM": 143, "SIGINT": 130}[how.name]
    for _ in range(1000):
        if not sleeping(seconds):
            return
        time.sleep(.02)
    pytest.fail("a child still sleeps")


# --- output ------------------------------------------------------------------------------------------------------

TELLS = LINES.replace("def run():\n", "def run(*, out='', resume=''):\n    open('it ran', 'w').close()\n")


@pytest.mark.parametrize("out, said", [
    (".", "is the folder that you work in"), ("", "is the folder that you work in"), ("a/..", "is the folder that you"),
    ("./", "is the folder that you work in"), ("x" * 250, "too long a name"), ("é" * 101, "too long a name"),
    ("a/" + "x" * 255, "too long a name"), ("x" * 300, "too long a name"), ("/", "cannot be the folder|is a disk"),
    ("a\0b", "null")], ids=lambda text: text[:12])
def test_an_output_that_a_result_can_never_become_is_refused_before_the_run(lab, capsys, out, said):
    (lab / "tells.py").write_text(TELLS)
    (lab / "a").mkdir()
    for option in ("--out", "--resume"):
        assert cli.main(["run", "tells.py", option, out]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and (option == "--resume" or any(word in told for word in said.split("|"))), told
    assert {path.name for path in lab.iterdir()} - {"__pycache__"} == {"tells.py", "a"}


def test_a_disk_of_its_own_is_refused_before_the_run(lab, capsys, monkeypatch):
    (lab / "tells.py").write_text(TELLS)
    monkeypatch.setattr(files.os.path, "ismount", lambda path: Path(path).name == "disk")
    assert cli.main(["run", "tells.py", "--out", "disk"]) == 2
    assert "is a disk of its own" in capsys.readouterr().err and not (lab / "it ran").exists()


def test_the_longest_name_that_is_taken_has_a_result_a_checkpoint_and_a_figure(lab, capsys):
    (lab / "training.py").write_text(TRAINING.replace("os.kill(os.getpid(), signal.NAME)", "pass"))
    name = "x" * files.LONGEST_NAME
    assert cli.main(["run", "training.py", "--out", name]) == 0
    assert load(name).headline["w"] == 3
    assert {path.name for path in lab.iterdir()} - {"__pycache__"} == {name, f"{name}.checkpoint.npz", "training.py"}
    assert cli.main(["copy", "stdp_pair", "y" * 250 + ".py"]) == 0


@pytest.mark.parametrize("umask, folder, file", [(0o077, 0o700, 0o600), (0o002, 0o775, 0o664), (0o027, 0o750, 0o640)])
def test_the_umask_is_respected(tmp_path, umask, folder, file):
    before = os.umask(umask)
    try:
        save(Result("p", {"x": [1.0]}, {"x": 1.0}), tmp_path / "r")
        write_file(tmp_path / "r" / "figure.png", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "r").stat().st_mode & 0o777 == folder
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "r").iterdir()} == {file}


NAMES = """
import sys, types
from spikelearn.command.process import import_brian2
{first}
import_brian2()
{then}
import brian2
taken = dict(vars(brian2))
print(sorted(f"{{name}} {{getattr(value, '__module__', '')}} {{type(value).__name__}}" for name, value in taken.items()
             if not name.startswith("_")))
"""


def _names_of_brian2(first, then):
    done = subprocess.run([sys.executable, "-c", NAMES.format(first=first, then=then)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_brian2_has_all_its_names_although_it_starts_without_those_of_matplotlib():
    """pylab takes a fifth of Brian2's start; a file that imports * or plot finds what it would find without us."""
    whole = _names_of_brian2("import brian2", "")
    assert "'plot matplotlib.pyplot function'" in whole and "'max builtins " in whole
    assert _names_of_brian2("", "from brian2 import *") == whole
    assert _names_of_brian2("", "from brian2 import plt") == whole
    short = _names_of_brian2("", "assert max is sys.modules['brian2'].max and 'pylab' not in sys.modules")
    assert "matplotlib" not in short and "'max builtins " in short
    wrong = "try:\n    sys.modules['brian2'].no\nexcept AttributeError as error:\n    assert \"'no'\" in str(error)"
    assert _names_of_brian2("", wrong) == whole
