"""`--set NAME=VALUE`: reads values with Brian2 units without running them, and finds their owner."""
import ast
import difflib
import operator
import re
from math import isfinite

import numpy as np

from spikelearn.errors import SpikelearnError, alternatives

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
              ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg}
WORDS = {"true": True, "false": False, "none": None}
UNITS_SAID = "known: Brian2's units, such as ms, second, Hz, mV, pA, nS"


def read_value(text, default, title):
    """The value that `text` writes, of the kind and unit of `default`.

    Numbers, true and false, words where the default is a word (or None), comma tuples, and arithmetic with
    Brian2 units ("20*ms", "1/mV"). `title` names the parameter in sentences. Nothing is evaluated as Python.
    """
    if isinstance(default, str):
        return text.strip().strip("'\"")
    if isinstance(default, tuple | list) and all(isinstance(item, str) for item in default):
        return tuple(word.strip().strip("'\"") for word in text.split(",") if word.strip())
    try:
        return fitting(_evaluated(ast.parse(text.strip(), mode="eval").body, words=default is None), default)
    except SpikelearnError as error:
        raise SpikelearnError(f"--set {title}={text}: {error}") from error
    except (SyntaxError, RecursionError, MemoryError) as error:
        unit = re.fullmatch(r"\s*([-+\d.]+)\s*([a-zA-Z]\w*)\s*", text)
        known = f"write {unit[1]}*{unit[2]}" if unit else "a value is a number, true, false, 20*ms or 1/mV"
        raise SpikelearnError(f"--set {title}={text}: {known}") from error
    except (ArithmeticError, TypeError, ValueError) as error:
        raise SpikelearnError(f"--set {title}={text}: the value cannot be computed ({error})") from error


def _evaluated(node, words=False):
    """Value of a syntax tree of numbers, units, tuples and the four operations."""
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_evaluated(item, words) for item in node.elts)
    if isinstance(node, ast.Constant) and (isinstance(node.value, int | float | None) or words):
        return node.value
    if isinstance(node, ast.Name):
        return _named(node.id, words)
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](_number(_evaluated(node.operand)))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _evaluated(node.left), _number(_evaluated(node.right))
        if isinstance(left, tuple):
            return tuple(OPERATIONS[type(node.op)](_number(item), right) for item in left)
        left = _number(left)
        if isinstance(node.op, ast.Pow):    # whole numbers can grow without end, others cannot
            left, right = (float(left) if isinstance(left, int) else left), float(right)
        return OPERATIONS[type(node.op)](left, right)
    raise SpikelearnError("only numbers, true, false, Brian2 units and + - * / ** are understood")


def _number(value):
    if isinstance(value, bool | str | tuple | None):
        raise SpikelearnError(f"{value!r} is not a number to calculate with")
    return value


def _named(name, words):
    from brian2.units import allunits, stdunits

    if name.lower() in WORDS or name == "None":
        return WORDS[name.lower()]
    unit = getattr(stdunits, name, getattr(allunits, name, None))
    if isinstance(unit, allunits.Unit):
        return unit
    if words:
        return name
    if name.lower() in ("nan", "inf", "infinity"):
        raise SpikelearnError(f"'{name}' is no number to calculate with")
    near = difflib.get_close_matches(name, [*vars(stdunits), *vars(allunits)], n=1, cutoff=0.6)
    guess = f"did you mean '{near[0]}'? " if near else ""
    raise SpikelearnError(f"there is no unit '{name}'; {guess}{UNITS_SAID}")


def fitting(value: object, default: object) -> object:
    """`value` as the kind of thing that `default` is, or a refusal."""
    from brian2 import Quantity, is_dimensionless

    if default is None:
        return value
    if isinstance(default, tuple | list):
        return tuple(fitting(item, default[0]) for item in (value if isinstance(value, tuple) else (value,)))
    if np.ndim(default):
        items = [fitting(item, default[0]) for item in (value if isinstance(value, tuple) else (value,))]
        return np.array(items) if is_dimensionless(default) else Quantity(items)
    refusal = SpikelearnError(f"a value like {default} is needed")
    if isinstance(default, bool) and isinstance(value, bool):
        return value
    if isinstance(default, bool) or isinstance(value, bool | str | tuple | complex | None):
        raise refusal
    if not isfinite(value):
        raise SpikelearnError("the value must be finite")
    if is_dimensionless(default) != is_dimensionless(value):
        raise SpikelearnError(f"a value like {default} is needed, but this has "
                              + ("no unit" if is_dimensionless(value) else "a unit"))
    if not is_dimensionless(default):
        if default.dim is not value.dim:
            other = f"this is {Quantity(value)}, which has another unit"
            raise SpikelearnError(f"a value like {default} is needed, but {other}")
        return Quantity(value)
    if isinstance(default, int | np.integer):
        if float(value) != int(value):
            raise refusal
        return int(value)
    return float(value)


