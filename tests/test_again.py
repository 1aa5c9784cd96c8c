"""`spikelearn again DIR` gives the numbers of a run anew, from run.json alone, and says what differs."""
import json
import os
import sys

import numpy as np
import pytest

from spikelearn.command import command_line as cli
from spikelearn.command.again import differences, read_run
from spikelearn.results import load

RULE = '''"""A trace and nothing else."""
from brian2 import ms
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="chosen here",
    equations="""
        w : 1
        dx/dt = -x / tau_plus : 1 (event-driven)
    """,
    on_pre="x += A_plus",
    parameters=dict(tau_plus=20 * ms, A_plus=1),
)
'''
PROTOCOL = '''"""The time constant of a rule, with noise."""
import numpy as np
from brian2 import ms
from spikelearn import load_model
from spikelearn.results import Result


def run(synapse="rule.py", *, gain=1.0, seed=1):
    """tau_plus and a random number."""
    rule = load_model(synapse, "synapse")
    noise = np.random.default_rng(seed).random(3)
    return Result("ramp", {"noise": noise}, {"tau_ms": float(rule.parameters["tau_plus"] / ms) * gain,
                                             "noise_sum": noise.sum(), "word": "said"})
'''


@pytest.fixture
def lab(tmp_path, monkeypatch, capsys):
    """A folder with ramp.py, rule.py, other.py and the results `first` (own rule) and `second` (other.py, set)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    (tmp_path / "ramp.py").write_text(PROTOCOL)
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "other.py").write_text(RULE.replace("20 * ms", "30 * ms"))
    assert cli.main(["run", "ramp.py", "--seed", "5", "--out", "first"]) == 0
    assert cli.main(["run", "ramp.py", "--synapse", "other.py", "--set", "A_plus=0.1234567890123456", "--set",
                     "gain=3", "--out", "second"]) == 0
    capsys.readouterr()
    return tmp_path


def again(capsys, folder):
    """What differs, and the new result."""
    code = cli.main(["again", folder, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    told = json.loads(out)
    return told["differs"], load(told["folder"])


@pytest.mark.parametrize("folder, tau", [("first", 20), ("second", 90)])
def test_a_run_is_repeated_to_the_last_digit(lab, capsys, folder, tau):
    differs, result = again(capsys, folder)
    before = load(folder)
    assert differs == {} and result.headline == before.headline and result.headline["tau_ms"] == pytest.approx(tau)
    assert np.array_equal(result.arrays["noise"], before.arrays["noise"])
    for name in ("command", "seed", "parameters", "models", "protocol_text"):
        assert result.provenance[name] == before.provenance[name]


@pytest.mark.parametrize("folder", ["first", "second"])
@pytest.mark.parametrize("what", ["changed", "gone", "broken"])
def test_the_models_are_those_of_the_run_whatever_became_of_their_files(lab, capsys, folder, what):
    for name in ("rule.py", "other.py", "ramp.py"):
        file = lab / name
        text = file.read_text()
        file.unlink()
        if what == "changed":
            file.write_text(text.replace("0 * ms", "1 * ms").replace("gain, ", "gain + 1, ") + "\n")
        elif what == "broken":
            file.write_text("MODEL = ")
    differs, result = again(capsys, folder)
    assert differs == {} and result.headline == load(folder).headline
    texts = [[it["text"] for it in each.provenance["models"]] for each in (result, load(folder))]
    assert texts[0] == texts[1]


def test_a_repetition_can_be_repeated(lab, capsys):
    assert cli.main(["again", "second", "--out", "third"]) == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[-1] == "every number is that of second" and "result.npz" in out
    assert again(capsys, "third")[0] == {}


@pytest.mark.long
def test_a_shipped_protocol_with_a_rule_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["copy", "synapses/stdp_pair", "mine.py"]) == 0
    assert cli.main(["run", "stdp_window", "--synapse", "mine.py", "--set", "tau_plus=20*ms", "--quick", "--out",
                     "one"]) == 0
    (tmp_path / "mine.py").unlink()
    capsys.readouterr()
    differs, result = again(capsys, "one")
    assert differs.keys() <= {"commit"} and result.headline == load("one").headline
    assert result.provenance["models"][0]["parameters"]["tau_plus"]["value"] == pytest.approx(0.02)


def test_what_differs_is_told(lab, capsys):
    run = read_run("first")
    other = json.loads(json.dumps(run))
    other["headline"]["tau_ms"] = 25.0
    other["provenance"]["versions"]["numpy"] = "0.1"
    other["provenance"]["commit"] = {"revision": "abc", "changed": False}
    other["provenance"]["protocol_text"] += "#"
    other["provenance"]["models"][0]["text"] += "#"
    found = differences(run, other, {"noise": np.zeros(2), "gap": np.array([np.nan])},
                        {"noise": np.ones(2), "gap": np.array([np.nan]), "new": np.ones(1)})
    numpy = run["provenance"]["versions"]["numpy"]
    old = (run["provenance"]["commit"] or {}).get("revision")
    assert found == {"headline": {"tau_ms": [20.0, 25.0]}, "arrays": ["noise", "new"], "models": ["rule"],
                     "protocol": ["ramp"], "versions": {"numpy": [numpy, "0.1"]}, "commit": [old, "abc"]}
    assert differences(run, run, {"noise": np.zeros(2)}, {"noise": np.zeros(2)}) == {}


def edited(*changes):
    """A damage: run.json with changes in what it says."""
    def damage(folder):
        run = json.loads((folder / "run.json").read_text())
        for change in changes:
            change(run)
        (folder / "run.json").write_text(json.dumps(run))
    return damage


def older(run):
    """The run.json of an earlier version, which had no checksum."""
    run["format"] = "spikelearn result 1"
    del run["checksum"]


DAMAGES = {
    "nothing": (lambda folder: (folder / "run.json").unlink(), "has no run.json"),
    "empty": (lambda folder: (folder / "run.json").write_text(""), "is damaged"),
    "half": (lambda folder: (folder / "run.json").write_bytes((folder / "run.json").read_bytes()[:500]), "is damaged"),
    "a list": (lambda folder: (folder / "run.json").write_text("[]"), "is damaged"),
    "bytes": (lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe\x00"), "is damaged"),
    "of something else": (lambda folder: (folder / "run.json").write_text('{"format": "x"}'),
                          "is not a result saved by this version"),
    "a folder": (lambda folder: ((folder / "run.json").unlink(), (folder / "run.json").mkdir()), "cannot be read"),
    "no models": (edited(lambda run: run["provenance"].pop("models")), "was edited"),
    "models as text": (edited(older, lambda run: run["provenance"].update(models="none")), "is damaged"),
    "seed": (edited(lambda run: run["provenance"].update(seed=6)), "was edited"),
    "parameter": (edited(lambda run: run["provenance"]["models"][0]["parameters"]["tau_plus"].update(value=1)),
                  "was edited"),
    "model": (edited(lambda run: run["provenance"]["models"][0].update(text="import os")), "was edited"),
    "number": (edited(lambda run: run["headline"].update(tau_ms=21.0)), "was edited"),
    "number, without checksum": (edited(lambda run: (run.pop("checksum"), run["headline"].update(tau_ms=1.0))),
                                 "was edited"),
    "number, of an earlier version": (edited(older, lambda run: run["headline"].update(tau_ms=1.0)), "was edited"),
    "command": (edited(lambda run: run["provenance"].update(command="spikelearn run stdp_window")), "was edited"),
    "arrays": (lambda folder: (folder / "result.npz").write_bytes(b"PK"), "is not the file that was saved"),
    "no command": (edited(older, lambda run: run["provenance"].update(command="")), "names no command"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_missing_damaged_or_edited_run_is_refused_in_one_sentence(lab, capsys, name):
    damage, words = DAMAGES[name]
    damage(lab / "first")
    assert cli.main(["again", "first", "--out", "new"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and words in err and not (lab / "new").exists()


def test_no_result_and_a_full_folder_are_refused(lab, capsys):
    assert cli.main(["again", "nowhere"]) == 2
    assert "'nowhere' has no run.json" in capsys.readouterr().err
    assert cli.main(["again", "first", "--out", "second"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_only_the_run_json_of_an_older_version_is_enough(lab, capsys):
    """Neither result.npz nor a checksum."""
    edited(older)(lab / "first")
    (lab / "first" / "result.npz").unlink()
    assert cli.main(["again", "first", "--json", "--out", "new"]) == 0
    assert json.loads(capsys.readouterr().out)["differs"] == {} and load("new").headline["tau_ms"] == pytest.approx(20)


def test_an_edit_in_the_same_second_counts_and_leaves_no_bytecode(lab, monkeypatch, capsys):
    """Python takes a compiled module for that of a file with the same size and second."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path, found = lab / "ramp.py", []
    for gain in ("1.0", "3.0"):
        path.write_text(PROTOCOL.replace("gain=1.0", f"gain={gain}"))
        os.utime(path, (1e9, 1e9))
        assert cli.main(["run", "ramp.py", "--json", "--out", f"of{gain}"]) == 0
        found.append(json.loads(capsys.readouterr().out)["tau_ms"])
    assert found[1] == 3 * found[0] and not list(lab.rglob("__pycache__"))
