"""What may be mistaken in a user's own file: rows for comments, names of columns, per cent for ratios, 10 for 10.0."""
import warnings

import numpy as np
import pytest

from spikelearn import SpikelearnError
from spikelearn.command import command_line as cli
from spikelearn.errors import SpikelearnWarning
from spikelearn.stdp.comparison import axis, compared, experiments_of, rules_of
from spikelearn.stdp.experiments import described, experiment
from spikelearn.stdp.shipped import shipped_experiments

HEAD = "label,delta_t_ms,repeats,repeat_hz,change_percent,sem_percent\n"


@pytest.fixture
def read(tmp_path):
    """An Experiment from the text of its file, and what is told of it."""
    def made(text):
        (tmp_path / "mine.csv").write_text(text)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            it = experiment(tmp_path / "mine.csv")
        return it, [str(one.message).partition("mine.csv: ")[2] for one in told
                    if one.category is SpikelearnWarning]
    return made


# --- rows and comments -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("row", ["#6 -10 ms,-10,60,1,60,5", "#6, -10 ms,-10,60,1,60,5", '#6 "late",-10,60,1,,'])
def test_a_row_that_begins_like_a_comment_is_refused(row, read):
    with pytest.raises(SpikelearnError, match="line 3: a row that begins with # may be a condition or a comment"):
        read(f'{HEAD}"#5, +10 ms",10,60,1,43,5\n{row}\n')


def test_a_quoted_label_may_begin_with_a_number_sign(read):
    it, _ = read(f'{HEAD}"#5, +10 ms",10,60,1,43,5\n"#6",-10,60,1,60,5\n')
    assert [one.label for one in it.pairings] == ["#5, +10 ms", "#6"] and "note" not in it.comments
    _, headline, _ = compared(rules_of("stdp_pair"), {"mine": it}, device="numpy")
    assert headline["E_mine"] == pytest.approx(129, rel=.01)


def test_comments_stay_comments_below_the_header_and_as_a_spreadsheet_writes_them(read):
    it, _ = read(f'"# title: pairs, and more",,,,,\n# citation: nobody,,,,,\n#   (2026)\n{HEAD}a,10,60,1,43,5\n'
                 "# note: by eye, 3 cells\n# twice,,,,,\n# it's 5\" wide\nb,-10,60,1,60,5\n")
    assert it.comments["title"] == "pairs, and more" and it.comments["citation"] == "nobody (2026)"
    assert it.comments["note"] == "by eye, 3 cells twice it's 5\" wide" and len(it.pairings) == 2


# --- columns of other names --------------------------------------------------------------------------------------

MEANT = {"repeats": "n_pairs pairs repetitions bursts Pairs number_of_pairs repetitons num_pairings pairings",
         "repeat_hz": "frequency frequency_hz freq_hz rate rate_hz hz pairing_rate_hz rho_hz period_s pairs_hz",
         "train_every_s": "train_interval_s inter_train_interval_s ITI_s", "third_s": "dopamine_s reward_s reward",
         "third_from_s": "drug_from_s", "third_to_s": "drug_to_s", "score": "exclude excluded Excluded",
         "sem": "std_error stderr error", "sem_percent": "stderr_percent", "sd": "std stdev",
         "read_after_s": "measured_after_min"}


@pytest.mark.parametrize("name, meant", [(name, meant) for meant, names in MEANT.items() for name in names.split()])
def test_a_column_that_means_a_known_one_is_refused_with_its_name(name, meant, read):
    with pytest.raises(SpikelearnError, match=f"line 1, column {name}: .*(mean|like the known column) {meant}\\b"):
        read(f"delta_t_ms,{name}\n10,1\n")


def test_the_standard_error_is_of_the_unit_of_the_change(read):
    with pytest.raises(SpikelearnError, match="seems to mean sem_percent"):
        read("delta_t_ms,change_percent,stderr\n10,30,5\n")


def test_own_columns_are_kept_shown_and_told(read):
    it, told = read("delta_t_ms,repeats,repeat_hz,frequency,cells,animal,post_mV,burst_hz,date\n"
                    "10,60,1,1,5,a,-60,2,2026-01-01\n")
    names = ["frequency", "cells", "animal", "post_mV", "burst_hz", "date"]         # a rate is there already
    assert told == [f"shown but not used: {', '.join(names)}"]
    assert all(name in described(it) for name in names)


