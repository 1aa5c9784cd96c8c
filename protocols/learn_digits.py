"""A spiking network learns to classify handwritten digits: the voltage-derivative rule in free and nudged phases.

The 1,797 digits of 8 x 8 pixels of scikit-learn, 64-100-10 leaky integrators with integrate-and-fire coding, pixels as
spike trains, one image at a time. Scellier & Bengio (2017) Front Comput Neurosci 11:24 is the same with rates; Bengio
et al. (2015) arXiv:1502.04156 the rule. Three variants: *temporal* is one network that is nudged towards the target and
then away from it, and learns from the contrast (chosen here); *twin* subtracts the change in an oppositely
nudged copy of the network (a variance-reduction device of the simulation, not biology); *single* is one network with a
surprise gate and a free window (chosen here). Of the 1,437 training images the last 237 are held out: every choice was
made on them, and the answers shown are to them. The 360 test images are read once, at the end, and only with
--set final=true. For comparison: logistic regression on the same images.
"""
import time

import numpy as np
from brian2 import ms

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equations.content import same_code
from spikelearn.equilibrium.classifier import Classifier
from spikelearn.equilibrium.one_image import one_image
from spikelearn.equilibrium.recipe import Recipe
from spikelearn.equilibrium.train import answers, train
from spikelearn.images.checked import check_movable
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import pixels_and_labels
from spikelearn.images.readout import accuracy
from spikelearn.plotting import image_grid, learning_curve, nudged_trace, phase_raster
from spikelearn.ranges.check import checked, given_fields
from spikelearn.ranges.quick import always, at_most, unless_given
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.programs import compiler
from spikelearn.training.progress import Progress

FIGURE_SIZE = (12.5, 11)
RULES = {"temporal": "synapses/voltage_derivative_temporal", "twin": "synapses/voltage_derivative_symmetric_centred",
         "single": "synapses/voltage_derivative_symmetric"}
OWN_RULES = tuple(RULES.values())
RECIPES = {     # chosen here, on the validation images
    "temporal": Recipe(rates=(0.08, 0.03), decay=0.8, gate=0.3, free_steps=100, nudged_steps=(80, 80), average=0.6,
                       output_bias=0.2),
    "twin": Recipe(rates=(0.06, 0.015), decay=0.75, gate=0.2, free_steps=100, nudged_steps=60, output_bias=0.2),
    "single": Recipe(rates=(0.03, 0.01), decay=0.75, gate=0.4, free_steps=200, nudged_steps=80, window_steps=80,
                     output_bias=0.2),
}
NEURON = {"temporal": dict(tau_d=10 * ms)}      # parameters of the rule's neuron that differ from its file
ACCEPTED = {
    "validation_accuracy_temporal_percent": Accepted(96, 100, "ten other seeds: chosen here"),
    "validation_accuracy_twin_percent": Accepted(96, 100, "ten other seeds: chosen here"),
    "validation_accuracy_single_percent": Accepted(88, 100, "ten other seeds: chosen here"),
}
SHORT_FORM = dict(epochs=at_most(2), seeds=always(1), images=unless_given(300))


