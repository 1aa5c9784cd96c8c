"""Many independent copies of one small layered network, side by side in one simulation: free phase, nudged phase.

For questions that need repeats of a presentation rather than a long training: the statistics of what a rule collects,
or many learners at once. Each copy is a block of each population; nothing is applied to the weights here, so the caller
decides what the collected changes are for. Copies are numbered in the order of the rows of `x`.
"""
from typing import NamedTuple

import numpy as np
from brian2 import StateMonitor, TimedArray, ms

from spikelearn.equations.files import load_model, trained_rule
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation


class Phases(NamedTuple):
    """Lengths in time steps: free phase, nudged phase (or each of several, whose nudges have the signs +, -, +, ...),
    the window late in the free phase that counts negatively (0 = none), and the last part of the free phase over which
    the answer is averaged."""

    free: int = 80
    nudged: int | tuple = 40
    window: int = 0
    listen: int = 20

    @property
    def lengths(self) -> tuple:
        """Length of each nudged phase."""
        return tuple(int(length) for length in np.atleast_1d(self.nudged))

    @property
    def signal(self) -> int:
        """How often the rule sees the response to beta: once at its beginning, twice at each turn of the nudge."""
        return 2 * len(self.lengths) - 1

    def signs(self) -> tuple:
        """In each step, (steps,): what a change counts for, and the sign of the nudge."""
        nudge = np.concatenate([np.zeros(self.free), *(np.full(n, (-1.0)**k) for k, n in enumerate(self.lengths))])
        counts = nudge.copy()
        counts[self.free - self.window:self.free] = -1
        return counts, nudge


class Collected(NamedTuple):
    """weights : [(n, below, above), ...] and biases : [(n, above), ...], what the rule collected, of each copy;
    mean_input : (n, outputs) mean input of the outputs late in the free phase."""

    weights: list
    biases: list
    mean_input: np.ndarray

    def flat(self):
        """All of it as one row a copy: weights and biases of layer 1, then of layer 2, ...: (n, parameters)."""
        parts = [part.reshape(len(part), -1) for pair in zip(self.weights, self.biases) for part in pair]
        return np.concatenate(parts, axis=1)


