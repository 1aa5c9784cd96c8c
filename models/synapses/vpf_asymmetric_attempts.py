"""Variational probability flow, asymmetric, on spikes: only post's attempts to flip count, if pre is excited.

Liu & Lin (2017), STDP section: dw_ij = -eta y_i alpha_j delta_j, the half of the symmetric rule that uses the
flips of post only; a connection in the other direction has the other half. The event-driven form is ours, as in
vpf_symmetric; vpf_asymmetric_flips is the same for free neurons, applied at once.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Liu & Lin (2017) Variational Probability Flow; event-driven: chosen here",
    equations="""
        w : 1            # weight from pre to post
        change : 1       # change collected since the batch began
    """,
    on_event=dict(post_attempt="change -= eta * alpha_post * state_pre"),
    at_end="""
        w += change - eta * decay * w
        change = 0
    """,
    neuron="two_state_held",
    parameters=dict(
        eta=0.01,        # learning rate, for one attempt; chosen here
        decay=0.001,     # weight decay, for one batch, in units of eta; chosen here
    ),
    ranges=dict(decay=(0, 1)),
)
