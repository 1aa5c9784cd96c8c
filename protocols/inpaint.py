"""Completion of digits: hidden pixels filled in by INFERENCE in a model trained by target propagation.

Bengio et al. (2015) arXiv:1502.04156, figure 5 and section 8: half of the pixels are replaced by noise; 20 rounds of
INFERENCE, in which only the known pixels pull, f1(x_known, g1(h)) - f1(g1(h)), and x = g1(h1) in the hidden ones. Ours:
half planes as well as the random half, and the references for the squared error of the hidden pixels: the mean
training image, which is independent of the digit; the mean of the ten training images that are nearest in the known
pixels; and, for half planes, ridge regression of the hidden pixels on the known ones (Hoerl & Kennard (1970)
Technometrics 12:55), the best that a linear prediction can do. The model is that of generate_mnist, trained if it is
not in the cache. The validation images are filled in unless --set final=true.
"""

import numpy as np

from spikelearn.boltzmann.sampling import hidden_part
from spikelearn.command.command_line import run_protocol
from spikelearn.generative.recipe import Recipe, pixels_of
from spikelearn.generative.sampling import filled_in
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled
from spikelearn.plotting import heading, images_in_rows
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Accepted, Missing, Result

FIGURE_SIZE = (13, 6.8)
MASKS = ("pixels", "left", "right", "top", "bottom")
HALVES = {"left": "the left half", "right": "the right half", "top": "the upper half", "bottom": "the lower half"}
LINEAR = "of what a linear prediction explains; 0 = the mean image; bound: a full run less four s.d. of seeds"
ACCEPTED = {
    "mse_ratio_pixels": Accepted(0, .5, "chosen here: half of the error of the mean image"),
    "mse_over_nearest_pixels": Accepted(0, 1, "better than the mean of the ten nearest training images"),
} | {f"share_of_ridge_{mask}": Accepted(low, 1e6, LINEAR) for mask, low in zip(HALVES, (.6, .35, .35, .2), strict=True)}
CLAIMS = {
    "mse_ratio_pixels": "digits with random pixels hidden, filled in: squared error over that of the mean image",
    "mse_over_nearest_pixels": "the same over that of the ten nearest training images",
} | {f"share_of_ridge_{mask}": f"digits with {words} hidden, filled in: how much of the mean image's error is gone, "
                               "over what ridge regression takes off" for mask, words in HALVES.items()}
SHORT_FORM = dict(images=unless_given(3000), shown=at_most(200))


@checked
def run(*, masks=MASKS, share=0.5, recipe=None, rounds=20, steps=15, delta=0.1, alpha=0.001, images=0, shown=2000,
        dataset="mnist", final=False, resume="", data_dir="", seed=1, quick=False):
    """Train, or take from the cache, and fill in. Returns a Result.

    recipe : fields of generative.recipe.Recipe that differ; a field is also a keyword of its own, such as epochs=10
    masks : what is hidden: pixels, left, right, top, bottom, rows, columns; share : how much of it
    rounds, steps, delta, alpha : of the filling in; images : how many training images, 0 = all; shown : how many images
    are filled in; resume : any, training goes on by itself
    """
    masks = tuple(str(mask) for mask in np.atleast_1d(masks))
    recipe, data = Recipe().changed(recipe or {}, quick), load(dataset, data_dir or None)
    x, valid = pixels_of(data, images)
    hide = {mask: hidden_part(mask, min(shown, len(valid)), data.side, np.random.default_rng((seed, k)), share)
            for k, mask in enumerate(masks)}
    model = recipe.trained(x, valid, dataset=dataset, seed=seed, name=f"target propagation, seed {seed}").model
    whole = scaled(scored_part(data, final)[0].images, data.scale).astype(np.float32)[:shown]
    settings = dict(rounds=rounds, steps=steps, delta=delta, alpha=alpha)
    return Result("inpaint", *filled(model, whole, hide, x, settings, data.side, seed, final))


