"""Faster loops for C++ standalone, same statements and results: all-to-all connections, thresholds.

Brian2's loop over the synapses of a spike gathers through an index array and a spike queue. Where every pre neuron
meets every post neuron, row i of the weights is contiguous: the same generated statements in a plain loop over the
row vectorise, several times faster. A post spike meets a column, whose elements are far apart; `turned` keeps the
columns as rows of a copy. What spikes only add to an array, the same to each row, is computed once a step and held for
some steps, so that a row is read and written once for all its spikes: `private`. The generator and the templates are in
brian_internals; what the model says stays as it is.
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
    same_in_each_row,
    vector,
    writes_programs,
)
from spikelearn.simulation.brian_internals.objects import has_equations_of_its_own, note, pathways

FEW = 32        # synapses in a row up to which holding their sums is not worth it; chosen here


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


def _held_array(connection, turned, pathway):
    """The array of synapses to which a pathway only adds what is the same in each row of events; None if there is none.

    turned : name -> "read" or "collected" of the arrays that have a turned copy. Post events bring in no sums: they may
    only add to the array.
    """
    statements = [line.partition("#")[0].strip() for line in re.split(r"[;\n]", pathway.code)]
    found = [re.fullmatch(r"(\w+)\s*[-+]=(?!=)(.*)", line) for line in statements if line]
    if len(found) != 1 or found[0] is None or found[0][1] not in own_arrays(connection):
        return None
    name, by_post = found[0][1], pathway.prepost == "post"
    others = len(connection.source if by_post else connection.target)
    seen = any(_uses(other.code, name) - {"added"} for other in pathways(connection) if other.prepost == "post")
    if seen or (by_post and turned.get(name) != "collected") or others < FEW:
        return None
    return name if same_in_each_row(pathway, get_identifiers(found[0][2])) else None


def _held_arrays(connection, turned):
    """Pathway -> the array whose sums it holds; empty if something happens to the synapses between events."""
    if has_equations_of_its_own(connection):
        return {}
    found = {pathway: _held_array(connection, turned, pathway) for pathway in pathways(connection)}
    return {pathway: array for pathway, array in found.items() if array}


def _held_sums(held, pathway):
    """The held sums that concern a pathway: its own, and those that it needs brought in before it runs."""
    return [vector(pathway.synapses, name) | dict(name=other.name, own=other is pathway,
                                                  by_post=other.prepost == "post")
            for other, name in held.items() if other is pathway or _uses(pathway.code, name) - {"added"}]


def make_dense(connection, turned=False, private=False):
    """Let an all-to-all connection loop over rows; on other devices than C++ standalone nothing changes.

    turned : keep a copy of what post events use, its columns as rows. Post events may only read an array or only add
        to it; what they added is collected when a pre event or the end of the run needs it. private : hold what events
        add for some steps, likewise. With either, nothing else may look at the synapses meanwhile. Raises
        SpikelearnError for turned copies of a connection with equations of its own.
    """
    if not writes_programs():
        return
    if turned and has_equations_of_its_own(connection):
        raise SpikelearnError(f"{connection.name}: a rule with equations of its own cannot keep a turned copy")
    kinds = _kinds(connection) if turned else {}
    held = _held_arrays(connection, kinds) if private else {}
    note(connection, turned=functools.partial(_turned_arrays, kinds), held=functools.partial(_held_sums, held))
    loop_over_rows(connection)


def vectorise_thresholds(group):
    """Let a population test its thresholds in one vectorised loop; on other devices nothing changes."""
    if writes_programs():
        loop_over_thresholds(group)


def vectorise_steps(group):
    """Let equations and statements of a population, or of synapses, vectorise; on other devices nothing changes."""
    if writes_programs():
        loop_over_neurons(group)


def flush_denormals():
    """Let the program that is being written take numbers below the smallest normal one for 0; on other devices nothing.

    A trace that decays stays at the smallest denormal number for ever, with which processors calculate slowly.
    """
    if writes_programs():
        flush_to_zero()
