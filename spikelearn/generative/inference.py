"""INFERENCE in a deep generative model: three ways to move the hidden layers towards high p(x, h).

Bengio et al. (2015) arXiv:1502.04156. `by_target_propagation` is INFERENCE of its Algorithm 2: f(x) - f(g(h)) stands
for the gradient of log p(x | h), eq. 12, and no derivative is taken anywhere. `by_gradient` is the MAP form of
Algorithm 1, gradient ascent on J = log p(x, h) + alpha log q(h | x), and `by_langevin` its MCMC form, the same with
noise. All start from a feedforward pass, go from the top layer to the lowest in every step, and return states
[x, h1, h2, ...]; each layer hears only its two neighbours. watch : called with the states at the start and after every
step.
"""
import numpy as np

from spikelearn.generative.model import feedforward


def by_target_propagation(model, x, *, steps=15, delta=.1, alpha=.001, watch=None, seen=None, upwards=False):
    """Algorithm 2, for any number of layers.

    x : (n, pixels). delta : step; alpha : strength of the pull of the layer above on all but the top layer.
    seen : (n, pixels) bool, the pixels that are known; the others are filled in from g1(h1) in every step, so that only
    the known ones pull at h1 (section 8). None = all. upwards : from the lowest layer to the top.
    """
    states = feedforward(model, x)
    decoded = {k: model.g[k - 1](states[k]) for k in range(2, len(states))}         # g_k(h_k)
    from_pixels = states[1].copy()
    _tell(watch, states)
    order = range(1, len(states)) if upwards else range(len(states) - 1, 0, -1)
    for _ in range(steps):
        for k in order:
            f, g = model.f[k - 1], model.g[k - 1]
            if k > 1:
                target = f(states[k - 1])
            else:
                decoded[1] = g(states[1])
                target = from_pixels if seen is None else f(np.where(seen, x, decoded[1]))
            pull = target - f(decoded[k])
            pull *= delta
            if k + 1 < len(states):
                above = decoded[k + 1] - states[k]
                above *= alpha
                pull += above
            states[k] += pull
            if k > 1:
                decoded[k] = g(states[k])
        _tell(watch, states)
    return states


def by_gradient(model, x, *, steps=15, delta=.1, alpha=.001, watch=None, noise=None):
    """MAP: steps of size delta up the gradient of J. noise : shape -> array added after each step, or None."""
    states = feedforward(model, x)
    _tell(watch, states)
    for _ in range(steps):
        for k in range(len(states) - 1, 0, -1):
            states[k] += delta * gradient(model, states, k, alpha)
            if noise is not None:
                states[k] += noise(states[k].shape)
        _tell(watch, states)
    return states


def by_langevin(model, x, *, rng, steps=15, delta=.1, alpha=.001, temperature=1.0, watch=None):
    """MCMC: Langevin dynamics without rejection (Welling & Teh 2011), noise of variance 2 delta temperature."""
    size = np.sqrt(2 * delta * temperature)
    return by_gradient(model, x, steps=steps, delta=delta, alpha=alpha, watch=watch,
                       noise=lambda shape: size * rng.standard_normal(shape, model.dtype))


def gradient(model, states, k, alpha):
    """Derivative of J = log p(x, h) + alpha log q(h | x) by layer k, (n, units), eq. 8; the top's prior is flat."""
    below, h = states[k - 1], states[k]
    total = model.g[k - 1].by_source(below, h)
    if k + 1 < len(states):
        total += model.g[k].by_value(h, states[k + 1])
    if alpha:
        total += alpha * model.f[k - 1].by_value(h, below)
        if k + 1 < len(states):
            total += alpha * model.f[k].by_source(states[k + 1], h)
    return total


def _tell(watch, states):
    if watch is not None:
        watch(states)


def cosines(model, x, offset=.0, rng=None):
    """Cosine between f(h_low) - f(g(h)) and the gradient of log p(h_low | h) by h: layer -> mean over the images.

    Measured after a feedforward pass. offset : standard deviation of noise added to h (chosen here), to look around it.
    """
    states, found = feedforward(model, x), []
    for f, g, low, h in zip(model.f, model.g, states[:-1], states[1:], strict=True):
        if offset:
            h = h + (offset * rng.standard_normal(h.shape)).astype(h.dtype)
        by_targets, exact = f(low) - f(g(h)), g.by_source(low, h)
        norms = np.linalg.norm(by_targets, axis=1) * np.linalg.norm(exact, axis=1)
        dots = np.einsum("ij,ij->i", by_targets, exact)
        found.append(float(np.mean(dots / np.maximum(norms, 1e-30))))
    return found
