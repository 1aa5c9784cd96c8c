"""Training parameters of a spiking network: phases, nudge, learning rates; not the network, the images or the seed."""
import dataclasses

import numpy as np

from spikelearn.equilibrium.presentation import MOST
from spikelearn.errors import SpikelearnError
from spikelearn.ranges.check import check_fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network learns: everything but the network, the images and the seed. Durations in time steps.

    Phases and nudge: Scellier & Bengio (2017) Front Comput Neurosci 11:24. The numbers: chosen here.
    """

    rates: tuple = (0.01, 0.005)    # learning rate of each layer, the first hidden layer first
    decay: float = 0.85             # factor of the learning rates from epoch to epoch
    beta: float = 0.5               # strength of the nudge
    gate: float = 0.0               # images whose outputs are all closer than this to their target teach nothing
    free_steps: int = 80            # length of the free phase
    nudged_steps: tuple = (40,)     # length of each nudged phase
    signs: tuple = ()               # sign of the nudge in each nudged phase, 1 or -1; none = 1, -1, 1, ...
    listen_steps: int = 20          # last part of the free phase, over which the answer is averaged
    window_steps: int = 0           # last part of the free phase that counts negatively
    batch: int = 1                  # images whose changes are summed before they are applied
    shares: int = 2                 # parts of a batch that can be simulated side by side
    weight_decay: float = 0.0       # share of a weight (not of a bias) that an image takes off, per learning rate
    average: float = 0.0            # memory from chunk to chunk of the mean of the weights that answers, 0 = no mean
    shift: int = 0                  # pixels by which images are moved at random, up to, while they are learnt
    hidden_spread: float = 0.5      # sd of the first weights between hidden layers, in units of 1/sqrt(fan in)
    output_bias: float = 0.0        # biases of the outputs at the start

    def __post_init__(self):
        for name, low, high in (("decay", 0, 1), ("gate", 0, 1), ("weight_decay", 0, 1), ("average", 0, 0.9999)):
            if not low <= getattr(self, name) <= high:
                raise SpikelearnError(f"{name} must lie from {low} to {high:g}, not {getattr(self, name):g}")
        if self.shift < 0:
            raise SpikelearnError(f"shift must be at least 0 pixels, not {self.shift}")
        self._check_nudges()
        for name in ("free_steps", "batch", "shares", "listen_steps"):
            if getattr(self, name) < 1:
                raise SpikelearnError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("listen_steps", "window_steps"):
            if not 0 <= getattr(self, name) <= self.free_steps:
                raise SpikelearnError(f"{name} must lie within the free phase of {self.free_steps} steps, "
                                      f"not be {getattr(self, name)}")
        if not self.rates or min(self.rates) < 0:
            raise SpikelearnError(f"rates must be one learning rate of at least 0 a layer, not {self.rates}")
        if self.beta == 0:
            raise SpikelearnError("beta must not be 0: without a nudge nothing is learnt")
        if self.batch > 1 and self.gate > 0 and self.window_steps > 0:
            raise SpikelearnError("with a gate and a free window, changes must be applied after each image: batch=1")
        check_fields(self)

    def _check_nudges(self):
        lengths = tuple(int(steps) for steps in np.atleast_1d(self.nudged_steps))
        signs = tuple(int(sign) for sign in self.signs) or tuple((-1)**k for k in range(len(lengths)))
        if not lengths or min(lengths) < 1:
            raise SpikelearnError(f"nudged_steps must be at least 1, not {min(lengths, default='nothing')}")
        if len(lengths) > MOST:
            raise SpikelearnError(f"nudged_steps names {len(lengths)} nudged phases, but at most {MOST} are possible")
        if len(signs) != len(lengths) or set(map(abs, signs)) != {1}:
            raise SpikelearnError(f"signs must be 1 or -1 for each of the {len(lengths)} nudged phases, "
                                  f"not {self.signs}")
        if len(lengths) > 1 and self.window_steps > 0:
            raise SpikelearnError("window_steps must be 0 with more than one nudged phase, which are the contrast")
        object.__setattr__(self, "nudged_steps", lengths)
        object.__setattr__(self, "signs", signs)

    @property
    def signal(self):
        """How often the rule sees the response to beta: each turn of the nudge counts by its size. With one nudged
        phase 1, with +beta, -beta 3, with +beta, -beta, +beta 5."""
        return sum(sign * (sign - before) for before, sign in zip((0, *self.signs), self.signs))

    def with_given(self, layers=None, **given):
        """A recipe with the values that are not None; one rate is meant for all layers, one length of nudged_steps for
        all nudged phases, and of the recipe's own rates, if they are too few or too many, the first for all hidden
        layers. layers : how many there are."""
        given = {name: value for name, value in given.items() if value is not None}
        if "rates" in given:
            given["rates"] = tuple(float(rate) for rate in np.atleast_1d(given["rates"]))
        given |= self._given_nudges(given)
        rates = given.get("rates", self.rates)
        if layers not in (None, len(rates)) and ("rates" not in given or len(rates) == 1):
            given["rates"] = rates[:1] * (layers - 1) + rates[-1:]
        elif layers not in (None, len(rates)):
            raise SpikelearnError(f"a network of {layers} layers needs {layers} learning rates, not {len(rates)}")
        return dataclasses.replace(self, **given)

    def _given_nudges(self, given):
        """nudged_steps and signs that belong together: one length is meant for all phases, others alternate anew."""
        lengths = tuple(np.atleast_1d(given.get("nudged_steps", self.nudged_steps)))
        signs = tuple(np.atleast_1d(given.get("signs", self.signs)))
        if len(lengths) == 1:
            lengths *= len(signs)
        elif "signs" not in given and len(lengths) != len(signs):
            signs = ()
        return dict(nudged_steps=lengths, signs=signs)

    def scaled(self, factor):
        """The same recipe with the learning rates times `factor`."""
        return dataclasses.replace(self, rates=tuple(factor * rate for rate in self.rates))
