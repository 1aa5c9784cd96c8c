"""Asymmetric variational probability flow, on spikes alone, with post's rate in the amplitude: 1/(2T) for 1/2.

Liu & Lin (2017), STDP section: the change is proportional to post's rate of transition, and a rate is the inverse of
an expected time T. Our reading of a formula that is illegible in our copy: at a flip up, T is the wait from the pre
spike to the post spike, at post's fall it is tau_minus; rates are in units of 1/tau_minus. The change grows without
limit for short waits, so that T_min is added to them. All else is as in vpf_asymmetric.
"""
from brian2 import ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Liu & Lin (2017) Variational Probability Flow; amplitude 1/(2T), mean over the falls",
    equations="""
        w : 1                                           # weight
        dx/dt = -x / tau_plus : 1 (event-driven)        # probability that pre is excited
        dy/dt = -y / tau_minus : 1 (event-driven)       # probability that post is excited
        pre_time : second                                  # time of the last pre spike
        fall = A_minus * tau_plus / (tau_plus + tau_minus) : 1      # mean cost of post's fall, both excited now
    """,
    on_pre="""
        w = clip(w - fall*(1 - x)*y, w_min, w_max)
        x = 1
        pre_time = t
    """,
    on_post="""
        w = clip(w + (A_plus*tau_minus/(t - pre_time + T_min) - fall)*(1 - y)*x, w_min, w_max)
        y = 1
    """,
    parameters=dict(
        A_plus=1 / 120,          # change at a flip up, times tau_minus/T: learning rate 1/60; chosen here
        A_minus=1 / 120,         # change at a flip down
        tau_plus=16.8 * ms,      # mean time pre stays excited; Bi & Poo (2001), window of potentiation
        tau_minus=33.7 * ms,     # mean time post stays excited; Bi & Poo (2001), window of depression
        T_min=1 * ms,            # keeps the change finite at coincidence; chosen here
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away; chosen here
    ),
    ranges=dict(T_min=(0.001 * ms, 1000 * ms)),
    initial=dict(w=1, pre_time=0 * second),        # relative to the weight before pairing
)
