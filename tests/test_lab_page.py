"""The page of the laboratory: its pieces, its files, and, in a browser, load, slide, edit, break, save."""
import csv
import io
import re
import shlex
import socket
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

import spikelearn as sl
from spikelearn.command import command_line as cli
from spikelearn.command import lab as command
from spikelearn.equations.files import shipped_models
from spikelearn.errors import SpikelearnError
from spikelearn.lab import figures, page, rule
from spikelearn.lab.curves import Curves
from spikelearn.lab.view import View, commands, experiment_files
from spikelearn.stdp.spike_times import labelled

TRIPLET, PAIR = (shipped_models()[f"synapses/{name}"].read_text(encoding="utf-8")
                 for name in ("stdp_triplet", "stdp_pair"))
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def shown():
    """A view, and two rules."""
    return View(), [rule.read_rule(text, name)[0] for text, name in ((TRIPLET, "mine"), (PAIR, "stdp_pair"))]


# ---- what is drawn

@pytest.mark.long
def test_the_figure_follows_a_rule_and_shows_what_a_new_figure_shows(shown):
    view, (mine, other) = shown
    moved = rule.read_rule(rule.with_numbers(TRIPLET, {"tau_minus": 20.0}), "mine")[0]
    results = [[view.curves(one) for one in (first, other)] for first in (mine, moved)]
    figure, fresh = (Curves(["mine", "stdp_pair"], results[k]) for k in (0, 1))
    before = figure.screen()
    figure.update(results[1])
    assert before.startswith(PNG) and figure.screen() != before
    lines = [[line.get_ydata() for _, _, line, _ in one.lines] for one in (figure, fresh)]
    assert all(map(np.array_equal, *lines)) and len(lines[0]) == 8
    heights = [[bar.get_height() for _, _, bars, _ in one.bars for bar in bars] for one in (figure, fresh)]
    assert heights[0] == heights[1] and len(heights[0]) == 16
    words = [[text.get_text() for _, _, text, _ in one.errors] for one in (figure, fresh)]
    E = results[1][0]["window"].headline["E_bi_poo_window"]
    assert words[0] == words[1] and words[0][0] == f"E = {E:.3g}"
    figure.update(results[0])
    assert figure.screen() == before
    assert figures.png(figure.figure, figures.FILE).startswith(PNG)


@pytest.mark.long
def test_curves_never_leave_their_axes(shown):
    view, (mine, other) = shown
    figure = Curves(["mine", "stdp_pair"], [view.curves(mine), view.curves(other)])
    for value in (0.02, 1e-4):
        one = rule.read_rule(rule.with_numbers(TRIPLET, {"A3_plus": value, "w_max": 30.0}), "mine")[0]
        figure.update([view.curves(one), view.curves(other)])
        for axes, _, line, _ in figure.lines:
            low, high = axes.get_ylim()
            assert low <= line.get_ydata().min() and line.get_ydata().max() <= high
            assert np.ptp(line.get_ydata()) <= high - low


@pytest.mark.long
def test_table_and_csv_hold_the_numbers_of_the_results(shown):
    view, rules = shown
    battery = [(one.title, view.battery(one)) for one in rules]
    table = figures.battery_table(battery)
    for _, result in battery:
        for name, E in result.headline.items():
            if name.startswith("E_") and not name.startswith("E_null"):
                assert re.search(rf">{E:.3g}\b", table), name
    E, p = (battery[1][1].headline[f"{key}_bi_poo_window"] for key in "Ep")
    assert (f"<b>{E:.3g}</b>" in table) == (p >= .05)
    curves = [(one.title, view.curves(one)) for one in rules]
    own = [(one.title, view.experiment(one, "bittner_plateau")) for one in rules]
    rows = list(csv.DictReader(io.StringIO(figures.csv_text(curves, battery, own))))
    window = [float(row["mine_percent"]) for row in rows if row["experiment"] == "window"]
    assert np.array_equal(window, 100 * curves[0][1]["window"].arrays["change"])
    measured = [float(row["measured_percent"]) for row in rows if row["experiment"] == "bi_poo_window"]
    assert np.array_equal(measured, 100 * sl.experiment("bi_poo_window").mean)
    assert "bittner_plateau" in {row["experiment"] for row in rows}
    names = [(row["experiment"], row["condition"]) for row in rows]
    assert len(set(names)) == len(names)


