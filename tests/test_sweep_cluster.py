"""A sweep over a Dask scheduler: a real cluster of two workers, one of which is killed in the middle."""
import csv
import json

import pytest

from spikelearn.command import command_line as cli
from spikelearn.results import load

distributed = pytest.importorskip("distributed")

PROTOCOL = '''"""A number and the process that gave it; the first to meet 3 kills its worker."""
import os
import signal
from pathlib import Path
from spikelearn import SpikelearnError
from spikelearn.results.result import Result


def run(*, gain=1.0, deadly=-1.0, bad=-1.0, folder="", seed=1):
    if gain == bad:
        raise SpikelearnError("gain must be another one")
    if gain == deadly or gain == 3 and not Path(folder, "died.txt").exists():
        Path(folder, "died.txt").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Result("numbers", {}, {"gain": gain, "worker": os.getpid()})
'''


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers, each with two threads."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None,
                                  local_directory=str(tmp_path_factory.mktemp("dask"))) as cluster:
        yield cluster.scheduler_address


def sweep(capsys, address, folder, *arguments):
    (folder / "numbers.py").write_text(PROTOCOL)
    code = cli.main(["sweep", "numbers.py", "--vary", "gain=1..6", "--set", f"folder={folder}", *arguments,
                     "--scheduler", address, "--out", "out", "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out or "{}"), err


def test_a_worker_that_is_killed_in_the_middle_costs_no_point(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, told, err = sweep(capsys, cluster, tmp_path)
    assert code == 0 and told["finished"] == 6, (told, err)
    assert (tmp_path / "died.txt").exists()
    with open("out/sweep.csv", newline="") as file:
        assert [float(row["gain"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5, 6]
    assert load("out/gain=3").headline["gain"] == 3
    code, told, err = sweep(capsys, cluster, tmp_path)
    assert code == 0 and "6 of 6 points have a result already" in err


def test_failures_are_told_and_a_point_that_kills_every_worker_is_given_up(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "died.txt").touch()
    code, told, _ = sweep(capsys, cluster, tmp_path, "--set", "bad=2", "--set", "deadly=5")
    assert code == 1 and told["finished"] == 4
    assert told["failed"]["gain=2"] == "gain must be another one" and "worker died" in told["failed"]["gain=5"]


def test_a_scheduler_that_does_not_answer_is_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spikelearn.command.sweep_workers.PATIENCE", "1s")
    for address in ("tcp://127.0.0.1:9", "nonsense", "tcp://"):
        code, _, err = sweep(capsys, address, tmp_path)
        assert code == 2 and len(err.splitlines()) == 1 and "no Dask scheduler answers" in err, err


def test_workers_do_not_run_preferences_of_brian2(tmp_path, monkeypatch, capsys):
    """A worker imports Brian2 in a thread, in a folder that holds a file brian_preferences, which is Python."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "died.txt").touch()
    (tmp_path / "brian_preferences").write_text("[core]\ndefault_float_dtype = (open('it_ran', 'w'), float32)[1]\n")
    with distributed.LocalCluster(n_workers=1, dashboard_address=None, local_directory=str(tmp_path)) as cluster:
        code, told, err = sweep(capsys, cluster.scheduler_address, tmp_path)
    assert code == 0 and told["finished"] == 6, (told, err)
    assert not (tmp_path / "it_ran").exists()
