"""How conditions of pairing experiments are drawn: measurements with s.e.m., single cells, every rule beside them."""
import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.plotting import heading
from spikelearn.results.names import name_of
from spikelearn.stdp.comparison import null_of

STYLES = ("-", "--", ":", "-.")
FACES = ("k", "white", "0.6", "0.85")
MARKERS = "osD^vPX*"


def draw_experiments(figure: Figure, arrays: Mapping, headline: Mapping) -> None:
    """One panel for each experiment, two in a row. arrays, headline : of a Result made by `compared`."""
    names = [str(name) for name in arrays["experiments"]]
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    figure.set_size_inches(7.5 * columns, 4.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draw_experiment(axes, arrays, headline, name)
        heading(axes, str(arrays[f"{name}_title"]), textwrap.fill(str(arrays[f"{name}_protocol"]), 80))
    for axes in panels[len(names):]:
        axes.remove()


def draw_experiment(axes: Axes, arrays: Mapping, headline: Mapping, name: str) -> None:
    """One experiment: black points with s.e.m., grey points of single cells, coloured curves of rules, E in the legend.

    arrays, headline : of a Result made by `compared`.
    """
    rules, n = [str(rule) for rule in arrays["rules"]], len(arrays[f"{name}_labels"])
    x, group = np.asarray(arrays[f"{name}_x"]), np.asarray(arrays[f"{name}_group"])
    words = str(arrays[f"{name}_xlabel"]) == "condition"
    groups, scored = list(dict.fromkeys(group)), bool(np.any(arrays[f"{name}_scored"]))
    null = {null_of(arrays, name, rule) for rule in rules} if scored else set()
    _measurements(axes, arrays, name, x, group, groups)
    for k, rule in enumerate(rules):
        change = 100 * arrays[name_of(arrays, name, rule)]
        key = name_of(headline, "E", name, *([rule] if len(rules) > 1 else []))
        known = scored and key in headline
        label = f"{rule}\nE = {headline[key]:.3g}" if known else rule
        if known and len(null) > 1:                     # the rules score different conditions
            label += f" (null model {null_of(arrays, name, rule):.3g})"
        shift = (.14 * (k + 1) if words else 0)
        for g, one in enumerate(groups):
            used = np.flatnonzero(group == one)[np.argsort(x[group == one], kind="stable")]
            style = "none" if words else "-" if one in ("+", "−") else STYLES[g % 4]
            axes.plot(x[used] + shift, change[used], color=f"C{k}", marker=MARKERS[k % len(MARKERS)], ms=4, mew=0,
                      lw=1.3, ls=style, label=label if g == 0 else None)
    axes.axhline(0, color="0.6", lw=.8, ls="--", zorder=0,
                 label=f"null model\nE = {min(null):.3g}" if len(null) == 1 else None)
    axes.set(ylabel="change of weight (%)", xlabel="" if words else str(arrays[f"{name}_xlabel"]))
    if words:
        labels = [str(label) for label in arrays[f"{name}_labels"]]
        long = n > 1 and (n > 6 or max(map(len, labels)) > 12)
        axes.set_xticks(x, labels, rotation=40 if long else 0, ha="right" if long else "center", fontsize=8)
        axes.set_xlim(.5, n + .5 + .14 * len(rules))
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, labelspacing=.7)


def _measurements(axes: Axes, arrays: Mapping, name: str, x: np.ndarray, group: np.ndarray, groups: list) -> None:
    mean, sem = 100 * arrays[f"{name}_measured"], 100 * arrays[f"{name}_sem"]
    scored = np.asarray(arrays[f"{name}_scored"], dtype=bool)
    cells, cell_of = 100 * arrays[f"{name}_cells"], np.asarray(arrays[f"{name}_cell_of"], dtype=int)
    if cells.size:
        aside = .14 if str(arrays[f"{name}_xlabel"]) == "condition" else 0
        axes.plot(x[cell_of] - aside, cells, "o", color="0.7", ms=3, mew=0, zorder=1, label="single cells")
    for g, one in enumerate(groups):
        sided = one in ("+", "−", "", "condition")
        known = (group == one) & np.isfinite(mean) & np.isfinite(sem) & scored
        label = "measured ± s.e.m." if sided and g == 0 else None if sided else f"measured ± s.e.m.,\n{one}"
        if known.any():
            axes.errorbar(x[known], mean[known], sem[known], fmt="ko", ms=4.5, lw=1, capsize=2, label=label, zorder=5,
                          mfc="k" if sided else FACES[g % 4])
    left_out = np.isfinite(mean) & np.isfinite(sem) & ~scored
    if left_out.any():
        axes.errorbar(x[left_out], mean[left_out], sem[left_out], fmt="o", color="0.55", ms=4.5, lw=1, capsize=2,
                      label="measured ± s.e.m.,\nnot scored", zorder=5)
    bare = np.isfinite(mean) & np.isnan(sem)
    if bare.any():
        axes.plot(x[bare], mean[bare], "kx", ms=6, label="measured,\nno uncertainty", zorder=5)
