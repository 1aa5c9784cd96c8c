"""Two-state neuron with exponential transitions: at rest (state 0) or excited (state 1), it flips at random times.

Liu & Lin (2017), the model of the STDP section. With symmetric weights the states visited have the probability
P(y) ~ exp(-E(y)), E = -(sum of w y y over pairs) - (sum of b y). The spike is the flip upwards; the flip downwards is
the event `rest`. A neighbour's flip up adds its weight to `drive`, its flip down takes it away again:
synapses(..., transmit={"spike": "drive_post += w", "rest": "drive_post -= w"}). A neuron flips at most once a time
step, with probability rate*dt: choose dt so that this is small.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Liu & Lin (2017) Variational Probability Flow",
    equations="""
        state : 1                                           # y of the source: 0 at rest, 1 excited
        z = b + drive : 1                                   # input that favours state 1
        drive : 1                                           # sum of w over the excited neighbours
        flip_rate = exp((1 - 2*state) * z / 2) / tau : Hz   # rate of leaving the present state
        draw : 1                                            # uniform random number of this step
    """,
    every_step=dict(before_groups="draw = rand()"),
    threshold="state == 0 and draw < flip_rate*dt",
    reset="state = 1",
    events=dict(rest=("state == 1 and 1 - draw < flip_rate*dt", "state = 0")),
    potential="state",
    forced="draw = 0",           # the chance to flip up is taken; an excited neuron stays excited
    parameters=dict(
        tau=20 * ms,             # mean time in a state at z = 0; chosen here
        b=0,                     # bias; chosen here
    ),
    initial=dict(state=0),
)
