"""Feedforward layers: the pass, back-propagation written out, and the energy whose free phase is that pass.

E = sum_l |h_l - f_l(h_{l-1})|^2 with f_l(h) = rho(h W_l + b_l), h_0 the input: Bengio's slides at NIPS 2016. States are
lists of (images, units) from the first hidden layer to the outputs; weights : list of (pre, post); biases : list of
(post,); gradients by parameters are sums over the images.
"""
import numpy as np

from spikelearn.equilibrium.energy import LOGISTIC
from spikelearn.errors import SpikelearnError


def random_layers(sizes, rng, gain=0.7):
    """(weights, biases), weights with standard deviation gain/sqrt(pre), around the middle of rho."""
    weights = [gain * rng.standard_normal(shape) / np.sqrt(shape[0])
               for shape in zip(sizes[:-1], sizes[1:], strict=True)]
    return weights, [.5 - w.sum(axis=0) / 2 for w in weights]


def forward(weights, biases, x, rho=LOGISTIC):
    """The feedforward pass: list of the layers' values."""
    states = []
    for w, b in zip(weights, biases, strict=True):
        states.append(rho.value((states[-1] if states else x) @ w + b))
    return states


def backpropagation(weights, biases, x, target, rho=LOGISTIC):
    """Gradients of C = 1/2 sum |h_L - target|^2: (by weights, by biases, by the layers' values), three lists."""
    states = [x, *forward(weights, biases, x, rho)]
    by_state, by_weights, by_biases = [states[-1] - target], [], []
    for w, b, below in zip(weights[::-1], biases[::-1], states[-2::-1], strict=True):
        delta = by_state[0] * rho.slope(below @ w + b)
        by_weights.insert(0, below.T @ delta)
        by_biases.insert(0, delta.sum(axis=0))
        by_state.insert(0, delta @ w.T)
    return by_weights, by_biases, by_state[1:]


def errors(weights, biases, x, states, rho=LOGISTIC):
    """h_l - f_l(h_{l-1}) of each layer, and the slope of rho there: two lists."""
    inputs = [below @ w + b for below, w, b in zip([x, *states[:-1]], weights, biases, strict=True)]
    return [h - rho.value(z) for h, z in zip(states, inputs, strict=True)], [rho.slope(z) for z in inputs]


def energy(weights, biases, x, states, rho=LOGISTIC):
    """E summed over images and layers."""
    return sum((error ** 2).sum() for error in errors(weights, biases, x, states, rho)[0])


def relax(weights, biases, x, states, *, beta=0.0, target=0.0, step=0.1, steps=1000, rho=LOGISTIC, visit=None):
    """Gradient descent on E + beta*C in the state; `visit(states)` is called before each step. Returns the states.

    Raises SpikelearnError for a beta of -2 and below, with which E + beta*C has no minimum: E holds s^2 of an output.
    """
    if not beta > -2:
        raise SpikelearnError(f"a nudge beta must be below 2 where it is centred, not {-beta:g}: with -beta the energy "
                              "has no minimum")
    states = [h.copy() for h in states]
    for _ in range(steps):
        if visit is not None:
            visit(states)
        error, slope = errors(weights, biases, x, states, rho)
        pull = [2 * (e * f) @ w.T for e, f, w in zip(error[1:], slope[1:], weights[1:], strict=True)]
        pull.append(-beta * (states[-1] - target))
        for h, e, p in zip(states, error, pull, strict=True):
            h += step * (p - 2 * e)
    return states


def by_parameters(weights, biases, x, states, rho=LOGISTIC):
    """(dE/dW, dE/db) at the states: two lists."""
    error, slope = errors(weights, biases, x, states, rho)
    deltas = [-2 * e * f for e, f in zip(error, slope, strict=True)]
    return ([below.T @ d for below, d in zip([x, *states[:-1]], deltas, strict=True)],
            [d.sum(axis=0) for d in deltas])
