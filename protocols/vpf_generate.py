"""Deep Boltzmann machines trained by variational probability flow generate digits; Parzen log-likelihood.

Liu & Lin (2017) arXiv:1711.07732, table and figure of generated digits: all layers at once, no layer-wise training;
with and without lateral weights in the hidden layers; the top layer started from the mean activations on the training
images (DBM-p) or from fair coins (DBM-r). Their numbers are illegible in our copy; their order: DBM-p without
lateral weights just below 214 nats, with them between 214 and 225; DBM-p above DBM-r without lateral weights. Parzen:
10,000 samples, sigma chosen on validation images (Breuleux et al. 2011). Published numbers of others: Goodfellow et
al. (2014), table 1. The figure also shows training images used as samples: the estimate can mislead (Theis et al.
2016). Sizes, passes and settings are chosen here on the validation images, half of which are scored unless --set
final=true.
"""

import numpy as np

from spikelearn.boltzmann.machine import new_machine
from spikelearn.boltzmann.sampling import generated, mean_activation
from spikelearn.boltzmann.train import train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled, side_of
from spikelearn.likelihood import choosing_and_scored, parzen
from spikelearn.plotting import images_in_rows
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (12.5, 9)
PUBLISHED = {       # nats and standard error on MNIST: Goodfellow et al. (2014) arXiv:1406.2661, table 1
    "DBN": (138, 2), "stacked CAE": (121, 1.6), "deep GSN": (214, 1.1), "GAN": (225, 2),
}
PRIORS = ("p", "r")
SHORT_FORM = dict(images=unless_given(6000), shown=at_most(500), samples=at_most(1000), runs=at_most(1),
                  epochs=at_most(6), hidden=at_most(100))


@checked
def run(*, hidden=(100, 100), lateral=(False, True), epochs=10, runs=3, rate=0.01, last_rate=0.1, weight_decay=3e-3,
        batch=100, rounds=10, spread=0.1, bias=-3.0, top_steps=20, steps=1, samples=10_000, images=0, shown=10_000,
        dataset="mnist", final=False, out="", resume="", data_dir="", seed=1, quick=False):
    """Train each kind `runs` times, generate, score. Returns a Result.

    hidden : units of each hidden layer; lateral : which kinds, without and with lateral weights
    rounds : how often in an epoch hidden units are drawn, each time for the images that come next
    top_steps, steps : Gibbs steps of the two topmost layers, and of each pair below on the way down
    images : how many training images, 0 = all; shown : how many images are scored; at most 2,000
    others choose sigma
    """
    data = load(dataset, data_dir or None)
    x = scaled(data.train.images, data.scale).astype(np.float32)
    choose, held_out = choosing_and_scored(scaled(data.validation.images, data.scale), shown)
    sizes, learnt_from = (x.shape[1], *(int(n) for n in np.atleast_1d(hidden))), x[:images or None]
    drawn, kept = {}, {}
    for with_lateral in np.atleast_1d(lateral):
        for r in range(runs):
            start = new_machine(sizes, lateral=range(1, len(sizes)) if with_lateral else (), spread=spread, bias=bias,
                                mean=learnt_from.mean(axis=0), seed=seed + r, dtype=np.float32)
            machine = train_kept(
                start, learnt_from, "vpf", name=f"{kind_name(with_lateral)}-{seed + r}", out=out, resume=resume,
                epochs=epochs, batch=batch, rate=rate, last_rate=last_rate, weight_decay=weight_decay, rounds=rounds,
                seed=seed + r, about={"dataset": dataset, "spread": spread, "bias": bias}).machine
            if r == 0:
                kept |= {f"{kind_name(with_lateral)}_{name}": array for name, array in machine.arrays().items()}
            images_of = draw(machine, learnt_from, samples, seed, (r, int(with_lateral)), top_steps, steps)
            for prior, images in images_of.items():
                drawn.setdefault((prior, kind_name(with_lateral)), []).append(images)
    if final:
        held_out = scaled(scored_part(data, final)[0].images, data.scale)[:shown]
    training = x[sampling_numbers(seed).permutation(len(x))[:samples]]
    arrays, headline = scored(drawn, training, choose, held_out, dataset, final)
    return Result("vpf_generate", arrays | kept, headline)


def draw(machine, x, samples, seed, where, top_steps, steps):
    """Prior -> (samples, pixels) images of one machine. where : (number of the run, kind), for the random numbers."""
    mean = mean_activation(machine, x, sampling_numbers(seed, *where, len(PRIORS)))
    return {prior: generated(machine, samples, sampling_numbers(seed, *where, k), top_steps=top_steps, steps=steps,
                             prior=mean if prior == "p" else None) for k, prior in enumerate(PRIORS)}


