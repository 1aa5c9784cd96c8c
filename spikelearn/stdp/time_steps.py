"""Time steps for rules that are integrated step by step: every spike on the grid, and the error of the step measured.

A rule that is exact between spikes needs no time step; see pairing_network.py.
"""
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple

import numpy as np
from brian2 import Equations, Quantity, get_dimensions, ms, second, us

from spikelearn.equations.parsing import get_identifiers
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError

FINEST = 10 * us            # no step is shorter: a minute of simulated time then takes six million steps
LONGEST = 0.2 * ms          # first step to try, where the time constants allow it; chosen here
LONGEST_WITH_CONDITIONS = 0.05 * ms     # where the equations compare: the moment of a crossing is known to a step
PER_TIME_CONSTANT = 20      # steps in the shortest time constant, at least
NOTHING = 1e-9              # relative change below which all is rounding
ACCURATE = 0.01             # largest change of a result, relative to the largest result, when the step is halved
OFF = 5e-8                  # seconds by which a spike may miss a multiple of the step: the rounding of 1/rate
COMPARES = re.compile(r"(?<!\bt)[<>](?!=?t\b)")         # with anything but the time, whose steps are known
AT_A_BOUND = re.compile(r"int\(w<w_max\)|int\(w>w_min\)")   # is reached once, if at all, and held from then on
RANDOM = {"rand", "randn", "poisson", "binomial"}


class Stepped(NamedTuple):
    """Result of a simulation in time steps: values (n,), the step, and the change when the step is halved, relative to
    the largest value, in percent; None where random numbers differ between steps and no error can be measured."""

    values: np.ndarray
    step: Quantity
    error_percent: float | None


def common_step(times: Iterable[np.ndarray]) -> float:
    """Longest step of which all times are multiples, in seconds; infinite if there is only time 0.

    times : arrays of times in seconds. Returns 0 if there is no such step of at least 10 us.
    """
    values = np.unique(np.abs(np.concatenate([np.ravel(part) for part in times] or [[]])))
    values = values[values > OFF]
    if not values.size:
        return np.inf
    step = float(values[0])
    while step >= float(FINEST) * (1 - 1e-6):
        off = np.abs(values - np.round(values / step) * step)
        missed = np.flatnonzero(off > OFF)
        if not missed.size:
            return float(values[-1] / np.round(values[-1] / step))
        first = missed[0]
        better = float(values[first - 1] / np.round(values[first - 1] / step)) if first else step
        rest = abs(values[first] - np.round(values[first] / better) * better)
        step = better if rest <= OFF else _divisor(better, float(rest))
    return 0.0


def _divisor(a: float, b: float) -> float:
    """Greatest common divisor of two times in seconds, by Euclid's algorithm with remainders rounded to nearest."""
    while b > OFF:
        a, b = b, abs(a - round(a / b) * b)
    return a


def longest_step(*models: Model) -> float:
    """Longest step in seconds that the differential equations of some models allow."""
    code = [AT_A_BOUND.sub("1", text.replace(" ", "")) for model in models for text in _integrated(model)]
    compares = any(map(COMPARES.search, code))
    return min(float(LONGEST_WITH_CONDITIONS if compares else LONGEST), finest_input(*models),
               shortest_time_constant(*models) / PER_TIME_CONSTANT)


def finest_input(*models: Model) -> float:
    """Shortest time in seconds for which an input of some models keeps a value; infinite if there is none."""
    return min([float(array.dt) for model in models for array in model.inputs.values()], default=np.inf)


def shortest_time_constant(*models: Model) -> float:
    """Shortest time constant in seconds of the differential equations of some models; infinite if there is none."""
    found = [np.inf]
    for model in models:
        used = set().union(*map(get_identifiers, _integrated(model)))
        found += [float(value) for name, value in model.parameters.items()
                  if name in used and get_dimensions(value) is second.dim and float(value) > 0]
    return min(found)


def _integrated(model: Model) -> list[str]:
    """The right-hand sides of the equations that a model integrates step by step."""
    return [equation.expr.code for equation in Equations(model.equations).values()
            if equation.expr is not None and "event-driven" not in equation.flags]


def fitting_step(times: Iterable[np.ndarray], models: Iterable[Model], wanted: Quantity | None = None) -> float:
    """The step in seconds to begin with: a divisor of all spike times, short enough for the time constants.

    times : arrays of times in seconds from a common zero; wanted : a step to use as it is. Raises SpikelearnError if
    the wanted step is too long or misses a spike, or if no step of at least 10 us meets all spikes.
    """
    times, models = list(times), list(models)
    common, longest = common_step(times), longest_step(*models)
    if wanted is not None:
        if float(wanted) > finest_input(*models) * (1 + 1e-9):
            raise SpikelearnError(f"dt = {wanted} is longer than {text(finest_input(*models))}, for which an input "
                                  "keeps a value")
        return _checked(wanted, common, shortest_time_constant(*models))
    if common == 0:
        raise SpikelearnError("the spike times have no common time step of 10 us or more: round them to multiples of "
                              "a step, or use a rule that is exact between spikes")
    step = longest if np.isinf(common) else common / np.ceil(common / longest - 1e-9)
    if step < float(FINEST) * (1 - 1e-6):
        raise SpikelearnError(f"the rule needs a time step of {step * 1e6:.3g} us, a twentieth of its shortest time "
                              "constant, the step of its inputs or a divisor of the spike times, and steps go down to "
                              "10 us")
    return float(step)


