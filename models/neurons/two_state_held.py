"""Two-state neuron with exponential transitions that data may hold: free it flips, held it only attempts to.

Liu & Lin (2017): in state y with input z it leaves its state at the rate exp((1/2 - y) z)/tau; with symmetric weights
the free neurons visit their states with P(y) ~ exp(-E(y)), E = -(sum of w y y over pairs) - (sum of b y). That a held
neuron attempts its flips as a Poisson process of the same rate is our construction: it makes the objective of
variational probability flow, the rate of leaving the data, something that spikes tell. The spike is the flip upwards,
`rest` the flip downwards, `attempt` either of them, or the flip that data forbid, while there is something to learn.
A neighbour's flip up adds its weight to `drive`, its flip down takes it away again. One attempt a time step at most,
with probability rate*dt: choose dt so that this is small.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Liu & Lin (2017) Variational Probability Flow; attempts of held neurons: chosen here",
    equations="""
        state : 1                              # y of the source: 0 at rest, 1 excited
        held : 1                               # 1 while data hold the state at x
        x : 1                                  # the state that data want, 0 or 1
        z = b + drive : 1                      # input that favours state 1
        drive : 1                              # sum of w over the excited neighbours
        alpha = 1/2 - state : 1                # half of the flip's sign
        flip_rate = exp(alpha*z) / tau : Hz    # delta of the source: rate of leaving the present state
        due : 1                                # 1 in the steps that bring a flip or an attempt
        learning : 1                           # 0 while flips only transmit
    """,
    every_step=dict(before_groups="due = int(rand() < flip_rate*dt)"),
    threshold="state == 0 and ((held == 0 and due > 0) or (held > 0 and x > 0))",
    reset="state = 1",
    events=dict(
        rest=("state > 0 and ((held == 0 and due > 0) or (held > 0 and x == 0))", "state = 0"),
        attempt=("due > 0 and learning > 0", ""),
    ),
    potential="state",
    parameters=dict(
        tau=10 * ms,             # unit of time: mean time in a state at z = 0; chosen here
        b=0,                     # bias; in a network, the weight from a neuron that is always excited
    ),
    initial=dict(state=0),
)
