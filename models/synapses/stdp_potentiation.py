"""Potentiation at post spikes by two traces; depression comes from the normalisation of the weights.

After the triplet rule of Diehl & Cook (2015) Front Comput Neurosci 9:99, without its depression at pre spikes (chosen
here). The neurons keep the traces, which a spike sets to 1 when its synapses have acted: a post spike reads the trace
of the post spike before, and a coincident pre spike (delta_t = 0) is not yet seen.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="after Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="w : 1                       # weight",
    on_post="w = clip(w + eta*trace_pre*trace_post, w_min, w_max)",
    neuron="neurons/adaptive_threshold",
    parameters=dict(
        eta=1e-2,               # potentiation; the authors' program
        w_min=0,                # lower bound; the authors' program
        w_max=1,                # upper bound; the authors' program
    ),
    initial=dict(w=0.1),        # mean weight; chosen here
)
