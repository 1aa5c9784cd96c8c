"""The energy of leaky integrators, its gradient, its relaxation, and exact gradients of a cost at its minimum.

E(s) = sum s^2/2 - 1/2 sum_{i != j} w_ij rho(s_i) rho(s_j) - sum b rho(s), Bengio & Fischer (2015) arXiv:1510.02777,
eq. 6; a nudge of strength beta adds beta*C, C = 1/2 sum over the outputs of (s - target)^2. Everything takes leading
axes for networks or states side by side. `exact_gradient` differentiates the fixed point (implicitly), so that it can
judge the learning rules, which it does not use. A clamped input is part of the bias: `clamp`.
"""
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError


class Rho(NamedTuple):
    """A nonlinearity with its first two derivatives: functions of an array."""

    value: Callable
    slope: Callable
    curvature: Callable


def _logistic(s):
    return 1 / (1 + np.exp(-np.clip(4 * s - 2, -500, 500)))


def _logistic_slope(s):
    r = _logistic(s)
    return 4 * r * (1 - r)


def _logistic_curvature(s):
    r = _logistic(s)
    return 16 * r * (1 - r) * (1 - 2 * r)


HARD = Rho(lambda s: np.clip(s, 0, 1), lambda s: ((s >= 0) & (s <= 1)).astype(float), np.zeros_like)
LOGISTIC = Rho(_logistic, _logistic_slope, _logistic_curvature)     # from 0 to 1, slope 1 at 1/2: chosen here


class Nudge(NamedTuple):
    """A nudge of the outputs: strength beta, target : (..., outputs); the outputs are the last units of the state."""

    beta: float
    target: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Energy:
    """E(s). weights : (..., n, n) symmetric with a zero diagonal; bias : (..., n); rho : HARD or LOGISTIC.

    `asymmetric` admits weights that are not symmetric: then E is no energy of the dynamics, and only `velocity` and
    `jacobian` mean something. weights[i, j] leads from unit j to unit i.
    """

    weights: np.ndarray
    bias: np.ndarray
    rho: Rho = HARD
    asymmetric: bool = False

    def __post_init__(self):
        w = np.asarray(self.weights)
        if w.shape[-1] != w.shape[-2] or np.shape(self.bias)[-1] != w.shape[-1]:
            raise SpikelearnError(f"weights of shape {w.shape} and a bias of shape {np.shape(self.bias)} do not fit: "
                                  "(..., n, n) and (..., n) are needed")
        if np.any(np.diagonal(w, axis1=-2, axis2=-1)):
            raise SpikelearnError("the energy has no weight from a unit to itself: the diagonal must be 0")
        if not self.asymmetric and not np.allclose(w, np.swapaxes(w, -1, -2), rtol=1e-12, atol=1e-12):
            raise SpikelearnError("an energy needs symmetric weights; asymmetric=True admits others")

    def value(self, s, nudge=None):
        """E(s), plus beta*C if nudged. s : (..., n). Returns (...)."""
        r = self.rho.value(s)
        energy = (s * s / 2 - r * (_times(self.weights, r) / 2 + self.bias)).sum(axis=-1)
        return energy if nudge is None else energy + nudge.beta * cost(s, nudge.target)

    def velocity(self, s, nudge=None):
        """tau ds/dt = R(s) - s, plus beta*(target - s) at the outputs: -dE/ds if the weights are symmetric."""
        r = self.rho.value(s)
        velocity = self.rho.slope(s) * (_times(self.weights, r) + self.bias) - s
        if nudge is not None:
            velocity[..., -np.shape(nudge.target)[-1]:] -= nudge.beta * cost_gradient(s, nudge.target)
        return velocity

    def gradient(self, s, nudge=None):
        """dE/ds, (..., n)."""
        return -self.velocity(s, nudge)

    def jacobian(self, s, beta=0.0, outputs=0):
        """Derivative of `gradient` by the state, (..., n, n): the Hessian of E + beta*C for symmetric weights."""
        r, slope, curvature = (f(s) for f in self.rho)
        inside = -slope[..., :, None] * self.weights * slope[..., None, :]
        diagonal = 1 - curvature * (_times(self.weights, r) + self.bias)
        if outputs:
            diagonal[..., -outputs:] += beta
        return inside + diagonal[..., None] * np.eye(s.shape[-1])

    def by_parameters(self, s):
        """(dE/dw, dE/db) at the state s: (..., n, n), a weight counted once for both its places, and (..., n)."""
        r = self.rho.value(s)
        return -_off_diagonal(r[..., :, None] * r[..., None, :]), -r


def _times(weights, r):
    return np.einsum("...ij,...j->...i", weights, r)


def _off_diagonal(matrix):
    return matrix * (1 - np.eye(matrix.shape[-1]))


