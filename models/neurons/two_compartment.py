"""Soma and dendrite; the soma fires Poisson spikes and receives the teaching input as conductances.

Urbanczik & Senn (2014) Neuron 81:521-528; parameters in physical units as in NEST's example of that paper
(urbanczik_synapse_example; 15 mV above rest are 1 unit of potential of the paper). The dendrite drives the soma, not
the other way round; a spike does not reset.
"""
from brian2 import Hz, ms, mV, nS, pF

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Urbanczik & Senn (2014); parameters of NEST's example of it",
    equations="""
        dv/dt = (g_L*(E_L - v) + g_D*(v_w - v) + g_E*(E_E - v) + g_I*(E_I - v)) / C : volt   # potential of the soma
        dv_w/dt = (g_L*(E_L - v_w) + I) / C : volt                  # potential of the dendrite
        dI/dt = -I / tau_syn : amp                                  # current into the dendrite
        dg_E/dt = (teacher_E - g_E) / tau_syn : siemens             # excitatory conductance of the soma
        dg_I/dt = (teacher_I - g_I) / tau_syn : siemens             # inhibitory conductance of the soma
        teacher_E : siemens                                         # what the teacher wants of them
        teacher_I : siemens
        v_star = (g_L*E_L + g_D*v_w) / (g_L + g_D) : volt           # the dendrite's prediction of v
        phi = phi_max / (1 + k*exp(beta*(theta - v))) : Hz          # rate of the soma
        phi_star = phi_max / (1 + k*exp(beta*(theta - v_star))) : Hz            # the dendrite's prediction of it
        h_star = unit * beta / (1 + exp(-beta*(theta - v_star))/k) : 1          # slope of log(phi) at v_star
    """,
    threshold="rand() < phi*dt",
    refractory="t_ref",
    method="exponential_euler",      # the soma's time constant is below a millisecond while it is taught
    parameters=dict(
        C=300 * pF,              # capacitance of soma and of dendrite; NEST's example
        g_L=30 * nS,             # leak conductance of both; NEST's example
        g_D=600 * nS,            # coupling of the dendrite to the soma; NEST's example
        E_L=-70 * mV,            # resting potential; NEST's example
        E_E=0 * mV,              # reversal potential of excitation; NEST's example
        E_I=-75 * mV,            # reversal potential of inhibition; NEST's example
        tau_syn=3 * ms,          # decay of synaptic conductances and currents; NEST's example
        phi_max=150 * Hz,        # highest rate; Urbanczik & Senn (2014)
        k=0.5,                   # shape of the rate function; Urbanczik & Senn (2014)
        beta=1 / (3 * mV),       # steepness of the rate function; NEST's example
        theta=-55 * mV,          # where the rate function rises; NEST's example
        unit=15 * mV,            # one unit of potential of the paper; NEST's example
        t_ref=3 * ms,            # absolute refractory period; NEST's example
    ),
    ranges=dict(k=(0, 1000)),
    initial=dict(v="E_L", v_w="E_L"),
)
