"""Seeds of the parts of a training: each part its own random numbers, the same in every run."""
import numpy as np


def random_numbers(seed, *where):
    """A SeedSequence of its own for every place in a training."""
    return np.random.SeedSequence(seed, spawn_key=(1, *where))


def run_seed(seed, *where):
    """The seed of one run of the network: (seed, epoch, chunk, ...) -> int."""
    return int(random_numbers(seed, *where).generate_state(1)[0]) % 2**31


def sampling_numbers(seed, *where):
    """A Generator of its own for every place where a trained network is sampled; none of a training is among them.

    where : whole numbers, such as the number of a training, of a condition and of a part.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3, *where)))
