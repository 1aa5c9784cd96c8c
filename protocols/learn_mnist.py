"""MNIST on spikes, end to end: equilibrium propagation by the voltage-derivative rule, pixels to outputs in spikes.

784-500-10 leaky integrators that communicate by spikes, one image at a time; free and nudged phases as in Scellier &
Bengio (2017) Front Comput Neurosci 11:24; the weight change is S_pre dV_post/dt and its mirror, nothing else (Bengio
et al. (2015) arXiv:1502.04156). By default the temporal twin (chosen here): after the free phase the outputs are
nudged towards the target while changes count positively, then away from it while they count negatively. Contributions
common to both phases, mainly spike noise, cancel; the response to the nudge adds up. There is one network, and the
nudge and its sign are the only global signals. Images whose outputs are already right change no weight (surprise
gate), and the network is tested with a running mean of the weights. --synapse chooses the rule: the twins (copies of
the network, a variance-reduction device of the simulation, not biology) or the single network with a free window.
The last 10,000 training images are held out for every choice; the test set is read once, at the end, and only with
--set final=true.
"""
import dataclasses
import sys
import time
from typing import NamedTuple

import numpy as np
from brian2 import Hz, ms

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium.classifier import Classifier
from spikelearn.equilibrium.one_image import one_image
from spikelearn.equilibrium.recipe import Recipe
from spikelearn.equilibrium.saved_networks import network_facts, weights_in
from spikelearn.equilibrium.train import answers, train
from spikelearn.images.checked import check_movable
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import parts_for_training, pixels_and_labels
from spikelearn.images.readout import confusion, error_percent, tell_of_guessing
from spikelearn.plotting import (
    confusion_matrix,
    image_grid,
    learning_curve,
    nudged_trace,
    phase_raster,
    receptive_fields,
)
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.files import load as load_result
from spikelearn.results.provenance import model_facts
from spikelearn.results.result import Accepted, Result
from spikelearn.training.checkpoint import checkpoint_file
from spikelearn.training.progress import Progress

FIGURE_SIZE = (13, 14)
GOAL = 2.0      # per cent; the headline says how long it took to get below it
ACCEPTED = {"validation_error_percent": Accepted(0, 2.0, "four seeds with neighbouring recipes: 1.80 to 1.99")}


class Setting(NamedTuple):
    """A recipe with the pixels it was made for, and parameters of the rule's neuron that differ from its file."""

    recipe: Recipe
    pixel: str = "neurons/pixel_poisson"
    neuron: dict = {}


SETTINGS = {     # chosen here, on the validation images
    "temporal": Setting(Recipe(rates=(0.03, 0.015), decay=0.93, gate=0.3, free_steps=100, nudged_steps=(80, 80),
                               average=0.995, output_bias=0.1), "neurons/pixel_fire", dict(tau_d=10 * ms)),
    # two hidden layers and more: +beta, -beta diverges; with +beta, -beta, +beta a linear drift cancels, too
    "deep temporal": Setting(Recipe(rates=(0.02, 0.01, 0.0025), decay=0.9, gate=0.2, free_steps=250, average=0.99,
                                    nudged_steps=(80, 160, 80), output_bias=0.1, hidden_spread=0.25),
                             "neurons/pixel_fire", dict(tau_d=10 * ms, r_max=1000 * Hz)),
    "twin": Setting(Recipe(rates=(0.03, 0.015), decay=0.92, gate=0.3, free_steps=100, nudged_steps=80, average=0.995,
                           output_bias=0.1), "neurons/pixel_poisson", dict(tau_d=10 * ms)),
    "deep twin": Setting(Recipe(rates=(0.06, 0.015, 0.004), decay=0.9, gate=0.2, free_steps=200, nudged_steps=100,
                                average=0.99, output_bias=0.1, hidden_spread=0.25),
                         "neurons/pixel_fire", dict(tau_d=10 * ms, r_max=1000 * Hz)),
    "single": Setting(Recipe(rates=(0.002, 0.001), decay=0.8, gate=0.4, free_steps=200, nudged_steps=80,
                             window_steps=80, average=0.98)),
}
SETTINGS["temporal fashion_mnist"] = SETTINGS["temporal"]._replace(      # with those for MNIST it learns nothing
    recipe=dataclasses.replace(SETTINGS["temporal"].recipe, rates=(0.004, 0.002)))
SHORT_FORM = dict(epochs=at_most(1), images=unless_given(4000))


