"""Values as files hold them: arrays in SI base units with their units beside them, and what JSON can hold."""
import json
import math

import numpy as np

from spikelearn.errors import SpikelearnError


def entries(arrays: dict) -> dict:
    """The entries of the npz file: bare arrays in SI base units, and `units`."""
    from brian2 import get_dimensions, get_unit, is_dimensionless

    from spikelearn.equations.content import base_powers

    found, units = {}, {}
    for name, values in arrays.items():
        if name in ("units", "file") or "/" in name:
            raise SpikelearnError(f"an array of a result cannot be called '{name}'")
        try:
            found[name] = np.array(values)
        except ValueError:      # rows of different lengths
            found[name] = np.array(None)
        if found[name].dtype.kind not in "biufcUS":
            raise SpikelearnError(f"the array '{name}' of a result must hold numbers or text, in one shape")
        if found[name].dtype.kind in "fc" and not is_dimensionless(values):
            dimensions = get_dimensions(values)
            units[name] = {"unit": str(get_unit(dimensions)), "dimensions": base_powers(dimensions)}
    return {**found, "units": np.array(json.dumps(units))}


def with_unit(values: np.ndarray, unit: dict | None) -> np.ndarray:
    """An array with the unit that `entries` noted for it, or none."""
    if unit is None:
        return values
    from brian2 import Quantity, get_or_create_dimension

    return Quantity(values, dim=get_or_create_dimension(unit["dimensions"]))


def plain(value: object) -> object:
    """`value` as JSON can hold it: quantities with their unit, not-a-number as null."""
    if isinstance(value, dict) or hasattr(value, "keys"):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "dimensions") and not value.dimensions.is_dimensionless:
        from brian2 import get_unit

        unit = str(get_unit(value.dimensions))
        return {"value": plain(np.asarray(value)), "unit": unit, "shown": str(value)}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str | bool | None) else str(value)
