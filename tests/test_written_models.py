"""The text of a model that was written from a record makes the record again, functions and what they read included."""
import dataclasses
import math
import sys

import numpy as np
import pytest
from brian2 import TimedArray, check_units, second

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.command import command_line as cli
from spikelearn.equations.content import content, python_text
from spikelearn.equations.files import model_from_text
from spikelearn.equations.written import with_numbers

READS = '''import math
import numpy as np
from math import exp as grown
from brian2 import TimedArray, check_units, ms, mV, second
from spikelearn import SynapseModel

K, WORD, NOTHING = 3.0, "one", None
PERIOD = dict(one=1, two=(1, [2.5], {3}, {}, ()), three=float("inf"))
TABLE = np.array([[1.5, float("nan")], [2, 3]])
TAU, STEPS = 20*ms, [1, 2]*mV
TINY, LIMIT = np.float32(1), 10


def twice(a, most=LIMIT):
    return 2*a if a < most else twice(a - 1)


other = twice


@check_units(a=1, result=1)
def f(a):
    inner = [TABLE[0, 0]*x for x in (1,)]
    return K*a*PERIOD[WORD]*other(1)*grown(0)*math.cos(0)*np.exp(0)*inner[0]*float(TAU/ms)*float(STEPS[0]/mV)*TINY


MODEL = SynapseModel(source="made up here", equations="""w : 1
dx/dt = -x/tau : 1 (event-driven)""", on_pre="x += 1", on_post="w += f(A*x)",
                     parameters=dict(A=0.01, tau=20*ms), initial=dict(w=1), functions=dict(f=f))
'''


def loaded(text, path):
    path.write_text(text)
    return load_model(str(path))


def test_a_written_model_holds_what_its_functions_read(tmp_path):
    model = loaded(READS, tmp_path / "reads.py")
    changed = dataclasses.replace(model, source="another")          # so that it comes from no file
    text = python_text(changed)
    again = loaded(text, tmp_path / "again.py")
    assert content(again) == content(changed)
    assert again.functions["f"](2.0) == model.functions["f"](2.0)
    assert "numpy.array([[1.5, float('nan')], [2.0, 3.0]]" in text and "K = 3.0" in text
    assert python_text(dataclasses.replace(again, source="a third")).count("K = 3.0") == 1


K, OBJECT, INPUT = 3.0, object(), TimedArray([1, 2], dt=1*second)


@check_units(a=1, result=1)
def plain(a):
    return K * a * math.pi


@check_units(a=1, result=1)
def opaque(a):
    return a if OBJECT else INPUT(a)


def record(function, **fields):
    return SynapseModel(**dict(source="made up here", equations="w : 1", on_pre="w += f(A)", parameters=dict(A=0.01),
                               initial=dict(w=1), functions=dict(f=function)) | fields)


def test_a_record_made_in_python_is_written_with_its_constants(tmp_path):
    again = loaded(python_text(record(plain)), tmp_path / "again.py")
    assert again.functions["f"](2.0) == pytest.approx(6 * math.pi) and content(again) == content(record(plain))
    number = 4.0

    @check_units(a=1, result=1)
    def within(a):
        return number * a

    assert loaded(python_text(record(within)), tmp_path / "within.py").functions["f"](2.0) == 8


def test_what_no_text_makes_again_is_said_when_the_text_is_used(tmp_path):
    with pytest.raises(SpikelearnError, match="the function 'opaque' reads 'OBJECT', an object of the type object, "
                                              "which cannot be written as text"):
        loaded(python_text(record(opaque)), tmp_path / "again.py")
    nameless = check_units(a=1, result=1)(lambda a: a)
    with pytest.raises(SpikelearnError, match="the function '<lambda>' has no text of its own"):
        loaded(python_text(record(nameless)), tmp_path / "lambda.py")


def test_the_text_of_an_own_module_that_a_function_reads_is_content(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "constants_of_mine", raising=False)
    (tmp_path / "constants_of_mine.py").write_text("K = 3.0\n")
    text = READS.replace("import math\n", "import math, constants_of_mine\n", 1)
    text = text.replace("return K*", "return constants_of_mine.K*K*")
    model = loaded(text, tmp_path / "reads.py")
    before = content(model)
    (tmp_path / "constants_of_mine.py").write_text("K = 4.0\n")
    assert content(model) != before
    with pytest.raises(SpikelearnError, match="reads 'constants_of_mine', a module of your own"):
        loaded(python_text(dataclasses.replace(model, source="another")), tmp_path / "again.py")


# --- numbers in the text of a file -----------------------------------------------------------------------------------

