"""The generative model of generate_mnist, trained by target propagation on clothes (Fashion-MNIST): samples.

Bengio et al. (2015) arXiv:1502.04156, Algorithm 2, on the images of Xiao et al. (2017): our own construction, with the
recipe that was chosen on MNIST. Ways to draw, baselines and Parzen log-likelihood as in generate_mnist; half of the
validation images are scored unless --set final=true.
"""
import dataclasses

from spikelearn.protocols import generate_mnist

from spikelearn.command.command_line import run_protocol
from spikelearn.generative.recipe import Recipe  # noqa: F401  (its fields are parameters)
from spikelearn.ranges.check import checked

FIGURE_SIZE = generate_mnist.FIGURE_SIZE


@checked
def run(*, recipe=None, runs=3, samples=10_000, images=0, shown=10_000, final=False, resume="", data_dir="", seed=1,
        quick=False):
    """As generate_mnist.run. Returns a Result."""
    result = generate_mnist.run(recipe=recipe, runs=runs, samples=samples, images=images, shown=shown, final=final,
                                dataset="fashion_mnist", resume=resume, data_dir=data_dir, seed=seed, quick=quick)
    return dataclasses.replace(result, protocol="generate_fashion")


def plot(result, figure):
    """As in generate_mnist."""
    generate_mnist.plot(result, figure)


if __name__ == "__main__":
    run_protocol()
