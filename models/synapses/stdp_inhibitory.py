"""Inhibitory plasticity: near-coincident spikes of either order strengthen, lone pre spikes weaken the synapse.

Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569; numbers of the authors' network, ModelDB 143751.
The weight is an inhibitory conductance. The post rate is drawn to rho_0. delta_t = t_post - t_pre; a coincident pair
(delta_t = 0) counts once, as pre before post.
"""
from brian2 import Hz, ms, nS

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569; ModelDB 143751",
    equations="""
        w : siemens                                      # weight: conductance that a pre spike opens
        dx/dt = -x / tau : 1 (event-driven)              # trace of the pre spikes
        dy/dt = -y / tau : 1 (event-driven)              # trace of the post spikes
        alpha = 2*rho_0*tau : 1                          # depression by each pre spike
    """,
    on_pre="""
        w = clip(w + eta*(y - alpha), w_min, w_max)
        x += 1
    """,
    on_post="""
        w = clip(w + eta*x, w_min, w_max)
        y += 1
    """,
    parameters=dict(
        eta=0.01 * nS,          # learning rate; ModelDB 143751
        rho_0=3 * Hz,           # rate to which the post neuron is drawn; ModelDB 143751
        tau=20 * ms,            # window of coincidence; ModelDB 143751
        w_min=0 * nS,           # lower bound; ModelDB 143751
        w_max=100 * nS,         # upper bound; ModelDB 143751
    ),
    initial=dict(w=1 * nS),     # chosen here, so that pairings have a relative change
)
