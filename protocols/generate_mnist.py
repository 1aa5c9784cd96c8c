"""A deep generative model of digits, trained by target propagation without back-propagation; Parzen log-likelihood.

Bengio et al. (2015) arXiv:1502.04156, Algorithm 2, figure 3 and section 8: 784-1000-100 units, 20 epochs in batches of
100, INFERENCE of 15 steps; GENERATE reaches 236 nats, plain top-down sampling 126. The width of the prior moves the
likelihood most: 4 x the variance of h2 in the source, 16 x here. Beside GENERATE: the prior of the source, top-down
sampling, the joint denoising chain (eq. 9-11), and as baselines the same network trained by back-propagation as a
denoising auto-encoder, training images taken as samples, and the centres of k-means, which score higher than all and
show how the Parzen estimate misleads (Theis et al. 2016). Parzen: 10,000 samples, sigma chosen on validation images
(Breuleux et al. 2011).
Published numbers of others: Goodfellow et al. (2014), table 1. Form of the loss, rates and sizes of the noise are
chosen here on the validation images, half of which are scored unless --set final=true. The trained model stays in
the user's cache folder: the same command resumes the training, and likelihood_ascent and inpaint use the model.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.generative.denoising import generated_by_chain
from spikelearn.generative.model import feedforward
from spikelearn.generative.recipe import Recipe, pixels_of
from spikelearn.generative.sampling import generated, generated_by_joint_chain, generated_top_down
from spikelearn.generative.train import prior_of
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled, side_of
from spikelearn.images.masks import gaussian
from spikelearn.likelihood import choosing_and_scored, parzen
from spikelearn.plotting import images_in_rows
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Accepted, Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (12.5, 10)
ACCEPTED = {
    "log_likelihood": Accepted(220, 400, "Bengio et al. (2015), section 8: 236 nats"),
    "generate_minus_top_down": Accepted(20, 400, "Bengio et al. (2015), section 8: 236 - 126 nats"),
}
CLAIMS = {
    "log_likelihood": "GENERATE after target propagation: Parzen log-likelihood of MNIST (nats)",
    "generate_minus_top_down": "rounds of INFERENCE draw better digits than top-down sampling: by (nats)",
}
PUBLISHED = {       # nats and standard error on MNIST
    "source, GENERATE": (236, 0), "source, top-down": (126, 0), "GAN": (225, 2), "deep GSN": (214, 1.1),
    "DBN": (138, 2), "stacked CAE": (121, 1.6),
}
WAYS = {
    "generate": "target propagation, GENERATE", "source_prior": "the same, prior of the source",
    "top_down": "target propagation, top-down", "joint_chain": "target propagation, joint chain",
    "backprop": "back-propagation, GENERATE", "backprop_top_down": "back-propagation, top-down",
    "backprop_chain": "back-propagation, denoising chain", "k_means": "k-means centres",
    "training_images": "training images",
}
PRIOR_IMAGES = 10_000       # training images whose top layer gives the prior; chosen here
SOURCE_FACTOR = 4.0         # of the prior's variance in the source
SHORT_FORM = dict(images=unless_given(3000), shown=at_most(500), samples=at_most(1000), runs=at_most(1),
                  centres=at_most(100))


@checked
def run(*, recipe=None, runs=3, samples=10_000, factor=16.0, generate_alpha=0.3, rounds=3, chain_steps=30, centres=1000,
        images=0, shown=10_000, dataset="mnist", final=False, resume="", data_dir="", seed=1, quick=False):
    """Train `runs` models each way, draw, score. Returns a Result.

    recipe : fields of generative.recipe.Recipe that differ; a field is also a keyword of its own, such as epochs=10
    (its `samples` is not: samples says how many images are drawn); factor : of the prior's variance, chosen here on
    validation images (the source's 4 stands beside it); generate_alpha, rounds : of GENERATE; chain_steps : of the
    joint chain; centres : of k-means, no more than training images; images : how many training images, 0 = all
    shown : how many images are scored; at most 2,000 others choose sigma; resume : any, training goes on by itself
    """
    recipe, data = Recipe().changed(recipe or {}, quick), load(dataset, data_dir or None)
    x, valid = pixels_of(data, images)
    choose, held_out = choosing_and_scored(valid, shown)
    drawn, curves, kept = {}, {}, {}
    for r in range(runs):
        found, trained = drawn_images(recipe, x, valid, dataset, seed + r, samples, factor, rounds, generate_alpha,
                                      chain_steps)
        for way, value in found.items():
            drawn.setdefault(way, []).append(value)
        for name, values in trained.curve.items():
            curves.setdefault(f"curve_{name}", []).append(values)
        kept = kept or {f"first_{name}": array for name, array in trained.model.arrays().items()}
    drawn["training_images"] = [x[sampling_numbers(seed, len(WAYS)).permutation(len(x))[:samples]]]
    drawn["k_means"] = [k_means(x, min(centres, len(x)), seed)]
    if final:
        held_out = scaled(scored_part(data, final)[0].images, data.scale)[:shown]
    arrays, headline = scored(drawn, choose, held_out, dataset, final)
    headline |= {"training_seconds": float(np.sum(curves["curve_seconds"][0])), "runs": runs}
    return Result("generate_mnist", arrays | kept | {name: np.array(values) for name, values in curves.items()},
                  headline)


def drawn_images(recipe, x, valid, dataset, seed, samples, factor, rounds, generate_alpha, chain_steps):
    """(way -> (samples, pixels), Trained by target propagation) of one seed."""
    trained = recipe.trained(x, valid, dataset=dataset, seed=seed, name=f"target propagation, seed {seed}")
    other = recipe.backpropagated(x, dataset=dataset, seed=seed, name=f"back-propagation, seed {seed}").model
    model, few = trained.model, x[:PRIOR_IMAGES]
    prior, other_prior = prior_of(model, few, recipe.inference, factor), prior_of(other, few, feedforward, factor)
    source_prior = prior._replace(variance=prior.variance * np.float32(SOURCE_FACTOR / factor))
    settings = dict(rounds=rounds, steps=recipe.steps, delta=recipe.delta, alpha=generate_alpha)

    def numbers(way):
        return sampling_numbers(seed, list(WAYS).index(way))

    return {
        "generate": generated(model, prior, samples, numbers("generate"), **settings),
        "source_prior": generated(model, source_prior, samples, numbers("source_prior"), **settings),
        "top_down": generated_top_down(model, prior, samples, numbers("top_down")),
        "joint_chain": generated_by_joint_chain(model, prior, samples, numbers("joint_chain"), recipe.corruptions(),
                                                steps=chain_steps),
        "backprop": generated(other, other_prior, samples, numbers("backprop"), **settings),
        "backprop_top_down": generated_top_down(other, other_prior, samples, numbers("backprop_top_down")),
        "backprop_chain": generated_by_chain(other, other_prior, samples, numbers("backprop_chain"),
                                             gaussian(recipe.pixel_noise or .3)),
    }, trained


def k_means(x, centres, seed):
    """Centres of the training images, (centres, pixels)."""
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(centres, batch_size=2048, n_init=1, max_iter=20, random_state=seed).fit(x).cluster_centers_


def scored(drawn, choose, held_out, dataset, final):
    """(arrays, headline): Parzen log-likelihoods, mean over seeds, and the first images of each way."""
    side = side_of(held_out)
    found = {way: [parzen(held_out, images, validation=choose) for images in several]
             for way, several in drawn.items()}
    values = {way: np.array([one.log_likelihood for one in several]) for way, several in found.items()}
    main = found["generate"]
    headline = {"log_likelihood": values["generate"].mean(), "log_likelihood_se": sem(values["generate"], main),
                "sigma": float(np.mean([one.sigma for one in main]))}
    for way in WAYS:
        if way != "generate":
            headline |= {f"log_likelihood_{way}": values[way].mean(), f"sigma_{way}": found[way][0].sigma}
    headline |= {"generate_minus_top_down": values["generate"].mean() - values["top_down"].mean(),
                 "test_set_was_read": bool(final)}
    arrays = {"dataset": dataset, "part": "test" if final else "validation", "scored": len(held_out),
              "samples": len(drawn["generate"][0])}
    for way in WAYS:
        arrays |= {f"log_likelihoods_{way}": values[way], f"se_{way}": sem(values[way], found[way]),
                   f"images_{way}": drawn[way][0][:100].reshape(-1, side, side)}
    return arrays, headline


def sem(values, found):
    """Standard error of the mean over seeds; of a single one over the images."""
    return float(values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else found[0].log_likelihood_se)


def plot(result, figure):
    """Digits of GENERATE as in figure 3, a row of each other way, and the log-likelihoods beside published ones."""
    a, h = result.arrays, result.headline
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.25])
    axes = left.subplots(2, 1, height_ratios=[10, 7])
    images_in_rows(axes[0], [a["images_generate"][k:k + 10] for k in range(0, 100, 10)])
    axes[0].set_title(f"{a['dataset']}: the first 100 drawn by GENERATE, not chosen\n"
                      "(target propagation, pixel means)", fontsize=10)
    others = [way for way in WAYS if way != "generate"]
    images_in_rows(axes[1], [a[f"images_{way}"][:10] for way in others],
                   [WAYS[way].replace("target propagation", "TP").replace("back-propagation", "BP") for way in others])
    axes = right.subplots()
    bars = [(words, float(a[f"log_likelihoods_{way}"].mean()), float(a[f"se_{way}"]),
             "C2" if way.startswith("backprop") else "0.6" if way in ("k_means", "training_images") else "C0")
            for way, words in WAYS.items()]
    bars += [(name, value, error, "C1") for name, (value, error) in PUBLISHED.items() if str(a["dataset"]) == "mnist"]
    labels, values, errors, colours = zip(*bars[::-1], strict=True)
    drawn = axes.barh(labels, values, xerr=errors, color=colours, capsize=2)
    axes.bar_label(drawn, fmt="%.0f", padding=5, fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(x=.14)
    axes.set_xlabel("Parzen log-likelihood (nats)", fontsize=9)
    axes.set_title(f"{int(a['scored']):,} {a['part']} images, {int(a['samples']):,} samples, σ = {h['sigma']:.2f}; "
                   f"mean ± s.e., seeds: {h['runs']}\nblue: without back-propagation; green: with; orange: published",
                   fontsize=9)


if __name__ == "__main__":
    run_protocol()
