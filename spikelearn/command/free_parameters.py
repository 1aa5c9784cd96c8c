"""Free parameters as given on the command line: "A_plus, tau_plus=5..50*ms"."""
import re

import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.command.settings import read_value
from spikelearn.equations.records import SynapseModel
from spikelearn.equations.units import value_text
from spikelearn.errors import SpikelearnError, alternatives


def free_parameters(text: str, rule: SynapseModel) -> dict:
    """Bounds of the free parameters: name -> (lowest, highest), quantities in the parameter's unit.

    A bare name is searched from its value over ten to its value times ten, in the range that the rule states; the unit
    of "5..50*ms" holds for both.

    Raises
    ------
    SpikelearnError for a name that the rule lacks or that occurs twice, for bounds that are no values of the
    parameter's unit or the wrong way round, and for a bare name whose value is 0.
    """
    bounds = {}
    for entry in (part.strip() for part in text.split(",")):
        name, equals, given = (part.strip() for part in entry.partition("="))
        if not name:
            raise SpikelearnError(f"free must be names, with bounds or without, such as \"A_plus, tau_plus=5..50*ms\", "
                                  f"not '{text}'")
        if name not in rule.parameters:
            raise SpikelearnError(f"free: {rule.title} has no parameter '{name}'{alternatives(name, rule.parameters)}")
        if name in bounds:
            raise SpikelearnError(f"free names '{name}' twice")
        bounds[name] = _between(name, given, rule.parameters[name]) if equals else _around(name, rule)
    return bounds


def _around(name, rule):
    """From the value over ten to the value times ten, as far as the rule allows."""
    value = rule.parameters[name]
    if float(value) == 0:
        raise SpikelearnError(f"free: '{name}' is 0, so it needs bounds, such as {name}=0..1")
    least, most = map(float, rule.ranges.get(name, (-np.inf, np.inf)))
    low, high = sorted((float(value) / 10, float(value) * 10))
    return _like(value, max(low, least)), _like(value, min(high, most))


def _between(name, text, value):
    """Two bounds written "a..b" with the unit of the value."""
    parts = re.fullmatch(r"(.+?)\.\.(.+)", text)
    if not parts:
        raise SpikelearnError(f"free: the bounds of '{name}' are written a..b, such as {name}=5..50*ms, not '{text}'")
    low, high = (part.strip() for part in parts.groups())
    unit = re.search(r"[*/]\s*[A-Za-z].*$", high)
    if unit and not re.search(r"[A-Za-z]", re.sub(r"\d[eE]", "", low)):
        low += unit[0]
    example = Quantity(1.5, dim=get_dimensions(value))
    example = 1.5 if get_dimensions(value).is_dimensionless else example
    try:
        low, high = (read_value(part, example, name) for part in (low, high))
    except SpikelearnError as error:
        raise SpikelearnError(str(error).replace("--set", "free:", 1)) from error
    if not float(low) < float(high):
        raise SpikelearnError(f"free: the bounds of '{name}' must rise, not fall from {_shown(low)} to {_shown(high)}")
    return _like(value, float(low)), _like(value, float(high))


def _like(value, number):
    return Quantity(number, dim=get_dimensions(value))


def _shown(value):
    return value_text(value) if isinstance(value, Quantity) and not np.ndim(value) else str(value)
