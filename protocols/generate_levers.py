"""What moves the likelihood of the deep generative model with its source's prior: one lever at a time.

Bengio et al. (2015) arXiv:1502.04156, section 8: GENERATE after target propagation reaches 236 nats with a prior of
4 x the variance of the top layer; the model of generate_mnist has less with this prior, and more with a wider one.
Here each number that the source leaves open, or that could be the reason, is changed alone, all else as in
generate_mnist: numbers of GENERATE, which need no other training, and numbers of the training. `learnt_noise`: hidden
layers and pixels are drawn with this share of the standard deviation that the conditionals leave on training images,
where the source passes means. `upwards`: INFERENCE in GENERATE goes from the lowest layer to the top. `together`: the
best value of each lever at once. All is chosen and scored on validation images, half each. Trained models stay in the
user's cache folder.
"""

import numpy as np
from spikelearn.protocols.generate_mnist import PRIOR_IMAGES, SOURCE_FACTOR

from spikelearn.command.command_line import run_protocol
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.generative.inference import by_target_propagation
from spikelearn.generative.model import feedforward
from spikelearn.generative.recipe import Recipe, pixels_of
from spikelearn.generative.sampling import in_parts
from spikelearn.generative.train import prior_of
from spikelearn.images.datasets import load
from spikelearn.likelihood import choosing_and_scored, parzen
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.result import Result
from spikelearn.training.seeds import sampling_numbers

FIGURE_SIZE = (12, 6)
PUBLISHED = 236.0
OF_GENERATE = {         # lever -> values, none of which needs another training
    "factor": (2.0, 8.0, 16.0, 32.0), "rounds": (0, 1, 6, 12), "steps": (5, 30), "delta": (0.03, 0.2),
    "alpha": (0.0, 0.1, 1.0), "learnt_noise": (0.5, 1.0), "upwards": (1,),
}
OF_TRAINING = {         # field of generative.recipe.Recipe -> values
    "epochs": (10, 40), "pixel_noise": (0.1, 0.5), "noise": (0.0, 0.1), "samples": (1, 10),
    "encoder_rate": (1e-4, 1e-3), "decoder_rate": (1e-3, 6e-3), "loss": ("bernoulli",), "batch": (50,),
    "hidden": ((1000, 200),),
}
START = dict(factor=SOURCE_FACTOR, rounds=3, steps=15, delta=0.1, alpha=0.3, learnt_noise=0.0, upwards=0)
LEVERS = (*OF_GENERATE, *OF_TRAINING)
SHORT_FORM = dict(levers=lambda given: given[:len(OF_GENERATE)], images=unless_given(3000), shown=at_most(500),
                  samples=at_most(1000))


@checked
def run(*, levers=LEVERS, together=True, samples=10_000, images=0, shown=5000, recipe=None, dataset="mnist",
        data_dir="", seed=1, quick=False):
    """Train a model for each value of a lever of the training, draw and score for each of all. Returns a Result.

    levers : names out of LEVERS; together : also the best of each lever at once; samples : images drawn for a score;
    images : how many training images, 0 = all; shown : images that are scored; recipe : fields of
    generative.recipe.Recipe from which all start (its `samples` is not a keyword).
    """
    for name in levers:
        if name not in LEVERS:
            raise SpikelearnError(f"levers has no '{name}'{alternatives(name, LEVERS)}")
    data, base = load(dataset, data_dir or None), Recipe().changed(recipe or {}, quick)
    x, valid = pixels_of(data, images)
    study = Study(x, valid, *choosing_and_scored(valid, shown), base, dataset, samples, seed)
    scores = [("as in generate_mnist", "", study.score({}, {}))]
    best = {}
    for name in levers:
        for value in (OF_GENERATE | OF_TRAINING)[name]:
            changed = {name: value}
            scores.append((name, said(value), study.score(*(changed if name in kind else {} for kind in
                                                            (OF_GENERATE, OF_TRAINING)))))
            if scores[-1][2] > best.get(name, (scores[0][2], None))[0]:
                best[name] = scores[-1][2], value
    if together and best:
        chosen = {name: value for name, (_, value) in best.items() if name != "factor"}
        kinds = [{name: value for name, value in chosen.items() if name in kind} for kind in (OF_GENERATE, OF_TRAINING)]
        scores.append(("together", "but factor", study.score(*kinds)))
    names, values, nats = (np.array(column) for column in zip(*scores, strict=True))
    alone = [one for name, _, one in scores if name not in ("factor", "together")]
    headline = {"log_likelihood": scores[0][2], "best_lever_alone": max(alone)}
    headline |= {"published": PUBLISHED} if dataset == "mnist" else {}
    headline |= {f"best_{name}": one for name, (one, _) in best.items()}
    headline |= {"together": scores[-1][2]} if names[-1] == "together" else {}
    return Result("generate_levers", {"lever": names, "value": values, "nats": nats, "samples": samples,
                                       "dataset": dataset}, headline)


