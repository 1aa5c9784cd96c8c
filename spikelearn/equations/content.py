"""The content of a model record, which is its identity; name, file and comments do not count.

Two records with the same content are the same model, and a record that was changed is another one.
"""
import functools
import hashlib
import json
import re
import textwrap
from pathlib import Path

import numpy as np

from spikelearn.equations.additions import stated
from spikelearn.equations.files import load_model

BASE_UNITS = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
NAMED_UNITS = ("volt", "amp", "ohm", "siemens", "farad", "coulomb", "metre", "second", "Hz")


def code_of(model):
    """Equations and statements without comments and spacing, and the method: where -> text."""
    code = {"kind": type(model).__name__, "method": model.method, "equations": _bare(model.equations)}
    return code | {where: _bare(text) for where, (_, text) in model.statements().items()} | stated(model)


def _bare(code):
    lines = re.split(r"[;\n]", re.sub(r"#.*", "", code))
    return "\n".join(re.sub(r"\s+", "", line) for line in lines if line.strip())


def exact(value):
    """Text of a value with its unit, exact to the last bit."""
    from brian2 import Quantity, get_unit, is_dimensionless

    if isinstance(value, Quantity) and not is_dimensionless(value):
        return f"{np.asarray(value).tolist()!r} {get_unit(value.dim)}"
    return repr(value.tolist() if hasattr(value, "tolist") else value)


def content(model):
    """Everything that decides what a record does, parameters and initial values included: where -> text."""
    values = {f"parameter {name}": exact(_real(value)) for name, value in model.parameters.items()}
    values |= {f"initial {name}": exact(_real(value)) for name, value in model.initial.items()}
    return code_of(model) | values | {"neuron": getattr(model, "neuron", "")} | _own_neuron(model)


def _own_neuron(model):
    """The content of the neuron that a rule names by a file of the user's."""
    name = getattr(model, "neuron", "")
    return {"neuron's file": json.dumps(content(load_model(name)))} if name and Path(name).is_file() else {}


def _real(value):
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def fingerprint(model):
    """A hash of everything in a model file except the values of its parameters."""
    stated = {name: value for name, value in content(model).items() if not name.startswith("parameter ")}
    stated |= {"parameters": sorted(model.parameters), "source": model.source, "text": model.text,
               "sets": {chosen: {name: exact(value) for name, value in values.items()}
                        for chosen, values in model.sets.items()},
               "ranges": {name: [exact(bound) for bound in bounds] for name, bounds in model.ranges.items()}}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


@functools.cache
def _shipped(name):
    model = load_model(name)
    return code_of(model), _start(model)


def _start(model):
    return {name: exact(value) for name, value in model.initial.items() if name != "w" or isinstance(value, str)}


def same_code(model, *names):
    """Which of the shipped models `names` this record is, in code and initial values; "" if it is none of them.

    Its parameters and the number w at which it starts may differ: a closed form reads them.
    """
    mine = code_of(model), _start(model)
    return next((name for name in names if _shipped(name) == mine), "")


def python_text(model):
    """A model file that makes this record: for a record that comes from no file, or was changed.

    It holds what the record's functions read. Where they read what no text makes again, such as an object, the file
    refuses to be loaded, in a sentence that says so.
    """
    from spikelearn.equations.functions_text import Written  # imports Brian2

    fields = {"source": repr(model.source), "equations": _quoted(model.equations)}
    defaults = {"method": "euler", "read": "w", "name": "", "file": "", "text": "", "made_of": ""}
    for name, value in vars(model).items():
        if isinstance(value, str) and name not in fields and value != defaults.get(name, "") and name not in (
                "name", "file", "text", "made_of"):
            fields[name] = _quoted(value) if "\n" in value else repr(value)
        elif name in ("functions", "inputs"):
            if value:
                fields[name] = "{" + ", ".join(f"{key!r}: {input_text(key, one)}" for key, one in value.items()) + "}"
        elif not isinstance(value, str) and value is not None and (not hasattr(value, "items") or value):
            fields[name] = _dict(value) if hasattr(value, "items") else _value(value)
    kind = type(model).__name__
    lines = "".join(f"    {name}={text},\n" for name, text in fields.items())
    written = Written(model.functions, {*BASE_UNITS, *NAMED_UNITS, "TimedArray", kind})
    body = f"{written.text}MODEL = {kind}(\n{lines})\n"
    if written.failure:
        body = (f"from spikelearn import SpikelearnError\n\nraise SpikelearnError({written.failure!r})\n\n"
                f"{textwrap.indent(body, '# ', lambda line: True)}")
    return (f'"""{model.title}: written from the record that was run."""\nfrom brian2 import *\n\n'
            f"from spikelearn import {kind}\n\n{body}")


def input_text(name, one):
    """A function by its name; a TimedArray written out."""
    import brian2

    if not isinstance(one, brian2.TimedArray):
        return getattr(getattr(one, "pyfunc", one), "__name__", name)
    values = brian2.Quantity(1, dim=one.dim)
    return f"TimedArray({np.asarray(one.values).tolist()!r} * {_value(values)}, dt={_value(one.dt * brian2.second)})"


def _quoted(code):
    return f'"""{code}"""' if '"' not in code and "\\" not in code else repr(code)


def _dict(values):
    return "{" + ", ".join(f"{name!r}: {_value(value)}" for name, value in values.items()) + "}"


def _value(value):
    if hasattr(value, "items"):
        return _dict(value)
    if isinstance(value, tuple | list):
        return "(" + "".join(f"{_value(item)}, " for item in value) + ")"
    unit = unit_of(value)
    if not unit:
        return repr(value) if isinstance(value, str | bool | None) else _number(value)
    return f"{_number(value)} * {unit}"


def unit_of(value):
    """The SI unit of a value as Python, "" for a number."""
    import brian2
    from brian2 import Quantity, get_dimensions

    dimensions = get_dimensions(value) if isinstance(value, Quantity) else None
    if dimensions is None or dimensions.is_dimensionless:
        return ""
    named = next((name for name in NAMED_UNITS if get_dimensions(getattr(brian2, name)) is dimensions), None)
    powers = zip(BASE_UNITS, base_powers(dimensions), strict=True)
    return named or " * ".join(f"{base}**{float(power):g}" for base, power in powers if power)


def base_powers(dimensions):
    """Powers of the base units in some dimensions, in the order of BASE_UNITS: volt is [2, 1, -3, -1, 0, 0, 0]."""
    return [dimensions.get_dimension({"amp": "ampere"}.get(base, base)) for base in BASE_UNITS]


def _number(value):
    number = np.asarray(value).item()
    return repr(number) if np.isfinite(number) else f"float({str(number)!r})"