SETS = '''"""A rule with a published set.
from here on, a line that is no import.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="made up here",
    equations="""
        w : 1
        dx/dt = -x/tau_plus : 1 (event-driven)
        dy/dt = -y/tau_minus : 1 (event-driven)
    """,
    on_pre="x += 1; w -= A_minus*y",
    on_post="y += 1; w += A_plus*x",
    {parameters}
    sets=dict(
        strong=dict(
            A_plus=0.03,
            A_minus=0.02,
        ),
    ),
    initial=dict(w=1),
)
'''
FORMS = ['''parameters=dict(A_plus=0.01, A_minus=0.005, tau_plus=17*ms, tau_minus=34*ms),''',
         '''parameters={"A_plus": 0.01, "A_minus": 0.005, "tau_plus": 17*ms, 'tau_minus': 2*17*ms},''',
         '''parameters=dict(
        A_plus=0.01,    # at +10 ms
        A_minus=(0.005),
        tau_plus=17*ms,
        tau_minus=(2 *
                   17)*ms,   # "ö"
    ),''', '''parameters=dict(A_minus=0.005, **dict(A_plus=0.01, tau_plus=17*ms, tau_minus=34*ms)),''',
         '''parameters=dict(zip(["A_plus", "A_minus", "tau_plus", "tau_minus"], [0.01, 0.005, 17*ms, 34*ms])),''']


@pytest.mark.parametrize("form", FORMS)
def test_the_numbers_of_the_parameters_change_and_those_of_a_set_stay(form, tmp_path):
    rule = loaded(SETS.replace("{parameters}", form), tmp_path / "rule.py")
    numbers = dict(A_plus=0.012345678901234567, tau_minus=0.04*second)
    text = with_numbers(rule, numbers, dict(A_plus="fitted", tau_minus="fitted too"), "a heading")
    again = loaded(text, tmp_path / "fitted.py")
    assert again.parameters["A_plus"] == numbers["A_plus"]
    assert float(again.parameters["tau_minus"]) == pytest.approx(.04) and again.parameters["A_minus"] == 0.005
    assert dict(again.sets["strong"]) == dict(A_plus=0.03, A_minus=0.02)
    assert text.startswith("# a heading\n") and "A_plus: fitted" in text or "# fitted" in text


def test_a_file_keeps_its_text_and_says_on_the_line_what_was_fitted(tmp_path):
    rule = loaded(SETS.replace("{parameters}", FORMS[2]), tmp_path / "rule.py")
    text = with_numbers(rule.with_parameters(A_minus=0.007), dict(A_plus=0.5), dict(A_plus="fitted"), "a heading")
    assert "        A_plus=0.5,    # fitted\n" in text and "A_minus=(0.007)," in text and '# "ö"' in text
    assert "# A_minus: set by the user\n" in text


def test_a_text_that_changes_its_model_below_is_written_in_another_way(tmp_path):
    text = SETS.replace("{parameters}", FORMS[0]) + "MODEL = MODEL.with_parameters(A_plus=0.2)\n"
    rule = loaded(text, tmp_path / "rule.py")
    again = loaded(with_numbers(rule, dict(A_plus=0.5), dict(A_plus="fitted"), "a heading"), tmp_path / "fitted.py")
    assert again.parameters["A_plus"] == 0.5 and dict(again.sets["strong"]) == dict(A_plus=0.03, A_minus=0.02)


def test_a_function_of_a_rule_with_numbers_still_finds_its_constants(tmp_path):
    rule = loaded(READS.replace("A=0.01, ", "**dict(A=0.01), "), tmp_path / "reads.py")
    text = with_numbers(rule, dict(A=0.02), dict(A="fitted"), "a heading")
    again = model_from_text(text, tmp_path / "fitted.py")
    assert again.parameters["A"] == 0.02 and np.isclose(again.functions["f"](1.0), rule.functions["f"](1.0))


@pytest.mark.long
def test_a_fit_writes_the_numbers_that_it_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.py").write_text(SETS.replace("{parameters}", FORMS[0]))
    (tmp_path / "cr.csv").write_text("delta_t_ms,repeats,repeat_hz,ratio,sem\n10,60,1,1.43,.05\n-10,60,1,.8,.03\n"
                                     "20,60,1,1.2,.04\n")
    assert cli.main(["fit", "--synapse", "rule.py", "--to", "cr.csv", "--free", "A_plus,A_minus", "--device", "numpy",
                     "--out", "fitted", "--set", "starts=1", "--quick"]) == 0
    fitted = load_model(str(tmp_path / "fitted" / "fitted.py"))
    assert fitted.parameters["A_plus"] != 0.01 and dict(fitted.sets["strong"]) == dict(A_plus=0.03, A_minus=0.02)