@checked
def run(synapse="synapses/voltage_derivative_temporal", neuron=None, *, dataset="mnist", hidden=(500,), epochs=10,
        images=0, validation=None, pixel="", recipe=None, chunk=1000, precision="single", dt=1 * ms, final=False,
        glances=1, start="", resume="", data_dir="", out="", jobs=1, seed=1, device="auto", quick=False):
    """Train.

    neuron : without one, the rule's, with the parameters that the recipe has for it; one that is given stays as it is.
    recipe : fields of equilibrium.classifier.Recipe that differ from those for the rule's kind (temporal, twin or
    single); a field is also a keyword of its own, such as beta=0.4. pixel : neuron of the pixels, "" = the setting's.
    dataset : "mnist", "fashion_mnist", "digits" or a .npz file with images of one's own, of any size and number of
    classes (images/own_images.py).
    hidden : units of each hidden layer; images : how many training images, 0 = all; validation : how many of the
    training images are held out, None = the dataset's own number (10,000, or 237 of the digits), of which quick
    measures at most 1,000; final : read the test set at the end; chunk : images between two checkpoints.
    glances : 5 or 9 also scores the answers to 5 or 9 glances at each image, in place and moved by a pixel.
    start : folder of a result of learn_mnist with the same layers, from whose weights this training begins.
    out : folder of the result; the checkpoint stands beside it, also when the training is over, so that more epochs
    can be added. resume : such a folder.
    Returns a Result.
    """
    rule, hidden = load_model(synapse, "synapse"), tuple(int(size) for size in np.atleast_1d(hidden))
    setting = setting_of(rule, len(hidden) + 1, dataset)
    recipe = setting.recipe.with_given(len(hidden) + 1, **(recipe or {}))
    began = time.perf_counter()
    data = load(dataset, data_dir or None, validation, own=True)
    x, labels, held_out = parts_for_training(data, images, 1000 if quick else None)
    if recipe.shift or glances > 1:     # refused before the training, not after it
        check_movable(data.train.images, glances, scored=final or held_out is not None)
    start_of_build = time.perf_counter()
    classifier = built((x.shape[1], *hidden, data.classes), rule, neuron, setting, recipe, chunk, pixel=pixel, dt=dt,
                       device="cpp" if device == "auto" else device, precision=precision)
    times = {"wall_seconds": began, "build_seconds": time.perf_counter() - start_of_build,
             "before_training": time.perf_counter() - began}
    keep = checkpoint_file(out or resume) if out or resume else None
    trained = train(classifier, x, labels, recipe, epochs=epochs, seed=seed, chunk=chunk, validation=held_out,
                    weights=weights_of(start, classifier) if start else None, checkpoint=keep,
                    resume=checkpoint_file(resume) if resume else None, jobs=jobs,
                    progress=Progress(f"{dataset}, {rule.title}"), about={"dataset": data.name, "precision": precision})
    times["wall_seconds"] = time.perf_counter() - began
    return _result(classifier, recipe, trained, data, held_out, final, times, glances)


