"""A deep generative model: a chain of layers with encoders f going up and decoders g going down, each learnt by itself.

Bengio et al. (2015) arXiv:1502.04156, section 4: p(x, h) = p(x|h1) p(h1|h2) ... p(hM) with the means g1, g2, ... and
q(h|x) = q(h1|x) q(h2|h1) ... with the means f1, f2, .... The weights of f and g are separate. Layers are counted from
the pixels, h0 = x; `model.f[k]` is the source's f_{k+1}, `model.g[k]` its g_{k+1}. A `states` below is the list
[x, h1, h2, ...] of (n, units) arrays.
"""
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError

LARGEST = 80.0          # exp of it is still a number in single precision
LOG_2_PI = np.log(2 * np.pi)


# --- units -------------------------------------------------------------------------------------------------------

def softplus(z):
    """log(1 + exp(z)), in place."""
    rest = np.minimum(z, LARGEST)
    np.exp(rest, out=rest)
    rest += 1
    np.log(rest, out=rest)
    return np.maximum(z, rest, out=z)


def sigmoid(z):
    """1 / (1 + exp(-z)), in place."""
    np.clip(z, -LARGEST, LARGEST, out=z)
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    return np.reciprocal(z, out=z)


class Unit(NamedTuple):
    """value : input -> activity, in place; slope : activity -> derivative of the activity by the input."""

    value: object
    slope: object


UNITS = {
    "softplus": Unit(softplus, lambda y: 1 - np.exp(-y)),
    "sigmoid": Unit(sigmoid, lambda y: y * (1 - y)),
    "linear": Unit(lambda z: z, np.ones_like),
}


# --- conditional distributions -----------------------------------------------------------------------------------

class Conditional(NamedTuple):
    """p(y | source): Gaussian of variance 1, or Bernoulli, around the mean unit(source W + b).

    weights : (pre, post); biases : (post,); unit : a key of UNITS; noise : "gaussian", or "bernoulli" of sigmoid units.
    Called with a source (n, pre) it gives the mean (n, post).
    """

    weights: np.ndarray
    biases: np.ndarray
    unit: str
    noise: str = "gaussian"

    def input(self, source):
        """Summed input before the nonlinearity. source : (n, below). Returns (n, units)."""
        z = source @ self.weights
        z += self.biases
        return z

    def __call__(self, source):
        return UNITS[self.unit].value(self.input(source))

    def log_probability(self, y, source):
        """log p(y | source) in nats, (n,); of Bernoulli units also for y between 0 and 1."""
        if self.noise == "bernoulli":
            z = self.input(source)
            return (y * z).sum(axis=1) - softplus(z).sum(axis=1)
        error = y - self(source)
        return -.5 * np.einsum("ij,ij->i", error, error) - .5 * error.shape[1] * LOG_2_PI

    def delta(self, y, mean):
        """Derivative of log p by the input of the units: the error, of Gaussian units times their slope."""
        error = y - mean
        if self.noise == "gaussian":
            error *= UNITS[self.unit].slope(mean)
        return error

    def by_value(self, y, source):
        """Derivative of log p by y, (n, post)."""
        return self.input(source) if self.noise == "bernoulli" else self(source) - y

    def by_source(self, y, source):
        """Derivative of log p by the source, (n, pre): the error carried down through this one layer."""
        return self.delta(y, self(source)) @ self.weights.T

    def by_parameters(self, y, source):
        """(squared error, derivatives of log p by weights and biases), means over the images: what a layer learns by.

        y : target, source : what the layer hears; nothing else enters.
        """
        mean = self(source)
        delta = self.delta(y, mean)
        mean -= y
        return float(np.vdot(mean, mean)) / len(y), source.T @ delta / len(y), delta.mean(axis=0)


# --- the model ---------------------------------------------------------------------------------------------------

class Model(NamedTuple):
    """units : of each layer, pixels first; f, g : the Conditionals going up and down, lowest first."""

    units: tuple
    f: tuple
    g: tuple

    @property
    def sizes(self):
        """Number of units of each layer, pixels first."""
        return (len(self.g[0].biases), *(len(f.biases) for f in self.f))

    @property
    def dtype(self):
        """Precision of the parameters."""
        return self.f[0].weights.dtype

    def arrays(self):
        """Every parameter array by its name: weights_f1, biases_f1, weights_g1, ... (the arrays themselves)."""
        return {f"{kind}_{way}{k}": getattr(layer, kind) for way in "fg"
                for k, layer in enumerate(getattr(self, way), start=1) for kind in ("weights", "biases")}

    def with_arrays(self, arrays):
        """The same model with other arrays, named as in `arrays`."""
        return self._replace(**{way: tuple(
            layer._replace(weights=arrays[f"weights_{way}{k}"], biases=arrays[f"biases_{way}{k}"])
            for k, layer in enumerate(getattr(self, way), start=1)) for way in "fg"})


