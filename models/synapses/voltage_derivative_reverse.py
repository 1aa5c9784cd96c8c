"""Reverse voltage-derivative rule: voltage_derivative with the opposite sign, so that the past is the target.

Bengio (2016), slides at NIPS 2016: for dreams or walkbacks away from the data, the weight change makes the
previous state more likely than the next. Each pre spike subtracts the rate of change of the post potential. No bounds.
"""
from brian2 import ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio (2016), slides of the talk at NIPS 2016: reverse STDP",
    equations="w : 1       # weight",
    on_pre="w -= eta * dudt_post",
    neuron="neurons/afterpotential",
    parameters=dict(
        eta=0.153 * ms,     # learning rate, as in voltage_derivative; chosen here
    ),
    initial=dict(w=1),      # relative to the weight before pairing
)
