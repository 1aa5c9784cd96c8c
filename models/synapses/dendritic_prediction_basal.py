"""Dendritic prediction in rates, basal branch: the weight changes with prediction error of the branch times input.

Bengio, Scellier, Bilaniuk, Sacramento & Senn (2016) arXiv:1606.01651, eq. 15, 22-23: each branch does a linear
regression of the potential on its own inputs (Widrow & Hoff 1960).
"""
from brian2 import second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio et al. (2016) arXiv:1606.01651, eq. 15, 22-23",
    equations="""
        dw/dt = eta * error_basal_post * rho_pre : 1 (clock-driven)      # weight
        basal_post = w * rho_pre : 1 (summed)                            # what the branch sums up
    """,
    neuron="neurons/dendritic_integrator",
    parameters=dict(
        eta=2.5 / second,        # learning rate; chosen here
    ),
)