@checked
def run(synapse=OWN_RULES, neuron=None, *, dataset="digits", pixel="neurons/pixel_fire", hidden=(100,), epochs=10,
        seeds=3, images=0, recipe=None, dt=1 * ms, final=False, seed=1, device="auto", quick=False):
    """Train with each rule from `seeds` seeds. images : 0 = all of the 1,200.

    dataset : "digits" or a .npz file with images of one's own (images/own_images.py), which are all shown in one run.
    neuron : without one, the rule's, with the parameters that the recipe has for it; one that is given stays as it is.
    recipe : fields of equilibrium.classifier.Recipe that differ from the rule's own; a field is also a keyword of its
    own, such as beta=0.4. What only some rules know, such as window_steps, is meant for those.
    final : read the test images at the end. Returns a Result.
    """
    if device == "auto" and compiler() is None and not quick:
        raise SpikelearnError("learn_digits needs a C++ compiler (g++) and make, and none was found: install them, "
                              "or look at a short form with --quick")
    rules = [load_model(rule, "synapse") for rule in ([synapse] if not isinstance(synapse, tuple | list) else synapse)]
    data = load(dataset, own=True)
    x, labels = (part[:images or None] for part in pixels_and_labels(data.train, data.scale))
    validation = pixels_and_labels(data.validation, data.scale)
    recipes = [recipe_of(rule, len(hidden) + 1, len(rules) > 1, given_fields(recipe)) for rule in rules]
    if any(its.shift for its in recipes):
        check_movable(data.train.images)
    made = {}
    for name, rule, its_recipe in zip(titles(rules), rules, recipes, strict=True):
        start = time.perf_counter()
        its = neuron or (rule.neuron and load_model(rule.neuron).with_parameters(**NEURON.get(kind_of(rule), {})))
        classifier = Classifier((x.shape[1], *hidden, data.classes), rule, its, pixel, images=len(x), dt=dt,
                                device=device)
        made[name] = (classifier, its_recipe, [
            train(classifier, x, labels, its_recipe, epochs=epochs, seed=seed + k, chunk=len(x), validation=validation,
                  progress=Progress(f"{name or rule.title}, seed {seed + k}")) for k in range(seeds)],
            (time.perf_counter() - start) / seeds)
    return _result(made, x, labels, pixels_and_labels(scored_part(data, final)[0], data.scale), data, final)


def kind_of(rule):
    """Which of the recipes a rule is trained by."""
    window = "learning" in rule.reads(rule.at_end)["post"]
    return "twin" if "twin" in "".join(rule.on_event) else "single" if window else "temporal"


def recipe_of(rule, layers, several, given):
    """The recipe of a rule. several : of `given`, what the rule does not know is meant for the others."""
    kind = kind_of(rule)
    if several:
        foreign = dict(temporal=("window_steps",), twin=("window_steps", "signs"), single=("signs",))[kind]
        given = {name: value for name, value in given.items() if name not in foreign}
        if kind != "temporal" and np.size(given.get("nudged_steps")) > 1:
            del given["nudged_steps"]
    return RECIPES[kind].with_given(layers, **given)


def titles(rules):
    """What to call the rules in the headline: as in RULES for the protocol's own, nothing for one rule alone."""
    if len(rules) == len(RULES) and all(map(same_code, rules, RULES.values())):
        return list(RULES)
    return [""] if len(rules) == 1 else [f"{rule.name}_{k}" if rules[:k].count(rule) else rule.name
                                         for k, rule in enumerate(rules)]


def _result(made, x, labels, shown, data, final):
    """Everything is trained: the answers to the validation images, or to the test images, which are read once."""
    headline, arrays, part = {}, {}, "" if final else "validation_"
    for name, (classifier, recipe, trained, seconds) in made.items():
        said = np.array([answers(classifier, *shown, one.weights, recipe) for one in trained])
        right = np.array([100 * accuracy(shown[1], row) for row in said])
        key = f"_{name}" if name else ""
        headline |= {f"{part}accuracy{key}_percent": right.mean(),
                     f"{part}accuracy{key}_sd": right.std(ddof=len(right) > 1),
                     f"seconds_a_seed{key}": seconds, f"built{key}": classifier.simulation.built}
        for which in ("train", "validation"):
            curves = [one.curve[f"{which}_error_percent"] for one in trained]
            arrays[f"{which}_error_percent{key}"] = np.array(curves)
        if final:
            last = arrays[f"validation_error_percent{key}"][:, -1]
            headline[f"validation_accuracy{key}_percent"] = 100 - last.mean()
        arrays |= {f"answers{key}": said, f"spikes_per_image{key}": trained[0].curve["spikes"] / len(x)}
        for prefix, weights in (("", trained[0].last_weights), ("mean_", trained[0].weights)):
            arrays |= {f"{prefix}weights{key}_{weight}": w for weight, w in weights.items()}
    headline[f"{part}accuracy_logistic_regression_percent"] = logistic_regression(x, labels, shown)
    headline["test_set_was_read"] = bool(final)
    arrays |= dict(shown_images=shown[0].reshape(-1, *data.train.images.shape[1:]), shown_labels=shown[1],
                   part=part or "test")
    return Result("learn_digits", arrays | _example(made, shown), headline)