def new_model(sizes, units=None, noise=None, *, mean=None, scale=1.0, bias=0.0, seed=1, dtype=np.float32):
    """A Model before learning: weights uniform as Glorot & Bengio (2010) have it, times `scale`; f and g independent.

    sizes, units : of each layer, pixels first; units: sigmoid pixels, softplus layers and a sigmoid top, as the source
    noise : of each layer, "gaussian" (the default, as the source) or "bernoulli"
    mean : (pixels,) mean image; sigmoid pixels start from it (chosen here)
    bias : of softplus units at the start; the lower, the smaller their activities
    Raises SpikelearnError.
    """
    sizes = tuple(int(n) for n in sizes)
    units = tuple(units or ("sigmoid", *("softplus",) * (len(sizes) - 2), "sigmoid"))
    noise = tuple(noise or ("gaussian",) * len(sizes))
    _refuse(sizes, units, noise)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))

    def layer(pre, post):
        bound = scale * np.sqrt(6 / (sizes[pre] + sizes[post]))
        weights = rng.uniform(-bound, bound, (sizes[pre], sizes[post])).astype(dtype)
        return Conditional(weights, np.full(sizes[post], bias if units[post] == "softplus" else 0, dtype), units[post],
                           noise[post])

    pairs = list(zip(range(len(sizes) - 1), range(1, len(sizes)), strict=True))
    model = Model(units, tuple(layer(low, high) for low, high in pairs), tuple(layer(high, low) for low, high in pairs))
    if mean is not None and units[0] == "sigmoid":
        m = np.clip(mean, .01, .99)
        model.g[0].biases[:] = np.log(m / (1 - m))
    return model


def _refuse(sizes, units, noise):
    if len(sizes) < 2 or min(sizes) < 1:
        raise SpikelearnError(f"a generative model needs pixels and at least one layer of units, not {sizes}")
    for kind, names, known in (("unit", units, UNITS), ("noise", noise, ("gaussian", "bernoulli"))):
        if len(names) != len(sizes):
            raise SpikelearnError(f"{len(sizes)} layers need as many names of their {kind}, not {len(names)}")
        for name in names:
            if name not in known:
                raise SpikelearnError(f"there is no {kind} '{name}'; known: {', '.join(known)}")
    if any(n == "bernoulli" and u != "sigmoid" for n, u in zip(noise, units, strict=True)):
        raise SpikelearnError("Bernoulli noise is for sigmoid units; take gaussian for the others")


def feedforward(model, x):
    """States with every layer at the mean of q: [x, f1(x), f2(f1(x)), ...]."""
    states = [x]
    for f in model.f:
        states.append(f(states[-1]))
    return states


def top_down(model, top):
    """x at the means of p: g1(g2(... top)). top : (n, units of the top layer)."""
    for g in reversed(model.g):
        top = g(top)
    return top


class Prior(NamedTuple):
    """p(hM), independent Gaussians. mean, variance : (units,)."""

    mean: np.ndarray
    variance: np.ndarray

    def log_probability(self, top):
        """log density of the top layer. top : (n, units). Returns (n,)."""
        return -.5 * ((top - self.mean) ** 2 / self.variance + np.log(self.variance) + LOG_2_PI).sum(axis=1)

    def drawn(self, n, rng):
        """(n, units) samples in the precision of the mean."""
        return rng.standard_normal((n, len(self.mean)), self.mean.dtype) * np.sqrt(self.variance) + self.mean


def log_joint(model, states, prior=None):
    """log p(x, h) in nats, (n,). prior : of the top layer; None = flat, as during the source's training."""
    total = sum(g.log_probability(low, high) for g, low, high in zip(model.g, states[:-1], states[1:], strict=True))
    return total if prior is None else total + prior.log_probability(states[-1])


def log_posterior_start(model, states):
    """log q(h | x) in nats, (n,)."""
    return sum(f.log_probability(high, low) for f, low, high in zip(model.f, states[:-1], states[1:], strict=True))
