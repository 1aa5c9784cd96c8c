"""Completion of half-hidden digits by restricted Boltzmann machines: variational probability flow, CD and PCD.

Liu & Lin (2017) arXiv:1711.07732, table of reconstruction errors (their numbers are illegible in our copy; their
ordering: VPF much better than PCD-1, better than PCD-k nearly everywhere). Half of the rows, columns or pixels, drawn
at random, or one half of each image is hidden, then filled in by Gibbs sampling with the rest clamped. Error: L2 norm
of the difference of the pixels, mean over all images; mean and standard deviation over runs. Two readings of the same
chains: the last sample, and the mean of the probabilities over the last steps. Equal hidden units and equal passes over
the data; each method has the recipe that was best for it on the validation images (boltzmann.recipe). Pixels are black
or white (above half). k of PCD-k is chosen here. The validation images are filled in; the test images only with
--set final=true.
"""

import numpy as np

from spikelearn import SpikelearnError
from spikelearn.boltzmann.recipe import COMPLETING, CONTRASTIVE, Recipe  # noqa: F401  (its fields are parameters)
from spikelearn.boltzmann.rules import learning_rule
from spikelearn.boltzmann.sampling import CORRUPTIONS, both_readings, hidden_part
from spikelearn.boltzmann.train import black_and_white, train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import side_of
from spikelearn.plotting import images_in_rows
from spikelearn.ranges.check import checked, given_fields, whole
from spikelearn.ranges.quick import always, at_most, unless_given
from spikelearn.results.result import Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (13, 11)
SHARED = ("batch", "last_rate")             # fields of the recipe that are those of every method
READINGS = {"error": "last sample", "mean_error": "mean of the last steps"}     # word of the headline -> in words
RANGES = {"average": whole(1, 10_000)}       # of the last Gibbs steps
SHORT_FORM = dict(images=unless_given(5000), shown=at_most(500), hidden=at_most(100), epochs=at_most(8), runs=always(1))


@checked
def run(*, methods=("vpf", "cd1", "pcd1", "pcd10"), recipe=None, corruptions=CORRUPTIONS, hidden=200, epochs=40, runs=3,
        rates=None, decays=None, steps=50, average=20, images=0, shown=10_000, dataset="mnist", final=False, out="",
        resume="", data_dir="", seed=1, quick=False):
    """Train every method `runs` times and fill in. Returns a Result.

    recipe : fields of boltzmann.recipe.Recipe that differ for vpf, batch and last_rate for all methods; a field is also
    a keyword of its own
    rates, decays : learning rate and weight decay (as a part of the gradient) of each method, None = its own
    steps : Gibbs steps of the filling in; average : the last of them over which the probabilities of the hidden pixels
    are averaged in the second reading
    images : how many training images, 0 = all; shown : how many images are filled in; final : those of the test set
    """
    if runs < 1 or shown < 1:
        raise SpikelearnError("vpf_reconstruct needs at least one run and one image to show")
    recipes = recipes_of(methods, rates, decays, given_fields(recipe))
    data = load(dataset, data_dir or None)
    x = black_and_white(data.train.images[:images or None], data.scale)
    machines = {method: [train_kept(
        one.start((x.shape[1], hidden), x, seed=seed + r), x, method, one, name=f"{method}-{seed + r}", out=out,
        resume=resume, epochs=epochs, seed=seed + r, about={"dataset": dataset}).machine for r in range(runs)]
        for method, one in recipes.items()}
    held_out = black_and_white(scored_part(data, final)[0].images[:shown], data.scale)
    return Result("vpf_reconstruct", *filled_in(machines, held_out, corruptions, steps, average, seed, final))


def recipes_of(methods, rates, decays, given):
    """Method -> recipe; `given` fields are those of vpf, but for the SHARED ones. Raises SpikelearnError."""
    for name, values in (("rates", rates), ("decays", decays)):
        if values is not None and np.size(values) != len(methods):
            raise SpikelearnError(f"{name} must hold one number for each of the methods {', '.join(methods)}, "
                                  f"not {np.size(values)}")
    for name in given:
        if name not in SHARED and not any(method.startswith("vpf") for method in methods):
            raise SpikelearnError(f"{name} is for vpf, which is not among the methods {', '.join(methods)}")
    found, shared = {}, {name: value for name, value in given.items() if name in SHARED}
    for k, method in enumerate(methods):
        recipe = COMPLETING.changed(**given) if method.startswith("vpf") else CONTRASTIVE.changed(**shared)
        own = {name: float(np.atleast_1d(values)[k]) for name, values in (("rate", rates), ("weight_decay", decays))
               if values is not None}
        found[method] = recipe.changed(**own)
        learning_rule(method, found[method])
    return found


