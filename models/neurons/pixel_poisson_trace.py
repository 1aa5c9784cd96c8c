"""A pixel that spikes as a Poisson process at the rate r_max*brightness, and keeps a trace of its last spike.

In discrete time: each step has a spike with probability rate*dt. The number of steps to the next spike is drawn when
one is fired (geometric, the exact law of one chance a step), so that black pixels cost no random numbers.
"""
from brian2 import Hz, ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="""
        waiting : 1                          # steps until the next spike
        dtrace/dt = -trace / tau_trace : 1   # trace of the last spike
        chance = clip(r_max*brightness*dt, p_min, 1 - p_min) : 1      # of a spike in a step
        brightness : 1                       # of the pixel, 0 to 1
    """,
    every_step=dict(before_thresholds="waiting -= 1"),
    at_start="trace = 0; waiting = ceil(log(rand()) / log(1 - chance))",
    threshold="waiting < 1/2",
    reset="trace = 1; waiting = ceil(log(rand()) / log(1 - chance))",
    method="exponential_euler",
    parameters=dict(
        r_max=63.75 * Hz,        # rate at brightness 1; the authors' program
        tau_trace=20 * ms,       # decay of the trace; the authors' program
        p_min=2e-8,              # chance of a spike a step of a black pixel, so that its logarithm exists; chosen here
    ),
    ranges=dict(p_min=(1e-12, 0.1)),
)
