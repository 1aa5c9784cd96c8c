"""Short-term plasticity with depression and facilitation: transmission, not learning.

Markram, Wang & Tsodyks (1998) PNAS 95:5323; numbers of a facilitating synapse from Tsodyks, Uziel & Markram (2000) J
Neurosci 20:RC50. A pre spike first raises the release probability u, then releases the share u of the resources x.
Between spikes u returns to 0 and x to 1. w is the release at the last pre spike: what the spike transmits.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Markram, Wang & Tsodyks (1998) PNAS 95:5323; Tsodyks, Uziel & Markram (2000) J Neurosci 20:RC50",
    equations="""
        w : 1                                            # release at the last pre spike: u*x
        du/dt = -u / tau_f : 1 (event-driven)            # release probability
        dx/dt = (1 - x) / tau_r : 1 (event-driven)       # resources
    """,
    on_pre="""
        u += U*(1 - u)
        w = u*x
        x -= w
    """,
    parameters=dict(
        U=0.04,                 # rise of the release probability; Tsodyks et al. (2000), facilitating
        tau_f=1000 * ms,        # decay of the release probability; Tsodyks et al. (2000), facilitating
        tau_r=100 * ms,         # recovery of the resources; Tsodyks et al. (2000), facilitating
    ),
    initial=dict(w="U", x=1),   # as at the first spike after a long rest
    ranges=dict(U=(0, 1)),
)
