"""The seed of the tests over random command lines: printed, and repeated with SPIKELEARN_SEED=N."""
import os
import random

SEED = "SPIKELEARN_SEED"


def pytest_configure(config):
    """Choose the seed once, before the workers start: they take it over with the environment."""
    os.environ.setdefault(SEED, str(random.randrange(2**32)))


def pytest_report_header(config):
    """Tell the seed."""
    return f"random command lines: {SEED}={os.environ[SEED]}"
