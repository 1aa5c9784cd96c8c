"""Voltage-derivative rule, at the spike: each pre spike adds the rate of change of the post potential.

Bengio et al. (2015) Towards biologically plausible deep learning, arXiv:1502.04156, eq. 1: dW is proportional to
S_pre dV_post/dt, here with S_pre the spike itself. A spike imposed on the post neuron within the last time step
counts with its whole jump: keep the step short. No bounds.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio et al. (2015) arXiv:1502.04156, eq. 1; Bengio & Fischer (2015) arXiv:1510.02777, eq. 26",
    equations="w : 1       # weight",
    on_pre="w += eta * dudt_post",
    neuron="neurons/afterpotential",
    parameters=dict(
        eta=0.153 * ms,     # learning rate: 27.3 % depression after 60 pairs, as measured by Bi & Poo; chosen here
    ),
    initial=dict(w=1),      # relative to the weight before pairing
)
