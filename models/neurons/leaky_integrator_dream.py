"""Noisy leaky integrator: driven towards the input of its synapses, with noise that can rise during a dream.

Bengio & Fischer (2015) arXiv:1510.02777, eq. 2 (noisy leaky integrator); dreams with rising noise: Bengio (2016),
slides at NIPS 2016, and Goyal et al. (2017) arXiv:1711.02282. The potential that rules read is the mean over the last
two steps, so that a spike caused by s_before reads the change on both sides of it (chosen here: if a spike reads one
side only, the reverse rule over-corrects and diverges).
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio & Fischer (2015) eq. 2; Goyal et al. (2017)",
    equations="""
        ds/dt = (drive - s) / tau + noise * xi / sqrt(dt) : 1     # potential
        drive : 1                            # what the synapses say: a summed variable
        noise : 1                            # standard deviation of a step's noise
        s_before : 1                         # potential one step ago
    """,
    every_step=dict(before_groups="s_before = s", after_groups="s = clip(s, 0, 1)"),
    method="euler",
    potential="(s + s_before) / 2",
    forced="s = 1",
    parameters=dict(
        tau=5 * ms,              # time constant; chosen here
    ),
)
