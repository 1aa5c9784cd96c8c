"""Two-state neuron that data may hold and whose bias drifts towards a mean activity while it learns (homeostasis).

As two_state_held, with a bias b of its own that moves at the rate homeostasis (activity - state)/tau: it comes to rest
where the neuron is excited for the share `activity` of the time. A sparse target by the biases alone is from Lee,
Ekanadham & Ng (2008); as an equation of the neuron it is our own. Over a time T the mean change is homeostasis T/tau
times (activity - mean state), that of the rule in minibatches times T/tau. With homeostasis 0 it is two_state_held.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Liu & Lin (2017) Variational Probability Flow; homeostasis: Lee, Ekanadham & Ng (2008), as an equation "
           "chosen here",
    equations="""
        state : 1                              # y of the source: 0 at rest, 1 excited
        held : 1                               # 1 while data hold the state at x
        x : 1                                  # the state that data want, 0 or 1
        db/dt = drifting*homeostasis*(activity - state)/tau : 1     # bias; exact, as the state is constant in a step
        drifting : 1                           # 1 while the bias drifts
        homeostasis : 1 (shared)               # speed of the drift; set by a training, for hidden neurons
        activity : 1 (shared)                  # share of the time that the neuron is to be excited; set by a training
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
    ),
    initial=dict(state=0, b=0, homeostasis=0, activity=0.1),        # the last: chosen here
)
