"""Pieces of an exported script: numbers with units, declarations, statements."""
import ast
import re
import textwrap

import brian2
import numpy as np
from brian2 import Equations, get_dimensions

from spikelearn.equations.assignments import written_out
from spikelearn.equations.content import BASE_UNITS, NAMED_UNITS, base_powers
from spikelearn.equations.parsing import SUBEXPRESSION, get_identifiers
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError

USUAL = ("ms", "second", "Hz", "mV", "volt", "pA", "nA", "nS", "pF", "Mohm")


def unit_text(dimensions) -> str:
    """A unit in equations: "1", "volt", or a product of base units."""
    if dimensions.is_dimensionless:
        return "1"
    for name in NAMED_UNITS + ("Hz",):
        for power, text in ((1, name), (-1, f"{name}**-1"), (-2, f"{name}**-2")):
            if getattr(brian2, name).dim ** power is dimensions:
                return text
    powers = zip(BASE_UNITS, base_powers(dimensions), strict=True)
    return " * ".join(f"{base}**{power:g}" for base, power in powers if power)


def value_text(value, dimensions=None, unit="") -> str:
    """A value as Python with Brian2's units, exact to the last digit or the last but one."""
    number, dimensions = float(value), get_dimensions(value) if dimensions is None else dimensions
    if unit or dimensions.is_dimensionless:
        return f"{number!r}*{unit}" if unit else repr(number)
    for name in USUAL:
        size = float(getattr(brian2, name))
        if getattr(brian2, name).dim is dimensions and (not number or 1e-2 <= abs(number / size) < 1e4):
            return f"{float(f'{number / size:.15g}')!r}*{name}"
    return f"{number!r} * {unit_text(dimensions)}"


def quoted(code: str) -> str:
    """Code as a Python string: of one line, or in triple quotes."""
    code = textwrap.dedent(code).strip("\n").rstrip()
    if '"' in code or "\\" in code:
        return repr(code)
    return f'"""\n{textwrap.indent(code, "    ")}\n    """' if "\n" in code else f'"{code.strip()}"'


def keywords(given: dict) -> str:
    """Keyword arguments whose values are code, empty ones left out."""
    return "".join(f"{name}={quoted(code)}, " for name, code in given.items() if code)


def functions(rule: Model) -> str:
    """What the model file defines beside the model, where the equations call functions; inputs written out."""
    text = "".join(f"{name} = TimedArray({value_text(1, one.dim)} * array({np.asarray(one.values).tolist()!r}), "
                   f"dt={value_text(float(one.dt), None, 'second')})\n" for name, one in rule.inputs.items())
    if not rule.functions:
        return text
    if not rule.text:
        raise SpikelearnError(f"{rule.title} calls functions and comes from no file, so their text is unknown")
    kept, used, gone = [], set(), set()
    for node in ast.parse(rule.text).body:
        names = {target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)}
        ours = isinstance(node, ast.ImportFrom | ast.Import) and "spikelearn" in ast.unparse(node)
        gone |= {one.asname or one.name for one in node.names} if ours else set()
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if "MODEL" not in names and not ours and not docstring:
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            kept.append("\n".join(rule.text.splitlines()[first - 1:node.end_lineno]))
            used |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    if used & gone:
        raise SpikelearnError(f"the file of {rule.title} uses '{min(used & gone)}' of spikelearn outside its MODEL, "
                              "which the script must do without")
    return "\n".join([*kept, text]) + "\n"


def at_spike(code: str, equations: Equations) -> str:
    """Statements at a spike; subexpressions that they name are written out, so that they see updated traces."""
    computed = {name for name, equation in equations.items() if equation.type == SUBEXPRESSION}
    plain = re.sub(r"#.*", "", code)
    return written_out(code, equations) if computed & get_identifiers(plain) else code


def declarations(model: Model, record: Model | None = None) -> list[str]:
    """Lines of equations that declare the parameters, and what is read as the weight of a rule."""
    lines = [f"{name} : {unit_text(get_dimensions(value))} (shared, constant)"
             for name, value in model.parameters.items()]
    read = getattr(record, "read", None)
    if read is None or model.read in Equations(model.equations):
        return lines
    from spikelearn.stdp.network import read_weight

    _, more = read_weight(model)
    return [*lines, f"weight_read = {model.read} : {unit_text(more['w_start'].dim)}"]


def assignments(group: str, model: Model, record: Model | None = None) -> list[str]:
    """Lines that set parameters, with their comments, and initial values: numbers, then expressions."""
    text, lines = (record or model).text, []
    given = {name: f"{group}.{name} = {value_text(value)}" for name, value in model.parameters.items()}
    width = max(map(len, given.values()), default=0)
    for name, line in given.items():
        comment = re.search(rf"^[^#\n]*\b{re.escape(name.removesuffix('_'))}\s*=[^#\n]*#(.*)$", text, flags=re.M)
        lines.append(f"{line:{width}}   #{comment[1]}" if comment else line)
    for is_text in (False, True):
        for name, value in model.initial.items():
            if isinstance(value, str) == is_text:
                lines.append(f"{group}.{name} = {value!r}" if is_text else f"{group}.{name} = {_initial(value)}")
    return lines


def _initial(value) -> str:
    """An initial value; True and False as they are."""
    return repr(bool(value)) if np.asarray(value).dtype.kind == "b" else value_text(value)
