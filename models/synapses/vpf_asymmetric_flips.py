"""Asymmetric variational probability flow, on flips: post flips while pre is excited, and the sign is the flip's.

Liu & Lin (2017), STDP section: each flip of post changes w by -(1/2 - y_post), y_post being its new state, if pre is
excited, times a learning rate. Their factor, the rate of flipping, is left to the flips themselves: they come at that
rate. For two-state neurons, which signal their flips to rest (event `rest`). The rule keeps the state of pre in x,
so that a pre flip counts before a post flip of the same step; start the neurons at rest.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Liu & Lin (2017) Variational Probability Flow; constant amplitude",
    equations="""
        w : 1        # weight
        x : 1        # whether pre is excited: 0 or 1
    """,
    on_pre="x = 1",
    on_post="w = clip(w + A_plus*x, w_min, w_max)",
    on_event=dict(
        pre_rest="x = 0",
        post_rest="w = clip(w - A_minus*x, w_min, w_max)",
    ),
    neuron="two_state",
    parameters=dict(
        A_plus=1 / 120,          # change at a flip up: 1/2 times a learning rate of 1/60; the rate is chosen here
        A_minus=1 / 120,         # change at a flip down; the source has one amplitude for both
        w_min=0,                 # lower bound; chosen here
        w_max=10,                # upper bound, far away; chosen here
    ),
    initial=dict(w=1),           # relative to the weight before pairing
)
