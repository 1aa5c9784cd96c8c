"""Messages: one style for every mistake of a user, and the sentence of each mistake that people make in equations."""
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from brian2 import Hz, check_units, ms

import spikelearn as sl
from spikelearn.command.command_line import main
from spikelearn.command.export import brian2_script
from spikelearn.ranges.keywords import KEYWORDS

ROOT = Path(__file__).parent.parent
SOURCES = [*sorted((ROOT / "spikelearn").rglob("*.py")), *sorted((ROOT / "protocols").glob("*.py"))]
NAMES = ("Brian2 ", "SPIKELEARN_", "Bernoulli ")       # words that begin with a capital anywhere in a sentence
EQUATIONS = """
    w : 1                                   # weight
    dx/dt = -x/tau : 1 (event-driven)
    dy/dt = -y/tau : 1 (event-driven)"""
RULE = dict(name="mine", source="me", equations=EQUATIONS, on_pre="w -= B*y; x += 1", on_post="w += A*x; y += 1",
            initial=dict(w=1), parameters=dict(A=0.01, B=0.005, tau=20 * ms))
NEURON = dict(name="cell", source="me", equations="dv/dt = (drive - v)/tau : 1", threshold="v > 1", reset="v = 0",
              parameters=dict(tau=10 * ms, drive=1.5))


def template(node):
    """The text of a message, with {} for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return template(node.left) + template(node.right)
    return "{}"


def messages():
    """(place, text) of every SpikelearnError and SpikelearnWarning of the package and the protocols."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if name in ("SpikelearnError", "SpikelearnWarning") and node.args:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", template(node.args[0])


def test_every_message_begins_small_and_ends_without_a_stop():
    found = dict(messages())
    assert len(found) > 400
    capital = [place for place, text in found.items() if text[:1].isupper() and not text.startswith(NAMES)]
    assert not capital, capital
    stops = [place for place, text in found.items() if re.search(r"[.!?:;,]$", text.rstrip())]
    assert not stops, stops
    several = [place for place, text in found.items() if re.search(r"[a-z]\. [A-Z]", text)]
    assert not several, several
    short = [place for place, text in found.items() if "{}" not in text and len(text.split()) < 4]
    assert not short, short


