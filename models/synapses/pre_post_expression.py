"""Plasticity of both sides: the release probability P learns at pre spikes, the quantal amplitude q at post spikes.

Costa, Froemke, Sjostrom & van Rossum (2015) eLife 4:e09457, equations 3-8, time constants and amplitudes of table 1
(ModelDB 184487). The weight is P q. The paper does not state by which factor its amplitudes are scaled for a single
spike; as printed they drive P to a bound within a few pairs. Each trace is read before its own jump; coincident spikes
(delta_t = 0) count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Costa, Froemke, Sjostrom & van Rossum (2015) eLife 4:e09457, eq. 3-8, table 1; ModelDB 184487",
    equations="""
        w = P*q : 1                                                 # weight
        P : 1                                                       # release probability
        q : 1                                                       # quantal amplitude
        dx_plus/dt = -x_plus / tau_x_plus : 1 (event-driven)        # trace of the pre spikes
        dy_minus/dt = -y_minus / tau_y_minus : 1 (event-driven)     # fast trace of the post spikes
        dy_plus/dt = -y_plus / tau_y_plus : 1 (event-driven)        # slow trace of the post spikes
    """,
    on_pre="""
        P = clip(P + scale*(d_plus*x_plus*y_plus - d_minus*y_minus*y_plus), 0, 1)
        x_plus += 1
    """,
    on_post="""
        q = clip(q + scale*c_plus*x_plus*y_minus, 0, q_max)
        y_minus += 1
        y_plus += 1
    """,
    parameters=dict(
        d_minus=0.1771,             # presynaptic depression; table 1
        d_plus=0.1548,              # presynaptic potentiation; table 1
        c_plus=0.0618,              # postsynaptic potentiation; table 1
        tau_x_plus=66.6 * ms,       # pre trace; table 1
        tau_y_minus=32.7 * ms,      # fast post trace; table 1
        tau_y_plus=230.2 * ms,      # slow post trace; table 1
        scale=0.02,                 # of the amplitudes, for one spike: 1/50; chosen here
        q_max=2,                    # upper bound of q; eq. 3-8
    ),
    initial=dict(P=0.5, q=1),       # eq. 3-8
    ranges=dict(P=(0, 1)),
)
