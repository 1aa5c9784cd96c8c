"""Adam: Kingma & Ba (2015) arXiv:1412.6980, with its default settings but for the rate."""
import numpy as np

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam on named arrays, which it changes in place. beta1 : memory of the mean gradient; 0 = no momentum."""

    def __init__(self, arrays, beta1=BETA1):
        self.arrays, self.beta1 = arrays, beta1
        self.mean = {name: np.zeros_like(array) for name, array in arrays.items()}
        self.square = {name: np.zeros_like(array) for name, array in arrays.items()}
        self.count = 0

    def step(self, gradient, rate, weight_decay=0.0, decay=0.0):
        """One step down the gradient; weight_decay * array is added to that of all but the biases.

        decay : decoupled decay, rate * decay * array is taken off all but the biases (Loshchilov & Hutter 2019).
        """
        self.count += 1
        size = rate * np.sqrt(1 - BETA2 ** self.count) / (1 - self.beta1 ** self.count)
        for name, g in gradient.items():
            if weight_decay and not name.startswith("biases"):
                g += self.arrays[name].dtype.type(weight_decay) * self.arrays[name]
            if decay and not name.startswith("biases"):
                self.arrays[name] *= self.arrays[name].dtype.type(1 - rate * decay)
            m, s = self.mean[name], self.square[name]
            m += (1 - self.beta1) * (g - m)
            s += (1 - BETA2) * (g * g - s)
            self.arrays[name] -= size * m / (np.sqrt(s) + EPSILON)

    def state(self):
        """Every array by name, for resuming the training."""
        parts = {"machine": self.arrays, "mean": self.mean, "square": self.square}
        return {"count": np.array(self.count)} | {f"{part}.{name}": array for part, arrays in parts.items()
                                                  for name, array in arrays.items()}

    def restore(self, state):
        """Take up what `state` gave."""
        self.count = int(state["count"])
        for part, arrays in (("machine", self.arrays), ("mean", self.mean), ("square", self.square)):
            for name, array in arrays.items():
                array[...] = state[f"{part}.{name}"]
