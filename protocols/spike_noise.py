"""Spikes as the corruption of a generative model: reconstruction and likelihood against the spike-count window.

Bengio et al. (2015) arXiv:1502.04156, sections 3 and 5: spikes quantise the activities, and the counting time sets the
noise that makes denoising auto-encoders of the layers. The source shows no such experiment; this is our construction:
the model of generate_mnist, smaller, with the activity of every layer read as Poisson counts over the window,
trained and tested with the same window; r_max is the rate of an activity of 1. Reconstruction: up and down through
both hidden layers, each pass read through spikes. Beside it the Gaussian and Bernoulli noise of Algorithm 2. Parzen
as in generate_mnist, with the prior of the source, on half of the validation images unless --set final=true.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn.command.command_line import run_protocol
from spikelearn.generative.recipe import Recipe, pixels_of
from spikelearn.generative.sampling import generated, in_parts
from spikelearn.generative.train import prior_of
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled
from spikelearn.images.masks import spike_counts
from spikelearn.likelihood import choosing_and_scored, parzen
from spikelearn.plotting import heading, images_in_rows
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, every, of_all
from spikelearn.results.result import Result

FIGURE_SIZE = (12.5, 5.2)
SHORT_FORM = dict(windows=every(2), images=of_all(2000), epochs=at_most(5), batch=at_most(20), samples=at_most(1000),
                  shown=at_most(500), hidden=at_most(100))


@checked
def run(*, windows=(10, 30, 100, 300, 1000) * ms, r_max=100 * Hz, hidden=(300, 50), epochs=10, batch=50, images=10_000,
        samples=5000, shown=5000, dataset="mnist", final=False, resume="", data_dir="", seed=1, quick=False):
    """Train with every window. Returns a Result.

    windows : counting times; r_max : rate of an activity of 1; images : how many training images; shown : how many
    images are scored; resume : any, training goes on by itself
    """
    recipe, data = Recipe().changed(dict(hidden=hidden, epochs=epochs, batch=batch)), load(dataset, data_dir or None)
    x, valid = pixels_of(data, images)
    choose, held_out = choosing_and_scored(valid, shown)
    if final:
        held_out = scaled(scored_part(data, final)[0].images, data.scale).astype(np.float32)[:shown]
    arrays = {"windows": windows, "spikes": np.asarray(windows * r_max)}
    headline, side = {}, data.side
    corruptions = {f"{float(window / ms):g}_ms": [spike_counts(window, r_max)] * (1 + len(recipe.hidden))
                   for window in windows}
    for name, corrupt in {**corruptions, "algorithm_2": recipe.corruptions()}.items():
        model = recipe.trained(x, valid, dataset=dataset, seed=seed, name=f"noise {name}", corruptions=corrupt,
                               about={"noise of all layers": name, "r_max": str(r_max)}).model
        prior = prior_of(model, x, recipe.inference)
        drawn = generated(model, prior, samples, np.random.default_rng(seed))
        found = parzen(held_out, drawn, validation=choose)
        rng = np.random.default_rng((seed, 1))
        heard = in_parts(lambda part, m=model, c=corrupt, r=rng: through_noise(m, part, c, r), held_out)
        headline |= {f"log_likelihood_{name}": found.log_likelihood, f"sigma_{name}": found.sigma,
                     f"mse_{name}": float(((heard - held_out) ** 2).mean())}
        arrays |= {f"log_likelihood_se_{name}": found.log_likelihood_se,
                   f"images_{name}": drawn[:8].reshape(-1, side, side),
                   f"reconstructed_{name}": heard[:8].reshape(-1, side, side)}
    arrays["originals"] = held_out[:8].reshape(-1, side, side)
    headline |= {"scored": len(held_out), "test_set_was_read": bool(final)}
    return Result("spike_noise", arrays | {"names": np.array([*corruptions, "algorithm_2"])}, headline)


def through_noise(model, x, corruptions, rng):
    """x up to the top and down again, every layer heard through its corruption: (n, pixels) means."""
    h = corruptions[0](x, rng)
    for f, corrupt in zip(model.f, corruptions[1:], strict=True):
        h = corrupt(f(h), rng)
    for k in range(len(model.g) - 1, -1, -1):
        h = model.g[k](h)
        if k:
            h = corruptions[k](h, rng)
    return h


def plot(result, figure):
    """Likelihood and error against the window; reconstructions and drawn digits for each."""
    a, h = result.arrays, result.headline
    names = [str(name) for name in a["names"]]
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.35])
    window = np.asarray(a["windows"] / second) * 1000
    for axes, key, label in zip(left.subplots(2, 1, sharex=True), ("log_likelihood", "mse"),
                                ("Parzen log-likelihood (nats)", "squared error of a pixel"), strict=True):
        errors = [a[f"log_likelihood_se_{name}"] for name in names[:-1]] if key == "log_likelihood" else None
        axes.errorbar(window, [h[f"{key}_{name}"] for name in names[:-1]], errors, fmt="o-", label="spikes")
        axes.axhline(h[f"{key}_algorithm_2"], color="C1", ls="--", label="Gaussian and Bernoulli noise")
        axes.set(xscale="log", ylabel=label)
        axes.legend(fontsize=8)
        if key == "log_likelihood":
            heading(axes, "Drawn by GENERATE", f"{h['scored']:,} "
                    f"{'test' if h['test_set_was_read'] else 'validation'} images")
        else:
            heading(axes, "Reconstructed through spikes", "up and down through both hidden layers")
            axes.set_xlabel("spike-count window (ms)")
    per = [f"{name.replace('_', ' ')}, {n:g} spikes" for name, n in zip(names, a["spikes"], strict=False)]
    grids = right.subplots(1, 2)
    images_in_rows(grids[0], [a["originals"], *(a[f"reconstructed_{name}"] for name in names)],
                   ["original", *per, "Algorithm 2"])
    images_in_rows(grids[1], [np.zeros_like(a["originals"]), *(a[f"images_{name}"] for name in names)])
    grids[0].set_title("reconstructed", fontsize=10)
    grids[1].set_title("drawn, the first 8", fontsize=10)


if __name__ == "__main__":
    run_protocol()