MISTAKES = {
    "syntax of an equation": (dict(equations=EQUATIONS.replace("-x/tau", "-x/*tau")),
                              "the equations cannot be read: invalid syntax in line 2, 'dx/dt = -x/*tau : 1"),
    "open bracket": (dict(equations=EQUATIONS.replace("-y/tau", "-(y/tau")), "was never closed in line 3, 'dy/dt"),
    "no unit": (dict(equations=EQUATIONS.replace("-x/tau : 1", "-x/tau")),
                "the unit is missing, as in 'x : 1', in line 2"),
    "no equation": (dict(equations=EQUATIONS + "\nfoo bar : 1"), "an equation is 'dx/dt = ... : unit'"),
    "unknown unit": (dict(equations=EQUATIONS.replace("w : 1", "w : meters")), "in line 1, 'w : meters'"),
    "unknown flag": (dict(equations=EQUATIONS.replace("event-driven", "event driven")), "did you mean 'event-driven'?"),
    "syntax of a statement": (dict(on_pre="w -= B*y\nx +== 1"), "a statement is 'x = ...' or 'x += ...' in line 2, 'x"),
    "bracket of a statement": (dict(on_pre="w -= B*(y; x += 1"), "was never closed in line 1, 'w -= B*(y'"),
    "if": (dict(on_pre="if y > 1: w -= B; x += 1"), "a statement is 'x = ...'"),
    "power": (dict(on_pre="w -= B*y^2; x += 1"), "'**' is"),
    "division by 0": (dict(on_pre="w -= B*y/0; x += 1"), "it divides by 0 in line 1"),
    "rand() < p": (dict(on_pre="w -= B*y*(rand() < p); x += 1"), "mine: unknown name 'p' in on_pre"),
    "random subexpression": (dict(equations=EQUATIONS + "\nz = rand() : 1", on_pre="w -= B*y*z; x += 1"),
                             "the equation of 'z' draws random numbers, so it needs the flag (constant over dt)"),
    "undeclared function": (dict(on_pre="w -= B*soft(y); x += 1"), "unknown function 'soft' in on_pre: functions={"),
    "misspelt function": (dict(on_pre="w -= B*exq(y); x += 1"), "did you mean 'exp'?"),
    "method": (dict(method="rk5"), "mine: there is no method 'rk5'; did you mean 'rk4'?"),
    "list as a parameter": (dict(parameters=dict(RULE["parameters"], A=[1])), "'A' in parameters must be one number"),
    "text as a parameter": (dict(parameters=dict(RULE["parameters"], A="1")), "'A' in parameters must be one number"),
    "None as initial": (dict(initial=dict(w=None)), "'w' in initial must be one number, not None"),
    "set that is no dict": (dict(sets=dict(fast=3)), "the set 'fast' must be a dict"),
    "range that is no pair": (dict(ranges=dict(A=(1, 2, 3))), "the range of 'A' must be a pair (lowest, highest)"),
    "tau of 0": (dict(parameters=dict(RULE["parameters"], tau=0 * ms)), "'tau' divides and must be above 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_a_rule(mistake):
    fields, said = MISTAKES[mistake]
    with pytest.raises(sl.SpikelearnError) as caught:
        sl.SynapseModel(**{**RULE, **fields})
    assert said in str(caught.value) and str(caught.value).startswith("mine")
    assert "\n" not in str(caught.value) and "<unknown>" not in str(caught.value)


@pytest.mark.parametrize("fields, said", [
    (dict(threshold="v >"), "cell: threshold cannot be read: invalid syntax in line 1, 'v >'"),
    (dict(threshold="rand() < p"), "cell: unknown name 'p' in the threshold"),
    (dict(reset="v ="), "cell: reset cannot be read: a statement is 'x = ...'"),
    (dict(method="rk5"), "cell: there is no method 'rk5'"),
])
def test_mistakes_in_a_neuron(fields, said):
    with pytest.raises(sl.SpikelearnError) as caught:
        sl.NeuronModel(**{**NEURON, **fields})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("code", ["w += A*x*(rand() < p); y += 1", "z = rand() < p; w += A*x*int(z); y += 1"])
def test_a_chance_is_a_condition_on_rand(code):
    sure, never = ([sl.weight_changes([sl.pairs(10 * ms, 1, 1 * Hz)], sl.SynapseModel(**{
        **RULE, "on_post": code, "parameters": dict(RULE["parameters"], p=p)}))[0]] for p in (1, 0))
    assert sure == pytest.approx([0.01 * 2.718281828 ** -0.5]) and never == [0]


def test_a_declared_function_is_known():
    @check_units(x=1, result=1)
    def soft(x):
        return x / (1 + x)

    fields = {**RULE, "on_pre": "w -= B*soft(y); x += 1", "functions": {"soft": soft}}
    assert "soft" in sl.SynapseModel(**fields).functions


@pytest.mark.parametrize("slope", ["-x**2/tau", "-1/tau", "(y**2 - x)/tau"])
def test_an_event_driven_equation_without_a_solution(slope):
    rule = sl.SynapseModel(**{**RULE, "equations": EQUATIONS.replace("-x/tau", slope)})
    with pytest.raises(sl.SpikelearnError) as caught:
        sl.weight_changes([sl.pairs(10 * ms)], rule, device="numpy")
    assert str(caught.value) == (f"mine: Brian2 cannot solve the equation 'dx/dt = {slope}' from spike to spike: write "
                                 "(clock-driven) instead of (event-driven)")
    with pytest.raises(sl.SpikelearnError, match="write .clock-driven."):
        brian2_script(rule)


@pytest.mark.long
def test_an_event_driven_equation_without_a_solution_is_told_in_one_line(tmp_path):
    text = (ROOT / "models" / "synapses" / "stdp_pair.py").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(text.replace("-y / tau_minus", "-y**2 / tau_minus"), encoding="utf-8")
    for command in (["export", "mine.py"], ["run", "stdp_window", "--synapse", "mine.py", "--device", "numpy"]):
        done = subprocess.run([sys.executable, "-m", "spikelearn", *command], capture_output=True, text=True,
                              cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "mine: Brian2 cannot solve the equation 'dy/dt = -y**2 / tau_minus'" in done.stderr


@pytest.mark.parametrize("name", ["int", "len", "float", "round", "list", "abs", "pi", "exp", "dt", "new",
                                  "default", "xor"])
def test_names_that_brian2_takes_for_its_own(name):
    """With a parameter `pi` the weight was silently another one."""
    for fields in (dict(on_post=f"w += {name}*x; y += 1", parameters=dict(B=.005, tau=20 * ms) | {name: 0.01}),
                   dict(on_post=f"{name} = A*x; w += {name}; y += 1")):
        with pytest.raises(sl.SpikelearnError, match=f"^mine: ('{name}' means something else in Brian2's code|on_post "
                                                     f"assigns to '{name}', which statements cannot change)"):
            sl.SynapseModel(**{**RULE, **fields})
    with pytest.raises(sl.SpikelearnError, match=f"^cell: '{name}' means something else in Brian2's code"):
        sl.NeuronModel(**{**NEURON, "reset": f"v = {name}", "parameters": dict(NEURON["parameters"], **{name: 0.0})})


def test_a_weight_of_another_name():
    fields = {key: value.replace("w", "g") if isinstance(value, str) else value for key, value in RULE.items()}
    with pytest.raises(sl.SpikelearnError, match="^mine has no weight w: name the variable that is the weight"):
        sl.weight_changes([sl.pairs(10 * ms)], sl.SynapseModel(**{**fields, "initial": dict(g=1)}))


def test_a_division_by_zero_while_it_runs():
    rule = sl.SynapseModel(**{**RULE, "on_pre": "w -= B/(y - y); x += 1"})
    with pytest.raises(sl.SpikelearnError, match="became infinite or not-a-number: its equations divide by zero"):
        sl.weight_changes([sl.pairs(10 * ms)], rule)


def test_too_many_hidden_units_say_what_memory_they_need():
    with pytest.raises(sl.SpikelearnError) as caught:
        KEYWORDS["hidden"].check("hidden", 100_000)
    assert str(caught.value) == ("hidden must be a whole number from 1 to 10,000, not 100000: the weights between two "
                                 "layers of 100,000 units take 80 GB of memory")


def test_the_command_line_names_the_line_of_an_equation(tmp_path, capsys):
    text = (ROOT / "models" / "synapses" / "stdp_pair.py").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(text.replace("-y / tau_minus", "-y / / tau_minus"), encoding="utf-8")
    assert main(["show", str(tmp_path / "mine.py")]) == 2
    told = capsys.readouterr().err
    assert "invalid syntax in line 3, 'dy/dt = -y / / tau_minus" in told and len(told.splitlines()) == 1
