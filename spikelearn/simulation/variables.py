"""Variables of a network by their name "object.variable": what they are, and values for them, with units checked."""
import brian2
import numpy as np
from brian2 import Quantity, TimedArray

from spikelearn.equations.units import unit_text
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.brian_internals.objects import delays, pathways


def find(name, objects, timed_arrays):
    """The Brian2 variable "object.variable", or the TimedArray, with this name. objects, timed_arrays : name -> it."""
    if name in timed_arrays:
        return timed_arrays[name]
    owner, _, variable = name.partition(".")
    if owner not in objects:
        known = alternatives(owner, [*objects, *timed_arrays])
        raise SpikelearnError(f"the network has no '{owner}'{known}")
    item = objects[owner]
    late = any(item.variables.get(variable) is delays(pathway) for pathway in pathways(item))      # of a built program
    if variable not in item.variables or late:
        raise SpikelearnError(f"'{owner}' has no variable '{variable}'{alternatives(variable, item.variables)}")
    return item.variables[variable]


def checked_value(name, target, value):
    """Plain array of a value in base units, its unit and shape checked. target : the variable of that name."""
    dimensions = brian2.get_dimensions(value)
    if dimensions is not target.dim:
        raise SpikelearnError(f"'{name}' has the unit {unit_text(target.dim)}, not {unit_text(dimensions)}")
    array = np.asarray(value)
    wanted = target.values.shape if isinstance(target, TimedArray) else None
    if wanted is not None and array.shape != wanted:
        raise SpikelearnError(f"'{name}' has the shape {wanted}, not {array.shape}")
    return array


def with_unit(variable, array):
    """The content of a variable as it is returned: (n_recorded, n_steps) for records, with its unit."""
    array = np.array(array.T if getattr(variable, "ndim", 1) == 2 or np.ndim(array) == 2 else array)
    if variable.scalar and array.size == 1:
        array = array.reshape(())
    return array if variable.dim is brian2.get_dimensions(1) else Quantity(array, dim=variable.dim)


def size_of(variable):
    """How many values a variable holds; 0 if only the program knows."""
    try:
        return int(np.prod(variable.size))
    except Exception:
        return 0
