"""How a Boltzmann machine is trained in minibatches: every part of the recipe by name, and recipes that worked here."""
import dataclasses

import numpy as np

from spikelearn.boltzmann.machine import new_machine
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.ranges.check import check_fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a machine is trained; with the defaults as in Liu & Lin (2017) arXiv:1711.07732.

    The parts from `redraw` on are parts of variational probability flow only.

    Parameters
    ----------
    rate, last_rate : float
        Step of Adam (Kingma & Ba 2015); it falls linearly to last_rate * rate in the last epoch.
    batch : int
        Images of a minibatch.
    weight_decay : float
        Weight decay as a part of the gradient, which Adam rescales: weight_decay * w is added to it. Not of biases.
    decay : float
        Decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101): w -= rate * decay * w beside Adam's step.
    spread, bias : float
        Standard deviation of the weights, and biases of the hidden units, before learning.
    redraw : int
        Minibatches after which the hidden units of the data are drawn anew (the E-step); 0 = once an epoch, as in Liu &
        Lin. Every epoch begins with a draw. Other intervals: [ours].
    saturation : float
        A flip rate exp(u) grows linearly beyond this u, so that rare huge rates do not dominate Adam's averages; 0 =
        never [ours].
    hidden_flips : bool
        Whether flips of the upper layer of each pair count in the objective. With freshly drawn hidden units their
        gradient averages to zero and is noise [ours].
    homeostasis, activity : float
        After each step a hidden bias moves by homeostasis * (activity - mean activity of the unit in the minibatch):
        sparse hidden units by their biases alone (Lee, Ekanadham & Ng 2008).
    walk_back, walk_steps : float, int
        Hidden units are drawn from what up to walk_steps Gibbs steps make of the image, each next one taken with the
        probability walk_back; flips are counted on the image itself. After the walkback training of Bengio et al.
        (2013) arXiv:1305.6663; for probability flow [ours].
    pixel_flips : float
        Share of the pixels that are flipped in the image from which the hidden units are drawn: denoising (Vincent et
        al. 2008); for probability flow [ours].
    centred : bool
        Whether weights join states minus their sliding means; the biases make up for it, so that the machine stays the
        same (Montavon & Mueller 2012; Melchior, Fischer & Wiskott 2016, JMLR 17:99).
    """

    rate: float = 1e-3
    last_rate: float = 1.0
    batch: int = 100
    weight_decay: float = 1e-4
    decay: float = 0.0
    spread: float = 0.01
    bias: float = 0.0
    redraw: int = 0
    saturation: float = 0.0
    hidden_flips: bool = True
    homeostasis: float = 0.0
    activity: float = 0.1
    walk_back: float = 0.0
    walk_steps: int = 3
    pixel_flips: float = 0.0
    centred: bool = False

    def __post_init__(self):
        check_fields(self)

    def changed(self, **given):
        """The recipe with the given fields that are not None. Raises SpikelearnError for an unknown field."""
        names = [field.name for field in dataclasses.fields(self)]
        for name in given:
            if name not in names:
                raise SpikelearnError(f"the recipe has no field '{name}'{alternatives(name, names)}")
        return dataclasses.replace(self, **{name: value for name, value in given.items() if value is not None})

    def start(self, sizes, x, *, lateral=(), seed=1):
        """The machine before learning, in single precision, its visible biases from the mean of the images x."""
        return new_machine(sizes, lateral=lateral, mean=x.mean(axis=0), spread=self.spread, bias=self.bias, seed=seed,
                           dtype=np.float32)


# --- recipes that worked, chosen here on validation images of MNIST -----------------------------------------------

DEEP = Recipe(rate=0.01, last_rate=0.1, weight_decay=0, decay=0.01, spread=0.1, bias=-3.0, redraw=167, saturation=3.0)
LATERAL = DEEP.changed(redraw=0)        # with lateral weights one draw an epoch, as in Liu & Lin, is best
DREAMING = Recipe(rate=0.01, last_rate=0.1, weight_decay=0, decay=0.01, spread=0.1, bias=-3.0, redraw=1, saturation=3.0,
                  hidden_flips=False, homeostasis=0.1, activity=0.1, walk_back=0.85)
COMPLETING = DREAMING.changed(activity=0.2, walk_back=0, pixel_flips=0.02, centred=True)
CONTRASTIVE = Recipe(rate=0.003, last_rate=0.1)
