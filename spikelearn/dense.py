"""Faster loops for C++ standalone, same statements and results: all-to-all connections, thresholds.

Brian2's loop over the synapses of a spike gathers through an index array and a spike queue. Where every pre neuron
meets every post neuron, row i of the weights is contiguous: the same generated statements in a plain loop over the
row vectorise, several times faster. The templates are in templates/; what the model says stays as it is.
"""
from brian2 import get_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

COUNTED = ("_presynaptic_idx", "_postsynaptic_idx")       # indices that the loop counts instead of looking them up


class DenseGenerator(CPPCodeGenerator):
    """Brian2's C++ generator without the lookups of pre- and postsynaptic indices."""

    def translate_to_read_arrays(self, read, write, indices):
        return super().translate_to_read_arrays(read, write, [name for name in indices if name not in COUNTED])


def _events_of(pathway):
    """Where a pathway's events stand, and the shape of its connection, for the template."""
    connection, source = pathway.synapses, pathway.source
    variable = source.variables[pathway.eventspace_name]
    pre, post = connection.source, connection.target
    return dict(array=get_device().get_array_name(variable), count=variable.size - 1, side=pathway.prepost,
                start=source.start, stop=source.stop, whole=source.stop - source.start == variable.size - 1,
                n_pre=len(pre), n_post=len(post), first_pre=pre.start, first_post=post.start)


class DenseCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object whose synapse loops run over rows."""

    generator_class = DenseGenerator
    templater = CPPStandaloneCodeObject.templater.derive("spikelearn", env_globals={"events_of": _events_of})


class ThresholdCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object that tests all thresholds in one vectorised loop."""

    templater = DenseCodeObject.templater


def make_dense(connection):
    """Let an all-to-all connection loop over rows; on other devices than C++ standalone nothing changes."""
    if get_device().code_object_class() is CPPStandaloneCodeObject:
        for pathway in connection._pathways:
            pathway.codeobj_class = DenseCodeObject


def vectorise_thresholds(group):
    """Let a population test its thresholds in one vectorised loop; on other devices nothing changes."""
    if get_device().code_object_class() is CPPStandaloneCodeObject:
        for thresholder in group.thresholder.values():
            thresholder.codeobj_class = ThresholdCodeObject
