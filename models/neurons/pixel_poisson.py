"""A pixel that fires Poisson spikes at the rate r_max*x, at most one a time step.

The number of steps to the next spike is drawn when one is fired (geometric, the exact law of one chance a step), so
that black pixels cost no random numbers. Bengio et al. (2015) arXiv:1502.04156, sections 3 and 9.
"""
from brian2 import Hz

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio et al. (2015) sec. 3, 9",
    equations="""
        dwaiting/dt = -1 / dt : 1            # steps until the next spike
        chance = clip(r_max*x*dt, p_min, 1 - p_min) : 1      # of a spike in a step
        x : 1                                # intensity, 0 to 1
        learning : 1                         # 0 while spikes only transmit
    """,
    at_start="waiting = ceil(log(rand()) / log(1 - chance))",
    threshold="waiting < 1/2",
    reset="waiting = ceil(log(rand()) / log(1 - chance))",
    events=dict(taught=("learning != 0 and waiting < 1/2", "")),        # a spike that rules learn from
    method="euler",
    parameters=dict(
        r_max=500 * Hz,          # rate at x = 1; chosen here (half a spike a step of 1 ms)
        p_min=2e-8,              # chance of a spike a step at x = 0, so that its logarithm exists; chosen here
    ),
    ranges=dict(p_min=(1e-12, 0.1)),
)
