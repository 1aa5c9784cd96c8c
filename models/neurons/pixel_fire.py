"""A pixel that fires regularly at the rate r_max*x: integrate-and-fire coding of a clamped intensity.

O'Connor, Gavves & Welling (2019) AISTATS (sigma-delta coding); as leaky_integrator_fire, with s clamped to x.
"""
from brian2 import Hz

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="O'Connor, Gavves & Welling (2019)",
    equations="""
        dphase/dt = r_max * x : 1            # progress towards the next spike
        x : 1                                # intensity, 0 to 1
        learning : 1                         # 0 while spikes only transmit
    """,
    at_start="phase = 0",
    threshold="phase >= 1",
    reset="phase -= 1",
    events=dict(taught=("learning != 0 and phase >= 1", "")),        # a spike that rules learn from
    method="euler",
    parameters=dict(
        r_max=500 * Hz,          # rate at x = 1; chosen here (half a spike a step of 1 ms)
    ),
)
