"""TRAIN: variational EM on minibatches, each layer by its own delta rule, no back-propagation anywhere.

Bengio et al. (2015) arXiv:1502.04156, Algorithm 2. E: INFERENCE finds h1, h2, ... for the images. M: every f_k learns
to give h_k from the corrupted h_{k-1}, every g_k to give h_{k-1} from the corrupted h_k. The source leaves the form of
the loss open: here it is -log p of the conditional (squared error of Gaussian layers), a mean over the batch, and the
steps are Adam's (Kingma & Ba 2015), which each weight takes by itself. Encoders must learn more slowly than decoders
[ours]: while g cannot yet decode, f(x) - f(g(h)) drives h far away, f follows, and the units of the top saturate.
"""
import hashlib
import json
import time
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from spikelearn.errors import SpikelearnError
from spikelearn.generative.inference import by_target_propagation
from spikelearn.generative.model import Model, Prior
from spikelearn.simulation.cache import cache_folder
from spikelearn.training.adam import Adam
from spikelearn.training.checkpoint import State, checkpointing, exact, examples_told
from spikelearn.training.chunks import curve_of, in_epochs, last_point
from spikelearn.training.progress import Progress
from spikelearn.training.seeds import random_numbers

FORMAT = "generative model 2"       # of what the cache holds; another number when weights or files change


class Trained(NamedTuple):
    """model : the Model; curve : name -> (epochs,) array: error (summed over layers), seconds, values of `watch`."""

    model: Model
    curve: dict


def local_gradients(model, states, corrupted):
    """(squared error, name -> derivative of -log p) of every f and g, named as Model.arrays.

    states : [x, h1, ...] that INFERENCE found, the targets; corrupted : the same with noise, input of the layers. The
    entry of f_k depends on corrupted[k-1], states[k] and f_k alone, that of g_k on corrupted[k], states[k-1] and g_k.
    """
    total, gradients = 0., {}
    for k in range(1, len(states)):
        for way, layer, target, source in (("f", model.f[k - 1], states[k], corrupted[k - 1]),
                                           ("g", model.g[k - 1], states[k - 1], corrupted[k])):
            error, weights, biases = layer.by_parameters(target, source)
            total += error
            gradients |= {f"weights_{way}{k}": -weights, f"biases_{way}{k}": -biases}
    return total, gradients


def train(model, x, corruptions, *, infer=by_target_propagation, learn=local_gradients, epochs=20, batch=100,
          rates=(1e-4, 1e-3), last_rate=.1, seed=1, watch=None, progress=None, checkpoint=None, resume=None,
          about=None):
    """Train a model; the one given is not changed.

    x : (n, pixels) from 0 to 1; corruptions : one for each layer, pixels first (images.masks)
    infer : (model, x) -> states. learn : (model, states, corrupted) -> (error, gradients)
    rates : Adam's, of the encoders and of the decoders; they go linearly to last_rate times that in the last epoch
    watch : model -> name -> number, measured after each epoch
    checkpoint : file written before the first epoch and after each; one that exists must be the one that is resumed;
    resume : one to continue, bit for bit; about : name -> value, what else identifies this training. Returns Trained.
    Raises SpikelearnError.
    """
    for name, count in (("epochs", epochs), ("batch", batch)):
        if count < 1:
            raise SpikelearnError(f"{name} must be at least 1, not {count}")
    if len(corruptions) != len(model.sizes):
        raise SpikelearnError(f"{len(model.sizes)} layers need as many corruptions, not {len(corruptions)}")
    facts = {"sizes": model.sizes, "units": model.units, "noise": tuple(g.noise for g in model.g), "epochs": epochs,
             "batch": batch, "rates": tuple(rates), "last_rate": last_rate, "seed": seed, "images": len(x),
             "dtype": model.dtype.name, **examples_told(about, x)}
    who = {name: exact(value) for name, value in facts.items()}
    steps = Steps(model, rates)
    model = steps.model
    with (checkpointing(checkpoint, resume, who, State(steps.state()), epochs) as (state, save),
          (progress or Progress(None)) as progress):
        steps.restore(state.weights)

        def learn_epoch(state):
            start, rng = time.perf_counter(), np.random.default_rng(random_numbers(seed, state.epoch))
            steps.size = 1 - (1 - last_rate) * state.epoch / max(epochs - 1, 1)
            error = _epoch(steps, x, corruptions, infer, learn, batch, rng, progress)
            seconds = time.perf_counter() - start
            return steps.state(), {"error": error, "seconds": seconds, **(watch(model) if watch else {})}

        state = in_epochs(state, save, n=len(x), epochs=epochs, learn=learn_epoch, progress=progress,
                          summary=last_point)
    return Trained(model, curve_of(state))


