"""Short-term plasticity with three states: resources are recovered, active or inactive. Transmission, not learning.

Tsodyks, Uziel & Markram (2000) J Neurosci 20:RC50: released resources are active for tau_I before they recover. With
tau_I far below tau_r this is short_term_facilitation; the numbers are those of a facilitating synapse. A pre spike
first raises the release probability u, then releases.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Tsodyks, Uziel & Markram (2000) J Neurosci 20:RC50",
    equations="""
        w : 1                                                   # release at the last pre spike: u*x
        du/dt = -u / tau_f : 1 (event-driven)                   # release probability
        dy/dt = -y / tau_I : 1 (event-driven)                   # active resources
        dz/dt = y / tau_I - z / tau_r : 1 (event-driven)        # inactive resources
        x = 1 - y - z : 1                                       # recovered resources
    """,
    on_pre="""
        u += U*(1 - u)
        w = u*x
        y += w
    """,
    parameters=dict(
        U=0.04,                 # rise of the release probability; Tsodyks et al. (2000), facilitating
        tau_f=1000 * ms,        # decay of the release probability; Tsodyks et al. (2000), facilitating
        tau_r=100 * ms,         # recovery of the inactive resources; Tsodyks et al. (2000), facilitating
        tau_I=3 * ms,           # duration of the active state; Tsodyks et al. (2000)
    ),
    initial=dict(w="U"),        # as at the first spike after a long rest
    ranges=dict(U=(0, 1)),
)