def _checked(wanted: Quantity, common: float, shortest: float) -> float:
    step = float(wanted)
    if not (get_dimensions(wanted) is second.dim and np.isfinite(step) and step > 0):
        raise SpikelearnError(f"dt must be a time above 0 s, not {wanted}")
    if step > shortest / PER_TIME_CONSTANT * (1 + 1e-9):
        raise SpikelearnError(f"dt = {text(step)} is too long for the time constant of {text(shortest)}: "
                              f"{text(shortest / PER_TIME_CONSTANT)} or less would do")
    if common == 0:
        raise SpikelearnError(f"the spike times are no multiples of dt = {text(step)}, and no step of 10 us or more "
                              "would do: round the spike times, or use a rule that is exact between spikes")
    if np.isfinite(common) and abs(common / step - round(common / step)) > OFF / step:
        would = _plain_divisor(common, min(step, common))
        raise SpikelearnError(f"the spike times are no multiples of dt = {text(step)}: dt = {text(would)} would do")
    return common / round(common / step) if np.isfinite(common) else step


def _plain_divisor(common: float, longest: float) -> float:
    """A divisor of the common step, not longer than `longest`: one of whole microseconds if there is one nearby."""
    fewest = int(np.ceil(common / longest - 1e-9))
    micros = [common / n * 1e6 for n in range(fewest, 2 * fewest + 1)]
    whole = [value for value in micros if abs(value - round(value)) < 1e-6]
    return (whole or micros)[0] * 1e-6


def text(seconds: float) -> str:
    """A time as a user would write it."""
    return f"{seconds * 1e3:.6g} ms" if seconds >= 1e-4 else f"{seconds * 1e6:.6g} us"


def is_random(*models: Model) -> bool:
    """Whether some models draw random numbers."""
    code = "\n".join(text for model in models
                     for text in (model.equations, *(code for _, code in model.statements().values()),
                                  *(value for value in model.initial.values() if isinstance(value, str))))
    names = get_identifiers(code)
    return bool(names & RANDOM) or any(name == "xi" or name.startswith("xi_") for name in names)


def converged(simulate: Callable[[float], np.ndarray], step: float, *, keep: bool = False,
              random: bool = False, in_threads: bool = False) -> Stepped:
    """Result of a simulation whose time step is halved until the result no longer changes by 1 %.

    simulate : step in seconds -> results (n,). step : in seconds, to begin with. keep : return the result of this very
    step, or refuse it. random : random numbers differ between steps, so that one run must do. in_threads : the first
    two steps may run at the same time, as programs do, each on a core of its own.
    Raises SpikelearnError if the result still changes by more than 1 % of the largest one with steps of 10 us.
    """
    if random:
        return Stepped(simulate(step), step * second, None)
    coarse, fine = _at_once(simulate, step) if in_threads else (simulate(step), simulate(step / 2))
    while True:
        size = float(np.max(np.abs(fine), initial=0))
        error = float(np.max(np.abs(fine - coarse), initial=0)) / size if size > NOTHING else 0.0
        if np.isfinite(error) and error < ACCURATE:
            return Stepped(coarse, step * second, 100 * error) if keep else Stepped(fine, step / 2 * second,
                                                                                    100 * error)
        if keep:
            raise SpikelearnError(f"dt = {text(step)} is too long: the largest change differs by "
                                  f"{100 * error:.2g} % with half of it; leave dt out, or give a shorter one")
        step, coarse = step / 2, fine
        if step / 2 < float(FINEST) * (1 - 1e-6):
            raise SpikelearnError(f"the result still changes by {100 * error:.2g} % of the largest change when the "
                                  f"time step is halved to {text(step)}: the rule cannot be integrated accurately")
        fine = simulate(step / 2)


def _at_once(simulate, step):
    """Results with a step and with half of it. The second in a thread, which an interruption does not wait for."""
    later = Future()

    def half():
        try:
            later.set_result(simulate(step / 2))
        except BaseException as error:      # told below, in the thread of the caller
            later.set_exception(error)

    Thread(target=half, daemon=True).start()
    try:
        coarse = simulate(step)
    except Exception:
        later.exception()
        raise
    return coarse, later.result()
