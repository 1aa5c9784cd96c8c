"""Integrate-and-fire neuron with a constant leak and a floor, in units of its threshold.

Brader, Senn & Fusi (2007) Neural Comput 19:2881; numbers of public GeNN scripts that cite the paper.
"""
from brian2 import Hz

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Brader, Senn & Fusi (2007) Neural Comput 19:2881; numbers of public GeNN scripts",
    equations="""
        dv/dt = I - leak : 1        # potential, in thresholds
        I : Hz                      # input, in thresholds per second
    """,
    every_step=dict(after_groups="v = clip(v, 0, inf)"),
    threshold="v >= 1",
    reset="v = 0",
    potential="v",
    forced="v = 2",                 # above threshold at once: the spike is imposed, not grown
    parameters=dict(
        leak=10 * Hz,               # constant leak, in thresholds per second; GeNN scripts
    ),
)
