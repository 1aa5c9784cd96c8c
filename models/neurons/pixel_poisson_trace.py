"""A pixel that spikes as a Poisson process at the rate r_max*brightness, and keeps a trace of its last spike.

In discrete time: each step has a spike with probability rate*dt. The time to the next spike is drawn when one is fired:
exponential, in steps, so that the step in which it ends has the geometric law of one chance a step. Black pixels cost
no random numbers.
"""
from brian2 import Hz, ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="""
        waiting : 1                          # steps until the next spike
        dtrace/dt = -trace / tau_trace : 1   # trace of the last spike
        brightness : 1                       # of the pixel, 0 to 1
        silence : 1                          # logarithm of the chance of no spike in a step
    """,
    every_step=dict(before_thresholds="waiting -= 1"),
    at_start="""
        silence = log1p(-clip(r_max*brightness*dt, p_min, 1))
        waiting = log(rand()) / silence
        trace = 0
    """,
    threshold="waiting <= 0",
    reset="trace = 1; waiting = log(rand()) / silence",
    method="exponential_euler",
    parameters=dict(
        r_max=63.75 * Hz,        # rate at brightness 1; the authors' program
        tau_trace=20 * ms,       # decay of the trace; the authors' program
        p_min=1e-30,             # chance of a spike a step of a black pixel, so that its logarithm exists; chosen here
    ),
    ranges=dict(p_min=(1e-35, 0.1)),
)
