"""Mappings that cannot be changed, for frozen records."""
from collections.abc import Mapping
from types import MappingProxyType


def frozen(value):
    """A read-only copy of a mapping; quantities in it are read-only too."""
    from brian2 import Quantity

    if isinstance(value, Mapping):
        return MappingProxyType({name: frozen(item) for name, item in value.items()})
    if isinstance(value, Quantity):
        value = Quantity(value, copy=True)
        value.setflags(write=False)
    return value


def thawed(value):
    """A mapping as dicts again."""
    return {name: thawed(item) for name, item in value.items()} if isinstance(value, Mapping) else value
