"""Ranges of a model's parameters, as they follow from its equations, and its bounds of the weight.

A parameter that divides is not 0, and above 0 if it is a time, a rate, a resistance, a conductance or a capacitance;
none of these is negative where it is named like a duration or a rate. Of what is written as w_min, w_max and w, w lies
between. A record's own `ranges` come first.
"""
import ast
import math
import operator

from brian2 import Hz, farad, get_dimensions, ohm, second, siemens

from spikelearn.equations.assignments import statements_of
from spikelearn.equations.units import unit_text, value_text
from spikelearn.errors import SpikelearnError, alternatives

NEVER_NEGATIVE = {unit.dim for unit in (Hz, ohm, siemens, farad)}
DURATIONS = ("tau", "t_", "T_", "delay", "duration", "period")
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
              ast.Pow: operator.pow}
FASTEST = 1e6           # no rate of a model is higher, in Hz


def check_ranges(model, equations):
    """Refuse a record with a parameter, or an initial weight, outside its range. Raises SpikelearnError."""
    for name in model.ranges:
        if name not in model.parameters and name not in equations:
            raise SpikelearnError(f"{model.title}: ranges names the unknown parameter '{name}'"
                                  f"{alternatives(name, [*model.parameters, *equations])}")
    for chosen in ("", *model.sets):
        values = {**model.parameters, **model.sets.get(chosen, {})}
        where = f"{model.title}, set '{chosen}'" if chosen else model.title
        _check_declared(where, model, {**values, **_numbers(model.initial)})
        _check_derived(where, model, values, _expressions(model, equations))
        _check_weights(where, values, model.initial.get("w"), "w" in model.ranges, equations)


def _numbers(values):
    return {name: value for name, value in values.items() if not isinstance(value, str)}


def _check_declared(where, model, values):
    for name, value in values.items():
        if not math.isfinite(float(value)):
            raise SpikelearnError(f"{where}: '{name}' must be finite, not {value}")
        low, high = model.ranges.get(name, (value, value))
        if any(get_dimensions(bound) is not get_dimensions(value) for bound in (low, high)):
            raise SpikelearnError(f"{where}: the range of '{name}' must have the unit {unit_text(value)}")
        if not float(low) <= float(value) <= float(high):
            raise SpikelearnError(f"{where}: '{name}' must lie from {value_text(low)} to {value_text(high)}, "
                                  f"not be {value_text(value)}")


def _check_derived(where, model, values, expressions):
    for name, value in values.items():
        if name in model.ranges:
            continue
        duration = get_dimensions(value) is second.dim and name.startswith(DURATIONS)
        if (duration or get_dimensions(value) in NEVER_NEGATIVE) and float(value) < 0:
            raise SpikelearnError(f"{where}: '{name}' must not be negative, not {value_text(value)}")
        if get_dimensions(value) is Hz.dim and float(value) > FASTEST:
            raise SpikelearnError(f"{where}: '{name}' must be a rate of at most {FASTEST:g} Hz, "
                                  f"not {value_text(value)}")
    plain = {name: float(value) for name, value in values.items()}
    for divisor in (part for text in expressions for part in divisors(text)):
        names = sorted({node.id for node in ast.walk(divisor) if isinstance(node, ast.Name)})
        if not names or not set(names) <= set(plain):
            continue
        value, text = _value(divisor, plain), ast.unparse(divisor)
        if len(names) == 1 and names == [text] and (
                get_dimensions(values[text]) in NEVER_NEGATIVE | {second.dim}) and plain[text] <= 0:
            raise SpikelearnError(f"{where}: '{text}' divides and must be above 0, not {value_text(values[text])}")
        if value == 0 or value is not None and not math.isfinite(value):
            shown = ", ".join(f"{name} = {value_text(values[name])}" for name in names)
            raise SpikelearnError(f"{where}: '{text}' divides and must not be 0 ({shown})")


def _check_weights(where, values, start, declared, equations):
    """w_min <= w <= w_max; without a bound of its own a weight that relative changes refer to is not negative."""
    low, high = values.get("w_min"), values.get("w_max")
    if low is not None and high is not None and float(low) > float(high):
        raise SpikelearnError(f"{where}: w_min = {value_text(low)} must not be above w_max = {value_text(high)}")
    if start is None or isinstance(start, str) or "w" not in equations:
        return
    if low is None and not declared and float(start) < 0:
        raise SpikelearnError(f"{where}: the initial w = {value_text(start)} must not be negative; a rule whose weight "
                              "may be says so by ranges=dict(w=(low, high))")
    for bound, beyond, name in ((low, operator.lt, "w_min"), (high, operator.gt, "w_max")):
        if bound is not None and beyond(float(start), float(bound)):
            raise SpikelearnError(f"{where}: the initial w = {value_text(start)} lies outside its bound "
                                  f"{name} = {value_text(bound)}")


def _expressions(model, equations):
    """Every expression of a model as text."""
    found = [equation.expr.code for equation in equations.values() if equation.expr is not None]
    for kind, code in model.statements().values():
        found += [expression for _, _, expression in statements_of(code)] if kind == "code" else [code]
    return found + [value for value in model.initial.values() if isinstance(value, str)]


def divisors(text):
    """The factors by which an expression divides, as syntax trees. text : Python expression."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:         # Brian2 says more about it
        return []
    return [factor for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
            for factor in _factors(node.right)]


def _factors(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        return [*_factors(node.left), *_factors(node.right)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _factors(node.left)
    return [node]


def _value(node, values):
    """Number that an expression of parameters gives, or None if it holds more than that."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        found = _value(node.operand, values)
        return None if found is None else -found if isinstance(node.op, ast.USub) else found
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _value(node.left, values), _value(node.right, values)
        try:
            return None if left is None or right is None else OPERATIONS[type(node.op)](left, right)
        except ArithmeticError:
            return math.nan
    return None
