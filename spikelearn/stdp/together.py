"""Runs of protocols that share their simulations: the pairings of all runs side by side, each with its own parameters.

A protocol asks for the weight changes of its pairings once or a few times. Each run is begun; where it asks, it stops,
and it is begun anew when the pairings of all runs have been simulated together. Only rules that are exact from spike to
spike and draw no random numbers share a simulation: their result does not depend on what is simulated beside them.
"""
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from brian2 import Quantity, get_dimensions

from spikelearn.equations.content import content, exact
from spikelearn.equations.records import SynapseModel
from spikelearn.stdp.network import SIMULATED_BY, Changes, FromSpikeToSpike, exact_between_spikes
from spikelearn.stdp.time_steps import is_random

MOST = 20_000       # synapses of one simulation; chosen here


class Asked(NamedTuple):
    """What a run waits for: the arguments of from_spike_to_spike."""

    pairings: Sequence
    rule: SynapseModel
    read_after: float
    device: str
    seed: int


class _Stopped(BaseException):
    """Ends a run where it asks; it is no Exception, so that no protocol takes it for a failure."""


class _Run:
    """A run that is begun anew until every answer that it asks for is there."""

    def __init__(self, action: Callable):
        self.action, self.answers, self.asked, self.result = action, [], None, None

    def begin(self) -> bool:
        """Whether the run has ended; `result` is then what it returned or raised."""
        self.place, token = 0, SIMULATED_BY.set(self._simulated)
        try:
            self.result = self.action()
        except _Stopped:
            return False
        except Exception as error:
            self.result = error
        finally:
            SIMULATED_BY.reset(token)
        return True

    def _simulated(self, *arguments):
        if self.place == len(self.answers):
            self.asked = Asked(*arguments)
            raise _Stopped
        answer = self.answers[self.place]
        self.place += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def share_simulations(rule: SynapseModel) -> bool:
    """Whether runs with this rule can share simulations."""
    follows_spikes = not any(rule.reads().values()) and not rule.on_event
    return follows_spikes and not is_random(rule) and not rule.at_end and exact_between_spikes(rule)


def together(actions: Sequence[Callable]) -> list:
    """What each action returns, or the exception that it raises.

    Parameters
    ----------
    actions : functions without arguments that run protocols; each may be called several times.

    Returns
    -------
    list, in the order of the actions.
    """
    runs = [_Run(action) for action in actions]
    waiting = runs
    while waiting := [run for run in waiting if not run.begin()]:
        for batch in _batches(waiting):
            for run, answer in zip(batch, _answers([run.asked for run in batch]), strict=True):
                run.answers.append(answer)
    return [run.result for run in runs]


def _batches(runs):
    """Runs whose pairings fit into one simulation: the same rule but for its parameters, not too many synapses."""
    kinds = defaultdict(list)
    for run in runs:
        asked = run.asked
        stated = {name: value for name, value in content(asked.rule).items() if not name.startswith("parameter ")}
        alone = id(run) if is_random(asked.rule) else None
        kinds[(tuple(sorted(stated.items())), asked.read_after, asked.device, alone)].append(run)
    for alike in kinds.values():
        size = max(1, MOST // max(1, max(len(run.asked.pairings) for run in alike)))
        yield from (alike[k:k + size] for k in range(0, len(alike), size))


def _answers(asked):
    """Weights of each, or its exception. Where the simulation of all fails, each is simulated alone."""
    if len(asked) > 1:
        try:
            return _simulated_together(asked)
        except Exception:       # of one of them, which is told from the others below
            return [_answers([one])[0] for one in asked]
    try:
        return [FromSpikeToSpike(*asked[0]).weights()]
    except Exception as error:
        return [error]


def _simulated_together(asked):
    first = asked[0]
    differing = [name for name in first.rule.parameters
                 if len({exact(float(one.rule.parameters[name])) for one in asked}) > 1]
    sizes = [len(one.pairings) for one in asked]
    values = {name: Quantity(np.repeat([float(one.rule.parameters[name]) for one in asked], sizes),
                             dim=get_dimensions(first.rule.parameters[name])) for name in differing}
    network = FromSpikeToSpike([pairing for one in asked for pairing in one.pairings], first.rule, first.read_after,
                               first.device, first.seed, per_synapse=differing)
    weights, ends = network.weights(values), np.cumsum(sizes)[:-1]
    return [Changes(*pair) for pair in zip(np.split(weights.start, ends), np.split(weights.end, ends), strict=True)]
