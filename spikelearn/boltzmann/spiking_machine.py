"""A restricted Boltzmann machine of two-state neurons, built once and run many times to learn, sample and complete."""
import warnings
from typing import NamedTuple

import numpy as np
from brian2 import ms, second

from spikelearn.boltzmann.machine import Machine, new_machine
from spikelearn.boltzmann.network import POPULATIONS, WEIGHTS, sampling_network
from spikelearn.equations.files import load_model, trained_rule
from spikelearn.errors import SpikelearnError, SpikelearnWarning
from spikelearn.simulation.simulate import Simulation
from spikelearn.training.seeds import sampling_numbers

LONG = 100_000 * second         # a run ends when its examples are over
DRAWING, COMPLETING = 1, 2      # places of random numbers among those of sampling (training.sampling_numbers)
COARSE = 0.2                    # attempts a step of one neuron that call for a shorter time step; chosen here


class Shown(NamedTuple):
    """Result of presenting examples.

    weights : name -> array, after learning, the hidden biases with their drift; means : (n, visible) mean state of each
    visible neuron after the settling; attempts : of the visible neurons while learning; flips : flips of all neurons
    and attempts of the held ones
    """

    weights: dict
    means: np.ndarray
    attempts: int
    flips: int


class SpikingMachine:
    """Visible and hidden two-state neurons with symmetric weights: a function (examples, weights, seed) -> Shown.

    synapse, neuron : models; neuron None = the one the rule is paired with. examples : how many one run can hold.
    `simulation` is the built network; times are given in units of the neuron's tau.
    """

    def __init__(self, n_visible, n_hidden, synapse="synapses/vpf_symmetric", neuron=None, *, examples=1000,
                 dt=1 * ms, device="cpp", precision="double", raster=False, duration=LONG):
        self.synapse = trained_rule(synapse)
        if "pre_attempt" not in self.synapse.on_event or "post_attempt" not in self.synapse.on_event:
            raise SpikelearnError(f"a machine with symmetric weights learns from the attempts of both sides, which "
                                  f"the rule {self.synapse.title} does not follow; one that does: vpf_symmetric")
        self.neuron = load_model(neuron or self.synapse.neuron, "neuron")
        if "attempt" not in self.neuron.events:
            raise SpikelearnError(f"{self.neuron.title} has no event 'attempt', unlike two_state_held")
        self.pixel = self.neuron            # a visible neuron is like any other
        self.decays = "decay" in {**self.synapse.parameters, **self.synapse.initial}
        self.drifts = "homeostasis" in {**self.neuron.parameters, **self.neuron.initial}
        self.sizes, self.examples, self.dt = (int(n_visible), int(n_hidden)), int(examples), dt
        if min(*self.sizes, self.examples) < 1:
            raise SpikelearnError(f"a machine needs neurons on both sides, not {n_visible} and {n_hidden}")
        self._warn_of_coarse_steps(float(dt / self.neuron.parameters["tau"]), "at z = 0")
        self.simulation = Simulation(
            lambda: sampling_network(*self.sizes, self.neuron, self.synapse, examples=self.examples, raster=raster),
            duration, device=device, dt=dt, precision=precision)

    def steps(self, duration):
        """Number of time steps of a duration in units of tau."""
        return round(duration * float(self.neuron.parameters["tau"] / self.dt))

    def new_weights(self, seed, spread=0.01, hidden_bias=0.0, mean=None):
        """Weights ~ N(0, spread^2), so that hidden neurons differ, and biases: name -> array.

        hidden_bias : below 0, few hidden neurons are excited at first, each with a small part in what the rule does to
        the input of a visible neuron, so that learning is stable at a higher rate [ours]. mean : (visible,) mean of
        the data, to which the visible biases are set, else 0.
        """
        seed = np.random.SeedSequence(seed, spawn_key=(0,))
        return self.weights(new_machine(self.sizes, spread=spread, bias=hidden_bias, mean=mean, seed=seed))

    def weights(self, machine):
        """The weights of a run, name -> array, from a boltzmann.Machine."""
        (b, c), (W,) = machine.biases, machine.weights
        made = dict(zip(WEIGHTS, (np.ravel(W.T), b, c), strict=True))
        return {name: np.array(w, dtype=self.simulation.precision) for name, w in made.items()}

    def machine(self, weights):
        """The boltzmann.Machine with the weights of a run, in double precision."""
        W, b, c = (np.asarray(weights[name], dtype=float) for name in WEIGHTS)
        return Machine((b, c), (W.reshape(self.sizes[::-1]).T,))

    def values(self, examples, weights, *, held, shown, settling, count, rate, batch, carry, **parts):
        """The values of a run (Simulation.run). parts : see `show`."""
        array = np.zeros((self.examples, self.sizes[0]))
        array[:len(examples)] = examples
        values = {"examples_shown": array, **weights, "visible.held": np.asarray(held, dtype=float) * np.ones(
            self.sizes[0]), "trial.carry": float(carry), "trial.teaching": int(rate > 0), "trial.batch": batch,
            "trial.examples": count, "trial.shown_steps": self.steps(shown),
            "trial.settling_steps": self.steps(settling)}
        for name in weights:
            values[name.replace(".w", ".eta")] = rate
            if name != "synapses.w" and self.decays:
                values[name.replace(".w", ".decay")] = 0.0              # biases do not decay
        return values | self._values_of_parts(values["trial.settling_steps"], **parts)

    def _values_of_parts(self, settling_steps, *, decay=None, homeostasis=0.0, activity=0.1, hidden_flips=True,
                         walk_back=0.0, walk_steps=3, leg=4.0):
        """The values of a run for the parts of a training, checked."""
        self.check_parts(decay=decay, homeostasis=homeostasis)
        if walk_back and min(settling_steps, self.steps(leg)) < 1:
            raise SpikelearnError("walk_back needs a settling and a leg of at least one time step")
        values = {"trial.hidden_flips": int(hidden_flips), "trial.walk_back": float(walk_back),
                  "trial.walk_steps": walk_steps, "trial.leg_steps": self.steps(leg),
                  "trial.drift_steps": settling_steps // 2 if walk_back else settling_steps}
        if decay is not None and self.decays:
            values["synapses.decay"] = float(decay)
        if self.drifts:
            values |= {"hidden.homeostasis": float(homeostasis), "hidden.activity": float(activity)}
        return values

    def check_parts(self, *, decay=None, homeostasis=0.0, **_):
        """Refuse parts of a training that the models do not have. Raises SpikelearnError."""
        if decay and not self.decays:
            raise SpikelearnError(f"the rule {self.synapse.title} has no 'decay', unlike vpf_symmetric; use decay=0")
        if homeostasis and not self.drifts:
            raise SpikelearnError(f"{self.neuron.title} has no 'homeostasis', unlike two_state_homeostatic; use "
                                  "homeostasis=0")

    def show(self, examples, weights, *, seed, held=True, shown, settling, count=None, rate=0.0, batch=1, carry=False,
             start=None, **parts):
        """Show examples one after the other.

        examples : (n, visible) of 0 and 1. held : whether data hold the visible neurons, True, False or (visible,).
        shown, settling : duration of an example, and of its first part that does not count, in units of tau.
        count : how many examples are shown, if the last is to be shown for longer. rate : 0 = sample only.
        carry : begin an example in the last state of the one before, not at rest.
        start : (hidden,) of 0 and 1, hidden neurons that are excited when the first example begins, with carry.
        parts : of a training, fields of train_on_spikes.Recipe: decay, homeostasis, activity, hidden_flips, walk_back,
        walk_steps, leg.
        Returns Shown.
        """
        if not 0 < len(examples) <= self.examples:
            raise SpikelearnError(f"1 to {self.examples} examples can be shown at once, not {len(examples)}")
        if parts.get("walk_back") and not np.all(held):
            raise SpikelearnError("walk_back needs data that hold all visible neurons")
        if self.steps(shown) <= self.steps(settling):
            raise SpikelearnError(f"an example must be shown for longer than its settling of {settling:g} tau")
        count = len(examples) if count is None else int(count)
        counts = [f"{kind}_of_{name}.N" for kind in ("ups", "downs") for name in POPULATIONS]
        tried = [f"attempts_of_{name}.count" for name in POPULATIONS]
        values = self.values(examples, weights, held=held, shown=shown, settling=settling, count=count, rate=rate,
                             batch=batch, carry=carry, **parts)
        if start is not None:
            values |= {"hidden.state": np.asarray(start, dtype=float),
                       "visible.drive": self.machine(weights).weights[0] @ start}
        drift = ["hidden.b"] if self.drifts and rate > 0 else []
        read = self.simulation.run(values, seed=seed, read=[*weights, "averages.mean", *counts, *tried, *drift])
        attempts, of_hidden = (np.asarray(read[name]) for name in tried)
        if rate > 0:
            steps = count * (self.steps(shown) - self.steps(settling))
            self._warn_of_coarse_steps(max(attempts.max(), of_hidden.max()) / steps, "on average in one neuron")
        flips = sum(int(read[name]) for name in counts) + int(attempts[np.asarray(held) * np.ones(len(attempts)) > 0]
                                                              .sum())
        flips += int(of_hidden.sum()) if parts.get("walk_back") else 0
        after = {name: np.asarray(read[name]) for name in weights}
        for name in drift:
            after["hidden_biases.w"] = after["hidden_biases.w"] + np.asarray(read[name])
        return Shown(after, np.asarray(read["averages.mean"]).reshape(count, self.sizes[0]), int(attempts.sum()), flips)

    def _warn_of_coarse_steps(self, chance, where):
        """Warn if rate*dt, the probability of an attempted flip in a step, is not small."""
        if chance > COARSE:
            warnings.warn(f"{self.neuron.title}: rate*dt is {chance:.2g} {where}; "
                          "a shorter dt makes the flips more exact", SpikelearnWarning, stacklevel=3)


def flips_of_one_example(machine, x, weights, *, seed=0, held=True, shown, settling=0.0):
    """Every flip and attempt while one example is shown, simulated with NumPy: no build. x : (visible,).

    Returns kind -> (t Quantity (n,), i (n,), population (n,) 0 visible, 1 hidden), kind ups, downs, attempts.
    """
    one = SpikingMachine(*machine.sizes, machine.synapse, machine.neuron, examples=1, dt=machine.dt, device="numpy",
                         raster=True, duration=(machine.steps(shown) + 1) * machine.dt)
    values = one.values(x[None], weights, held=held, shown=shown, settling=settling, count=1, rate=1e-12, batch=1,
                        carry=False)
    kinds = ("ups", "downs", "attempts")
    read = one.simulation.run(values, seed=seed, read=[f"{kind}_of_{name}.{what}" for kind in kinds
                                                       for name in POPULATIONS for what in "ti"])
    found = {}
    for kind in kinds:
        t, i = ([np.asarray(read[f"{kind}_of_{name}.{what}"]) for name in POPULATIONS] for what in "ti")
        population = np.repeat(np.arange(2), [len(times) for times in t])
        found[kind] = (np.concatenate(t) * second, np.concatenate(i), population)
    return found


def _run_seed(seed, *where):
    return int(sampling_numbers(seed, *where).integers(2**31))


def draw(machine, weights, count, *, apart, averaged, seed, prior=None):
    """Samples of the free machine: (count, visible) mean states.

    apart : time of one drawing, in units of tau; averaged : last part of it, over which the states are averaged; the
    shorter, the closer to black and white. prior : None = one chain from rest, drawing after drawing; or (hidden,)
    probabilities with which hidden neurons are excited when a drawing begins, each a chain of its own.
    """
    nothing, rng = np.zeros((1, machine.sizes[0])), sampling_numbers(seed, DRAWING)
    how = dict(held=False, shown=apart, settling=apart - averaged, carry=True)
    if prior is None:
        return machine.show(nothing, weights, seed=_run_seed(seed, DRAWING), count=count, **how).means
    return np.vstack([machine.show(nothing, weights, seed=int(rng.integers(2**31)),
                                   start=rng.random(machine.sizes[1]) < prior, **how).means for _ in range(count)])


def complete(machine, weights, examples, hidden, *, settling, averaged, seed):
    """Mean states of the visible neurons, (n, visible), while data clamp all pixels but the hidden ones.

    examples : (n, visible) of 0 and 1; hidden : (visible,) bool; settling, averaged : times in units of tau.
    seed : of this machine's completions; every part of the examples has random numbers of its own.
    """
    times, held = dict(shown=settling + averaged, settling=settling), ~np.asarray(hidden, dtype=bool)
    parts = [examples[first:first + machine.examples] for first in range(0, len(examples), machine.examples)]
    means = [machine.show(part, weights, seed=_run_seed(seed, COMPLETING, k), held=held, **times).means
             for k, part in enumerate(parts)]
    return np.where(hidden, np.vstack(means), examples)