def built(sizes, rule, neuron, setting, recipe, chunk, *, pixel, **how):
    """The Classifier: so many images a run that the shares of a batch fit."""
    at_once = chunk if recipe.batch == 1 else min(chunk, max(100, -(-recipe.batch // recipe.shares)))
    neuron = neuron or (rule.neuron and load_model(rule.neuron).with_parameters(**setting.neuron))
    return Classifier(sizes, rule, neuron, pixel or setting.pixel, images=at_once, **how)


def setting_of(rule, layers, dataset="mnist"):
    """The setting for a rule, so many layers of weights and a dataset."""
    window = "learning" in rule.reads(rule.at_end)["post"]
    kind = "twin" if "twin" in "".join(rule.on_event) else "single" if window else "temporal"
    if layers < 3 or kind == "single":
        return SETTINGS.get(f"{kind} {dataset}", SETTINGS[kind])
    deep = SETTINGS[f"deep {kind}"]
    first, second, last = deep.recipe.rates         # of three layers of weights; further ones fall in the same way
    fall = second / first
    rates = (*(first * fall**k for k in range(layers - 1)), last * fall**(layers - 3))
    return deep._replace(recipe=dataclasses.replace(deep.recipe, rates=rates))


def weights_of(directory, classifier):
    """The weights that answer in a saved result of this protocol: name -> array."""
    weights, new = weights_in(load_result(directory)), classifier.new_weights(0)
    weights = {name: weights.get(name) for name in new}
    if any(np.shape(weights[name]) != w.shape for name, w in new.items()):
        sizes = "-".join(str(size) for size in classifier.sizes)
        raise SpikelearnError(f"'{directory}' has no weights of a network {sizes} to start from")
    return {name: np.asarray(w).astype(classifier.simulation.precision) for name, w in weights.items()}


def _result(classifier, recipe, trained, data, held_out, final, times, glances):
    curve, weights = trained.curve, trained.weights
    headline = _headline(curve, times)
    if headline["training_images"] >= 1000:
        tell_of_guessing(headline["train_error_percent"], data.train.labels, recipe.rates)
    arrays = {f"curve_{name}": values for name, values in curve.items()}
    arrays |= {f"weights_{name}": array for name, array in trained.last_weights.items()}
    arrays |= {f"mean_weights_{name}": array for name, array in weights.items()}
    shape = data.train.images.shape[1:]
    examples, part = scored_part(data, final)
    shown = pixels_and_labels(examples, data.scale) if final else held_out
    if shown is not None:
        said = answers(classifier, *shown, weights, recipe)
        headline[f"{part}_error_percent"] = error_percent(shown[1], said)
        if glances > 1:
            headline[f"{part}_error_percent_{glances}_glances"] = error_percent(
                shown[1], answers(classifier, *shown, weights, recipe, number=glances))
        wrong = np.flatnonzero(said != shown[1])[:24]
        arrays |= dict(confusion=confusion(shown[1], said, data.classes), wrong_said=said[wrong],
                       wrong_labels=shown[1][wrong], wrong_images=shown[0][wrong].reshape(-1, *shape), part=part)
        example = wrong[0] if len(wrong) else 0
        arrays |= one_image(classifier, shown[0][example], shown[1][example], weights, recipe).arrays()
        arrays |= dict(sizes=np.array(classifier.sizes), time_step=classifier.dt, raster_label=shown[1][example],
                       free_phase=recipe.free_steps * classifier.dt, raster_said=said[example])
    headline["test_set_was_read"] = bool(final)
    first = np.reshape(weights["synapses_1.w"], (-1, classifier.sizes[1]))[:-1]
    arrays["fields"] = first.T[np.argsort(-np.linalg.norm(first, axis=0))[:40]].reshape(-1, *shape)
    facts = {"device": classifier.simulation.device, "dataset": data.name, "recipe": dataclasses.asdict(recipe),
             "network": network_facts(classifier),
             "models": [model_facts(model) for model in (classifier.synapse, classifier.neuron, classifier.pixel)]}
    return Result("learn_mnist", arrays, headline, facts)


def _headline(curve, times):
    learning = curve["seconds"].sum()
    headline = {"train_error_percent": curve["train_error_percent"][-1], "epochs": len(curve["seconds"]),
                "images_per_second": curve["images"].sum() / learning,
                "spikes_per_image": curve["spikes"][-1] / curve["images"][-1],
                "synaptic_events_per_second": curve["events"].sum() / learning,
                "nudged_images_last_epoch": curve["nudged"][-1], "training_images": curve["images"][-1],
                "wall_seconds": times["wall_seconds"], "build_seconds": times["build_seconds"]}
    if "validation_error_percent" in curve:
        errors = curve["validation_error_percent"]
        headline["validation_error_percent"] = errors[-1]
        if (errors < GOAL).any():
            passed = np.cumsum(curve["seconds"] + curve["validation_seconds"])[np.argmax(errors < GOAL)]
            headline["seconds_to_2_percent"] = times["before_training"] + passed
        else:
            print(f"seconds_to_2_percent is left out: the validation error never fell below {GOAL:g} %",
                  file=sys.stderr)
    return headline


def plot(result, figure):
    """Learning curve, confusions, receptive fields, mistakes, and what happens while one image is shown."""
    a, headline = result.arrays, result.headline
    rows = figure.subfigures(4, 1, height_ratios=[1.1, 1, 1, 1])
    left, right = rows[0].subplots(1, 2, width_ratios=[1.3, 1])
    learning_curve(left, a["curve_train_error_percent"], a.get("curve_validation_error_percent"))
    told = [f"{part} {headline[f'{part}_error_percent']:.2f} %" for part in ("validation", "test")
            if f"{part}_error_percent" in headline]
    left.set_title(f"Error after {headline['epochs']} epochs: {', '.join(told) or 'training only'}; "
                   f"{headline['images_per_second']:.0f} images/s", fontsize=10)
    left.legend(fontsize=8)
    fields, mistakes = rows[1].subplots(1, 2)
    receptive_fields(fields, a["fields"], columns=10)
    fields.set_title("Incoming weights of the 40 hidden units with the largest weights (red positive)", fontsize=10)
    if "confusion" not in a:
        right.axis("off"), mistakes.axis("off")
        return
    confusion_matrix(right, a["confusion"])
    right.set_title(f"Confusion matrix, {a['part']} images", fontsize=10)
    image_grid(mistakes, a["wrong_images"], a["wrong_said"], a["wrong_labels"], columns=8)
    mistakes.set_title(f"First errors in the {a['part']} set: predicted class (true class)", fontsize=10)
    axes, sizes = rows[2].subplots(), list(a["sizes"])
    names = ["pixels", *(f"hidden {k}" for k in range(1, len(sizes) - 1)), "outputs"]
    phase_raster(axes, a["raster_t"] / ms, a["raster_i"], a["raster_population"], names, sizes, a["free_phase"] / ms)
    axes.set_title(f"Every spike while one image is shown, a {a['raster_label']} that the network takes for a "
                   f"{a['raster_said']}\n", fontsize=10)
    draw_trace(a, rows[3])


def draw_trace(a, figure):
    """Potentials, learning sign and collected change of one synapse during the image of the raster."""
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.6, 1])
    hidden, output = a["trace_units"]
    last = len(a["sizes"]) - 1
    spikes = [a["raster_t"][(a["raster_population"] == k) & (a["raster_i"] == unit)] / ms
              for k, unit in ((last - 1, hidden), (last, output))]
    nudged_trace(above, below, a["trace_learning"], a["trace_hidden"], a["trace_output"], a["trace_change"], spikes,
                 a["free_phase"] / ms, a["time_step"] / ms)
    above.set_title("The same image: two neurons and the accumulated change of their synapse\n", fontsize=10)


if __name__ == "__main__":
    run_protocol()
