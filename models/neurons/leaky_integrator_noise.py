"""Leaky integrator with white noise: Langevin dynamics with the stationary law exp(-E/temperature).

Bengio & Fischer (2015) arXiv:1510.02777, eq. 1-8: their injected noise, scaled so that the law is that of E at the
stated temperature (the scale is fixed by the fluctuation-dissipation relation). Otherwise as leaky_integrator.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio & Fischer (2015) eq. 1-8",
    equations="""
        ds/dt = (slope*(bias + drive) - s + nudge*(target - s)) / tau + sqrt(2*temperature/tau)*xi : 1   # potential
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
        tau=10 * ms,         # time constant; chosen here
        temperature=0.1,     # of the law exp(-E/temperature); chosen here
    ),
    ranges=dict(temperature=(0, 1000)),
)
