"""Contrastive Hebbian learning on spikes: low-passed activities, Hebbian while clamped, anti-Hebbian while free.

After Mesnard, Gerstner & Brea (2016) arXiv:1612.03214, of which only the abstract was read: the traces, their time
constants and the signal for the phases are chosen here. `learning` of the post neuron is 1 while the outputs
are clamped, -1 while they are free, 0 while the network settles. The window is symmetric; a coincident pair counts
once.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="After Mesnard, Gerstner & Brea (2016) arXiv:1612.03214; traces and phases: chosen here",
    equations="""
        w : 1                                            # weight
        dx/dt = -x / tau : 1 (event-driven)              # low-passed pre spikes
        dy/dt = -y / tau : 1 (event-driven)              # low-passed post spikes
    """,
    on_pre="""
        w = clip(w + eta*learning_post*y, w_min, w_max)
        x += 1
    """,
    on_post="""
        w = clip(w + eta*learning_post*x, w_min, w_max)
        y += 1
    """,
    neuron="neurons/lif_phases",
    parameters=dict(
        eta=1e-3,               # learning rate; chosen here
        tau=20 * ms,            # low-pass of the activities; chosen here
        w_min=-10,              # lower bound, far away; chosen here
        w_max=10,               # upper bound, far away; chosen here
    ),
    initial=dict(w=1),          # relative to the weight before pairing
)
