"""Behavioural time scale plasticity: an eligibility trace of the input meets a plateau potential seconds away.

Milstein et al. (2021) eLife 10:e73046, equations 1 and 9-13, numbers of figure 5. Each post spike stands for the onset
of a plateau. Potentiation and depression follow sigmoids of the overlap of eligibility trace and instructive signal,
both scaled to a maximum of 1 for one spike and one plateau. Equation 16 prints k_plus in the depression; equations 1,
2, 14 and the authors' program have k_minus, used here. Order plays no part; coincident spikes need no convention.
"""
from brian2 import Hz, ms

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Milstein et al. (2021) eLife 10:e73046, eq. 1, 9-13, fig. 5",
    equations="""
        dw/dt = (w_max - w)*k_plus*q_plus - w*k_minus*q_minus : 1 (clock-driven)        # weight
        deligible/dt = -eligible / tau_ET : 1 (clock-driven)                            # eligibility trace
        dinstructive/dt = (plateau - instructive) / tau_IS : 1 (clock-driven)           # instructive signal, not scaled

        plateau = int(t < plateau_ends) : 1
        plateau_ends : second
        overlap = eligible*instructive / (1 - exp(-t_plateau/tau_IS)) : 1               # of the scaled signals
        q_plus = (1/(1 + exp(-beta_plus*(overlap - alpha_plus))) - low_plus)/(high_plus - low_plus) : 1
        low_plus = 1/(1 + exp(beta_plus*alpha_plus)) : 1                                # sigmoid at 0
        high_plus = 1/(1 + exp(-beta_plus*(1 - alpha_plus))) : 1                        # sigmoid at 1
        q_minus = (1/(1 + exp(-beta_minus*(overlap - alpha_minus))) - low_minus)/(high_minus - low_minus) : 1
        low_minus = 1/(1 + exp(beta_minus*alpha_minus)) : 1
        high_minus = 1/(1 + exp(-beta_minus*(1 - alpha_minus))) : 1
    """,
    on_pre="eligible += 1",
    on_post="plateau_ends = t + t_plateau + dt/2",      # the first step after a spike is the next one
    method="euler",
    parameters=dict(
        tau_ET=2500 * ms,       # eligibility trace; fig. 5
        tau_IS=1500 * ms,       # instructive signal; fig. 5
        t_plateau=300 * ms,     # duration of a plateau; Milstein et al. (2021)
        alpha_plus=0.5,         # threshold of potentiation; fig. 5
        beta_plus=4,            # slope of potentiation; fig. 5
        alpha_minus=0.01,       # threshold of depression; fig. 5
        beta_minus=44.44,       # slope of depression; fig. 5
        k_plus=1.7 * Hz,        # rate of potentiation; fig. 5
        k_minus=0.204 * Hz,     # rate of depression; fig. 5
        w_max=5,                # upper bound, relative to the baseline; fig. 5
    ),
    initial=dict(w=1, plateau_ends=-1 * ms),     # baseline; no plateau before the first post spike
)
