"""What happens in every time step while a network is shown one image."""
import dataclasses
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, second

from spikelearn.equilibrium.classifier import Classifier, Recipe


class OneImage(NamedTuple):
    """Every spike: t : Quantity (n,); i : neuron (n,); population : its index (n,), pixels first.

    And step by step, (steps,): learning : sign of what a change counts for; hidden, output : potentials of a hidden
    unit and of the output that is the image's class; change : what their synapse has collected. The hidden unit is one
    of the last hidden layer that responds to the nudge and whose synapse changes much; units : (hidden, output).
    """

    t: Quantity
    i: np.ndarray
    population: np.ndarray
    learning: np.ndarray
    hidden: np.ndarray
    output: np.ndarray
    change: np.ndarray
    units: tuple

    def arrays(self) -> dict:
        """Name -> array, as a result keeps them."""
        return {"raster_t": self.t, "raster_i": self.i, "raster_population": self.population,
                "trace_learning": self.learning, "trace_hidden": self.hidden, "trace_output": self.output,
                "trace_change": self.change, "trace_units": np.array(self.units)}


def one_image(classifier: Classifier, x: np.ndarray, label: int, weights: dict, recipe: Recipe,
              seed: int = 0) -> OneImage:
    """Show one image in all phases, ignoring the gate, and record every step; with NumPy, so nothing is compiled.

    x : (pixels,); weights : name -> array.
    """
    steps = recipe.free_steps + sum(recipe.nudged_steps)
    recipe = dataclasses.replace(recipe, gate=0.0)
    one = Classifier(classifier.sizes, classifier.synapse, classifier.neuron, classifier.pixel, images=1,
                     dt=classifier.dt, device="numpy", raster=True, duration=(steps + 1) * classifier.dt)
    groups = ["pixels", *(f"layer_{k}" for k in range(1, len(one.sizes)))]
    traces = [f"trace_of_{layer}.s" for layer in groups[-2:]] + ["trace_of_learning.learning"]
    traces += ["trace_of_changes.change"] * ("trace_of_changes" in one.simulation.objects)
    read = one.simulation.run(one.values(x[None], [label], weights, recipe, True), seed=seed,
                              read=[*(f"spikes_of_{group}.{what}" for group in groups for what in "ti"), *traces])
    hidden, output, learning = (np.asarray(read[name])[:, :steps] for name in traces[:3])
    change = np.asarray(read.get("trace_of_changes.change", np.zeros((one.sizes[-2] * one.sizes[-1], steps))))
    change = change.reshape(one.sizes[-2], one.sizes[-1], -1)[:, int(label), :steps]
    moves = hidden[:, recipe.free_steps:].std(axis=1)       # a unit that stays at 0 or 1 shows little
    unit = int((np.abs(change[:, -1]) * moves).argmax())
    return OneImage(*_spikes(read, groups, one, steps), learning[0], hidden[unit], output[int(label)], change[unit],
                    (unit, int(label)))


def _spikes(read, groups, one, steps):
    t, i = ([np.asarray(read[f"spikes_of_{group}.{what}"]) for group in groups] for what in "ti")
    population = np.repeat(np.arange(len(groups)), [len(times) for times in t])
    t, i = np.concatenate(t), np.concatenate(i)
    seen = ((population > 0) | (i < one.sizes[0])) & (t < float((steps - 0.5) * one.dt))       # biases, step of the end
    return t[seen] * second, i[seen], population[seen]
