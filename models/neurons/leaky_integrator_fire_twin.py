"""leaky_integrator_fire with a twin: a copy of its state that gets the same input but another nudge.

The twin is a variance-reduction device of the simulation (a control variate), not biology: what the two have in
common, all the spiking noise of the free phase, drops out of the difference of their changes. Until the nudge the
twins are identical. Input of populations without a twin (pixels) enters through I_in for both.
Potential and coding as in leaky_integrator_fire; twin: chosen here.
"""
from brian2 import Hz, ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio & Fischer (2015) eq. 1-8; O'Connor, Gavves & Welling (2019); twin: chosen here",
    equations="""
        ds/dt = (drive + nudge*(target - s) - s) / tau : 1                           # potential
        ds_twin/dt = (drive_twin + nudge_twin*(target - s_twin) - s_twin) / tau : 1  # the twin's potential
        drive = (I_in + I) / (r_max*tau_syn) : 1             # input, on average the sum of w*s
        drive_twin = (I_in + I_twin) / (r_max*tau_syn) : 1   # the twin's input
        dI_in/dt = -I_in / tau_syn : 1       # low-passed weights of input spikes, common to both
        dI/dt = -I / tau_syn : 1             # low-passed weights of spikes
        dI_twin/dt = -I_twin / tau_syn : 1   # low-passed weights of the twins' spikes
        dphase/dt = r_max * s : 1            # progress towards the next spike
        dphase_twin/dt = r_max * s_twin : 1  # the twin's progress
        ds : 1                               # change of the clipped potential in the last step, low-passed
        ds_twin : 1                          # the twin's change
        s_before : 1                         # potential one step ago
        s_before_twin : 1                    # the twin's potential one step ago
        nudge : 1                            # strength beta with which the potential is drawn to the target
        nudge_twin : 1                       # the twin's nudge: 0, or -beta (centred)
        target : 1                           # the wanted potential
        learning : 1                         # what a change counts for: 1 nudged phase, 0 else
    """,
    every_step=dict(after_groups="""
        s = clip(s, 0, 1)
        s_twin = clip(s_twin, 0, 1)
        ds += (s - s_before - ds) * dt / (dt + tau_d)
        ds_twin += (s_twin - s_before_twin - ds_twin) * dt / (dt + tau_d)
        s_before = s
        s_before_twin = s_twin
    """),
    at_start="""
        s = 0; I_in = 0; I = 0; ds = 0; s_before = 0; phase = 0; phase_twin = 0
        s_twin = 0; I_twin = 0; ds_twin = 0; s_before_twin = 0
    """,
    threshold="phase >= 1",
    reset="phase -= 1",
    events=dict(
        twin=("phase_twin >= 1", "phase_twin -= 1"),                    # a spike of the twin
        taught=("learning != 0 and phase >= 1", ""),                    # spikes that rules learn from
        taught_twin=("learning != 0 and phase_twin >= 1", ""),
    ),
    method="euler",
    potential="s",
    forced="s = 1; phase = 1",               # potential and phase imposed
    parameters=dict(
        tau=10 * ms,             # time constant of the potential; chosen here
        tau_syn=5 * ms,          # low-pass of incoming spikes; chosen here
        tau_d=0 * ms,            # low-pass of ds beyond one step, 0 = none; chosen here
        r_max=500 * Hz,          # rate at s = 1; chosen here (half a spike a step of 1 ms)
    ),
)
