"""A model file with other numbers."""
import re
from collections.abc import Mapping
from pathlib import Path

import brian2
from brian2 import Quantity, get_dimensions

from spikelearn.equations.content import BASE_UNITS, base_powers, python_text
from spikelearn.equations.files import load_model
from spikelearn.equations.records import Model

UNITS = ("ms", "second", "us", "Hz", "kHz", "mV", "volt", "pA", "nA", "nS", "pF", "Mohm")


def with_numbers(model: Model, numbers: Mapping, comments: Mapping, heading: str) -> str:
    """Text of a model's file with other numbers for some of its parameters.

    Parameters
    ----------
    model : a record; one that comes from no file is written anew.
    numbers : parameter -> value with its unit. comments : parameter -> what to say beside it.
    heading : one line for the top.
    """
    text = model.text if model.file and Path(model.file).is_file() else ""
    if text:
        stated, set_ = load_model(model.file).parameters, model.parameters
        others = {name: set_[name] for name in set_ if name not in numbers and set_[name] != stated.get(name)}
        numbers = {**numbers, **others}
        comments = {**dict.fromkeys(others, "set by the user"), **comments}
    for name, value in numbers.items():
        own_line = rf"^(\s*){re.escape(name)}\s*=[^=\n(]*,\s*(#.*)?$"
        text, found = re.subn(own_line, lambda line, name=name, value=value:
                              f"{line[1]}{name}={python_value(value)},    # {comments[name]}", text, flags=re.M)
        if found != 1:
            text = ""
            break
    if not text:
        said = "".join(f"# {name}: {comment}\n" for name, comment in comments.items())
        return f"# {heading}\n{said}{python_text(model.with_parameters(**numbers))}"
    return f"# {heading}\n{_with_imports(text, numbers)}"


def _with_imports(text, numbers):
    """The text with an import of the units in the numbers, before the first import."""
    names = {name for value in numbers.values() for name in UNITS + BASE_UNITS if re.search(rf"\b{name}\b",
                                                                                      python_value(value))}
    names -= set(re.findall(r"\w+", " ".join(re.findall(r"^from brian2 import (.*)$", text, flags=re.M))))
    lines = text.splitlines(keepends=True)
    at = next((k for k, line in enumerate(lines) if line.startswith(("from ", "import "))), len(lines))
    return "".join([*lines[:at], *([f"from brian2 import {', '.join(sorted(names))}\n"] if names else []),
                    *lines[at:]])


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
