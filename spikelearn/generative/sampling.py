"""Sampling from a trained generative model: images from its prior, and completion of hidden pixels.

Bengio et al. (2015) arXiv:1502.04156: GENERATE of Algorithm 2, top-down sampling, the joint denoising chain of eq.
9-11, filling-in of section 8. All give the means of the pixels, (n, pixels).
"""
import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.generative.inference import by_target_propagation
from spikelearn.generative.model import feedforward, top_down

PART = 500      # images worked on at once; chosen here


def in_parts(function, *arrays):
    """function of PART rows of each array at a time, joined. Raises SpikelearnError if the rows are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):      # what is not finite is refused below
        found = np.concatenate([function(*(array[first:first + PART] for array in arrays))
                                for first in range(0, len(arrays[0]), PART)])
    if not np.isfinite(found).all():
        raise SpikelearnError("the images became infinite or not-a-number during INFERENCE; choose a smaller delta, "
                              "alpha or generate_alpha")
    return found


def generated(model, prior, n, rng, *, rounds=3, steps=15, delta=.1, alpha=.3):
    """GENERATE: top layer from the prior, down to x, then `rounds` times INFERENCE and x = g1(h1)."""
    def refined(top):
        x = top_down(model, top)
        for _ in range(rounds):
            states = by_target_propagation(model, x, steps=steps, delta=delta, alpha=alpha)
            x = model.g[0](states[1])
        return x

    return in_parts(refined, prior.drawn(n, rng))


def generated_top_down(model, prior, n, rng):
    """Plain sampling of the directed model: top layer from the prior, then the means g down to x."""
    return in_parts(lambda top: top_down(model, top), prior.drawn(n, rng))


def generated_by_joint_chain(model, prior, n, rng, corruptions, *, steps=30):
    """The chain of the joint denoising auto-encoder over (x, h1, ..., hM), started from the prior.

    In every step all layers are corrupted; then x comes from h1, the top layer from the one below it, and each layer
    between from above or from below with probability 1/2, image by image. The conditionals give their means: the noise
    of the chain is the corruption (our reading; with their variance of 1 nothing would be left of a digit).
    """
    def walked(top):
        states = [top]
        for g in reversed(model.g):
            states.insert(0, g(states[0]))
        for _ in range(steps):
            states = joint_step(model, states, corruptions, rng)
        return states[0]

    return in_parts(walked, prior.drawn(n, rng))


def joint_step(model, states, corruptions, rng):
    """One transition of the joint chain, eq. 9-11: new states."""
    corrupted = [corrupt(h, rng) for corrupt, h in zip(corruptions, states, strict=True)]
    new = [model.g[0](corrupted[1])]
    for k in range(1, len(states) - 1):
        above = rng.random((len(corrupted[k]), 1)) < .5
        new.append(np.where(above, model.g[k](corrupted[k + 1]), model.f[k - 1](corrupted[k - 1])))
    return [*new, model.f[-1](corrupted[-2])]


def filled_in(model, x, hidden, *, rounds=20, steps=15, delta=.1, alpha=.001, watch=None):
    """Images with the hidden pixels filled in, the others as they were, (n, pixels).

    x : (n, pixels), whatever stands in the hidden pixels is where the inference begins; hidden : (n, pixels) bool.
    Each of the `rounds` is an INFERENCE in which only the known pixels pull, then x = g1(h1) in the hidden ones.
    watch : called with x at the start and after every round.
    """
    def fill(x, hidden):
        for _ in range(rounds):
            states = by_target_propagation(model, x, steps=steps, delta=delta, alpha=alpha, seen=~hidden)
            x = np.where(hidden, model.g[0](states[1]), x)
            if watch is not None:
                watch(x)
        return x

    if watch is not None:
        watch(x)
        return fill(x, hidden)
    return in_parts(fill, x, hidden)


def reconstructed(model, x):
    """g1(...gM(fM(...f1(x)))): up to the top and down again."""
    return in_parts(lambda part: top_down(model, feedforward(model, part)[-1]), x)
