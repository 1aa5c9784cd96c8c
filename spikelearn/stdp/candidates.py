"""Weight changes of many sets of parameter values, side by side as synapses of one simulation.

A fit or a sweep asks for the same pairings again and again with other parameters. Here the network is built once; each
candidate has its own synapses, with its own parameters, on the neurons that all candidates share.
"""
from collections.abc import Sequence

import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.equations.files import load_model
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.programs import compiler
from spikelearn.stdp.network import FromSpikeToSpike, InTimeSteps, exact_between_spikes
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.time_steps import converged, fitting_step, is_random
from spikelearn.stdp.weight_change import READ_AFTER, checked_time, from_first, post_neuron


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
        ends = [self.rule.with_parameters(**self.with_units(values)) for values in (lowest, highest)]
        post, after = post_neuron(self.rule, neuron), checked_time(read_after, "read_after")
        if self.rule.at_end:
            raise SpikelearnError(f"{self.rule.title} learns by presentations (at_end), not by pairings")
        device = "cpp" if device == "auto" and compiler() else device
        copies = dict(copies=count * repeats, per_synapse=self.free)
        if post is None and exact_between_spikes(self.rule):
            self._weights = FromSpikeToSpike(pairings, self.rule, after, device, seed, **copies).weights
            return
        models = [model for model in (*ends, self.rule, post) if model]
        step = fitting_step(from_first(pairings), models, None)
        network = InTimeSteps(pairings, self.rule, post, after, device, seed, step, **copies)
        step = self._step_that_does(network, step, np.array([lowest, highest]), random=is_random(*models))
        self._weights = lambda parameters, finite: network.weights(step, parameters, finite)

    def _step_that_does(self, network, step, bounds, random):
        """The longest time step that is accurate for candidates all over the space."""
        shares = np.random.default_rng(1).random((self.count, len(self.free)))
        spread = self._spread(bounds[0] + shares * (bounds[1] - bounds[0]))

        def changes(size):
            found = self._relative(network.weights(size, spread, finite=False))
            return np.where(np.isfinite(found), found, 0).ravel()

        found = converged(changes, step, random=random)
        self.step_error_percent = found.error_percent
        return float(found.step)

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

        A change that is not finite stays so.
        """
        values = np.atleast_2d(np.asarray(values, dtype=float))
        parts = [values[k:k + self.count] for k in range(0, len(values), self.count)]
        return np.concatenate([self._relative(self._weights(self._spread(part), False))[:len(part)]
                               for part in parts])

    def _spread(self, values):
        """Parameters of every synapse, from those of up to `count` candidates."""
        filled = np.concatenate([values, np.repeat(values[:1], self.count - len(values), axis=0)])
        spread = np.repeat(filled, self.n * self.repeats, axis=0).T
        return {name: Quantity(row, dim=get_dimensions(self.rule.parameters[name]))
                for name, row in zip(self.free, spread, strict=True)}

    def _relative(self, weights):
        with np.errstate(all="ignore"):
            change = weights.end / weights.start - 1
        return change.reshape(self.count, self.repeats, self.n).mean(axis=1)
