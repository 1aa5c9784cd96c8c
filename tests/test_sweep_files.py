"""A point of a sweep is known by the content of every file behind it: an edited one makes it another point."""
import os
import sys

import numpy as np
import pytest

from spikelearn.command import command_line as cli
from spikelearn.command.named_files import hashes_of
from spikelearn.equations.own_modules import own_imports
from spikelearn.results import Result, save

READS = '''"""Adds up what its files say."""
from pathlib import Path

import helper
from spikelearn.results.result import Result


def run(*, file="", start="", files=("a.csv",), gain=1.0, meddle=False):
    """file, start, files : what is read; meddle : another program writes to the file while this runs."""
    text = Path(file or "a.csv").read_text()
    if meddle:
        Path(file).write_text("changed")
    return Result("reads", {}, {"letters": len(text) * gain + helper.OFFSET})
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The working folder, with a protocol, its helper module and what its settings name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("helper", "deeper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    texts = {"reads.py": READS, "helper.py": "from deeper import OFFSET\n", "deeper.py": "OFFSET = 0\n",
             "a.csv": "pre_file,post_file\nin/spikes.txt,\n", "b.csv": "x\n1\n", "in/spikes.txt": "1\n"}
    (tmp_path / "in").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    np.savez(tmp_path / "own.npz", images=np.zeros(3))
    save(Result("earlier", {"w": np.ones(2)}, {}), tmp_path / "earlier")
    return tmp_path


def sweep(capsys, *settings, protocol="reads.py", vary="gain=1,2"):
    """(exit code, standard error)."""
    code = cli.main(["sweep", protocol, "--vary", vary, "--jobs", "1", "--out", "out", *settings])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("setting, edited", [
    ("file=b.csv", "b.csv"), ("file='b.csv'", "b.csv"), ("files=b.csv, a.csv", "a.csv"),
    ("files=a.csv", "in/spikes.txt"),
    ("start=own.npz", "own.npz"), ("start=earlier", "earlier/result.npz"), ("start=earlier/", "earlier/run.json"),
    ("start=earlier", "earlier.checkpoint.npz"), ("gain=1", "helper.py"), ("gain=1", "deeper.py")])
def test_an_edited_file_is_another_identity(lab, setting, edited):
    def identity():
        return hashes_of([setting], [READS], lab / "out", {})

    before = identity()
    assert identity() == before
    with open(lab / edited, "ab") as file:
        file.write(b"#")
    assert identity() != before


def test_points_of_an_edited_file_are_refused_in_a_sentence(lab, capsys):
    assert sweep(capsys, "--set", "file=b.csv")[0] == 0
    code, err = sweep(capsys, "--set", "file=b.csv", vary="gain=1..3")
    assert code == 0 and "2 of 3 points have a result already" in err       # and so they are kept
    (lab / "b.csv").write_text("another\n")
    code, err = sweep(capsys, "--set", "file=b.csv", vary="gain=1..4")
    assert code == 2 and err.strip().endswith("was made with other settings, models, files or another protocol: "
                                              "choose another --out")
    assert len(err.splitlines()) == 1 and not (lab / "out" / "gain=4").exists()


def test_a_file_that_is_varied_and_one_that_changes_meanwhile(lab, capsys):
    assert sweep(capsys, vary="file=a.csv,b.csv")[0] == 0
    (lab / "b.csv").write_text("another\n")
    assert sweep(capsys, vary="file=a.csv,b.csv")[0] == 2
    code = cli.main(["sweep", "reads.py", "--vary", "gain=1", "--set", "file=a.csv", "--set", "meddle=true",
                     "--jobs", "1", "--out", "meddled"])
    assert code == 1 and "'a.csv' was changed while the sweep ran: choose another --out" in capsys.readouterr().err


def test_a_file_that_the_protocol_takes_by_default_counts(lab, capsys):
    assert sweep(capsys)[0] == 0
    (lab / "in" / "spikes.txt").write_text("2\n")       # a.csv, the default of files, names it
    assert sweep(capsys)[0] == 2 and sweep(capsys, "--set", "files=b.csv", "--out", "other")[0] == 0


def test_the_folder_that_a_sweep_writes_to_is_no_part_of_it(lab, capsys):
    for kept in ("0 of", "2 of 2 points have a result already"):
        assert sweep(capsys, "--set", "file=b.csv", "--set", "start=out")[0] == 0, kept
    assert "2 of 2 points have a result already" in sweep(capsys, "--set", "file=b.csv", "--set", "start=out")[1]


def test_own_modules_are_found_and_installed_ones_are_not(lab):
    (lab / "package").mkdir()
    (lab / "package" / "__init__.py").write_text("from . import inner\n")
    (lab / "package" / "inner.py").write_text("from .other import x\nimport numpy\n")
    (lab / "package" / "other.py").write_text("x = 1\n")
    text = ("import os, numpy, matplotlib.pyplot, brian2\nimport spikelearn as sl\nfrom package.inner import x\n"
            "import gone\n")
    assert set(own_imports(text)) == {"package", "package.inner", "package.other"}
    assert own_imports("def run():\n    import helper\n").keys() == {"helper", "deeper"}
    assert own_imports("no Python") == {}


@pytest.mark.long
def test_old_and_new_measurements_do_not_stand_side_by_side(lab, capsys):
    rows = "delta_t_ms,repeats,repeat_hz,ratio,sem\n10,60,1,1.43,.05\n-10,60,1,.8,.03\n20,60,1,1.2,.04\n-20,60,1,.9,\n"
    (lab / "mine.csv").write_text(rows)
    given = "--set", "data=mine.csv", "--synapse", "stdp_pair", "--device", "numpy"
    assert sweep(capsys, *given, protocol="stdp_experiment", vary="A_plus=0.01,0.0123")[0] == 0
    (lab / "mine.csv").write_text(rows.replace("1.43", "1.93"))
    code, err = sweep(capsys, *given, protocol="stdp_experiment", vary="A_plus=0.01,0.0123,0.0124")
    assert code == 2 and "other settings, models, files or another protocol" in err
    assert sorted(os.listdir(lab / "out")) == ["A_plus=0.01", "A_plus=0.0123", "figure.png", "sweep.csv"]
