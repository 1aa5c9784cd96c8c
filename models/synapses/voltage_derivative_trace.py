"""Voltage-derivative rule, trace form: the trace of the pre spikes times the rate of change of the post potential.

Bengio et al. (2015) Towards biologically plausible deep learning, arXiv:1502.04156, eq. 1: dW is proportional to
S_pre dV_post/dt, here with S_pre a low-pass of the pre spikes. With the neuron `afterpotential` this is all-to-all
pair STDP with tau_plus = tau_s, tau_minus = tau_v, A_plus tau_plus = A_minus tau_minus. No bounds.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio et al. (2015) arXiv:1502.04156, eq. 1; Bengio & Fischer (2015) arXiv:1510.02777, eq. 26",
    equations="""
        dw/dt = eta * x * dudt_post : 1 (clock-driven)      # weight
        dx/dt = -x / tau_s : 1 (clock-driven)               # trace of the pre spikes
    """,
    on_pre="x += 1",
    neuron="neurons/afterpotential",
    method="exponential_euler",
    parameters=dict(
        eta=0.0194,         # learning rate: 77.7 % potentiation after 60 pairs, as Bi & Wang (2002); chosen here
        tau_s=16.8 * ms,    # decay of the trace; the LTP window of Bi & Poo (2001)
    ),
    initial=dict(w=1),      # relative to the weight before pairing
)
