"""Adaptive exponential integrate-and-fire neuron with after-depolarisation and moving threshold.

Clopath, Buesing, Vasilaki & Gerstner (2010) Nat Neurosci 13:344, Methods; numbers as in the authors' program,
ModelDB 144566 (aEIF.m). A spike lasts t_spike at v_peak, with the other variables as they were; at its end the
potential drops to v_reset, an after-depolarising current z sets in, and the threshold V_T is high.
"""
from brian2 import ms, mV, nS, pA, pF

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Clopath, Buesing, Vasilaki & Gerstner (2010) Nat Neurosci 13:344; ModelDB 144566",
    equations="""
        dv/dt = (-g_L*(v - E_L) + g_L*Delta_T*exp(upswing) - w_ad + z + I) / C : volt (unless refractory)
        upswing = clip((v - V_T) / Delta_T, -inf, steepest) : 1         # exponent of the spike-making current
        dw_ad/dt = (a*(v - E_L) - w_ad) / tau_w : amp (unless refractory)   # adaptation current
        dz/dt = -z / tau_z : amp                                        # after-depolarising current
        dV_T/dt = -(V_T - V_T_rest) / tau_T : volt                      # threshold of the upswing
        I : amp                                                         # input current
        spiking : boolean                                               # a spike is going on
    """,
    threshold="v > v_threshold",
    reset="v = v_peak; spiking = True",
    refractory="spiking",
    events=dict(end_of_spike=(
        "spiking and t >= lastspike + t_spike - dt/2",
        "spiking = False; v = v_reset; w_ad += b; z = z_spike; V_T = V_T_spike",
    )),
    every_step={"after_groups": "v = clip(v, -inf*volt, v_peak)"},  # the upswing is steep, the peak is known
    method="euler",
    potential="(v - E_L) / (V_T_rest - E_L)",
    forced="v = v_peak",
    parameters=dict(
        C=281 * pF,             # membrane capacitance; aEIF.m
        g_L=30 * nS,            # leak conductance; aEIF.m
        E_L=-70.6 * mV,         # resting potential; aEIF.m
        Delta_T=2 * mV,         # slope factor of the upswing; aEIF.m
        a=4 * nS,               # adaptation by the potential; aEIF.m
        tau_w=144 * ms,         # decay of the adaptation; aEIF.m
        b=0.0805 * pA,          # adaptation by a spike; as aEIF.m computes (pA), though it says nA: see sets
        z_spike=400 * pA,       # after-depolarising current after a spike; aEIF.m
        tau_z=40 * ms,          # its decay; aEIF.m
        V_T_rest=-50.4 * mV,    # threshold of the upswing at rest; aEIF.m
        V_T_spike=-30.4 * mV,   # threshold after a spike, 20 mV higher; aEIF.m
        tau_T=50 * ms,          # its decay; aEIF.m
        v_threshold=20 * mV,    # potential at which a spike is counted; aEIF.m
        v_peak=33 * mV,         # potential during a spike; aEIF.m rounds 29.4 and 32.9 mV of two 1 ms steps
        t_spike=2 * ms,         # duration of a spike; aEIF.m
        v_reset=-49.5 * mV,     # potential after a spike, 21.1 mV above rest; aEIF.m
        steepest=20,            # largest exponent, so that the number stays finite; chosen here
    ),
    ranges=dict(steepest=(0, 100), Delta_T=(0.01 * mV, 100 * mV)),
    initial=dict(v="E_L", V_T="V_T_rest"),
    sets=dict(
        strong_adaptation=dict(b=80.5 * pA),    # the 0.0805 nA of Brette & Gerstner (2005) J Neurophysiol 94:3637
    ),
)
