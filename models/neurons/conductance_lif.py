"""Leaky integrate-and-fire neuron with excitatory and inhibitory conductances.

Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569; numbers of the authors' network, ModelDB 143751,
as in Brian2's example of it.
"""
from brian2 import ms, mV, nS, pA, pF

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569; ModelDB 143751",
    equations="""
        dv/dt = (g_L*(E_L - v) + g_E*(E_E - v) + g_I*(E_I - v) + I) / C : volt (unless refractory)  # potential
        dg_E/dt = -g_E / tau_E : siemens        # excitatory conductance
        dg_I/dt = -g_I / tau_I : siemens        # inhibitory conductance
    """,
    threshold="v > v_threshold",
    reset="v = E_L",
    refractory="t_ref",
    method="euler",
    potential="(v - E_L) / (v_threshold - E_L)",
    forced="v = 2*v_threshold - E_L",           # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        C=200 * pF,             # capacitance; Brian2's example
        g_L=10 * nS,            # leak conductance; Brian2's example
        E_L=-60 * mV,           # resting and reset potential; Brian2's example
        E_E=0 * mV,             # reversal of excitation; Brian2's example
        E_I=-80 * mV,           # reversal of inhibition; Brian2's example
        v_threshold=-50 * mV,   # firing threshold; Brian2's example
        t_ref=5 * ms,           # refractory period; Brian2's example
        tau_E=5 * ms,           # decay of excitation; Brian2's example
        tau_I=10 * ms,          # decay of inhibition; Brian2's example
        I=200 * pA,             # constant background current; Brian2's example
    ),
    initial=dict(v="E_L"),
)
