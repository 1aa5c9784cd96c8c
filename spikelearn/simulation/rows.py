"""Faster loops for C++ standalone, same statements and results: all-to-all connections, thresholds.

Brian2's loop over the synapses of a spike gathers through an index array and a spike queue. Where every pre neuron
meets every post neuron, row i of the weights is contiguous: the same generated statements in a plain loop over the
row vectorise, several times faster. A post spike meets a column, whose elements are far apart; `turned` keeps the
columns as rows of a copy. The templates are in templates/; what the model says stays as it is.
"""
import re

from brian2 import get_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator, c_data_type
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.utils.stringtools import get_identifiers

from spikelearn.errors import SpikelearnError

COUNTED = ("_presynaptic_idx", "_postsynaptic_idx")       # indices that the loop counts instead of looking them up


class DenseGenerator(CPPCodeGenerator):
    """Brian2's C++ generator without the lookups of pre- and postsynaptic indices."""

    def translate_to_read_arrays(self, read, write, indices):
        """No array is read for the indices that the loops count themselves."""
        return super().translate_to_read_arrays(read, write, [name for name in indices if name not in COUNTED])


def _events_of(pathway):
    """Where a pathway's events stand, and the shape of its connection, for the template."""
    connection, source = pathway.synapses, pathway.source
    variable = source.variables[pathway.eventspace_name]
    pre, post = connection.source, connection.target
    return dict(array=get_device().get_array_name(variable), count=variable.size - 1, side=pathway.prepost,
                start=source.start, stop=source.stop, whole=source.stop - source.start == variable.size - 1,
                n_pre=len(pre), n_post=len(post), first_pre=pre.start, first_post=post.start,
                turned=_turned_arrays(pathway))


def _turned_arrays(pathway):
    """The turned copies that concern a pathway: what it uses them for, where the array stands."""
    kinds, device, found = getattr(pathway.synapses, "_turned", {}), get_device(), []
    for name, kind in kinds.items():
        uses = _uses(pathway.code, name)
        if not uses:
            continue
        variable = pathway.synapses.variables[name]
        by_post = pathway.prepost == "post"
        found.append(dict(
            vector=device.get_array_name(variable, access_data=False), type=c_data_type(variable.dtype),
            pointer=CPPCodeGenerator.get_array_name(variable), kind=kind, by_post=by_post,
            collect=kind == "collected" and not by_post and uses != {"added"},      # reads the whole: bring it in
            outdate=kind == "read" and not by_post and uses != {"read"}))           # writes: the copy is outdated
    return found


def _uses(code, name):
    """What statements do with a variable: a set of "read", "added", "written"."""
    uses = set()
    for statement in re.split(r"[;\n]", code):
        statement = statement.partition("#")[0]
        target, sign, value = re.fullmatch(r"\s*(?:(\w+)\s*([-+*/]?=)(?!=))?(.*?)", statement).groups()
        if name in get_identifiers(value):
            uses.add("read")
        if target == name:
            uses.add("added" if sign in ("+=", "-=") else "written")
    return uses


def _kinds(connection):
    """Name -> "read" or "collected" of the synaptic arrays that post events use; None if a use allows no copy."""
    kinds, by_post = {}, [pathway.code for pathway in connection._pathways if pathway.prepost == "post"]
    for name, variable in connection.variables.items():
        own = isinstance(variable, ArrayVariable) and variable.owner.name == connection.name and not variable.scalar
        uses = set().union(*(_uses(code, name) for code in by_post))
        if not own or not uses:
            continue
        if uses not in ({"read"}, {"added"}):
            return None
        kinds[name] = "read" if uses == {"read"} else "collected"
    return kinds


class DenseCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object whose synapse loops run over rows."""

    generator_class = DenseGenerator
    templater = CPPStandaloneCodeObject.templater.derive("spikelearn.simulation", env_globals={"events_of": _events_of})


class ThresholdCodeObject(CPPStandaloneCodeObject):
    """A C++ standalone code object that tests all thresholds in one vectorised loop."""

    templater = DenseCodeObject.templater


def make_dense(connection, turned=False):
    """Let an all-to-all connection loop over rows; on other devices than C++ standalone nothing changes.

    turned : keep a copy of what post events use, its columns as rows. Post events may only read an array or only add
        to it; what they added is collected when a pre event or the end of the run needs it, so nothing else may look
        at the synapses meanwhile. Raises SpikelearnError for a connection with equations of its own.
    """
    if get_device().code_object_class() is CPPStandaloneCodeObject:
        if turned and (connection.state_updater is not None or connection.subexpression_updater is not None):
            raise SpikelearnError(f"{connection.name}: a rule with equations of its own cannot keep a turned copy")
        connection._turned = turned and _kinds(connection) or {}
        for pathway in connection._pathways:
            pathway.codeobj_class = DenseCodeObject


def vectorise_thresholds(group):
    """Let a population test its thresholds in one vectorised loop; on other devices nothing changes."""
    if get_device().code_object_class() is CPPStandaloneCodeObject:
        for thresholder in group.thresholder.values():
            thresholder.codeobj_class = ThresholdCodeObject
