"""Bad input on the real command line, with the shipped models and protocols.

Each gives one clear sentence on standard error and exit code 2: no traceback, nothing overwritten, no result.
"""
import gzip
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from spikelearn.command import command_line as cli
from spikelearn.simulation.programs import compiler

RULE = Path(__file__).parent.parent / "models" / "synapses" / "stdp_pair.py"
WINDOW = ("run", "stdp_window", "--quick")
HEADER = b"\x00\x00\x08\x03" + struct.pack(">3I", 60_000, 28, 28)
READS_DATA = '''"""A protocol that needs MNIST."""
from spikelearn.images.datasets import load


def run():
    load("mnist")
'''


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working folder with a file `mine.py` and a folder `kept` that holds something."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    (tmp_path / "mine.py").write_text("keep me\n")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "run.json").write_text("keep me too\n")
    return tmp_path


def edited(place, old, new):
    """my_rule.py: a copy of the pair rule with a piece of text replaced."""
    text = RULE.read_text()
    assert old in text
    (place / "my_rule.py").write_text(text.replace(old, new))


def files(place):
    return {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def refusal(capsys, place, *arguments):
    """The sentence on standard error; checks all that holds for every refusal."""
    before = files(place)
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert code == 2 and out == ""
    assert err.startswith("spikelearn: ") and err.count("\n") == 1 and err.endswith("\n")
    assert "Traceback" not in err and 20 < len(err) < 1200
    assert files(place) == before
    return err


EDITS = {  # what is done to the copied file, and what is said
    "misspelt field": ("on_post=", "on_pots=", ["no field 'on_pots'", "did you mean 'on_post'?"]),
    "missing field": ("source=", "name=", ["needs the field 'source'"]),
    "misspelt name": ("A_minus*y,", "A_minsu*y,", ["unknown name 'A_minsu' in on_pre", "did you mean 'A_minus'?"]),
    "unused parameter": ("w - A_minus*y,", "w - A_plus*y,", ["the parameter 'A_minus' is used nowhere"]),
    "parameter in a wrong unit": ("16.8 * ms", "16.8 * ms**2",
                                  ["equation of 'x'", "where 1/s is needed"]),
    "statement in a wrong unit": ("w + A_plus*x,", "w + A_plus*x*tau_plus,", ["wrong unit in on_post"]),
    "initial value of no variable": ("initial=dict(w=1)", "initial=dict(weight=1)", ["unknown variable 'weight'"]),
    "equation without a unit": ("w : 1  ", "w      ", ["the equations cannot be read"]),
    "syntax error": ("equations=", "equations==", ["my_rule.py is not a model file", "in line"]),
    "error in Python": ("16.8 * ms", "16.8 * mss", ["cannot be read as a model file", "mss"]),
    "reads what no neuron has": ("w - A_minus*y,", "w - A_minus*y*calcium_post,",
                                 ["reads more than spike times", "--neuron"]),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_mistake_in_a_copied_file(place, capsys, name):
    old, new, words = EDITS[name]
    edited(place, old, new)
    said = refusal(capsys, place, *WINDOW, "--synapse", "my_rule.py")
    assert all(word in said for word in words), said


def test_a_rule_that_reads_what_its_neuron_lacks(place, capsys):
    edited(place, "w - A_minus*y,", "w - A_minus*y*calcium_post,")
    said = refusal(capsys, place, *WINDOW, "--synapse", "my_rule.py", "--neuron", "lif")
    assert "my_rule reads 'calcium' of its post neuron, but lif has none" in said
    said = refusal(capsys, place, *WINDOW, "--synapse", "voltage_derivative", "--neuron", "pixel_fire")
    assert "pixel_fire has no potential=" in said


ARGUMENTS = {
    "unknown protocol": ([*("run", "stdp_windwo")], ["no protocol 'stdp_windwo'", "did you mean 'stdp_window'?"]),
    "unknown model": ([*WINDOW, "--synapse", "stdp_piar"], ["no model 'stdp_piar'", "stdp_pair"]),
    "file that is not there": ([*WINDOW, "--synapse", "none.py"], ["no file 'none.py'"]),
    "file that is no model": ([*WINDOW, "--synapse", "mine.py"], ["mine.py is not a model file"]),
    "folder for a model": ([*WINDOW, "--synapse", "kept"], ["no model 'kept'"]),
    "neuron for a rule": ([*WINDOW, "--synapse", "neurons/lif"], ["lif is a NeuronModel", "SynapseModel is needed"]),
    "rule for a neuron": ([*WINDOW, "--synapse", "voltage_derivative", "--neuron", "static"],
                          ["static is a SynapseModel", "NeuronModel is needed"]),
    "unknown parameter": ([*WINDOW, "--set", "tau_pluss=5*ms"], ["no parameter 'tau_pluss'", "'tau_plus'?"]),
    "wrong unit": ([*WINDOW, "--set", "tau_plus=5*mV"], ["tau_plus", "16.8 ms", "another unit"]),
    "missing unit": ([*WINDOW, "--set", "rate=5"], ["rate", "no unit"]),
    "unknown unit": ([*WINDOW, "--set", "rate=5*Herz"], ["no unit 'Herz'"]),
    "value that is none": ([*WINDOW, "--set", "pairs=many"], ["pairs=many"]),
    "unknown parameter set": ([*WINDOW, "--synapse", "stdp_triplet", "--set", "parameters=cortex"],
                              ["no parameter set 'cortex'", "visual_cortex_full"]),
    "set of a rule that has none": ([*WINDOW, "--set", "parameters=visual_cortex_full"], ["no parameter 'parameters'"]),
    "unknown device": ([*WINDOW, "--device", "gpu"], ["--device", "'gpu'", "numpy", "cpp"]),
    "seed that is no number": ([*WINDOW, "--seed", "many"], ["--seed", "'many'"]),
    "unknown option": ([*WINDOW, "--pairs", "5"], ["--pairs"]),
    "existing output folder": ([*WINDOW, "--out", "kept"], ["'kept'", "nothing is overwritten"]),
    "file as output folder": ([*WINDOW, "--out", "mine.py"], ["'mine.py'", "nothing is overwritten"]),
    "output below a file": ([*WINDOW, "--out", "mine.py/out"], ["'mine.py/out' cannot be made"]),
    "copy onto a file": (["copy", "synapses/stdp_pair", "mine.py"], ["'mine.py' exists", "nothing is overwritten"]),
    "copy into no folder": (["copy", "synapses/stdp_pair", "no/mine.py"], ["no/mine.py", "cannot be written"]),
    "show a file that is no model": (["show", "mine.py"], ["mine.py"]),
    "no command": ([], ["required"]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_mistake_on_the_command_line(place, capsys, name):
    arguments, words = ARGUMENTS[name]
    said = refusal(capsys, place, *arguments)
    assert all(word in said for word in words), said


@pytest.mark.parametrize("device", ["cpp", "cython"])
def test_no_compiler(place, capsys, monkeypatch, device):
    monkeypatch.setenv("PATH", str(place))
    said = refusal(capsys, place, *WINDOW, "--device", device)
    assert "needs a C++ compiler" in said and "--device numpy" in said


@pytest.mark.compiler
@pytest.mark.skipif(compiler() is None, reason="no C++ compiler")
def test_unwritable_cache(place, capsys, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_CACHE", str(place / "mine.py"))
    said = refusal(capsys, place, *WINDOW, "--device", "cpp")
    assert "could not be built" in said and "mine.py" in said


@pytest.mark.parametrize("content, words", [
    (gzip.compress(HEADER + b"\x00" * 500, mtime=0)[:-9], "is truncated: its gzip stream ends too early"),
    (b"\x00\x00\x08\x03\x00\x00", "is truncated: it ends within its header"),
    (b"<html>not found</html>", "is not an idx file of images"),
    (None, "holds no train-images-idx3-ubyte"),
])
def test_corrupt_data(place, capsys, monkeypatch, content, words):
    (place / "reads_data.py").write_text(READS_DATA)
    (place / "data").mkdir()
    if content is not None:
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                     "t10k-labels-idx1-ubyte"):
            (place / "data" / name).write_bytes(content)
    monkeypatch.setenv("SPIKELEARN_DATA", str(place / "data"))
    assert words in refusal(capsys, place, "run", "reads_data.py")


@pytest.mark.long
def test_in_a_process_of_its_own(place):
    """What a user sees, after Brian2 has cleared away the objects of the network that was refused."""
    edited(place, "w - A_minus*y,", "w - A_minus*y*calcium_post,")
    before = files(place)
    command = [sys.executable, "-m", "spikelearn", *WINDOW, "--synapse", "my_rule.py", "--neuron", "lif", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and files(place) == before
    assert done.stderr.count("\n") == 1 and "but lif has none; choose another --neuron" in done.stderr
