"""Asymmetric variational probability flow, on spikes alone: the average of vpf_asymmetric_flips.

Liu & Lin (2017), STDP section. A spike excites a two-state neuron; the time of its fall to rest is not
observed; on average it is tau_plus (pre) or tau_minus (post). x and y are the probabilities that pre and post are still
excited: a spike sets them to 1, and a spike of an excited neuron is no flip (as in nearest-spike pairing). Post's
fall while pre is excited costs A_minus; the expected future cost of a spike, tau_plus / (tau_plus + tau_minus)
of A_minus, is subtracted at once. Any protocol can drive this form; in a network of two-state neurons it
needs neurons whose mean time in the excited state is fixed. delta_t = t_post - t_pre; 0 counts as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Liu & Lin (2017) Variational Probability Flow; constant amplitude, mean over the falls",
    equations="""
        w : 1                                           # weight
        dx/dt = -x / tau_plus : 1 (event-driven)        # probability that pre is excited
        dy/dt = -y / tau_minus : 1 (event-driven)       # probability that post is excited
        fall = A_minus * tau_plus / (tau_plus + tau_minus) : 1      # mean cost of post's fall, both excited now
    """,
    on_pre="""
        w = clip(w - fall*(1 - x)*y, w_min, w_max)
        x = 1
    """,
    on_post="""
        w = clip(w + (A_plus - fall)*(1 - y)*x, w_min, w_max)
        y = 1
    """,
    parameters=dict(
        A_plus=1 / 120,          # change at a flip up: 1/2 times a learning rate of 1/60; the rate is chosen here
        A_minus=1 / 120,         # change at a flip down; the source has one amplitude for both
        tau_plus=16.8 * ms,      # mean time pre stays excited; Bi & Poo (2001), window of potentiation
        tau_minus=33.7 * ms,     # mean time post stays excited; Bi & Poo (2001), window of depression
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away; chosen here
    ),
    initial=dict(w=1),           # relative to the weight before pairing
)
