"""Deep Boltzmann machines trained by variational probability flow generate digits; Parzen log-likelihood.

Liu & Lin (2017) arXiv:1711.07732, table and figure of generated digits: all layers at once, no layer-wise training;
with and without lateral weights in the hidden layers; the top layer started from the mean activations on the training
images (DBM-p) or from fair coins (DBM-r). Their numbers are illegible in our copy; their order: DBM-p without
lateral weights just below 214 nats, with them between 214 and 225; DBM-p above DBM-r without lateral weights. The
recipes are ours (boltzmann.recipe). Hidden units of the plain machine are drawn anew every 167 minibatches, of the
machine with lateral weights once an epoch; `equal` is the plain machine with one draw an epoch too. Machines are
compared after top_steps Gibbs steps of the top pair, and after the number of steps that is best for each on validation
images. With one hidden layer (--set hidden=500 --set top_steps=500) the machine is restricted and learns by the recipe
of free samples: its top steps are a free run, and its annealed log-likelihood, the lower of forward and backward, is
reported. Classes of the samples are counted by logistic regression trained on training images. Parzen: 10,000 samples,
sigma chosen on validation images (Breuleux et al. 2011); training images as samples are shown too, as the estimate can
mislead (Theis et al. 2016). Published numbers of others: Goodfellow et al. (2014), table 1. Half of the validation
images are scored unless --set final=true.
"""

import numpy as np

from spikelearn.boltzmann.classes import Classifier
from spikelearn.boltzmann.machine import drawn
from spikelearn.boltzmann.recipe import DEEP, DREAMING, LATERAL, Recipe  # noqa: F401  (fields of Recipe are parameters)
from spikelearn.boltzmann.sampling import generated_after, mean_activation
from spikelearn.boltzmann.scores import annealed
from spikelearn.boltzmann.train import train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled, side_of
from spikelearn.likelihood import choosing_and_scored, parzen
from spikelearn.plotting import images_in_rows
from spikelearn.ranges.check import checked, given_fields
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (12.5, 12)
PUBLISHED = {       # nats and standard error on MNIST: Goodfellow et al. (2014) arXiv:1406.2661, table 1
    "DBN": (138, 2), "stacked CAE": (121, 1.6), "deep GSN": (214, 1.1), "GAN": (225, 2),
}
PRIORS = ("p", "r")
EARLIER = (5, 20, 60)       # top steps after which the samples are scored too, beside top_steps; chosen here
FEW = 500                   # images that choose the number of top steps; chosen here
NEAREST = 1000              # samples whose nearest training image is searched among all; chosen here
WORDS = {"plain": "no lateral weights", "lateral": "with lateral weights",
         "equal": "no lateral weights, one draw an epoch"}
SHORT_FORM = dict(images=unless_given(6000), shown=at_most(500), samples=at_most(1000), runs=at_most(1),
                  epochs=at_most(6), hidden=at_most(100), top_steps=at_most(60))


@checked
def run(*, recipe=None, hidden=(100, 100), lateral=(False, True), equal=True, epochs=40, runs=3, top_steps=200, steps=1,
        samples=10_000, images=0, shown=10_000, dataset="mnist", final=False, out="", resume="", data_dir="", seed=1,
        quick=False):
    """Train each kind `runs` times, generate, score. Returns a Result.

    recipe : fields of boltzmann.recipe.Recipe that differ from that of each kind; a field is also a keyword of its own
    hidden : units of each hidden layer; lateral : which kinds, without and with lateral weights; equal : whether, if
    there are both, the machine without lateral weights is also trained with one draw of hidden units an epoch
    top_steps, steps : Gibbs steps of the two topmost layers, and of each pair below on the way down
    images : how many training images, 0 = all; shown : how many images are scored; at most 2,000
    others choose sigma
    """
    data = load(dataset, data_dir or None)
    x = scaled(data.train.images, data.scale).astype(np.float32)
    choose, held_out = choosing_and_scored(scaled(data.validation.images, data.scale), shown)
    sizes, learnt_from = (x.shape[1], *(int(n) for n in np.atleast_1d(hidden))), x[:images or None]
    machines = {}
    for kind, one in recipes_of(np.atleast_1d(lateral), equal, len(sizes) == 2, given_fields(recipe)).items():
        machines[kind] = [train_kept(
            one.start(sizes, learnt_from, lateral=range(1, len(sizes)) if kind == "lateral" else (), seed=seed + r),
            learnt_from, "vpf", one, name=f"{kind}-{seed + r}", out=out, resume=resume, epochs=epochs, seed=seed + r,
            about={"dataset": dataset}).machine for r in range(runs)]
    if final:
        held_out = scaled(scored_part(data, final)[0].images, data.scale)[:shown]
    classes = Classifier(x, data.train.labels)
    arrays, headline = measured(machines, x, learnt_from, choose, held_out, classes, samples, top_steps, steps, seed)
    arrays |= {"dataset": dataset, "part": "test" if final else "validation", "scored": len(held_out)}
    headline |= {f"published_{name.lower().replace(' ', '_')}": value for name, (value, _) in PUBLISHED.items()
                 if dataset == "mnist"}
    accuracy = (classes.labels(scaled(data.validation.images, data.scale)) == data.validation.labels).mean()
    return Result("vpf_generate", arrays, headline | {
        "classifier_accuracy_percent": 100 * accuracy, "runs": runs, "test_set_was_read": bool(final)})


