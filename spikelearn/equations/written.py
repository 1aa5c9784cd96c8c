"""A model file with other numbers."""
import ast
import re
from collections.abc import Mapping
from pathlib import Path

import brian2
import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.equations.content import BASE_UNITS, base_powers, content, python_text
from spikelearn.equations.files import model_from_text
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError

UNITS = ("ms", "second", "us", "Hz", "kHz", "mV", "volt", "pA", "nA", "nS", "pF", "Mohm")


def with_numbers(model: Model, numbers: Mapping, comments: Mapping, heading: str) -> str:
    """Text of a model's file with other numbers for some of its parameters.

    Parameters
    ----------
    model : a record; one that comes from no file is written anew.
    numbers : parameter -> value with its unit. comments : parameter -> what to say beside it.
    heading : one line for the top.

    The file's own text is kept where it makes the model with these numbers; else the model is written anew.
    """
    wanted, text = model.with_parameters(**numbers), ""
    if model.file and Path(model.file).is_file():
        stated, set_ = model_from_text(model.text, Path(model.file)).parameters, model.parameters
        others = {name: set_[name] for name in set_ if name not in numbers and set_[name] != stated.get(name)}
        text = _replaced(model.text, {**others, **numbers}, {**dict.fromkeys(others, "set by the user"), **comments})
    if not text or not _makes(text, wanted, model.file):
        said = "".join(f"# {name}: {comment}\n" for name, comment in comments.items())
        text = f"{said}{python_text(wanted)}"
    return f"# {heading}\n{text}"


def _makes(text, wanted, file):
    """Whether a text makes a model: parameters to within a rounding, everything else exactly."""
    try:
        made = model_from_text(text, Path(file))
    except SpikelearnError:
        return False
    both = [{name: value for name, value in content(one).items() if not name.startswith("parameter ")}
            | {"sets": str(one.sets), "ranges": str(one.ranges), "source": one.source} for one in (made, wanted)]
    return both[0] == both[1] and made.parameters.keys() == wanted.parameters.keys() and all(
        get_dimensions(made.parameters[name]) is get_dimensions(value)
        and np.isclose(float(made.parameters[name]), float(value), rtol=1e-12, atol=0)
        for name, value in wanted.parameters.items())


def _replaced(text, numbers, comments):
    """The text with other numbers where its parameters stand, "" if one of them stands nowhere as such."""
    places = places_of(text)
    if not numbers.keys() <= places.keys():
        return ""
    code, above = text.encode(), ""
    starts = np.cumsum([0, *(len(line) + 1 for line in code.split(b"\n"))])
    ends = {name: (int(starts[at.lineno - 1]) + at.col_offset, int(starts[at.end_lineno - 1]) + at.end_col_offset)
            for name, at in places.items()}
    for name in sorted(numbers, key=ends.get, reverse=True):
        before, after = code[:ends[name][0]], code[ends[name][1]:]
        alone = re.search(rf"^\s*[\"']?{name}[\"']?\s*[=:]\s*$".encode(), before.rpartition(b"\n")[2])
        rest = re.match(rb",[ \t]*(#[^\n]*)?(?=\n)", after)
        if alone and rest:
            after = f",    # {comments[name]}".encode() + after[rest.end():]
        else:
            above = f"# {name}: {comments[name]}\n{above}"
        code = before + python_value(numbers[name]).encode() + after
    return above + _with_imports(code.decode(), numbers)


def places_of(text: str) -> dict[str, ast.expr]:
    """Where the values of the parameters of a text's MODEL stand: name -> the value in the syntax tree."""
    call = model_call(text)
    given = next((field.value for field in call.keywords if field.arg == "parameters"), None) if call else None
    if isinstance(given, ast.Call) and isinstance(given.func, ast.Name) and given.func.id == "dict" and not given.args:
        return {keyword.arg: keyword.value for keyword in given.keywords if keyword.arg}
    if isinstance(given, ast.Dict):
        return {key.value: value for key, value in zip(given.keys, given.values, strict=True)
                if isinstance(key, ast.Constant)}
    return {}


def model_call(text: str) -> ast.Call | None:
    """The call of SynapseModel or NeuronModel in a text: that of its MODEL, else the first; None if there is none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    models = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and any(isinstance(target, ast.Name) and target.id == "MODEL" for target in node.targets)]
    named = ("SynapseModel", "NeuronModel")
    return next((node for node in [*reversed(models), *ast.walk(tree)] if isinstance(node, ast.Call)
                 and getattr(node.func, "attr", getattr(node.func, "id", "")) in named), None)


def _with_imports(text, numbers):
    """The text with an import of the units in the numbers, before the first import."""
    names = {name for value in numbers.values() for name in UNITS + BASE_UNITS if re.search(rf"\b{name}\b",
                                                                                      python_value(value))}
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    future = [node for node in imports if getattr(node, "module", "") == "__future__"]
    known = {alias.name for node in imports if getattr(node, "module", "") == "brian2" for alias in node.names}
    if names <= known or "*" in known or not imports:
        return text
    at = future[-1].end_lineno if future else imports[0].lineno - 1
    lines = text.split("\n")
    return "\n".join([*lines[:at], f"from brian2 import {', '.join(sorted(names - known))}", *lines[at:]])


def python_value(value: Quantity | float) -> str:
    """A value as Python with Brian2's units: in a usual unit where one gives a number from 0.01 to 10,000."""
    dimensions = get_dimensions(value)
    if dimensions.is_dimensionless:
        return repr(float(value))
    for power, sign in ((1, "*"), (-1, "/")):
        for name in UNITS:
            unit = getattr(brian2, name)
            if unit.dim ** power is dimensions and 1e-2 <= abs(float(value) / float(unit) ** power) < 1e4:
                return f"{float(f'{float(value) / float(unit) ** power:.15g}')!r}{sign}{name}"
    powers = zip(BASE_UNITS, base_powers(dimensions), strict=True)
    return "*".join([repr(float(value)), *(f"{name}**{power:g}" for name, power in powers if power)])
