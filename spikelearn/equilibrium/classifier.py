"""A layered spiking network that is built once, shown images, and learns from them."""
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, ms, second

from spikelearn.equations.files import load_model, trained_rule
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.equilibrium.presentation import layered_network, nudge_values
from spikelearn.equilibrium.recipe import Recipe
from spikelearn.equilibrium.saved_networks import saved_network
from spikelearn.equilibrium.train import answers
from spikelearn.equilibrium.weights import checked_weights
from spikelearn.errors import SpikelearnError
from spikelearn.images.checked import check_movable, class_labels, image_rows
from spikelearn.images.readout import predict
from spikelearn.ranges.keywords import whole_numbers
from spikelearn.simulation.simulate import Simulation

LONG = 100_000 * second         # a run ends when its images are over


class Shown(NamedTuple):
    """Result of presenting images.

    weights : name -> array, after learning; mean_input : (n, classes), of the outputs late in the free phase;
    nudged : images that had a nudged phase; spikes : of all neurons; events : spikes times the synapses they drove
    """

    weights: dict
    mean_input: np.ndarray
    nudged: int
    spikes: int
    events: int

    def wrong(self, labels):
        """Number of misclassified images."""
        return int(np.sum(predict(self.mean_input) != labels))


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
        self.synapse = trained_rule(synapse)
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
        self.twin, self.sparse = "twin" in self.neuron.events, connect != "all-to-all"
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
        Raises SpikelearnError if the seed is no whole number from 0 to 2^31 - 1.
        """
        seed, = whole_numbers(seed=seed)
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
        """The values of a run (Simulation.run) that shows these images. Raises SpikelearnError as `show` does."""
        x, weights = image_rows(images, self.sizes[0]), checked_weights(weights, self.sizes, self.sparse)
        n, layers = len(x), len(self.sizes) - 1
        if not 0 < n <= self.images:
            raise SpikelearnError(f"1 to {self.images} images can be shown at once, not {n}")
        labels = class_labels(labels, n, self.sizes[-1])
        if learn:
            self._check_phases(recipe)
        if len(recipe.rates) != layers:
            raise SpikelearnError(f"a network of {layers} layers needs {layers} learning rates, "
                                  f"not {len(recipe.rates)}")
        shown, told = np.zeros((self.images, self.sizes[0] + 1)), np.zeros(self.images)
        shown[:n, :-1], shown[:, -1], told[:n] = x, 1, labels
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
        """Show images one after the other. images : as for `predict`; labels : (n,) from 0. Returns Shown.

        learn=False: free phases only, nothing changes. Raises SpikelearnError if images, labels, weights or recipe do
        not fit the network, if there are too many images, or if the weights became infinite.
        """
        counts = [f"spikes_of_{name}.N" for name in self._fan_out()]
        read = self.simulation.run(self.values(images, labels, weights, recipe, learn), seed=seed,
                                   read=[*weights, "answers.mean_input", "trial.nudged_images", *counts])
        new = {name: np.asarray(read[name]) for name in weights}
        if not all(np.isfinite(w).all() for w in new.values()):
            raise SpikelearnError("the weights became infinite: choose smaller learning rates")
        mean_input = np.asarray(read["answers.mean_input"]).reshape(len(images), self.sizes[-1])
        spikes = np.array([int(read[name]) for name in counts])
        return Shown(new, mean_input, int(read["trial.nudged_images"][0]), int(spikes.sum()),
                     int(spikes @ list(self._fan_out().values())))

    def predict(self, images: np.ndarray, *, seed: int = 0, glances: int = 1) -> np.ndarray:
        """The class of each image, without learning.

        Parameters
        ----------
        images : (n, pixels) or (n, height, width), from 0 (black) to 1 (white).
        seed : seed of the spikes, from 0 to 2^31 - 1.
        glances : at each image, whose mean input is averaged: 1; 5 or 9, in place and moved by a pixel to each side.

        Returns
        -------
        array (n,) of int
            Class of the output with the largest mean input late in the free phase.

        Raises
        ------
        SpikelearnError
            If the network has no weights yet, if the images have another size or other values, or for another seed or
            number of glances.

        Examples
        --------
        >>> net = sl.Classifier((4, 3, 2), "voltage_derivative_temporal", device="numpy", images=2)
        >>> net.predict(np.zeros((2, 4)))
        Traceback (most recent call last):
        spikelearn.errors.SpikelearnError: this network has no weights yet: load or train one
        """
        if self.weights is None:
            raise SpikelearnError("this network has no weights yet: load or train one")
        if glances != 1:
            check_movable(images, glances)
        x, (seed,) = image_rows(images, self.sizes[0]), whole_numbers(seed=seed)
        if not len(x):
            return np.zeros(0, dtype=int)
        return answers(self, x, np.zeros(len(x), dtype=int), self.weights, self.recipe, seed, glances)

    def _fan_out(self):
        """Synapses that a spike of each population drives, towards the outputs and back: name -> number."""
        fan = {"pixels": self.sizes[1]}
        for k, (below, _, above) in enumerate(zip(self.sizes, self.sizes[1:], (*self.sizes[2:], 0)), 1):
            fan[f"layer_{k}"] = above + (below if k > 1 else 0)
            if self.twin:
                fan[f"layer_{k}_twin"] = fan[f"layer_{k}"]
        return fan
