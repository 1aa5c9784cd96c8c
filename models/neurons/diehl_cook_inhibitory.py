"""The inhibitory neuron of Diehl & Cook's network: fast, driven by one excitatory neuron, inhibits all others.

Diehl & Cook (2015) Front Comput Neurosci 9:99; numbers of the authors' program (peter-u-diehl/stdp-mnist). Conductances
in units of the leak. The potential relaxes to v_inf, exactly for the conductance at the beginning of a step.
"""
from brian2 import ms, mV

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="""
        v : volt                             # potential
        dg_e/dt = -g_e / tau_e : 1           # number of the incoming spikes, decaying
        refractory_steps : 1                 # time steps until the refractory period is over
    """,
    every_step=dict(before_groups="""
        refractory_steps -= 1
        g = g_leak + excitation*g_e
        v_inf = (g_leak*v_rest + excitation*g_e*E_exc) / g
        v = v_inf + (v - v_inf)*exp(-int(refractory_steps <= 0)*g*(dt/tau))
    """),
    threshold="v > v_threshold and refractory_steps <= 0",
    reset="v = v_reset; refractory_steps = timestep(t_ref, dt)",
    method="exponential_euler",
    potential="(v - v_rest) / (v_threshold - v_rest)",
    forced="v = E_exc",                 # far above threshold at once: the spike is imposed
    parameters=dict(
        tau=10 * ms,                # membrane time constant; the authors' program
        g_leak=1,                   # leak conductance, the unit of the others
        v_rest=-60 * mV,            # resting potential; the authors' program
        v_reset=-45 * mV,           # potential after a spike; the authors' program
        v_threshold=-40 * mV,       # firing threshold; the authors' program
        E_exc=0 * mV,               # reversal of excitation; the authors' program
        tau_e=1 * ms,               # decay of excitation; the authors' program
        excitation=10.4,            # conductance that a spike adds; the authors' program
        t_ref=2 * ms,               # refractory period; the authors' program
    ),
    initial=dict(v="v_rest"),
)
