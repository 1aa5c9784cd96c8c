"""Leaky integrator that spikes at each upward crossing of the threshold and is not reset.

The potential falls again when its input falls, so that dV/dt before and after a spike have opposite signs: the
neuron of the argument in Bengio et al. (2015) arXiv:1502.04156, section 2, whose figure 1 names no neuron model.
Equation and values as in lif: Gerstner, Kistler, Naud & Paninski (2014) Neuronal Dynamics, section 1.3.
"""
from brian2 import Mohm, ms, mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio et al. (2015) sec. 2; Gerstner et al. (2014) sec. 1.3",
    equations="""
        dv/dt = (v_rest - v + R*I) / tau_m : volt       # membrane potential
        I : amp                                         # input current
    """,
    threshold="v > v_threshold",
    refractory="v > v_threshold",           # one spike a crossing
    method="exact",
    potential="(v - v_rest) / (v_threshold - v_rest)",
    forced="v = 2*v_threshold - v_rest",    # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        tau_m=10 * ms,           # membrane time constant; sec. 1.3, typical
        R=10 * Mohm,             # membrane resistance; sec. 1.3, typical
        v_rest=-70 * mV,         # resting potential; typical
        v_threshold=-50 * mV,    # firing threshold; typical
    ),
    initial=dict(v="v_rest"),
)