class Copies:
    """`n` copies of a network pixels-hidden-...-outputs whose rule collects changes in `change`.

    sizes : (pixels, hidden, ..., outputs). synapse, neuron, pixel : models, as in Classifier; neuron None = the one the
    rule is paired with. The biases are the weights of one more pixel that is always 1.
    """

    def __init__(self, sizes, n, synapse, neuron=None, pixel="neurons/pixel_fire", *, phases=None, dt=1 * ms,
                 device="auto"):
        self.sizes, self.n, self.dt = tuple(sizes), int(n), dt
        self.phases = phases = phases or Phases()
        self.synapse = trained_rule(synapse)
        self.neuron = load_model(neuron or self.synapse.neuron, "neuron")
        self.pixel = load_model(pixel, "neuron").with_parameters(r_max=self.neuron.parameters["r_max"])
        self.twin = "twin" in self.neuron.events
        if any(event.endswith("twin") for event in self.synapse.on_event) and not self.twin:
            raise SpikelearnError(f"the rule {self.synapse.title} needs a neuron with a twin: "
                                  f"choose {self.neuron.title}_twin")
        if phases.window and "learning" not in self.synapse.reads()["post"]:
            raise SpikelearnError(f"the rule {self.synapse.title} knows no window in the free phase")
        if len(phases.lengths) > 1 and "learning" not in self.synapse.reads()["post"]:
            raise SpikelearnError(f"the rule {self.synapse.title} does not read the sign of the nudge: it needs one "
                                  "nudged phase")
        if not max(phases.window, phases.listen) <= phases.free:
            raise SpikelearnError(f"the window and the answer must lie within the free phase of {phases.free} steps")
        self.p_max = float(self.neuron.parameters["r_max"] * dt)
        self.simulation = Simulation(self._build, (phases.free + sum(phases.lengths)) * dt, device=device, dt=dt)

    def _build(self):
        counts, nudged = self.phases.signs()
        schedules = [TimedArray(values, dt=self.dt, name=name)
                     for name, values in (("counts_at", counts), ("nudge_at", nudged), ("nudge_twin_at", 0 * nudged))]
        inputs = {schedule.name: schedule for schedule in schedules}
        pixels = neurons(self.pixel, (self.sizes[0] + 1) * self.n, name="pixels", inputs=inputs)
        layers = [neurons(self.neuron, size * self.n, name=f"layer_{k}", inputs=inputs)
                  for k, size in enumerate(self.sizes[1:], 1)]
        for group in (pixels, *layers):
            group.run_regularly("learning = counts_at(t)", when="start")
        layers[-1].run_regularly("nudge = nudge_at(t)", when="start")
        if self.twin:
            layers[-1].run_regularly("nudge_twin = nudge_twin_at(t)", when="start")
        listener = StateMonitor(layers[-1], "drive", record=True, name="answers")
        return [*schedules, pixels, *layers, *self._connections(pixels, layers), listener]

    def _connections(self, pixels, layers):
        """Each copy all-to-all between neighbouring layers, in both directions but from the pixels."""
        taught = {pathway: f"taught{pathway.removeprefix('pre').removeprefix('post')}"
                  for pathway in ("pre", "post", *self.synapse.on_event)}
        from_pixels = {pathway: "taught" for pathway in taught if pathway.startswith("pre")}
        into = "I_in_post += w" if self.twin else "I_post += w"
        forward = {"spike": "I_post += w"} | ({"twin": "I_twin_post += w"} if self.twin else {})
        back = {"spike": "I_pre += w"} | ({"twin": "I_twin_pre += w"} if self.twin else {})
        made = []
        for k, (below, above) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            if k > 1:
                ends = blocks(self.n, (below, range(below)), (above, range(above)))
                made.append(synapses(layers[k - 2], layers[k - 1], self.synapse, name=f"synapses_{k}", connect=ends,
                                     transmit=forward, transmit_back=back, events=taught))
            sources = range(0 if k == 1 else self.sizes[0], self.sizes[0] + 1)
            made.append(synapses(pixels, layers[k - 1], self.synapse, name="synapses_1" if k == 1 else f"biases_{k}",
                                 connect=blocks(self.n, (self.sizes[0] + 1, sources), (above, range(above))),
                                 transmit=into, pathways=list(from_pixels), events=from_pixels))
        return made

    def show(self, x, targets, weights, biases, beta, *, seed, eta=1.0, at_random=True):
        """Show row k of x (n, pixels) to copy k, nudged to row k of targets (n, outputs). Returns Collected.

        weights : [(below, above), ...], biases : [(above,), ...], or one of each a copy, (n, below, above), (n, above).
        beta : strength of the nudge.
        eta : learning rate; what is collected is divided by beta and phases.signal. at_random : each unit begins at a
        random place of its way to the next spike, so that copies differ also where spikes are regular (chosen here).
        """
        rng = np.random.default_rng([int(seed), 1])
        n, nudged = self.n, self.phases.signs()[1]
        values = {"nudge_at": beta * nudged, "pixels.x": np.hstack([x, np.ones((n, 1))]).ravel(),
                  f"layer_{len(self.sizes) - 1}.target": np.ravel(targets)}
        if self.twin:
            values["nudge_twin_at"] = beta * float(self.synapse.parameters["beta_twin"]) * nudged
        for k, (w, b) in enumerate(zip(weights, biases), 1):
            w, b = (np.broadcast_to(part, (n, *np.shape(part)[-d:])) for part, d in ((w, 2), (b, 1)))
            values[f"synapses_{k}.w"] = (np.concatenate([w, b[:, None]], axis=1) if k == 1 else w).ravel()
            values |= {f"biases_{k}.w": b.ravel()} if k > 1 else {}
        names = [name.removesuffix(".w") for name in values if name.endswith(".w")]
        values |= {f"{name}.eta": eta / (beta * self.phases.signal * self.p_max) for name in names}
        values |= self._starts(rng, at_random)
        read = self.simulation.run(values, seed=seed, read=[f"{name}.change" for name in names] + ["answers.drive"])
        return self._collected(read)

    def _starts(self, rng, at_random):
        """Where the pixels and units of regular spikes begin."""
        values = {}
        for name, model, size in (("pixels", self.pixel, self.sizes[0] + 1),
                                  *((f"layer_{k}", self.neuron, size) for k, size in enumerate(self.sizes[1:], 1))):
            begin = rng.uniform(size=size * self.n) * at_random
            for variable in ("phase", "phase_twin"):
                if f"d{variable}/dt" in model.equations:
                    values[f"{name}.{variable}"] = begin
        return values

    def _collected(self, read):
        weights, biases = [], []
        for k, (below, above) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            held = np.asarray(read[f"{'synapses' if k == 1 else 'biases'}_{k}.change"]).reshape(self.n, -1, above)
            biases.append(held[:, -1])
            weights.append(held[:, :-1] if k == 1 else
                           np.asarray(read[f"synapses_{k}.change"]).reshape(self.n, below, above))
        drive = np.asarray(read["answers.drive"]).reshape(self.n, self.sizes[-1], -1)
        late = drive[..., self.phases.free - self.phases.listen:self.phases.free]
        return Collected(weights, biases, late.mean(axis=-1))


def blocks(n, pre, post):
    """Index arrays (i, j) of n blocks. pre, post : (units of a block, those of them that are connected)."""
    (width_pre, chosen_pre), (width_post, chosen_post) = pre, post
    copy, i, j = np.meshgrid(np.arange(n), np.array(chosen_pre), np.array(chosen_post), indexing="ij")
    return (copy * width_pre + i).ravel(), (copy * width_post + j).ravel()
