"""A linear potential that each forced spike raises by 1 and that decays exponentially: V = sum of exp(-t/tau_v).

No reset and no threshold: it spikes when it is forced to. The simplest neuron whose potential falls after a
spike, which the trace form of the voltage-derivative rule needs to become pair STDP. The kernel is the
after-potential of the spike response model, Gerstner & Kistler (2002) Spiking Neuron Models, section 4.2.
"""
from brian2 import ms

from spikelearn import NeuronModel

MODEL = NeuronModel(
    source="Spike response kernel: Gerstner & Kistler (2002) Spiking Neuron Models, sec. 4.2",
    equations="""
        dv/dt = -v / tau_v : 1          # potential, in heights of one after-potential
        forced_spike : boolean          # true in the very step in which a spike is forced
    """,
    threshold="forced_spike",
    reset="forced_spike = False",
    method="exact",
    potential="v",
    forced="""
        v += 1
        forced_spike = True
    """,
    parameters=dict(
        tau_v=33.7 * ms,    # decay of the after-potential; the LTD window of Bi & Poo (2001), so chosen here
    ),
)
