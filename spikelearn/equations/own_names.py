"""A rule's own names that end in _pre or _post, such as C_pre, which Brian2 reserves for variables of the neurons.

Whatever a rule declares is its own; only other names are looked up in its pre and post neuron. Names that a pairing
experiment gives to variables of its own, such as the time `now`, are the rule's own, too.
"""
import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikelearn.equations.records import SynapseModel

DECLARED = re.compile(r"^\s*(?:d(\w+)\s*/\s*dt|(\w+))\s*[=:]", flags=re.M)
SUMMED = re.compile(r"^\s*(\w+)\s*=[^\n:]*:[^\n#]*\(\s*summed\s*\)", flags=re.M)

OF_PAIRINGS = {"now", "kind", "w_start", "w_end", "sampled", "weight_read", "moments", "happens", "lastupdate", "delay"}


def declared(model: "SynapseModel") -> set[str]:
    """Names of the equations and parameters of a rule, those of its neurons that it sums up left out."""
    code = re.sub(r"#.*", "", model.equations)
    found = {derivative or name for derivative, name in DECLARED.findall(code)}
    return (found | set(model.parameters)) - set(SUMMED.findall(code))


def renamed(model: "SynapseModel") -> dict[str, str]:
    """Own names of a rule that would be taken for a neuron's or a pairing's, and the names used instead."""
    return {name: f"{name}_" for name in sorted(declared(model))
            if name.endswith(("_pre", "_post")) or name in OF_PAIRINGS}


def for_brian(model: "SynapseModel") -> "SynapseModel":
    """The rule with its own names renamed for Brian2; the rule itself if nothing has to change."""
    names = renamed(model)
    if not names:
        return model
    any_name = "|".join(names)
    pattern = re.compile(rf"\b(d(?=(?:{any_name})\s*/\s*dt\b))?({any_name})\b")

    def told(value):
        if isinstance(value, Mapping):
            return {names.get(key, key): told(item) for key, item in value.items()}
        return pattern.sub(lambda found: (found[1] or "") + names[found[2]], value) if isinstance(value, str) else value

    kept = ("source", "name", "file", "text", "made_of", "neuron", "method", "functions", "inputs", "on_event")
    fields = {field.name: told(getattr(model, field.name)) for field in dataclasses.fields(model)
              if field.name not in kept}
    return unchecked(model, **fields, on_event={event: told(code) for event, code in model.on_event.items()})


def unchecked(model: "SynapseModel", **fields) -> "SynapseModel":
    """A copy of a record with other fields, which are not checked."""
    made = object.__new__(type(model))
    made.__dict__.update(model.__dict__ | fields)
    return made
