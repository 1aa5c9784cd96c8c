"""Brian2's code generation: synapse loops over rows, thresholds in one loop, a run that ends itself.

Brian2's C++ generator and templates are overridden by those in templates/; see rows.py for what they are for.
"""
import brian2
import numpy as np
from brian2 import Function, get_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator, c_data_type
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.variables import Constant
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from spikelearn.simulation.brian_internals import relied_on
from spikelearn.simulation.brian_internals.device import at_the_start, name_of
from spikelearn.simulation.brian_internals.objects import is_array, noted, pathways

COUNTED = ("_presynaptic_idx", "_postsynaptic_idx")       # indices that the loop counts instead of looking them up


def writes_programs():
    """Whether the device in use writes C++ programs: brian2/devices/device.py, Device.code_object_class."""
    return get_device().code_object_class() is CPPStandaloneCodeObject


def loop_over_rows(connection):
    """Let the pathways of a connection loop over rows: brian2/groups/group.py, CodeRunner.codeobj_class."""
    for pathway in pathways(connection):
        relied_on(hasattr(pathway, "codeobj_class"), "a pathway chooses its code otherwise")
        pathway.codeobj_class = DenseCodeObject


def loop_over_thresholds(group):
    """Let a population test its thresholds in one loop: brian2/groups/group.py, CodeRunner.codeobj_class."""
    for thresholder in group.thresholder.values():
        relied_on(hasattr(thresholder, "codeobj_class"), "a threshold chooses its code otherwise")
        thresholder.codeobj_class = ThresholdCodeObject


def loop_over_neurons(group):
    """Let equations and statements of a population, or of synapses, be loops that vectorise: template "stateupdate".

    Nothing changes where neurons read others of their own population (linked variables): there the order counts.
    brian2/groups/neurongroup.py, NeuronGroup.state_updater; brian2/synapses/synapses.py, StateUpdater;
    brian2/groups/group.py, CodeRunner.template; brian2/core/variables.py, Variables.indices.
    """
    if any(group.variables.indices[name] not in ("_idx", "0") for name in own_arrays(group)):
        return
    runners = [it for it in group.contained_objects if getattr(it, "template", "") == "stateupdate"]
    relied_on(all(hasattr(it, "codeobj_class") for it in runners), "equations choose their code otherwise")
    for runner in runners:
        runner.codeobj_class = ThresholdCodeObject


# bits 15 and 6 of the control register of SSE: results and operands that are denormal count as 0
FLUSH_TO_ZERO = """
#if defined(__x86_64__) && defined(__GNUC__)
__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
"""


def flush_to_zero():
    """Let the program of the device in use count denormal numbers as 0: brian2/devices/device.py, insert_code."""
    at_the_start(get_device(), FLUSH_TO_ZERO)


class DenseGenerator(CPPCodeGenerator):
    """Brian2's C++ generator without the lookups of pre- and postsynaptic indices.

    brian2/codegen/generators/cpp_generator.py, translate_to_read_arrays(read, write, indices).
    """

    def translate_to_read_arrays(self, read, write, indices):
        """No array is read for the indices that the loops count themselves."""
        return super().translate_to_read_arrays(read, write, [name for name in indices if name not in COUNTED])


def events_of(pathway):
    """Where a pathway's events stand, and the shape of its connection, for the template.

    brian2/synapses/synapses.py, SynapticPathway.eventspace_name, prepost; brian2/groups/subgroup.py, start and stop.
    """
    connection, source = pathway.synapses, pathway.source
    variable = source.variables[pathway.eventspace_name]
    pre, post = connection.source, connection.target
    return dict(array=name_of(get_device(), variable), count=variable.size - 1, side=pathway.prepost,
                start=source.start, stop=source.stop, whole=source.stop - source.start == variable.size - 1,
                n_pre=len(pre), n_post=len(post), first_pre=pre.start, first_post=post.start,
                turned=noted(connection, "turned", lambda pathway: [])(pathway),
                held=noted(connection, "held", lambda pathway: [])(pathway))


def vector(connection, name):
    """How the template writes an array of the synapses: brian2/codegen/generators/cpp_generator.py."""
    variable = connection.variables[name]
    return dict(vector=name_of(get_device(), variable, whole=True), type=c_data_type(variable.dtype),
                pointer=CPPCodeGenerator.get_array_name(variable))


def own_arrays(group):
    """Names of the arrays that synapses or neurons have themselves: brian2/core/variables.py, owner."""
    return [name for name, variable in group.variables.items()
            if is_array(variable) and variable.owner.name == group.name and not variable.scalar]


def same_in_each_row(pathway, names):
    """Whether an expression of these names is the same for all events of a pathway in a time step, row by row.

    So it is if it reads variables of the other side's neurons, shared ones, constants and functions without a state:
    brian2/core/variables.py, Variables.indices; brian2/core/functions.py, DEFAULT_FUNCTIONS and Function.stateless.
    """
    connection = pathway.synapses
    other = "_postsynaptic_idx" if pathway.prepost == "pre" else "_presynaptic_idx"
    for name in names:
        variable = connection.variables[name] if name in connection.variables else DEFAULT_FUNCTIONS.get(name)
        if isinstance(variable, Function):
            if not variable.stateless:
                return False
        elif variable is None or not (is_array(variable) or isinstance(variable, Constant)):
            return False
        elif not variable.scalar and connection.variables.indices[name] != other:
            return False
    return True


class DenseCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object whose synapse loops run over rows.

    brian2/devices/cpp_standalone/codeobject.py, generator_class and templater; brian2/codegen/templates.py, derive.
    """

    generator_class = DenseGenerator
    templater = CPPStandaloneCodeObject.templater.derive("spikelearn.simulation.brian_internals",
                                                         env_globals={"events_of": events_of})


class ThresholdCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object whose loops over neurons vectorise: thresholds, equations with exp."""

    templater = DenseCodeObject.templater


# --- a run that ends itself --------------------------------------------------------------------------------------

def _stop_here(done):
    if np.any(done):
        brian2.stop()
    return np.zeros(np.shape(done))


# "stop_when(condition)" in a statement ends the run after this time step; in C++ by the flag of
# brian2/devices/cpp_standalone/templates/network.cpp, Network::_globally_stopped, which its loop asks in every step
STOP_WHEN = Function(_stop_here, arg_units=[bool], return_unit=1, stateless=False)
STOP_WHEN.implementations.add_implementation("numpy", _stop_here)
STOP_WHEN.implementations.add_implementation(
    "cpp", "double stop_when(bool done) { if (done) Network::_globally_stopped = true; return 0; }",
    name="stop_when", compiler_kwds={"headers": ['"network.h"']})
