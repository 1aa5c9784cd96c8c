"""Pair-based STDP, all-to-all: every pre spike pairs with every post spike, with exponential windows.

Song, Miller & Abbott (2000) Nat Neurosci 3:919; time constants of Bi & Poo's data from Bi & Poo (2001),
as quoted by Pfister & Gerstner (2006) J Neurosci 26:9673, table 4. delta_t = t_post - t_pre; coincident
spikes (delta_t = 0) count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Song, Miller & Abbott (2000) Nat Neurosci 3:919",
    equations="""
        w : 1                                            # weight
        dx/dt = -x / tau_plus : 1 (event-driven)         # trace of the pre spikes
        dy/dt = -y / tau_minus : 1 (event-driven)        # trace of the post spikes
    """,
    on_pre="""
        w = clip(w - A_minus*y, w_min, w_max)
        x += 1
    """,
    on_post="""
        w = clip(w + A_plus*x, w_min, w_max)
        y += 1
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
)
