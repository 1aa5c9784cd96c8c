"""Dopamine-modulated STDP: pairs leave an eligibility trace, and dopamine turns it into weight.

Izhikevich (2007) Cereb Cortex 17:2443; numbers of the author's program, ModelDB 84167. dw/dt = c (d + tonic), with
pair STDP going into the eligibility trace c and reward into dopamine d. Both decay exponentially, so that w nears
w_rest between events; the formula of w is the exact solution. In the author's program a spike sets its trace, here
traces add up. delta_t = t_post - t_pre; coincident spikes (delta_t = 0) count as pre before post.
"""
from brian2 import Hz, ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Izhikevich (2007) Cereb Cortex 17:2443; ModelDB 84167",
    equations="""
        w = clip(w_rest - c*(d*tau_cd + tonic*tau_c), w_min, w_max) : 1      # weight
        w_rest : 1                                       # the weight when c has decayed, if nothing more happens
        dc/dt = -c / tau_c : 1 (event-driven)            # eligibility trace
        dd/dt = -d / tau_d : Hz (event-driven)           # dopamine
        tau_cd = tau_c*tau_d / (tau_c + tau_d) : second  # decay of the product c d
        dx/dt = -x / tau_plus : 1 (event-driven)         # trace of the pre spikes
        dy/dt = -y / tau_minus : 1 (event-driven)        # trace of the post spikes
    """,
    on_pre="""
        w_rest = w + (c - A_minus*y)*(d*tau_cd + tonic*tau_c)
        c -= A_minus*y
        x += 1
    """,
    on_post="""
        w_rest = w + (c + A_plus*x)*(d*tau_cd + tonic*tau_c)
        c += A_plus*x
        y += 1
    """,
    on_third="""
        w_rest = w + c*((d + reward)*tau_cd + tonic*tau_c)
        d += reward
    """,
    parameters=dict(
        A_plus=0.1,             # eligibility by a pair, pre first; ModelDB 84167
        A_minus=0.15,           # eligibility by a pair, post first; ModelDB 84167
        tau_plus=20 * ms,       # window of potentiation; Izhikevich (2007)
        tau_minus=20 * ms,      # window of depression; Izhikevich (2007)
        tau_c=1 * second,       # eligibility trace; Izhikevich (2007)
        tau_d=200 * ms,         # dopamine; Izhikevich (2007)
        reward=0.5 * Hz,        # dopamine of a reward; ModelDB 84167
        tonic=0.002 * Hz,       # tonic dopamine; ModelDB 84167
        w_min=0,                # lower bound; ModelDB 84167
        w_max=4,                # upper bound; ModelDB 84167
    ),
    initial=dict(w_rest=1),     # ModelDB 84167
)
