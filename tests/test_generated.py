"""Random command lines over all protocols: a sentence that names a parameter, or finite numbers; never a traceback."""
import os

import pytest
from generated import LONG, NEEDS_IMAGES, command, fault, outcome
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from spikelearn.command import run as running

SEED = int(os.environ["SPIKELEARN_SEED"])
NUMBERS = st.integers(0, 2**32 - 1)
FEW = dict(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
SHORT = set(running.shipped_protocols()) - set(LONG) - set(NEEDS_IMAGES)


def check(number, folder, protocols=None):
    """Run the command line of a number and assert that nothing is wrong with what it does."""
    arguments, drawn = command(number, protocols)
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    found = outcome(arguments)
    wrong = fault(arguments, drawn, found)
    assert not wrong, f"{wrong} (number {number}, SPIKELEARN_SEED={SEED}): spikelearn {arguments}\n{found[1]}{found[2]}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("number", [
    pytest.param(number, marks=pytest.mark.slow) if number in (0, 2) else number for number in range(10)])
def test_ten_command_lines_that_are_always_the_same(folder, number):
    check(number, folder, SHORT)


@pytest.mark.slow
@seed(SEED)
@settings(max_examples=200, **FEW)
@given(number=NUMBERS)
def test_random_command_lines_over_all_protocols(folder, number):
    check(number, folder)


@pytest.mark.long
def test_the_same_number_gives_the_same_command_line():
    assert command(5) == command(5) != command(6)
    assert {command(number)[0][1] for number in range(400)} == set(running.shipped_protocols()) - set(NEEDS_IMAGES)


@pytest.mark.parametrize("found, words", [
    ((0, '{"a": NaN}', ""), "finite"), ((0, '{"a": null}', ""), "finite"), ((0, '{"a": [1, Infinity]}', ""), "finite"),
    ((2, "", "spikelearn: pairs must be a number\n"), ""), ((2, "", "spikelearn: something else\n"), "names no"),
    ((2, "", "Traceback\nspikelearn: pairs\n"), "traceback"), ((2, "", "spikelearn: pairs\nmore\n"), "one sentence"),
    ((2, "", "spikelearn: the run stopped: pairs\n"), "inside"), ((3, "", ""), "exit code 3"),
])
def test_the_checks_see_what_is_wrong(found, words):
    assert words in fault(["run"], ["pairs"], found) and bool(fault(["run"], ["pairs"], found)) == bool(words)
