"""Sampling from a trained Boltzmann machine: completion of partly hidden images, and unconditional samples."""
import numpy as np

from spikelearn.boltzmann.machine import bottom_up, drawn, hidden_probability, layer_input, resampled, sigmoid
from spikelearn.errors import SpikelearnError

CORRUPTIONS = ("rows", "columns", "top", "bottom", "left", "right", "pixels")


def hidden_part(corruption, n, side, rng, share=0.5):
    """Which pixels are hidden, (n, side * side) bool.

    corruption : "rows", "columns", "pixels" = a random `share` of them, drawn anew for each image; "top", "bottom",
    "left", "right" = that share of the image
    Raises SpikelearnError for an unknown corruption, and for a share that hides nothing.
    """
    count = round(share * side)
    if corruption in CORRUPTIONS and not 1 <= round(share * side * (side if corruption == "pixels" else 1)):
        raise SpikelearnError(f"share must hide at least one {'pixel' if corruption == 'pixels' else 'line'} of images "
                              f"of {side} x {side} pixels, not {share:g}")
    mask = np.zeros((n, side, side), bool)
    if corruption in ("rows", "columns"):
        lines = rng.random((n, side)).argsort(axis=1) < count
        mask |= lines[:, :, None] if corruption == "rows" else lines[:, None, :]
    elif corruption == "pixels":
        mask = rng.random((n, side * side)).argsort(axis=1) < round(share * side * side)
    elif corruption in ("top", "left"):
        mask[(slice(None), slice(count)) if corruption == "top" else (slice(None), slice(None), slice(count))] = True
    elif corruption in ("bottom", "right"):
        mask[(slice(None), slice(side - count, None)) if corruption == "bottom"
             else (slice(None), slice(None), slice(side - count, None))] = True
    else:
        raise SpikelearnError(f"there is no corruption '{corruption}'; known: {', '.join(CORRUPTIONS)}")
    return mask.reshape(n, side * side)


def reconstructed(machine, images, hidden, rng, steps=100, average=0):
    """The hidden pixels filled in by Gibbs sampling in an RBM, all others clamped: (n, visible).

    images : (n, visible) 0 or 1; hidden : (n, visible) bool. The chains start with the hidden pixels drawn at random.
    average : the last steps over which P(v = 1 | h) of the hidden pixels is averaged; 0 = the last sample itself
    """
    sample, mean = both_readings(machine, images, hidden, rng, steps, average)
    return mean if average else sample


def both_readings(machine, images, hidden, rng, steps=100, average=20):
    """As `reconstructed`, both readings of the same chains: (last sample, mean over the last `average` steps)."""
    if steps < 1:
        raise SpikelearnError(f"steps must be at least 1, not {steps}: nothing would be filled in")
    if not 0 <= average <= steps:
        raise SpikelearnError(f"average must lie from 0 to steps={steps}, not {average}: it counts the last steps")
    images = np.asarray(images, machine.dtype)
    coin = np.full_like(images, 0.5)
    v, total = np.where(hidden, drawn(coin, rng), images), 0
    for step in range(steps):
        h = drawn(hidden_probability(machine, v), rng)
        p = sigmoid(layer_input(machine, [None, h], 0))
        v = np.where(hidden, drawn(p, rng), images)
        if step >= steps - average:
            total = total + p
    return v, np.where(hidden, total / average, images) if average else None


def mean_activation(machine, x, rng, part=2000):
    """Mean of the top layer when images are passed bottom-up, (units,). x : (n, visible) probabilities of pixels."""
    total = 0
    for first in range(0, len(x), part):
        visible = drawn(np.asarray(x[first:first + part], machine.dtype), rng)
        total = total + bottom_up(machine, visible, rng)[-1].sum(axis=0, dtype=float)
    return total / len(x)


def generated(machine, n, rng, *, prior=None, top_steps=100, steps=1):
    """Unconditional samples as grey images: visible probabilities, (n, visible) (Liu & Lin 2017).

    prior : (units of the top layer,) probabilities it is drawn with ("DBM-p": mean activations on the data); None =
    a fair coin each ("DBM-r"). top_steps : Gibbs steps between the two topmost layers; then, going down, `steps`
    Gibbs steps of each pair of layers as if they were alone. A layer with lateral weights is swept in fixed order.
    """
    return generated_after(machine, n, rng, (top_steps,), prior=prior, steps=steps)[top_steps]


def generated_after(machine, n, rng, several, *, prior=None, steps=1):
    """As `generated`, from one chain after several numbers of top steps: number -> (n, visible) images."""
    for name, count in (("top_steps", min(several)), ("steps", steps), ("samples", n)):
        if count < 1:
            raise SpikelearnError(f"{name} must be at least 1, not {count}")
    top, found = len(machine.sizes) - 1, {}
    p = np.full(machine.sizes[top], 0.5) if prior is None else np.asarray(prior)
    states = [None] * (top + 1)
    states[top] = drawn(np.broadcast_to(p.astype(machine.dtype), (n, len(p))), rng)
    for step in range(1, max(several) + 1):
        _pair_step(machine, states, top, rng)
        if step in several:
            found[step] = _passed_down(machine, states, rng, steps)
    return found


def _pair_step(machine, states, upper, rng):
    """A Gibbs step of two layers as if they were alone: the upper one, if the lower one is there, then the lower."""
    lower = upper - 1
    if states[lower] is not None:
        states[upper] = resampled(machine, states, upper, rng, above=False)
    elif machine.lateral[lower] is not None:
        states[lower] = drawn(sigmoid(layer_input(machine, states, lower, own=False, below=False)), rng)
    states[lower] = resampled(machine, states, lower, rng, below=False)


def _passed_down(machine, states, rng, steps):
    """Visible probabilities once the lower pairs have been sampled one after the other; `states` stays as it is."""
    states = list(states)
    for upper in range(len(states) - 2, 0, -1):
        states[upper - 1] = None
        for _ in range(steps):
            _pair_step(machine, states, upper, rng)
    return sigmoid(layer_input(machine, states, 0))