def filled_in(machines, images, corruptions, steps, average, seed, final):
    """(arrays, headline): the table of each reading, and how the first machine of each method fills the first images.
    """
    side, count = side_of(images), min(10, len(images))
    runs, names = len(next(iter(machines.values()))), list(machines)
    errors = {word: np.zeros((len(machines), len(corruptions), runs)) for word in READINGS}
    examples = np.zeros((len(corruptions), 1 + len(machines), count, side, side), np.float32)
    for column, corruption in enumerate(corruptions):
        for r in range(runs):
            hidden = hidden_part(corruption, len(images), side, sampling_numbers(seed, r, column))
            if r == 0:
                examples[column, 0] = np.where(hidden, .5, images)[:count].reshape(-1, side, side)
            for row, trained in enumerate(machines.values()):
                rng = sampling_numbers(seed, r, column, row)
                found = both_readings(trained[r], images, hidden, rng, steps, average)
                for values, one in zip(errors.values(), found, strict=True):
                    values[row, column, r] = np.linalg.norm(one - images, axis=1).mean()
                if r == 0:
                    examples[column, 1 + row] = found[0][:count].reshape(-1, side, side)
    headline = table(errors, names, corruptions, runs)
    headline |= {"columns": len(corruptions), "images": len(images), "runs": runs, "test_set_was_read": bool(final)}
    arrays = {"errors": errors["error"], "mean_errors": errors["mean_error"], "methods": np.array(names),
              "corruptions": np.array(corruptions), "examples": examples,
              "originals": images[:count].reshape(-1, side, side), "steps": steps, "average": average}
    for method, trained in machines.items():
        arrays |= {f"{method}_{name}": array for name, array in trained[0].arrays().items()}
    return arrays, headline


def table(errors, names, corruptions, runs):
    """Headline: mean and s.d. over runs of each method and corruption, in how many columns vpf is below the others."""
    headline = {}
    for word, values in errors.items():
        for row, method in enumerate(names):
            for column, corruption in enumerate(corruptions):
                headline[f"{word}_{method}_{corruption}"] = float(values[row, column].mean())
                headline[f"{word.replace('error', 'sd')}_{method}_{corruption}"] = float(
                    values[row, column].std(ddof=runs > 1))
    for word, ending in (("error", ""), ("mean_error", "_mean")):
        mean = errors[word].mean(axis=2)
        for other in names if "vpf" in names else ():
            if other != "vpf":
                headline[f"columns_where_vpf_beats_{other}{ending}"] = int(
                    (mean[names.index("vpf")] < mean[names.index(other)]).sum())
    return headline


def plot(result, figure):
    """Tables of both readings as bars with standard deviations, and examples of each corruption."""
    a, h = result.arrays, result.headline
    first, second, lower = figure.subfigures(3, 1, height_ratios=[1, 1, 1.7])
    methods, corruptions = list(a["methods"]), list(a["corruptions"])
    for part, name, words in ((first, "errors", "last sample"),
                              (second, "mean_errors", f"mean of the last {a['average']} steps")):
        axes, values = part.subplots(), a[name]
        mean, sd = values.mean(axis=2), values.std(axis=2, ddof=values.shape[2] > 1)
        x, width = np.arange(len(corruptions)), .84 / len(methods)
        for row, method in enumerate(methods):
            bars = axes.bar(x + (row - (len(methods) - 1) / 2) * width, mean[row], width, yerr=sd[row], capsize=2,
                            color=f"C{row}", label=called(method))
            axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
        axes.set_xticks(x, corruptions)
        axes.set(ylabel="error, L2 norm of pixels", ylim=(0, 1.3 * mean.max()))
        axes.legend(ncols=len(methods), fontsize=8, loc="upper center")
        axes.set_title(f"Half of each image hidden and filled in, {a['steps']} Gibbs steps, {words}: {h['images']} "
                       f"{'test' if h['test_set_was_read'] else 'validation'} images, runs: {h['runs']} (mean ± s.d.)",
                       fontsize=10)
    grid, few = lower.subplots(), min(3, len(a["originals"]))
    examples = a["examples"][:, :, :few]                # corruption, hidden and methods, image
    rows = [np.tile(a["originals"][:few], (len(corruptions), 1, 1)),
            *examples.transpose(1, 0, 2, 3, 4).reshape(1 + len(methods), -1, *a["originals"].shape[1:])]
    images_in_rows(grid, rows, ["image", "hidden", *map(called, methods)])
    side = a["originals"].shape[-1] + 1
    grid.set_xticks(side * few * (np.arange(len(corruptions)) + .5), corruptions)


def called(method):
    """VPF, CD-1, PCD-10 for vpf, cd1, pcd10."""
    letters = method.rstrip("0123456789")
    return letters.upper() + (f"-{method[len(letters):]}" if method != letters else "")


if __name__ == "__main__":
    run_protocol()
