"""Triplet STDP, nearest spikes: as stdp_triplet, but only the last spike of either side is remembered.

Pfister & Gerstner (2006) J Neurosci 26:9673, equations 1-4 with traces that a spike sets to 1; parameters of
tables 3 and 4, nearest-spike. Amplitudes are changes relative to the initial weight. delta_t = t_post - t_pre;
coincident spikes count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Pfister & Gerstner (2006) J Neurosci 26:9673, eq. 1-4, tables 3 and 4 (nearest-spike)",
    equations="""
        w : 1                                            # weight
        dr1/dt = -r1 / tau_plus : 1 (event-driven)       # fast trace of the last pre spike
        dr2/dt = -r2 / tau_x : 1 (event-driven)          # slow trace of the last pre spike
        do1/dt = -o1 / tau_minus : 1 (event-driven)      # fast trace of the last post spike
        do2/dt = -o2 / tau_y : 1 (event-driven)          # slow trace of the last post spike
    """,
    on_pre="""
        w = clip(w - o1*(A2_minus + A3_minus*r2), w_min, w_max)
        r1 = 1
        r2 = 1
    """,
    on_post="""
        w = clip(w + r1*(A2_plus + A3_plus*o2), w_min, w_max)
        o1 = 1
        o2 = 1
    """,
    parameters=dict(
        A2_plus=0,               # potentiation by a pair; table 3, visual cortex, minimal
        A3_plus=5e-2,            # potentiation by a triplet post-pre-post; table 3
        A2_minus=8e-3,           # depression by a pair; table 3
        A3_minus=0,              # depression by a triplet pre-post-pre; table 3
        tau_plus=16.8 * ms,      # fast pre trace; Bi & Poo (2001), as quoted in table 4
        tau_minus=33.7 * ms,     # fast post trace; Bi & Poo (2001), as quoted in table 4
        tau_x=714 * ms,          # slow pre trace; table 3, full; of no effect where A3_minus = 0
        tau_y=40 * ms,           # slow post trace; table 3
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away: pairings report relative changes; chosen here
    ),
    initial=dict(w=1),           # relative to the weight before pairing
    sets=dict(
        visual_cortex_full=dict(A2_plus=8.8e-11, A3_plus=5.3e-2, A2_minus=6.6e-3, A3_minus=3.1e-3,
                                tau_x=714 * ms, tau_y=40 * ms),
        visual_cortex_minimal=dict(A2_plus=0, A3_plus=5e-2, A2_minus=8e-3, A3_minus=0, tau_y=40 * ms),
        hippocampus_full=dict(A2_plus=4.6e-3, A3_plus=9.1e-3, A2_minus=3e-3, A3_minus=7.5e-9,
                              tau_x=575 * ms, tau_y=47 * ms),
        hippocampus_minimal=dict(A2_plus=4.6e-3, A3_plus=9.1e-3, A2_minus=3e-3, A3_minus=0, tau_y=48 * ms),
    ),
)
