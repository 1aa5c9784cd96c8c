"""The post neuron under voltage clamp: its potential v is the command, and rules read u in its own scale."""
from brian2 import Equations, volt

from spikelearn.equations.files import load_model
from spikelearn.equations.own_names import declared, unchecked
from spikelearn.equations.parsing import SUBEXPRESSION, get_identifiers, word_substitute
from spikelearn.equations.records import NeuronModel
from spikelearn.errors import SpikelearnError

CLAMP = "neurons/voltage_clamp"
OWN_TIMES = {"lastspike", "not_refractory"}     # of a neuron that never spikes under clamp


def held_neuron(neuron: NeuronModel, reads: set[str]) -> NeuronModel:
    """The neuron that stands for `neuron` while it is held, with the parameter v_command.

    reads : what the rule reads of it. Raises SpikelearnError if the neuron has no potential v in volts, or if its u
    depends on what changes under clamp.
    """
    clamp, equations = load_model(CLAMP, "neuron"), Equations(neuron.equations)
    in_volts = "v" in equations and equations["v"].dim is volt.dim
    if not reads or not in_volts and reads == {"dudt"}:     # what is held has no derivative, whatever its unit
        return clamp
    if not in_volts:
        raise SpikelearnError(f"hold_mV: {neuron.title} has no potential v in volts that could be held; choose another "
                              "--neuron")
    scale = _scale(neuron, equations) if reads & {"u", "dudt"} else ""
    return unchecked(            # as what it does not use, such as its membrane's time constant, is kept
        neuron, name=f"{neuron.title} under voltage clamp", equations=clamp.equations, potential=scale,
        parameters={**neuron.parameters, "v_command": clamp.parameters["v_command"]}, threshold=clamp.threshold,
        refractory=clamp.refractory, reset="", forced="", at_start="", events={}, every_step={}, initial={},
        method=clamp.method)


def _scale(neuron, equations):
    """The expression of u in terms of v and parameters."""
    code = "u" if "u" in equations else neuron.potential
    if not code:
        raise SpikelearnError(f"{neuron.title} has no potential= for rules to read")
    computed = {name: f"({equation.expr.code})" for name, equation in equations.items()
                if equation.type == SUBEXPRESSION and name != "v"}
    while found := get_identifiers(code) & set(computed):
        code = word_substitute(code, {name: computed[name] for name in found})
    moving = get_identifiers(code) & ((declared(neuron) | OWN_TIMES) - set(neuron.parameters) - {"v"})
    if moving:
        raise SpikelearnError(f"hold_mV: the potential u of {neuron.title} depends on '{min(moving)}', which a voltage "
                              "clamp does not hold; choose a --neuron whose u follows from v and parameters")
    return code
