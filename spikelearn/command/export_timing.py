"""The time step and the times of an exported script: those with which a pairing of the rule is simulated here."""
import numpy as np

from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.stdp.conditions import from_line
from spikelearn.stdp.moments import moments_of
from spikelearn.stdp.network import exact_between_spikes, from_spike_to_spike
from spikelearn.stdp.spike_times import Pairing
from spikelearn.stdp.time_step_network import InTimeSteps
from spikelearn.stdp.time_steps import common_step, converged, fitting_step, is_random
from spikelearn.stdp.weight_change import READ_AFTER, acting_times, device_for

LONGEST = 1e-3          # seconds; time step of a rule that Brian2 solves exactly between spikes
AFTER = float(READ_AFTER)


def timing(rule: SynapseModel, cell: NeuronModel | None, line: str) -> tuple[float, dict, float, float]:
    """(time step, {"pre", "post": spike times}, time of the first spike, time of reading) in seconds.

    Raises SpikelearnError if no step will do, or if Brian2 cannot solve the rule's equations.
    """
    condition = from_line(line)
    when, exact = moments_of(condition, rule, AFTER), cell is None and exact_between_spikes(rule)
    step = _common(condition, rule) if exact else _accurate(condition, rule, cell)
    later = np.ceil(when.begin / step - 1e-6) * step - when.begin
    times = {side: np.asarray(getattr(condition, side)) + later for side in ("pre", "post")}
    return step, times, when.begin + later, when.read + later + (0 if exact else step)


def _common(condition: Pairing, rule: SynapseModel) -> float:
    """A step of which all times are multiples, for a rule that is exact with any step."""
    from_spike_to_spike([condition], rule, AFTER, "numpy", 1)       # refuses equations that Brian2 cannot solve
    step = common_step([*acting_times([condition], rule, AFTER), np.array([AFTER])])
    if not step:
        raise SpikelearnError("the spike times have no common time step of 10 us or more: round them")
    return float(step / np.ceil(step / LONGEST - 1e-9))


def _accurate(condition: Pairing, rule: SynapseModel, cell: NeuronModel | None) -> float:
    """The step that a pairing is simulated with in the end: halved until the change of the weight is right to 1 %."""
    models = [one for one in (rule, cell) if one]
    step = fitting_step(acting_times([condition], rule, AFTER), models)
    network = InTimeSteps([condition], rule, cell, AFTER, device_for(rule, "auto"), 1, step)
    first = network.weights(step)
    if is_random(*models):
        return step
    # relative to the weight at the start, as in weight_changes, or to the one at the end where that is 0
    size = np.where(first.start == 0, np.where(first.end == 0, 1, np.abs(first.end)), np.abs(first.start))

    def change(dt):
        found = first if dt == step else network.weights(dt)
        return (found.end - found.start) / size

    return float(converged(change, step).step)
