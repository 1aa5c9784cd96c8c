"""Work that Brian2 does for every run and every piece of code, and that a network of this package can do without."""
import contextlib
from collections.abc import Mapping
from types import SimpleNamespace

from brian2.codegen import codeobject
from brian2.codegen.translation import analyse_identifiers
from brian2.core import network
from brian2.core.variables import Subexpression
from brian2.utils.stringtools import get_identifiers

from spikelearn.simulation.brian_internals import relied_on
from spikelearn.simulation.brian_internals.integration import exact_without_matrices

NO_COLLECTION = SimpleNamespace(collect=lambda: 0)      # instead of the module gc


def analyse_named(code, variables, recursive=False):
    """analyse_identifiers, given only the variables that the code names, itself or through subexpressions.

    Brian2 keeps its answers by the state of every variable it is given, some hundred for a synapse.
    """
    if not isinstance(variables, Mapping):
        return analyse_identifiers(code, variables, recursive=recursive)
    named, wanted = {}, get_identifiers(code)
    while wanted:
        name = wanted.pop()
        if name in variables and name not in named:
            named[name] = variables[name]
            if isinstance(named[name], Subexpression):
                wanted |= get_identifiers(named[name].expr)
    return analyse_identifiers(code, named, recursive=recursive)


@contextlib.contextmanager
def shortcuts():
    """Within the block no garbage is collected before a run, code is analysed with the variables that it names, and
    equations are integrated without matrices where that is exact.

    brian2/core/network.py, Network.run: gc.collect() only serves a warning about objects that are in no network, and
    takes a tenth of a second. brian2/codegen/codeobject.py, create_runner_codeobj: analyse_identifiers.
    """
    known = getattr(network, "gc", None), getattr(codeobject, "analyse_identifiers", None)
    relied_on(hasattr(known[0], "collect"), "it collects garbage otherwise")
    relied_on(known[1] in (analyse_identifiers, analyse_named), "it analyses code otherwise")
    network.gc, codeobject.analyse_identifiers = NO_COLLECTION, analyse_named
    try:
        with exact_without_matrices():
            yield
    finally:
        network.gc, codeobject.analyse_identifiers = known
