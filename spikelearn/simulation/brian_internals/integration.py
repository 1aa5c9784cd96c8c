"""Exact integration of linear equations, quickly where none depends on another."""
import contextlib

import sympy
from brian2 import Equations
from brian2.equations.codestrings import is_constant_over_dt
from brian2.parsing.sympytools import sympy_to_str
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException
from brian2.stateupdaters.exact import exact, get_linear_system
from brian2.synapses import synapses
from sympy import Symbol, exp

from spikelearn.equations.parsing import get_identifiers, word_substitute
from spikelearn.simulation.brian_internals import relied_on


class Exact(StateUpdateMethod):
    """Brian2's "exact", which takes the exponential of a matrix; most traces need only that of a number.

    Where each variable relaxes by itself, dx/dt = rate*x + input, the step is written down at once. This saves a third
    of the time in which the network of a pairing experiment is made.
    """

    def __call__(self, equations, variables=None, method_options=None):
        """The step as abstract code. Raises UnsupportedEquationsException for equations that are not linear."""
        if equations.is_stochastic:
            raise UnsupportedEquationsException("Cannot solve stochastic equations with this state updater.")
        variables = variables or {}
        names, rates, inputs = get_linear_system(equations, variables)
        dt_value = variables["dt"].get_value()[0] if "dt" in variables else None
        if not (rates.is_diagonal() and all(rates.diagonal())
                and all(is_constant_over_dt(entry, variables, dt_value) for entry in [*rates, *inputs])):
            return _by_brian(equations, variables, method_options)
        dt, code = Symbol("dt", real=True, positive=True), []
        for k, name in enumerate(names):
            rest = -inputs[k] / rates[k, k]
            code.append(f"{name} = {sympy_to_str((Symbol(name, real=True) - rest)*exp(rates[k, k]*dt) + rest)}")
        return "\n".join(code)


def _by_brian(equations, variables, method_options):
    """The step by Brian2's exact method, of variables whose names mean nothing to SymPy.

    brian2/stateupdaters/exact.py, LinearStateUpdater: `rhs.subs(_S[row_idx, 0], varname)` reads the name as SymPy's
    text, in which `beta` is a function and `E` the number 2.718. brian2/equations/equations.py, Equations.substitute.
    """
    names = {name: f"{name}_renamed" for name in equations.diff_eq_names if hasattr(sympy, name)}
    if not names:
        return exact(equations, variables, method_options)
    made = equations.substitute(**names)
    relied_on(set(names.values()) <= set(made.diff_eq_names), "it renames variables otherwise")
    known = dict(variables) | {new: variables[name] for name, new in names.items() if name in variables}
    back = {new: name for name, new in names.items()} | {f"_{new}": f"_{name}" for name, new in names.items()}
    return word_substitute(exact(made, known, method_options), back)


EXACT = Exact()


def unsolved(connection):
    """The first event-driven equation of a connection that Brian2 cannot solve from event to event, "" if it can.

    brian2/synapses/synapses.py, Synapses.event_driven; SynapticPathway.update_abstract_code, where it would fail.
    """
    relied_on(hasattr(connection, "event_driven"), "it keeps event-driven equations elsewhere")
    equations = connection.event_driven
    if equations is None or _solves(equations, connection.variables):
        return ""
    needs = {name: _needed(name, equations) for name in equations.diff_eq_names}
    for name in sorted(needs, key=lambda name: len(needs[name])):
        if not _solves(Equations([equations[one] for one in equations if one in needs[name]]), connection.variables):
            return str(equations[name]).partition(" : ")[0]
    return "; ".join(str(equations[name]).partition(" : ")[0] for name in needs)


def _solves(equations, variables):
    try:
        EXACT(equations, variables)
    except UnsupportedEquationsException:
        return False
    return True


def _needed(name, equations):
    """Names of the equations that one of them depends on, its own included."""
    seen, names = set(), {name}
    while names:
        seen |= names
        names = {used for one in names if equations[one].expr is not None
                 for used in get_identifiers(equations[one].expr.code) & set(equations.names)} - seen
    return seen


@contextlib.contextmanager
def exact_without_matrices():
    """Within the block Brian2's exact method is the one above.

    brian2/stateupdaters/base.py, StateUpdateMethod.stateupdaters: the method "exact" of dt equations;
    brian2/synapses/synapses.py, SynapticPathway.update_abstract_code: `linear`, of event-driven equations.
    """
    methods = StateUpdateMethod.stateupdaters
    known = methods.get("exact"), getattr(synapses, "linear", None)
    relied_on(all(method in (EXACT, exact) for method in known), "it integrates exactly by another method")
    methods["exact"] = synapses.linear = EXACT
    try:
        yield
    finally:
        methods["exact"], synapses.linear = known
