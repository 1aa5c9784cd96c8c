"""Every code block of the guides is run: shell blocks line by line, Python blocks as one program."""
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "models/README.md", "protocols/README.md", "results/README.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.M | re.S)
LANGUAGES = {"": "shell", "sh": "shell", "bash": "shell", "python": "python"}

# Lines that are not run as they stand, by how they begin: why not, and what is run instead ("" = nothing).
EXCEPTIONS = {
    "sudo apt install": ("asks for a password; test_packaging checks that make names the same packages", ""),
    "make run": ("installs and runs for minutes; make says what it would do", "make --dry-run run"),
    "make test": ("is this very test suite; make says what it would do", "make --dry-run test"),
    "make lint": ("installs first; the linter itself is run", f"{shlex.quote(sys.executable)} -m ruff check ."),
    "source .venv/bin/activate": ("the tests run in an environment of their own", ""),
    "nano ": ("an editor; the edit that the comments state is made", "edit"),
    "pytest": ("is this very test suite; its tests are collected", "collect"),
}


def blocks():
    """(page, number, language, text) of every code block."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found += [(page, k, language, block) for k, (language, block) in enumerate(FENCED.findall(text), 1)]
    return found


BLOCKS = blocks()


def named(case):
    return f"{case[0]} {case[1]}"


def exception_of(line):
    return next((start for start in EXCEPTIONS if line.startswith(start)), None)


def replaced(line):
    """What is run for a line of a shell block: itself, shortened with --quick, or what its exception says."""
    start = exception_of(line)
    if start is None:
        return line + " --quick" if re.match(r"spikelearn (run|fit|sweep) (?!.*--quick)", line) else line
    instead = EXCEPTIONS[start][1]
    return f"{shlex.quote(sys.executable)} -m {line} --collect-only -q -n 0" if instead == "collect" else instead


def edit(lines, file):
    """Make the edit that comments state: "where it says OLD", "write NEW"."""
    old, new = (re.search(rf"^#\s+{words}\s+(.+)$", lines, flags=re.M)[1] for words in ("where it says", "write"))
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder in which a user types; the command `spikelearn` of this environment is found."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "spikelearn"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m spikelearn "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command, where):
    done = subprocess.run(command, shell=isinstance(command, str), cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_there_are_blocks_and_each_is_of_a_language_that_is_run():
    pages = [page for page, *_ in BLOCKS]
    assert pages.count("README.md") >= 4 and pages.count("CONTRIBUTING.md") >= 2
    assert {language for _, _, language, _ in BLOCKS} <= set(LANGUAGES)
    assert any(LANGUAGES[language] == "python" for page, _, language, _ in BLOCKS if page == "README.md")


def test_no_fence_stays_open():
    for page in PAGES:
        assert len(re.findall(r"^```", (ROOT / page).read_text(encoding="utf-8"), flags=re.M)) % 2 == 0, page


SHELL = [case for case in BLOCKS if LANGUAGES[case[2]] == "shell"]


@pytest.mark.long
@pytest.mark.parametrize("case", [
    pytest.param(case, marks=pytest.mark.slow) if case[0] == "CONTRIBUTING.md" else case for case in SHELL], ids=named)
def test_every_line_of_a_shell_block_runs(case, elsewhere):
    """Lines that name files of an earlier line of their block find them."""
    lines = [line for line in case[3].splitlines() if line.strip()]
    for line in (line for line in lines if not line.startswith("#")):
        if exception_of(line) == "nano ":
            edit(case[3], elsewhere / shlex.split(line)[1])
        elif replaced(line):
            run(replaced(line), elsewhere if exception_of(line) is None else ROOT)


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in BLOCKS if LANGUAGES[case[2]] == "python"], ids=named)
def test_every_python_block_runs(case, elsewhere):
    run([sys.executable, "-c", case[3]], elsewhere)


def test_every_exception_is_needed():
    lines = [line for case in SHELL for line in case[3].splitlines()]
    assert {exception_of(line) for line in lines} - {None} == set(EXCEPTIONS)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
