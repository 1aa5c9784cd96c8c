"""A layered spiking network that is built once, shown images, and learns from them."""
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, ms, second

from spikelearn.equations.files import load_model
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.equilibrium.presentation import MOST, layered_network, nudge_values
from spikelearn.equilibrium.saved_networks import saved_network
from spikelearn.equilibrium.train import answers
from spikelearn.errors import SpikelearnError
from spikelearn.images.readout import predict
from spikelearn.ranges.check import check_fields
from spikelearn.simulation.simulate import Simulation

LONG = 100_000 * second         # a run ends when its images are over


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network learns: everything but the network, the images and the seed. Durations in time steps.

    Phases and nudge: Scellier & Bengio (2017) Front Comput Neurosci 11:24. The numbers: chosen here.
    """

    rates: tuple = (0.01, 0.005)    # learning rate of each layer, the first hidden layer first
    decay: float = 0.85             # factor of the learning rates from epoch to epoch
    beta: float = 0.5               # strength of the nudge
    gate: float = 0.0               # images whose outputs are all closer than this to their target teach nothing
    free_steps: int = 80            # length of the free phase
    nudged_steps: tuple = (40,)     # length of each nudged phase
    signs: tuple = ()               # sign of the nudge in each nudged phase, 1 or -1; none = 1, -1, 1, ...
    listen_steps: int = 20          # last part of the free phase, over which the answer is averaged
    window_steps: int = 0           # last part of the free phase that counts negatively
    batch: int = 1                  # images whose changes are summed before they are applied
    shares: int = 2                 # parts of a batch that can be simulated side by side
    weight_decay: float = 0.0       # share of a weight (not of a bias) that an image takes off, per learning rate
    average: float = 0.0            # memory from chunk to chunk of the mean of the weights that answers, 0 = no mean
    shift: int = 0                  # pixels by which images are moved at random, up to, while they are learnt
    hidden_spread: float = 0.5      # sd of the first weights between hidden layers, in units of 1/sqrt(fan in)
    output_bias: float = 0.0        # biases of the outputs at the start

    def __post_init__(self):
        for name, low, high in (("decay", 0, 1), ("gate", 0, 1), ("weight_decay", 0, 1), ("average", 0, 0.9999)):
            if not low <= getattr(self, name) <= high:
                raise SpikelearnError(f"{name} must lie from {low} to {high:g}, not {getattr(self, name):g}")
        if self.shift < 0:
            raise SpikelearnError(f"shift must be at least 0 pixels, not {self.shift}")
        self._check_nudges()
        for name in ("free_steps", "batch", "shares", "listen_steps"):
            if getattr(self, name) < 1:
                raise SpikelearnError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("listen_steps", "window_steps"):
            if not 0 <= getattr(self, name) <= self.free_steps:
                raise SpikelearnError(f"{name} must lie within the free phase of {self.free_steps} steps, "
                                      f"not be {getattr(self, name)}")
        if not self.rates or min(self.rates) < 0:
            raise SpikelearnError(f"rates must be one learning rate of at least 0 a layer, not {self.rates}")
        if self.beta == 0:
            raise SpikelearnError("beta must not be 0: without a nudge nothing is learnt")
        if self.batch > 1 and self.gate > 0 and self.window_steps > 0:
            raise SpikelearnError("with a gate and a free window, changes must be applied after each image: batch=1")
        check_fields(self)

    def _check_nudges(self):
        lengths = tuple(int(steps) for steps in np.atleast_1d(self.nudged_steps))
        signs = tuple(int(sign) for sign in self.signs) or tuple((-1)**k for k in range(len(lengths)))
        if not lengths or min(lengths) < 1:
            raise SpikelearnError(f"nudged_steps must be at least 1, not {min(lengths, default='nothing')}")
        if len(lengths) > MOST:
            raise SpikelearnError(f"nudged_steps names {len(lengths)} nudged phases, but at most {MOST} are possible")
        if len(signs) != len(lengths) or set(map(abs, signs)) != {1}:
            raise SpikelearnError(f"signs must be 1 or -1 for each of the {len(lengths)} nudged phases, "
                                  f"not {self.signs}")
        if len(lengths) > 1 and self.window_steps > 0:
            raise SpikelearnError("window_steps must be 0 with more than one nudged phase, which are the contrast")
        object.__setattr__(self, "nudged_steps", lengths)
        object.__setattr__(self, "signs", signs)

    @property
    def signal(self):
        """How often the rule sees the response to beta: each turn of the nudge counts by its size. With one nudged
        phase 1, with +beta, -beta 3, with +beta, -beta, +beta 5."""
        return sum(sign * (sign - before) for before, sign in zip((0, *self.signs), self.signs))

    def with_given(self, layers=None, **given):
        """A recipe with the values that are not None; one rate is meant for all layers, one length of nudged_steps for
        all nudged phases, and of the recipe's own rates, if they are too few or too many, the first for all hidden
        layers. layers : how many there are."""
        given = {name: value for name, value in given.items() if value is not None}
        if "rates" in given:
            given["rates"] = tuple(float(rate) for rate in np.atleast_1d(given["rates"]))
        given |= self._given_nudges(given)
        rates = given.get("rates", self.rates)
        if layers not in (None, len(rates)) and ("rates" not in given or len(rates) == 1):
            given["rates"] = rates[:1] * (layers - 1) + rates[-1:]
        elif layers not in (None, len(rates)):
            raise SpikelearnError(f"a network of {layers} layers needs {layers} learning rates, not {len(rates)}")
        return dataclasses.replace(self, **given)

    def _given_nudges(self, given):
        """nudged_steps and signs that belong together: one length is meant for all phases, others alternate anew."""
        lengths = tuple(np.atleast_1d(given.get("nudged_steps", self.nudged_steps)))
        signs = tuple(np.atleast_1d(given.get("signs", self.signs)))
        if len(lengths) == 1:
            lengths *= len(signs)
        elif "signs" not in given and len(lengths) != len(signs):
            signs = ()
        return dict(nudged_steps=lengths, signs=signs)

    def scaled(self, factor):
        """The same recipe with the learning rates times `factor`."""
        return dataclasses.replace(self, rates=tuple(factor * rate for rate in self.rates))


class Shown(NamedTuple):
    """What came of showing images.

    weights : name -> array, after learning; heard : (n, classes) mean input of the outputs late in the free phase;
    nudged : images that had a nudged phase; spikes : of all neurons; events : spikes times the synapses they drove
    """

    weights: dict
    heard: np.ndarray
    nudged: int
    spikes: int
    events: int

    def wrong(self, labels):
        """How many of the images were taken for another class."""
        return int(np.sum(predict(self.heard) != labels))


class Classifier:
    """A network pixels-hidden-...-outputs: a function (images, weights, seed) -> (answers, weights).

    `simulation` is the built network; `weights` and `recipe` are those that `predict` answers with, None before `load`
    or `train`.

    Parameters
    ----------
    sizes : (pixels, hidden, ..., classes).
    synapse, neuron, pixel : rule, neuron and pixel model, by name, file or record; neuron None = the one the rule is
        paired with.
    images : how many can be shown in one run.
    dt, device, precision, duration : as for Simulation.
    raster : record every spike.
    connect : "all-to-all", or a condition on i and j.

    Raises
    ------
    SpikelearnError : if there is no hidden layer, or if a model lacks what a network of two phases needs.

    Examples
    --------
    >>> net = sl.Classifier((4, 3, 2), "voltage_derivative_temporal", device="numpy", images=2)
    >>> sorted(net.new_weights(seed=1))
    ['biases_2.w', 'synapses_1.w', 'synapses_2.w']
    """

    def __init__(self, sizes: tuple[int, ...], synapse: str | SynapseModel, neuron: str | NeuronModel | None = None,
                 pixel: str | NeuronModel = "neurons/pixel_fire", *, images: int = 1000, dt: Quantity = 1 * ms,
                 device: str = "cpp", precision: str = "double", raster: bool = False, connect: str = "all-to-all",
                 duration: Quantity = LONG):
        self.synapse = load_model(synapse, "synapse")
        if neuron is None and not self.synapse.neuron:
            raise SpikelearnError(f"the rule {self.synapse.title} names no neuron that it is paired with: "
                                  "choose one with --neuron")
        self.neuron = load_model(neuron or self.synapse.neuron, "neuron")
        self.pixel = load_model(pixel, "neuron")
        for model, name in ((self.neuron, "r_max"), (self.pixel, "r_max"), (self.synapse, "eta")):
            if name not in model.parameters:
                raise SpikelearnError(f"{model.title} has no parameter '{name}', which a network that learns by free "
                                      "and nudged phases needs")
        self.pixel = self.pixel.with_parameters(r_max=self.neuron.parameters["r_max"])
        self.sizes, self.images, self.dt = tuple(int(size) for size in sizes), int(images), dt
        if len(self.sizes) < 3 or min(self.sizes) < 1:
            raise SpikelearnError(f"a network needs at least one hidden layer, none of them empty, not {self.sizes}")
        self.weights, self.recipe = None, None      # those that answer; load and train fill them
        self.twin = "twin" in self.neuron.events
        self.simulation = Simulation(
            lambda: layered_network(self.sizes, self.neuron, self.synapse, self.pixel, images=self.images,
                                    raster=raster, connect=connect), duration, device=device, dt=dt,
                precision=precision)

    @classmethod
    def load(cls, folder: str | Path, *, synapse: str | SynapseModel | None = None,
             neuron: str | NeuronModel | None = None, pixel: str | NeuronModel | None = None, images: int = 1000,
             device: str = "cpp") -> "Classifier":
        """The network of a saved result of learn_mnist.

        Its `weights` are the running mean, which answers; its `recipe` is that of the training.

        Parameters
        ----------
        folder : folder of the result, with result.npz and run.json.
        synapse, neuron, pixel : models instead of the shipped ones that the result names.
        images, device : as for Classifier.

        Returns
        -------
        Classifier : it answers by `predict`.

        Raises
        ------
        SpikelearnError : if the folder holds no saved network, or if the file of a model has changed since.

        Examples
        --------
        >>> result = sl.run("learn_mnist", dataset="digits", hidden=3, images=4, validation=2, epochs=1, chunk=2,
        ...                 free_steps=20, nudged_steps=10, device="numpy", out="trained")
        >>> net = sl.Classifier.load("trained", images=10, device="numpy")
        >>> data = sl.load_dataset("digits")
        >>> net.predict(data.validation.images[:5] / data.scale).shape
        (5,)
        """
        network, recipe, weights = saved_network(folder, dict(synapse=synapse, neuron=neuron, pixel=pixel))
        found = cls(**network, images=images, device=device)
        found.weights = {name: np.asarray(w).astype(found.simulation.precision) for name, w in weights.items()}
        found.recipe = Recipe(**recipe)
        return found

    def new_weights(self, seed: int, output_bias: float = 0.0, hidden_spread: float = 0.5) -> dict:
        """Weights ~ N(0, 1/fan_in) and biases: name -> array; the last row of the first is the biases of layer 1.

        hidden_spread : between hidden layers, which excite each other both ways, smaller weights: with 1, two layers
        of 500 fire twice as much and learn half as fast [ours].
        output_bias : from 0, every third small network has an output that starts silent for all images, out of the
        reach of the nudge; it may take epochs to come back [ours]. All other biases are 0.
        """
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        weights, last = {}, len(self.sizes) - 1
        for k, (below, above) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            w = rng.normal(0, (hidden_spread if 1 < k < last else 1) / np.sqrt(below), (below, above))
            weights[f"synapses_{k}.w"] = np.vstack([w, np.zeros(above)]).ravel() if k == 1 else w.ravel()
            if k > 1:
                weights[f"biases_{k}.w"] = np.full(above, output_bias if k == last else 0.0)
        return {name: w.astype(self.simulation.precision) for name, w in weights.items()}

    def layers_of(self, names: Iterable[str]) -> dict[str, int]:
        """Index of the layer, from 0, that a weight or a connection leads to: name -> index."""
        return {name: int(name.split(".")[0].rsplit("_", 1)[1]) - 1 for name in names}

    def values(self, images: np.ndarray, labels: np.ndarray, weights: dict, recipe: Recipe, learn: bool) -> dict:
        """The values of a run (Simulation.run) that shows these images."""
        if learn:
            self._check_phases(recipe)
        n, layers = len(images), len(self.sizes) - 1
        if len(recipe.rates) != layers:
            raise SpikelearnError(f"a network of {layers} layers needs {layers} learning rates, "
                                  f"not {len(recipe.rates)}")
        shown, told = np.zeros((self.images, self.sizes[0] + 1)), np.zeros(self.images)
        shown[:n, :-1], shown[:, -1], told[:n] = images, 1, labels
        values = {"pixels_shown": shown, "labels_shown": told, **weights, "trial.images": n}
        for name in ("free_steps", "listen_steps", "beta", "gate", "batch"):
            values[f"trial.{name}"] = getattr(recipe, name)
        values |= nudge_values(recipe.nudged_steps, recipe.signs) if learn else nudge_values((), ())
        values["trial.window_steps"] = recipe.window_steps if learn else 0
        values["trial.beta_twin"] = float(self.synapse.parameters.get("beta_twin", 0))
        gain = 1 / (recipe.beta * recipe.signal * float(self.neuron.parameters["r_max"] * self.dt))
        for name, layer in self.layers_of(weights).items():
            values[name.replace(".w", ".eta")] = gain * recipe.rates[layer]
        return values

    def _check_phases(self, recipe):
        """Refuse phases that the rule cannot tell apart."""
        if recipe.window_steps > 0 and "learning" not in self.synapse.reads(self.synapse.at_end)["post"]:
            raise SpikelearnError(f"the rule {self.synapse.title} knows no window in the free phase: window_steps must "
                                  "be 0")
        if recipe.signs != (1,) and "learning" not in self.synapse.reads()["post"]:
            raise SpikelearnError(f"the rule {self.synapse.title} does not read the sign of the nudge: it needs one "
                                  "nudged phase of sign 1")

    def show(self, images: np.ndarray, labels: np.ndarray, weights: dict, recipe: Recipe, *, seed: int,
             learn: bool = True) -> Shown:
        """Show images one after the other. images : (n, pixels) from 0 to 1; labels : (n,). Returns Shown.

        learn=False: free phases only, nothing changes. Raises SpikelearnError if there are too many images or if
        the weights became infinite.
        """
        if not 0 < len(images) <= self.images:
            raise SpikelearnError(f"1 to {self.images} images can be shown at once, not {len(images)}")
        counts = [f"spikes_of_{name}.N" for name in self._fan_out()]
        read = self.simulation.run(self.values(images, labels, weights, recipe, learn), seed=seed,
                                   read=[*weights, "answers.heard", "trial.nudged_images", *counts])
        new = {name: np.asarray(read[name]) for name in weights}
        if not all(np.isfinite(w).all() for w in new.values()):
            raise SpikelearnError("the weights became infinite: choose smaller learning rates")
        heard = np.asarray(read["answers.heard"]).reshape(len(images), self.sizes[-1])
        spikes = np.array([int(read[name]) for name in counts])
        return Shown(new, heard, int(read["trial.nudged_images"][0]), int(spikes.sum()),
                     int(spikes @ list(self._fan_out().values())))

    def predict(self, images: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """The class of each image, without learning.

        Parameters
        ----------
        images : (n, pixels) or (n, height, width), from 0 (black) to 1 (white).
        seed : seed of the spikes.

        Returns
        -------
        array (n,) of int
            Class of the output with the largest mean input late in the free phase.

        Raises
        ------
        SpikelearnError
            If the network has no weights yet, or if the images have another size or other values.

        Examples
        --------
        >>> net = sl.Classifier((4, 3, 2), "voltage_derivative_temporal", device="numpy", images=2)
        >>> net.predict(np.zeros((2, 4)))
        Traceback (most recent call last):
        spikelearn.errors.SpikelearnError: this network has no weights yet: load or train one
        """
        if self.weights is None:
            raise SpikelearnError("this network has no weights yet: load or train one")
        x = np.asarray(images)
        if x.ndim not in (2, 3) or x.dtype.kind not in "biuf" or x[:1].size != self.sizes[0] * len(x[:1]):
            raise SpikelearnError(f"images must have the shape (n, {self.sizes[0]}), not {x.shape}")
        if not len(x):
            return np.zeros(0, dtype=int)
        if not (x.min() >= 0 and x.max() <= 1):
            raise SpikelearnError(f"images must lie from 0 (black) to 1 (white), but lie from {x.min():g} to "
                                  f"{x.max():g}: divide them by the value of a white pixel, such as data.scale")
        x = x.reshape(len(x), self.sizes[0])
        return answers(self, x, np.zeros(len(x), dtype=int), self.weights, self.recipe, seed)

    def _fan_out(self):
        """Synapses that a spike of each population drives, towards the outputs and back: name -> number."""
        fan = {"pixels": self.sizes[1]}
        for k, (below, _, above) in enumerate(zip(self.sizes, self.sizes[1:], (*self.sizes[2:], 0)), 1):
            fan[f"layer_{k}"] = above + (below if k > 1 else 0)
            if self.twin:
                fan[f"layer_{k}_twin"] = fan[f"layer_{k}"]
        return fan
