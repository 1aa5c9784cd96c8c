"""Leaky integrator with a rate output: tau ds/dt = -dE/ds, with rho the hard sigmoid.

Bengio & Fischer (2015) arXiv:1510.02777, eq. 1 and 6-8; the nudge of the outputs is that of Scellier & Bengio (2017)
Front Comput Neurosci 11:24. Its input `drive` is a summed variable of its synapses.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio & Fischer (2015) eq. 1, 6-8",
    equations="""
        ds/dt = (slope*(bias + drive) - s + nudge*(target - s)) / tau : 1     # potential
        rho = clip(s, 0, 1) : 1                     # firing rate in units of the highest
        slope = int(s >= 0 and s <= 1) : 1          # derivative of rho
        drive : 1                                   # input: the sum of w*rho over the presynaptic neurons
        bias : 1                                    # constant input, that of clamped neurons included
        nudge : 1                                   # strength beta with which the potential is drawn to the target
        target : 1                                  # the wanted potential
    """,
    method="euler",
    potential="s",
    forced="s = 1",
    parameters=dict(
        tau=10 * ms,     # time constant; chosen here
    ),
)