class Steps:
    """Steps of the encoders and of the decoders of a copy of a model, whose arrays change in place.

    size : by which both rates are multiplied.
    """

    def __init__(self, model, rates):
        arrays = {name: array.copy() for name, array in model.arrays().items()}
        self.model, self.rates, self.size = model.with_arrays(arrays), dict(zip("fg", rates, strict=True)), 1.0
        self.adam = {way: Adam({name: array for name, array in arrays.items() if f"_{way}" in name}) for way in "fg"}

    def step(self, gradients):
        """One step down the gradients, by name."""
        for way, adam in self.adam.items():
            adam.step({name: gradients[name] for name in adam.arrays}, self.size * self.rates[way])

    def state(self):
        """Every array by name, for resuming the training."""
        return {f"{way}.{name}": array for way, adam in self.adam.items() for name, array in adam.state().items()}

    def restore(self, state):
        """Restore the arrays from `state`."""
        for way, adam in self.adam.items():
            adam.restore({name.removeprefix(f"{way}."): array for name, array in state.items()
                          if name.startswith(f"{way}.")})


def _epoch(steps, x, corruptions, infer, learn, batch, rng, progress):
    """Mean error over the images, in random order; the model of `steps` changes in place."""
    model, total, order = steps.model, 0., rng.permutation(len(x))
    for first in range(0, len(x), batch):
        images = x[order[first:first + batch]]
        with np.errstate(over="ignore", invalid="ignore"):      # what is not finite is refused below
            states = infer(model, images)
            corrupted = [corrupt(h, rng) for corrupt, h in zip(corruptions, states, strict=True)]
            error, gradients = learn(model, states, corrupted)
        if not np.isfinite(error):
            raise SpikelearnError("the learning diverged; choose smaller rates, or a smaller delta")
        steps.step(gradients)
        total += error * len(images)
        progress.tell(len(images), f"objective {error:.4g}")
    return total / len(x)


def train_cached(model, x, corruptions, *, name, about, **settings):
    """`train` with progress lines, cached in the user's cache folder, so the same training is not repeated.

    The file is the checkpoint of its last epoch: a training that was stopped goes on from there. A second process that
    wants the same one waits. name : in the progress lines; about : name -> value, with `settings` all that the result
    depends on. Returns Trained.
    """
    told = {key: value for key, value in settings.items() if isinstance(value, int | float | str | tuple)}
    key = json.dumps({"format": FORMAT, "sizes": exact(model.sizes), "images": len(x), **_texts(told), **_texts(about)},
                     sort_keys=True)
    folder = cache_folder() / "generative"
    file = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):
            return train(model, x, corruptions, progress=Progress(name, apart=2), checkpoint=file,
                         resume=file if file.is_file() else None, about=about, **settings)
    except SpikelearnError as error:
        if "is damaged" in str(error):
            raise SpikelearnError(f"{error}; delete it, and the model is trained anew") from error
        raise
    except OSError as error:
        raise SpikelearnError(f"the trained model could not be kept in {folder}: {error.strerror or error}") from error


def _texts(values):
    return {name: exact(value) for name, value in values.items()}


def prior_of(model, x, infer=by_target_propagation, factor=4.0, part=1000):
    """Prior of the top layer: mean, and `factor` times the variance, of what INFERENCE finds for the images x.

    Raises SpikelearnError for a factor that is not positive.
    """
    if not factor > 0:
        raise SpikelearnError(f"the factor of the prior's variance must be positive, not {factor}")
    tops = np.concatenate([infer(model, x[first:first + part])[-1] for first in range(0, len(x), part)])
    variance = factor * tops.var(axis=0, dtype=float) + 1e-12
    return Prior(tops.mean(axis=0, dtype=float).astype(model.dtype), variance.astype(model.dtype))
