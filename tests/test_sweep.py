"""`spikelearn sweep`: values, folders, restart, shares, dead workers, table and figure; results of single runs."""
import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import spikelearn as sl
from spikelearn import SpikelearnError
from spikelearn.command import command_line as cli
from spikelearn.command import sweep_workers
from spikelearn.command.sweep_figure import _edges, draw_sweep
from spikelearn.command.sweep_table import numbers_of
from spikelearn.command.sweep_values import combinations, varied
from spikelearn.results import load
from spikelearn.results.provenance import checksum_of

PROTOCOL = '''"""A product that needs no simulation, and dies or fails where it is told to."""
import os
import signal
from pathlib import Path
from brian2 import ms
import spikelearn as sl
from spikelearn import SpikelearnError
from spikelearn.results.result import Result


def run(*, tau=10 * ms, gain=1.0, word="a", deadly=-1.0, once=-1.0, bad=-1.0, seed=1, quick=False):
    """tau gain, with the seed as its noise."""
    with open("begun.txt", "a") as file:
        file.write(f"{tau / ms:g} {gain:g} {word} {seed}\\n")
    if gain == bad:
        raise SpikelearnError(f"gain must not be {gain:g}")
    if gain == deadly or gain == once and not Path("died.txt").exists():
        Path("died.txt").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Result("product", {"tau": tau},
                  {"product": gain * float(tau / ms) + seed / 100, "word_said": word, "same": 3})
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The working folder, with product.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    (tmp_path / "product.py").write_text(PROTOCOL)
    return tmp_path


def sweep(capsys, *arguments, out="out", jobs=("--jobs", "2"), protocol="product.py"):
    """(exit code, the JSON that was printed, standard error)."""
    code = cli.main(["sweep", protocol, *arguments, *jobs, "--out", out, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out or "{}"), said.err


def rows(folder="out"):
    with open(f"{folder}/sweep.csv", newline="") as file:
        return list(csv.DictReader(file))


def begun():
    """How often the protocol was begun at each point."""
    lines = open("begun.txt").read().splitlines()
    return {line: lines.count(line) for line in lines}


@pytest.mark.long
def test_every_combination_has_a_folder_named_by_its_values_and_a_row(lab, capsys):
    code, told, _ = sweep(capsys, "--vary", "tau=10..30*ms:3", "--vary", "gain=1..100:3log", "--vary", "word=a,b",
                          "--set", "deadly=-2")
    assert (code, told["points"], told["finished"], told["failed"]) == (0, 18, 18, {})
    table = rows()
    assert list(table[0]) == ["tau (ms)", "gain", "word", "product", "word_said", "same"]
    assert [(float(row["tau (ms)"]), float(row["gain"]), row["word"]) for row in table] == [
        (tau, gain, word) for tau in (10, 20, 30) for gain in (1, 10, 100) for word in "ab"]
    for row in table:
        assert float(row["product"]) == pytest.approx(float(row["tau (ms)"]) * float(row["gain"]) + .01, rel=1e-12)
        assert row["word_said"] == row["word"]
        name = f"tau={float(row['tau (ms)']):g}ms,gain={float(row['gain']):g},word={row['word']}"
        assert load(f"out/{name}").headline["product"] == float(row["product"])
    assert (lab / "out" / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert not list((lab / "out").glob(".*.started"))


@pytest.mark.long
def test_the_command_of_a_point_gives_its_result(lab, capsys):
    sweep(capsys, "--vary", "tau=10..30*ms:3", "--vary", "seed=1..2", "--set", "gain=0.3")
    facts = load("out/tau=20ms,seed=2").provenance
    assert facts["command"] == "spikelearn run product.py --set gain=0.3 --set 'tau=20*ms' --seed 2"
    assert facts["sweep"]["values"] == {"tau": "20*ms", "seed": "2"}
    assert cli.main(["run", "product.py", "--set", "gain=0.3", "--set", "tau=20*ms", "--seed", "2",
                     "--out", "one"]) == 0
    assert load("one").headline == load("out/tau=20ms,seed=2").headline


@pytest.mark.long
def test_finished_points_are_kept_and_new_ones_are_added(lab, capsys):
    sweep(capsys, "--vary", "gain=1,2")
    before = (lab / "out" / "gain=1" / "run.json").read_bytes()
    code, told, err = sweep(capsys, "--vary", "gain=1..4")
    assert code == 0 and told["finished"] == 4 and "2 of 4 points have a result already" in err
    assert (lab / "out" / "gain=1" / "run.json").read_bytes() == before
    assert set(begun().values()) == {1} and len(begun()) == 4 and len(rows()) == 4


@pytest.mark.long
def test_points_that_another_version_made_are_kept_with_a_warning(lab, capsys):
    sweep(capsys, "--vary", "gain=1,2")
    assert "warning" not in sweep(capsys, "--vary", "gain=1,2")[2]
    path = lab / "out" / "gain=1" / "run.json"
    run = json.loads(path.read_text())
    run["provenance"]["versions"]["numpy"] = "0.1"
    run["checksum"] = checksum_of(run)
    path.write_text(json.dumps(run))
    code, told, err = sweep(capsys, "--vary", "gain=1,2")
    assert code == 0 and told["finished"] == 2 and "warning: 1 of the existing points" in err


@pytest.mark.long
@pytest.mark.parametrize("change", [["--set", "word=b"], *(
    pytest.param(change, marks=pytest.mark.slow) for change in (["--seed", "2"], ["--quick"]))])
def test_points_of_another_sweep_are_refused(lab, capsys, change):
    sweep(capsys, "--vary", "gain=1,2")
    code, _, err = sweep(capsys, "--vary", "gain=1,2", *change)
    assert code == 2 and "was made with other settings" in err and len(err.splitlines()) == 1
    (lab / "product.py").write_text(PROTOCOL.replace("seed / 100", "seed / 10"))
    assert "or another protocol" in sweep(capsys, "--vary", "gain=1,2")[2]


@pytest.mark.long
def test_a_failure_is_told_with_its_sentence_and_stops_nothing(lab, capsys):
    code, told, err = sweep(capsys, "--vary", "gain=1..4", "--set", "bad=3")
    assert code == 1 and told["finished"] == 3
    assert told["failed"] == {"gain=3": "gain must not be 3"}
    assert err.splitlines()[-1] == "failed: gain=3: gain must not be 3"
    assert [(row["gain"], row["failure"]) for row in rows()] == [
        ("1", ""), ("2", ""), ("3", "gain must not be 3"), ("4", "")]


@pytest.mark.long
def test_a_worker_that_dies_loses_its_point_and_not_the_sweep(lab, capsys):
    code, told, _ = sweep(capsys, "--vary", "gain=1..8", "--set", "deadly=3")
    assert code == 1 and told["finished"] == 7 and told["failed"] == {"gain=3": sweep_workers.DIED}
    assert begun()["10 3 a 1"] == 2                         # tried again, alone
    assert len([row for row in rows() if row["product"]]) == 7 and not list((lab / "out").glob(".*.started"))


@pytest.mark.slow
def test_a_point_whose_worker_was_killed_once_is_run_again(lab, capsys):
    code, told, _ = sweep(capsys, "--vary", "gain=1..6", "--set", "once=2")
    assert code == 0 and told["finished"] == 6 and (lab / "died.txt").exists()


@pytest.mark.long
def test_two_shares_on_one_file_system_make_one_sweep(lab):
    command = [sys.executable, "-m", "spikelearn", "sweep", "product.py", "--vary", "gain=1..7", "--jobs", "1",
               "--out", "out"]
    both = [subprocess.Popen([*command, "--share", f"{k}/2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for k in (1, 2)]
    told = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert [out.split(" points")[0] for out, _ in told] == ["4 of 4", "3 of 3"]
    assert len(begun()) == 7 and set(begun().values()) == {1}
    assert {path.name for path in (lab / "out").glob("gain=*")} == {f"gain={k}" for k in range(1, 8)}
    assert [float(row["gain"]) for row in rows()] == list(range(1, 8))


@pytest.mark.long
def test_a_sweep_that_was_killed_goes_on(lab, capsys):
    waits = "    if gain == 3 and not os.path.exists('go_on'):\n        import time\n        time.sleep(3600)\n"
    (lab / "product.py").write_text(PROTOCOL.replace("    if gain == bad:", f"{waits}    if gain == bad:"))
    command = [sys.executable, "-m", "spikelearn", "sweep", "product.py", "--vary", "gain=1..4", "--jobs", "1",
               "--out", "out"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (lab / "out" / ".gain=3.started").exists():
        assert process.poll() is None
    process.kill()
    process.communicate()
    (lab / "go_on").touch()
    code, told, err = sweep(capsys, "--vary", "gain=1..4")
    assert code == 0 and told["finished"] == 4 and "2 of 4 points have a result already" in err
    assert begun()["10 1 a 1"] == 1 and begun()["10 3 a 1"] == 2


MISTAKES = {
    "no value": (["--vary", "tau"], "--vary needs NAME=VALUES"),
    "unknown parameter": (["--vary", "taus=1,2"], "did you mean 'tau'?"),
    "wrong unit": (["--vary", "tau=1..2*mV:3"], "another unit"),
    "no unit": (["--vary", "tau=1..2:3"], "no unit"),
    "unknown unit": (["--vary", "tau=1..2*mss:3"], "there is no unit 'mss'"),
    "two units": (["--vary", "tau=1*ms..2*second:3"], "one unit"),
    "units in a list": (["--vary", "tau=1*ms,2*second"], "one unit"),
    "bounds": (["--vary", "tau=40..10*ms:7"], "the bounds are the wrong way round, 40 is not below 10*ms"),
    "equal bounds": (["--vary", "tau=10..10*ms:7"], "the wrong way round"),
    "count 0": (["--vary", "tau=10..40*ms:0"], "the count must be a whole number from 2 to 100,000, not 0"),
    "count 1": (["--vary", "tau=10..40*ms:1"], "the count must be"),
    "count of halves": (["--vary", "tau=10..40*ms:2.5"], "a range is LOW..HIGH*UNIT:COUNT"),
    "no count": (["--vary", "tau=10..40*ms"], "say how many values, such as 10..40*ms:7"),
    "log of nothing": (["--vary", "gain=0..1:3log"], "must begin above 0, not at 0"),
    "log of a negative value": (["--vary", "gain=-1..1:3log"], "must begin above 0, not at -1"),
    "three dots": (["--vary", "gain=0...5:3"], "a range is"),
    "missing value": (["--vary", "gain=1,,2"], "a value is missing"),
    "twice a value": (["--vary", "gain=1,2,1"], "1 is there twice"),
    "one name": (["--vary", "word=x/a.py,y/a.py"], "would both be called word=a"),
    "varied twice": (["--vary", "gain=1,2", "--vary", "gain=3,4"], "--vary names 'gain' twice"),
    "varied and owned": (["--vary", "gain=1,2", "--vary", "protocol.gain=3,4"], "twice"),
    "varied and set": (["--vary", "gain=1,2", "--set", "gain=3"], "both varied and set"),
    "varied and given": (["--vary", "seed=1,2", "--seed", "3"], "by --seed"),
    "half a seed": (["--vary", "seed=1.5,2"], "a seed is a whole number, not 1.5"),
    "too many points": (["--vary", "gain=1..1000", "--vary", "tau=1..2*ms:1000"], "1,000,000 points"),
    "no such share": (["--vary", "gain=1,2", "--share", "3/2"], "K from 1 to N"),
    "a share in words": (["--vary", "gain=1,2", "--share", "all"], "K/N"),
    "resume": (["--vary", "gain=1,2", "--resume", "out"], "takes no --resume"),
    "option of no use": (["--vary", "gain=1,2", "--neuron", "lif"], "takes no --neuron"),
    "nothing to vary": ([], "--vary"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_sentence_before_anything_is_run(lab, capsys, name):
    arguments, words = MISTAKES[name]
    assert cli.main(["sweep", "product.py", *arguments, "--out", "out"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and words in err and "Traceback" not in err
    assert sorted(path.name for path in lab.iterdir()) == ["product.py"]


def test_other_mistakes_of_the_command(lab, capsys):
    def said(*arguments):
        assert cli.main(["sweep", "product.py", "--vary", "gain=1,2", *arguments]) == 2
        return capsys.readouterr().err

    assert "needs --out DIR" in said()
    for jobs in ("0", "-1", "100000"):
        assert "--jobs must be a whole number from 1" in said("--out", "out", "--jobs", jobs)
    assert "--jobs counts processes of this machine" in said("--out", "o", "--jobs", "1", "--scheduler", "tcp://a:1")
    assert "cannot be made" in said("--out", "product.py/out")
    assert cli.main(["run", "product.py", "--out", "one"]) == 0
    capsys.readouterr()
    assert "holds the result of one run" in said("--out", "one")


def test_ranges_and_lists():
    assert varied("x=10..40*ms:4").texts == ("10*ms", "20*ms", "30*ms", "40*ms")
    assert varied("x=-70..-50 * mV : 3").numbers == (-70, -60, -50)
    assert varied("x=1..100/mV:3log").texts == ("1/mV", "10/mV", "100/mV") and varied("x=1..9/mV:2").unit == "1/mV"
    assert varied("seed=3..5").texts == ("3", "4", "5")
    words = varied("synapse=stdp_pair,../mine.py")
    assert words.texts == ("stdp_pair", "../mine.py") and words.numbers is None
    assert [words.label(text) for text in words.texts] == ["synapse=stdp_pair", "synapse=mine"]
    assert varied("hidden=(100,50),(20,10)").texts == ("100,50", "20,10")
    assert varied("x=1e-3..1*mV:4log").label("0.01*mV") == "x=0.01mV"
    assert combinations([varied("a=1,2"), varied("b=x,y")]) == [
        {"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "x"}, {"a": "2", "b": "y"}]
    with pytest.raises(SpikelearnError, match="is not below"):
        varied("x=1..-1:3")


def table_of(*its):
    """Rows with the sum of the varied numbers and with words."""
    made = []
    for point in combinations(list(its)):
        numbers = [float(text) for text in point.values() if text.replace(".", "").isdigit()]
        row = {it.name: float(point[it.name]) if it.numbers else point[it.name] for it in its}
        made.append(row | {"sum": sum(numbers), "twice": 2 * sum(numbers), "constant": 1.0, "flag": True})
    return made


@pytest.mark.parametrize("its, panels, kind", [
    (["a=1..5"], 2, "lines"), (["a=1..9:3log", "seed=1..3"], 2, "lines"), (["synapse=x,y,z", "seed=1..2"], 2, "words"),
    (["a=1..5", "synapse=x,y"], 2, "lines"), (["a=1..4", "b=1..3"], 2, "maps"),
    (["a=3,1,2", "b=1..8:4log", "c=1..3"], 6, "maps"),
    (["seed=1..4"], 2, "lines"),
])
def test_the_figure_has_a_panel_for_each_number_that_differs(its, panels, kind):
    from matplotlib.figure import Figure

    its = [varied(text) for text in its]
    figure, table = Figure(), table_of(*its)
    assert numbers_of(table, its) == ["sum", "twice"] and draw_sweep(table, its, figure, "title")
    drawn = [axes for axes in figure.axes if axes.get_xlabel() == its[0].name]
    assert len(drawn) == panels
    if kind == "maps":
        for axes in drawn:
            mesh = np.asarray(axes.collections[0].get_array())
            assert mesh.shape == (len(its[1].texts), len(its[0].texts)) and np.all(np.diff(mesh) > 0)
    elif kind == "lines":
        x, y = axes_data(drawn[0])
        shown = [row["sum"] for row in table if row[its[0].name] == x[-1] and row.get("synapse", "x") == "x"]
        assert y[-1] == pytest.approx(np.mean(shown))


def axes_data(axes):
    return np.asarray(axes.containers[0].lines[0].get_data(), dtype=float)


def test_cells_of_a_map_meet_in_the_middle_of_their_values():
    assert _edges(varied("x=1..3:3")) == pytest.approx([0.5, 1.5, 2.5, 3.5])
    assert _edges(varied("x=1..100:3log")) == pytest.approx(10 ** np.array([-.5, .5, 1.5, 2.5]))


@pytest.mark.long
def test_points_of_a_pairing_protocol_give_what_single_runs_give(tmp_path, monkeypatch, capsys):
    """Two rules and two parameters side by side in one simulation, to the last digit but rounding."""
    monkeypatch.chdir(tmp_path)
    vary = ["--vary", "synapse=stdp_pair,stdp_triplet", "--vary", "tau_plus=10..30*ms:2",
            "--vary", "tau_minus=20..50*ms:2", "--quick"]
    code, told, _ = sweep(capsys, *vary, jobs=("--jobs", "1"), protocol="stdp_frequency")
    assert code == 0 and told["finished"] == 8
    for point in ("synapse=stdp_pair,tau_plus=30ms,tau_minus=20ms",
                  "synapse=stdp_triplet,tau_plus=10ms,tau_minus=50ms"):
        synapse, *taus = point.split(",")
        synapse = synapse.partition("=")[2]
        alone = ["run", "stdp_frequency", "--synapse", synapse, "--quick", "--out", synapse]
        alone += [word for tau in taus for word in ("--set", tau.replace("ms", "*ms"))]
        assert cli.main(alone) in (0, 1)
        one, many = load(synapse), load(f"out/{point}")
        assert many.headline == pytest.approx(one.headline, rel=1e-12)
        assert many.provenance["models"] == one.provenance["models"]
        for name, values in one.arrays.items():
            if np.asarray(values).dtype.kind == "f":
                np.testing.assert_allclose(np.asarray(many.arrays[name]), np.asarray(values), rtol=1e-12)


def test_without_dask_the_extra_is_named(lab, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = sweep(capsys, "--vary", "gain=1,2", "--scheduler", "tcp://127.0.0.1:1", jobs=())
    assert code == 2 and "spikelearn[cluster]" in err and not os.path.exists("begun.txt")


# --- from Python -------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_a_sweep_from_python_is_the_table_of_the_command(lab):
    table = sl.sweep("product.py", {"tau": "10..30*ms:3", "word": "a,b"}, out="out", gain=2, jobs=1)
    assert list(table["tau (ms)"]) == [10, 10, 20, 20, 30, 30] and list(table["word"]) == ["a", "b"] * 3
    assert table["product"] == pytest.approx(2 * table["tau (ms)"] + .01)
    again = sl.sweep("product.py", {"tau": "10..30*ms:3", "word": "a,b"}, out="out", gain=2, jobs=1)
    assert all(np.array_equal(again[name], values) for name, values in table.items())
    assert len(open("begun.txt").readlines()) == 6          # finished points are kept


@pytest.mark.parametrize("given, words", [
    (dict(protocol="produkt"), "no protocol 'produkt'"), (dict(vary={"tau": "30..10*ms:3"}), "tau"),
    (dict(vary={}), "vary"), (dict(gein=2), "gein"), (dict(jobs=0), "--jobs"),
    (dict(synapse=sl.load_model("stdp_pair")), "synapse must name stdp_pair"),
])
def test_a_sweep_from_python_refuses_mistakes_in_a_sentence(lab, given, words):
    keywords = dict(protocol="product.py", vary={"tau": "10..30*ms:3"}, out="out") | given
    with pytest.raises(SpikelearnError, match=words):
        sl.sweep(keywords.pop("protocol"), keywords.pop("vary"), **keywords)
