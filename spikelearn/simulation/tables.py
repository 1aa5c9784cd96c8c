"""Arrays that the equations of a network look up row by row, and that can change from run to run."""
from brian2 import TimedArray, second


def lookup_table(values, name):
    """A table whose row k an equation reads as "NAME(k*second)", and whose entry as "NAME(k*second, i)".

    It is a TimedArray with a row a second; the time of the simulation has nothing to do with it. values : (rows,) or
    (rows, columns), with a unit or without. A run's values may replace it by another of the same shape.
    """
    return TimedArray(values, dt=1 * second, name=name)
