"""What there is one of: a place where the test set is read, a way to say what --quick changes, a last line."""
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from spikelearn.protocols import generate_mnist, inpaint, learn_digits, learn_mnist_rates, stdp_window

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.command import old_places
from spikelearn.command import run as running
from spikelearn.equations import check, files
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import parts_for_training, side_of
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import always, at_least, at_most, every, of_all, shortened, unless_given
from spikelearn.results.result import Result

ROOT = Path(__file__).parent.parent
PACKAGE = [path for room in ("spikelearn", "protocols") for path in (ROOT / room).rglob("*.py")]


def holders(pattern):
    return {path.relative_to(ROOT).as_posix() for path in PACKAGE
            if re.search(pattern, path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("pattern, places", [
    (r"\.test\(\)", {"spikelearn/images/datasets.py"}),
    (r"class \w*Adam\b", {"spikelearn/training/adam.py"}),
    (r"class (\w*Progress|Lines|Flow)\b", {"spikelearn/training/progress.py"}),
    (r"while state\.epoch < epochs", {"spikelearn/training/chunks.py"}),
    (r"dt=1 ?\* ?second", {"spikelearn/simulation/tables.py"}),
    (r"def main\(", {"spikelearn/command/command_line.py"}),
])
def test_there_is_one(pattern, places):
    assert holders(pattern) == places


# --- data --------------------------------------------------------------------------------------------------------

def test_the_test_set_is_read_for_the_final_score_only():
    data = load("digits")
    assert scored_part(data, False) == (data.validation, "validation")
    test, part = scored_part(data, True)
    assert part == "test" and len(test.labels) == 360


def test_images_have_one_side():
    data = load("digits")
    x, labels, held_out = parts_for_training(data, images=50, most=20)
    assert (data.side, side_of(x)) == (8, 8)
    assert x.shape == (50, 64) and x.dtype == np.float32 and len(labels) == 50 and held_out[0].shape == (20, 64)
    assert parts_for_training(load("digits", validation=0))[2] is None
    with pytest.raises(SpikelearnError, match="images must be square, not of 63 pixels"):
        side_of(np.zeros((2, 63)))


# --- the short form ----------------------------------------------------------------------------------------------

def test_the_short_form_by_hand():
    changes = dict(a=at_most(3), b=at_least(2), c=unless_given(7), d=of_all(5), e=always(1), f=every(2))
    assert shortened(dict(a=5, b=1, c=0, d=0, e=9, f=(1, 2, 3), g=4), changes) == dict(
        a=3, b=2, c=7, d=5, e=1, f=(1, 3), g=4)
    assert shortened(dict(a=(1, 9), b=3, c=2, d=4), changes) == dict(a=(1, 3), b=3, c=2, d=4)
    assert shortened(dict(a=None, c=None, d=8), changes) == dict(a=3, c=7, d=5)
    assert at_most(3 * ms)(5 * ms) == 3 * ms


@pytest.mark.parametrize("name", running.shipped_protocols())
def test_the_short_form_changes_keywords_that_exist(name):
    module = running.load_protocol(name)
    known = {*running.signature(module), *inspect.signature(module.run).parameters}
    changes = set(getattr(module, "SHORT_FORM", {}))
    assert changes <= set(known) and (not changes or "quick" in known)


SHORT_FORM = {"rounds": at_most(2)}


def test_checked_shortens_before_the_run():
    seen = []

    @checked
    def run(*, rounds=9, quick=False):
        seen.append(rounds)
        return Result("here", {}, {})

    run(), run(quick=True), run(rounds=1, quick=True), run(quick=False, rounds=5)
    assert seen == [9, 2, 1, 5]


# --- the recipe --------------------------------------------------------------------------------------------------

def options(protocol, *settings):
    return cli._parser().parse_args(["run", protocol, *[word for it in settings for word in ("--set", it)]])


@pytest.mark.parametrize("settings", [("beta=0.4",), ("recipe.beta=0.4",), ("protocol.beta=0.4",)])
def test_a_field_of_the_recipe_by_its_bare_and_its_full_name(settings):
    keywords, *_ = running.run_keywords(learn_digits, options("learn_digits", *settings))
    assert keywords == {"beta": 0.4}


def test_a_field_that_the_protocol_has_too_needs_its_full_name():
    both = options("inpaint", "steps=3", "recipe.steps=4")
    keywords, *_ = running.run_keywords(inpaint, both)
    assert keywords == {"steps": 3, "recipe": {"steps": 4}}
    keywords, *_ = running.run_keywords(generate_mnist, options("generate_mnist", "samples=20", "recipe.samples=2"))
    assert keywords == {"samples": 20, "recipe": {"samples": 2}}


@pytest.mark.parametrize("module, setting, sentence", [
    (learn_digits, "recipe.betta=1", "the recipe of learn_digits has no field 'betta'; did you mean 'beta'"),
    (learn_digits, "betta=1", "learn_digits has no parameter 'betta'; did you mean 'beta'"),
    (stdp_window, "recipe.beta=1", "stdp_window has no parameter 'recipe.beta'"),
    (learn_digits, "recipe.beta=9", "beta must be a number from -2 to 2, but not 0, not 9"),
    (inpaint, "recipe.steps=0", "steps must be a whole number from 1 to 100,000, not 0"),
])
def test_a_wrong_field_is_refused(module, setting, sentence):
    with pytest.raises(SpikelearnError, match=re.escape(sentence)):
        running.run_keywords(module, options(running.protocol_name(module), setting))


def test_run_takes_fields_as_keywords_and_as_a_recipe(monkeypatch):
    seen = []
    monkeypatch.setitem(learn_mnist_rates.run.__wrapped__.__globals__, "recipe_of",
                        lambda name, given: seen.append(given) or 1 / 0)
    for given in (dict(beta=.3), dict(recipe=dict(beta=.3)), dict(beta=.3, recipe=dict(beta=.5))):
        with pytest.raises(ZeroDivisionError):
            learn_mnist_rates.run(networks=("500",), **given)
    assert seen == [{"beta": .3}] * 3
    with pytest.raises(SpikelearnError, match="the recipe has no field 'betta'; did you mean 'beta'"):
        learn_mnist_rates.run(recipe=dict(betta=1))
    with pytest.raises(TypeError, match="betta"):
        learn_mnist_rates.run(betta=1)


# --- models ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["synapses/stdp_triplet", "neurons/leaky_integrator"])
def test_a_model_file_is_checked_once(name, monkeypatch):
    seen, real = [], check.check_model
    monkeypatch.setattr(check, "check_model", lambda model, reads=None: seen.append(model) or real(model, reads))
    model = files.load_model(name)
    assert len(seen) == 1 and load_model(model) is model and len(seen) == 1


def test_networks_take_records_not_names():
    inside = {"spikelearn/equilibrium/presentation.py", "spikelearn/boltzmann/network.py",
              "spikelearn/simulation/presentations.py", "spikelearn/stdp/network.py"}
    assert not inside & holders(r"\bload_model\b")


# --- protocols of before and of today ----------------------------------------------------------------------------

@pytest.mark.parametrize("line, sentence", [
    ("from spikelearn.cli import run_protocol", "'spikelearn.cli' is now 'spikelearn.command.command_line'"),
    ("import spikelearn.pairing", "'spikelearn.pairing' is now 'spikelearn.stdp.spike_times'"),
    ("from spikelearn import pairing", "'spikelearn.pairing' is now 'spikelearn.stdp.spike_times'"),
    ("from spikelearn.stdp import weight_changes", "is now 'spikelearn.stdp.weight_change.weight_changes'"),
    ("from spikelearn.simulation import Simulation",
     "'spikelearn.simulation.Simulation' is now 'spikelearn.simulation.simulate.Simulation'"),
    ("from spikelearn.boltzmann.machine import log_likelihood", "is now 'spikelearn.boltzmann.exact.log_likelihood'"),
    ("from spikelearn.boltzmann.train import Lines", "'spikelearn.boltzmann.train' has no 'Lines' any more"),
])
def test_a_protocol_of_before_is_told_where_things_are(tmp_path, capsys, line, sentence):
    (tmp_path / "old.py").write_text(f'"""Old."""\n{line}\n\n\ndef run():\n    pass\n')
    assert cli.main(["run", str(tmp_path / "old.py")]) == 2
    said = capsys.readouterr().err
    assert sentence in said and "copy the protocol anew" in said and len(said.splitlines()) == 1


def test_new_places_exist():
    for place in old_places.MODULES.values():
        assert (ROOT / place.replace(".", "/")).with_suffix(".py").is_file(), place


@pytest.mark.parametrize("path", sorted((ROOT / "protocols").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_protocol_ends_with_the_one_last_line(path):
    assert path.read_text(encoding="utf-8").endswith('\n\nif __name__ == "__main__":\n    run_protocol()\n')


@pytest.mark.long
def test_a_copied_protocol_runs_as_a_script_and_says_its_exit_code(tmp_path):
    source = (ROOT / "protocols" / "stdp_window.py").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(source)
    command = [sys.executable, "mine.py", "--quick", "--out", "out", "--set"]
    done = subprocess.run([*command, "pairs=2"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "out" / "run.json").is_file(), done.stderr
    refused = subprocess.run([*command, "pairz=2"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stderr.startswith("spikelearn: mine has no parameter 'pairz'")
