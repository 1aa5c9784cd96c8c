"""A network of competing neurons, built once for learning and once for answering, and shown images."""
from functools import cached_property
from typing import NamedTuple

import numpy as np
from brian2 import ms, mV, second, volt

from spikelearn.equations.files import load_model
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.simulate import Simulation
from spikelearn.unsupervised.network import PRESENTATION, competing_network

LONG = 1_000_000 * second       # a run ends when its images are over
WEIGHTS = ("synapses.w", "neurons.theta")
NEEDED = ("v", "g_e", "g_i", "theta", "theta_plus", "t_presentation")


class Shown(NamedTuple):
    """Result of presenting images.

    weights : WEIGHTS -> array, after learning; counts : (images, n) spikes of each excitatory neuron, of the last
    presentation of each image; presentations : how many there were; input_spikes : of the pixels, in all of them
    """

    weights: dict
    counts: np.ndarray
    presentations: int
    input_spikes: int


class CompetingNeurons:
    """Excitatory neurons that compete for images: a function (images, weights, seed) -> (spike counts, weights).

    n_pixels, n : pixels of an image, excitatory neurons. synapse, neuron, pixel, inhibitory : models, by name, file or
    record; neuron None = the one the rule is paired with, else adaptive_threshold; inhibitory None = the excitatory
    neurons inhibit each other. images : how many can be shown in one run. pauses : whether images may be followed by a
    rest or be shown again, which costs time. `simulation` learns; `frozen` has the
    static rule in its place, and thresholds that stay.
    """

    def __init__(self, n_pixels, n, synapse, neuron=None, pixel="neurons/pixel_poisson_trace", inhibitory=None, *,
                 images=1000, dt=0.5 * ms, pauses=False, device="cpp", precision="double", raster=False, duration=LONG):
        self.synapse = load_model(synapse, "synapse")
        own = "trace" in set().union(*self.synapse.reads().values()) and self.synapse.neuron
        self.neuron = load_model(neuron or own or "neurons/adaptive_threshold", "neuron")
        self.pixel = load_model(pixel, "neuron")
        self.inhibitory = load_model(inhibitory, "neuron") if inhibitory else None
        self.sizes, self.images, self.dt = (int(n_pixels), int(n)), int(images), dt
        self._check()
        self._how = dict(device=device, dt=dt, precision=precision)
        self._shape, self._duration = dict(images=self.images, pauses=pauses, raster=raster), duration
        self.simulation = self._built(self.synapse, True)

    def _check(self):
        """Refuse models that lack what the network needs."""
        if min(*self.sizes, self.images) < 1:
            raise SpikelearnError(f"a network needs pixels and neurons, not {self.sizes[0]} and {self.sizes[1]}")
        for name in NEEDED:
            if name not in _variables(self.neuron):
                raise SpikelearnError(f"{self.neuron.title} has no variable '{name}', which neurons that compete for "
                                      "images need; one that has: adaptive_threshold")
        for model, name in ((self.pixel, "brightness"), *([(self.inhibitory, "g_e")] if self.inhibitory else [])):
            if name not in _variables(model):
                raise SpikelearnError(f"{model.title} has no variable '{name}', which this network sets")
        if "w" not in _variables(self.synapse):
            raise SpikelearnError(f"the rule {self.synapse.title} has no weight 'w' to normalise")

    def _built(self, synapse, learning):
        return Simulation(lambda: competing_network(*self.sizes, self.neuron, synapse, self.pixel, self.inhibitory,
                                                    learning=learning, **self._shape),
                          self._duration, **self._how)

    @cached_property
    def frozen(self):
        """The Simulation that answers: static synapses, constant thresholds."""
        return self._built(load_model("synapses/static"), False)

    def build_seconds(self):
        """Time that both programs took to build; the frozen one is built now if it was not yet."""
        return self.simulation.build_seconds + self.frozen.build_seconds

    def models(self):
        """The records in use."""
        return [model for model in (self.synapse, self.neuron, self.pixel, self.inhibitory) if model is not None]

    def new_weights(self, seed, recipe):
        """First weights and thresholds: WEIGHTS -> array."""
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        w = recipe.first_weight * (rng.random(self.sizes) + 0.01)
        theta = np.full(self.sizes[1], float(self.neuron.initial.get("theta", 20 * mV)))
        return {name: array.astype(self.simulation.precision) for name, array in zip(WEIGHTS, (w.ravel(), theta))}

    def values(self, images, weights, recipe, theta_plus, learn):
        """The values of a run (Simulation.run)."""
        if recipe.pauses() and not self._shape["pauses"]:
            raise SpikelearnError("this network was built without pauses: rest and least_spikes must be 0")
        self._check_rates(recipe, np.max(images, initial=0))
        shown = np.zeros((self.images, self.sizes[0]))
        shown[:len(images)] = images
        shown_steps, rest_steps = recipe.steps(self.dt)
        lasting = recipe.shown + recipe.rest if learn else 0 * ms
        values = {"images_shown": shown, "neurons.t_presentation": lasting, "synapses.w": weights["synapses.w"],
                  "neurons.theta": weights["neurons.theta"] * volt, "neurons.theta_plus": theta_plus,
                  "trial.images": len(images), "trial.shown_steps": shown_steps,
                  "trial.rest_steps": rest_steps, "trial.least_spikes": recipe.least_spikes}
        return values | ({"synapses.norm": recipe.norm, "neurons.changed": 1.0} if learn else {})

    def _check_rates(self, recipe, brightest):
        """Refuse rates of which a step cannot hold the spikes."""
        most = PRESENTATION.parameters["most_intensity"] if recipe.least_spikes else 1
        rate = self.pixel.parameters.get("r_max")
        if rate is not None and float(rate * self.dt) * most * brightest > 1:
            raise SpikelearnError(f"a pixel spikes at most once a step of {self.dt}, so r_max can be at most "
                                  f"{1 / (self.dt * most)}, not {rate}: choose a shorter dt")

    def show(self, images, weights, recipe, *, seed, learn=True, theta_plus=None):
        """Show images one after the other. images : (n, pixels) from 0 to 1. Returns Shown.

        learn=False: weights and thresholds stay. theta_plus : growth of the thresholds, None = the recipe's.
        """
        if not 0 < len(images) <= self.images:
            raise SpikelearnError(f"1 to {self.images} images can be shown at once, not {len(images)}")
        recipe = recipe.for_neurons(self.sizes[1])
        theta_plus = 0 * mV if not learn else recipe.theta_plus if theta_plus is None else theta_plus
        simulation = self.simulation if learn else self.frozen
        read = simulation.run(self.values(images, weights, recipe, theta_plus, learn), seed=seed, read=[
            *(WEIGHTS if learn else ()), "spikes.t", "spikes.i", "begins.t", "begins.image", "spikes_of_pixels.N"])
        new = {name: np.asarray(read[name]) for name in WEIGHTS} if learn else dict(weights)
        counts = self._counts(read, len(images), float(recipe.shown))
        return Shown(new, counts, len(read["begins.t"]), int(read["spikes_of_pixels.N"]))

    def _counts(self, read, n_images, shown):
        """Spikes of each neuron while each image was shown for the last time: (images, n)."""
        begins, times = (np.asarray(read[f"{name}.t"], dtype=float) for name in ("begins", "spikes"))
        image = np.asarray(read["begins.image"], dtype=int)
        place = np.searchsorted(begins, times + float(self.dt) / 2) - 1
        last = np.append(image[1:] != image[:-1], True)
        counted = last[place] & (times - begins[place] < shown - float(self.dt) / 2)
        counts = np.zeros((n_images, self.sizes[1]), dtype=np.int64)
        np.add.at(counts, (image[place[counted]], np.asarray(read["spikes.i"])[counted]), 1)
        return counts


def normalised(weights, n, norm):
    """The weights as they are at the start of a presentation: each neuron's scaled to the sum `norm`."""
    w = weights["synapses.w"].reshape(-1, n)
    return {**weights, "synapses.w": (w * (norm / w.sum(axis=0, dtype=float))).astype(w.dtype).ravel()}


def _variables(model):
    """Names of the variables of a model record."""
    from spikelearn.equations.check import parse

    return set(parse(model))
