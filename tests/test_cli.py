"""The command line, with a small protocol and models of its own."""
import ast
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from brian2 import Hz, Quantity, ms, mV, second

from spikelearn import SpikelearnError, load_model
from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.command.settings import read_value
from spikelearn.results.files import load

PROTOCOL = '''"""A ramp that needs no simulation.

Nothing was published about it.
"""
import sys
import numpy as np
from brian2 import Hz, ms
from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.results import Accepted, Result

ACCEPTED = {"tau_ms": Accepted(19, 21, "chosen here")}
FIGURE_SIZE = (2, 1)


def run(synapse="RULE", neuron=None, *, pairs=60, rate=1 * Hz, gain=1.0, times=(5 * ms, 10 * ms), mode="sum",
        noise=False, shape=None, seed=1, device="auto", quick=False):
    """Times from 0 to tau_plus."""
    rule = load_model(synapse)
    print("words of the protocol")
    time = np.linspace(0, 1, pairs) * rule.parameters["tau_plus"]
    headline = {"tau_ms": rule.parameters["tau_plus"] / ms, "rate_Hz": rate / Hz, "seed": seed,
                "neuron": neuron is not None, "last": times[-1] / ms}
    return Result("ramp", {"time": time}, headline)


def plot(result, figure):
    """Draw the ramp."""
    figure.subplots().plot(result.arrays["time"] / ms)


def main(argv=None):
    return run_protocol(sys.modules[__name__], argv)


if __name__ == "__main__":
    sys.exit(main())
'''
RULE = '''"""A trace and nothing else."""
from brian2 import Hz, ms
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="chosen here",
    equations="""
        w : 1
        dx/dt = -x / tau_plus - x * leak : 1 (event-driven)
    """,
    on_pre="x += A_plus",
    parameters=dict(
        tau_plus=20 * ms,   # window of potentiation; chosen here
        A_plus=1,
        leak=0 * Hz,
    ),
    sets=dict(slow=dict(tau_plus=100 * ms), fast=dict(tau_plus=5 * ms)),
    neuron="NEURON",
)
'''
NEURON = '''"""A leaky neuron."""
from brian2 import Hz, ms
from spikelearn import NeuronModel

MODEL = NeuronModel(source="chosen here", equations="dv/dt = -v / tau_m - v * leak : 1",
                    threshold="v > 1", reset="v = 0", parameters=dict(tau_m=10 * ms, leak=1 * Hz))
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The working folder: models rule.py, other.py, neuron.py; protocols ramp.py, battery.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPIKELEARN_TRACEBACK", raising=False)
    (tmp_path / "neuron.py").write_text(NEURON)
    (tmp_path / "rule.py").write_text(RULE.replace("NEURON", str(tmp_path / "neuron.py")))
    (tmp_path / "other.py").write_text(RULE.replace('neuron="NEURON",', "").replace("20 * ms", "30 * ms"))
    (tmp_path / "ramp.py").write_text(PROTOCOL.replace("RULE", str(tmp_path / "rule.py")))
    (tmp_path / "battery.py").write_text(PROTOCOL.replace('synapse="RULE"', 'synapse=("rule.py",)')
                                         .replace("load_model(synapse)", "load_model(synapse[-1])"))
    return tmp_path


def headline(capsys, *arguments):
    """What `spikelearn run ... --json` prints."""
    code = cli.main(["run", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def refusal(capsys, *arguments):
    """The one line on standard error of a mistake."""
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    assert code == 2 and out == ""
    assert len(err.splitlines()) == 1 and err.startswith("spikelearn: ") and "Traceback" not in err
    return err


def test_a_run_saves_draws_and_prints(lab, capsys):
    assert cli.main(["run", "ramp.py", "--out", "out", "--seed", "7"]) == 0
    out, err = capsys.readouterr()
    assert "accepted 19 to 21 (chosen here)" in out and "words of the protocol" in err and "words" not in out
    assert {path.name for path in (lab / "out").iterdir()} == {"result.npz", "run.json", "figure.png"}
    assert (lab / "out" / "figure.png").read_bytes().startswith(b"\x89PNG")
    result = load("out")
    assert result.arrays["time"][-1] / ms == pytest.approx(20.0) and len(result.arrays["time"]) == 60
    facts = result.provenance
    assert facts["seed"] == 7 and facts["command"] == "spikelearn run ramp.py --seed 7"
    assert facts["parameters"]["rate"] == {"value": 1.0, "unit": "Hz", "shown": "1. Hz"}
    assert [model["name"] for model in facts["models"]] == ["rule", "neuron"]
    assert facts["models"][0]["text"] == (lab / "rule.py").read_text()
    assert facts["models"][0]["parameters"]["tau_plus"]["value"] == pytest.approx(0.02)
    assert facts["protocol_text"] == (lab / "ramp.py").read_text() and facts["wall_time_s"] >= 0


def test_json_is_alone_on_standard_output(lab, capsys):
    numbers = headline(capsys, "ramp.py")
    assert numbers == {"tau_ms": 20.0, "rate_Hz": 1.0, "seed": 1, "neuron": False, "last": 10.0}


def test_runs_without_a_name_never_share_a_folder(lab, capsys):
    for _ in range(3):
        headline(capsys, "ramp.py")
    assert len(list((lab / "results").glob("ramp-*Z*/figure.png"))) == 3


def test_settings_reach_whom_they_belong_to(lab, capsys):
    assert headline(capsys, "ramp.py", "--set", "rate=50*Hz", "--set", "pairs=3")["rate_Hz"] == 50
    assert headline(capsys, "ramp.py", "--set", "tau_plus=7*ms")["tau_ms"] == pytest.approx(7)
    assert headline(capsys, "ramp.py", "--set", "parameters=slow")["tau_ms"] == pytest.approx(100)
    both = headline(capsys, "ramp.py", "--set", "tau_plus=8*ms", "--set", "parameters=slow")
    assert both["tau_ms"] == pytest.approx(8)
    assert headline(capsys, "ramp.py", "--set", "tau_m=5*ms")["neuron"] is True
    assert headline(capsys, "ramp.py", "--neuron", "neuron.py")["neuron"] is True
    assert headline(capsys, "ramp.py", "--set", "synapse.leak=2*Hz")["neuron"] is False
    assert headline(capsys, "ramp.py", "--set", "times=1*ms, 4*ms")["last"] == pytest.approx(4)
    assert headline(capsys, "ramp.py", "--synapse", "other.py")["tau_ms"] == pytest.approx(30)


def test_several_rules_only_where_the_protocol_compares_rules(lab, capsys):
    given = ("--synapse", "rule.py", "--synapse", "other.py")
    assert headline(capsys, "battery.py", *given)["tau_ms"] == pytest.approx(30)
    assert headline(capsys, "battery.py", *given, "--set", "tau_plus=4*ms")["tau_ms"] == pytest.approx(4)
    assert "takes one --synapse" in refusal(capsys, "run", "ramp.py", *given)


def test_a_missed_tolerance_counts_only_for_the_protocol_as_it_stands(lab, capsys):
    strict = (lab / "ramp.py").read_text().replace("Accepted(19, 21", "Accepted(0, 1")
    (lab / "ramp.py").write_text(strict)
    assert cli.main(["run", "ramp.py"]) == 1
    assert "MISSED" in capsys.readouterr().out
    assert cli.main(["run", "ramp.py", "--synapse", "rule.py"]) == 1        # the same rule, named
    assert "MISSED" in capsys.readouterr().out
    assert cli.main(["run", "ramp.py", "--synapse", "other.py"]) == 0
    assert cli.main(["run", "ramp.py", "--set", "pairs=50"]) == 0
    assert cli.main(["run", "ramp.py", "--quick"]) == 0
    assert "MISSED" not in capsys.readouterr().out


MISTAKES = {
    "no protocol": (["run", "stdp_windo"], "there is no protocol"),
    "no protocol file": (["run", "none.py"], "there is no file"),
    "model as protocol": (["run", "rule.py"], "no function run"),
    "no model": (["run", "ramp.py", "--synapse", "stdp_none"], "there is no model"),
    "wrong kind": (["run", "ramp.py", "--synapse", "neuron.py"], "SynapseModel"),
    "protocol as model": (["run", "ramp.py", "--synapse", "ramp.py"], "no MODEL"),
    "unknown parameter": (["run", "ramp.py", "--set", "tau_plsu=5*ms"], "did you mean 'tau_plus'?"),
    "unknown neuron parameter": (["run", "ramp.py", "--set", "neuron.tau_plus=5*ms"], "known: leak, tau_m"),
    "two owners": (["run", "ramp.py", "--set", "leak=1*Hz"], "synapse.leak or neuron.leak"),
    "wrong unit": (["run", "ramp.py", "--set", "tau_plus=5*mV"], "a value like 20. ms is needed"),
    "no unit": (["run", "ramp.py", "--set", "rate=5"], "no unit"),
    "unit too many": (["run", "ramp.py", "--set", "gain=5*ms"], "a unit"),
    "unknown unit": (["run", "ramp.py", "--set", "rate=5*Hzz"], "did you mean 'Hz'?"),
    "part of a pair": (["run", "ramp.py", "--set", "pairs=2.5"], "a value like 60"),
    "number for a switch": (["run", "ramp.py", "--set", "noise=2"], "a value like False"),
    "no value": (["run", "ramp.py", "--set", "rate"], "NAME=VALUE"),
    "code": (["run", "ramp.py", "--set", "gain=__import__('os').getcwd()"], "are understood"),
    "unknown set": (["run", "ramp.py", "--set", "parameters=fats"], "fast"),
    "twice": (["run", "ramp.py", "--set", "pairs=2", "--set", "pairs=3"], "twice"),
    "bad device": (["run", "ramp.py", "--device", "gpu"], "invalid choice"),
    "bad seed": (["run", "ramp.py", "--seed", "one"], "--seed"),
    "unknown option": (["run", "ramp.py", "--sed", "1"], "--sed"),
    "full folder": (["run", "ramp.py", "--out", "."], "nothing is overwritten"),
    "unwritable": (["run", "ramp.py", "--out", "rule.py/out"], "rule.py"),
    "copy over a file": (["copy", "ramp.py", "rule.py"], "nothing is overwritten"),
    "copy to no Python file": (["copy", "ramp.py", "rule"], "must be the name of a Python file"),
    "copy of nothing": (["copy", "nothing", "mine.py"], "there is no model, experiment or protocol"),
    "show nothing": (["show", "nothing"], "there is no model, experiment or protocol"),
    "no command": ([], "required"),
    "wrong command": (["lst"], "invalid choice"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(lab, capsys, name):
    before = {path.name: path.read_bytes() for path in lab.glob("*.py")}
    arguments, words = MISTAKES[name]
    assert words in refusal(capsys, *arguments)
    assert {path.name: path.read_bytes() for path in lab.iterdir() if path.is_file()} == before
    assert not list(lab.rglob("*.npz")) and not list(lab.glob("results/*"))


def test_an_option_that_a_protocol_does_not_take_is_refused(lab, capsys):
    (lab / "plain.py").write_text("def run(*, pairs=1):\n    return None\n")
    for option in (["--synapse", "rule.py"], ["--neuron", "neuron.py"], ["--seed", "1"], ["--quick"]):
        assert f"takes no {option[0]}" in refusal(capsys, "run", "plain.py", *option)


def test_a_dump_of_brian2_becomes_its_innermost_cause(lab, capsys):
    (lab / "bad.py").write_text('''"""A protocol that Brian2 refuses."""
