"""Izhikevich's neuron: a quadratic potential with a recovery variable; regular spiking by default.

Izhikevich (2003) IEEE Trans Neural Netw 14:1569. Input comes as jumps of v. A fast-spiking neuron has rate = .1/ms and
jump = 2 mV/ms. `noise` is the size of a random jump in each step, uniform around 0. `third` is the event of a third
factor, such as a reward; it comes in the step after something has set `rewarded`.
"""
from brian2 import ms, mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Izhikevich (2003) IEEE Trans Neural Netw 14:1569",
    equations="""
        dv/dt = linear*v*(1 + v/v_scale) + offset - u_recovery : volt          # potential
        du_recovery/dt = rate*(sensitivity*v - u_recovery) : volt/second        # recovery
        rewarded : boolean                                                      # a reward came in this step
    """,
    every_step=dict(after_groups="v += noise*(rand() - 1/2)"),
    threshold="v >= v_peak",
    reset="v = v_reset; u_recovery += jump",
    events=dict(third=("rewarded", "rewarded = False")),
    method="euler",
    potential="(v - v_reset) / (v_peak - v_reset)",
    forced="v = 2*v_peak",                      # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        linear=5 / ms,                  # slope at v = 0; Izhikevich (2003)
        v_scale=125 * mV,               # 5/0.04 mV, so that the square has .04/(ms mV); Izhikevich (2003)
        offset=140 * mV / ms,           # Izhikevich (2003)
        rate=0.02 / ms,                 # a: rate of recovery, regular spiking; Izhikevich (2003)
        sensitivity=0.2 / ms,           # b: sensitivity of recovery; Izhikevich (2003)
        v_reset=-65 * mV,               # c: reset potential; Izhikevich (2003)
        jump=8 * mV / ms,               # d: jump of recovery, regular spiking; Izhikevich (2003)
        v_peak=30 * mV,                 # peak of a spike; Izhikevich (2003)
        noise=0 * mV,                   # random jump in each step, none; chosen here
    ),
    initial=dict(v="v_reset", u_recovery="sensitivity*v_reset"),
)
