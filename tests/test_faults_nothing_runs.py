"""What runs code and what does not: --set, experiments, checkpoints, results, images, configuration are only read."""
import gzip
import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann import files as machines
from spikelearn.command import command_line as cli
from spikelearn.images.datasets import load as load_dataset
from spikelearn.images.idx_files import read_idx
from spikelearn.results import Result, load, save
from spikelearn.results.provenance import checksum_of
from spikelearn.stdp.experiments import experiment
from spikelearn.training.checkpoint import load_checkpoint

RAN = "it_ran"          # the file that a payload would make
CODE = f"__import__('pathlib').Path('{RAN}').touch()"


class Payload:
    """Makes a file where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (RAN,)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working folder, in which nothing may have run at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    pickle.loads(pickle.dumps(Payload()))
    assert os.path.isdir(RAN)           # the payload is a real one
    os.rmdir(RAN)
    eval(CODE)
    assert os.path.isfile(RAN)
    os.unlink(RAN)
    yield tmp_path
    assert not list(Path(".").rglob(RAN))


@pytest.mark.parametrize("setting", [
    f"tau_plus={CODE}", f"tau_plus=20*ms if {CODE} else 20*ms", f"tau_plus=(lambda: {CODE})()", f"pairs={CODE}",
    f"rate=1*Hz + {CODE}", "tau_plus=ms.__class__.__init__.__globals__", f"{CODE}=1", "tau_plus=[*open('it_ran', 'w')]",
    f"tau_plus=f'{{{CODE}}}'", f"delta_t={CODE}", f"tau_plus=20*ms; {CODE}", f"tau_plus=20*ms\n{CODE}"])
def test_a_setting_is_read_and_not_run(setting, capsys):
    assert cli.main(["run", "stdp_window", "--quick", "--out", "o", "--set", setting]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [
    ["sweep", "stdp_window", "--quick", "--out", "o", "--vary", f"tau_plus={CODE}"],
    ["fit", "--synapse", "stdp_pair", "--to", "bi_poo_window", "--free", f"tau_plus=1..{CODE}", "--out", "o"],
    ["run", "stdp_trace", "--pairing", f"pre 0; post 10; {CODE} at 1*Hz", "--out", "o"],
    ["run", CODE], ["show", CODE], ["run", "stdp_window", "--synapse", CODE, "--out", "o"]], ids=lambda words: words[0])
def test_other_words_of_the_command_line_are_read_and_not_run(arguments, capsys):
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("old, new", [("60 at 1*Hz", f"60 at {CODE}"), ("post 10", f"post {CODE}"),
                                      ("# ", f"# {CODE}\n# ")])
def test_an_experiment_is_read_and_not_run(old, new, capsys):
    assert cli.main(["copy", "experiments/bi_poo_window", "mine.csv"]) == 0
    text = Path("mine.csv").read_text()
    lines = text.splitlines()
    cells = [f"={CODE}" if k == len(lines) - 1 else line for k, line in enumerate(lines)]
    for changed in (text.replace(old, new), "\n".join(cells), text.replace(",", f",{CODE},", 1), f"{CODE}\n{text}"):
        Path("mine.csv").write_text(changed)
        try:
            experiment("mine.csv")
        except SpikelearnError as error:
            assert "\n" not in str(error)


def archives():
    """Archives with Python objects: in an array, in its header, and as a bare pickle."""
    np.savez("objects.npz", facts=np.array([Payload()], dtype=object), images=np.array([Payload()], dtype=object),
             labels=np.array([0, 1]))
    header = f"{{'descr': {CODE}, 'fortran_order': False, 'shape': (1,)}}\n".encode()
    with zipfile.ZipFile("header.npz", "w") as file:
        for name in ("facts", "images", "labels"):
            file.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8))
    Path("pickle.npz").write_bytes(pickle.dumps(Payload()))
    return ["objects.npz", "header.npz", "pickle.npz"]


def test_checkpoints_machines_images_and_results_are_read_and_not_run():
    for name in archives():
        for read in (lambda name: load_checkpoint(name, {}), machines.load, lambda name: load_dataset(name, own=True),
                     lambda name: read_idx(name, (1,))):
            with pytest.raises(SpikelearnError):
                read(name)
        save(Result("p", {"x": [1.0]}, {"x": 1.0}), f"of {name}")
        result = Path(f"of {name}")
        (result / "result.npz").write_bytes(Path(name).read_bytes())
        run = json.loads((result / "run.json").read_text())
        run["sha256"] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
        (result / "run.json").write_text(json.dumps(run | {"checksum": checksum_of(run)}))
        with pytest.raises(SpikelearnError, match="damaged"):
            load(result)
    Path("x.gz").write_bytes(gzip.compress(pickle.dumps(Payload())))
    with pytest.raises(SpikelearnError):
        read_idx("x.gz", (1,))


def test_a_result_names_code_and_runs_none():
    """`load` reads the text of models and of a protocol; only `spikelearn again` runs it, as the README says."""
    text = f"MODEL = {CODE}"
    save(Result("p", {"x": [1.0]}, {"x": 1.0}, {
        "command": f"spikelearn run p.py --set x={CODE}", "protocol_text": CODE, "parameters": {"x": CODE},
        "headline": [{"name": "x", "value": 1.0}], "models": [{"name": CODE, "text": text, "parameters": {}}]}), "r")
    assert load("r").provenance["models"][0]["text"] == text
    assert cli.main(["show", "r/run.json"]) == 2


def test_model_and_protocol_files_are_python_and_run_as_such():
    """The README tells it, so that nobody takes them for data."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert "Model and protocol files are Python and run as such" in " ".join(readme.split())
    Path("my_rule.py").write_text("open('a file', 'w').close()\nfrom spikelearn import SynapseModel\nMODEL = None\n")
    with pytest.raises(SpikelearnError):
        load_model("my_rule.py")
    assert Path("a file").exists()


@pytest.mark.long
def test_preferences_of_brian2_in_the_working_folder_are_not_run():
    """Brian2 evaluates a file brian_preferences of the working folder, as Python, where it is imported."""
    preferences = f"[codegen]\ntarget = ({CODE}, 'numpy')[1]\n"
    Path("brian_preferences").write_text(preferences)
    done = subprocess.run([sys.executable, "-m", "spikelearn", "run", "stdp_window", "--quick", "--out", "o"],
                          capture_output=True, text=True)
    assert done.returncode == 0 and "the file brian_preferences in this folder is not read" in done.stderr, done.stderr
    assert load("o").headline["tau_minus_ms"] == pytest.approx(33.7, abs=.1)


@pytest.mark.long
@pytest.mark.parametrize("threaded", [False, True], ids=["process", "thread"])
def test_workers_of_a_sweep_do_not_run_preferences_of_brian2(threaded):
    """A process of this machine imports Brian2 in its main thread, a Dask worker in another."""
    Path("brian_preferences").write_text(f"[core]\ndefault_float_dtype = ({CODE}, float32)[1]\n")
    script = ("import sys, threading\n"
              "from spikelearn.command.process import import_brian2\n"
              "def work():\n"
              "    import_brian2(quiet=True)\n"
              "    from brian2 import prefs\n"
              "    print(prefs.core.default_float_dtype.__name__, open('brian_preferences').read().count('float32'))\n"
              "worker = threading.Thread(target=work)\n"
              f"worker.start() or worker.join() if {threaded} else work()\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "float64 1\n", ""), done.stderr
