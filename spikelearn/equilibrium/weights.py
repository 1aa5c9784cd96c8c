"""The weights of a layered network: their names and shapes, and whether those that are given fit."""
from collections.abc import Mapping

import numpy as np

from spikelearn.errors import SpikelearnError, alternatives


def shapes_of(sizes):
    """Name -> number of weights. sizes : (pixels, hidden, ..., classes). The first holds biases as its last row."""
    shapes = {}
    for k, (below, above) in enumerate(zip(sizes, sizes[1:]), 1):
        shapes[f"synapses_{k}.w"] = (below + (k == 1)) * above
        if k > 1:
            shapes[f"biases_{k}.w"] = above
    return shapes


def checked_weights(weights, sizes, sparse=False):
    """Weights as arrays, name -> (n,) array, refused unless each of the network is there, of its shape and finite.

    sparse : whether some of the connections were left out, so that there may be fewer weights.
    Raises SpikelearnError.
    """
    wanted = shapes_of(sizes)
    if not isinstance(weights, Mapping):
        raise SpikelearnError(f"weights must be a dict, name -> array, not {type(weights).__name__}")
    for name in wanted:
        if name not in weights:
            raise SpikelearnError(f"weights must name {', '.join(wanted)}, but '{name}' is missing")
    for name in weights:
        if name not in wanted:
            raise SpikelearnError(f"weights must be those of the network, which has no '{name}'"
                                  f"{alternatives(str(name), wanted)}")
    return {name: _fitting(name, w, wanted[name], sparse) for name, w in weights.items()}


def _fitting(name, values, size, sparse):
    try:
        w = np.asarray(values)
    except ValueError as error:
        raise SpikelearnError(f"weights '{name}' must be an array, not lists of unequal lengths") from error
    if w.ndim != 1 or not (w.size == size or sparse and 1 < w.size < size):
        raise SpikelearnError(f"weights '{name}' must have the shape ({size},), not {w.shape}")
    if w.dtype.kind not in "iuf":
        raise SpikelearnError(f"weights '{name}' must be numbers, not {w.dtype}")
    if not np.isfinite(w).all():
        raise SpikelearnError(f"weights '{name}' hold values that are not a number or infinite")
    return w
