"""When a pairing experiment acts on synapses other than by spikes: reading the weight, a drug, a third factor.

The times stand in a lookup table (rows, n). Its rows: begin, read and, where there is a third factor, washed in, washed
out, and every time that it comes.
"""
from brian2 import Equations

from spikelearn.simulation.brian_internals.objects import noted

READING_TIMES = """
    begin_time : second (constant)      # when the weights of the outgoing synapses are noted for the first time
    read_time : second (constant)       # when they are read
"""
THIRD_TIMES = """
    third_on_time : second (constant)   # when a drug is washed in, and out
    third_off_time : second (constant)
    third_time : second                 # when the third factor comes next
    thirds_so_far : integer
"""
READING, TREATMENT = ("begin", "read"), ("third_on", "third_off", "third")


def _names(table):
    """The events that a table has times of."""
    return READING + TREATMENT * (len(table.values) > len(READING))


def reading_times(table):
    """Declarations of a population whose synapses are read at the times of a table."""
    return Equations(READING_TIMES + THIRD_TIMES * ("third" in _names(table)))


def reading_events(table):
    """Its events, name -> condition. A recorded trace has one at every step: event-driven variables are wanted then."""
    events = {name: f"abs(t - {name}_time) < dt/2" for name in _names(table)}
    return events | ({"sample": "t >= 0*second"} if noted(table, "sampled", False) else {})


def at_third(table):
    """What follows its event "third": the time of the next; "" where there is no third factor."""
    return f"thirds_so_far += 1; third_time = {table.name}((thirds_so_far + 4)*second, i)" * ("third" in _names(table))


def first_times(table):
    """Initial values of its times, from the first rows of the table."""
    return {f"{name}_time": f"{table.name}({row}*second, i)" for row, name in enumerate(_names(table))}
