"""Leaky integrate-and-fire neuron in a network of two phases: synaptic input, low-passed activity, nudge.

Membrane, reset and refractory period as in lif: Gerstner, Kistler, Naud & Paninski (2014) Neuronal Dynamics, section
1.3. Receivers get low-passed spikes, whose mean is the rate in units of r_max; an outer signal draws the activity s
to a target as in Scellier & Bengio (2017) Front Comput Neurosci 11:24. The neuron of Mesnard, Gerstner & Brea (2016)
arXiv:1612.03214 is of this kind; its numbers could not be read, so gain, low-passes and r_max are chosen here.
"""
from brian2 import Hz, ms, mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Gerstner et al. (2014) Neuronal Dynamics, sec. 1.3; Scellier & Bengio (2017); phases: chosen here",
    equations="""
        dv/dt = (v_rest - v + gain*(drive + nudge*(target - s))) / tau_m : volt (unless refractory)   # potential
        drive = I / (r_max*tau_syn) : 1      # input, on average the sum of w*rate/r_max over the presynaptic neurons
        dI/dt = -I / tau_syn : 1             # low-passed weights of the incoming spikes
        ds/dt = -s / tau_s : 1               # activity: low-passed own spikes, on average rate/r_max
        ds : 1                               # change of the activity in the last step, low-passed
        s_before : 1                         # activity one step ago
        nudge : 1                            # strength beta with which the activity is drawn to the target
        target : 1                           # the wanted activity
        learning : 1                         # what a pair or a change counts for: 1 nudged, -1 free or other nudge
    """,
    every_step=dict(after_groups="""
        ds += (s - s_before - ds) * dt / (dt + tau_d)
        s_before = s
    """),
    at_start="v = v_rest; I = 0; s = 0; ds = 0; s_before = 0",
    threshold="v > v_threshold",
    reset="v = v_reset; s += 1/(r_max*tau_s)",
    refractory="t_ref",
    method="euler",
    potential="(v - v_rest) / (v_threshold - v_rest)",
    forced="v = 2*v_threshold - v_reset",       # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        tau_m=10 * ms,           # membrane time constant; sec. 1.3, typical
        v_rest=-70 * mV,         # resting potential; typical
        v_reset=-65 * mV,        # reset potential; typical
        v_threshold=-50 * mV,    # firing threshold; typical
        t_ref=2 * ms,            # absolute refractory period; typical
        gain=50 * mV,            # depolarisation by an input of 1; chosen here: an input of .4 reaches the threshold
        tau_syn=5 * ms,          # low-pass of incoming spikes; chosen here
        tau_s=40 * ms,           # low-pass of own spikes; chosen here
        tau_d=10 * ms,           # low-pass of ds beyond one step; chosen here
        r_max=200 * Hz,          # rate of an activity of 1; chosen here
    ),
    initial=dict(v="v_rest", learning=1),       # nudged: what a pairing shows; a network sets its own
)