@pytest.mark.long
def test_a_session_draws_every_panel(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, rules = shown
    session = page.Session()
    assert not session.is_quick(rules) and not session.waits(rules)
    for picture in (session.curves(rules), session.curves(rules), session.traces(rules, "pre 0; post 10; 60 at 1*Hz"),
                    session.experiment(rules, "experiments/nevian_bursts"), session.figure_file()):
        assert picture.startswith(PNG)
    assert session.is_quick(rules) and "<table" in session.battery(rules)
    assert session.numbers_file(rules, "experiments/nevian_bursts").startswith(b"experiment,condition,")
    (tmp_path / "mine.csv").write_text(sl.experiment("bi_poo_window").file.read_text(encoding="utf-8"))
    assert session.experiment(rules, "mine.csv").startswith(PNG)
    (tmp_path / "mine.csv").write_text("nonsense")
    made, said = page.attempt(lambda: session.experiment(rules, "mine.csv"))
    assert made is None and "mine.csv" in said and "\n" not in said
    assert "there is no file 'gone.csv'" in page.attempt(lambda: session.experiment(rules, "gone.csv"))[1]
    assert "there is no experiment 'mine.txt'" in page.attempt(lambda: session.experiment(rules, "mine.txt"))[1]


def test_a_rule_in_time_steps_waits_until_it_is_asked_for():
    voltage = sl.load_model("stdp_voltage")
    session = page.Session()
    assert session.waits([voltage]) and session.waits([voltage], "stdp_battery") and not session.is_quick([voltage])


def test_small_pairings_are_made_once_and_others_are_not_kept():
    """A slider asks for the same pairings again; a shared one has all that a new one has."""
    one, same, other = sl.pairs(7 * ms, 3), sl.pairs(7 * ms, 3), sl.pairs(7 * ms, 3, label="named")
    assert one is same and other is not one and other.label == "named" and not one.pre.flags.writeable
    assert labelled(one, "1") is labelled(one, "1") and labelled(one, "2").label == "2" and one.label == ""
    assert labelled(other, "1") is other
    assert sl.pairs(7 * ms, 1001) is not sl.pairs(7 * ms, 1001)


# ---- choices and words

def test_own_files_are_in_the_lists_and_opened_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_rule.py").write_text(PAIR)
    Path("other.py").write_text("print('no rule')")
    Path("mine.csv").write_text("")
    rules = rule.rule_files(Path())
    assert next(iter(rules)) == "my_rule.py" and "other.py" not in rules and "synapses/stdp_pair" in rules
    data = experiment_files(Path())
    assert next(iter(data)) == "mine.csv" and "experiments/bi_poo_window" in data
    assert page.opened("my_rule.py", "synapses/stdp_triplet", rules) == ("my_rule.py", PAIR, "")
    name, text, said = page.opened("gone.py", "synapses/stdp_triplet", rules)
    assert (name, text) == ("synapses/stdp_triplet", TRIPLET)
    assert said == "'gone.py' cannot be read: No such file or directory"
    assert page.opened("", "my_rule.py", rules) == ("my_rule.py", PAIR, "")
    assert page.opened("mine.txt", "my_rule.py", rules)[1:] == (
        PAIR, "'mine.txt' is not the name of a Python file, such as my_rule.py")
    assert page.experiment_of("mine.csv", "experiments/bi_poo_window") == "mine.csv"
    assert page.experiment_of("", "experiments/bi_poo_window") == "experiments/bi_poo_window"


def test_a_saved_rule_is_never_overwritten(tmp_path):
    rule.save_rule(TRIPLET, tmp_path / "my_rule.py")
    with pytest.raises(SpikelearnError, match="exists"):
        rule.save_rule(PAIR, tmp_path / "my_rule.py")
    assert (tmp_path / "my_rule.py").read_text(encoding="utf-8") == TRIPLET
    with pytest.raises(SpikelearnError, match="must be the name of a Python file"):
        rule.save_rule(TRIPLET, tmp_path / "my_rule.txt")


def test_two_rules_need_two_names():
    rules = rule.rule_files(Path("/nowhere"))
    mine = rule.read_rule(TRIPLET.replace("r1 += 1", "r1 += 2"), "stdp_triplet")[0]
    both = page.rules_shown(mine, "synapses/stdp_pair", rules)[0]
    assert [one.title for one in both] == ["stdp_triplet", "stdp_pair"]
    assert "choose another name" in page.rules_shown(mine, "synapses/stdp_triplet", rules)[1]
    same = rule.read_rule(TRIPLET, "stdp_triplet")[0]
    assert page.rules_shown(same, "synapses/stdp_triplet", rules) == ([same], "")
    assert page.rules_shown(same, "none", rules) == ([same], "")
    assert page.rules_shown(None, "none", rules) == ([], "")


def test_the_last_rule_without_a_mistake_is_shown():
    session = page.Session()
    first, _ = session.read(TRIPLET, "mine")
    shown, mistake = session.read(TRIPLET.replace("r1 += 1", "r1 +="), "mine")
    assert shown is first and mistake.line


def test_a_sentence_cannot_leave_its_place_on_the_page():
    """The text of a rule is the user's own; its words are shown, not run."""
    evil = rule.Mistake(3, "</style><script>", '"</style><script>alert(1)</script>')
    shown = page.mistake_html(evil)
    assert "<script>" not in shown and shown.count("</style>") == 1 and "--lab-line-3:" in shown
    assert "<script>" not in page.refused("<script>")
    assert page.mistake_html(None).count("can be read") == 1


def test_names_with_spaces_are_quoted_in_commands():
    lines = commands(["my rule.py"], "my data.csv", "pre 0; post 10; 5 at 1*Hz").splitlines()
    assert "--synapse 'my rule.py'" in lines[0] and "--set 'data=my data.csv'" in lines[4]
    for line in lines:
        cli.parsed(shlex.split(line)[1:])


# ---- the command

def test_the_command_names_the_extra_where_marimo_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["lab", "--no-browser"]) == 2
    assert capsys.readouterr().err == 'spikelearn: the page needs marimo: pip install "spikelearn[lab]" installs it\n'


def test_the_page_is_served_on_the_loopback_with_a_token():
    words = command.server_command(2718)
    assert words[words.index("--host") + 1] == "127.0.0.1" == command.HOST
    assert "--token" in words and "--no-token" not in words and words[words.index("--token-password-file") + 1] == "-"
    assert command.app_file().name == "lab.py" and command.app_file().is_file()


def test_a_port_in_use_is_refused_in_one_sentence():
    with socket.socket() as taken:
        taken.bind((command.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SpikelearnError, match=f"--port {port} cannot be used"):
            command.free_port(port)
    assert command.free_port(None) > 0
    for port in (-1, 70_000):
        with pytest.raises(SpikelearnError, match="cannot be used"):
            command.free_port(port)
