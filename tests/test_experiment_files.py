"""Experiments of a user's own: a file of twelve rows against a NumPy script, and damaged files, one sentence each."""
import json

import numpy as np
import pytest
import reference

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.stdp.comparison import compared, experiments_of
from spikelearn.stdp.experiments import described, experiment

MINE = """# title: Mine
# citation: nobody (2026)
# protocol: bursts, trains and whole spike trains
# note: the first line
#   and the second
label,delta_t_ms,pre_ms,post_ms,pre_file,post_file,repeats,repeat_hz,trains,train_every_s,change_percent,sem_percent,\
sd_percent,n,control,mood
pair,10,,,,,60,1,,,25,5,,8,,good
late,-10,,,,,60,1,,,-17,5,,8,,bad
burst,,0,7 17 27,,,60,0.1,,,95,31,,9,,
burst before,,0,-27 -17 -7,,,60,0.1,,,-28,12,,5,,
triplet,,-5 5,0,,,60,1,,,-1,,10,6,,
train,10,,,,,5,20,15,10,29,14,,,,
slow train,-10,,,,,5,10,15,10,-41,11,,,,
trains of bursts,,0,5 15,,,3,10,4,5,40,10,,,,
EPSP only,,0,,,,60,0.1,,,-3,8,,5,1,
no uncertainty,5,,,,,60,1,,,30,,,,,
random,,,,pre.txt,post.txt,,,,,12,6,,,,
one side,,,,pre.txt,,,,,,1,4,,,,
"""
PRE, POST = [0.5, 0.7501, 1.1, 2.3], [0.51, 0.77, 1.05, 2.2999]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pre.txt").write_text("# seconds\n" + "\n".join(map(str, PRE)) + "\n")
    (tmp_path / "post.txt").write_text("\n".join(map(str, POST)))
    (tmp_path / "mine.csv").write_text(MINE)
    return tmp_path


def by_hand():
    """(pre, post, measured, s.e.m.) of the eleven rows of MINE with an uncertainty, spike times in seconds."""
    def motifs(pre, post, n, hz, trains=1, every=0):
        starts = np.add.outer(np.arange(trains) * every, np.arange(n) / hz).ravel()
        return [np.add.outer(starts, np.array(side) / 1000).ravel() for side in (pre, post)]

    rows = [motifs([0], [10], 60, 1), motifs([0], [-10], 60, 1), motifs([0], [7, 17, 27], 60, .1),
            motifs([0], [-27, -17, -7], 60, .1), motifs([-5, 5], [0], 60, 1), motifs([0], [10], 5, 20, 15, 10),
            motifs([0], [-10], 5, 10, 15, 10), motifs([0], [5, 15], 3, 10, 4, 5), motifs([0], [], 60, .1),
            [PRE, POST], [PRE, []]]
    mean = np.array([25, -17, 95, -28, -1, 29, -41, 40, -3, 12, 1]) / 100
    sem = np.array([5, 5, 31, 12, 10 / np.sqrt(6), 14, 11, 10, 8, 6, 4]) / 100
    return rows, mean, sem


