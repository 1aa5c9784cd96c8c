"""The rule of Diehl & Cook's digit network: a triplet rule in which a spike sets its traces to 1.

Diehl & Cook (2015) Front Comput Neurosci 9:99; numbers of the authors' program (peter-u-diehl/stdp-mnist). A pre spike
depresses by the fast post trace; a post spike potentiates by the pre trace times the slow post trace, read before its
own jump. Coincident spikes (delta_t = 0) count as pre before post.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="""
        w : 1                                            # weight
        dx/dt = -x / tau_x : 1 (event-driven)            # trace of the last pre spike
        dy1/dt = -y1 / tau_y1 : 1 (event-driven)         # fast trace of the last post spike
        dy2/dt = -y2 / tau_y2 : 1 (event-driven)         # slow trace of the last post spike
    """,
    on_pre="""
        x = 1
        w = clip(w - eta_minus*y1, w_min, w_max)
    """,
    on_post="""
        w = clip(w + eta_plus*x*y2, w_min, w_max)
        y1 = 1
        y2 = 1
    """,
    parameters=dict(
        eta_minus=1e-4,           # depression; the authors' program
        eta_plus=1e-2,          # potentiation; the authors' program
        tau_x=20 * ms,          # pre trace; the authors' program
        tau_y1=20 * ms,         # fast post trace; the authors' program
        tau_y2=40 * ms,         # slow post trace; the authors' program
        w_min=0,                # lower bound; the authors' program
        w_max=1,                # upper bound; the authors' program
    ),
    initial=dict(w=78 / 784),   # mean weight: the authors scale the 784 weights of a neuron to a sum of 78
)