def recipes_of(lateral, equal, restricted, given):
    """Kind -> recipe. lateral : which kinds; restricted : whether there is one hidden layer; given : fields."""
    recipes = {"plain": DREAMING if restricted else DEEP, "lateral": LATERAL, "equal": LATERAL}
    chosen = {"lateral" if one else "plain": None for one in lateral}
    if equal and not restricted and len(chosen) == 2:
        chosen["equal"] = None
    return {kind: recipes[kind].changed(**given) for kind in chosen}


def measured(machines, x, learnt_from, choose, held_out, classes, samples, top_steps, steps, seed):
    """(arrays, headline) of all machines, kind -> list; images of each kind with the nearest training images."""
    training = x[sampling_numbers(seed).permutation(len(x))[:samples]]
    side, (themselves, se, sigma) = side_of(held_out), parzen(held_out, training, validation=choose)
    marks = sorted({n for n in EARLIER if n < top_steps} | {top_steps})
    arrays = {"marks": np.array(marks), "training": themselves, "samples": len(training), "top_steps": top_steps,
              "training_examples": training[:20].reshape(-1, side, side)}
    headline, kinds = {}, []
    for number, (kind, several) in enumerate(machines.items()):
        found = {prior: [] for prior in PRIORS}
        for r, machine in enumerate(several):
            mean = mean_activation(machine, learnt_from, sampling_numbers(seed, r, number, len(PRIORS)))
            for k, prior in enumerate(PRIORS):
                images = generated_after(machine, samples, sampling_numbers(seed, r, number, k), marks, steps=steps,
                                         prior=mean if prior == "p" else None)
                found[prior].append(score(images, x, choose, held_out, classes))
                if r == 0:
                    few = images[top_steps][:20]
                    near = x[nearest(few, x)[0]]
                    arrays |= {f"images_{prior}_{kind}": few.reshape(-1, side, side),
                               f"nearest_{prior}_{kind}": near.reshape(-1, side, side)}
        for prior in PRIORS:
            kinds.append(f"{prior}_{kind}")
            arrays |= {f"{name}_{prior}_{kind}": np.array([one[name] for one in found[prior]])
                       for name in found[prior][0]}
        arrays |= {f"{kind}_{name}": array for name, array in several[0].arrays().items()}
        if len(several[0].sizes) == 2 and kind == "plain":
            v = drawn(held_out, sampling_numbers(seed, len(machines)))
            headline |= annealing_numbers([annealed(machine, learnt_from.mean(axis=0), v, seed + r)
                                           for r, machine in enumerate(several)])
    main = "p_lateral" if "lateral" in machines else "p_plain"
    for key in kinds:
        headline |= summary(arrays, key)
    headline = {name: headline[f"{name}_{main}"] for name in ("log_likelihood", "log_likelihood_se", "sigma")} | {
        "log_likelihood_training_images": themselves, "log_likelihood_training_images_se": se,
        "sigma_training_images": sigma, "nearest_distance_held_out_images": nearest(held_out[:NEAREST], x)[1],
    } | headline | orders(headline)
    return arrays | {"kinds": np.array(kinds)}, headline


def score(images, x, choose, held_out, classes):
    """Name -> number or array of one machine. images : number of top steps -> samples."""
    early = np.array([parzen(choose[-FEW:], some, validation=choose[:FEW]).log_likelihood for some in images.values()])
    marks, last = list(images), parzen(held_out, images[max(images)], validation=choose)
    best = marks[int(early.argmax())]
    return {"log_likelihoods": last.log_likelihood, "ses": last.log_likelihood_se, "sigmas": last.sigma,
            "early": early, "best_steps": best, "shares": classes.shares(images[max(images)]),
            "best": last.log_likelihood if best == max(images) else
            parzen(held_out, images[best], validation=choose).log_likelihood,
            "distances": nearest(images[max(images)][:NEAREST], x)[1]}


def summary(arrays, key):
    """Headline of one way to draw: means over the runs; of the classes the extremes over the runs."""
    values, best, shares = arrays[f"log_likelihoods_{key}"], arrays[f"best_{key}"], 100 * arrays[f"shares_{key}"]
    return {f"log_likelihood_{key}": values.mean(), f"sd_{key}": values.std(ddof=len(values) > 1),
            f"log_likelihood_se_{key}": arrays[f"ses_{key}"].mean(), f"sigma_{key}": arrays[f"sigmas_{key}"].mean(),
            f"log_likelihood_best_steps_{key}": best.mean(), f"rarest_class_percent_{key}": shares.min(),
            f"most_frequent_class_percent_{key}": shares.max(),
            f"nearest_distance_{key}": arrays[f"distances_{key}"].mean()}


