"""Dendritic prediction of somatic spikes: (spikes - predicted rate) times the postsynaptic potential of the synapse.

Urbanczik & Senn (2014) Neuron 81:521-528: the plasticity induction is low-passed before it moves the weight; its mean
is a gradient ascent on the likelihood of the soma's spikes. Sizes as in NEST's urbanczik_synapse.
"""
from brian2 import ms, pA

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Urbanczik & Senn (2014); parameters of NEST's example of it",
    equations="""
        dw/dt = pull : amp (clock-driven)                       # weight: jump of the current at a spike
        dpull/dt = (-eta*phi_star_post*h_star_post*psp - pull) / tau_delta : amp/second (clock-driven)  # its drift
        psp = (x_L - x_s) * tau_s / (tau_L - tau_s) : 1         # the synapse's potential in the dendrite
        dx_L/dt = -x_L / tau_L : 1 (clock-driven)               # trace of the pre spikes, slow
        dx_s/dt = -x_s / tau_s : 1 (clock-driven)               # trace of the pre spikes, fast
    """,
    on_pre="""
        x_L += 1
        x_s += 1
        w = clip(w, w_min, w_max)
    """,
    on_post="pull += eta * h_star_post * psp / tau_delta",
    neuron="neurons/two_compartment",
    parameters=dict(
        eta=25.5 * pA,           # learning rate: .17 x 15 x C/g_L in ms; NEST's example
        tau_delta=100 * ms,      # low-pass of the change; NEST's example
        tau_L=10 * ms,           # C/g_L of the dendrite; NEST's example
        tau_s=3 * ms,            # decay of synaptic currents; NEST's example
        w_min=0 * pA,            # lower bound; NEST's default
        w_max=1350 * pA,         # upper bound; NEST's example
    ),
    initial=dict(w=90 * pA),     # NEST's example
)
