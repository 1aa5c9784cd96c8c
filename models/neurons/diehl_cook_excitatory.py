"""The excitatory neuron of Diehl & Cook's network: conductances, adaptive threshold, inhibition by other neurons.

Diehl & Cook (2015) Front Comput Neurosci 9:99; numbers of the authors' program (peter-u-diehl/stdp-mnist).
Conductances in units of the leak. Each spike raises the threshold by theta_plus, so that no neuron wins always. The
decay of theta, too slow to be resolved in a time step, is applied at the start of a presentation. The potential relaxes
to v_inf, exactly for the conductances at the beginning of a step (exponential Euler).
"""
from brian2 import ms, mV, second

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Diehl & Cook (2015) Front Comput Neurosci 9:99; peter-u-diehl/stdp-mnist",
    equations="""
        v : volt                             # potential
        dg_e/dt = -g_e / tau_e : 1           # weights of the incoming spikes, decaying
        dg_i/dt = -g_i / tau_i : 1           # number of the incoming inhibitory spikes, decaying
        dtrace/dt = -trace / tau_trace : 1   # slow trace of the last spike
        dfast_trace/dt = -fast_trace / tau_fast : 1      # fast trace of the last spike
        theta : volt                         # adaptive part of the threshold
        theta_plus : volt (shared)           # growth of theta at a spike, which depends on the number of neurons
        refractory_steps : 1                 # time steps until the refractory period is over
        t_presentation : second (shared)     # length of a presentation, 0 while thresholds stay
    """,
    every_step=dict(before_groups="""
        refractory_steps -= 1
        g = g_leak + g_e + inhibition*g_i
        v_inf = (g_leak*v_rest + g_e*E_exc + inhibition*g_i*E_inh) / g
        v = v_inf + (v - v_inf)*exp(-int(refractory_steps <= 0)*g*(dt/tau))
    """),
    at_start="theta *= exp(-t_presentation/tau_theta)",
    threshold="v > theta - theta_offset and refractory_steps <= 0",
    reset="v = v_reset; theta += theta_plus; trace = 1; fast_trace = 1; refractory_steps = timestep(t_ref, dt)",
    method="exponential_euler",
    potential="(v - v_rest) / (theta - theta_offset - v_rest)",
    forced="v = theta",                 # far above threshold at once: the spike is imposed
    parameters=dict(
        tau=100 * ms,               # membrane time constant; the authors' program
        g_leak=1,                   # leak conductance, the unit of the others
        v_rest=-65 * mV,            # resting potential; the authors' program
        v_reset=-65 * mV,           # potential after a spike; the authors' program
        E_exc=0 * mV,               # reversal of excitation; the authors' program
        E_inh=-100 * mV,            # reversal of inhibition; the authors' program
        tau_e=1 * ms,               # decay of excitation; the authors' program
        tau_i=2 * ms,               # decay of inhibition; the authors' program
        inhibition=17,              # conductance that an inhibitory spike adds; the authors' program
        t_ref=5 * ms,               # refractory period; the authors' program
        theta_offset=72 * mV,       # the threshold is theta minus this; the authors' program
        tau_theta=1e4 * second,     # decay of theta; the authors' program
        tau_trace=40 * ms,          # decay of the slow trace; the authors' program
        tau_fast=20 * ms,           # decay of the fast trace; the authors' program
    ),
    initial=dict(v="v_rest", theta=20 * mV, theta_plus=0.05 * mV),
)