def kind_name(lateral):
    """Word for the machines with or without lateral weights."""
    return "lateral" if lateral else "plain"


def scored(drawn, training, choose, held_out, dataset, final):
    """(arrays, headline): Parzen log-likelihoods, mean over runs, and images of each kind beside the nearest ones."""
    side = side_of(held_out)
    found = {kind: [parzen(held_out, images, validation=choose) for images in runs] for kind, runs in drawn.items()}
    themselves = parzen(held_out, training, validation=choose)
    main = ("p", "lateral") if ("p", "lateral") in found else next(iter(found))
    headline = {name: float(np.mean([getattr(one, name) for one in found[main]]))
                for name in ("log_likelihood", "log_likelihood_se", "sigma")}
    headline |= {"log_likelihood_training_images": themselves.log_likelihood,
                 "log_likelihood_training_images_se": themselves.log_likelihood_se,
                 "sigma_training_images": themselves.sigma}
    arrays = {"kinds": np.array([f"{prior}_{kind}" for prior, kind in found]), "training": themselves.log_likelihood,
              "dataset": dataset, "part": "test" if final else "validation", "scored": len(held_out),
              "samples": len(training), "training_examples": training[:20].reshape(-1, side, side)}
    for (prior, kind), several in found.items():
        values = np.array([one.log_likelihood for one in several])
        key = f"{prior}_{kind}"
        headline |= {f"log_likelihood_{key}": values.mean(), f"sd_{key}": values.std(ddof=len(values) > 1),
                     f"log_likelihood_se_{key}": float(np.mean([one.log_likelihood_se for one in several])),
                     f"sigma_{key}": float(np.mean([one.sigma for one in several]))}
        arrays |= {f"log_likelihoods_{key}": values, f"sigmas_{key}": np.array([one.sigma for one in several])}
        few = drawn[prior, kind][0][:20]
        arrays |= {f"images_{key}": few.reshape(-1, side, side),
                   f"nearest_{key}": training[nearest(few, training)].reshape(-1, side, side)}
    headline |= {f"published_{name.lower().replace(' ', '_')}": value for name, (value, _) in PUBLISHED.items()
                 if dataset == "mnist"}
    return arrays, headline | {"runs": len(values), "test_set_was_read": bool(final)}


def nearest(images, training):
    """Which of the training images is nearest to each image, (n,)."""
    return ((training ** 2).sum(axis=1) - 2 * images @ training.T).argmin(axis=1)


def plot(result, figure):
    """Images of each kind, each above its nearest training image, and the log-likelihoods beside published ones."""
    a, h = result.arrays, result.headline
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.5, 1])
    rows, names = [], []
    for key in map(str, a["kinds"]):
        rows += [a[f"images_{key}"], a[f"nearest_{key}"]]
        names += [words(key), "nearest of training"]
    axes = upper.subplots()
    images_in_rows(axes, [*rows, a["training_examples"]], [*names, "training images"])
    axes.set_title(f"{str(a['dataset'])}: the first 20 drawn of each kind, not chosen (visible probabilities)",
                   fontsize=10)
    axes = lower.subplots()
    bars = [(words(key), h[f"log_likelihood_{key}"], h[f"sd_{key}"], "C0") for key in map(str, a["kinds"])]
    bars += [(f"{int(a['samples']):,} training images", h["log_likelihood_training_images"],
              h["log_likelihood_training_images_se"], "0.6")]
    if str(a["dataset"]) == "mnist":
        bars += [(name, value, error, "C1") for name, (value, error) in PUBLISHED.items()]
    labels, values, errors, colours = zip(*bars[::-1], strict=True)
    drawn = axes.barh(labels, values, xerr=errors, color=colours, capsize=2)
    axes.bar_label(drawn, fmt="%.1f", padding=4, fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(x=.12)
    axes.set_xlabel("Parzen log-likelihood (nats)", fontsize=9)
    axes.set_title(f"{int(a['scored']):,} {a['part']} images, {int(a['samples']):,} samples, σ = {h['sigma']:.2f}; "
                   f"blue: mean ± s.d., {h['runs']} runs; orange: published, Goodfellow et al. (2014)", fontsize=9)


def words(key):
    """What a key of the headline stands for."""
    prior, kind = key.split("_")
    return f"DBM-{prior}, {'with' if kind == 'lateral' else 'no'} lateral weights"


if __name__ == "__main__":
    run_protocol()
