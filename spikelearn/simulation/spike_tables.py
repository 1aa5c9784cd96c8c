"""Spike times of many neurons as one table, as a network reads them."""
import numpy as np
from brian2 import have_same_dimensions, second

from spikelearn.errors import SpikelearnError

NEVER = 1e9          # seconds; pads spike tables, later than the end of any run


def spike_table(times_list):
    """Spike times of many neurons as one table, which a network reads row after row.

    times_list : n lists of sorted times, one for each neuron; they may differ in length and may be empty
    Returns a float64 array (longest + 1, n) in seconds, filled up with `NEVER`; its last row is all NEVER.
    """
    columns = [checked_times(times, "spike times") for times in times_list]
    table = np.full((max((len(c) for c in columns), default=0) + 1, len(columns)), NEVER)
    for column, times in enumerate(columns):
        table[:len(times), column] = times
    return table


def check_grid(table, dt, end, name="the trains"):
    """Refuse a spike table in which a spike is off the grid, or would be lost.

    table : (rows, n) in seconds, as spike_table makes it; dt, end : time step and end of the run in seconds. Instead of
    NEVER, a last row of times beyond the end may close the columns.
    Raises SpikelearnError if a time is no multiple of dt, if a column does not increase, if two of its times fall in
    one step, or if one is at the end of the run or later.
    """
    if len(table) and np.all(table[-1] >= end):
        table = table[:-1]
    times = table[table < NEVER]
    if not np.all(np.isfinite(times)) or np.any(times < 0):
        raise SpikelearnError(f"the spike times of {name} must be finite and not negative")
    if np.any(off_grid(times, dt)):
        late = times[np.argmax(np.abs(times - np.round(times / dt) * dt))]
        raise SpikelearnError(f"the spike of {name} at {in_ms(late)} is no multiple of the time step of {in_ms(dt)}: "
                              "choose a step that divides all spike times")
    if np.any(np.diff(table, axis=0) < 0):
        raise SpikelearnError(f"the spike times of {name} must increase")
    if np.any((np.diff(table, axis=0) < dt / 2) & (table[1:] < NEVER)):
        raise SpikelearnError(f"two spikes of {name} fall in one time step of {in_ms(dt)}: a shorter step is needed")
    if times.size and times.max() > end - dt / 2:
        raise SpikelearnError(f"the spike of {name} at {in_ms(times.max())} comes after the end of the run at "
                              f"{in_ms(end)}")


def off_grid(times, dt):
    """Which times are no multiple of the step dt, in seconds, but for the rounding of sums: (n,) of bool."""
    return np.abs(times - np.round(times / dt) * dt) > max(1e-3 * dt, 5e-8)


def checked_times(value, name):
    """Checked spike times in seconds, a new array; rounding to 0.1 ns removes the noise of sums of floats."""
    if not has_unit(value, second):
        raise SpikelearnError(f"{name} must be given in units of time, such as [0, 10]*ms")
    times = np.round(np.array(value, dtype=float), 10) + 0.0   # + 0.0 turns -0 into 0
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise SpikelearnError(f"{name} must be a list of finite, strictly increasing times")
    return times


def has_unit(value, unit):
    """Whether a value has the dimensions of a unit; what is no number has none."""
    try:
        return have_same_dimensions(value, unit)
    except (TypeError, ValueError):   # not a number at all
        return False


def in_ms(seconds):
    """A time in seconds as a text in milliseconds."""
    return f"{seconds * 1e3:.9g} ms"