@pytest.mark.long
def test_twelve_rows_by_two_commands_give_the_error_of_a_script(folder, capsys):
    """A copied rule and an experiment that is not shipped, from the command line, against loops over spikes."""
    assert cli.main(["copy", "synapses/stdp_pair", "a.py"]) == 0
    capsys.readouterr()
    assert cli.main(["run", "stdp_experiment", "--set", "data=mine.csv", "--synapse", "a.py", "--synapse",
                     "stdp_triplet", "--device", "numpy", "--out", "out", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows, mean, sem = by_hand()
    pair = dict(A_plus=.777 / 60, A_minus=.273 / 60, tau_plus=.0168, tau_minus=.0337)
    rule = load_model("stdp_triplet").parameters
    triplet = {name: float(rule[name]) for name in
               ("A2_plus", "A3_plus", "A2_minus", "A3_minus", "tau_plus", "tau_minus", "tau_x", "tau_y")}
    for name, change in (("a", [reference.pair_all_to_all(*row, **pair) for row in rows]),
                         ("stdp_triplet", [reference.triplet(*row, **triplet) for row in rows])):
        E = np.mean(((mean - np.array(change)) / sem) ** 2)
        assert found[f"E_mine_{name}"] == pytest.approx(E, rel=1e-9)
    assert found["E_null_mine"] == pytest.approx(np.mean((mean / sem) ** 2), rel=1e-12)
    assert 0 <= found["p_mine_a"] <= 1
    assert {path.name for path in (folder / "out").iterdir()} == {"result.npz", "run.json", "figure.png",
                                                                   "conditions.csv"}


def test_what_a_file_says_is_kept_and_shown(folder):
    it = experiment("mine.csv")
    assert it.comments["note"] == "the first line and the second" and it.citation == "nobody (2026)"
    assert list(it.control).index(True) == 8 and list(it.scored).count(False) == 1
    text = described(it)
    assert "mood" in text and "good" in text and "scored: 11 of 12 conditions, all but no uncertainty" in text


def test_single_cells(tmp_path):
    """Mean and standard error of three cells by hand; one cell alone has no uncertainty."""
    path = tmp_path / "cells.csv"
    path.write_text("label,delta_t_ms,ratio,cell\na,10,1.2,1\na,10,1.5,2\na,10,1.8,3\nb,-10,0.9,4\n")
    it = experiment(path)
    assert it.mean == pytest.approx([.5, -.1]) and it.sem[0] == pytest.approx(.3 / np.sqrt(3)) and np.isnan(it.sem[1])
    assert it.cells[0] == pytest.approx([.2, .5, .8]) and list(it.scored) == [True, False]


@pytest.mark.parametrize("percent", [10, 10.3, 10.8, 16.7, -7, 0])
def test_equal_cells_have_no_uncertainty(percent, tmp_path):
    """Their standard deviation is of the size of rounding, by which no squared distance may be divided."""
    rows = [f"a,10,{percent},{cell}" for cell in (1, 2, 3)] + ["b,-10,-20,1", "b,-10,-30,2"]
    (tmp_path / "cells.csv").write_text("\n".join(["label,delta_t_ms,change_percent,cell", *rows]))
    it = experiment(str(tmp_path / "cells.csv"))
    assert list(it.scored) == [False, True] and np.isnan(it.sem[0])


def test_third_factors_and_clamps(tmp_path):
    """Times count from the first spike; a drug washed in before the pairing moves the spikes, not the intervals."""
    path = tmp_path / "drug.csv"
    path.write_text("label,delta_t_ms,repeats,repeat_hz,third_s,third_from_s,third_to_s,hold_mV,pre_ms,read_after_s\n"
                    "reward,10,2,1,1.5 2,,,,,\ndrug,-10,2,1,,-90,600,,,3\nheld,,,,,,,-60,0,\n")
    reward, drug, held = experiment(path).pairings
    assert np.asarray(reward.third - reward.pre[0]) == pytest.approx([1.5, 2])
    assert np.asarray(drug.bath - drug.post[0]) == pytest.approx([-90, 600])
    assert float(drug.bath[0]) == pytest.approx(.1) and float(drug.read_after) == 3
    assert float(held.hold) == -.06 and len(held.pre) == 1 and len(held.post) == 0


def test_a_rule_is_scored_where_it_knows_the_third_factor(tmp_path):
    path = tmp_path / "drug.csv"
    path.write_text("label,delta_t_ms,third_from_s,third_to_s,change,sem\nwith,10,0,1,.5,.1\nwithout,10,,,.2,.1\n")
    rules = [load_model("stdp_pair")]
    arrays, headline, gaps = compared(rules, experiments_of([path]), device="numpy")
    once = .777 / 60 * np.exp(-10 / 16.8)
    assert headline["E_drug"] == pytest.approx(((.2 - once) / .1) ** 2) and headline["conditions_drug"] == 1
    assert np.isnan(arrays["drug_stdp_pair"][0]) and "drug_stdp_pair" in gaps
    path.write_text("label,delta_t_ms,third_s,change,sem\nwith,10,.1,.5,.1\n")
    with pytest.raises(SpikelearnError, match="stdp_pair knows none"):
        compared(rules, experiments_of([path]), device="numpy")


HEAD = ("label,delta_t_ms,pre_ms,post_ms,pre_file,repeats,repeat_hz,trains,train_every_s,change,change_percent,sem,sd,"
        "n\n")
DAMAGED = {     # what stands in the file -> what the sentence says, after the file's name
    "two ways": (HEAD + "a,10,0,5,,60,1,,,.2,,.1,,\n", "line 2, column pre_ms: gives the spikes a second time"),
    "two files": (HEAD + "a,,0,,x.txt,60,1,,,.2,,.1,,\n", "line 2, column pre_ms: gives the spikes a second time"),
    "two results": (HEAD + "a,10,,,,60,1,,,.2,20,.1,,\n", "line 2, column change: gives the result a second time"),
    "overlap": (HEAD + "a,,0,5 30,,60,40,,,.2,,.1,,\n", "line 2, column repeat_hz: motifs 30 ms long"),
    "trains overlap": (HEAD + "a,10,,,,5,1,3,2,.2,,.1,,\n", "line 2, column trains: motifs"),
    "negative": (HEAD + "a,10,,,,60,1,,,.2,,-.1,,\n", "line 2, column sem: must be a number above 0, not -.1"),
    "no spread": (HEAD + "a,10,,,,60,1,,,.2,,0,,\n", "line 2, column sem: must be a number above 0, not 0"),
    "nan": (HEAD + "a,10,,,,60,1,,,nan,,.1,,\n", "line 2, column change: must be a finite number, not nan"),
    "text": (HEAD + "a,ten,,,,60,1,,,.2,,.1,,\n", "line 2, column delta_t_ms: 'ten' is no number"),
    "no conditions": (HEAD, "holds no conditions"),
    "nothing": ("# title: x\n", "holds no conditions"),
    "no spikes": (HEAD + "a,,,,,,,,,.2,,.1,,\n", "line 2, column delta_t_ms: the row gives no spikes"),
    "rate": (HEAD + "a,10,,,,60,,,,.2,,.1,,\n", "line 2, column repeat_hz: is missing"),
    "how many": (HEAD + "a,10,,,,,1,,,.2,,.1,,\n", "line 2, column repeats: is missing: how many motifs there are"),
    "typo": ("delta_t_ms,repeat,change\n10,60,.2\n", "line 1, column repeat: is too like the known column repeats to"),
    "capital": ("delta_t_ms,Repeats\n10,60\n", "line 1, column Repeats: is too like the known column repeats to"),
    "capitals": ("delta_t_ms,SEM_percent\n10,60\n", "column SEM_percent: is too like the known column sem_percent to"),
    "no unit": ("delta_t_ms,read_after\n10,6\n", "column read_after: is too like the known column read_after_s to"),
    "no unit, short": ("pre,post\n0,6\n", "line 1, column pre: is too like the known column pre_ms to"),
    "other unit": ("pre_ms,post_s\n0,6\n", "line 1, column post_s: is too like the known column post_ms to"),
    "a space": ("delta_t_ms,repeat hz\n0,6\n", "column repeat hz: is too like the known column repeat_hz to"),
    "half": (HEAD + "a,10,,,,2.5,1,,,.2,,.1,,\n", "line 2, column repeats: must be a whole number"),
    "unsorted": (HEAD + "a,,0,9 5,,1,1,,,.2,,.1,,\n", "line 2, column post_ms: the times must increase"),
    "no file": (HEAD + "a,,,,none.txt,,,,,.2,,.1,,\n", "line 2, column pre_file: "),
    "sd": (HEAD + "a,10,,,,60,1,,,.2,,,.1,\n", "line 2, column n: is missing"),
    "unit": (HEAD + "a,10,,,,60,1,,,,20,.1,,\n", "line 2, column sem: must be in the unit of change_percent"),
    "twice": (HEAD + "a,10,,,,60,1,,,.2,,.1,,\n" * 2, "line 3, column label: the condition 'a' stands twice"),
    "cells": (HEAD + "a,10,,,,60,1,,,.2,,.1,\n", "line 2: 13 cells stand below 14 columns"),
    "semicolons": ("label;delta_t_ms\na;10\n", "line 1: the columns must be separated by commas"),
    "two columns": ("delta_t_ms,delta_t_ms\n10,10\n", "line 1: column delta_t_ms stands twice"),
    "no columns": ("label,change\na,.2\n", "line 1: no column gives the spikes"),
    "below nothing": (HEAD + "a,10,,,,60,1,,,-29,,.1,,\n", "line 2, column change: must be a number of at least -1"),
    "many": (HEAD + "a,10,,,,1e9,1,,,.2,,.1,,\n", "line 2, column repeats: makes 1,000,000,000 spikes"),
    "long": ("delta_t_ms,third_s\n10,1e9\n", "line 2, the third spike times must not be later than 1,000,000 s"),
    "lone sem": (HEAD + "a,10,,,,60,1,,,,,.1,,\n", "line 2, column sem: is an uncertainty without a result"),
    "binary": ("\udcff\udcfe", "is no readable text file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_gives_one_sentence(name, tmp_path, capsys, monkeypatch):
    """Exit code 2 and one line with file, line and column."""
    monkeypatch.chdir(tmp_path)
    text, said = DAMAGED[name]
    (tmp_path / "mine.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert cli.main(["show", "./mine.csv"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("spikelearn: mine.csv") and said in line and not line.endswith(".")


def test_unknown_names():
    with pytest.raises(SpikelearnError, match="did you mean 'sjostrom_trains'"):
        experiment("sjostrom_train")
    with pytest.raises(SpikelearnError, match="there is no file 'none.csv'"):
        experiment("none.csv")
