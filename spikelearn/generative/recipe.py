"""How the protocols train the deep generative model: one recipe and one cache, so that they share models."""
import dataclasses

import numpy as np

from spikelearn.generative.denoising import backpropagated_gradients
from spikelearn.generative.inference import by_target_propagation, cosines
from spikelearn.generative.model import feedforward, log_joint, new_model
from spikelearn.generative.train import train_cached
from spikelearn.images.encoding import scaled
from spikelearn.images.masks import bernoulli_mean, gaussian, none
from spikelearn.ranges.check import check_fields, whole

QUICK = {"hidden": (200, 50), "epochs": 4, "batch": 20}         # the short form: to see that it works
WATCHED = 500           # validation images that are measured after each epoch; chosen here


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained. Bengio et al. (2015) arXiv:1502.04156 unless stated otherwise.

    What is chosen here was chosen on validation images, in small models with small budgets. Softplus units that start
    from a low bias keep h1 small: INFERENCE then raises log p(x | h1) without paying for it in log p(h1 | h2).
    """

    hidden: tuple = (1000, 100)     # softplus units, sigmoid units at the top
    epochs: int = 20
    batch: int = 100
    steps: int = 15                 # of INFERENCE
    delta: float = 0.1
    alpha: float = 0.001
    samples: int = 3                # Bernoulli samples of the top layer
    noise: float = 0.03             # on the hidden layers between, standard deviation; chosen here
    pixel_noise: float = 0.3        # chosen here
    bias: float = -3.0              # of softplus units before learning; chosen here
    loss: str = "gaussian"          # of the sigmoid layers: squared error, as their variance of 1 says; or bernoulli
    encoder_rate: float = 3e-4      # chosen here
    decoder_rate: float = 3e-3      # chosen here
    last_rate: float = 0.1          # in the last epoch, relative; chosen here
    backprop_rate: float = 1e-3     # of the baseline; chosen here

    def __post_init__(self):
        check_fields(self, samples=whole(0, 10_000))

    def changed(self, given, quick=False):
        """The recipe, or its short form, with the values of the mapping `given` that are not None."""
        given = (QUICK if quick else {}) | {name: value for name, value in given.items() if value is not None}
        if "hidden" in given:
            given["hidden"] = tuple(int(n) for n in np.atleast_1d(given["hidden"]))
        return dataclasses.replace(self, **given)

    def inference(self, model, x):
        """INFERENCE as in training."""
        return by_target_propagation(model, x, steps=self.steps, delta=self.delta, alpha=self.alpha)

    def corruptions(self):
        """Of each layer, pixels first; a noise of 0 is none."""
        pixels, between = (gaussian(size) if size else none for size in (self.pixel_noise, self.noise))
        return [pixels, *[between] * (len(self.hidden) - 1), bernoulli_mean(self.samples) if self.samples else none]

    def start(self, x, seed, bias=None):
        """The model before learning. x : (n, pixels); bias : of softplus units, None = the recipe's."""
        noise = (self.loss, *("gaussian",) * (len(self.hidden) - 1), self.loss)
        return new_model((x.shape[1], *self.hidden), noise=noise, mean=x.mean(axis=0),
                         bias=self.bias if bias is None else bias, seed=seed)

    def trained(self, x, valid, *, dataset, seed, name, corruptions=None, about=None):
        """Trained by target propagation, from the cache if it is there. valid : (n, pixels), some are watched.

        corruptions : others than the recipe's, told apart by `about`.
        """
        def watch(model):
            states = self.inference(model, valid[:WATCHED])
            along = {f"cosine_{k}": value for k, value in enumerate(cosines(model, valid[:WATCHED]), start=1)}
            return along | {"log_p": log_joint(gaussian_view(model), states).mean(),
                            "mse": ((model.g[0](states[1]) - states[0]) ** 2).mean()}

        return train_cached(
            self.start(x, seed), x, corruptions or self.corruptions(), infer=self.inference, watch=watch, name=name,
            epochs=self.epochs, batch=self.batch, rates=(self.encoder_rate, self.decoder_rate),
            last_rate=self.last_rate, seed=seed, about=self.about(dataset) | {"by": "targets"} | (about or {}))

    def backpropagated(self, x, *, dataset, seed, name):
        """The same network as a denoising auto-encoder trained by back-propagation, from biases of 0."""
        return train_cached(
            self.start(x, seed, bias=0), x, [self.corruptions()[0], *[none] * len(self.hidden)], infer=feedforward,
            learn=backpropagated_gradients, name=name, epochs=self.epochs, batch=self.batch,
            rates=(self.backprop_rate, self.backprop_rate), last_rate=self.last_rate, seed=seed,
            about=self.about(dataset) | {"by": "back-propagation"})

    def about(self, dataset):
        """What identifies a training by this recipe: name -> value."""
        return {"dataset": dataset, **dataclasses.asdict(self)}


def gaussian_view(model):
    """The model with every conditional Gaussian of variance 1: how the source counts log p(x, h)."""
    return model._replace(f=tuple(f._replace(noise="gaussian") for f in model.f),
                          g=tuple(g._replace(noise="gaussian") for g in model.g))


def pixels_of(data, images=0):
    """(training images, validation images) as (n, pixels) single precision. images : how many to train on, 0 = all."""
    return (scaled(data.train.images[:images or None], data.scale).astype(np.float32),
            scaled(data.validation.images, data.scale).astype(np.float32))
