"""Boltzmann machines of binary units: parameters, energy, sampling.

Units stand in layers y[0] (visible), y[1], ...; weights join neighbouring layers, lateral weights the units of one
layer. One layer with lateral weights is a fully visible machine, two layers are a restricted Boltzmann machine (RBM),
more are a deep one (DBM). A `states` below is a list with an (n, units) array of 0 and 1 for each layer.
"""
import dataclasses

import numpy as np

from spikelearn.errors import SpikelearnError


@dataclasses.dataclass(frozen=True)
class Machine:
    """The parameters of a Boltzmann machine.

    biases : (n_l,) for each layer; weights : (n_l, n_{l+1}) for each pair of neighbours;
    lateral : for each layer (n_l, n_l), symmetric with a zero diagonal, or None
    """

    biases: tuple
    weights: tuple = ()
    lateral: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "biases", tuple(self.biases))
        object.__setattr__(self, "weights", tuple(self.weights))
        object.__setattr__(self, "lateral", tuple(self.lateral) or (None,) * len(self.biases))
        sizes = self.sizes
        if [w.shape for w in self.weights] != list(zip(sizes[:-1], sizes[1:], strict=True)):
            raise SpikelearnError(f"layers of {sizes} units need weights of (n, m) for each pair of neighbours, "
                                  f"not {[w.shape for w in self.weights]}")
        if len(self.lateral) != len(sizes):
            raise SpikelearnError(f"{len(sizes)} layers need as many lateral weights or None")
        for n, J in zip(sizes, self.lateral, strict=True):
            if J is not None and (J.shape != (n, n) or np.diag(J).any() or not np.array_equal(J, J.T)):
                raise SpikelearnError(f"the lateral weights of {n} units must be ({n}, {n}), symmetric, with a zero "
                                      "diagonal")

    @property
    def sizes(self):
        """Number of units of each layer."""
        return tuple(len(b) for b in self.biases)

    @property
    def dtype(self):
        """Precision of the parameters: float32 or float64."""
        return self.biases[0].dtype

    def arrays(self):
        """Every parameter array by its name: biases_0, weights_0, lateral_1, ..."""
        named = {f"{kind}_{k}": array for kind in ("biases", "weights", "lateral")
                 for k, array in enumerate(getattr(self, kind))}
        return {name: array for name, array in named.items() if array is not None}

    def mapped(self, change):
        """A new machine whose arrays are change(name, array) of these."""
        new = {name: change(name, array) for name, array in self.arrays().items()}
        return machine_of(new, len(self.biases))


def machine_of(arrays, layers):
    """The Machine with the named arrays, as Machine.arrays gives them."""
    return Machine(*(tuple(arrays.get(f"{kind}_{k}") for k in range(count))
                     for kind, count in (("biases", layers), ("weights", layers - 1), ("lateral", layers))))


def new_machine(sizes, *, lateral=(), mean=None, spread=0.01, bias=0.0, seed=0, dtype=np.float64):
    """A machine before learning: weights normal with standard deviation `spread`, lateral weights 0.

    sizes : units of each layer, visible first; lateral : numbers of the layers with lateral weights
    mean : (visible,) mean of the data, to which the visible biases are set, else 0; bias : of every hidden unit
    """
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, spread, shape).astype(dtype) for shape in zip(sizes[:-1], sizes[1:], strict=True)]
    biases = [np.full(n, bias if k else 0, dtype) for k, n in enumerate(sizes)]
    if mean is not None:
        p = np.clip(mean, 1e-4, 1 - 1e-4)        # chosen here: pixels that are never on keep a finite bias
        biases[0] = np.log(p / (1 - p)).astype(dtype)
    return Machine(biases, weights, [np.zeros((n, n), dtype) if k in lateral else None for k, n in enumerate(sizes)])


def is_restricted(machine):
    """Whether it is an RBM: two layers without lateral weights."""
    return len(machine.biases) == 2 and all(J is None for J in machine.lateral)


# --- energy -------------------------------------------------------------------------------------------------------

def layer_input(machine, states, k, own=True, below=True, above=True):
    """Input z of layer k, (n, units); own, below, above : which weights count. Layers not needed may be None."""
    z = machine.biases[k]
    if below and k > 0:
        z = z + states[k - 1] @ machine.weights[k - 1]
    if above and k < len(machine.weights):
        z = z + states[k + 1] @ machine.weights[k].T
    if own and machine.lateral[k] is not None:
        z = z + states[k] @ machine.lateral[k]
    return z


def energy(machine, states):
    """E(y) = - sum b y - sum y_l W_l y_{l+1} - 1/2 sum y_l J_l y_l, (n,)."""
    E = -sum(y @ b for y, b in zip(states, machine.biases, strict=True))
    for k, w in enumerate(machine.weights):
        E = E - np.einsum("ni,ni->n", states[k] @ w, states[k + 1])
    for y, J in zip(states, machine.lateral, strict=True):
        if J is not None:
            E = E - np.einsum("ni,ni->n", y @ J, y) / 2
    return E


# --- sampling ----------------------------------------------------------------------------------------------------

def sigmoid(z):
    """1/(1 + exp(-z)), without overflow. z : any shape."""
    return 0.5 * np.tanh(0.5 * z) + 0.5


def drawn(p, rng):
    """0 or 1 with the probabilities p, in their type."""
    return (rng.random(p.shape, dtype=p.dtype) < p).astype(p.dtype)


def hidden_probability(machine, visible):
    """P(h = 1 | v) of an RBM, (n, hidden)."""
    return sigmoid(layer_input(machine, [visible, None], 1))


def visible_probability(machine, hidden):
    """P(v = 1 | h) of an RBM, (n, visible)."""
    return sigmoid(layer_input(machine, [None, hidden], 0))


def sweep(z, y, J, rng, block=32):
    """Units of a layer sampled one after the other in their order, each reading the new values before it, in place.

    z : (n, units) input without the lateral part, is used up; y : (n, units) old values; J : (units, units)
    block : how many lateral inputs are brought up to date at once; the result does not depend on it
    """
    z += y @ J
    for first in range(0, y.shape[1], block):
        part = slice(first, min(first + block, y.shape[1]))
        inner, inputs, old = J[part, part], np.asfortranarray(z[:, part]), y[:, part].copy()
        u = np.asfortranarray(rng.random(inputs.shape, dtype=z.dtype))
        change = np.zeros_like(inputs)
        for j in range(inputs.shape[1]):
            p = sigmoid(inputs[:, j] + change[:, :j] @ inner[:j, j])
            change[:, j] = (u[:, j] < p) - old[:, j]
        y[:, part] = old + change
        z[:, part.stop:] += change @ J[part, part.stop:]
    return y


def resampled(machine, states, k, rng, **which):
    """A new draw of layer k given its neighbours; with lateral weights one sweep in fixed order from states[k]."""
    z = np.atleast_2d(layer_input(machine, states, k, own=False, **which))
    if machine.lateral[k] is None:
        return drawn(sigmoid(z), rng)
    return sweep(z, states[k].copy(), machine.lateral[k], rng)


def bottom_up(machine, visible, rng):
    """Hidden layers drawn one after the other, the input from above taken as 0: states. Exact for an RBM.

    A layer with lateral weights is first drawn as if it had none, then swept once (Liu & Lin 2017).
    """
    states = [visible]
    for k in range(1, len(machine.biases)):
        z = layer_input(machine, [*states, None], k, own=False, above=False)
        states.append(drawn(sigmoid(z), rng))
        if machine.lateral[k] is not None:
            sweep(z, states[k], machine.lateral[k], rng)
    return states
