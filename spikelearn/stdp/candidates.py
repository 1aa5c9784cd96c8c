"""Weight changes of many sets of parameter values, side by side as synapses of one simulation.

A fit or a sweep asks for the same pairings again and again with other parameters. Here the network is built once; each
candidate has its own synapses, with its own parameters, on the neurons that all candidates share.
"""
import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.equations.content import exact
from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import for_brian, renamed
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.programs import compiler
from spikelearn.stdp.network import FromSpikeToSpike, exact_between_spikes
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.time_step_network import InTimeSteps
from spikelearn.stdp.time_steps import converged, fitting_step, is_random
from spikelearn.stdp.weight_change import READ_AFTER, acting_times, checked_time, device_for, post_neuron


class Candidates:
    """Relative weight changes of a rule under n pairings, for many values of some of its parameters.

    Parameters
    ----------
    pairings : n Pairing records.
    rule : SynapseModel, its other parameters as they are.
    free : names of the parameters that differ between candidates.
    lowest, highest : (len(free),) values in SI units between which all candidates lie.
    count : how many candidates run side by side; more are done in turns.
    neuron, read_after, device, seed : as in weight_changes; "auto" compiles where there is a compiler.
    repeats : synapses of each candidate, whose mean is taken, where the rule draws random numbers.

    Raises
    ------
    SpikelearnError if the rule has no such parameter, a bound is outside its range, or no time step fits.
    """

    def __init__(self, pairings: Sequence[Pairing], rule: SynapseModel, free: Sequence[str],
                 lowest: Sequence[float], highest: Sequence[float], count: int = 64,
                 neuron: str | NeuronModel | None = None, *, read_after: Quantity = READ_AFTER,
                 device: str = "auto", seed: int = 1, repeats: int = 1):
        self.rule, self.free, self.count = load_model(rule, "synapse"), tuple(free), count
        self.n, self.repeats, self.step_error_percent = len(pairings), repeats, 0.0
        self.bounds = np.array([lowest, highest], dtype=float)
        for values in self.bounds:
            self.rule.with_parameters(**self.with_units(values))        # refuses what is out of range
        self.options = dict(neuron=post_neuron(self.rule, neuron), after=checked_time(read_after, "read_after"),
                            device=device_for(self.rule, device), seed=seed)
        if self.options["device"] == "auto" and compiler():
            self.options["device"] = "cpp"
        held = np.array([pairing.hold is not None for pairing in pairings])
        self.parts = [(side, self._network([pairings[k] for k in side], **self.options))
                      for side in (np.flatnonzero(held), np.flatnonzero(~held)) if side.size]

    def _network(self, pairings, neuron, after, device, seed):
        """A function of the parameters of every synapse that returns relative changes (count, len(pairings))."""
        rule, names = for_brian(self.rule), renamed(self.rule)
        copies = dict(copies=self.count * self.repeats, per_synapse=[names.get(name, name) for name in self.free])

        def relative(weights):
            with np.errstate(all="ignore"):
                change = weights.end / weights.start - 1
            return change.reshape(self.count, self.repeats, len(pairings)).mean(axis=1)

        if neuron is None and exact_between_spikes(rule):
            network = FromSpikeToSpike(pairings, rule, after, device, seed, **copies)
            return lambda values: relative(network.weights(self._spread(values), finite=False))
        ends = [self.rule.with_parameters(**self.with_units(values)) for values in self.bounds]
        models = [model for model in (*ends, self.rule, neuron) if model]
        step = fitting_step(acting_times(pairings, rule, after), models, None)
        network = InTimeSteps(pairings, rule, neuron, after, device, seed, step, **copies)
        shares = np.random.default_rng(1).random((self.count, len(self.free)))
        anywhere = self.bounds[0] + shares * (self.bounds[1] - self.bounds[0])
        anywhere = self._spread(np.repeat(anywhere[:, None], len(pairings), axis=1))

        def changes(size):                      # of candidates all over the space
            found = relative(network.weights(size, anywhere, finite=False))
            return np.where(np.isfinite(found), found, 0).ravel()

        found = converged(changes, step, random=is_random(*models), in_threads=network.in_threads)
        errors = (self.step_error_percent, found.error_percent)     # of the held conditions, and of the others
        self.step_error_percent = None if None in errors else max(errors)
        return lambda values: relative(network.weights(float(found.step), self._spread(values), finite=False))

    def with_units(self, values: Sequence[float]) -> dict:
        """Values of the free parameters in SI units, as a dict name -> value with its unit."""
        for name in self.free:
            if name not in self.rule.parameters:
                known = alternatives(name, self.rule.parameters)
                raise SpikelearnError(f"{self.rule.title} has no parameter '{name}'{known}")
        return {name: Quantity(value, dim=get_dimensions(self.rule.parameters[name]))
                for name, value in zip(self.free, values, strict=True)}

    def changes(self, values: np.ndarray) -> np.ndarray:
        """Relative weight changes (m, n) of m candidates, whose parameters in SI units are (m, len(free)).

        Parameters of shape (m, n, len(free)) differ between the conditions as well. A change that is not finite stays
        so.
        """
        values = np.atleast_2d(np.asarray(values, dtype=float))
        if values.ndim == 2:
            values = np.repeat(values[:, None], self.n, axis=1)
        found = np.empty((len(values), self.n))
        for k in range(0, len(values), self.count):
            turn = values[k:k + self.count]
            for side, changes in self.parts:
                found[k:k + len(turn), side] = changes(turn[:, side])[:len(turn)]
        return found

    def _spread(self, values):
        """Parameters of every synapse, from those (m, n, len(free)) of up to `count` candidates in n conditions."""
        filled = np.concatenate([values, np.repeat(values[:1], self.count - len(values), axis=0)])
        synapses = np.repeat(filled[:, None], self.repeats, axis=1).reshape(-1, len(self.free)).T
        names = renamed(self.rule)
        return {names.get(name, name): Quantity(row, dim=get_dimensions(self.rule.parameters[name]))
                for name, row in zip(self.free, synapses, strict=True)}


def identity_of(pairings: Iterable[Pairing]) -> str:
    """A short text that differs wherever two lists of pairings differ, in a single spike time or a label."""
    fields = [field.name for field in dataclasses.fields(Pairing)]
    said = "\n".join(exact(getattr(pairing, name)) for pairing in pairings for name in fields)
    return hashlib.sha256(said.encode()).hexdigest()
