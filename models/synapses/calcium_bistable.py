"""Calcium-based plasticity with a bistable efficacy: it drifts slowly to 0 or 1 while calcium is low.

Graupner & Brunel (2012) PNAS 109:3991, without noise; integrated in time steps, because the drift is cubic in the
efficacy. calcium is the same rule without the drift, exact from spike to spike; its parameter sets can be set here
one by one. Each pre spike raises the calcium by C_pre after a delay D. Numbers of the authors' program
(mgraupe/CalciumBasedPlasticityModel, synapticChange.py). Calcium of coincident spikes adds up, in either order.
"""
from brian2 import ms, second

from spikelearn import SynapseModel

MODEL = SynapseModel(
    source="Graupner & Brunel (2012) PNAS 109:3991; mgraupe/CalciumBasedPlasticityModel",
    equations="""
        dw/dt = (gamma_p*(1 - w)*int(c > theta_p) - gamma_d*w*int(c > theta_d)
                 - w*(1 - w)*(rho_star - w)) / tau : 1 (clock-driven)               # efficacy
        dc/dt = -c / tau_Ca : 1 (clock-driven)                                      # calcium
    """,
    on_pre="c += C_pre",
    on_post="c += C_post",
    delay_pre="D",
    method="euler",
    parameters=dict(
        tau_Ca=20 * ms,         # decay of calcium; DP set
        C_pre=1,                # calcium of a pre spike; DP set
        C_post=2,               # calcium of a post spike; DP set
        theta_d=1,              # threshold of depression; DP set
        theta_p=1.3,            # threshold of potentiation; DP set
        gamma_d=200,            # rate of depression, in 1/tau; DP set
        gamma_p=321.808,        # rate of potentiation, in 1/tau; DP set
        rho_star=0.5,           # boundary of the two stable states; DP set
        tau=150 * second,       # time constant of the efficacy; DP set
        D=13.7 * ms,            # delay of the calcium of a pre spike; DP set
    ),
    initial=dict(w=0.5),        # on the boundary
    ranges=dict(w=(0, 1)),
)