from brian2 import Network, NeuronGroup, ms


def run():
    Network(NeuronGroup(1, "dv/dt = -v / tau_unknown : 1", name="cells")).run(1 * ms, namespace={})
''')
    said = refusal(capsys, "run", "bad.py")
    assert "tau_unknown" in said and "Brian2" in said


def test_an_interrupted_run_leaves_no_folder(lab, capsys, monkeypatch):
    (lab / "slow.py").write_text("def run():\n    raise KeyboardInterrupt\n")
    assert cli.main(["run", "slow.py"]) == 130
    assert capsys.readouterr().err.splitlines() == ["spikelearn: interrupted"]
    assert not list((lab / "results").iterdir())


def test_developers_can_have_the_traceback(lab, monkeypatch):
    monkeypatch.setenv("SPIKELEARN_TRACEBACK", "1")
    with pytest.raises(SpikelearnError):
        cli.main(["run", "none.py"])


def test_numbers_are_printed_even_if_the_disk_is_full(lab, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert cli.main(["run", "ramp.py", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["tau_ms"] == 20.0 and "the disk is full" in err.splitlines()[-1]
    assert not list((lab / "results").iterdir())


@pytest.mark.long
def test_a_protocol_file_is_its_own_command(lab):
    command = [sys.executable, "ramp.py", "--json", "--out", "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["tau_ms"] == 20.0
    assert load("out").provenance["command"].endswith("ramp.py")
    wrong = subprocess.run([sys.executable, "ramp.py", "--set", "no=1"], capture_output=True, text=True)
    assert wrong.returncode == 2 and wrong.stdout == "" and len(wrong.stderr.splitlines()) == 1


def test_list_names_every_file_without_brian2():
    program = ("import sys; from spikelearn.command import command_line; command_line.main(['list']); "
               "sys.exit('brian2' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("neurons/lif", "synapses/stdp_pair", "digits", "mnist", "fashion_mnist",
                 *running.shipped_protocols()):
        assert name in done.stdout.split()


def test_show_gives_equations_units_meaning_and_source(lab, capsys):
    assert cli.main(["show", "rule.py"]) == 0
    out = capsys.readouterr().out
    assert "dx/dt = -x / tau_plus" in out and "x += A_plus" in out and "source: chosen here" in out
    assert "tau_plus = 20. ms   # window of potentiation; chosen here" in out
    assert "parameter set slow: tau_plus = 100. ms" in out
    assert cli.main(["show", "ramp.py"]) == 0
    out = capsys.readouterr().out
    assert "rate = 1. Hz" in out and "accepted tau_ms: 19 to 21 (chosen here)" in out


def test_a_copy_is_a_model_with_the_same_equations(lab, capsys):
    assert cli.main(["copy", "synapses/stdp_pair", "my_rule.py"]) == 0
    assert "--synapse my_rule.py" in capsys.readouterr().out
    assert load_model("my_rule.py").equations == load_model("synapses/stdp_pair").equations


def test_the_keywords_of_a_run_as_it_stands_are_left_to_the_protocol(lab):
    options = Namespace(synapse=[], neuron=None, seed=None, device=None, quick=False, settings=[],
                        resume=None, data_dir=None, jobs=None)
    keywords, models, unchanged = running.run_keywords(running.load_protocol("ramp.py"), options)
    assert keywords == {} and [model.name for model in models] == ["rule", "neuron"] and unchanged


@pytest.mark.parametrize("text, default, value", [
    ("20*ms", 1 * second, 20 * ms), ("-1e-3*second", 1 * ms, -1 * ms), ("1/mV", 2 / mV, 1 / mV),
    ("(2+3)*Hz", 1 * Hz, 5 * Hz), ("2**3", 1, 8), ("5", 1.0, 5.0), ("-5", 1, -5), ("ms", 1 * second, 1 * ms),
    ("20*ms*Hz", 1.0, 0.02), ("mV**2/mV", 1 * mV, 1 * mV),
])
def test_values_are_read_with_units(text, default, value):
    read = read_value(text, default, "x")
    assert float(read) == pytest.approx(float(value), rel=1e-12)
    assert Quantity(read).dim is Quantity(value).dim and isinstance(read, type(default))


@pytest.mark.parametrize("text, default, value", [
    ("true", False, True), ("False", True, False), ("visual_cortex_full", "sum", "visual_cortex_full"),
    ("'sum'", "", "sum"), ("a, b", ("c",), ("a", "b")), ("1, 2.5", (0.0,), (1.0, 2.5)), ("7", (1, 2), (7,)),
    ("word", None, "word"), ("3", None, 3), ("none", None, None),
])
def test_words_switches_and_tuples_are_read(text, default, value):
    assert read_value(text, default, "x") == value


@pytest.mark.parametrize("text", ["9**9**9**9", "1/0", "(-8)**0.5", "1e999", "nan", "ms*", "ms()", "[1",
                                  "'a'*9", "1 if 1 else 2", "lambda: 1", "x", "true+1", "1,2", "1" * 5000,
                                  "-" * 5000 + "1"])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(SpikelearnError) as refused:
        read_value(text, 1.0, "x")
    assert "\n" not in str(refused.value)


def test_no_module_calls_eval():
    for path in Path(cli.__file__).parent.glob("*.py"):
        calls = [node.func.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        assert not {"eval", "exec"} & set(calls)
