"""INFERENCE by target propagation increases log p(x, h): over 20 steps, on average and for single digits.

Bengio et al. (2015) arXiv:1502.04156, figure 4: 10,000 test digits, mean and standard error, single digits dashed;
Gaussian conditionals of variance 1, flat prior. The model is that of generate_mnist, trained if it is not in the cache.
Beside it [our own construction]: exact gradient ascent (Algorithm 1, MAP) from the same start, in smaller steps, as it
diverges with those of target propagation, and the cosine between f(x) - f(g(h)) and the exact gradient, layer by layer
over training, at the feedforward pass. The validation images are used unless --set final=true.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.errors import SpikelearnError
from spikelearn.generative.inference import by_gradient, by_target_propagation
from spikelearn.generative.model import log_joint
from spikelearn.generative.recipe import Recipe, gaussian_view, pixels_of
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import scaled
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (12.5, 4.8)
ACCEPTED = {
    "rise": Accepted(0, 1000, "Bengio et al. (2015), figure 4: the mean rises"),
    "share_of_digits_that_rise": Accepted(.9, 1, "chosen here; figure 4 shows digits that rise"),
}
CLAIMS = {
    "rise": "20 steps of INFERENCE by target propagation raise log p(x, h) on average by (nats)",
    "share_of_digits_that_rise": "share of single digits for which it rises",
}
PART = 1000
SHORT_FORM = dict(images=unless_given(3000), shown=at_most(1000))


@checked
def run(*, recipe=None, steps=20, delta=0.1, alpha=0.001, gradient_delta=0.002, images=0, shown=10_000,
        dataset="mnist", final=False, resume="", data_dir="", seed=1, quick=False):
    """Train, or take from the cache, and climb. Returns a Result.

    recipe : fields of generative.recipe.Recipe that differ; a field is also a keyword of its own, such as epochs=10
    steps, delta, alpha : of the INFERENCE that is watched; gradient_delta : size of the steps of the gradient ascent
    images : how many training images, 0 = all; shown : how many images are climbed
    resume : any, training goes on by itself
    """
    recipe, data = Recipe().changed(recipe or {}, quick), load(dataset, data_dir or None)
    x, valid = pixels_of(data, images)
    trained = recipe.trained(x, valid, dataset=dataset, seed=seed, name=f"target propagation, seed {seed}")
    climbed = scaled(scored_part(data, final)[0].images, data.scale).astype(np.float32)
    ways = {"targets": (by_target_propagation, delta), "gradient": (by_gradient, gradient_delta)}
    arrays = {f"log_p_{way}": climb(infer, trained.model, climbed[:shown], steps=steps, delta=size, alpha=alpha)
              for way, (infer, size) in ways.items()}
    path = arrays["log_p_targets"]
    headline = {"log_p_before": path[0].mean(), "log_p_after": path[-1].mean(), "rise": (path[-1] - path[0]).mean(),
                "share_of_digits_that_rise": np.mean(path[-1] > path[0]),
                "steps_that_rise_on_average": int((np.diff(path.mean(axis=1)) > 0).sum()),
                "rise_by_gradient": (arrays["log_p_gradient"][-1] - arrays["log_p_gradient"][0]).mean()}
    layers = range(1, len(recipe.hidden) + 1)
    headline |= {f"cosine_{k}": trained.curve[f"cosine_{k}"][-1] for k in layers}
    arrays |= {f"cosine_{k}": trained.curve[f"cosine_{k}"] for k in layers}
    headline |= {"digits": path.shape[1], "steps": steps, "test_set_was_read": bool(final)}
    return Result("likelihood_ascent", arrays, {name: _plain(value) for name, value in headline.items()})


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def climb(infer, model, x, **settings):
    """log p(x, h) at the start and after every step, (steps + 1, n) nats."""
    counted, paths = gaussian_view(model), []
    for first in range(0, len(x), PART):
        path = []
        with np.errstate(over="ignore", invalid="ignore"):      # what is not finite is refused below
            infer(model if infer is by_target_propagation else counted, x[first:first + PART],
                  watch=lambda states, path=path: path.append(log_joint(counted, states)), **settings)
        paths.append(np.array(path, dtype=float))
    found = np.concatenate(paths, axis=1)
    if not np.isfinite(found).all():
        name = "delta" if infer is by_target_propagation else "gradient_delta"
        raise SpikelearnError(f"log p(x, h) became infinite or not-a-number; choose a {name} smaller than "
                              f"{settings['delta']:g}, or a smaller alpha")
    return found


def plot(result, figure):
    """Left as figure 4; middle: gain of each digit; right: cosine with the exact gradient over training."""
    a, h = result.arrays, result.headline
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.35, 1, 1])
    path = a["log_p_targets"]
    t, few = np.arange(len(path)), path[:, :8]
    left.plot(t, few, "--", color="0.6", lw=.9)
    left.plot([], [], "--", color="0.6", lw=.9, label="single digits, the first 8")
    for name, colour, label in (("gradient", "C0", "exact gradient (MAP), mean"),
                                ("targets", "C3", "target propagation, mean ± s.e.")):
        values = a[f"log_p_{name}"]
        sem = values.std(axis=1, ddof=values.shape[1] > 1) / np.sqrt(values.shape[1])
        left.errorbar(t, values.mean(axis=1), sem, color=colour, lw=2 if name == "targets" else 1.2, label=label)
    left.set(xlabel="step of INFERENCE", ylabel="log p(x, h) (nats)")
    left.set_xticks(t[::5])
    left.legend(fontsize=8)
    heading(left, "log p(x, h) during INFERENCE",
            f"{h['digits']:,} {'test' if h['test_set_was_read'] else 'validation'} digits")
    middle.hist(path[-1] - path[0], bins=60, color="C3")
    middle.axvline(0, color="k", lw=.8)
    middle.set(xlabel=f"gain of a digit in {h['steps']} steps (nats)", ylabel="digits")
    heading(middle, f"{100 * h['share_of_digits_that_rise']:.1f} % rise", f"mean gain {h['rise']:.2f} nats")
    for k in (k for k in range(1, 20) if f"cosine_{k}" in a):
        right.plot(np.arange(1, len(a[f"cosine_{k}"]) + 1), a[f"cosine_{k}"], "o-", ms=3, label=f"layer h{k}")
    right.set(xlabel="epoch of training", ylabel="cosine", ylim=(min(0, right.get_ylim()[0]), 1))
    right.xaxis.get_major_locator().set_params(integer=True)
    right.legend(fontsize=8)
    heading(right, "f(x) − f(g(h)) and the exact gradient", "cosine of the two directions, mean over 500 digits")


if __name__ == "__main__":
    run_protocol()
