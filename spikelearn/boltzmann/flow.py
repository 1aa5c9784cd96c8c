"""The objective of variational probability flow: how fast the data are left by flips, and its gradient.

Unit j flips at the rate delta_j = exp((1/2 - y_j) z_j), z_j its input; the objective is the mean of the summed rates
over the data: minimum probability flow (Sohl-Dickstein et al. 2011), with sampled hidden units variational probability
flow, VPF (Liu & Lin 2017, arXiv:1711.07732). `states` is a list with an (n, units) array of 0 and 1 for each layer.
"""
import numpy as np

from spikelearn.boltzmann.machine import Machine, layer_input


def flip_rate(u, saturation=np.inf):
    """(rate, its slope) of flips at u = (1/2 - y) z: exp(u), which grows linearly beyond u = saturation."""
    slope = np.exp(np.minimum(u, u.dtype.type(saturation)))
    return slope * (1 + np.maximum(u - u.dtype.type(saturation), 0)), slope


def flow(machine, states, *, saturation=np.inf, hidden_flips=True):
    """(K, its gradient as a Machine): K is the mean over the data of the summed rates of flipping.

    The gradient of lateral weights is for both symmetric entries moving together.

    saturation : as in flip_rate; hidden_flips : whether flips of the topmost of several layers count
    """
    n, K, pull = len(states[0]), 0., []
    for k, y in enumerate(states):
        if not hidden_flips and 0 < k == len(states) - 1:
            pull.append(np.zeros_like(y))
            continue
        alpha = 0.5 - y
        rate, slope = flip_rate(alpha * layer_input(machine, states, k), saturation)
        K += float(rate.sum(dtype=np.float64)) / n
        pull.append(alpha * slope / n)
    biases = [p.sum(axis=0) for p in pull]
    weights = [_between(states[k:k + 2], pull[k:k + 2]) for k in range(len(machine.weights))]
    lateral = [None if J is None else _both_ways(y, p)
               for J, y, p in zip(machine.lateral, states, pull, strict=True)]
    return K, Machine(biases, weights, lateral)


def pair_flow(machine, states, **kind):
    """(K, its gradient as a Machine), K summed over the pairs of neighbouring layers, each a machine by itself.

    For one or two layers the same as flow; beyond, a hidden layer is asked twice, with the layer below and with the
    layer above as its only neighbour. kind : saturation and hidden_flips as in flow, for each pair
    """
    if len(states) < 3:
        return flow(machine, states, **kind)
    total, biases, lateral, weights = 0., [0] * len(states), [0] * len(states), []
    for k, w in enumerate(machine.weights):
        both = slice(k, k + 2)
        K, gradient = flow(Machine(machine.biases[both], (w,), machine.lateral[both]), states[both], **kind)
        total += K
        weights.append(gradient.weights[0])
        for layer, b, J in zip((k, k + 1), gradient.biases, gradient.lateral, strict=True):
            biases[layer] = biases[layer] + b
            lateral[layer] = None if J is None else lateral[layer] + J
    return total, Machine(biases, weights, lateral)


def _between(states, pull):
    (lower, upper), (pull_lower, pull_upper) = states, pull
    gradient = pull_lower.T @ upper
    return gradient + lower.T @ pull_upper if pull_upper.any() else gradient


def _both_ways(y, pull):
    change = y.T @ pull
    change += change.T.copy()
    np.fill_diagonal(change, 0)
    return change


# --- centring ----------------------------------------------------------------------------------------------------

def centred(gradient, means):
    """The gradient of K for weights that join centred states y - mean, as a Machine.

    The input is then z_j = c_j + sum w_ij (y_i - mean_i); the gradient of c is that of the biases. means : (n_l,) for
    each layer
    """
    b = gradient.biases
    weights = [w - np.outer(means[k], b[k + 1]) - np.outer(b[k], means[k + 1])
               for k, w in enumerate(gradient.weights)]
    return Machine(b, weights, [None if J is None else _without_diagonal(J - _symmetric(means[k], b[k]))
                                for k, J in enumerate(gradient.lateral)])


def make_up(machine, before, means):
    """Biases b = c - sum w_ij mean_i follow the weights that have changed since `before`, in place.

    before : the Machine whose weights were those before the step; means : (n_l,) for each layer
    """
    for k, b in enumerate(machine.biases):
        if k > 0:
            b -= means[k - 1] @ (machine.weights[k - 1] - before.weights[k - 1])
        if k < len(machine.weights):
            b -= (machine.weights[k] - before.weights[k]) @ means[k + 1]
        if machine.lateral[k] is not None:
            b -= means[k] @ (machine.lateral[k] - before.lateral[k])


def _symmetric(a, b):
    both = np.outer(a, b)
    return both + both.T


def _without_diagonal(J):
    np.fill_diagonal(J, 0)
    return J


# --- homeostasis -------------------------------------------------------------------------------------------------

def activity(machine, states, k):
    """Mean over the data of P(y_k = 1 | the layer below), (units,): the layer above and lateral weights left out."""
    z = layer_input(machine, states, k, own=False, above=False)
    return (0.5 * np.tanh(0.5 * z) + 0.5).mean(axis=0)