def filled(model, whole, hide, training, settings, side, seed, final):
    """(arrays, headline): errors in the hidden pixels, over the rounds for the first images, and examples."""
    few, headline = min(200, len(whole)), {}
    arrays = {"masks": np.array(list(hide)), "originals": whole[:12].reshape(-1, side, side)}
    for k, (mask, hidden) in enumerate(hide.items()):
        noise = np.random.default_rng((seed, k, 1)).random(whole.shape, np.float32)
        begun, path = np.where(hidden, noise, whole), []
        found = filled_in(model, begun, hidden, **settings)
        filled_in(model, begun[:few], hidden[:few], **settings,
                  watch=lambda x, path=path, hidden=hidden: path.append(error(x, whole[:few], hidden[:few])))
        own, of_mean = error(found, whole, hidden), error(training.mean(axis=0) + 0 * whole, whole, hidden)
        nearest = error(of_nearest(whole, ~hidden, training), whole, hidden)
        headline |= {f"mse_{mask}": own, f"mse_mean_image_{mask}": of_mean, f"mse_ratio_{mask}": own / of_mean,
                     f"mse_nearest_{mask}": nearest, f"mse_over_nearest_{mask}": own / nearest}
        if (hidden == hidden[0]).all():
            linear = error(of_ridge(whole, ~hidden[0], training), whole, hidden)
            share = (of_mean - own) / (of_mean - linear) if linear < of_mean else Missing(
                "with so few training images ridge regression gains nothing over the mean image")
            headline |= {f"mse_ridge_{mask}": linear, f"share_of_ridge_{mask}": share}
        arrays |= {f"begun_{mask}": begun[:12].reshape(-1, side, side),
                   f"filled_{mask}": found[:12].reshape(-1, side, side),
                   f"hidden_{mask}": hidden[:12].reshape(-1, side, side), f"error_{mask}": np.array(path)}
    return arrays, headline | {"images": len(whole), "rounds": settings["rounds"], "test_set_was_read": bool(final)}


def error(x, whole, hidden):
    """Mean squared error of the hidden pixels."""
    return float(((x - whole)[hidden].astype(float) ** 2).mean())


def of_nearest(whole, known, training, count=10, part=250):
    """Mean of the `count` training images (all, if there are fewer) nearest in the known pixels, (n, pixels)."""
    found, squares, count = np.empty_like(whole), training ** 2, min(count, len(training))
    for first in range(0, len(whole), part):
        rows = slice(first, first + part)
        seen = known[rows].astype(training.dtype)
        distance = seen @ squares.T - 2 * (seen * whole[rows]) @ training.T
        found[rows] = training[np.argpartition(distance, count - 1, axis=1)[:, :count]].mean(axis=1)
    return found


def of_ridge(whole, known, training, penalty=100.0):
    """The hidden pixels by ridge regression on the known ones, the others as they are, (n, pixels).

    known : (pixels,) bool, the same for all images; penalty : of squared coefficients, for pixels from 0 to 1; chosen
    here, it matters little.
    """
    mean, filled = training.mean(axis=0, dtype=float), whole.copy()
    seen, unseen = (training[:, part] - mean[part] for part in (known, ~known))
    coefficients = np.linalg.solve(seen.T @ seen + penalty * np.eye(known.sum()), seen.T @ unseen)
    filled[:, ~known] = mean[~known] + (whole[:, known] - mean[known]) @ coefficients
    return filled


def plot(result, figure):
    """Above, as figure 5: originals, where the inference starts, what it fills in. Below: errors."""
    a, h = result.arrays, result.headline
    masks = [str(mask) for mask in a["masks"]]
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.08, 1])
    left, right = upper.subplots(1, 2)
    for axes, kind, title in ((left, "begun", "where the inference starts"), (right, "filled", "filled in")):
        images_in_rows(axes, [a["originals"], *(a[f"{kind}_{mask}"] for mask in masks)], ["original", *masks])
        axes.set_title(title, fontsize=10)
    bars, curves = lower.subplots(1, 2)
    place = np.arange(len(masks))
    for shift, key, colour, label in ((-.3, "mse_mean_image", "0.7", "mean image"), (-.1, "mse", "C0", "INFERENCE"),
                                      (.1, "mse_nearest", "C1", "ten nearest"), (.3, "mse_ridge", "C2", "ridge")):
        known = [k for k, mask in enumerate(masks) if f"{key}_{mask}" in h]
        drawn = bars.bar(place[known] + shift, [h[f"{key}_{masks[k]}"] for k in known], .2, color=colour, label=label)
        bars.bar_label(drawn, fmt="%.3f", fontsize=8, padding=2, rotation=90)
    bars.set_xticks(place, masks)
    bars.set(ylabel="squared error of a hidden pixel", ylim=(0, 1.6 * max(h[f"mse_mean_image_{m}"] for m in masks)))
    bars.legend(fontsize=8, ncols=4, columnspacing=1)
    heading(bars, "Error in the hidden pixels",
            f"{h['images']:,} {'test' if h['test_set_was_read'] else 'validation'} digits")
    for mask in masks:
        curves.plot(a[f"error_{mask}"] / h[f"mse_mean_image_{mask}"], "-", label=mask)
    curves.set(xlabel="round of INFERENCE", ylabel="error / that of the mean image", ylim=(0, 1.3))
    curves.xaxis.get_major_locator().set_params(integer=True)
    curves.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, .35), ncols=2)
    heading(curves, "Filling in, round by round",
            "the first 200 digits; they start above the picture, from uniform noise in the hidden pixels")


if __name__ == "__main__":
    run_protocol()
