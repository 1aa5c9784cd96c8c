"""Calcium-based plasticity of many noisy synapses: the strength that an experimenter measures.

Graupner & Brunel (2012) PNAS 109:3991: as calcium, with noise. The efficacies are Gaussian, and their mean and variance
are exact from spike to spike; the slow bistable drift is left out, as in the article's analytic results. A share beta
of the synapses starts at 0. After the experiment those above rho_star count b, the others 1; w is their mean. Numbers
of the authors' program (mgraupe/CalciumBasedPlasticityModel, synapticChange.py). Calcium of coincident spikes adds up.
"""
import numpy as np
from brian2 import check_units, implementation, ms, second
from scipy.special import ndtr

from spikelearn import SynapseModel


@implementation("cpp", """
double share_below(double boundary, double mean, double variance) {
    return 0.5*std::erfc((mean - boundary)/std::sqrt(2*std::max(variance, 1e-30)));
}""")
@check_units(boundary=1, mean=1, variance=1, result=1)
def share_below(boundary, mean, variance):
    """Share of a Gaussian below a boundary; without variance all or nothing."""
    return ndtr((boundary - mean) / np.sqrt(np.maximum(variance, 1e-30)))


MODEL = SynapseModel(
    source="Graupner & Brunel (2012) PNAS 109:3991; mgraupe/CalciumBasedPlasticityModel",
    equations="""
        w = ((1 - weak)*b + weak) / (beta + (1 - beta)*b) : 1           # strength, relative to that before
        weak = beta*share_below(rho_star, low, variance) + (1 - beta)*share_below(rho_star, low + remains, variance) : 1

        low = 1 - (1 - low_both*exp(-gamma_d*(above_d - both)/tau))*exp(-gamma_p*(above_p - both)/tau) : 1
        low_both = rho_inf + (low_last - rho_inf)*exp(-(gamma_p + gamma_d)*both/tau) : 1
        low_last : 1                                                    # mean efficacy of those that started at 0
        remains = remains_last*exp(-(gamma_p*above_p + gamma_d*above_d)/tau) : 1
        remains_last : 1                                                # by which those that started at 1 are higher
        variance = v_p + (v_d + (variance_both - v_d)*exp(-2*gamma_d*(above_d - both)/tau) - v_p)
            *exp(-2*gamma_p*(above_p - both)/tau) : 1
        variance_both = v_both + (variance_last - v_both)*exp(-2*(gamma_p + gamma_d)*both/tau) : 1
        variance_last : 1                                               # of the efficacies
        rho_inf = gamma_p / (gamma_p + gamma_d) : 1                     # efficacy where both thresholds are exceeded
        v_both = sigma**2 / (gamma_p + gamma_d) : 1                     # variances if a state lasted for ever
        v_d = sigma**2 / (2*gamma_d) : 1
        v_p = sigma**2 / (2*gamma_p) : 1

        c = c_last*exp(-(t - t_last)/tau_Ca) : 1                        # calcium
        c_last : 1                                                      # calcium right after the last spike
        t_last : second                                                 # time of the last spike
        above_p = clip(tau_Ca*log(clip(c_last/theta_p, 1, inf)), 0*second, t - t_last) : second   # since then
        above_d = clip(tau_Ca*log(clip(c_last/theta_d, 1, inf)), 0*second, t - t_last) : second
        both = clip(above_p, 0*second, above_d) : second                # time above both thresholds
    """,
    on_pre="""
        low_last = low
        remains_last = remains
        variance_last = variance
        c_last = c + C_pre
        t_last = t
    """,
    on_post="""
        low_last = low
        remains_last = remains
        variance_last = variance
        c_last = c + C_post
        t_last = t
    """,
    functions=dict(share_below=share_below),
    delay_pre="D",
    parameters=dict(
        tau_Ca=20 * ms,         # decay of calcium; DP set
        C_pre=1,                # calcium of a pre spike; DP set
        C_post=2,               # calcium of a post spike; DP set
        theta_d=1,              # threshold of depression; DP set
        theta_p=1.3,            # threshold of potentiation; DP set
        gamma_d=200,            # rate of depression, in 1/tau; DP set
        gamma_p=321.808,        # rate of potentiation, in 1/tau; DP set
        sigma=2.8284,           # noise; DP set
        rho_star=0.5,           # boundary of weak and strong; DP set
        tau=150 * second,       # time constant of the efficacy; DP set
        D=13.7 * ms,            # delay of the calcium of a pre spike; DP set
        beta=0.5,               # share of synapses that start weak; DP set
        b=5,                    # strength of a strong synapse, in weak ones; DP set
    ),
    initial=dict(remains_last=1),
    ranges=dict(beta=(0, 1)),
    sets=dict(
        DP=dict(C_pre=1, C_post=2, theta_p=1.3, gamma_d=200, gamma_p=321.808, D=13.7 * ms, sigma=2.8284),
        DPD=dict(C_pre=.9, C_post=.9, theta_p=1.3, gamma_d=250, gamma_p=550, D=4.6 * ms, sigma=2.8284),
        DPD_prime=dict(C_pre=1, C_post=2, theta_p=2.5, gamma_d=50, gamma_p=600, D=2.2 * ms, sigma=2.8284),
        P=dict(C_pre=2, C_post=2, theta_p=1.3, gamma_d=160, gamma_p=257.447, D=0 * ms, sigma=2.8284),
        D=dict(C_pre=.6, C_post=.6, theta_p=1.3, gamma_d=500, gamma_p=550, D=0 * ms, sigma=5.6568),
        D_prime=dict(C_pre=1, C_post=2, theta_p=3.5, gamma_d=60, gamma_p=600, D=0 * ms, sigma=2.8284),
        hippocampal_slices=dict(tau_Ca=48.8373 * ms, C_pre=1, C_post=.275865, gamma_d=313.0965, gamma_p=1645.59,
                                tau=688.355 * second, D=18.8008 * ms, sigma=9.1844, beta=.7, b=5.28145),
        hippocampal_cultures=dict(tau_Ca=11.9536 * ms, C_pre=.58156, C_post=1.76444, gamma_d=61.141, gamma_p=113.6545,
                                  tau=33.7596 * second, D=10 * ms, sigma=2.5654, b=36.0263),
        cortical_slices=dict(tau_Ca=22.6936 * ms, C_pre=.5617539, C_post=1.23964, gamma_d=331.909, gamma_p=725.085,
                             tau=346.3615 * second, D=4.6098 * ms, sigma=3.3501, b=5.40988),
    ),
)
