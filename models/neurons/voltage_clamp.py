"""Neuron under voltage clamp: the membrane potential stays exactly at the command.

Artola, Brocher & Singer (1990) Nature 347:69; Ngezahayo, Schachner & Artola (2000) J Neurosci 20:2451.
The clamp is taken as perfect: currents, the cell's own spikes among them, do not move the potential, so the neuron
fires no spike of its own. The filtered potentials of Clopath's rule have long reached the command.
"""
from brian2 import mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Ngezahayo, Schachner & Artola (2000) J Neurosci 20:2451",
    equations="""
        v = v_command : volt         # membrane potential
    """,
    threshold="False",           # the event that rules wait for must exist, but never comes
    refractory="False",
    potential="(v - v_rest) / (v_threshold - v_rest)",
    parameters=dict(
        v_command=-60 * mV,          # holding potential; set by the protocol
        v_rest=-70 * mV,             # rest and threshold only scale the potential that rules read, as in lif;
        v_threshold=-50 * mV,        # chosen here
    ),
)
