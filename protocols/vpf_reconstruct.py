"""Completion of half-hidden digits by restricted Boltzmann machines: variational probability flow, CD and PCD.

Liu & Lin (2017) arXiv:1711.07732, table of reconstruction errors (their numbers are illegible in our copy; their
ordering: VPF much better than PCD-1, better than PCD-k nearly everywhere). Half of the rows, columns or pixels, drawn
at random, or one half of each image is hidden, then filled in by Gibbs sampling with the rest clamped. Error: L2 norm
of the difference of the pixels, mean over all images; mean and standard deviation over runs. Equal hidden units and
equal passes over the data; each method has the learning rate and weight decay that were best for it on the validation
images. Pixels are black or white (above half). k of PCD-k and all settings are chosen here. The validation images are
filled in; the test images only with --set final=true.
"""

import numpy as np

from spikelearn import SpikelearnError
from spikelearn.boltzmann.machine import new_machine
from spikelearn.boltzmann.sampling import CORRUPTIONS, hidden_part, reconstructed
from spikelearn.boltzmann.train import black_and_white, learning_rule, train_kept
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import side_of
from spikelearn.plotting import images_in_rows
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import always, at_most, unless_given
from spikelearn.results.result import Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (13, 8.5)
SETTINGS = {"vpf": (0.01, 0.003)}           # learning rate and weight decay: chosen here, on the validation images
OTHERS = (0.003, 1e-4)                      # of the other methods


RANGES = {"average": whole(0, 10_000)}       # of the last Gibbs steps
SHORT_FORM = dict(images=unless_given(5000), shown=at_most(500), hidden=at_most(100), epochs=at_most(8), runs=always(1))


@checked
def run(*, methods=("vpf", "cd1", "pcd1", "pcd10"), corruptions=CORRUPTIONS, hidden=200, epochs=20, runs=3, rates=None,
        decays=None, last_rate=0.1, batch=100, spread=0.1, bias=-3.0, steps=50, average=0, rounds=3,
        images=0, shown=10_000, dataset="mnist", final=False, out="", resume="", data_dir="", seed=1, quick=False):
    """Train every method `runs` times and fill in. Returns a Result.

    rates, decays : learning rate and weight decay of each method, None = its own; the rate falls linearly to
    last_rate times that
    rounds : how often in an epoch vpf draws the hidden units; once in the source, which is worse here
    spread, bias : standard deviation of the weights and bias of the hidden units before learning with vpf; the others
    start from weights of 0.01 and bias 0, which is better for them. steps : Gibbs steps of the filling in; average :
    the last of them over which the probabilities of the hidden pixels are averaged, 0 = the last sample itself
    images : how many training images, 0 = all; shown : how many images are filled in; final : those of the test set
    """
    if runs < 1 or shown < 1:
        raise SpikelearnError("vpf_reconstruct needs at least one run and one image to show")
    for name, given in (("rates", rates), ("decays", decays)):
        if given is not None and np.size(given) != len(methods):
            raise SpikelearnError(f"{name} must hold one number for each of the methods {', '.join(methods)}, "
                                  f"not {np.size(given)}")
    data = load(dataset, data_dir or None)
    x = black_and_white(data.train.images[:images or None], data.scale)
    machines = {}
    for k, method in enumerate(methods):
        learning_rule(method)
        rate, decay = (own if given is None else float(np.atleast_1d(given)[k])
                       for own, given in zip(SETTINGS.get(method, OTHERS), (rates, decays), strict=True))
        start = dict(spread=spread, bias=bias) if method == "vpf" else dict(spread=0.01)
        machines[method] = [train_kept(
            new_machine((x.shape[1], hidden), mean=x.mean(axis=0), seed=seed + r, dtype=np.float32, **start), x, method,
            name=f"{method}-{seed + r}", out=out, resume=resume, epochs=epochs, batch=batch, rate=rate,
            last_rate=last_rate, weight_decay=decay, seed=seed + r,
            rounds=rounds if method == "vpf" else 1,
            about={"dataset": dataset, **start}).machine for r in range(runs)]
    held_out = black_and_white(scored_part(data, final)[0].images[:shown], data.scale)
    return Result("vpf_reconstruct", *filled_in(machines, held_out, corruptions, steps, average, seed, final))


def filled_in(machines, images, corruptions, steps, average, seed, final):
    """(arrays, headline): the table, and what the first machine of each method makes of the first images."""
    side, count = side_of(images), min(10, len(images))
    runs = len(next(iter(machines.values())))
    errors = np.zeros((len(machines), len(corruptions), runs))
    examples = np.zeros((len(corruptions), 1 + len(machines), count, side, side), np.float32)
    for column, corruption in enumerate(corruptions):
        for r in range(runs):
            hidden = hidden_part(corruption, len(images), side, sampling_numbers(seed, r, column))
            if r == 0:
                examples[column, 0] = np.where(hidden, .5, images)[:count].reshape(-1, side, side)
            for row, trained in enumerate(machines.values()):
                rng = sampling_numbers(seed, r, column, row)
                found = reconstructed(trained[r], images, hidden, rng, steps, average)
                errors[row, column, r] = np.linalg.norm(found - images, axis=1).mean()
                if r == 0:
                    examples[column, 1 + row] = found[:count].reshape(-1, side, side)
    headline = {}
    for row, method in enumerate(machines):
        for column, corruption in enumerate(corruptions):
            headline[f"error_{method}_{corruption}"] = float(errors[row, column].mean())
            headline[f"sd_{method}_{corruption}"] = float(errors[row, column].std(ddof=runs > 1))
    names = list(machines)
    if "vpf" in names and "pcd1" in names:
        mean = errors.mean(axis=2)
        headline["columns_where_vpf_beats_pcd1"] = int((mean[names.index("vpf")] < mean[names.index("pcd1")]).sum())
    headline |= {"columns": len(corruptions), "images": len(images), "runs": runs, "test_set_was_read": bool(final)}
    arrays = {"errors": errors, "methods": np.array(names), "corruptions": np.array(corruptions), "examples": examples,
              "originals": images[:count].reshape(-1, side, side), "steps": steps, "average": average}
    for method, trained in machines.items():
        arrays |= {f"{method}_{name}": array for name, array in trained[0].arrays().items()}
    return arrays, headline


def plot(result, figure):
    """The table as bars with standard deviations, and examples of each corruption."""
    a, h = result.arrays, result.headline
    upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.6])
    axes, methods, corruptions = upper.subplots(), list(a["methods"]), list(a["corruptions"])
    mean, sd = a["errors"].mean(axis=2), a["errors"].std(axis=2, ddof=a["errors"].shape[2] > 1)
    x, width = np.arange(len(corruptions)), .8 / len(methods)
    for row, method in enumerate(methods):
        bars = axes.bar(x + (row - (len(methods) - 1) / 2) * width, mean[row], width, yerr=sd[row], capsize=2,
                        color=f"C{row}", label=called(method))
        axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
    axes.set_xticks(x, corruptions)
    axes.set(ylabel="error, L2 norm of pixels", ylim=(0, 1.25 * mean.max()))
    axes.legend(ncols=len(methods), fontsize=8, loc="upper center")
    mean_of = f", mean of the last {a['average']}" if a["average"] else ""
    axes.set_title(f"Half of each image hidden and filled in, {a['steps']} Gibbs steps{mean_of}: {h['images']} "
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
