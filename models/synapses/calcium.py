"""Calcium-based plasticity: calcium above two thresholds potentiates and depresses; exact from spike to spike.

Graupner & Brunel (2012) PNAS 109:3991, without noise and without the slow bistable drift of the efficacy, as in the
article's analytic results; calcium_bistable has the drift. Each pre spike raises the calcium by C_pre after a delay D,
each post spike by C_post. Between two spikes the calcium decays through each threshold once, at a time that is known.
Numbers of the authors' program (mgraupe/CalciumBasedPlasticityModel, synapticChange.py). Calcium of coincident spikes
adds up, in either order.
"""
from brian2 import ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Graupner & Brunel (2012) PNAS 109:3991; mgraupe/CalciumBasedPlasticityModel",
    equations="""
        w = 1 - (1 - rho_both*exp(-gamma_d*(above_d - both)/tau))*exp(-gamma_p*(above_p - both)/tau) : 1   # efficacy
        rho_both = rho_inf + (rho_last - rho_inf)*exp(-(gamma_p + gamma_d)*both/tau) : 1
        rho_inf = gamma_p / (gamma_p + gamma_d) : 1                 # efficacy where both thresholds are exceeded
        rho_last : 1                                                # efficacy at the last spike

        c = c_last*exp(-(t - t_last)/tau_Ca) : 1                    # calcium
        c_last : 1                                                  # calcium right after the last spike
        t_last : second                                             # time of the last spike
        above_p = clip(tau_Ca*log(clip(c_last/theta_p, 1, inf)), 0*second, t - t_last) : second   # since then
        above_d = clip(tau_Ca*log(clip(c_last/theta_d, 1, inf)), 0*second, t - t_last) : second
        both = clip(above_p, 0*second, above_d) : second            # time above both thresholds
    """,
    on_pre="""
        rho_last = w
        c_last = c + C_pre
        t_last = t
    """,
    on_post="""
        rho_last = w
        c_last = c + C_post
        t_last = t
    """,
    delay_pre="D",
    parameters=dict(
        tau_Ca=20 * ms,         # decay of calcium; DP set
        C_pre=1,                # calcium of a pre spike; DP set
        C_post=2,               # calcium of a post spike; DP set
        theta_d=1,              # threshold of depression; DP set
        theta_p=1.3,            # threshold of potentiation; DP set
        gamma_d=200,            # rate of depression, in 1/tau; DP set
        gamma_p=321.808,        # rate of potentiation, in 1/tau; DP set
        tau=150 * second,       # time constant of the efficacy; DP set
        D=13.7 * ms,            # delay of the calcium of a pre spike; DP set
    ),
    initial=dict(rho_last=0.5),     # unstable fixed point rho*, between both stable states
    ranges=dict(rho_last=(0, 1)),
    sets=dict(
        DP=dict(C_pre=1, C_post=2, theta_p=1.3, gamma_d=200, gamma_p=321.808, D=13.7 * ms),
        DPD=dict(C_pre=.9, C_post=.9, theta_p=1.3, gamma_d=250, gamma_p=550, D=4.6 * ms),
        DPD_prime=dict(C_pre=1, C_post=2, theta_p=2.5, gamma_d=50, gamma_p=600, D=2.2 * ms),
        P=dict(C_pre=2, C_post=2, theta_p=1.3, gamma_d=160, gamma_p=257.447, D=0 * ms),
        D=dict(C_pre=.6, C_post=.6, theta_p=1.3, gamma_d=500, gamma_p=550, D=0 * ms),
        D_prime=dict(C_pre=1, C_post=2, theta_p=3.5, gamma_d=60, gamma_p=600, D=0 * ms),
        hippocampal_slices=dict(tau_Ca=48.8373 * ms, C_pre=1, C_post=.275865, gamma_d=313.0965, gamma_p=1645.59,
                                tau=688.355 * second, D=18.8008 * ms),
        hippocampal_cultures=dict(tau_Ca=11.9536 * ms, C_pre=.58156, C_post=1.76444, gamma_d=61.141, gamma_p=113.6545,
                                  tau=33.7596 * second, D=10 * ms),
        cortical_slices=dict(tau_Ca=22.6936 * ms, C_pre=.5617539, C_post=1.23964, gamma_d=331.909, gamma_p=725.085,
                             tau=346.3615 * second, D=4.6098 * ms),
    ),
)
