"""Voltage-derivative rule, symmetric: each spike of either side reads the change of the other side's potential.

dw ~ d/dt (rho_i rho_j), the form that equilibrium propagation needs: Bengio (2016) slides, NIPS; Scellier & Bengio
(2017) Front Comput Neurosci 11:24. Changes are collected while an image is shown and applied at its end; applied at
once they feed back on themselves. One network; nothing is copied.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio (2016) slides; Scellier & Bengio (2017)",
    equations="""
        w : 1            # weight, the same in both directions
        change : 1       # change collected since the image began
    """,
    on_pre="change += eta * learning_post * ds_post",
    on_post="change += eta * learning_pre * ds_pre",
    at_end="""
        w += change * int(learning_post > 0)      # only if there was a nudged phase
        change = 0
    """,
    neuron="leaky_integrator_fire",
    parameters=dict(
        eta=0.01,        # learning rate; the protocol gives lr / (beta * r_max * dt)
    ),
)
