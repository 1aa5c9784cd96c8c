"""Contrastive Hebbian learning on spikes; the changes of an example are collected and applied at its end.

The rule of contrastive_hebbian, after Mesnard, Gerstner & Brea (2016) arXiv:1612.03214, of which only the abstract was
read. `learning` of the post neuron is -1 late in the free phase, 1 in the nudged phase, 0 while the network settles. If
both phases have the same length and the nudge does nothing, the mean change is 0. Applied at once, the anti-Hebbian
change of the free phase weakens the network before the nudge, and the rule learns this difference as well; so the
changes wait until both phases are over (chosen here).
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="After Mesnard, Gerstner & Brea (2016) arXiv:1612.03214; traces, phases and collection: chosen here",
    equations="""
        w : 1                                            # weight, the same in both directions
        change : 1                                       # change collected since the example began
        dx_trace/dt = -x_trace / tau : 1 (event-driven)  # low-passed pre spikes
        dy_trace/dt = -y_trace / tau : 1 (event-driven)  # low-passed post spikes
    """,
    on_pre="""
        change += eta*learning_post*y_trace
        x_trace += 1
    """,
    on_post="""
        change += eta*learning_post*x_trace
        y_trace += 1
    """,
    at_end="""
        w += change
        change = 0
    """,
    neuron="neurons/lif_nudged",
    parameters=dict(
        eta=1e-3,               # learning rate; chosen here
        tau=10 * ms,            # low-pass of the activities; chosen here
    ),
    initial=dict(w=1),          # relative to the weight before pairing
)
