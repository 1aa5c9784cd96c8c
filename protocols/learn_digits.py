"""A network of spikes learns to read handwritten digits: the voltage-derivative rule in free and nudged phases.

The 1,797 digits of 8 x 8 pixels of scikit-learn, 64-100-10 leaky integrators with integrate-and-fire coding, pixels as
spike trains, one image at a time. Scellier & Bengio (2017) Front Comput Neurosci 11:24 is the same with rates; Bengio
et al. (2015) arXiv:1502.04156 the rule. Two variants: *twin* subtracts what the rule does in an oppositely nudged copy
of the network (a variance-reduction device of the simulation, not biology), *single* is one network with a surprise
gate and a free window (chosen here). Of the 1,437 training images the last 237 are held out: every choice was made on
them. The 360 test images are read once, at the end. Beside it: logistic regression on the same images.
"""
import sys
import time

import numpy as np
from brian2 import ms

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equations.content import same_code
from spikelearn.equilibrium.classifier import Classifier, Recipe, spikes_of_one_image
from spikelearn.equilibrium.train import answers, train
from spikelearn.images.datasets import load
from spikelearn.images.encoding import pixels_and_labels
from spikelearn.images.readout import accuracy
from spikelearn.plotting import image_grid, learning_curve, phase_raster
from spikelearn.ranges.check import checked
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.simulate import compiler
from spikelearn.training.progress import Progress

FIGURE_SIZE = (12.5, 7.5)
RULES = {"twin": "synapses/voltage_derivative_symmetric_centred", "single": "synapses/voltage_derivative_symmetric"}
OWN_RULES = tuple(RULES.values())
RECIPES = {     # chosen here, on the validation images
    "twin": Recipe(rates=(0.06, 0.015), decay=0.75, gate=0.2, free_steps=100, nudged_steps=60, output_bias=0.2),
    "single": Recipe(rates=(0.03, 0.01), decay=0.75, gate=0.4, free_steps=200, nudged_steps=80, window_steps=80,
                     output_bias=0.2),
}
ACCEPTED = {
    "accuracy_twin_percent": Accepted(96, 100, "the same recipe in a C++ loop of our own: 96.5"),
    "accuracy_single_percent": Accepted(90, 100, "the same recipe in a C++ loop of our own: 91"),
}


@checked
def run(synapse=OWN_RULES, neuron=None, *, pixel="neurons/pixel_fire", hidden=(100,), epochs=10, seeds=3,
        images=0, rates=None, decay=None, beta=None, gate=None, free_steps=None, nudged_steps=None, window_steps=None,
        listen_steps=None, batch=None, dt=1 * ms, seed=1, device="auto", quick=False):
    """Train with each rule from `seeds` seeds; None = as the rule's recipe has it. images : 0 = all of the 1,200.

    rates : learning rate of each layer; decay : their factor from epoch to epoch. Returns a Result.
    """
    if device == "auto" and compiler() is None and not quick:
        raise SpikelearnError("learn_digits needs a C++ compiler (g++) and make, and none was found: install them, "
                              "or look at a short form with --quick")
    if quick:
        epochs, seeds, images = min(epochs, 2), 1, images or 300
    rules = [load_model(rule, "synapse") for rule in ([synapse] if not isinstance(synapse, tuple | list) else synapse)]
    given = dict(rates=rates, decay=decay, beta=beta, gate=gate, free_steps=free_steps, nudged_steps=nudged_steps,
                 window_steps=window_steps, listen_steps=listen_steps, batch=batch)
    data = load("digits")
    x, labels = (part[:images or None] for part in pixels_and_labels(data.train, data.scale))
    validation = pixels_and_labels(data.validation, data.scale)
    recipes = [RECIPES["twin" if "twin" in "".join(rule.on_event) else "single"].with_given(len(hidden) + 1, **given)
               for rule in rules]
    made = {}
    for name, rule, recipe in zip(titles(rules), rules, recipes, strict=True):
        start = time.perf_counter()
        classifier = Classifier((x.shape[1], *hidden, data.classes), rule, neuron, pixel, images=len(x), dt=dt,
                                device=device)
        made[name] = (classifier, recipe, [
            train(classifier, x, labels, recipe, epochs=epochs, seed=seed + k, chunk=len(x), validation=validation,
                  progress=Progress(f"{name or rule.title}, seed {seed + k}")) for k in range(seeds)],
            (time.perf_counter() - start) / seeds)
    test = pixels_and_labels(data.test(), data.scale)
    return _result(made, x, labels, test, data)