def apply_settings(settings, title, own, synapses=(), neuron=None, recipe=()):
    """Assign each "NAME=VALUE" of --set to the protocol, the rule or the neuron.

    title : the protocol's name; own : its parameters, name -> default; recipe : names of its recipe's fields
    synapses : records of the rules in use; neuron : record of the neuron in use, or None
    Returns (values of the protocol's own parameters, synapses, neuron): changed records are new ones.

    NAME is a parameter of the protocol, the synapse or the neuron; where two of them have it, the full name
    "protocol.NAME", "synapse.NAME" or "neuron.NAME" is needed. `parameters=NAME` chooses a published parameter set.
    A field of the recipe is a parameter of the protocol, as "recipe.NAME" even where the protocol has one of its name.
    """
    values, of_synapse, of_neuron, of_recipe = {}, {}, {}, {}
    changes = {"protocol": values, "synapse": of_synapse, "neuron": of_neuron, "recipe": of_recipe}
    defaults = {"protocol": dict.fromkeys(recipe) | own, "neuron": _defaults([neuron] if neuron else []),
                "synapse": _defaults(synapses)}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise SpikelearnError(f"--set needs NAME=VALUE, such as \"tau_plus=20*ms\", not '{setting}'")
        name = name.strip()
        if name.startswith("recipe.") and recipe:
            owner, name = _field(name.removeprefix("recipe."), title, own, recipe)
        else:
            owner, name = _owner(name, title, defaults, _having_set(text.strip(), synapses, neuron))
        if name in changes[owner]:
            raise SpikelearnError(f"--set gives '{name}' twice")
        changes[owner][name] = read_value(text, None if owner == "recipe" else defaults[owner][name], name)
    values |= {"recipe": of_recipe} if of_recipe else {}
    synapses = [_changed(synapse, of_synapse) for synapse in synapses]
    return values, synapses, _changed(neuron, of_neuron) if of_neuron else neuron


def _field(name, title, own, recipe):
    """("protocol" | "recipe", name) of a recipe's field; "recipe" where the protocol has a parameter of its name."""
    if name not in recipe:
        raise SpikelearnError(f"the recipe of {title} has no field '{name}'{alternatives(name, recipe)}")
    return "recipe" if name in own else "protocol", name


def _defaults(models):
    """Every parameter of some models and its default; `parameters` where there are published sets."""
    sets = {"parameters": ""} if any(model.sets for model in models) else {}
    values = {name: value for model in models for name, value in model.parameters.items()}
    return sets | {name: float(value) if isinstance(value, int) else value for name, value in values.items()}


def _changed(model, changes):
    mine = {name: value for name, value in changes.items()
            if name in model.parameters or name == "parameters" and model.sets}
    return model.with_parameters(**mine) if mine else model


def _having_set(chosen, synapses, neuron):
    """Which of synapse and neuron publish a parameter set of this name."""
    models = {"synapse": synapses, "neuron": [neuron] if neuron else []}
    return [owner for owner, records in models.items() if any(chosen in record.sets for record in records)]


def _owner(name, title, defaults, having_set=()):
    """Owner of the parameter: ("protocol" | "synapse" | "neuron", bare name)."""
    owner, dot, bare = name.partition(".")
    if dot and owner in defaults:
        if bare not in defaults[owner]:
            known = alternatives(bare, defaults[owner])
            raise SpikelearnError(f"the {owner} in {title} has no parameter '{bare}'{known}")
        return owner, bare
    owners = [owner for owner, known in defaults.items() if name in known]
    if name == "parameters" and len(owners) > 1 and "protocol" not in owners:
        owners = list(having_set) or owners[-1:]        # of two that have sets, whoever has this one
    if not owners:
        known = [parameter for parameters in defaults.values() for parameter in parameters]
        raise SpikelearnError(f"{title} has no parameter '{name}'{alternatives(name, set(known))}")
    if len(owners) > 1:
        full = [f"{owner}.{name}" for owner in ("protocol", "synapse", "neuron") if owner in owners]
        raise SpikelearnError(f"--set {name} can mean {', '.join(full[:-1])} or {full[-1]}: give the full name")
    return owners[0], name
