"""Leaky integrator that fires Poisson spikes at the rate r_max*s.

Receivers see the low-passed spikes, whose mean is s.
Potential: Bengio & Fischer (2015) arXiv:1510.02777, eq. 1-8 (rho = hard sigmoid, by clipping s to [0, 1]);
spikes: Bengio et al. (2015) arXiv:1502.04156, sections 3 and 9.
"""
from brian2 import Hz, ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio & Fischer (2015) eq. 1-8; Bengio et al. (2015) sec. 3, 9",
    equations="""
        ds/dt = (drive + nudge*(target - s) - s) / tau : 1     # potential
        drive = I / (r_max*tau_syn) : 1      # input, on average the sum of w*s over the presynaptic neurons
        dI/dt = -I / tau_syn : 1             # low-passed weights of the incoming spikes
        draw : 1                             # uniform random number of this step
        ds : 1                               # change of the clipped potential in the last step, low-passed
        s_before : 1                         # potential one step ago
        nudge : 1                            # strength beta with which the potential is drawn to the target
        target : 1                           # the wanted potential
        learning : 1                         # what a change counts for: sign of the nudge, -1 free window, 0 else
    """,
    every_step=dict(after_groups="""
        s = clip(s, 0, 1)
        ds += (s - s_before - ds) * dt / (dt + tau_d)
        s_before = s
        draw = rand()
    """),
    at_start="s = 0; I = 0; ds = 0; s_before = 0",
    threshold="draw < r_max*s*dt",
    events=dict(taught=("learning != 0 and draw < r_max*s*dt", "")),       # a spike that rules learn from
    method="euler",
    potential="s",
    forced="s = 1; draw = 0",                # potential imposed, and the chance taken
    parameters=dict(
        tau=10 * ms,             # time constant of the potential; chosen here
        tau_syn=10 * ms,         # low-pass of incoming spikes; chosen here
        tau_d=20 * ms,           # low-pass of ds beyond one step, 0 = none; chosen here
        r_max=500 * Hz,          # rate at s = 1; chosen here (half a spike a step of 1 ms)
    ),
)
