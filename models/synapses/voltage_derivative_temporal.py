"""Voltage-derivative rule, temporal twin: one network, nudged with +beta and then with -beta, learns from the contrast.

After the free phase the outputs are drawn towards the target while `learning` is +1, and then away from it, equally
strongly, while `learning` is -1. Each spike of either side adds the low-passed change of the other side's clipped
potential, times `learning`. What both phases share (spikes locked to the ripple of the potential, drift, noise of the
free phase) cancels in the sum; the response to the nudge adds up. Nothing is copied: the network is its own twin, a
little later. The rule is voltage_derivative_symmetric: Bengio (2016) slides, NIPS; Scellier & Bengio (2017) Front
Comput Neurosci 11:24; nudging both ways: Laborieux et al. (2021) Front Neurosci 15:633674; one after the other in the
same network: chosen here.
"""
from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Bengio (2016) slides; Scellier & Bengio (2017); Laborieux et al. (2021); temporal twin: chosen here",
    equations="""
        w : 1            # weight, the same in both directions
        change : 1       # change collected since the image began
    """,
    on_pre="change += eta * learning_post * ds_post",
    on_post="change += eta * learning_pre * ds_pre",
    at_end="""
        w += change
        change = 0
    """,
    neuron="leaky_integrator_fire",
    parameters=dict(
        eta=0.01,        # learning rate; the protocol gives lr / (beta * signal * r_max * dt), signal: see Recipe
    ),
)