def titles(rules):
    """What to call the rules in the headline: twin and single for the protocol's own, nothing for a single one."""
    if len(rules) == len(RULES) and all(map(same_code, rules, RULES.values())):
        return list(RULES)
    return [""] if len(rules) == 1 else [f"{rule.name}_{k}" if rules[:k].count(rule) else rule.name
                                         for k, rule in enumerate(rules)]


def _result(made, x, labels, test, data):
    """Everything is trained: read the answers to the test images, once."""
    headline, arrays = {}, {}
    for name, (classifier, recipe, trained, seconds) in made.items():
        said = np.array([answers(classifier, *test, one.weights, recipe) for one in trained])
        right = np.array([100 * accuracy(test[1], row) for row in said])
        key = f"_{name}" if name else ""
        headline |= {f"accuracy{key}_percent": right.mean(), f"accuracy{key}_sd": right.std(ddof=len(right) > 1),
                     f"seconds_a_seed{key}": seconds, f"built{key}": classifier.simulation.built}
        for part in ("train", "validation"):
            curves = [one.curve[f"{part}_error_percent"] for one in trained]
            arrays[f"{part}_error_percent{key}"] = np.array(curves)
        headline[f"validation_accuracy{key}_percent"] = 100 - arrays[f"validation_error_percent{key}"][:, -1].mean()
        arrays |= {f"answers{key}": said, f"spikes_per_image{key}": trained[0].curve["spikes"] / len(x)}
        arrays |= {f"weights{key}_{weight}": w for weight, w in trained[0].weights.items()}
    headline["accuracy_logistic_regression_percent"] = logistic_regression(x, labels, test)
    name, (classifier, recipe, trained, _) = next(iter(made.items()))
    t, i, population = spikes_of_one_image(classifier, test[0][0], test[1][0], trained[0].weights, recipe)
    side = int(np.sqrt(data.pixels))
    arrays |= dict(raster_t=t, raster_i=i, raster_population=population, sizes=np.array(classifier.sizes),
                   free_phase=recipe.free_steps * classifier.dt, test_images=test[0].reshape(-1, side, side),
                   test_labels=test[1], raster_rule=name)
    return Result("learn_digits", arrays, headline)


def logistic_regression(x, labels, test):
    """Accuracy of scikit-learn's logistic regression on the same images, in per cent."""
    from sklearn.linear_model import LogisticRegression

    return 100 * accuracy(test[1], LogisticRegression(max_iter=1000).fit(x, labels).predict(test[0]))


def plot(result, figure):
    """Error over training; what the network says; the spikes of one image in both phases."""
    a, headline = result.arrays, result.headline
    upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    left, right = upper.subplots(1, 2, width_ratios=[1, 1.5])
    keys = [name.removeprefix("answers") for name in a if name.startswith("answers")]
    for k, key in enumerate(keys):
        found = f"test {headline[f'accuracy{key}_percent']:.1f} ± {headline[f'accuracy{key}_sd']:.1f} %: "
        learning_curve(left, a[f"train_error_percent{key}"], a[f"validation_error_percent{key}"],
                       label=f"{key.strip('_').replace('_', ' ')} ({found.strip(': ')}) ", colour=f"C{k}")
    left.axhline(100 - headline["accuracy_logistic_regression_percent"], color="0.5", lw=1, ls=":",
                 label="logistic regression, test")
    left.legend(fontsize=7)
    left.set_title(f"Error, mean and range of {len(a[f'answers{keys[0]}'])} seeds", fontsize=10)
    first, labels = a[f"answers{keys[0]}"][0], a["test_labels"]
    shown = np.concatenate([np.flatnonzero(first != labels)[:12], np.flatnonzero(first == labels)])[:36]
    image_grid(right, a["test_images"][shown], first[shown], labels[shown], columns=12)
    right.set_title(f"What the network says: its first mistakes of {len(labels)} test images, then others", fontsize=10)
    axes = lower.subplots()
    sizes = list(a["sizes"])
    hidden = ["hidden"] if len(sizes) == 3 else [f"hidden {k}" for k in range(1, len(sizes) - 1)]
    names = ["pixels", *hidden, "outputs"]
    phase_raster(axes, a["raster_t"] / ms, a["raster_i"], a["raster_population"], names, sizes, a["free_phase"] / ms)
    axes.set_title(f"Every spike while it is shown one image, a {labels[0]}: the nudge draws the outputs to the answer"
                   "\n", fontsize=10)


def main(argv=None):
    return run_protocol(sys.modules[__name__], argv)


if __name__ == "__main__":
    sys.exit(main())