def _example(made, shown):
    """What happens while the first network is shown one image: the first that it takes for another digit."""
    name, (classifier, recipe, trained, _) = next(iter(made.items()))
    said = answers(classifier, *shown, trained[0].weights, recipe)
    example = int(np.argmax(said != shown[1]))
    seen = one_image(classifier, shown[0][example], shown[1][example], trained[0].weights, recipe)
    return seen.arrays() | dict(sizes=np.array(classifier.sizes), free_phase=recipe.free_steps * classifier.dt,
                                time_step=classifier.dt, raster_rule=name, raster_label=shown[1][example],
                                raster_said=said[example])


def logistic_regression(x, labels, shown):
    """Accuracy of scikit-learn's logistic regression on the same images, in per cent."""
    from sklearn.linear_model import LogisticRegression

    return 100 * accuracy(shown[1], LogisticRegression(max_iter=1000).fit(x, labels).predict(shown[0]))


def plot(result, figure):
    """Error over training; what the network answers; what happens while one image is shown."""
    a, headline = result.arrays, result.headline
    part = "" if headline["test_set_was_read"] else "validation_"
    which = "test" if headline["test_set_was_read"] else "validation"
    upper, middle, lower = figure.subfigures(3, 1, height_ratios=[1, 1, .9])
    left, right = upper.subplots(1, 2, width_ratios=[1, 1.5])
    keys = [name.removeprefix("answers") for name in a if name.startswith("answers")]
    for k, key in enumerate(keys):
        found = [headline[f"{part}accuracy{key}_{what}"] for what in ("percent", "sd")]
        label = f"{key.strip('_').replace('_', ' ')} ({which} {found[0]:.1f} ± {found[1]:.1f} %) "
        learning_curve(left, a[f"train_error_percent{key}"], a[f"validation_error_percent{key}"], label=label,
                       colour=f"C{k}")
    left.axhline(100 - headline[f"{part}accuracy_logistic_regression_percent"], color="0.5", lw=1, ls=":",
                 label=f"logistic regression, {which}")
    left.legend(fontsize=8, loc="upper center", bbox_to_anchor=(.5, -.2), ncols=2)
    left.set_title(f"Error, mean and range of {len(a[f'answers{keys[0]}'])} seeds", fontsize=10)
    first, labels = a[f"answers{keys[0]}"][0], a["shown_labels"]
    shown = np.concatenate([np.flatnonzero(first != labels)[:12], np.flatnonzero(first == labels)])[:36]
    image_grid(right, a["shown_images"][shown], first[shown], labels[shown], columns=12)
    right.set_title(f"{which.capitalize()} digits: the first misclassified of {len(labels)} (red), then correct ones",
                    fontsize=10)
    draw_example(a, middle.subplots(), lower.subplots(2, 1, sharex=True, height_ratios=[1.6, 1]))


def draw_example(a, axes, traces):
    """Every spike while one image is shown, and below it two neurons and the change that their synapse collects."""
    sizes = list(a["sizes"])
    hidden = ["hidden"] if len(sizes) == 3 else [f"hidden {k}" for k in range(1, len(sizes) - 1)]
    names = ["pixels", *hidden, "outputs"]
    phase_raster(axes, a["raster_t"] / ms, a["raster_i"], a["raster_population"], names, sizes, a["free_phase"] / ms)
    axes.set_title(f"Every spike while the network is shown one image, a {a['raster_label']} that it takes for a "
                   f"{a['raster_said']}: the nudge draws the outputs to the target\n", fontsize=10)
    last = len(sizes) - 1
    spikes = [a["raster_t"][(a["raster_population"] == k) & (a["raster_i"] == unit)] / ms
              for k, unit in zip((last - 1, last), a["trace_units"])]
    nudged_trace(*traces, a["trace_learning"], a["trace_hidden"], a["trace_output"], a["trace_change"], spikes,
                 a["free_phase"] / ms, a["time_step"] / ms)
    traces[0].set_title("The same image: two neurons and the accumulated change of their synapse\n", fontsize=10)


if __name__ == "__main__":
    run_protocol()
