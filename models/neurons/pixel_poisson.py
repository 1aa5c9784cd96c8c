"""A pixel that speaks in Poisson spikes at the rate r_max*x.

Bengio et al. (2015) arXiv:1502.04156, sections 3 and 9; as leaky_integrator_poisson, with s clamped to x.
"""
from brian2 import Hz

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio et al. (2015) sec. 3, 9",
    equations="""
        x : 1                                # intensity, 0 to 1
        draw : 1                             # uniform random number of this step
        learning : 1                         # 0 while spikes only transmit
    """,
    every_step=dict(after_groups="draw = rand()"),
    at_start="learning = 0",
    threshold="draw < r_max*x*dt",
    events=dict(taught=("draw < r_max*x*dt and learning != 0", "")),        # a spike that rules learn from
    parameters=dict(
        r_max=500 * Hz,          # rate at x = 1; chosen here (half a spike a step of 1 ms)
    ),
)
