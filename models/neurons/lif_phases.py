"""Leaky integrate-and-fire neuron with a signal that tells whether its network is clamped or free.

As lif, with the variable `learning`, which contrastive_hebbian reads. Gerstner, Kistler, Naud &
Paninski (2014) Neuronal Dynamics, section 1.3.
"""
from brian2 import Mohm, ms, mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Gerstner et al. (2014) Neuronal Dynamics, sec. 1.3; phases: chosen here",
    equations="""
        dv/dt = (v_rest - v + R*I) / tau_m : volt (unless refractory)   # membrane potential
        I : amp                                                         # input current
        learning : 1                                                    # 1 clamped, -1 free, 0 settling
    """,
    threshold="v > v_threshold",
    reset="v = v_reset",
    refractory="t_ref",
    method="exact",
    potential="(v - v_rest) / (v_threshold - v_rest)",
    forced="v = 2*v_threshold - v_reset",       # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        tau_m=10 * ms,           # membrane time constant; sec. 1.3, typical
        R=10 * Mohm,             # membrane resistance; sec. 1.3, typical
        v_rest=-70 * mV,         # resting potential; typical
        v_reset=-65 * mV,        # reset potential; typical
        v_threshold=-50 * mV,    # firing threshold; typical
        t_ref=2 * ms,            # absolute refractory period; typical
    ),
    initial=dict(v="v_rest", learning=1),       # clamped: what a pairing shows
)
