"""Networks of leaky integrators as Brian2 equations, many side by side; energy.py has the same dynamics in NumPy."""
import numpy as np
from brian2 import StateMonitor, second

from spikelearn.equations.files import load_model
from spikelearn.equations.records import SynapseModel
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation

RATE_COUPLING = SynapseModel(
    source="Bengio & Fischer (2015) eq. 8",
    equations="""
        w : 1                                   # weight
        drive_post = w*rho_pre : 1 (summed)     # what the receiver sums up
    """,
)


def relaxation(weights, bias, start, *, duration, dt, every=None, tau=None, nudge=0.0, target=0.0,
               neuron="neurons/leaky_integrator", seed=0, device="auto"):
    """States of networks that relax, each on its own, from `start`.

    weights : (networks, n, n), weights[..., i, j] from unit j to unit i; all have the same zeros. bias, start :
    (networks, n). nudge, target : (networks, n) strength beta and wanted potential, or one number. tau : (networks,)
    time constants, None = the model's. every : time between two records, None = dt. Returns (networks, n, records),
    the start among them.
    """
    model = load_model(neuron, "neuron")
    weights = np.asarray(weights, dtype=float)
    networks, n, _ = weights.shape
    post, pre = np.nonzero(np.any(weights, axis=0))
    first = n * np.repeat(np.arange(networks), pre.size)
    ends = (first + np.tile(pre, networks), first + np.tile(post, networks))

    def build():
        group = neurons(model, n * networks, name="net", per_neuron=() if tau is None else ("tau",))
        return [group, synapses(group, group, RATE_COUPLING, name="coupling", connect=ends),
                StateMonitor(group, "s", record=True, dt=every or dt, name="states")]

    def spread(values):
        return np.broadcast_to(values, (networks, n)).ravel().astype(float)

    values = {"net.s": spread(start), "net.bias": spread(bias), "net.nudge": spread(nudge),
              "net.target": spread(target), "coupling.w": weights[:, post, pre].ravel()}
    if tau is not None:
        values["net.tau"] = np.repeat(np.asarray(tau), n) * second
    read = Simulation(build, duration, device=device, dt=dt).run(values, seed=seed, read=["states.s"])
    return read["states.s"].reshape(networks, n, -1)
