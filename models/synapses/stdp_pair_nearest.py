"""Pair-based STDP, nearest neighbours: each pre spike pairs with the post spikes just before and just after it.

The presynaptic-centred scheme of Izhikevich & Desai (2003) Neural Comput 15:1511. delta_t = t_post - t_pre;
coincident spikes (delta_t = 0) count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Izhikevich & Desai (2003) Neural Comput 15:1511",
    equations="""
        w : 1                                            # weight
        dx/dt = -x / tau_plus : 1 (event-driven)         # trace of the pre spikes that no post spike followed yet
        dy/dt = -y / tau_minus : 1 (event-driven)        # trace of the last post spike
    """,
    on_pre="""
        w = clip(w - A_minus*y, w_min, w_max)
        x += 1
    """,
    on_post="""
        w = clip(w + A_plus*x, w_min, w_max)
        x = 0
        y = 1
    """,
    parameters=dict(
        A_plus=0.777 / 60,       # potentiation a pair; Bi & Wang (2002): 77.7 % after 60 pairs
        A_minus=0.273 / 60,      # depression a pair; Bi & Wang (2002): 27.3 % after 60 pairs
        tau_plus=16.8 * ms,      # window of potentiation; Bi & Poo (2001)
        tau_minus=33.7 * ms,     # window of depression; Bi & Poo (2001)
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away: pairings report relative changes; chosen here
    ),
    initial=dict(w=1),           # relative to the weight before pairing
    sets=dict(                   # with a threshold in the post rate; as Izhikevich & Desai quote Froemke & Dan (2002)
        froemke_dan=dict(A_plus=1.03 / 60, A_minus=0.51 / 60, tau_plus=13.3 * ms, tau_minus=34.5 * ms),
    ),
)
