"""Stacks of ordinary auto-encoders with tied weights and the hard sigmoid, trained layer by layer (NumPy).

h = rho(x W + b), reconstruction GAIN h W^T + c, squared error; the stack of Bengio et al. (2016) arXiv:1606.01651,
section 5. The gain of the branch from above (their alpha) lets h stay where rho is not flat; they start from scaled
orthogonal weights (both chosen here: fewer steps). Adam: Kingma & Ba (2015), its own settings but for the rate.
"""
import numpy as np

from spikelearn.training.adam import Adam

GAIN = 2.0      # chosen here


def orthogonal(pre, post, rng):
    """(w, b, c) that reconstruct what is neither clipped nor projected out: orthogonal weights, h around 1/2."""
    q = np.linalg.qr(rng.standard_normal((max(pre, post), min(pre, post))))[0]
    w = (np.ascontiguousarray(q if pre >= post else q.T) / np.sqrt(GAIN)).astype(np.float32)
    b = np.full(post, .5, np.float32)
    return w, b, -np.float32(GAIN) * (w @ b)


def encode(x, w, b):
    """h = rho(x W + b). x : (images, pre); w : (pre, post); b : (post,)."""
    return np.clip(x @ w + b, 0, 1)


def loss(x, w, b, c):
    """1/2 mean over images |x - GAIN h W^T - c|^2. c : (pre,)."""
    return float(((GAIN * (encode(x, w, b) @ w.T) + c - x) ** 2).sum() / (2 * len(x)))


def gradients(x, w, b, c):
    """Derivatives of `loss` by W (in both its places), b and c."""
    z = x @ w + b
    h = np.clip(z, 0, 1)
    error = (GAIN * (h @ w.T) + c - x) / len(x)
    delta = GAIN * (error @ w) * ((z > 0) & (z < 1))
    return x.T @ delta + GAIN * (error.T @ h), delta.sum(axis=0), error.sum(axis=0)


def trained(x, w, b, c, *, epochs, batch=100, rate=1e-3, rng):
    """(w, b, c) after training on x : (images, pre), from the given ones; the rate falls to zero in a line."""
    arrays = {"w": w.copy(), "b": b.copy(), "c": c.copy()}
    adam, steps = Adam(arrays), epochs * (len(x) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for begin in range(0, len(x) // batch * batch, batch):
            down = gradients(x[order[begin:begin + batch]], **arrays)
            adam.step(dict(zip(arrays, down, strict=True)), rate * (1 - adam.count / steps))
    return tuple(arrays.values())


def reconstruction_error(x, w, b, c):
    """Mean squared error of the reconstruction over the variance of x."""
    return 2 * loss(x, w, b, c) / float(x.var(axis=0).sum())
