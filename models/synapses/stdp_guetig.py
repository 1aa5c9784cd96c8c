"""Pair STDP with a power of the weight: between additive (mu = 0) and multiplicative (mu = 1).

Gutig, Aharonov, Rotter & Sompolinsky (2003) J Neurosci 23:3697; weight from 0 to 1. delta_t = t_post - t_pre;
coincident spikes (delta_t = 0) count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Gutig, Aharonov, Rotter & Sompolinsky (2003) J Neurosci 23:3697; tau of NEST's stdp_synapse",
    equations="""
        w : 1                                            # weight, from 0 to 1
        dx/dt = -x / tau_plus : 1 (event-driven)         # trace of the pre spikes
        dy/dt = -y / tau_minus : 1 (event-driven)        # trace of the post spikes
    """,
    on_pre="""
        w = clip(w - eta*alpha*w**mu*y, 0, 1)
        x += 1
    """,
    on_post="""
        w = clip(w + eta*(1 - w)**mu*x, 0, 1)
        y += 1
    """,
    parameters=dict(
        eta=0.005,              # step lambda; quoted from the paper, not checked
        alpha=1.05,             # depression relative to potentiation; quoted from the paper, not checked
        mu=0.02,                # power of the weight; quoted from the paper, not checked
        tau_plus=20 * ms,       # window of potentiation; NEST's default
        tau_minus=20 * ms,      # window of depression; NEST's default
    ),
    initial=dict(w=0.5),        # chosen here
    ranges=dict(w=(0, 1), mu=(0, 1)),
)
