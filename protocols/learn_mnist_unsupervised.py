"""Digits without a teacher: spiking neurons compete for images, and each comes to respond to one kind of digit.

784 Poisson pixels, 400 excitatory conductance neurons with adaptive thresholds, lateral inhibition, potentiation at
post spikes by two traces, normalised weights. After Diehl & Cook (2015) Front Comput Neurosci 9:99, of whose network
the inhibitory neurons, the rest between images, the repetition with higher rates and the depression at pre spikes are
left out (chosen here; learn_mnist_diehl_cook has them). Images, inhibition, normalisation and learning run in one
program. Labels are used after learning only: each neuron gets the class that it responds to most among the last
10,000 training images (the published figures used the test images). Two decisions: "mean", the class whose neurons
spike most on average; "vote", each spike counts for the classes in proportion to the neuron's mean responses.
The last 10,000 training images are held out for every choice; the test set is read once, at the end, and only with
--set final=true. With --set validation=0 all 60,000 images are learnt.
"""
import dataclasses
import sys
import time

import numpy as np
from brian2 import Hz, ms, mV, volt

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import parts_for_training, pixels_and_labels
from spikelearn.images.readout import confusion
from spikelearn.plotting import confusion_matrix, receptive_fields
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import at_most, unless_given
from spikelearn.results.provenance import model_facts
from spikelearn.results.result import Accepted, Result
from spikelearn.training.checkpoint import checkpoint_file
from spikelearn.training.progress import Progress
from spikelearn.unsupervised.competing import CompetingNeurons
from spikelearn.unsupervised.labels import DECISIONS, decide, labels_of
from spikelearn.unsupervised.recipe import RANGES as RECIPE_RANGES
from spikelearn.unsupervised.recipe import THETAS, Recipe
from spikelearn.unsupervised.train import accuracy_percent, learn, responses_to

FIGURE_SIZE = (10.5, 9)
ACCEPTED = {"validation_accuracy_vote": Accepted(91.5, 100, "a C++ prototype, three seeds: 91.5 to 92.2 on the test "
                                                 "images; here one seed: 93.2")}
GOAL = 90.0     # per cent; the headline says how long it took to reach it
RANGES = {"excitatory": whole(1, 10_000), **RECIPE_RANGES, **THETAS}
FALLING = dict(theta_plus_first=0.1 * mV)       # learns from few images; chosen here, on the validation images
SHORT_FORM = dict(epochs=at_most(1), images=unless_given(4000), excitatory=at_most(100),
                  recipe=lambda given: {**FALLING, **(given or {})})
MOST_FIELDS = 400


@checked
def run(synapse="synapses/stdp_potentiation", neuron=None, *, dataset="mnist", excitatory=400, inhibitory="",
        pixel="neurons/pixel_poisson_trace", epochs=1, images=0, validation=None, recipe=None, chunk=1000,
        precision="single", dt=0.5 * ms, final=False, resume="", data_dir="", out="", seed=1, device="auto",
        quick=False):
    """Train.

    excitatory : how many neurons compete. neuron : without one, the rule's. inhibitory : inhibitory neurons, one for
    each excitatory one; "" = these inhibit each other. pixel : neuron of the pixels.
    recipe : fields of unsupervised.recipe.Recipe that differ; a field is also a keyword of its own, such as norm=60.
    dataset : "mnist", "fashion_mnist", "digits" or a .npz file with images of one's own.
    images : how many training images, 0 = all; validation : how many of the training images are held out, None = the
    dataset's own number, of which quick measures at most 1,000; final : read the test set at the end; chunk : images
    between two checkpoints. out : folder of the result; the checkpoint stands beside it. resume : such a folder.
    Returns a Result.
    """
    began = time.perf_counter()
    rule, recipe = load_model(synapse, "synapse"), Recipe().with_given(**(recipe or {})).for_neurons(excitatory)
    recipe.steps(dt)
    data = load(dataset, data_dir or None, validation, own=True)
    x, labels, held_out = parts_for_training(data, images, 1000 if quick else None)
    network = CompetingNeurons(x.shape[1], excitatory, rule, neuron, pixel, inhibitory or None, images=chunk,
                               pauses=recipe.pauses(), dt=dt, precision=precision,
                               device="cpp" if device == "auto" else device)
    times = {"build_seconds": network.build_seconds(), "before_training": time.perf_counter() - began}
    keep = checkpoint_file(out or resume) if out or resume else None
    learnt = learn(network, x, labels, recipe, epochs=epochs, classes=data.classes, seed=seed, chunk=chunk,
                   validation=held_out, checkpoint=keep, resume=checkpoint_file(resume) if resume else None,
                   progress=Progress(f"{dataset}, {rule.title}"), about={"dataset": data.name, "precision": precision})
    times["wall_seconds"] = time.perf_counter() - began
    return _result(network, recipe, learnt, data, held_out, final, seed, times)


