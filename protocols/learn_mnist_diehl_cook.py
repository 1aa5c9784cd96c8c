"""Diehl & Cook's network learns digits without a teacher, as published: inhibitory neurons, rest, repetitions.

Diehl & Cook (2015) Front Comput Neurosci 9:99, with the numbers of the authors' program (peter-u-diehl/stdp-mnist):
400 excitatory neurons, each with an inhibitory neuron that inhibits all others; the triplet rule with depression at pre
spikes; 350 ms of an image, 150 ms of rest; an image with fewer than five spikes is shown again at a higher rate.
Not as published: no delays between pixels and neurons, exponential Euler, labels from the last 10,000 training images,
one pass instead of three. Everything else, and what is measured, as in learn_mnist_unsupervised.
"""
import dataclasses

from brian2 import ms, mV
from spikelearn.protocols import learn_mnist_unsupervised

from spikelearn.command.command_line import run_protocol
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.unsupervised.recipe import Recipe  # noqa: F401  (its fields are parameters)

FIGURE_SIZE = learn_mnist_unsupervised.FIGURE_SIZE
RANGES = learn_mnist_unsupervised.RANGES
PUBLISHED = dict(rest=150 * ms, norm=78.0, theta_plus=0.05 * mV, least_spikes=5)      # the authors' program
SHORT_FORM = dict(epochs=at_most(1), images=unless_given(1000), excitatory=at_most(100))


@checked
def run(synapse="synapses/stdp_diehl_cook_traces", neuron="neurons/diehl_cook_excitatory", *, dataset="mnist",
        excitatory=400, inhibitory="neurons/diehl_cook_inhibitory", pixel="neurons/pixel_poisson_trace", epochs=1,
        images=0, validation=None, recipe=None, chunk=1000, precision="single", dt=0.5 * ms, final=False, resume="",
        data_dir="", out="", seed=1, device="auto", quick=False):
    """As learn_mnist_unsupervised.run, with other models and another recipe. Returns a Result."""
    result = learn_mnist_unsupervised.run(
        synapse, neuron, dataset=dataset, excitatory=excitatory, inhibitory=inhibitory, pixel=pixel, epochs=epochs,
        images=images, validation=validation, recipe={**PUBLISHED, **(recipe or {})}, chunk=chunk, precision=precision,
        dt=dt, final=final, resume=resume, data_dir=data_dir, out=out, seed=seed, device=device)
    return dataclasses.replace(result, protocol="learn_mnist_diehl_cook")


def plot(result, figure):
    """As in learn_mnist_unsupervised."""
    learn_mnist_unsupervised.plot(result, figure)


if __name__ == "__main__":
    run_protocol()
