"""Background input: a fluctuating current, an Ornstein-Uhlenbeck process, to be fed into another neuron's I.

Destexhe, Rudolph, Fellous & Sejnowski (2001) Neuroscience 107:13 use such a process for synaptic background.
"""
from brian2 import ms, nA, pA

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Destexhe, Rudolph, Fellous & Sejnowski (2001) Neuroscience 107:13",
    equations="""
        current : amp            # background current; each step is exact in law, however long
    """,
    every_step=dict(before_groups="""
        current = mean + (current - mean)*exp(-dt/tau_I) + spread*sqrt(1 - exp(-2*dt/tau_I))*randn()
    """),
    parameters=dict(
        mean=1.4 * nA,           # mean current, which holds a lif 6 mV below threshold; chosen here
        spread=500 * pA,         # its standard deviation; chosen here
        tau_I=5 * ms,            # its correlation time; chosen here
    ),
    ranges=dict(spread=(0 * nA, 1000 * nA)),
    initial=dict(current="mean + spread*randn()"),
)
