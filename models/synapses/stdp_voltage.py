"""Voltage-based STDP: presynaptic spikes meet the filtered potential of the postsynaptic neuron.

Clopath, Buesing, Vasilaki & Gerstner (2010) Nat Neurosci 13:344, equations 1-3, without the slow homeostasis of
A_LTD; numbers and the late reading of the filters as in the authors' program, ModelDB 144566 (VoTri.m), which
reads them late "to read the value before this spike". Here a post spike stores that value, and it is read
until t_read has gone by.
"""
from brian2 import ms, mV, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Clopath, Buesing, Vasilaki & Gerstner (2010) Nat Neurosci 13:344; ModelDB 144566",
    equations="""
        dw/dt = A_LTP * x * above * plus_above * int(w < w_max) : 1 (clock-driven)      # weight: potentiation
        dx/dt = -x / tau_x : Hz (clock-driven)                                      # trace of the pre spikes
        du_minus/dt = (v_post - u_minus) / tau_minus : volt (clock-driven)          # filtered potential, for LTD
        du_plus/dt = (v_post - u_plus) / tau_plus : volt (clock-driven)             # filtered potential, for LTP

        above = clip(v_post - theta_plus, 0*volt, inf*volt) : volt
        minus_above = clip(minus_read - theta_minus, 0*volt, inf*volt) : volt
        plus_above = clip(plus_read - theta_minus, 0*volt, inf*volt) : volt

        stored = int(t < read_again) : 1                                            # 1 while a post spike goes on
        minus_read = stored*minus_stored + (1 - stored)*u_minus : volt
        plus_read = stored*plus_stored + (1 - stored)*u_plus : volt
        minus_stored : volt                                                         # as it was before the last spike
        plus_stored : volt
        read_again : second
    """,
    on_pre="""
        w = clip(w - A_LTD*minus_above, w_min, w_max)
        x += 1/tau_x
    """,
    on_post="""
        minus_stored = minus_read
        plus_stored = plus_read
        read_again = t + t_read - dt/2
    """,
    neuron="neurons/adex_afterdepolarisation",
    method="euler",
    parameters=dict(
        A_LTD=14e-5 / mV,           # amplitude of depression; VoTri.m, visual cortex
        A_LTP=8e-5 / mV**2,         # amplitude of potentiation; VoTri.m, visual cortex
        theta_minus=-70.6 * mV,     # threshold of the filtered potentials; VoTri.m, visual cortex
        theta_plus=-45.3 * mV,      # threshold of the potential for potentiation; VoTri.m, visual cortex
        tau_x=15 * ms,              # trace of the pre spikes; VoTri.m
        tau_minus=10 * ms,          # filter for depression; VoTri.m
        tau_plus=7 * ms,            # filter for potentiation; VoTri.m
        t_read=3 * ms,              # spike of 2 ms and a step of 1 ms; aEIF.m, last comment
        w_min=0,                    # lower bound; chosen here
        w_max=10,                   # upper bound: potentiation stops there; chosen here
    ),
    initial=dict(w=0.5,             # VoTri.m; amplitudes are absolute, so the relative change depends on it
                 u_minus="v_post", u_plus="v_post", read_again=-1 * second),
    sets=dict(
        visual_cortex=dict(A_LTD=14e-5 / mV, A_LTP=8e-5 / mV**2, theta_minus=-70.6 * mV, theta_plus=-45.3 * mV),
        hippocampus=dict(A_LTD=38e-5 / mV, A_LTP=2e-5 / mV**2, theta_minus=-41 * mV, theta_plus=-38 * mV),
    ),
)
