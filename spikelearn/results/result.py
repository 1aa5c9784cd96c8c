"""Result of a protocol: named arrays with units, headline numbers and their provenance."""
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from spikelearn.errors import SpikelearnError
from spikelearn.results.formats import Formats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Accepted:
    """The range in which a headline number must lie, and where that range comes from.

    Examples
    --------
    >>> from spikelearn.results import Accepted
    >>> Accepted(16.7, 16.9, "the parameter of the rule").met(16.8)
    True
    """

    low: float
    high: float
    source: str

    def met(self, value: float) -> bool:
        """Whether `value` lies in the range; not a number never does."""
        return bool(self.low <= value <= self.high)


class Missing(str):
    """Stands for a headline number that does not exist; the text says why.

    Examples
    --------
    >>> from spikelearn.results import Missing
    >>> result = sl.Result("mine", {}, {"tau_ms": Missing("no window to fit")})
    """


@dataclasses.dataclass
class Result(Formats):
    """The outcome of one run of a protocol.

    Parameters
    ----------
    protocol : name of the protocol.
    arrays : name -> what was measured and simulated, any shape.
    headline : name -> number: what is printed, and what `--json` gives.
    provenance : how it came about; filled when it is saved, entries given by the protocol stay.
    gaps : names of arrays in which not-a-number marks what does not exist, such as the mean of no spikes.
    missing : headline name -> why there is no such number.
    drawing : draws the figure of the protocol; `run` and `load_result` fill it.
    figure_size : width and height of that figure, in inches.
    table : result -> blocks of rows, each name -> (n,) values or one value, for `to_csv`; filled like `drawing`.

    Examples
    --------
    >>> result = sl.Result("mine", {"rate": [5, 10]}, {"mean_rate": 7.5})
    >>> result.headline["mean_rate"]
    7.5
    """

    protocol: str
    arrays: dict
    headline: dict
    provenance: dict = dataclasses.field(default_factory=dict)
    gaps: tuple = ()
    missing: dict = dataclasses.field(default_factory=dict)
    drawing: Callable | None = dataclasses.field(default=None, compare=False)
    figure_size: tuple = dataclasses.field(default=(7, 4.5), compare=False)
    table: Callable | None = dataclasses.field(default=None, compare=False)

    def __repr__(self) -> str:
        shapes = {name: "x".join(map(str, np.shape(values))) or "one value" for name, values in self.arrays.items()}
        return (f"Result of {self.protocol}\n  headline: {self.headline}\n  arrays: "
                + ", ".join(f"{name} ({shape})" for name, shape in shapes.items()))

    def plot(self, figure: "Figure | None" = None) -> "list[Axes]":
        """Draw the figure of the protocol.

        Parameters
        ----------
        figure : an empty figure to draw into; without it a new one of pyplot's, which a notebook shows.

        Returns
        -------
        list of matplotlib Axes
            The panels of the figure.

        Raises
        ------
        SpikelearnError
            If the protocol draws no figure, or cannot be found.

        Examples
        --------
        >>> axes, = sl.run("stdp_window", quick=True).plot()
        >>> axes.get_xlabel()
        'spike timing Δt = t_post − t_pre (ms)'
        """
        if self.drawing is None:
            raise SpikelearnError(f"this result of {self.protocol} has no figure: results of spikelearn.run and "
                                  "load_result have that of their protocol")
        if figure is not None:
            self.drawing(self, figure)
            return figure.axes
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=self.figure_size, layout="constrained")
        try:
            self.drawing(self, figure)
        except BaseException:
            pyplot.close(figure)        # a notebook would show it empty
            raise
        return figure.axes


def completed(result: Result) -> Result:
    """The result of a run, without the headline numbers that do not exist: a line explains each omission.

    Raises SpikelearnError for a number that is infinite or none, in the headline or the arrays.
    """
    missing = {name: str(value) for name, value in result.headline.items() if isinstance(value, Missing)}
    result.headline = {name: value for name, value in result.headline.items() if name not in missing}
    result.missing = {**result.missing, **missing}
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}")
    for name, value in result.headline.items():
        if not _all_finite(value):
            raise SpikelearnError(f"the run gave no finite number for {name}, but {value}: its parameters are too "
                                  "extreme, or there is nothing to measure")
    for name, values in result.arrays.items():
        numbers = np.asarray(values)
        if numbers.dtype.kind in "fc" and not np.isfinite(numbers).all():
            if np.isinf(numbers).any() or name not in result.gaps:
                raise SpikelearnError(f"the run gave numbers that are not finite in '{name}': its parameters are too "
                                      "extreme, or there is nothing to measure")
    return result


def _all_finite(value):
    """Whether every number in a headline entry, lists and dicts included, is finite."""
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_all_finite, value))
    if value is None:
        return False
    return np.asarray(value).dtype.kind not in "fc" or bool(np.isfinite(np.asarray(value)).all())