def test_single_motifs_are_told(read):
    assert read("delta_t_ms,change,sem\n10,.43,.1\n-10,-.2,.1\n")[1] == [
        "without repeats and repeat_hz, each condition is simulated as a single motif"]
    assert read("delta_t_ms,repeats,repeat_hz\n10,60,1\n-10,,\n")[1] == [
        "without repeats and repeat_hz, each of 1 conditions is simulated as a single motif"]
    assert read("delta_t_ms,repeats\n10,1\n")[1] == [] == read("third_from_s,third_to_s\n0,600\n")[1]


def test_nothing_is_told_of_shipped_files():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        experiments_of(shipped_experiments())


def test_show_tells_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("delta_t_ms,repeats,repeat_hz,animal\n10,60,1,a\n")
    assert cli.main(["show", "mine.csv"]) == 0
    assert capsys.readouterr().err == "spikelearn: warning: mine.csv: shown but not used: animal\n"


# --- per cent that is named a ratio ------------------------------------------------------------------------------

@pytest.mark.parametrize("column, values", [("ratio", (135, 80)), ("ratio", (135, 80, 2)), ("change", (35, 18)),
                                            ("change", (35, 18, .5))])
def test_per_cent_in_a_column_of_ratios_is_refused(column, values, read):
    rows = "".join(f"{10 * k},{value}\n" for k, value in enumerate(values, 1))
    with pytest.raises(SpikelearnError, match=f"column {column}: half of the values .* name it change_percent"):
        read(f"delta_t_ms,{column}\n{rows}")


def test_one_large_change_is_told_and_published_ones_are_not(read):
    head = "delta_t_ms,repeats,repeat_hz,ratio\n"
    assert read(f"{head}10,60,1,12\n20,60,1,1.5\n30,60,1,1\n")[1] == [
        "the change of '+10 ms', to 12 times the weight, is larger than any known one: check its unit"]
    assert read(f"{head}10,60,1,3\n-10,60,1,0\n")[1] == []


# --- numbers, not texts ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("other", ["10.0", "1e1", "+10", "010"])
def test_equal_numbers_are_one_condition(other, read):
    with pytest.raises(SpikelearnError, match=r"the condition '\+10 ms' stands twice"):
        read(f"delta_t_ms,change,sem\n10,.4,.1\n{other},.4,.1\n")
    it, _ = read(f"delta_t_ms,repeats,repeat_hz,change,score,cell\n10,60,1,.4,,1\n{other},60.0,1.0,.2,yes,2\n")
    assert len(it.pairings) == 1 and it.mean == pytest.approx([.3])
    with pytest.raises(SpikelearnError, match="stands twice"):
        read(f"delta_t_ms,change,cell\n-5,.4,10\n-5,.2,{other}\n")


def test_equal_times_and_labels_are_one_condition(read):
    with pytest.raises(SpikelearnError, match="stands twice"):
        read("pre_ms,post_ms\n0,5 10\n0.0,5.0 10.0\n")
    it, _ = read("label,pre_ms,post_ms,ratio,cell\n10,0,5  10,1.2,a\n10.0,0,5.0 10,1.4,b\n")
    assert it.mean == pytest.approx([.3]) and it.pairings[0].label == "10"
    with pytest.raises(SpikelearnError, match="column post_ms: differs between the cells"):
        read("label,pre_ms,post_ms,ratio,cell\n10,0,5 10,1.2,a\n10,0,5 11,1.4,b\n")


def test_cells_of_long_numbers_and_files_stay_apart(read, tmp_path):
    it, _ = read("delta_t_ms,change,cell\n10,.4,12345678901234567891\n10,.2,12345678901234567892\n")
    assert it.cells[0].size == 2
    for name, time in (("10", .1), ("10.0", .2)):
        (tmp_path / name).write_text(f"0\n{time}\n")
    it, _ = read("pre_file,post_file\n10,\n10.0,\n")
    assert [float(np.ptp(one.pre)) for one in it.pairings] == pytest.approx([.1, .2])


def test_a_column_that_is_the_same_throughout_makes_no_axis(read):
    it, _ = read("delta_t_ms,repeats,repeat_hz,third_s,change\n10,60,1,1 2,.4\n20,60,1,1.0 2.0,.3\n")
    assert axis(it)[2].startswith("Δt")
