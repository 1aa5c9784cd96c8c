"""Syntax of a model's text: the line that cannot be read, and why, in one clause."""
import ast
import re

import numpy as np
from brian2 import Equations

from spikelearn.equations.parsing import SUBEXPRESSION, StateUpdateMethod, get_identifiers, parse_statement
from spikelearn.equations.units import first_line
from spikelearn.errors import SpikelearnError, alternatives

START = re.compile(r"\s*(?:d\w+\s*/\s*dt\s*=|\w+\s*[=:])")     # how an equation begins
FLAGS = ("event-driven", "clock-driven", "unless refractory", "constant", "constant over dt", "shared", "linked",
         "summed")
AN_EQUATION = "an equation is 'dx/dt = ... : unit', 'x = ... : unit' or 'x : unit'"
A_STATEMENT = "a statement is 'x = ...' or 'x += ...'"
RANDOM = {"rand", "randn", "poisson", "binomial"}


def read_equations(model):
    """The model's equations as a Brian2 Equations object. Raises SpikelearnError, which names the line."""
    try:
        return Equations(model.equations)
    except Exception as error:
        for line, text in _equations_of(model.equations):
            try:
                Equations(text)
            except Exception as fault:
                raise _unreadable(model, "the equations", _reason(fault, text, AN_EQUATION), line, text) from fault
        raise SpikelearnError(f"{model.title}: the equations cannot be read: {first_line(error)}") from error


def check_syntax(model, equations):
    """Refuse syntax errors, divisions by 0, and unknown methods and flags. Raises SpikelearnError."""
    check_values(model)
    if model.method not in StateUpdateMethod.stateupdaters:
        raise SpikelearnError(f"{model.title}: there is no method '{model.method}'"
                              f"{alternatives(model.method, StateUpdateMethod.stateupdaters)}")
    for equation in equations.values():
        _check_equation(model, equation)
    for where, (kind, code) in model.statements().items():
        for line, text in _lines_of(code):
            if kind == "code":
                for piece in filter(str.strip, text.split(";")):
                    _check_statement(model, where, piece.strip(), line)
            else:
                _check_expression(model, where, text, line)


def check_values(model):
    """Refuse parameters, initial values, sets and ranges of the wrong kind. Raises SpikelearnError."""
    for field, values in (("parameters", model.parameters), ("initial", model.initial)):
        for name, value in values.items():
            if not (_is_number(value) or field == "initial" and isinstance(value, str)):
                raise SpikelearnError(f"{model.title}: '{name}' in {field} must be one number, not {value!r}")
    for chosen, values in model.sets.items():
        if not hasattr(values, "items"):
            raise SpikelearnError(f"{model.title}: the set '{chosen}' must be a dict, not {values!r}")
    for name, bounds in model.ranges.items():
        if not (isinstance(bounds, tuple | list) and len(bounds) == 2 and all(map(_is_number, bounds))):
            raise SpikelearnError(f"{model.title}: the range of '{name}' must be a pair (lowest, highest), "
                                  f"not {bounds!r}")


def _is_number(value):
    try:
        return np.ndim(value) == 0 and not isinstance(value, str) and isinstance(float(value), float)
    except (TypeError, ValueError):
        return False


def _check_equation(model, equation):
    for flag in equation.flags:
        if flag not in FLAGS:
            raise SpikelearnError(f"{model.title}: the equation of '{equation.varname}' has the unknown flag "
                                  f"'{flag}'{alternatives(flag, FLAGS)}")
    if equation.expr is None:
        return
    names = get_identifiers(equation.expr.code)
    if equation.type == SUBEXPRESSION and RANDOM & names and "constant over dt" not in equation.flags:
        raise SpikelearnError(f"{model.title}: the equation of '{equation.varname}' draws random numbers, so it needs "
                              "the flag (constant over dt)")
    _check_expression(model, f"the equation of '{equation.varname}'", equation.expr.code)


def _check_statement(model, where, text, line):
    try:
        expression = parse_statement(text)[2]
    except ValueError as error:
        found = re.fullmatch(r"\w+\s*[-+*/%]*=([^=].*)", text)       # Brian2 2.11 refuses an expression with it
        if found:
            _check_expression(model, where, found[1], line, text)
        raise _unreadable(model, where, A_STATEMENT, line, text) from error
    _check_expression(model, where, expression, line, text)


def _check_expression(model, where, code, line=0, text=""):
    try:
        tree = ast.parse(code.strip(), mode="eval")
    except SyntaxError as error:
        raise _unreadable(model, where, error.msg, line, text or code) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise _unreadable(model, where, "'^' is no power, '**' is", line, text or code)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod) and (
                isinstance(node.right, ast.Constant) and node.right.value == 0):
            raise _unreadable(model, where, "it divides by 0", line, text or code)


def _unreadable(model, where, reason, line, text):
    place = f" in line {line}," if line else " in"
    return SpikelearnError(f"{model.title}: {where} cannot be read: {reason}{place} '{' '.join(text.split())}'")


def _lines_of(code):
    """(number, text) of each line with code; the first line that is not blank has the number 1."""
    lines = [re.sub(r"#.*", "", line).strip() for line in code.strip().splitlines()]
    return [(number, line) for number, line in enumerate(lines, 1) if line]


def _equations_of(text):
    """(line, text) of each equation; one without a unit ends where the next begins."""
    found, start, held = [], 0, ""
    for line, code in _lines_of(text):
        if held and START.match(code):
            found.append((start, held))
            held = ""
        start, held = (start, f"{held} {code}") if held else (line, code)
        if ":" in code:
            found.append((start, held))
            held = ""
    return found + [(start, held)] * bool(held)


def _reason(error, text, form):
    if ":" not in text:
        return "the unit is missing, as in 'x : 1',"
    said = re.sub(r"\s*\((?:<\w+>, line \d+|at char \d+)\).*", "", first_line(error))
    said = re.sub(r"^Error parsing the unit specification for variable '(\w+)': ", r"the unit of '\1': ", said)
    return form if said.startswith("Expected") else said.partition(". The following")[0]
