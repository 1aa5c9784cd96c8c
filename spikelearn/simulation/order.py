"""In which order things happen in the slot "start" of a time step, at the boundaries of presentations.

A presentation shows one image or example; see presentations.py. Everything else has Brian2's order 0 or its own slot.
"""
from typing import NamedTuple


class Moment(NamedTuple):
    """Order in which an event is tested for, acts on the neuron that has it, and on those it is carried to."""

    tested: int
    own: int
    carried: int


ANSWER = Moment(1, 2, 2)        # the free phase is over: gate measured, answer read
OVER = Moment(3, 4, 4)          # the image is over
DUE = Moment(5, 6, 7)           # the collected changes are due
AT_END = Moment(7, 8, 8)        # at_end of the synapses
BEGIN = Moment(10, 11, 12)      # the next image: states reset, image loaded
LOADED = 13                     # what follows from the new image
LEARN = Moment(14, 15, 16)      # a window, a nudged phase or a leg of a walk begins
WALK = Moment(17, 18, 19)       # the walk away from the example begins, or is over

THEN = "then_"      # begins the name of a second pathway of an event, which acts after the first
