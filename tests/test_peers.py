"""The benchmark beside other programs: what needs no network, no compiler and no environment."""
import json
import re
import sys
from pathlib import Path

import pytest

from spikelearn.errors import SpikelearnError

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
KNOWN = """\
# Switch MODE = 'test'
MODE = 'test'
N_TRAIN = 25_000
MNIST_PATH = Path('../mnist')
DATA_PATH = Path('data')
N_NEURONS = 400
"""


@pytest.fixture
def peers(monkeypatch):
    """The benchmark as a module, as `python benchmarks/peers.py` finds it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import peers

    return peers


@pytest.fixture
def environments(peers):
    """The module of the environments."""
    return sys.modules["peer_environments"]


def turn_of(environments, seconds, images=10, steps=2500, dt=1.0, versions=None):
    return environments.Turn(seconds, images, steps, 30, dt, 1.5, versions or {})


def test_the_first_image_of_a_peer_is_not_counted(environments):
    found = {"seconds": [9, 1, 2], "steps": [100, 250, 500], "spikes": [70, 3, 4], "dt": 0.1, "torch": "2.13.0"}
    turn = environments.turn_from(f"Saving weights\n{json.dumps(found)}\n", 20)
    assert turn == environments.Turn(3, 2, 750, 7, 0.1, 17, {"torch": "2.13.0"})


def test_only_two_lines_of_the_example_are_changed(environments):
    changed = environments.edited(KNOWN, 6).splitlines()
    assert [line for line in changed if line not in KNOWN.splitlines()] == ["MODE = 'train'", "N_TRAIN = 6"]
    assert len(changed) == len(KNOWN.splitlines())


@pytest.mark.parametrize("line", KNOWN.splitlines()[1:])
def test_another_example_is_refused(environments, line):
    with pytest.raises(SpikelearnError, match=re.escape(f'"{line}" as a line 0 times')):
        environments.edited(KNOWN.replace(f"\n{line}\n", "\n"), 6)
    with pytest.raises(SpikelearnError, match=re.escape(f'"{line}" as a line 2 times')):
        environments.edited(f"{KNOWN}{line}\n", 6)


def test_speeds_and_ratios_are_those_of_the_times(peers, environments):
    """10 images in 5, 4 and 2.5 s: 2, 2.5 and 4 images/s; ours take 1, .5 and .5 s for 20: 20, 40 and 40 images/s."""
    found = {"BindsNET": [turn_of(environments, seconds) for seconds in (5, 4, 2.5)],
             "ours, default": [turn_of(environments, seconds, 20, 14000, 0.5) for seconds in (1, 0.5, 0.5)]}
    heads, _, one, own = ([cell.strip() for cell in row.strip("|").split("|")] for row in peers.table(found))
    assert heads[-1] == "speed of ours, default"
    assert one == ["BindsNET", "10", "250 ms in steps of 1 ms", "3", "2.5 images/s (from 2 to 4)",
                   "1.6 ms (from 1 to 2)", "10 x (from 10 to 16)"]
    assert own[2:] == ["350 ms in steps of 0.5 ms", "2", "40 images/s (from 20 to 40)",
                       "0.0357 ms (from 0.0357 to 0.0714)", "1 x (from 1 to 1)"]


def test_large_ratios_are_written_out(peers):
    assert peers.spread([999.6, 1290.4, 12345], "x") == "1,290 x (from 1,000 to 12,345)"


def failing(message):
    def fail(*_):
        raise SpikelearnError(message)
    return fail


def test_what_fails_is_named_and_the_rest_is_measured(peers, environments):
    def works():
        return lambda: turn_of(environments, 2)

    order = iter(range(4))

    def fails_later():
        return lambda: turn_of(environments, 1) if next(order) < 1 else failing("it stopped")()

    found, missing = peers.measured({"one": works, "two": failing("no network"), "three": fails_later}, 3)
    assert {name: len(turns) for name, turns in found.items()} == {"one": 3}
    assert missing == {"two": "no network", "three": "it stopped"}
    said = peers.report_of(found, missing)
    assert "| one | 10 |" in said
    assert "* two is missing: no network\n* three is missing: it stopped" in said


@pytest.mark.parametrize("works, code", [(True, 0), (False, 1)])
def test_the_exit_code_tells_whether_all_was_measured(peers, environments, monkeypatch, tmp_path, capsys, works, code):
    monkeypatch.setattr(peers, "load", lambda *_: None)
    peer = (lambda *_: lambda: turn_of(environments, 2)) if works else failing("no space left")
    monkeypatch.setattr(peers, "PEERS", {"BindsNET": peer})
    monkeypatch.setattr(peers, "ours", lambda *_: lambda: turn_of(environments, 1))
    assert peers.main(["--turns", "1", "--folder", str(tmp_path / "new"), "--out", str(tmp_path / "page.md")]) == code
    said, page = capsys.readouterr().out, (tmp_path / "page.md").read_text()
    assert said in page and ("BindsNET is missing: no space left" in said) is not works
    assert "2 x (from 2 to 2)" in said or not works
    assert "Python" in page.partition(said)[0]


def test_a_command_that_fails_is_told_by_its_last_error(environments):
    with pytest.raises(SpikelearnError, match="^installing it failed: RuntimeError: no such version$"):
        environments.output_of([sys.executable, "-S", "-c", "raise RuntimeError('no such version')"], "installing it")


def test_an_environment_is_made_once(environments, monkeypatch, tmp_path):
    done = []
    monkeypatch.setattr(environments, "output_of", lambda command, what: (tmp_path / "it").mkdir(exist_ok=True) or
                        done.append(what))
    environments.environment(tmp_path, "it", ["numpy==1"], ["torch==2"])
    assert done == [f"making the environment {tmp_path / 'it'}", "installing it", "installing it"]
    environments.environment(tmp_path, "it", ["numpy==1"], ["torch==2"])
    assert len(done) == 3
    environments.environment(tmp_path, "it", ["numpy==2"], ["torch==2"])
    assert len(done) == 6


def test_a_folder_with_something_else_is_refused_and_kept(peers, tmp_path, capsys):
    (tmp_path / "brian2").mkdir()
    assert peers.main(["--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (f"peers: --folder must be new, empty or of an earlier run, and {tmp_path} holds "
                                       "something else\n")
    assert [path.name for path in tmp_path.iterdir()] == ["brian2"]


@pytest.mark.parametrize("words, sentence", [
    (["--turns", "0"], "--turns must be at least 1, not 0"),
    (["--folder", str(BENCHMARKS / "peers")], "--folder must lie outside the repository"),
    (["--folder", str(BENCHMARKS.parent)], "--folder must lie outside the repository"),
    (["--out", "/no/such/folder/page.md"], "--out needs a folder that exists, not /no/such/folder"),
])
def test_mistakes_are_told_in_one_sentence(peers, capsys, words, sentence):
    assert peers.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"peers: {sentence}") and said.count("\n") == 1
