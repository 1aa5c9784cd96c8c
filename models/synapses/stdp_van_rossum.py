"""Pair STDP with additive potentiation and multiplicative depression: weights settle without an upper bound.

van Rossum, Bi & Turrigiano (2000) J Neurosci 20:8812, in the form of NEST's stdp_synapse with mu_plus = 0 and mu_minus
= 1, without the noise of the steps; weight from 0 to 1. delta_t = t_post - t_pre; coincident spikes (delta_t = 0) count
as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="van Rossum, Bi & Turrigiano (2000) J Neurosci 20:8812; form and numbers of NEST's stdp_synapse",
    equations="""
        w : 1                                            # weight, from 0 to 1
        dx/dt = -x / tau_plus : 1 (event-driven)         # trace of the pre spikes
        dy/dt = -y / tau_minus : 1 (event-driven)        # trace of the post spikes
    """,
    on_pre="""
        w = clip(w - eta*alpha*w*y, 0, 1)
        x += 1
    """,
    on_post="""
        w = clip(w + eta*x, 0, 1)
        y += 1
    """,
    parameters=dict(
        eta=0.01,               # step; NEST's default of lambda
        alpha=2,                # depression relative to potentiation: weights settle at 1/2; chosen here
        tau_plus=20 * ms,       # window of potentiation; NEST's default
        tau_minus=20 * ms,      # window of depression; NEST's default
    ),
    initial=dict(w=0.5),        # chosen here
    ranges=dict(w=(0, 1)),
)
