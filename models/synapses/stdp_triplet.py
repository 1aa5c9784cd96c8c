"""Triplet STDP, all-to-all: pairs and triplets of spikes change the weight.

Pfister & Gerstner (2006) J Neurosci 26:9673, equations 1-4; parameters of tables 3 and 4, all-to-all. Amplitudes
are changes relative to the initial weight. They were fitted to 60 pairs in one continuous train. delta_t =
t_post - t_pre; coincident spikes count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Pfister & Gerstner (2006) J Neurosci 26:9673, eq. 1-4, tables 3 and 4 (all-to-all)",
    equations="""
        w : 1                                            # weight
        dr1/dt = -r1 / tau_plus : 1 (event-driven)       # fast trace of the pre spikes
        dr2/dt = -r2 / tau_x : 1 (event-driven)          # slow trace of the pre spikes
        do1/dt = -o1 / tau_minus : 1 (event-driven)      # fast trace of the post spikes
        do2/dt = -o2 / tau_y : 1 (event-driven)          # slow trace of the post spikes
    """,
    on_pre="""
        w = clip(w - o1*(A2_minus + A3_minus*r2), w_min, w_max)
        r1 += 1
        r2 += 1
    """,
    on_post="""
        w = clip(w + r1*(A2_plus + A3_plus*o2), w_min, w_max)
        o1 += 1
        o2 += 1
    """,
    parameters=dict(
        A2_plus=0,               # potentiation by a pair; table 3, visual cortex, minimal
        A3_plus=6.5e-3,          # potentiation by a triplet post-pre-post; table 3
        A2_minus=7.1e-3,         # depression by a pair; table 3
        A3_minus=0,              # depression by a triplet pre-post-pre; table 3
        tau_plus=16.8 * ms,      # fast pre trace; Bi & Poo (2001), as quoted in table 4
        tau_minus=33.7 * ms,     # fast post trace; Bi & Poo (2001), as quoted in table 4
        tau_x=101 * ms,          # slow pre trace; table 3, full; of no effect where A3_minus = 0
        tau_y=114 * ms,          # slow post trace; table 3
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away: pairings report relative changes; chosen here
    ),
    initial=dict(w=1),           # relative to the weight before pairing
    sets=dict(
        visual_cortex_full=dict(A2_plus=5e-10, A3_plus=6.2e-3, A2_minus=7e-3, A3_minus=2.3e-4,
                                tau_x=101 * ms, tau_y=125 * ms),
        visual_cortex_minimal=dict(A2_plus=0, A3_plus=6.5e-3, A2_minus=7.1e-3, A3_minus=0, tau_y=114 * ms),
        hippocampus_full=dict(A2_plus=6.1e-3, A3_plus=6.7e-3, A2_minus=1.6e-3, A3_minus=1.4e-3,
                              tau_x=946 * ms, tau_y=27 * ms),
        hippocampus_minimal=dict(A2_plus=5.3e-3, A3_plus=8e-3, A2_minus=3.5e-3, A3_minus=0, tau_y=40 * ms),
    ),
)
