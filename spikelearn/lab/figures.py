"""Figures and tables of the page; each rule has its own colour, and the measurements are black or grey."""
import csv
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import ms
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spikelearn.plotting import heading
from spikelearn.results.names import headers, joined, merged, name_of
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import null_of, table_of
from spikelearn.stdp.figures import draw_experiment
from spikelearn.stdp.traces import Trace, unit_of

SCREEN, FILE = 100, 200         # dots an inch


def png(figure: Figure, dpi: int = SCREEN) -> bytes:
    """A figure as the bytes of a PNG file, compressed little where it is for the screen."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=dpi, pil_kwargs={"compress_level": 1 if dpi == SCREEN else 6})
    return image.getvalue()


def figure_of(width: float, height: float) -> Figure:
    """An empty figure, in inches, without a window."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def experiment_figure(rules: Sequence[tuple[str, Result]]) -> Figure:
    """One experiment: measurements and the prediction of each rule. rules : (title, result) of each rule."""
    arrays, headline = together(rules)
    name, figure = str(arrays["experiments"][0]), figure_of(7.4, 3.9)
    long = str(arrays[f"{name}_xlabel"]) == "condition"
    axes = figure.add_axes((.09, .3 if long else .14, .66, .54 if long else .7))
    draw_experiment(axes, arrays, headline, name)
    heading(axes, str(arrays[f"{name}_title"]), str(arrays[f"{name}_protocol"])[:110])
    return figure


def together(rules: Sequence[tuple[str, Result]]) -> tuple[dict, dict]:
    """Arrays and errors E of one result with all rules, of results with one rule each."""
    predictions, shared, headline = {}, {}, {}
    for title, result in rules:
        names = {name_of(result.arrays, name, title): name for name in map(str, result.arrays["experiments"])}
        predictions |= {(name, title): result.arrays[key] for key, name in names.items()}
        shared |= {key: value for key, value in result.arrays.items() if key not in names}
        for name in names.values():
            if (key := name_of(result.headline, "E", name)) in result.headline:
                headline["E", name, *([title] if len(rules) > 1 else [])] = result.headline[key]
    shared["rules"] = np.array([title for title, _ in rules])
    return merged(shared, joined(predictions, taken=shared)), joined(headline)


def traces_figure(rules: Sequence[tuple[str, Trace]]) -> Figure:
    """Spikes, potential, traces and weight of each rule in one motif. rules : (title, Trace) of each rule."""
    figure = figure_of(7.4, 5.8)
    grid = figure.add_gridspec(4, len(rules), left=.09, right=.985, bottom=.09, top=.94, hspace=.12, wspace=.25,
                               height_ratios=(.5, 1.6, .65, 1))
    for k, (title, found) in enumerate(rules):
        t = np.asarray(found.t / ms)
        spikes, inside, weight = (figure.add_subplot(grid[row, k]) for row in (0, 1, 3))
        for y, side, colour in ((0, found.post, "C3"), (1, found.pre, "C0")):
            spikes.eventplot(np.asarray(side / ms), lineoffsets=y, linelengths=.7, color=colour, lw=1.5)
        spikes.set_yticks([0, 1], ["post", "pre"])
        spikes.set_title(f"{title}: {found.label}", fontsize=10)
        _inside(inside, t, found)
        plain = np.asarray(found.weight)
        weight.plot(t, 100 * (plain / plain[0] - 1) if plain[0] else plain, color=f"C{k}", lw=2)
        weight.set(xlabel="time from the first spike (ms)",
                   ylabel="change of weight (%)" if plain[0] else f"weight {unit_of(found.weight)}".rstrip())
        weight.ticklabel_format(axis="y", useOffset=False)
        for axes in (spikes, inside, weight):
            axes.set_xlim(t[0], t[-1])
            axes.tick_params(labelsize=9, labelbottom=axes is weight)
    return figure


def _inside(axes: Axes, t, found):
    """Potential and variables of a rule, each divided by its largest value, which stands in the legend."""
    values = dict(found.variables) | ({} if found.potential is None else {"potential": found.potential})
    for name, value in values.items():
        plain = np.asarray(value)
        largest = float(np.max(np.abs(plain), initial=0))
        unit = unit_of(value)
        axes.plot(t, plain / (largest or 1), lw=1.3, label=f"{name}: {largest:.3g} {unit}".rstrip())
    axes.set_ylabel("traces / largest value")
    axes.margins(y=.08)
    if values:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(-.02, -.02), frameon=False, ncols=2,
                    columnspacing=1, handlelength=1.2)


# ---- tables

def battery_table(rules: Sequence[tuple[str, Result]]) -> str:
    """E of each rule in each experiment as an HTML table; bold where chi-square does not refuse the rule (p >= .05)."""
    first = rules[0][1]
    titles = [html.escape(title) for title, _ in rules]
    columns = ("experiment", "conditions", *(f"E {one}" for one in titles), "E no change")
    head = "".join(f"<th>{text}</th>" for text in columns)
    rows = []
    for name in map(str, first.arrays["experiments"]):
        scored = int(np.count_nonzero(first.arrays[f"{name}_scored"]))
        cells = [_error_cell(result.headline, name, scored) for _, result in rules]
        null = dict.fromkeys(f"{null_of(result.arrays, name, title):.3g}" for title, result in rules)
        cells = [str(scored), *cells, " / ".join(null)]
        rows.append(f"<tr><td>{name}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<table class="battery"><tr>{head}</tr>{"".join(rows)}</table>'


def _error_cell(headline, name, scored):
    E, used = headline[name_of(headline, "E", name)], headline.get(name_of(headline, "conditions", name), scored)
    text = f"{E:.3g}" + (f" ({used} of {scored})" if used < scored else "")
    return f"<b>{text}</b>" if headline[name_of(headline, "p", name)] >= .05 else text


def csv_text(curves: Sequence[tuple[str, Mapping[str, Result]]], battery: Sequence[tuple[str, Result]],
             experiment: Sequence[tuple[str, Result]]) -> str:
    """All numbers of the page as the text of a CSV file, changes in per cent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    titles = [title for title, _ in curves]
    writer.writerow(headers(["experiment", "condition", "measured_percent", "sem_percent", "scored"],
                            [f"{title}_percent" for title in titles]))
    window, frequency = ([results[name].arrays for _, results in curves] for name in ("window", "frequency"))
    for k, interval in enumerate(window[0]["delta_t"] / ms):
        writer.writerow(["window", f"{interval:g} ms", "", "", 0, *(repr(100 * float(a["change"][k])) for a in window)])
    for key in (name for name in frequency[0] if "_curve_" in name):
        for k, rate in enumerate(np.asarray(frequency[0]["rates"])):
            changes = (repr(100 * float(a[key][k])) for a in frequency)
            writer.writerow([key, f"{rate:g} Hz", "", "", 0, *changes])
    parts = [table_of(together(battery)[0])]
    known = set(map(str, battery[0][1].arrays["experiments"]))
    if str(experiment[0][1].arrays["experiments"][0]) not in known:
        parts.append(table_of(together(experiment)[0]))
    return text.getvalue() + "".join(part.partition("\n")[2] for part in parts)
