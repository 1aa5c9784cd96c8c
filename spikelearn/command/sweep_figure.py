"""The figure of a sweep: lines over one varied number, heat maps over two, small multiples over more."""
import itertools
from collections import defaultdict

import numpy as np

from spikelearn.command.sweep_table import column, numbers_of
from spikelearn.command.sweep_values import Varied

MOST = 6            # headline numbers that are drawn
MOST_PANELS = 36
LINES = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "k")


def draw_sweep(rows: list[dict], all_varied: list[Varied], figure, title: str = "") -> bool:
    """Draw the headline numbers that differ between points; the mean over seeds, with its s.e.m. in lines.

    Parameters
    ----------
    rows : those of the table.
    all_varied : what is varied. The first number is the x axis; in heat maps the second is the y axis, and each value
        of what else is varied has a column of panels.
    figure : Matplotlib figure.
    title : of the figure.

    Returns
    -------
    bool, whether there was anything to draw.
    """
    rows = [row for row in rows if "failure" not in row]
    names = numbers_of(rows, all_varied)
    shown = [it for it in all_varied if it.name != "seed"] or list(all_varied)
    axes = [it for it in shown if it.numbers is not None and len(it.texts) > 1][:2]
    if not names or not rows:
        return False
    if len(axes) == 2:
        _heat_maps(rows, names, axes, [it for it in shown if it not in axes], figure)
    else:
        x = axes[0] if axes else shown[0]
        _lines(rows, names[:MOST], x, [it for it in shown if it is not x], figure)
    left_out = f"; {len(names) - MOST} more in sweep.csv" if len(names) > MOST else ""
    figure.suptitle(f"{title}{left_out}", fontsize=10)
    return True


def _groups(rows, its):
    """Rows by the values of some varied parameters: (values) -> rows, in the order of the sweep."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[column(it)] for it in its)].append(row)
    return groups


def _label(its, key):
    return ", ".join(f"{it.name} = {value:g}{' ' * bool(it.unit)}{it.unit}" if not isinstance(value, str)
                     else str(value) for it, value in zip(its, key, strict=True))


def _lines(rows, names, x, others, figure):
    """A panel for each headline number, a line for each value of what else is varied."""
    wide = min(3, len(names))
    high = -(-len(names) // wide)
    figure.set_size_inches(0.8 + 3.9 * wide, 0.8 + 3.1 * high)
    panels = figure.subplots(high, wide, squeeze=False).ravel()
    groups = _groups(rows, others)
    for axes, name in itertools.zip_longest(panels, names):
        if name is None:
            axes.axis("off")
            continue
        for k, (key, group) in enumerate(groups.items()):
            _line(axes, group, name, x, LINES[k % len(LINES)], _label(others, key))
        axes.set_xlabel(column(x))
        axes.set_ylabel(name)
        if x.logarithmic:
            axes.set_xscale("log")
    if others and len(groups) <= len(LINES):
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), fontsize=8)


def _line(axes, rows, name, x, colour, label):
    """Mean and s.e.m. over the seeds at each x; the points of single seeds behind them."""
    at = _groups([row for row in rows if name in row], [x])
    at = dict(sorted(at.items())) if x.numbers is not None else at
    places = [key[0] if x.numbers is not None else k for k, key in enumerate(at)]
    values = [np.array([row[name] for row in group], dtype=float) for group in at.values()]
    means = [value.mean() for value in values]
    several = any(len(value) > 1 for value in values)
    sem = [value.std(ddof=1) / np.sqrt(len(value)) if len(value) > 1 else 0 for value in values]
    line = "o-" if x.numbers is not None else "o"
    axes.errorbar(places, means, yerr=sem if several else None, fmt=line, color=colour, ms=4, capsize=2, label=label)
    for place, value in zip(places, values, strict=True) if several else ():
        axes.plot(np.full(len(value), place), value, ".", color=colour, ms=3, alpha=.4, zorder=0)
    if x.numbers is None:
        axes.set_xticks(places, [str(key[0]) for key in at], fontsize=8, rotation=20, ha="right")
        axes.margins(x=.2)


def _heat_maps(rows, names, axes, others, figure):
    """A row of panels for each headline number, a column for each value of what else is varied."""
    groups = list(_groups(rows, others).items())
    if not others:                                      # the headline numbers side by side
        names = names[:MOST]
        wide = min(3, len(names))
        high = -(-len(names) // wide)
        cells = [(name, (), rows) for name in names]
    else:
        groups = groups[:6]
        names = names[:max(1, min(MOST, MOST_PANELS // len(groups), 4))]
        wide, high = len(groups), len(names)
        cells = [(name, key, group) for name in names for key, group in groups]
    figure.set_size_inches(0.8 + 3.6 * wide, 0.8 + 3.0 * high)
    panels = figure.subplots(high, wide, squeeze=False).ravel()
    limits = {name: _limits(rows, name) for name in names}
    for panel, cell in itertools.zip_longest(panels, cells):
        if cell is None:
            panel.axis("off")
            continue
        name, key, group = cell
        drawn = _heat_map(panel, group, name, axes, limits[name])
        figure.colorbar(drawn, ax=panel)
        panel.set_title("\n".join(filter(None, [name, _label(others, key)])), fontsize=9)


def _limits(rows, name):
    values = [row[name] for row in rows if name in row]
    return min(values), max(values)


def _heat_map(panel, rows, name, axes, limits):
    """The mean over seeds of a number in the plane of two varied ones; white where there is none."""
    x, y = axes
    across, up = sorted(x.numbers), sorted(y.numbers)
    mean = np.full((len(up), len(across)), np.nan)
    found = _groups([row for row in rows if name in row], [x, y])
    for (a, b), group in found.items():
        mean[up.index(b), across.index(a)] = np.mean([row[name] for row in group])
    drawn = panel.pcolormesh(_edges(x), _edges(y), mean, cmap="viridis", vmin=limits[0], vmax=limits[1])
    panel.set_xscale("log" if x.logarithmic else "linear")
    panel.set_yscale("log" if y.logarithmic else "linear")
    panel.set(xlabel=column(x), ylabel=column(y))
    return drawn


def _edges(it):
    """Edges of the cells around the values of a varied number."""
    values = np.sort(np.log(it.numbers) if it.logarithmic else it.numbers)
    middle = (values[1:] + values[:-1]) / 2
    edges = np.concatenate([[values[0] - (middle[0] - values[0])], middle, [values[-1] + (values[-1] - middle[-1])]])
    return np.exp(edges) if it.logarithmic else edges