def _result(network, recipe, learnt, data, held_out, final, seed, times):
    headline = _headline(learnt.curve, times)
    shape, labels = data.train.images.shape[1:], labels_of(learnt.responses)
    arrays = {f"curve_{name}": values for name, values in learnt.curve.items()}
    arrays |= {f"weights_{name}": array for name, array in learnt.weights.items()}
    examples, part = scored_part(data, final)
    shown = pixels_and_labels(examples, data.scale) if final else held_out
    if shown is not None:
        counts = responses_to(network, shown[0], learnt.weights, recipe, seed)
        said = {decision: decide(counts, learnt.responses, decision) for decision in DECISIONS}
        headline |= {f"{part}_accuracy_{name}": accuracy_percent(shown[1], it) for name, it in said.items()}
        arrays |= dict(confusion=confusion(shown[1], said["vote"], data.classes), part=np.array(part),
                       rates=counts.mean(axis=0) / recipe.shown, scored_images=np.array(len(counts)))
        headline["spikes_per_scored_image"] = float(counts.sum() / len(counts))
    headline |= {"unlabelled_neurons": int(np.sum(labels < 0)), "test_set_was_read": bool(final)}
    by_label = np.lexsort((-learnt.responses.sum(axis=0), labels))
    arrays |= dict(responses=learnt.responses, labels=labels, by_label=by_label, shape=np.array(shape),
                   theta=learnt.weights["neurons.theta"] * volt)
    facts = {"device": network.simulation.device, "dataset": data.name, "recipe": dataclasses.asdict(recipe),
             "network": {"sizes": network.sizes, "dt": network.dt},
             "models": [model_facts(model) for model in network.models()]}
    return Result("learn_mnist_unsupervised", arrays, headline, facts)


def _headline(curve, times):
    learning = curve["seconds"].sum()
    headline = {"epochs": len(curve["seconds"]), "training_images": curve["images"][-1],
                "images_per_second": curve["images"].sum() / learning,
                "spikes_per_image": curve["spikes"][-1] / curve["images"][-1],
                "input_spikes_per_image": curve["input_spikes"][-1] / curve["images"][-1],
                "presentations_per_image": curve["presentations"][-1] / curve["images"][-1],
                "wall_seconds": times["wall_seconds"], "build_seconds": times["build_seconds"]}
    if "validation_seconds" in curve:
        reached = curve["validation_accuracy_vote"] >= GOAL
        if reached.any():
            passed = np.cumsum(curve["seconds"] + curve["validation_seconds"])[np.argmax(reached)]
            headline["seconds_to_90_percent"] = times["before_training"] + passed
        else:
            print(f"seconds_to_90_percent is left out: the vote on the validation images never reached {GOAL:g} %",
                  file=sys.stderr)
    return headline


def plot(result, figure):
    """Weights as fields, ordered by class; confusion matrix; mean responses; rates and thresholds."""
    a, headline = result.arrays, result.headline
    above, below = figure.subfigures(2, 1, height_ratios=[1.7, 1])
    fields, right = above.subplots(1, 2, width_ratios=[1.25, 1])
    order = a["by_label"][np.linspace(0, len(a["by_label"]) - 1, min(MOST_FIELDS, len(a["by_label"]))).astype(int)]
    w = np.reshape(a["weights_synapses.w"], (-1, len(a["labels"])))[:, order].T
    receptive_fields(fields, w.reshape(-1, *a["shape"]), columns=max(1, round(len(w) ** 0.5)))
    fields.set_title(f"Incoming weights of {len(w)} of {len(a['labels'])} neurons, ordered by class", fontsize=10)
    responses, rates = below.subplots(1, 2, width_ratios=[1.25, 1])
    draw_responses(responses, a["responses"][:, a["by_label"]])
    if "confusion" not in a:
        right.axis("off"), rates.axis("off")
        return
    confusion_matrix(right, a["confusion"])
    part, n = str(a["part"]), int(a["scored_images"])
    told = [f"{name} {_with_error(headline[f'{part}_accuracy_{name}'], n)}" for name in DECISIONS]
    right.set_title(f"Confusion matrix, {part} images (vote)\naccuracy ± s.e.: {', '.join(told)}", fontsize=10)
    draw_rates(rates, a["rates"] / Hz, a["theta"] / mV)
    rates.set_title(f"Each neuron while {part} images are shown\n{headline['images_per_second']:.0f} images/s in "
                    "training", fontsize=10)


def _with_error(percent, n):
    return f"{percent:.2f} ± {(percent * (100 - percent) / n) ** 0.5:.2f} %"


def draw_responses(axes, responses):
    """Mean spike counts of the neurons for images of each class."""
    shown = axes.imshow(responses, aspect="auto", cmap="Greys", interpolation="nearest")
    axes.figure.colorbar(shown, ax=axes, label="spikes an image")
    axes.set(xlabel="neuron, ordered by class", ylabel="class of the image", yticks=range(len(responses)))
    axes.set_title("Mean response to the training images that label the neurons", fontsize=10)


def draw_rates(axes, rates, theta):
    """Mean rate of each neuron against the adaptive part of its threshold."""
    axes.plot(theta, rates, "o", ms=3, alpha=.6)
    axes.set(xlabel="adaptive threshold θ (mV)", ylabel="mean rate (Hz)")


if __name__ == "__main__":
    run_protocol()
