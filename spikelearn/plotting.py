"""Plots of pairing experiments and networks. Every function takes an Axes."""
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
    axes.annotate(protocol, (.5, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", ha="center",
                  va="bottom", fontsize=8, color="0.3")


def scores(axes, model, null, where="lower right"):
    """E of the model and of the null model in a corner. model : a number, or rule -> number."""
    up, left = where.startswith("upper"), where.endswith("left")
    alone = not isinstance(model, dict) or len(model) == 1
    model = next(iter(model.values())) if isinstance(model, dict) and alone else model
    said = f"E = {model:.3g}" if alone else "\n".join(f"{rule}: E = {value:.3g}" for rule, value in model.items())
    axes.text(.03 if left else .97, .96 if up else .04, f"{said}\nnull E = {null:.3g}", fontsize=8,
              transform=axes.transAxes, va="top" if up else "bottom", ha="left" if left else "right",
              bbox=dict(facecolor="white", edgecolor="0.8", pad=2.5))


def measured(axes, x, mean, sem, label="measured, mean ± s.e.m.", **style):
    """Black points with s.e.m. x, mean, sem : (n,) plain numbers in the units of the axes."""
    return axes.errorbar(x, mean, sem, **{**MEASURED, **style}, label=label)


def induced(rule, neuron):
    """Words for how the spikes of a pairing come about. neuron : its name, "" = none; or one for each of some rules."""
    if not isinstance(neuron, str) and np.ndim(neuron):
        forced = sorted({str(one) for one in neuron} - {""})
        return f"spikes forced in {', '.join(forced)}" if forced else "spike times only"
    return f"spikes forced in {neuron}" if neuron else f"spike times only ({rule} reads no potential)"


def compared(axes, labels, mean, sem, models):
    """Grouped bars: experiment (grey, s.e.m.) and models side by side.

    labels : (n,) words; mean, sem : (n,) numbers; models : rule -> (n,) numbers.
    """
    x, width = np.arange(len(labels)), .76 / (1 + len(models))
    axes.bar(x - width * len(models) / 2, mean, width, yerr=sem, color="0.7", capsize=2, error_kw=dict(lw=1),
             label="measured, mean ± s.e.m.")
    for k, (rule, model) in enumerate(models.items(), 1):
        axes.bar(x + width * (k - len(models) / 2), model, width, color=f"C{k - 1}", label=rule)
    axes.set_xticks(x, labels)
    axes.axhline(0, color="k", lw=.8)
    axes.margins(y=.16 + .08 * len(models))     # room for the legend and the scores


def learning_curve(axes, train, validation=None, label="", colour=MODEL):
    """Error in per cent over the epochs. train, validation : (epochs,) or (seeds, epochs); the mean over seeds."""
    from matplotlib.ticker import MaxNLocator

    for errors, style, part in ((train, "-", "training"), (validation, "--", "validation")):
        if errors is None or not np.size(errors):
            continue
        errors = np.atleast_2d(errors)
        epochs = np.arange(1, errors.shape[1] + 1)
        axes.plot(epochs, errors.mean(axis=0), style, color=colour, lw=1.5, marker="o", ms=3, label=f"{label}{part}")
        axes.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=colour, alpha=.15, lw=0)
    axes.set(xlabel="epoch", ylabel="error (%)", yscale="log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    low, high = axes.get_ylim()
    ticks = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if high > 6 * low else MaxNLocator(5).tick_values(low, high)
    ticks = [tick for tick in ticks if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def phase_raster(axes, t, i, population, names, sizes, boundary):
    """Spikes of one image, populations above each other, each given its share of the height.

    t : (n,) ms, i : (n,) neuron, population : (n,) index into names and sizes. boundary : end of the free phase, ms.
    """
    heights = np.sqrt(sizes) / np.sqrt(sizes).sum()
    bottoms = np.cumsum(heights) - heights
    t, i, population = (np.asarray(values) for values in (t, i, population))
    for k, size in enumerate(sizes):
        mine = population == k
        y = bottoms[k] + heights[k] * (.06 + .88 * (i[mine] + .5) / size)
        axes.plot(t[mine], y, "|", color=f"C{k}", ms=max(1.2, min(7, 140 * heights[k] / size)), mew=.6)
        axes.axhline(bottoms[k], color="0.7", lw=.6)
    axes.axvline(boundary, color="k", lw=1, ls="--")
    axes.text(boundary, 1.01, "free phase  ", ha="right", va="bottom", fontsize=8)
    axes.text(boundary, 1.01, "  nudged", ha="left", va="bottom", fontsize=8)
    axes.set_yticks(bottoms + heights / 2, [f"{name}\n({size})" for name, size in zip(names, sizes, strict=True)],
                    fontsize=8)
    axes.set(xlabel="time (ms)", ylim=(0, 1), xlim=(0, None))


def image_grid(axes, images, answers, labels, columns):
    """Images in a grid with the network's answer above each, red where it is wrong. images : (n, height, width)."""
    axes.axis("off")
    n, height, width = np.shape(images)
    if n == 0:
        return
    rows, gap = -(-n // columns), round(.45 * height)
    canvas = np.full((rows * (height + gap), columns * (width + 2)), np.nan)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + gap) + gap, (k % columns) * (width + 2)
        canvas[top:top + height, left:left + width] = image
        wrong = answers[k] != labels[k]
        said = f"{answers[k]} ({labels[k]})" if wrong else f"{answers[k]}"
        axes.text(left + width / 2 - .5, top - .12 * height, said, ha="center", va="bottom", fontsize=8,
                  color="C3" if wrong else "k")
    axes.imshow(canvas, cmap="gray_r", interpolation="nearest")


def receptive_fields(axes, weights, columns):
    """Incoming weights of hidden units as small pictures, red positive, blue negative. weights : (n, height, width)."""
    from matplotlib import colormaps

    n, height, width = np.shape(weights)
    rows = -(-n // columns)
    canvas = np.full((rows * (height + 1), columns * (width + 1)), np.nan)
    for k, field in enumerate(weights):
        top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
        canvas[top:top + height, left:left + width] = field / max(np.abs(field).max(), 1e-12)
    colours = colormaps["RdBu_r"].resampled(33)         # a smaller file than with 256
    axes.imshow(canvas, cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
    axes.axis("off")


def confusion_matrix(axes, counts):
    """How often each class (row) was taken for each class (column); right answers are left out of the shading."""
    counts = np.asarray(counts)
    wrong = counts - np.diag(np.diag(counts))
    axes.imshow(wrong, cmap="Reds", vmin=0)
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            axes.text(column, row, counts[row, column], ha="center", va="center", fontsize=8,
                      color="0.5" if row == column else "w" if wrong[row, column] > .7 * wrong.max() else "k")
    axes.set(xlabel="predicted class", ylabel="true class", xticks=range(len(counts)), yticks=range(len(counts)))


def images_in_rows(axes, rows, names=()):
    """Rows of grey images from 0 to 1, black = 1, names to their left. rows : list of (n, height, width)."""
    height, width = rows[0].shape[1:]
    canvas = np.full((len(rows) * (height + 1), max(len(row) for row in rows) * (width + 1)), np.nan)
    for k, row in enumerate(rows):
        for n, image in enumerate(row):
            top, left = k * (height + 1), n * (width + 1)
            canvas[top:top + height, left:left + width] = image
    axes.imshow(canvas, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks(height / 2 + (height + 1) * np.arange(len(names)), names, fontsize=8)
    axes.tick_params(length=0)


def flip_raster(axes, events, names, sizes):
    """Flips up (red), down (blue) and attempts (grey) of two-state neurons, populations above each other.

    events : kind -> (t (n,), i (n,) neuron, population (n,)), kind attempts, ups, downs; the time is that of the axes.
    """
    heights = np.sqrt(sizes) / np.sqrt(sizes).sum()
    bottoms = np.cumsum(heights) - heights
    styles = {"attempts": ("0.6", "flip attempted"), "ups": ("C3", "flip up"), "downs": ("C0", "flip down")}
    for kind, (t, i, population) in events.items():
        size, bottom, height = (np.asarray(values)[population] for values in (sizes, bottoms, heights))
        colour, label = styles[kind]
        axes.plot(t, bottom + height * (.06 + .88 * (i + .5) / size), "|", color=colour, ms=5, mew=1, label=label)
    for bottom in bottoms:
        axes.axhline(bottom, color="0.7", lw=.6)
    axes.set_yticks(bottoms + heights / 2, [f"{name}\n({size})" for name, size in zip(names, sizes, strict=True)],
                    fontsize=8)
    axes.set(ylim=(0, 1), xlim=(0, None))
    axes.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=.2, frameon=False, ncols=3)


def flow_and_likelihood(axes, flow, likelihood=None):
    """Objective of variational probability flow over the epochs, and the log-likelihood where it is known.

    flow, likelihood : (seeds, epochs), a thin line a seed.
    """
    epochs = np.arange(1, np.shape(flow)[1] + 1)
    lines = axes.plot(epochs, np.transpose(flow), color="0.5", lw=1,
                      label="attempts of the visible neurons per τ: the objective K")[:1]
    axes.set(xlabel="epoch", ylabel="attempts per τ", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    if likelihood is not None:
        other = axes.twinx()
        lines += other.plot(epochs, np.transpose(likelihood), color=MODEL, lw=1,
                            label="log-likelihood of validation images")[:1]
        other.set_ylabel("log-likelihood (nats)", color=MODEL)
        best = np.max(likelihood)
        other.set_ylim(max(np.min(likelihood), best - 12), best + 1)      # early blunders leave the picture
    axes.legend(handles=lines, fontsize=8, loc="lower right")


def distance_and_noise(axes, step, distance, noise):
    """Distance of sampled occupancies from the law over the time step, in units of tau, with its sampling noise."""
    axes.plot(step, distance, "o-", color=MODEL, label="simulated")
    axes.plot(step, noise, ":", color="0.5", label="expected of sampling noise alone")
    axes.set(xscale="log", yscale="log", xlabel="time step dt / τ", ylabel="total variation distance")
    axes.set_xticks(step, [f"{size:g}" for size in step])
    axes.minorticks_off()
    axes.legend(fontsize=8)


def nudged_trace(above, below, learning, hidden, output, change, spikes, boundary, dt):
    """Potentials of a hidden and an output unit while one image is shown, and the change that their synapse collects.

    above, below : axes. learning, hidden, output, change : (steps,). spikes : times in ms of the hidden and of the
    output unit. boundary : end of the free phase in ms; dt : time step in ms.
    """
    t = dt * (np.arange(len(learning)) + 1)
    turns = np.flatnonzero(np.diff(learning, prepend=0)).tolist() + [len(learning)]
    for first, last in zip(turns, turns[1:]):
        sign = learning[first]
        for axes in (above, below):
            axes.axvspan(dt * first, dt * last, color="C2" if sign > 0 else "C3", alpha=.12, lw=0)
        words = "free window, learning −1" if dt * first < boundary else f"nudge {'+' if sign > 0 else '−'}β, " \
            f"learning {'+' if sign > 0 else '−'}1"
        above.text(dt * (first + last) / 2, 1.01, words, ha="center", va="bottom", fontsize=8,
                   transform=above.get_xaxis_transform())
    for potential, times, colour, height, name in ((output, spikes[1], "C1", 1.16, "output unit of the class"),
                                                   (hidden, spikes[0], "C0", 1.08, "hidden unit")):
        above.plot(t, potential, color=colour, lw=1.3, label=name)
        above.plot(times, np.full(len(times), height), "|", color=colour, ms=5, mew=.7)
    above.set(ylabel="potential, spikes", ylim=(-.04, 1.22), xlim=(0, t[-1]))
    above.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.005, .5), frameon=False)
    below.plot(t, change, color="k", lw=1.2)
    below.axhline(0, color="0.6", lw=.8, ls="--", zorder=0)
    below.set(ylabel="change of weight", xlabel="time (ms)", xlim=(0, t[-1]))


def mosaic(images, columns=6):
    """Images (n, pixels) as one picture."""
    side = int(np.sqrt(images.shape[1]))
    tiles = np.pad(images.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)))
    return np.vstack([np.hstack(list(tiles[row:row + columns])) for row in range(0, len(tiles), columns)])
