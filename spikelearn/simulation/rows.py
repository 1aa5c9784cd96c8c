"""Faster loops for C++ standalone, same statements and results: all-to-all connections, thresholds.

Brian2's loop over the synapses of a spike gathers through an index array and a spike queue. Where every pre neuron
meets every post neuron, row i of the weights is contiguous: the same generated statements in a plain loop over the
row vectorise, several times faster. A post spike meets a column, whose elements are far apart; `turned` keeps the
columns as rows of a copy. The generator and the templates are in brian_internals; what the model says stays as it is.
"""
import functools
import re

from spikelearn.equations.parsing import get_identifiers
from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.code import (
    flush_to_zero,
    loop_over_neurons,
    loop_over_rows,
    loop_over_thresholds,
    own_arrays,
    vector,
    writes_programs,
)
from spikelearn.simulation.brian_internals.objects import has_equations_of_its_own, note, pathways


def _turned_arrays(kinds, pathway):
    """The turned copies that concern a pathway: what it uses them for, where the array stands."""
    found = []
    for name, kind in kinds.items():
        uses = _uses(pathway.code, name)
        if not uses:
            continue
        by_post = pathway.prepost == "post"
        found.append(vector(pathway.synapses, name) | dict(
            kind=kind, by_post=by_post,
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
    """Name -> "read" or "collected" of the synaptic arrays that post events use; none if a use allows no copy."""
    kinds, by_post = {}, [pathway.code for pathway in pathways(connection) if pathway.prepost == "post"]
    for name in own_arrays(connection):
        uses = set().union(*(_uses(code, name) for code in by_post))
        if not uses:
            continue
        if uses not in ({"read"}, {"added"}):
            return {}
        kinds[name] = "read" if uses == {"read"} else "collected"
    return kinds


def make_dense(connection, turned=False):
    """Let an all-to-all connection loop over rows; on other devices than C++ standalone nothing changes.

    turned : keep a copy of what post events use, its columns as rows. Post events may only read an array or only add
        to it; what they added is collected when a pre event or the end of the run needs it, so nothing else may look
        at the synapses meanwhile. Raises SpikelearnError for a connection with equations of its own.
    """
    if not writes_programs():
        return
    if turned and has_equations_of_its_own(connection):
        raise SpikelearnError(f"{connection.name}: a rule with equations of its own cannot keep a turned copy")
    note(connection, turned=functools.partial(_turned_arrays, _kinds(connection) if turned else {}))
    loop_over_rows(connection)


def vectorise_thresholds(group):
    """Let a population test its thresholds in one vectorised loop; on other devices nothing changes."""
    if writes_programs():
        loop_over_thresholds(group)


def vectorise_steps(group):
    """Let the equations and statements of a population vectorise exp; on other devices nothing changes."""
    if writes_programs():
        loop_over_neurons(group)


def flush_denormals():
    """Let the program that is being written take numbers below the smallest normal one for 0; on other devices nothing.

    A trace that decays stays at the smallest denormal number for ever, with which processors calculate slowly.
    """
    if writes_programs():
        flush_to_zero()
