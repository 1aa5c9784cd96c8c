"""A rule's own names that end in _pre or _post, such as C_pre, which Brian2 reserves for variables of the neurons.

Whatever a rule declares is its own; only other names are looked up in its pre and post neuron. Names that a pairing
experiment gives to variables of its own, such as the time `now`, are the rule's own, too.
"""
import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spikelearn.equations.assignments import FIXED
from spikelearn.errors import SpikelearnError

if TYPE_CHECKING:
    from spikelearn.equations.records import Model, NeuronModel, SynapseModel

DECLARED = re.compile(r"^\s*(?:d(\w+)\s*/\s*dt|(\w+))\s*[=:]", flags=re.M)
SUMMED = re.compile(r"^\s*(\w+)\s*=[^\n:]*:[^\n#]*\(\s*summed\s*\)", flags=re.M)

OF_PAIRINGS = {"now", "kind", "w_start", "w_end", "sampled", "weight_read", "moments", "happens", "lastupdate", "delay"}

# of Python, Cython and C++ in the code that Brian2 writes, and what it declares itself
OF_CODE = {"abs", "bool", "char", "double", "enumerate", "float", "int", "len", "list", "long", "max", "min", "range",
           "round", "short", "signed", "slice", "unsigned", "void", "zip",
           "t", "dt", "t_in_timesteps", "i", "j", "N",
           *"""alignas alignof and_eq asm auto bitand bitor case catch compl const constexpr const_cast decltype default
           delete do dynamic_cast enum explicit export extern goto inline mutable namespace new noexcept not_eq nullptr
           operator or_eq private protected public register reinterpret_cast restrict sizeof static static_assert
           static_cast struct switch template this throw typedef typeid typename union using virtual volatile wchar_t
           xor xor_eq""".split()}
ASSIGNED = re.compile(r"(?:^|;)\s*(\w+)\s*(?:[-+*/%]|//|\*\*)?=(?!=)", flags=re.M)


def check_own_names(model: "Model") -> None:
    """Refuse names that mean something else to Brian2 or to the code that it writes. Raises SpikelearnError."""
    from brian2 import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS

    code = "\n".join(text for kind, text in model.statements().values() if kind == "code")
    own = declared(model) | set(ASSIGNED.findall(re.sub(r"#.*", "", code))) - set(FIXED)     # which assignments refuse
    for name in sorted(own & {*OF_CODE, *DEFAULT_CONSTANTS, *DEFAULT_FUNCTIONS}):
        raise SpikelearnError(f"{model.title}: '{name}' means something else in Brian2's code: give the variable or "
                              f"parameter another name, such as '{name}_own'")


def declared(model: "Model") -> set[str]:
    """Names of the equations and parameters of a model, those of its neurons that it sums up left out."""
    code = re.sub(r"#.*", "", model.equations)
    found = {derivative or name for derivative, name in DECLARED.findall(code)}
    return (found | set(model.parameters)) - set(SUMMED.findall(code))


def renamed(model: "SynapseModel") -> dict[str, str]:
    """Own names of a rule that would be taken for a neuron's or a pairing's, and the names used instead."""
    return {name: f"{name}_" for name in sorted(declared(model))
            if name.endswith(("_pre", "_post")) or name in OF_PAIRINGS}


def for_brian(model: "SynapseModel") -> "SynapseModel":
    """The rule with its own names renamed for Brian2; the rule itself if nothing has to change."""
    return with_names(model, renamed(model))


def for_sympy(rule: "SynapseModel", cell: "NeuronModel | None") -> tuple:
    """(rule, neuron, name -> new name), their variables renamed that Brian2's exact method takes for SymPy's.

    It hands their names to SymPy as text: `beta` is a function there, and `E` silently the number 2.718.
    """
    own, its = _of_sympy(rule), _of_sympy(cell) if cell else {}
    read = {f"{name}_{side}": f"{its[name]}_{side}" for side, names in rule.reads().items() for name in its
            if name in names}
    return with_names(rule, own | read), with_names(cell, its) if cell else None, own | its


def _of_sympy(model):
    """Variables with a differential equation whose names mean something to SymPy -> free names."""
    import sympy
    from brian2 import Equations

    found, taken = {}, declared(model)
    for name in sorted(Equations(model.equations).diff_eq_names):
        if hasattr(sympy, name):
            found[name] = f"{name}_"
            while found[name] in taken:
                found[name] += "_"
    return found


def with_names(model: "Model", names: Mapping[str, str]) -> "Model":
    """The model with other names of its variables and parameters, name -> new name, in all that it states."""
    if not names:
        return model
    any_name = "|".join(names)
    pattern = re.compile(rf"\b(d(?=(?:{any_name})\s*/\s*dt\b))?({any_name})\b")

    def told(value):
        if isinstance(value, Mapping):
            return {names.get(key, key): told(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return tuple(map(told, value))
        return pattern.sub(lambda found: (found[1] or "") + names[found[2]], value) if isinstance(value, str) else value

    kept = ("source", "name", "file", "text", "made_of", "neuron", "method", "functions", "inputs")
    fields = {field.name: told(getattr(model, field.name)) for field in dataclasses.fields(model)
              if field.name not in kept}
    by_event = {field: {event: told(code) for event, code in getattr(model, field).items()}
                for field in ("on_event", "events", "every_step") if hasattr(model, field)}
    return unchecked(model, **fields | by_event)


def unchecked(model: "Model", **fields) -> "Model":
    """A copy of a record with other fields, which are not checked."""
    made = object.__new__(type(model))
    made.__dict__.update(model.__dict__ | fields)
    return made
