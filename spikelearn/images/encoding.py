"""From images to rates and spikes: reference encoders in NumPy.

The networks encode in their own Brian2 equations, which the tests compare with the encoders here.
The mean of T steps misses p by about sqrt(p (1-p) / T) in a Poisson train, by less than 1/T in an
integrate-and-fire train.
"""
from numbers import Integral

import numpy as np
from brian2 import Hz, have_same_dimensions, second

from spikelearn.errors import SpikelearnError
from spikelearn.images.checked import check_movable


def scaled(images, scale):
    """Images as rows of numbers from 0 (black) to 1 (white).

    images : (n, height, width) uint8; scale : value of a white pixel (`Dataset.scale`)
    Returns (n, height * width) float64.
    """
    images = np.asarray(images)
    if images.ndim != 3:
        raise SpikelearnError(f"images must have the shape (n, height, width), not {images.shape}")
    if not scale > 0:
        raise SpikelearnError(f"scale must be above 0, not {scale!r}: it is the value of a white pixel")
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return _from_0_to_1(rows / scale, "pixel values divided by the scale")


def pixels_and_labels(examples, scale):
    """(x, labels) of a dataset's part: x (n, pixels) from 0 to 1, labels (n,) int."""
    return scaled(examples.images, scale), np.asarray(examples.labels, dtype=int)


def parts_for_training(data, images=0, most=None):
    """(x, labels) of the training images and of those held out, None without any; x in single precision for training.

    data : Dataset; images : how many to train on, 0 = all; most : how many are held out at most, None = all of them.
    """
    x, labels = (part[:images or None] for part in pixels_and_labels(data.train, data.scale))
    if not len(data.validation.labels):
        return x.astype(np.float32), labels, None
    return x.astype(np.float32), labels, tuple(part[:most] for part in pixels_and_labels(data.validation, data.scale))


def side_of(x):
    """Pixels of one side of square images. x : (..., side * side)."""
    side = round(np.sqrt(np.shape(x)[-1]))
    if side * side != np.shape(x)[-1]:
        raise SpikelearnError(f"images must be square, not of {np.shape(x)[-1]} pixels")
    return side


def moved(x, shift, rng):
    """Images moved by a random whole number of pixels, as by small eye movements; what enters at an edge is black.

    x : (n, side * side) square images; shift : pixels, the most in each direction; rng : numpy Generator.
    Returns an array like x.
    """
    x, side = _movable(x, shift)
    return _cut(x, side, shift, *rng.integers(0, 2 * shift + 1, (2, len(x), 1, 1)))


def glances(x, number):
    """Images as they are seen in so many glances: in place, then moved by one pixel to each side.

    x : (n, side * side) square images; number : 1; 5, with the four neighbouring places; or 9, with the diagonal ones.
    Returns a list of arrays like x. Raises SpikelearnError for another number, or if images are not square.
    """
    check_movable(x, number)
    if number == 1:
        return [np.asarray(x)]
    x, side = _movable(x, 1)
    places = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (2, 2)]
    return [_cut(x, side, 1, *np.reshape(place, (2, 1, 1, 1))) for place in places[:number]]


def _movable(x, shift):
    """(x, side) of square images that can be moved by so many pixels."""
    x = np.asarray(x)
    side = int(round(np.sqrt(x.shape[-1])))
    if x.ndim != 2 or side * side != x.shape[-1]:
        raise SpikelearnError(f"only square images can be moved, not those of {x.shape[-1]} pixels")
    if not 0 <= shift < side:
        raise SpikelearnError(f"images of {side} x {side} pixels can be moved by 0 to {side - 1} pixels, not {shift}")
    return x, side


def _cut(x, side, shift, down, right):
    """Images cut from a black frame of `shift` pixels, beginning at these rows and columns, (n or 1, 1, 1) each."""
    framed = np.pad(x.reshape(-1, side, side), ((0, 0), (shift, shift), (shift, shift)))
    rows, columns = np.arange(side)[:, None] + down, np.arange(side) + right
    return framed[np.arange(len(x))[:, None, None], rows, columns].reshape(x.shape)


def rates(x, r_max):
    """Spike rates x * r_max.

    x : any shape, 0 to 1 (`scaled`); r_max : rate of a white pixel (Hz). Returns rates (Hz), shape of x.
    """
    if not have_same_dimensions(r_max, Hz):
        raise SpikelearnError(f"r_max must be a rate such as 100*Hz, not {r_max!r}")
    if not np.all(r_max >= 0 * Hz):
        raise SpikelearnError(f"r_max must be zero or more, not {r_max!r}")
    return _from_0_to_1(x, "intensities") * r_max


def probabilities(rate, dt):
    """Spike probability of one time step, rate * dt.

    rate : any shape (Hz); dt : time step (second). Returns numbers, 0 to 1, shape of rate.
    """
    if not have_same_dimensions(rate, Hz) or not have_same_dimensions(dt, second):
        raise SpikelearnError(
            f"rate must be a rate such as 100*Hz and dt a time such as 1*ms, not {rate!r} and {dt!r}")
    return _from_0_to_1(np.asarray(rate * dt), "spike probabilities rate * dt")


def poisson_spikes(p, steps, rng):
    """Bernoulli spikes, the Poisson process in discrete time: each step spikes with probability p.

    p : any shape, 0 to 1; steps : number of time steps; rng : numpy Generator, or a seed
    Returns (steps, *shape of p) bool. Intervals are geometric: CV = sqrt(1 - p).
    """
    p, steps = _from_0_to_1(p, "spike probabilities"), _whole_steps(steps)
    return np.random.default_rng(rng).random((steps, *p.shape)) < p


def fire_spikes(p, steps, phase=None):
    """Integrate-and-fire spikes with reset by subtraction (first-order sigma-delta modulation).

    Each step: phase += p, and where phase >= 1 a spike and phase -= 1.
    p : any shape, 0 to 1; steps : number of time steps; phase : at the start, 0 <= phase < 1, shape of p (0)
    Returns (steps, *shape of p) bool. Source: O'Connor, Gavves & Welling (2019).
    """
    p, steps = _from_0_to_1(p, "spike probabilities"), _whole_steps(steps)
    phase = np.zeros(p.shape) if phase is None else np.array(phase, dtype=float)
    if phase.shape != p.shape:
        raise SpikelearnError(f"phase must have the shape of the probabilities, {p.shape}, not {phase.shape}")
    if not np.all((phase >= 0) & (phase < 1)):
        raise SpikelearnError("phase must be at least 0 and below 1 everywhere")
    spikes = np.empty((steps, *p.shape), dtype=bool)
    for step in range(steps):
        phase += p
        spikes[step] = phase >= 1
        phase -= spikes[step]
    return spikes


def _from_0_to_1(x, what):
    x = np.asarray(x, dtype=float)
    if not np.all((x >= 0) & (x <= 1)):  # also refuses NaN
        raise SpikelearnError(f"{what} must lie from 0 to 1, but lie from {x.min():g} to {x.max():g}")
    return x


def _whole_steps(steps):
    if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 1:
        raise SpikelearnError(f"steps must be a whole number of at least 1, not {steps!r}")
    return int(steps)
