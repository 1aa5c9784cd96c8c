"""The same network trained by back-propagation, as an ordinary denoising auto-encoder.

Vincent et al. (2008) ICML: the pixels are corrupted, go up through every f and down through every g, and the images
themselves are the target. One loss at the pixels, one chain rule through all layers: what target
propagation does without.
"""
import numpy as np

from spikelearn.generative.model import UNITS
from spikelearn.generative.sampling import in_parts


def backpropagated_gradients(model, states, corrupted):
    """(squared error, name -> derivative of the loss), the loss -log p(x | reconstruction), mean over the images.

    In place of generative_training.local_gradients: only the states of x, and corrupted, are used.
    """
    x, passed = states[0], [corrupted[0]]
    layers = [*((f"f{k}", f) for k, f in enumerate(model.f, start=1)),
              *((f"g{k}", g) for k, g in reversed(list(enumerate(model.g, start=1))))]
    for _, layer in layers:
        passed.append(layer(passed[-1]))
    error = passed[-1] - x
    total, gradients = float(np.vdot(error, error)) / len(x), {}
    delta = -layers[-1][1].delta(x, passed[-1]) / len(x)
    for position in range(len(layers) - 1, -1, -1):
        name, layer = layers[position]
        below = passed[position]
        gradients |= {f"weights_{name}": below.T @ delta, f"biases_{name}": delta.sum(axis=0)}
        if position:
            delta = (delta @ layer.weights.T) * UNITS[layers[position - 1][1].unit].slope(below)
    return total, gradients


def generated_by_chain(model, prior, n, rng, corrupt, *, rounds=10):
    """Sampling chain of the auto-encoder (Bengio et al. 2013 NIPS): corrupt, encode, decode, repeatedly.

    Begun from the prior of the top layer. Returns (n, pixels), the last means.
    """
    def walked(top):
        for turn in range(rounds):
            x = top
            for g in reversed(model.g):
                x = g(x)
            if turn + 1 < rounds:
                top = corrupt(x, rng)
                for f in model.f:
                    top = f(top)
        return x

    return in_parts(walked, prior.drawn(n, rng))