def cosine(a, b):
    """Cosine of the angle between vectors, which lie along the last axis."""
    return (a * b).sum(axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def cost(s, target):
    """C = 1/2 sum (s - target)^2 over the outputs, the last units of s. Returns (...)."""
    return (cost_gradient(s, target) ** 2).sum(axis=-1) / 2


def cost_gradient(s, target):
    """dC/ds at the outputs, (..., outputs)."""
    return s[..., -np.shape(target)[-1]:] - target


# --- relaxation ------------------------------------------------------------------------------------------------

def check_nudge(nudge):
    """Refuse a nudge by -1 and below: E + beta*C then has no minimum, as s^2/2 no longer outweighs beta*s^2/2."""
    if nudge is not None and not np.all(np.asarray(nudge.beta) > -1):
        worst = float(-np.min(nudge.beta))
        raise SpikelearnError(f"a nudge beta must be below 1 where it is centred, not {worst:g}: with -beta the "
                              "energy has no minimum")


def relax(energy, s, nudge=None, *, step=0.1, steps=1000):
    """Euler steps of tau ds/dt = velocity; step = dt/tau. Returns the last state."""
    check_nudge(nudge)
    s = np.array(s, dtype=float)
    for _ in range(steps):
        s += step * energy.velocity(s, nudge)
    return s


def settle(energy, s, nudge=None, *, step=0.1, steps=2000, newton=8):
    """The fixed point that s relaxes to, to the last digits: Euler steps, then Newton's where they come nearer."""
    s = relax(energy, s, nudge, step=step, steps=steps)
    outputs = 0 if nudge is None else np.shape(nudge.target)[-1]
    for _ in range(newton):
        slope = energy.gradient(s, nudge)
        jacobian = energy.jacobian(s, 0 if nudge is None else nudge.beta, outputs)
        nearer = s - np.linalg.solve(jacobian, slope[..., None])[..., 0]
        better = np.linalg.norm(energy.gradient(nearer, nudge), axis=-1) < np.linalg.norm(slope, axis=-1)
        better &= np.linalg.norm(nearer - s, axis=-1) < 0.1     # no leap into another mode; chosen here
        s = np.where(better[..., None], nearer, s)
    return s


def langevin(energy, s, temperature, nudge=None, *, step=0.02, steps=1000, rng, visit=None):
    """Langevin dynamics with the stationary law exp(-E/temperature); `visit(s)` is called after every step.

    step = dt/tau. The noise of two successive steps is averaged, which makes the error of the law second order in the
    step: Leimkuhler & Matthews (2013) Appl Math Res Express 2013:34. Returns the last state.
    """
    check_nudge(nudge)
    s, size = np.array(s, dtype=float), np.sqrt(2 * temperature * step)
    before = rng.standard_normal(s.shape)
    for _ in range(steps):
        now = rng.standard_normal(s.shape)
        s += step * energy.velocity(s, nudge) + size * (before + now) / 2
        before = now
        if visit is not None:
            visit(s)
    return s


# --- gradients by the parameters ---------------------------------------------------------------------------------

def exact_gradient(energy, s, target):
    """(dJ/dw, dJ/db) of J = C(fixed point), by implicit differentiation. s : (..., n) a fixed point of E.

    With H the Hessian and a = H^-1 dC/ds: dJ/db = a rho', dJ/dw_ij = a_i rho'_i rho_j + a_j rho'_j rho_i.
    Shapes as those of `Energy.by_parameters`.
    """
    error = np.zeros_like(s)
    error[..., -np.shape(target)[-1]:] = cost_gradient(s, target)
    a = np.linalg.solve(energy.jacobian(s), error[..., None])[..., 0] * energy.rho.slope(s)
    one = a[..., :, None] * energy.rho.value(s)[..., None, :]
    return _off_diagonal(one + np.swapaxes(one, -1, -2)), a


def contrast(energy, s_nudged, s_before, beta):
    """Equilibrium propagation's estimate of dJ/dtheta: (dE/dtheta at s_nudged - at s_before) / beta.

    Scellier & Bengio (2017) Front Comput Neurosci 11:24. Centred: s_before nudged by -beta, and 2*beta.
    """
    return tuple((after - before) / beta for after, before in
                 zip(energy.by_parameters(s_nudged), energy.by_parameters(s_before), strict=True))


def flat(gradients, mask):
    """One row of numbers of (by weights, by biases): the weights of the upper triangle where mask : (n, n), biases."""
    by_weights, by_biases = gradients
    rows, columns = np.nonzero(np.triu(mask, 1))
    return np.concatenate([by_weights[..., rows, columns], by_biases], axis=-1)


# --- layers ------------------------------------------------------------------------------------------------------

def layered(weights, back=None):
    """(n, n) weights of layers connected to their neighbours. weights : list of (..., pre, post), upwards.

    back : list of (..., pre, post), weight from post back to pre; None = tied, the same weights.
    """
    sizes = [weights[0].shape[-2], *(w.shape[-1] for w in weights)]
    ends = np.cumsum([0, *sizes])
    full = np.zeros((*weights[0].shape[:-2], ends[-1], ends[-1]))
    for k, (up, down) in enumerate(zip(weights, back or weights, strict=True)):
        low, high = slice(ends[k], ends[k + 1]), slice(ends[k + 1], ends[k + 2])
        full[..., high, low], full[..., low, high] = np.swapaxes(up, -1, -2), down
    return full


def clamp(energy, inputs):
    """The energy of the other units when the first ones are held. inputs : (..., m) states of the first m units."""
    m, w = np.shape(inputs)[-1], energy.weights
    bias = energy.bias[..., m:] + _times(w[..., m:, :m], energy.rho.value(np.asarray(inputs)))
    return dataclasses.replace(energy, weights=w[..., m:, m:], bias=bias)


def backpropagated(energy, s, target, sizes):
    """dC/dh of every layer, by back-propagation through R, layer by layer from the outputs down.

    s : (n,) state of layers of the given sizes, outputs last. Each layer is taken as the function R of the layer below
    it (Bengio & Fischer 2015, eq. 19-25), the rest of the state at its place. Returns a list, lowest layer first.
    """
    ends = np.cumsum([0, *sizes])
    layers = [slice(low, high) for low, high in zip(ends[:-1], ends[1:], strict=True)]
    slope, gradients = energy.rho.slope(s), [cost_gradient(s, target)]
    for below, above in zip(layers[-2::-1], layers[:0:-1], strict=True):
        up = slope[above, None] * energy.weights[above, below] * slope[below]     # dR_above / ds_below
        gradients.insert(0, gradients[0] @ up)
    return gradients
