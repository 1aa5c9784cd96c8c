"""The figure that follows the sliders: window, frequency and triplets of each rule beside the measurements.

Axes, measurements and words are drawn once. When a rule changes, its curves are drawn over a copy of that picture,
which takes a tenth of the time; the axes are drawn anew where the curves leave them.
"""
import io
from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import ms
from matplotlib.axes import Axes

from spikelearn.lab.figures import figure_of
from spikelearn.plotting import MEASURED, measured, zero_lines
from spikelearn.results.result import Result

FREQUENCY = "sjostrom_frequency"
MOTIFS = ("pre-post-pre", "post-pre-post")
LEAST = .3          # share of an axis that its data fill at least; else it is drawn anew; chosen here


class Curves:
    """The figure of some rules, each with a colour of its own.

    titles : names of the rules. results : of each rule, those of "window", "frequency" and "triplets".
    """

    def __init__(self, titles: Sequence[str], results: Sequence[Mapping[str, Result]]):
        self.titles, self.lines, self.bars, self.errors = tuple(titles), [], [], []
        self.figure = figure_of(7.4, 6.2)
        grid = self.figure.add_gridspec(2, 2, left=.085, right=.985, bottom=.08, top=.86, hspace=.55, wspace=.25)
        cells = [self.figure.add_subplot(grid[row, column]) for row in (0, 1) for column in (0, 1)]
        self._window(cells[0], results)
        self._frequency(cells[1], results)
        for axes, motif in zip(cells[2:], MOTIFS, strict=True):
            self._triplets(axes, motif, results)
        handles = [cells[0].plot([], color=f"C{k}", lw=3)[0] for k in range(len(titles))]
        handles.append(cells[0].errorbar([], [], [], **MEASURED))
        self.figure.legend(handles, [*titles, "measured, mean ± s.e.m."], loc="upper center", ncols=len(handles),
                           fontsize=10, frameon=False)
        self.update(results)

    def _window(self, axes, results):
        a = results[0]["window"].arrays
        centre, half = (a["bin_from"] + a["bin_to"]) / (2 * ms), (a["bin_to"] - a["bin_from"]) / (2 * ms)
        zero_lines(axes)
        measured(axes, centre, 100 * a["measured"], 100 * a["measured_sem"], xerr=half, capsize=0)
        x = np.asarray(a["delta_t"] / ms)
        for k in range(len(results)):
            for side in (x < 0, x >= 0):
                def change(own, side=side):
                    return own["window"].arrays["change"][side]

                self._line(axes, k, x[side], change)
        axes.set(xlabel="Δt = t_post − t_pre (ms)", xlim=(-103, 103))
        self._words(axes, "STDP window, Bi & Poo (1998)", "window", "bi_poo_window", results)

    def _frequency(self, axes, results):
        a = results[0]["frequency"].arrays
        zero_lines(axes, vertical=False)
        for interval, line, face in ((10, "-", "k"), (-10, "--", "white")):
            used = np.isclose(np.asarray(a[f"{FREQUENCY}_delta_t"] / ms), interval)
            measured(axes, np.asarray(a[f"{FREQUENCY}_rho"])[used], 100 * a[f"{FREQUENCY}_measured"][used],
                     100 * a[f"{FREQUENCY}_sem"][used], mfc=face)
            for k in range(len(results)):
                def change(own, interval=interval):
                    return own["frequency"].arrays[f"{FREQUENCY}_curve_{interval:+d}_ms"]

                self._line(axes, k, np.asarray(a["rates"]), change, line)
        axes.set(xlabel="frequency (Hz); dashed: Δt = −10 ms")
        self._words(axes, "60 pairs, ±10 ms, Sjöström et al. (2001)", "frequency", FREQUENCY, results)

    def _triplets(self, axes, motif, results):
        a = results[0]["triplets"].arrays
        used, width = a["motif"] == motif, .76 / (1 + len(results))
        x = np.arange(np.count_nonzero(used))
        measured(axes, x - width * len(results) / 2, 100 * a["measured"][used], 100 * a["measured_sem"][used])
        axes.set_xticks(x, [str(label).replace(", ", " ").strip("()").replace(" ", ", ") for label in a["label"][used]])
        axes.axhline(0, color="k", lw=.8)
        for k in range(len(results)):
            bars = axes.bar(x + width * (k + 1 - len(results) / 2), np.zeros(len(x)), width, color=f"C{k}",
                            animated=True)
            self.bars.append((axes, k, bars, lambda own: own["triplets"].arrays["change"][used]))
        axes.set(xlabel="intervals Δt₁, Δt₂ (ms)")
        self._words(axes, f"Triplets {motif}, Wang et al. (2005)", "triplets", "wang_triplets", results)

    def _line(self, axes, k, x, change, style="-"):
        line, = axes.plot(x, np.zeros(len(x)), style, color=f"C{k}", lw=2, animated=True)
        self.lines.append((axes, k, line, change))

    def _words(self, axes, title, protocol, key, results):
        """Title, and under it E of each rule in its colour, and that of no change."""
        axes.set_ylabel("change of weight (%)")
        axes.set_title(title, fontsize=10, pad=20)
        style = dict(xy=(0, 1), xytext=(0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=9)
        for k in range(len(results)):
            text = axes.annotate("", **style | dict(xy=(.25 * k, 1)), color=f"C{k}", animated=True)
            self.errors.append((axes, k, text, lambda own: own[protocol].headline[f"E_{key}"]))
        null = results[0][protocol].headline[f"E_null_{key}"]
        axes.annotate(f"no change: E = {null:.3g}", **style | dict(xy=(1, 1)), ha="right", color="0.35")

    # ---- what changes

    def update(self, results: Sequence[Mapping[str, Result]]) -> None:
        """Draw other results of the same rules."""
        for _, k, line, change in self.lines:
            line.set_ydata(100 * change(results[k]))
        for _, k, bars, change in self.bars:
            for bar, height in zip(bars, 100 * change(results[k]), strict=True):
                bar.set_height(height)
        for _, k, text, error in self.errors:
            text.set_text(f"E = {error(results[k]):.3g}")
        if not all(map(_fits, self.figure.axes)):
            for axes in self.figure.axes:
                _fit(axes)
            self.figure.canvas.draw()
            self.background = self.figure.canvas.copy_from_bbox(self.figure.bbox)
        self.figure.canvas.restore_region(self.background)
        for axes, artist in self._artists():
            axes.draw_artist(artist)

    def _artists(self):
        for axes, _, artist, _ in (*self.bars, *self.lines, *self.errors):
            for one in artist if hasattr(artist, "patches") else [artist]:
                yield axes, one

    def screen(self) -> bytes:
        """The figure as the bytes of a PNG file, as quickly as can be."""
        from PIL import Image

        image = io.BytesIO()
        pixels = Image.fromarray(np.asarray(self.figure.canvas.buffer_rgba())).convert("RGB")
        pixels.save(image, format="png", compress_level=1)
        return image.getvalue()


def _extent(axes: Axes) -> tuple[float, float]:
    """Lowest and highest value that is drawn, 0 among them."""
    lines = [line for line in axes.lines if line.get_transform() is axes.transData]
    values = [np.asarray(line.get_ydata(), dtype=float) for line in lines]
    values += [np.array([bar.get_height() for bar in axes.patches], dtype=float)]
    values += [segment[:, 1] for bars in axes.collections for segment in bars.get_segments()]
    every = np.concatenate([[0.0], *values])
    every = every[np.isfinite(every)]
    return float(every.min()), float(every.max())


def _fits(axes: Axes) -> bool:
    """Whether the axes show all of the data, and not mostly empty space."""
    (low, high), (bottom, top) = _extent(axes), axes.get_ylim()
    return bottom <= low and high <= top and high - low >= LEAST * (top - bottom) and axes.get_gid() == "fitted"


def _fit(axes: Axes) -> None:
    low, high = _extent(axes)
    room = .08 * (high - low or 1)
    axes.set_ylim(low - room, high + room)
    axes.set_gid("fitted")


