"""Parameters of unsupervised learning by competition: times, normalisation, growth of the thresholds."""
import dataclasses

import numpy as np
from brian2 import Quantity, have_same_dimensions, ms, mV, volt

from spikelearn.errors import SpikelearnError
from spikelearn.ranges.check import Range, check_fields, positive, whole

RANGES = dict(shown=Range(1e-3, 10, unit="second"), rest=Range(0, 10, unit="second"), norm=positive(1e5),
              first_weight=positive(1), label_images=whole(1, 10**6), least_spikes=whole(0, 10**6))
THETAS = {name: Range(0, 1, above=True, unit="volt") for name in ("theta_plus", "theta_plus_first")}      # if given
THETA_PLUS = {100: 0.01, 400: 0.02, 1600: 0.08}         # number of neurons -> mV; chosen here, on validation images


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the network learns: everything but the network, the images and the seed. All numbers: chosen here."""

    shown: Quantity = dataclasses.field(default_factory=lambda: 350 * ms)   # of an image; Diehl & Cook (2015)
    rest: Quantity = dataclasses.field(default_factory=lambda: 0 * ms)      # time of rest after it
    norm: float = 78.4              # sum of the weights of a neuron before each presentation
    first_weight: float = 0.3       # first weights: this times (uniform from 0 to 1, plus .01), then normalised
    theta_plus: object = None       # growth of a threshold at a spike, such as 0.02*mV; None = by the number of neurons
    theta_plus_first: object = None     # the same at the start, if it falls geometrically to theta_plus
    least_spikes: int = 0           # an image with fewer spikes is shown again with higher rates; 0 = never
    label_images: int = 10_000      # last training images, whose responses label the neurons

    def __post_init__(self):
        check_fields(self, **RANGES)
        for name in ("theta_plus", "theta_plus_first"):
            value = getattr(self, name)
            if value is not None and not (have_same_dimensions(value, volt) and 0 * mV < value <= 1 * volt):
                raise SpikelearnError(f"{name} must be a potential above 0 and at most 1 V, such as 0.02*mV, "
                                      f"not {value}")

    def with_given(self, **given):
        """A recipe with the values that are not None."""
        return dataclasses.replace(self, **{name: value for name, value in given.items() if value is not None})

    def steps(self, dt):
        """Time steps of an image and of the rest after it. Raises SpikelearnError if they are no whole numbers."""
        steps = [float(duration / dt) for duration in (self.shown, self.rest)]
        for name, number in zip(("shown", "rest"), steps):
            if abs(number - round(number)) > 1e-6 * max(1, number):
                raise SpikelearnError(f"{name} must be a whole number of time steps of {dt}, not {getattr(self, name)}")
        return tuple(round(number) for number in steps)

    def pauses(self):
        """Whether an image may be followed by a rest or be shown again."""
        return bool(self.rest > 0 * ms or self.least_spikes > 0)

    def for_neurons(self, n):
        """The recipe with theta_plus for n neurons: interpolated geometrically between the chosen ones."""
        if self.theta_plus is not None:
            return self
        sizes, values = np.log(list(THETA_PLUS)), np.log(list(THETA_PLUS.values()))
        return dataclasses.replace(self, theta_plus=float(np.exp(np.interp(np.log(n), sizes, values))) * mV)

    def theta_plus_at(self, over):
        """theta_plus when this share of the training is over, 0 to 1."""
        if self.theta_plus_first is None:
            return self.theta_plus
        return self.theta_plus_first * float(self.theta_plus / self.theta_plus_first) ** over