def orders(h):
    """The orders that the paper states, as differences in nats: lateral weights against none, p against r."""
    found = {f"p_minus_r_{kind}": h[f"log_likelihood_p_{kind}"] - h[f"log_likelihood_r_{kind}"]
             for kind in WORDS if f"log_likelihood_p_{kind}" in h}
    for kind, name in (("equal", "equal_redraws"), ("plain", "best")):
        which = "log_likelihood" if kind == "equal" else "log_likelihood_best_steps"
        if {f"{which}_p_{kind}", f"{which}_p_lateral"} <= set(h):
            found[f"lateral_minus_plain_{name}"] = h[f"{which}_p_lateral"] - h[f"{which}_p_{kind}"]
    return found


def annealing_numbers(found):
    """Headline of annealed log-likelihoods, means over the runs: the lower of each run, and both ways.

    found : list of Annealed
    """
    lower = np.array([one.lower for one in found])
    return {"annealed": lower[:, 0].mean(), "annealed_sd": lower[:, 0].std(ddof=len(lower) > 1),
            "annealed_forward": np.mean([one.forward for one in found]),
            "annealed_backward": np.mean([one.backward for one in found]), "log_partition_se": lower[:, 1].max()}


def nearest(images, training):
    """(which of the training images is nearest to each image, mean distance to it)."""
    square = (training ** 2).sum(axis=1) - 2 * np.asarray(images, training.dtype) @ training.T
    distance = np.sqrt(np.maximum(square.min(axis=1) + (np.asarray(images) ** 2).sum(axis=1), 0))
    return square.argmin(axis=1), float(distance.mean())


def plot(result, figure):
    """Images of each kind with their nearest training images; log-likelihoods by steps and beside published ones."""
    a, h = result.arrays, result.headline
    kinds, restricted = list(map(str, a["kinds"])), "annealed" in h
    upper, lower = figure.subfigures(2, 1, height_ratios=[.25 + .28 * len(kinds), 1.1])
    rows, names = [], []
    for key in kinds:
        rows += [a[f"images_{key}"], a[f"nearest_{key}"]]
        names += [words(key, restricted), "nearest of training"]
    axes = upper.subplots()
    images_in_rows(axes, [*rows, a["training_examples"]], [*names, "training images"])
    axes.set_title(f"{a['dataset']}: the first 20 drawn of each kind, not chosen (visible probabilities)", fontsize=10)
    left, right = lower.subplots(1, 2, width_ratios=[1.5, 1])
    bars = [(words(key, restricted), h[f"log_likelihood_{key}"], h[f"sd_{key}"], "C0") for key in kinds]
    bars += [(f"{int(a['samples']):,} training images", h["log_likelihood_training_images"],
              h["log_likelihood_training_images_se"], "0.6")]
    if str(a["dataset"]) == "mnist":
        bars += [(name, value, error, "C1") for name, (value, error) in PUBLISHED.items()]
    labels, values, errors, colours = zip(*bars[::-1], strict=True)
    drawn_bars = left.barh(labels, values, xerr=errors, color=colours, capsize=2)
    left.bar_label(drawn_bars, fmt="%.1f", padding=4, fontsize=8)
    left.margins(x=.14)
    left.set_xlabel("Parzen log-likelihood (nats)", fontsize=9)
    left.set_title(f"after {a['top_steps']} top steps: {int(a['scored']):,} {a['part']} images, σ = {h['sigma']:.2f}\n"
                   f"blue: mean ± s.d., runs: {h['runs']}; orange: Goodfellow et al. (2014)", fontsize=9)
    for k, key in enumerate(kinds):
        early = np.atleast_2d(a[f"early_{key}"])
        right.errorbar(a["marks"], early.mean(axis=0), early.std(axis=0, ddof=len(early) > 1), capsize=2,
                       color=f"C{k // len(PRIORS)}", linestyle="--" if k % 2 else "-", marker="o", markersize=3,
                       label=words(key, restricted))
    right.set(xscale="log", xlabel="Gibbs steps of the top pair", ylabel="Parzen log-likelihood (nats)")
    right.set_xticks(a["marks"], map(str, a["marks"]))
    right.minorticks_off()
    right.set_title("on some of the validation images", fontsize=9)
    right.legend(fontsize=8, loc="upper center", bbox_to_anchor=(.5, -.18))
    for axes in (left, right):
        axes.tick_params(labelsize=8)


def words(key, restricted):
    """The way to draw in words. key : such as p_lateral; restricted : whether there is one hidden layer."""
    prior, kind = key.split("_")
    if restricted:
        begun = {"p": "mean activations", "r": "random states"}[prior]
        return f"RBM from {begun}" + (", lateral weights" if kind == "lateral" else "")
    return f"DBM-{prior}, {WORDS[kind]}"


if __name__ == "__main__":
    run_protocol()
