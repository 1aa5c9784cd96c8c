"""Time constants that nearly coincide, moved apart by what the solution of coupled linear equations can bear.

The exact solution of dx/dt = -x/tau_a, dy/dt = (x - y)/tau_b has 1/(tau_a - tau_b) in it: with equal values it divides
by zero, with values that differ by one rounding it is far off. Two such values are kept apart by 1.5e-8 of their size,
three by 1e-3, which balances the rounding of the solution against the error of the moved value. Weights are then right
to 1e-5 with two and to 1e-3 with three (tests/test_equal_time_constants.py). One parameter that stands in both places
needs none of this: its solution is another one.
"""
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product

import numpy as np
import sympy
from brian2 import Equations, Quantity

from spikelearn.equations.parsing import get_identifiers, str_to_sympy
from spikelearn.errors import SpikelearnError

NEAR = 0.05                                             # relative distance within which rates are looked at
APART = {2: np.finfo(float).eps ** 0.5, 3: 1e-3}        # number of rates that are near -> distance they need


def kept_apart(model, values: Mapping | None = None) -> dict:
    """The parameters to move, name -> value or array: none, unless rates of coupled equations nearly coincide.

    values : name -> (n,) parameters that differ between n synapses, of which alone some are then moved.
    Raises SpikelearnError where no parameter can be moved.
    """
    groups = coupled_rates(model.equations)
    if not groups:
        return {}
    given = {name: np.asarray(value, dtype=float) for name, value in (values or {}).items()}
    own = {name: float(value) for name, value in model.parameters.items()}
    n, moved = max([np.size(one) for one in given.values()], default=1), {}
    columns = {name: np.broadcast_to(given.get(name, value), n).astype(float) for name, value in own.items()}
    for rates in groups:
        names = sorted(set().union(*(map(str, rate.free_symbols) for rate in rates)))
        if set(names) <= set(own):
            for k in _near(rates, {name: columns[name] for name in names}):
                changed = _moved(rates, {name: columns[name][k] for name in names}, set(given) or set(names))
                for name, value in changed.items():
                    columns[name][k] = value
                    moved[name] = columns[name]
    for name, column in moved.items():
        unit = model.parameters[name]
        value = column if name in given else float(column[0])
        moved[name] = Quantity(value, dim=unit.dim) if isinstance(unit, Quantity) else value
    return moved


def with_rates_apart(model, exact: bool):
    """The model with parameters moved where its exact solution needs it; most models as they are.

    exact : whether linear equations are integrated exactly; event-driven ones always are.
    """
    solved = exact or model.method == "exact" or "event-driven" in model.equations
    moved = kept_apart(model) if solved and model.parameters else {}
    return model.with_parameters(**moved) if moved else model


@lru_cache(maxsize=256)
def coupled_rates(equations: str) -> list[list]:
    """Groups of coupled linear equations: of each the rates of decay that differ as symbols, sympy expressions."""
    found = Equations(equations)
    unknown = found.diff_eq_names
    code = {name: expr.code for name, expr in found.get_substituted_expressions() if name in unknown}
    reads = {name: get_identifiers(text) & unknown for name, text in code.items()}
    if not any(names - {name} for name, names in reads.items()):
        return []
    groups = []
    for together in _connected(reads):
        rates = []
        for name in sorted(together) if len(together) > 1 else ():
            try:
                slope = sympy.diff(str_to_sympy(code[name]), sympy.Symbol(name, real=True))
            except AttributeError:      # of a condition, which is not linear and has no exact solution
                continue
            if not {str(symbol) for symbol in slope.free_symbols} & unknown and all(
                    sympy.simplify(slope - other) != 0 for other in rates):
                rates.append(slope)
        groups += [rates] * (len(rates) > 1)
    return groups


def _connected(reads: Mapping[str, set]) -> Iterable[set]:
    """Sets of variables whose equations read each other, directly or through others."""
    left = set(reads)
    while left:
        group, more = set(), {left.pop()}
        while more:
            group |= more
            more = {name for name in reads if name not in group and (reads[name] & group or any(
                name in reads[one] for one in group))}
        left -= group
        yield group


def _near(rates: list, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The synapses of which some rates of decay are near each other."""
    found = sympy.lambdify(list(columns), rates, "numpy")(*columns.values())
    with np.errstate(all="ignore"):
        sizes = np.sort(np.array(np.broadcast_arrays(*found, next(iter(columns.values()))))[:-1], axis=0)
        return np.flatnonzero((np.diff(sizes, axis=0) < NEAR * np.abs(sizes).max(axis=0)).any(axis=0))


def _moved(rates: list, values: Mapping[str, float], movable: set) -> dict:
    """Parameters to move of one synapse, name -> value."""
    def size(rate, at):
        return float(rate.subs({symbol: at[str(symbol)] for symbol in rate.free_symbols}))

    order = sorted(range(len(rates)), key=lambda k: size(rates[k], values))
    cluster, changed = [order[0]], {}
    for one, following in zip(order, [*order[1:], None]):
        a = size(rates[one], values)
        b = np.inf if following is None else size(rates[following], values)
        if following is not None and abs(b - a) < NEAR * max(abs(a), abs(b)):
            cluster.append(following)
            continue
        changed |= _spread([rates[k] for k in cluster], values, movable, size)
        cluster = [following]
    return changed


def _spread(rates, values, movable, size):
    """Parameters moved so that these rates of decay, which nearly coincide, have the distance that they need."""
    apart, changed = APART.get(len(rates), 1e-3), {}
    sizes = [size(rate, values) for rate in rates]
    if min(np.diff(sizes), default=np.inf) >= apart * max(map(abs, sizes)):
        return {}
    if len(rates) > max(APART):
        _refuse(values)
    of_one = [{str(symbol) for symbol in rate.free_symbols if not any(
        symbol in other.free_symbols for other in rates if other is not rate)} & movable for rate in rates]
    first, *others = sorted(range(len(rates)), key=lambda k: len(of_one[k]))
    placed = [sizes[first]]
    for k in others:
        for name, times in product(sorted(of_one[k]), (0, 1, -1, 2, -2, 3, -3, 4, -4)):
            at = values | {name: values[name] * (1 + times * apart)}
            if all(abs(size(rates[k], at) - one) > .5 * apart * abs(one) for one in placed):
                placed.append(size(rates[k], at))
                changed |= {name: at[name]} if times else {}
                break
        else:
            if movable < set(values):       # the others were moved apart before
                return {}
            _refuse(values)
    return changed


def _refuse(names):
    raise SpikelearnError(f"the time constants among {', '.join(sorted(names))} nearly coincide, so that the equations "
                          "have no accurate exact solution: use one parameter for them, or values further apart")
