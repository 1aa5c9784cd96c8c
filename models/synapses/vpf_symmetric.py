"""Variational probability flow, symmetric, on spikes: each attempt to flip, on either side, changes the shared weight.

Liu & Lin (2017): the objective is the mean rate at which the machine leaves the data, K = sum of exp(alpha_j z_j), and
dw_ij = -eta (y_i alpha_j delta_j + y_j alpha_i delta_i), alpha = 1/2 - y. Event-driven form of our own: an attempt
comes at the rate delta_j, so that a change of -eta alpha_j y_i at each attempt of j, and its mirror at those of i, has
exactly this mean. The attempts of free neurons are flips; alpha is that of the state they leave. Changes are collected
and applied together (at_end), when a batch of examples is over.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Liu & Lin (2017) Variational Probability Flow; event-driven: chosen here",
    equations="""
        w : 1            # weight, the same in both directions
        change : 1       # change collected since the batch began
        decay : 1 (shared)       # weight decay, for one batch, in units of eta; set by a training
    """,
    on_event=dict(
        pre_attempt="change -= eta * alpha_pre * state_post",
        post_attempt="change -= eta * alpha_post * state_pre",
    ),
    at_end="""
        w += change - eta * decay * w
        change = 0
    """,
    neuron="two_state_held",
    parameters=dict(
        eta=0.01,        # learning rate, for one attempt; chosen here
    ),
    initial=dict(decay=0.001),      # chosen here
)
