"""How the field draws pairing experiments. Every function takes an Axes."""
import numpy as np

MODEL = "C0"
MEASURED = dict(fmt="ko", ms=4, lw=1, capsize=2)


def zero_lines(axes, vertical=True):
    """Dashed lines at no change and, if wanted, at x = 0."""
    axes.axhline(0, color="0.6", lw=.8, ls="--", zorder=0)
    if vertical:
        axes.axvline(0, color="0.6", lw=.8, ls="--", zorder=0)


def heading(axes, title, protocol):
    """Title, and under it in small print the protocol: motifs, rate, how the spikes are forced."""
    axes.set_title(title, fontsize=10, pad=8 + 10 * (protocol.count("\n") + 1))
    axes.text(.5, 1.02, protocol, transform=axes.transAxes, ha="center", va="bottom", fontsize=7.5, color="0.3")


def scores(axes, model, null, where="lower right"):
    """E of the model and of the null model in a corner."""
    up, left = where.startswith("upper"), where.endswith("left")
    axes.text(.03 if left else .97, .96 if up else .04, f"E = {model:.3g}\nnull E = {null:.3g}", fontsize=8,
              transform=axes.transAxes, va="top" if up else "bottom", ha="left" if left else "right",
              bbox=dict(facecolor="white", edgecolor="0.8", pad=2.5))


def measured(axes, x, mean, sem, label="measured, mean ± s.e.m.", **style):
    """Black points with s.e.m. x, mean, sem : (n,) plain numbers in the units of the axes."""
    return axes.errorbar(x, mean, sem, **{**MEASURED, **style}, label=label)


def induced(rule, neuron):
    """Words for how the spikes of a pairing come about."""
    return f"spikes forced in {neuron}" if neuron else f"spike times only ({rule} reads no potential)"


def compared(axes, labels, mean, sem, model, rule):
    """Grouped bars: experiment (grey, s.e.m.) and model side by side. labels : (n,) words; others (n,) numbers."""
    x = np.arange(len(labels))
    axes.bar(x - .2, mean, .38, yerr=sem, color="0.7", capsize=2, error_kw=dict(lw=1), label="measured, mean ± s.e.m.")
    axes.bar(x + .2, model, .38, color=MODEL, label=rule)
    axes.set_xticks(x, labels)
    axes.axhline(0, color="k", lw=.8)
    axes.margins(y=.22)     # room for the legend and the scores
