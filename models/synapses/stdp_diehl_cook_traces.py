"""The triplet rule of Diehl & Cook's digit network, with traces that the neurons keep: fast in a network.

Diehl & Cook (2015) Front Comput Neurosci 9:99; numbers of the authors' program (peter-u-diehl/stdp-mnist). As in
stdp_diehl_cook a spike sets traces to 1: of the pixel, and a fast and a slow one of the post neuron. They do so when
the synapses have acted: a post spike reads the slow trace of the post spike before, and of coincident spikes
(delta_t = 0) neither sees the other.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="w : 1                       # weight",
    on_pre="w = clip(w - eta_minus*fast_trace_post, w_min, w_max)",
    on_post="w = clip(w + eta_plus*trace_pre*trace_post, w_min, w_max)",
    neuron="neurons/diehl_cook_excitatory",
    parameters=dict(
        eta_minus=1e-4,         # depression; the authors' program
        eta_plus=1e-2,          # potentiation; the authors' program
        w_min=0,                # lower bound; the authors' program
        w_max=1,                # upper bound; the authors' program
    ),
    initial=dict(w=78 / 784),   # mean weight: the authors scale the 784 weights of a neuron to a sum of 78
)
