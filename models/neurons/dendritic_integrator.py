"""Leaky integrator with a basal and an apical branch, each of which predicts its potential.

Bengio, Scellier, Bilaniuk, Sacramento & Senn (2016) arXiv:1606.01651, eq. 14-16: the potential relaxes to the
predictions of the branches and rests at their mean, weighted by their gains. A branch predicts the sum of its synapses
(`basal`, `apical`: summed variables). The source's noise is left out.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Bengio et al. (2016) arXiv:1606.01651, eq. 14-16",
    equations="""
        ds/dt = (alpha_basal*(basal - s) + alpha_apical*(apical - s)) / tau : 1     # potential
        basal : 1                            # what the basal branch predicts
        apical : 1                           # what the apical branch predicts
        error_basal = s - basal : 1          # what its prediction misses
        error_apical = s - apical : 1        # what its prediction misses
        rho = clip(s, 0, 1) : 1              # firing rate in units of the highest
    """,
    method="euler",
    potential="s",
    parameters=dict(
        tau=5 * ms,              # time constant; chosen here
        alpha_basal=1,           # gain of the basal branch; chosen here
        alpha_apical=1,          # gain of the apical branch; chosen here
    ),
    ranges=dict(alpha_basal=(0, 1000), alpha_apical=(0, 1000)),
)