def said(value):
    """A lever's value as text."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return value if isinstance(value, str) else f"{value:g}"


class Study:
    """Scores of GENERATE on validation images; each model is trained once.

    x, valid : (n, pixels) to train on and to watch; choose, scored : (n, pixels) for sigma and for the score.
    """

    def __init__(self, x, valid, choose, scored, recipe, dataset, samples, seed):
        self.x, self.valid, self.choose, self.scored = x, valid, choose, scored
        self.recipe, self.dataset, self.samples, self.seed = recipe, dataset, samples, seed

    def score(self, of_generate, of_training):
        """Parzen log-likelihood (nats) with these changes. of_generate, of_training : name -> value."""
        recipe = self.recipe.changed(of_training)
        name = ", ".join(f"{key} {said(value)}" for key, value in of_training.items()) or "as in generate_mnist"
        model = recipe.trained(self.x, self.valid, dataset=self.dataset, seed=self.seed, name=name).model
        few, p = self.x[:PRIOR_IMAGES], START | of_generate
        prior, rng = prior_of(model, few, recipe.inference, p["factor"]), sampling_numbers(self.seed, 0)
        spread = [p["learnt_noise"] * one for one in left_over(model, few)]
        drawn = in_parts(lambda top: generated(model, top, spread, rng, **p), prior.drawn(self.samples, rng))
        return float(parzen(self.scored, drawn, validation=self.choose).log_likelihood)


def left_over(model, x):
    """Standard deviation of each unit of x, h1, ... about the mean that the layer above gives it, pixels first."""
    states = feedforward(model, x)
    return [(low - g(high)).std(axis=0) for low, high, g in zip(states, states[1:], model.g, strict=False)]


def generated(model, top, spread, rng, *, rounds, steps, delta, alpha, upwards, **_):
    """GENERATE from states of the top layer, with noise on what is passed down. spread : of each layer below it."""
    def down(states):
        for g, size in zip(reversed(model.g), reversed(spread), strict=True):
            states = g(states)
            if np.any(size):
                states = states + size * rng.standard_normal(states.shape, states.dtype)
        return states

    x = down(top)
    for _ in range(rounds):
        h1 = by_target_propagation(model, x, steps=steps, delta=delta, alpha=alpha, upwards=bool(upwards))[1]
        x = model.g[0](h1)
    return x


def plot(result, figure):
    """A bar for every value of a lever, beside the published number."""
    a, axes = result.arrays, figure.subplots()
    levers = list(dict.fromkeys(a["lever"].tolist()))
    at, ticks, colours = 0.0, [], {name: f"C{k % 10}" for k, name in enumerate(levers)}
    for name in levers:
        for value, nats in zip(a["value"][a["lever"] == name], a["nats"][a["lever"] == name], strict=True):
            axes.bar(at, nats, color=colours[name])
            axes.annotate(f"{nats:.0f}", (at, max(nats, 0)), xytext=(0, 3), textcoords="offset points", ha="center",
                          fontsize=8)
            ticks.append((at, f"{name} {value}".strip()))
            at += 1
        at += .5
    axes.set_xticks(*map(list, zip(*ticks, strict=True)), rotation=60, ha="right", fontsize=8)
    highest = max(a["nats"].max(), 0)
    if str(a["dataset"]) == "mnist":
        axes.axhline(PUBLISHED, color="k", lw=.8, ls="--")
        axes.text(at - .5, PUBLISHED + 2, "published", ha="right", va="bottom", fontsize=8)
        highest = max(highest, PUBLISHED)
    axes.set(ylabel="Parzen log-likelihood (nats)", ylim=(min(0, a["nats"].min()), 1.1 * highest + 1))
    heading(axes, "GENERATE with the prior of the source, one lever at a time",
            f"validation images, {int(a['samples']):,} samples; all other numbers as in generate_mnist")


if __name__ == "__main__":
    run_protocol()
