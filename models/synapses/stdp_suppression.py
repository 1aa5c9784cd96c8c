"""Pair STDP with suppression: a spike counts less the sooner it follows the previous spike of its own neuron.

Froemke & Dan (2002) Nature 416:433; all pairs, the change of each is F(delta_t) eps_pre eps_post with eps = 1 -
exp(-(interval to the previous spike)/tau_s). Numbers as in Graphitti (AllSTDPSynapses), which names the paper; its
amplitudes are those of the whole experiment of 60 pairs. delta_t = t_post - t_pre; coincident spikes (delta_t = 0)
count as pre before post.
"""
from brian2 import ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Froemke & Dan (2002) Nature 416:433; numbers as in Graphitti",
    equations="""
        w : 1                                                   # weight
        dx/dt = -x / tau_plus : 1 (event-driven)                # trace of the pre spikes, each by its efficacy
        dy/dt = -y / tau_minus : 1 (event-driven)               # trace of the post spikes, each by its efficacy
        eps_x = 1 - exp(-(t - last_x) / tau_s_x) : 1            # efficacy of a pre spike now
        eps_y = 1 - exp(-(t - last_y) / tau_s_y) : 1            # efficacy of a post spike now
        last_x : second                                         # time of the last pre spike
        last_y : second                                         # time of the last post spike
    """,
    on_pre="""
        w = clip(w - A_minus*y*eps_x, w_min, w_max)
        x += eps_x
        last_x = t
    """,
    on_post="""
        w = clip(w + A_plus*x*eps_y, w_min, w_max)
        y += eps_y
        last_y = t
    """,
    parameters=dict(
        A_plus=1.01 / 60,        # potentiation a pair; Graphitti, of 60 pairs
        A_minus=0.52 / 60,       # depression a pair; Graphitti, of 60 pairs
        tau_plus=14.8 * ms,      # window of potentiation; Graphitti
        tau_minus=33.8 * ms,     # window of depression; Graphitti
        tau_s_x=34 * ms,         # suppression by the previous pre spike; Graphitti
        tau_s_y=75 * ms,         # suppression by the previous post spike; Graphitti
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away: pairings report relative changes; chosen here
    ),
    initial=dict(w=1,            # relative to the weight before pairing
                 last_x=-1e4 * second, last_y=-1e4 * second),      # the first spike counts fully
    sets=dict(                   # quoted from the paper, not checked
        quoted=dict(A_plus=1.03 / 60, A_minus=0.51 / 60, tau_plus=13.3 * ms, tau_minus=34.5 * ms, tau_s_x=28 * ms,
                    tau_s_y=88 * ms),
    ),
)
