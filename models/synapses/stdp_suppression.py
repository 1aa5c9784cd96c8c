"""Pair STDP with suppression: a spike counts less the sooner it follows the previous spike of its own neuron.

Froemke & Dan (2002) Nature 416:433; all pairs, the change of each is F(delta_t) eps_pre eps_post with eps = 1 -
exp(-(interval to the previous spike)/tau_s). Numbers as in Graphitti (AllSTDPSynapses), which names the paper; its
amplitudes are those of the whole experiment of 60 pairs. delta_t = t_post - t_pre; coincident spikes (delta_t = 0) count
as pre before post.
"""
from brian2 import ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Froemke & Dan (2002) Nature 416:433; numbers as in Graphitti",
    equations="""
        w : 1                                                   # weight
        dx/dt = -x / tau_plus : 1 (event-driven)                # trace of the pre spikes, each by its efficacy
        dy/dt = -y / tau_minus : 1 (event-driven)               # trace of the post spikes, each by its efficacy
        eps_pre = 1 - exp(-(t - last_pre) / tau_s_pre) : 1      # efficacy of a pre spike now
        eps_post = 1 - exp(-(t - last_post) / tau_s_post) : 1   # efficacy of a post spike now
        last_pre : second
        last_post : second
    """,
    on_pre="""
        w = clip(w - A_minus*y*eps_pre, w_min, w_max)
        x += eps_pre
        last_pre = t
    """,
    on_post="""
        w = clip(w + A_plus*x*eps_post, w_min, w_max)
        y += eps_post
        last_post = t
    """,
    parameters=dict(
        A_plus=1.01 / 60,        # potentiation a pair; Graphitti, of 60 pairs
        A_minus=0.52 / 60,       # depression a pair; Graphitti, of 60 pairs
        tau_plus=14.8 * ms,      # window of potentiation; Graphitti
        tau_minus=33.8 * ms,     # window of depression; Graphitti
        tau_s_pre=34 * ms,       # suppression by the previous pre spike; Graphitti
        tau_s_post=75 * ms,      # suppression by the previous post spike; Graphitti
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away: pairings report relative changes; chosen here
    ),
    initial=dict(w=1,            # relative to the weight before pairing
                 last_pre=-1e4 * second, last_post=-1e4 * second),      # the first spike counts fully
    sets=dict(                   # quoted from the paper, not checked
        quoted=dict(A_plus=1.03 / 60, A_minus=0.51 / 60, tau_plus=13.3 * ms, tau_minus=34.5 * ms, tau_s_pre=28 * ms,
                    tau_s_post=88 * ms),
    ),
)
