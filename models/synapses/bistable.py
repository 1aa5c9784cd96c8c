"""Bistable, spike-driven: pre spikes move X depending on post potential and rate; X drifts to 0 or 1 in between.

Brader, Senn & Fusi (2007) Neural Comput 19:2881; numbers of public GeNN scripts that cite the paper. The efficacy w has
two values. C counts the recent post spikes. The drift between pre spikes is exact, also in an interval that ends with a
jump. Coincident spikes: the pre spike reads C before the post spike adds to it.
"""
from brian2 import Hz, ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Brader, Senn & Fusi (2007) Neural Comput 19:2881; numbers of public GeNN scripts",
    equations="""
        w = J_minus + (J_plus - J_minus)*int(X > theta_X) : 1           # efficacy; the drift never crosses theta_X
        X : 1                                                           # internal variable after the last pre spike
        drift = alpha*int(X > theta_X) - beta*int(X <= theta_X) : Hz    # of X between pre spikes
        t_last : second                                                 # time of the last pre spike
        dC/dt = -C / tau_C : 1 (event-driven)                           # recent post spikes
        up = int(u_post > theta_V)*int(C > up_low)*int(C < up_high) : 1
        down = int(u_post <= theta_V)*int(C > down_low)*int(C < down_high) : 1
    """,
    on_pre="""
        X = clip(X + (t - t_last)*drift, 0, 1)
        X = clip(X + a*up - b*down, 0, 1)
        t_last = t
    """,
    on_post="C += J_C",
    neuron="neurons/lif_constant_leak",
    parameters=dict(
        a=0.1,                  # jump up; GeNN scripts
        b=0.1,                  # jump down; GeNN scripts
        theta_V=0.8,            # threshold of the potential, in thresholds of the neuron; GeNN scripts
        up_low=3,               # C from which X goes up; GeNN scripts
        up_high=13,             # C up to which X goes up; GeNN scripts
        down_low=3,             # C from which X goes down; GeNN scripts
        down_high=4,            # C up to which X goes down; GeNN scripts
        alpha=3.5 * Hz,         # drift up; GeNN scripts
        beta=3.5 * Hz,          # drift down; GeNN scripts
        theta_X=0.5,            # boundary of the two states; GeNN scripts
        tau_C=60 * ms,          # memory of C; GeNN scripts
        J_C=1,                  # gain of C by a post spike; GeNN scripts
        J_plus=1,               # efficacy above theta_X; GeNN scripts
        J_minus=0,              # efficacy below theta_X; GeNN scripts
    ),
    initial=dict(X=1),     # strong, so that pairings have a relative change; chosen here
    ranges=dict(X=(0, 1), theta_X=(0, 1)),
)
