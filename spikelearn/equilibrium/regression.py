"""A layered network of spiking neurons that learns real-valued targets in a free and one or more nudged phases.

As classifier.py, for neurons with reset and refractoriness and for rules that follow every spike: contrastive Hebbian
learning counts pairs late in the free phase (`learning` -1) and in an equally long nudged phase (+1); the temporal twin
follows nudges of either sign. The answer is the mean activity of the outputs late in the free phase.
"""
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, SpikeMonitor, ms, second

from spikelearn.equations.files import load_model, trained_rule
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.equilibrium.presentation import answers, carried_with_learning, counted_phases, nudge_values
from spikelearn.equilibrium.recipe import Recipe
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.presentations import THEN
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.tables import lookup_table

LONG = 100_000 * second         # a run ends when its examples are over
INPUT = "neurons/pixel_fire"    # an input x from 0 to 1 is a regular spike train at the rate r_max*x


class Answered(NamedTuple):
    """weights : name -> array, after learning; outputs : (n, outputs) mean activities late in the free phase;
    spikes : number of spikes of each population, inputs first."""

    weights: dict
    outputs: np.ndarray
    spikes: np.ndarray


class Regression:
    """A network inputs-hidden-...-outputs: a function (examples, weights, seed) -> (answers, weights).

    Parameters
    ----------
    sizes : (inputs, hidden, ..., outputs).
    synapse, neuron : rule and neuron model by name, file or record; neuron None = the one the rule is paired with.
    examples : how many can be shown in one run.
    dt, device : as for Simulation. raster : record every spike; then `duration` is the length of a run.

    Raises
    ------
    SpikelearnError : if there is no hidden layer, or if a model lacks what a network of two phases needs.
    """

    def __init__(self, sizes: tuple[int, ...], synapse: str | SynapseModel, neuron: str | NeuronModel | None = None, *,
                 examples: int = 100, dt: Quantity = 0.5 * ms, device: str = "auto", raster: bool = False,
                 duration: Quantity = LONG):
        self.synapse = trained_rule(synapse)
        if neuron is None and not self.synapse.neuron:
            raise SpikelearnError(f"the rule {self.synapse.title} names no neuron that it is paired with: "
                                  "choose one with --neuron")
        self.neuron = load_model(neuron or self.synapse.neuron, "neuron")
        self.sizes, self.examples, self.dt = tuple(int(size) for size in sizes), int(examples), dt
        if len(self.sizes) < 3 or min(self.sizes) < 1:
            raise SpikelearnError(f"a network needs at least one hidden layer, none of them empty, not {self.sizes}")
        self._check_models()
        self.input = load_model(INPUT).with_parameters(r_max=self.neuron.parameters["r_max"])
        self.simulation = Simulation(lambda: self._build(raster), duration, device=device, dt=dt)

    def _check_models(self):
        needed = {"r_max": self.neuron, "eta": self.synapse}
        for name, model in needed.items():
            if name not in model.parameters:
                raise SpikelearnError(f"{model.title} has no parameter '{name}', which a network that learns by free "
                                      "and nudged phases needs")
        for name in ("I", "s", "nudge", "target", "learning"):
            if name not in self.neuron.equations:
                raise SpikelearnError(f"{self.neuron.title} has no variable '{name}', which a network that learns by "
                                      "free and nudged phases needs")
        if "learning" not in self.synapse.reads(self.synapse.on_pre)["post"] or self.synapse.on_event:
            raise SpikelearnError(f"the rule {self.synapse.title} does not read the sign 'learning' at every spike, "
                                  "as a network of free and nudged phases needs it")
        if "change" not in self.synapse.equations or not self.synapse.at_end:
            raise SpikelearnError(f"the rule {self.synapse.title} collects no change that it applies at the end of an "
                                  "example, as a network that learns by free and nudged phases needs it")

    # --- the network ---------------------------------------------------------------------------------------------

    def _build(self, raster):
        outputs = self.sizes[-1]
        shown = lookup_table(np.zeros((self.examples, self.sizes[0] + 1)), "inputs_shown")
        wanted = lookup_table(np.zeros((self.examples, outputs)), "targets_shown")
        trial, phases = counted_phases()
        flags = {"finishing": (trial, "finishing")}
        inputs = neurons(self.input, self.sizes[0] + 1, name="inputs", linked=flags, finished="finishing > 0")
        layers = [neurons(self.neuron, size, name=f"layer_{k}", finished="finishing > 0",
                          linked=flags | ({"nudge": (trial, "nudge")} if k == len(self.sizes) - 1 else {}))
                  for k, size in enumerate(self.sizes[1:], 1)]
        learning = dict.fromkeys(("begin", "window", "nudge", "collected"), "learning_post = learning_pre")
        made = [shown, wanted, *phases, trial, inputs, *layers]
        made.append(carried_with_learning(trial, inputs, {
            "begin": "x_post = inputs_shown(image_pre*second, j)", THEN + "begin": self.input.at_start}, learning,
            dict(inputs_shown=shown)))
        made += [carried_with_learning(trial, layer, {"begin": self.neuron.at_start}, learning)
                 for layer in layers[:-1]]
        made.append(carried_with_learning(trial, layers[-1], {
            "begin": f"{self.neuron.at_start}\ntarget_post = targets_shown(image_pre*second, j)",
            "answer": "wrong_pre += int(abs(target_post - s_post) >= gate_pre)"}, learning, dict(targets_shown=wanted)))
        made += answers(trial, layers[-1], "s")
        made += self._connections(inputs, layers)
        return made + [SpikeMonitor(group, record=raster, name=f"spikes_of_{group.name}")
                       for group in (inputs, *layers)]

    def _connections(self, inputs, layers):
        """Synapses between neighbouring layers, the same weight in both directions, and from the bias unit."""
        missing = self.synapse.reads(self.synapse.on_post)["pre"] - set(inputs.variables)
        pathways = ["pre"] if missing else None         # an input is clamped: its activity does not change
        made = [synapses(inputs, layers[0], self.synapse, name="synapses_1", connect="all-to-all",
                         transmit="I_post += w", pathways=pathways)]
        for k, (below, above) in enumerate(zip(layers, layers[1:]), 2):
            made.append(synapses(below, above, self.synapse, name=f"synapses_{k}", connect="all-to-all",
                                 transmit="I_post += w", transmit_back="I_pre += w"))
            made.append(synapses(inputs[self.sizes[0]:], above, self.synapse, name=f"biases_{k}", connect="all-to-all",
                                 transmit="I_post += w", pathways=pathways))
        return made

    # --- its runs ------------------------------------------------------------------------------------------------

    def new_weights(self, seed: int, bias: float = 0.4, output_bias: float = 0.5, output_spread: float = 0.5) -> dict:
        """Weights ~ N(0, 1/fan_in) and equal biases: name -> array; the last row of the first is layer 1's biases.

        output_bias, output_spread : biases of the outputs, and their weights in units of 1/sqrt(fan_in). An output that
        starts silent for all inputs is beyond the reach of the nudge and of a rule that counts pairs (chosen here).
        """
        rng, weights = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))), {}
        for k, (below, above) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            last = k == len(self.sizes) - 1
            w = rng.normal(0, (output_spread if last else 1) / np.sqrt(below), (below, above))
            weights[f"synapses_{k}.w"] = np.vstack([w, np.full(above, bias)]).ravel() if k == 1 else w.ravel()
            if k > 1:
                weights[f"biases_{k}.w"] = np.full(above, output_bias if last else bias)
        return weights

    def eta(self, recipe: Recipe) -> float:
        """What turns the learning rate of a recipe into the eta of the rule, so that rates mean the same for all.

        A pair of neurons that fire at r_max in a window of T seconds adds T * 2*tau*r_max^2 to contrastive Hebbian
        learning; a change of the activity by 1 adds r_max*dt to a rule that follows changes.
        """
        r_max = float(self.neuron.parameters["r_max"])
        if recipe.window_steps:
            pairs = recipe.window_steps * float(self.dt) * 2 * float(self.synapse.parameters["tau"]) * r_max**2
            return 1 / (recipe.beta * pairs)
        return 1 / (recipe.beta * recipe.signal * r_max * float(self.dt))

    def check_recipe(self, recipe: Recipe):
        """Refuse phases that do not fit the rule or the network. Raises SpikelearnError."""
        layers, counts_pairs = len(self.sizes) - 1, "tau" in self.synapse.parameters
        if len(recipe.rates) != layers:
            raise SpikelearnError(f"a network of {layers} layers needs {layers} learning rates, "
                                  f"not {len(recipe.rates)}")
        if counts_pairs and recipe.window_steps != sum(recipe.nudged_steps):
            raise SpikelearnError(f"window_steps must be the length of the nudged phase, {sum(recipe.nudged_steps)}, "
                                  f"not {recipe.window_steps}: only then do equal activities change nothing")
        if counts_pairs and recipe.signs != (1,):
            raise SpikelearnError(f"the rule {self.synapse.title} contrasts the free phase with one nudged phase: "
                                  f"signs must be 1, not {recipe.signs}")
        if recipe.window_steps and not counts_pairs:
            raise SpikelearnError(f"the rule {self.synapse.title} follows changes, not pairs: window_steps must be 0")

    def show(self, x: np.ndarray, targets: np.ndarray, weights: dict, recipe: Recipe, *, seed: int,
             learn: bool = True) -> Answered:
        """Show examples one after the other. x : (n, inputs) from 0 to 1; targets : (n, outputs) activities.

        learn=False: free phases only, nothing changes. Raises SpikelearnError if there are too many examples, if an
        input lies outside 0 to 1 or if the weights became infinite.
        """
        if not 0 < len(x) <= self.examples:
            raise SpikelearnError(f"1 to {self.examples} examples can be shown at once, not {len(x)}")
        if not (np.min(x) >= 0 and np.max(x) <= 1):
            raise SpikelearnError(f"inputs must lie from 0 to 1, but lie from {np.min(x):g} to {np.max(x):g}")
        counts = [f"spikes_of_{name}.N" for name in self.populations()]
        read = self.simulation.run(self.values(x, targets, weights, recipe, learn), seed=seed,
                                   read=[*weights, "answers.mean_input", *counts])
        return Answered({name: np.asarray(read[name]) for name in weights},
                        np.asarray(read["answers.mean_input"]).reshape(len(x), self.sizes[-1]),
                        np.array([int(read[name]) for name in counts]))

    def populations(self) -> list:
        """Names of the populations, inputs first."""
        return ["inputs", *(f"layer_{k}" for k in range(1, len(self.sizes)))]

    def values(self, x, targets, weights, recipe, learn) -> dict:
        """The values of a run (Simulation.run) that shows these examples."""
        self.check_recipe(recipe)
        n = len(x)
        shown, wanted = np.zeros((self.examples, self.sizes[0] + 1)), np.zeros((self.examples, self.sizes[-1]))
        shown[:n, :-1], shown[:, -1], wanted[:n] = x, 1, targets
        values = {"inputs_shown": shown, "targets_shown": wanted, **weights, "trial.images": n}
        values |= {f"trial.{name}": getattr(recipe, name) for name in ("free_steps", "listen_steps", "beta", "gate")}
        values |= nudge_values(recipe.nudged_steps, recipe.signs) if learn else nudge_values((), ())
        values["trial.window_steps"] = recipe.window_steps if learn else 0
        for name in weights:
            layer = int(name.split(".")[0].rsplit("_", 1)[1]) - 1
            values[name.replace(".w", ".eta")] = self.eta(recipe) * recipe.rates[layer]
        return values
