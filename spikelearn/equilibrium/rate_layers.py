"""Layers of leaky integrators that learn by equilibrium propagation, on minibatches of images, in rates (NumPy).

Scellier & Bengio (2017) Front Comput Neurosci 11:24, with the layer-wise jumps to the minimum of E that Bengio et al.
(2016) arXiv:1606.01651, eq. 7, take from it: s <- rho(drive), the odd layers, then the even ones. Units live in [0, 1],
where rho(s) = s. The images are clamped: their drive is worked out once.
"""
import numpy as np

from spikelearn.errors import SpikelearnError


def check_nudge(beta, leak=1.0):
    """Refuse a nudge under which the outputs have no minimum of the energy: leak*s^2/2 + beta*(s - target)^2/2.

    Parameters
    ----------
    beta : float
        Strength of the nudge; -beta in the second phase of a centred contrast.
    leak : float
        Leak of the outputs (see Layers).

    Raises
    ------
    SpikelearnError
        For a beta of 0, or of -leak and below.
    """
    if not beta:
        raise SpikelearnError("beta must not be 0: without a nudge nothing is learnt")
    if not leak + beta > 0:
        raise SpikelearnError(f"beta must be below {leak:g} in size where the nudge is centred or negative, not "
                              f"{abs(beta):g}: the outputs would move away from their targets without bound")


class Layers:
    """Weights, biases and phases of a layered network with tied weights.

    sizes : units of every layer, pixels first. weights : list of (pre, post); biases : list of (post,); float32.
    leak : of each layer above the pixels, by which its drive is divided: 1, or the number of its branches where these
    are averaged (Bengio et al. 2016, eq. 16). The energy then has leak*s^2/2. linear_outputs : rho(s) = s in the last
    layer (chosen here): an output at 0 whose drive is below -beta would not feel the nudge.
    """

    def __init__(self, sizes, rng, scale=1.0, leak=None, linear_outputs=False):
        if len(sizes) < 3:
            raise SpikelearnError(f"{len(sizes)} layers are too few: pixels, hidden units and outputs are needed")
        self.sizes = tuple(int(size) for size in sizes)
        bounds = [scale * np.sqrt(6 / (pre + post)) for pre, post in zip(sizes[:-1], sizes[1:], strict=True)]
        self.weights = [rng.uniform(-bound, bound, shape).astype(np.float32) for bound, shape in
                        zip(bounds, zip(self.sizes[:-1], self.sizes[1:], strict=True), strict=True)]
        self.biases = [np.zeros(size, np.float32) for size in self.sizes[1:]]
        self.leak = [np.float32(value) for value in leak or [1] * len(self.weights)]
        self.offsets = [0.0] * len(self.weights)        # of the branches from above; a feedforward pass lacks them
        self.gains = [np.float32(1)] * len(self.weights)    # of the same branches
        self.linear_outputs = linear_outputs

    def parameters(self):
        """name -> array of all parameters, as `set_parameters` takes them."""
        return {f"{kind}_{k}": array for kind, arrays in (("w", self.weights), ("b", self.biases))
                for k, array in enumerate(arrays)}

    def set_parameters(self, arrays):
        """Set the parameters to copies of those from `parameters`."""
        for k in range(len(self.weights)):
            self.weights[k], self.biases[k] = arrays[f"w_{k}"].copy(), arrays[f"b_{k}"].copy()

    def drive_of(self, x):
        """What clamped images give to the first hidden layer, its bias included. x : (images, pixels)."""
        return x @ self.weights[0] + self.biases[0]

    def rest(self, images):
        """States at the start: every unit silent."""
        return [np.zeros((images, size), np.float32) for size in self.sizes[1:]]

    def forward(self, first):
        """States of a feedforward pass, as an alternative start: each layer gets input from the one below only."""
        states = [self.rho(0, first.copy())]
        for k in range(1, len(self.weights)):
            states.append(self.rho(k, states[-1] @ self.weights[k] + self.biases[k]))
        return states

    def rho(self, k, s):
        """rho in layer k, in place."""
        return s if self.linear_outputs and k == len(self.weights) - 1 else np.clip(s, 0, 1, out=s)

    def drive(self, k, first, states):
        """Summed input of layer k (0 = first hidden), bias included, from its neighbours."""
        drive = first.copy() if k == 0 else states[k - 1] @ self.weights[k] + self.biases[k]
        if k + 1 < len(states):
            drive += self.gains[k] * (states[k + 1] @ self.weights[k + 1].T) + self.offsets[k]
        return drive

    def settle(self, first, states, sweeps, beta=0.0, target=None, tolerance=0.0):
        """Sweeps over odd and even layers, in new arrays. beta, target : nudge of the outputs, (images, outputs).

        tolerance : stop when no unit changes by more in a sweep. Returns the states.
        """
        states = list(states)
        for _ in range(sweeps):
            before = states
            for parity in (0, 1):
                states = self.update(first, states, parity, beta, target)
            if tolerance and max(np.abs(a - b).max() for a, b in zip(before, states, strict=True)) <= tolerance:
                break
        return states

    def update(self, first, states, parity, beta=0.0, target=None):
        """The states after the layers 0, 2, ... (parity 0) or 1, 3, ... above the pixels jumped to their minimum."""
        states, last = list(states), len(states) - 1
        for k in range(parity, last + 1, 2):
            drive, leak = self.drive(k, first, states), self.leak[k]
            if k == last and beta:
                check_nudge(beta, leak)
                drive += np.float32(beta) * target
                leak = np.float32(leak + beta)
            if leak != 1:
                drive /= leak
            states[k] = self.rho(k, drive)
        return states

    def contrast(self, x, plus, minus):
        """s_pre s_post of one phase less that of the other, mean over images: (of weights, of biases), two lists."""
        n = np.float32(len(x))
        weights = [x.T @ ((plus[0] - minus[0]) / n)]
        weights += [(p.T @ q - m.T @ r) / n for p, q, m, r in
                    zip(plus[:-1], plus[1:], minus[:-1], minus[1:], strict=True)]
        return weights, [(p - m).mean(axis=0) for p, m in zip(plus, minus, strict=True)]

    def learn(self, x, free, first, target, rates, beta, sweeps, centred=True):
        """One update after a free phase: nudge by beta, and by -beta if centred. rates : one for each layer."""
        check_nudge(-abs(beta) if centred else beta, self.leak[-1])
        plus = self.settle(first, free, sweeps, beta, target)
        minus = self.settle(first, free, sweeps, -beta, target) if centred else free
        strength = 2 * beta if centred else beta
        for w, b, dw, db, rate in zip(self.weights, self.biases, *self.contrast(x, plus, minus), rates, strict=True):
            step = np.float32(rate / strength)
            w += step * dw
            b += step * db

    def outputs(self, x, sweeps, batch=500, tolerance=1e-3):
        """Summed input of the outputs after a free phase, (images, outputs): finer than their clipped states."""
        found = []
        for begin in range(0, len(x), batch):
            first = self.drive_of(x[begin:begin + batch])
            states = self.settle(first, self.rest(len(first)), sweeps, tolerance=tolerance)
            found.append(self.drive(len(states) - 1, first, states))
        return np.concatenate(found)
