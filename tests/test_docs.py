"""The pages say what is true: tables, commands, links, numbers; and nothing of the machine they were written on."""
import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import readme_tables as tables

from spikelearn import load_model
from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.equations.files import shipped_models
from spikelearn.results.tables import _older
from spikelearn.stdp.shipped import shipped_experiments

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "protocols/README.md", "results/README.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.M | re.S)
# written so that this file holds none of them itself
HOME = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp|mnt)/\w")


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def shell_blocks(name):
    """The code blocks of a page that are typed into a shell; test_code_blocks runs them, and those in Python."""
    return [block for language, block in FENCED.findall(page(name)) if language != "python"]


def commands(name):
    """Every line of a page that is to be typed, as words; also those in the text, such as `make bench`."""
    lines = [line for block in shell_blocks(name) for line in block.splitlines()]
    lines += re.findall(r"`((?:make|spikelearn run) [^`]+)`", re.sub(FENCED, "", page(name)))
    return [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith("#")]


def tracked():
    """Text files of the project: what git knows, or would take in."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.endswith((".png", ".npz")):
            yield name, (ROOT / name).read_text(encoding="utf-8")


def test_tables_are_those_of_the_files():
    for path, text in tables.pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python tests/readme_tables.py"


def test_tables_name_every_file_once_and_its_source():
    line = r"^\| \[\w+\]\((\w+/\w+)\.py\) \| .+? \| (.+?) \|"
    rows = re.findall(line, page("models/README.md"), flags=re.M)
    assert [name for name, _ in rows] == list(shipped_models())
    for name, source in rows:
        assert source == load_model(name).source
    names = re.findall(r"^\| \[(\w+)\]", page("protocols/README.md"), flags=re.M)
    assert sorted(names) == list(running.shipped_protocols())


def test_protocols_are_grouped():
    parts = page("protocols/README.md").split("\n## ")
    groups = {part.partition("\n")[0]: re.findall(r"^\| \[(\w+)\]", part, flags=re.M) for part in parts[1:]}
    assert list(groups) == list(tables.GROUPS)
    assert "stdp_window" in groups["Spike-timing-dependent plasticity"]
    assert "learn_mnist" in groups["Networks that learn images"] and "walkback" in groups["Theory"]


def test_run_times_are_measured():
    found = tables.run_times(page("protocols/README.md"))
    assert set(found) == set(running.shipped_protocols())
    assert set(found.values()) <= set(tables.RUN_TIMES.values())


def test_run_times_of_a_changed_table_are_kept():
    changed = page("protocols/README.md").replace("| seconds |", "| minutes |")
    assert tables.run_times(changed)["stdp_window"] == "minutes"
    assert "| minutes |" in tables.tables_of_protocols(tables.run_times(changed))


@pytest.mark.parametrize("text, papers", [
    ("Sjostrom, Turrigiano & Nelson (2001) Neuron 32, as Pfister & Gerstner\n(2006) tabulate it", 2),
    ("for triplet STDP, Clopath et al. (2010)", 1), ("Liu & Lin (2017); again Liu & Lin (2017)", 1), ("in 2001", 0),
])
def test_citations_are_found(text, papers):
    found = tables.cited(text)
    assert len(found.split("; ")) == papers if papers else found == ""
    assert "STDP" not in found and "\n" not in found


@pytest.mark.long
@pytest.mark.parametrize("name", PAGES)
def test_commands_exist(name):
    """Targets of the Makefile; command, options, protocols and models of spikelearn."""
    targets = re.findall(r"^([\w-]+):", page("Makefile"), flags=re.M)
    protocols, models = running.shipped_protocols(), shipped_models()
    for words in commands(name):
        if words[0] == "make":
            assert words[1] in targets
        elif words[:2] == ["spikelearn", "run"] and words[2] != "NAME":
            options = cli._parser().parse_args(words[1:])
            assert options.protocol in protocols
            for model in options.synapse + [options.neuron] * bool(options.neuron):
                assert {model, f"synapses/{model}", f"neurons/{model}"} & set(models) or model.startswith("my_")
            if not any(model.startswith("my_") for model in options.synapse):
                running.run_keywords(running.load_protocol(options.protocol), options)
        elif words[:2] == ["spikelearn", "copy"]:
            assert words[2] in models or words[2] in protocols or words[2].partition("/")[2] in shipped_experiments()
        elif words[0] == "spikelearn":
            cli._parser().parse_args(words[1:])
        elif words[0] == "pytest":
            assert all((ROOT / word).exists() for word in words if word.endswith(".py"))
        else:
            assert words[0] in ("sudo", "source", "nano"), words


def test_the_readme_opens_with_the_two_commands():
    assert shell_blocks("README.md")[0].split("\n") == ["make run", "make test", ""]
    assert "sudo apt install python3-venv make g++" in page("README.md")
    assert "sudo apt install python3-venv make g++" in page("Makefile")


@pytest.mark.long
def test_the_six_lines_change_the_equation(tmp_path, monkeypatch, capsys):
    """Copy, edit, run, as the page says; the new curve follows the closed form of depression in proportion to w."""
    from spikelearn.results.files import load

    block = next(block for block in shell_blocks("README.md") if "my_rule.py" in block).splitlines()
    copy, run = (shlex.split(line)[1:] for line in block if line.startswith("spikelearn"))
    old, new = (line.partition(" w = ")[2] for line in block if line.startswith("#"))
    assert len(block) == 6
    monkeypatch.chdir(tmp_path)
    assert cli.main(copy) == 0
    text = Path("my_rule.py").read_text()
    assert text.count(old) == 1
    Path("my_rule.py").write_text(text.replace(old, new))
    assert cli.main([*run, "--quick", "--out", "new"]) == 0, capsys.readouterr().err
    assert cli.main(["run", "stdp_window", "--quick", "--out", "old"]) == 0
    before, after = load("old").arrays, load("new").arrays
    early = before["delta_t"] < 0
    share = -before["change"][early] / 5                    # of one of the five pairs
    assert after["change"][early] == pytest.approx((1 - share) ** 5 - 1, rel=1e-6)
    assert after["change"][~early] == pytest.approx(before["change"][~early], rel=1e-6)


def test_numbers_in_the_readme_lie_where_they_must():
    rows = re.findall(r"^\| `spikelearn run (\w+)` \| (.+?) \|", page("README.md"), flags=re.M)
    assert len(rows) >= 4
    for name, cell in rows:
        accepted = running.load_protocol(name).ACCEPTED
        numbers = re.findall(r"`(\w+)` ([-\d.]+)", cell)
        assert numbers
        for key, number in numbers:
            digits = len(number.partition(".")[2])
            low, high = (round(bound, digits) for bound in (accepted[key].low, accepted[key].high))
            assert low <= float(number) <= high


@pytest.mark.parametrize("name", [*PAGES, "experiments/README.md", "docs/sweep.md"])
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if not target.startswith(("https://", "http://")):
            assert (ROOT / name).parent.joinpath(target.partition("#")[0]).exists(), target


def test_contributing_is_short_and_says_what_it_must():
    text = page("CONTRIBUTING.md")
    assert len(text.splitlines()) < 60
    for heading in ("Set up", "Add a neuron", "Add a rule", "Add a protocol"):
        assert f"## {heading}\n" in text


def test_nothing_names_the_machine_it_was_written_on():
    found = [(name, HOME.search(text)[0]) for name, text in tracked() if HOME.search(text)]
    assert not found


@pytest.mark.parametrize("path", sorted((ROOT / "protocols").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_a_protocol_names_its_paper(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert len(text.split("\n")[0]) > 20 and (text + "\n").split("\n")[1] == ""
    assert tables.cited(text)


@pytest.mark.parametrize("field", ["cff-version: 1.2.0", "message: ", "type: software", "title: ", "authors:",
                                   "license: BSD-3-Clause"])
def test_the_citation_file_has_what_the_format_asks_for(field):
    assert re.search(f"^{re.escape(field)}", page("CITATION.cff"), flags=re.M)


@pytest.mark.parametrize("name", [*shipped_models(), *running.shipped_protocols()])
def test_everything_shipped_can_be_shown_and_copied(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["show", name]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "kg^" not in out
    assert cli.main(["copy", name, "mine.py"]) == 0
    if name in shipped_models():
        model = load_model(name)
        assert model.source in out and all(f" {parameter} = " in out for parameter in model.parameters)
        assert load_model("mine.py").equations == model.equations
    else:
        assert callable(running.load_protocol("mine.py").run)
    assert cli.main(["copy", name, "mine.py"]) == 2


PROTOCOL = '''"""Words."""
import os
FIGURE_SIZE = (4, 3)
FACTOR, OTHER = 2, 5
def run(*, x=1):
    """Words."""
    return half(x)
def half(x):
    return x / FACTOR
def plot(result, figure):
    figure.text(0, 0, words(result))
def words(result):
    return str(result)
'''


@pytest.mark.parametrize("old, new, older", [
    ('"""Words."""', '"""Other words."""', False), ("import os\n", "", False), ("(4, 3)", "(5, 3)", False),
    ("return str", "return repr", False), ("figure.text(0", "figure.text(1", False), ("return x /", "return x *", True),
    ("x=1", "x=2", True), ("= 2, 5", "= 3, 5", True), ("    return half(x)", "    # x\n    return half( x )", False)])
def test_a_result_is_older_than_the_code_if_its_protocol_calculates_in_another_way(tmp_path, old, new, older):
    (tmp_path / "mine.py").write_text(PROTOCOL.replace(old, new))
    said = _older("mine", {"protocol_text": PROTOCOL}, {"mine": tmp_path / "mine.py"})
    assert said == (", **older than the code**" if older else "")
