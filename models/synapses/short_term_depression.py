"""Short-term depression: each pre spike releases a fixed share of the resources. Transmission, not learning.

Tsodyks & Markram (1997) PNAS 94:719; numbers of a depressing synapse from Tsodyks, Uziel & Markram (2000) J Neurosci
20:RC50. It is short_term_facilitation with a release probability that does not outlast the spike (tau_f -> 0).
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Tsodyks & Markram (1997) PNAS 94:719; Tsodyks, Uziel & Markram (2000) J Neurosci 20:RC50",
    equations="""
        w : 1                                            # release at the last pre spike: U*x
        dx/dt = (1 - x) / tau_r : 1 (event-driven)       # resources
    """,
    on_pre="""
        w = U*x
        x -= w
    """,
    parameters=dict(
        U=0.5,                  # release probability; Tsodyks et al. (2000), depressing
        tau_r=800 * ms,         # recovery of the resources; Tsodyks et al. (2000), depressing
    ),
    initial=dict(w="U", x=1),   # as at the first spike after a long rest
    ranges=dict(U=(0, 1)),
)
