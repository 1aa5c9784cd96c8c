"""Simulations stored in a checkpoint, so that an interrupted fit resumes."""
import sys
import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from spikelearn.errors import SpikelearnError
from spikelearn.training.checkpoint import State
from spikelearn.training.progress import HALF_MINUTE

OFTEN = 20      # simulations between two checkpoints; chosen here


class Kept:
    """A function of points (m, p) whose results (m, n) are written to a checkpoint.

    A search asks for the same points again when it is repeated, and is given the kept results: it ends with the same
    numbers, to the last bit, as if it had never been killed.

    Parameters
    ----------
    compute : function of points (m, p) that returns their results (m, n).
    begun, save : State to begin with, and what saves a State; see `checkpointing`.
    title : what the search is called while it counts its simulations on standard error; None = silence.
    """

    def __init__(self, compute: Callable, begun: State, save: Callable, title: str | None = None):
        self.compute, self.save, self.title, self.last = compute, save, title, time.monotonic()
        self.bar = tqdm(desc=title, unit=" simulations") if title is not None and sys.stderr.isatty() else None
        sizes = begun.weights["sizes"].astype(int)
        ends = np.cumsum(sizes)[:-1] if sizes.size else []
        self.points, self.results = ([*np.split(begun.weights[name], ends)] if sizes.size else []
                                     for name in ("points", "results"))
        self.done = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
        if self.done == len(self.points) and self.points:
            self._save()

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Results (m, n) of points (m, p), from the checkpoint as long as it holds them."""
        points = np.atleast_2d(points)
        if self.done < len(self.points):
            if not np.array_equal(self.points[self.done], points):
                raise SpikelearnError("the checkpoint belongs to a search that went another way, such as one with "
                                      "another version of SciPy: begin anew with another --out")
        else:
            self.points.append(points)
            self.results.append(self.compute(points))
            if len(self.points) % OFTEN == 0:
                self._save()
        self.done += 1
        self._tell()
        return self.results[self.done - 1]

    def _tell(self):
        """A bar on a terminal; elsewhere a line every half minute."""
        if self.bar is not None:
            self.bar.update()
        elif self.title is not None and time.monotonic() - self.last > HALF_MINUTE:
            self.last = time.monotonic()
            print(f"{self.title}: {self.done} simulations", file=sys.stderr, flush=True)

    def _save(self):
        sizes = np.array([len(points) for points in self.points], dtype=float)
        self.save(State({"points": np.concatenate(self.points), "results": np.concatenate(self.results),
                         "sizes": sizes}, chunks=len(sizes)))


def nothing_kept(p: int, n: int) -> State:
    """The State of a search of p parameters with n results that has not begun."""
    return State({"points": np.empty((0, p)), "results": np.empty((0, n)), "sizes": np.empty(0)})
