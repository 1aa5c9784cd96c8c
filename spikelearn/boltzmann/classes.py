"""Which classes are drawn: samples counted by a classifier that was trained on training images."""
import numpy as np

from spikelearn.training.adam import Adam

STEPS, BATCH, RATE, DECAY = 1500, 200, 1e-2, 1e-4       # of the classifier; chosen here: 92 % of MNIST is right


class Classifier:
    """Logistic regression of the classes on the pixels, trained by Adam with a rate that falls to 0.

    x : (n, pixels) grey levels from 0 to 1; labels : (n,) whole numbers from 0
    """

    def __init__(self, x, labels, seed=1):
        labels = np.asarray(labels, int)
        self.classes = int(labels.max()) + 1
        adam = Adam({"weights": np.zeros((x.shape[1], self.classes)), "biases": np.zeros(self.classes)})
        self.weights, self.biases = adam.arrays["weights"], adam.arrays["biases"]
        rng, target = np.random.default_rng(seed), np.eye(self.classes)
        for step in range(STEPS):
            rows = rng.integers(len(x), size=BATCH)
            wrong = (self.probabilities(x[rows]) - target[labels[rows]]) / BATCH
            adam.step({"weights": x[rows].T @ wrong, "biases": wrong.sum(axis=0)}, RATE * (1 - step / STEPS), DECAY)

    def probabilities(self, x):
        """P(class | pixels), (n, classes)."""
        z = x @ self.weights + self.biases
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def labels(self, x):
        """The most probable class of each image, (n,)."""
        return (x @ self.weights + self.biases).argmax(axis=1)

    def shares(self, x):
        """Share of the images that fall into each class, (classes,)."""
        return np.bincount(self.labels(x), minlength=self.classes) / len(x)
