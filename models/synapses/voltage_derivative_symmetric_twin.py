"""Voltage-derivative rule, symmetric, minus what it does in an un-nudged twin of the network.

The twin sees the same input spikes and random numbers, so that nearly all spiking noise drops out of the difference:
a variance-reduction device of the simulation, not biology. The rule itself is voltage_derivative_symmetric:
Bengio (2016) slides, NIPS; Scellier & Bengio (2017) Front Comput Neurosci 11:24; twin: chosen here.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio (2016) slides; Scellier & Bengio (2017); twin: chosen here",
    equations="""
        w : 1            # weight, the same in both directions
        change : 1       # change collected since the image began
    """,
    on_pre="change += eta / (1 - beta_twin) * ds_post",
    on_post="change += eta / (1 - beta_twin) * ds_pre",
    on_event=dict(
        pre_twin="change -= eta / (1 - beta_twin) * ds_twin_post",
        post_twin="change -= eta / (1 - beta_twin) * ds_twin_pre",
    ),
    at_end="""
        w += change
        change = 0
    """,
    neuron="leaky_integrator_fire_twin",
    parameters=dict(
        eta=0.01,        # learning rate; the protocol gives lr / (beta * r_max * dt)
        beta_twin=0,     # the twin's nudge in units of beta: none; chosen here
    ),
)
