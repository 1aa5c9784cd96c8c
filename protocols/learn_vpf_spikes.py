"""A restricted Boltzmann machine learns digits from spikes alone, then generates and completes them with spikes.

Liu & Lin (2017) arXiv:1711.07732, variational probability flow; the event-driven form is our own: data hold the
visible two-state neurons, which attempt flips at the rate of leaving the data, and each attempt changes the weights;
hidden neurons flip freely meanwhile. Digits of 8 x 8 pixels (1 above 7 of 16) with 12 hidden neurons, whose
likelihood is exact by enumeration; MNIST with --set dataset=mnist, 500 hidden neurons, pixels drawn at their grey
level, with walk-back and homeostasis. Beside it the same machine trained in minibatches, on MNIST with these two parts
too. All scores are on the validation images; with --set final=true the test set is read instead, once, at the end.

An example has three phases. It is held while the hidden neurons settle (`settling`). With walk_back above 0 nothing is
held then, and the machine runs free for a random number of legs; afterwards the hidden neurons are held as they are and
the example is back. In the last phase attempts change the weights. Without walk-back the hidden neurons stay free.
Likelihoods of large machines are annealed forward and backward, and the lower is reported.
"""
import argparse
import warnings

import numpy as np
from brian2 import ms
from spikelearn.protocols.stdp_bistate import simulate_network

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann.exact import log_likelihood
from spikelearn.boltzmann.machine import Machine, drawn, hidden_probability
from spikelearn.boltzmann.recipe import DREAMING
from spikelearn.boltzmann.recipe import Recipe as InMinibatches
from spikelearn.boltzmann.sampling import hidden_part, reconstructed
from spikelearn.boltzmann.scores import ENUMERATED, independent_pixels, l2_error, likelihood, parzen_numbers
from spikelearn.boltzmann.spiking_machine import SpikingMachine, complete, draw, flips_of_one_example
from spikelearn.boltzmann.train import train as train_minibatch
from spikelearn.boltzmann.train_on_spikes import Recipe, learn
from spikelearn.command.command_line import run_protocol
from spikelearn.images.datasets import load, scored_part
from spikelearn.images.encoding import pixels_and_labels, side_of
from spikelearn.plotting import distance_and_noise, flip_raster, flow_and_likelihood, images_in_rows, receptive_fields
from spikelearn.ranges.check import checked, positive, whole
from spikelearn.ranges.quick import always, at_most, unless_given
from spikelearn.results.result import Accepted, Result
from spikelearn.training.checkpoint import checkpoint_file
from spikelearn.training.progress import Progress

FIGURE_SIZE = (14, 12)
ACCEPTED = {"log_likelihood": Accepted(-20.5, 0, "a NumPy trial of the rule: -20.0; independent pixels: -25.3"),
            "log_likelihood_minibatch": Accepted(-20.5, 0, "as on spikes; our NumPy trial: -20.2"),
            "completion_error_ratio": Accepted(0, 1.2, "at most 20 % above the minibatch machine's error")}
HALVES = ("top", "bottom", "left", "right")
ABOVE = 7 / 16                          # grey level above which a pixel of the digits is on; chosen here
SETTINGS = {                            # chosen here, on the validation images
    "digits": dict(hidden=12, epochs=30, seeds=3, completed=360, chunk=400,
                   recipe=Recipe(rate=0.005, batch=10), from_prior=False, apart=50.0, averaged=10.0,
                   minibatch_epochs=60, minibatch_recipe=InMinibatches(batch=50, rate=0.01, weight_decay=0.001)),
    "mnist": dict(hidden=500, epochs=8, seeds=1, completed=200, chunk=1000,
                  recipe=Recipe(rate=0.0015, batch=10, spread=0.1, hidden_bias=-1.0, from_mean=True, decay=0.01,
                                homeostasis=0.002, hidden_flips=False, walk_back=0.65, leg=1.0),
                  from_prior=True, apart=500.0, averaged=20.0,
                  minibatch_epochs=8, minibatch_recipe=DREAMING),
}
COMPLETING = dict(settling=20.0, averaged=50.0)     # in units of tau; as many Gibbs steps in the minibatch machine
# a small machine for the time-step error, 3 visible and 2 hidden neurons, and its time steps in units of tau
SMALL = Machine((np.array([-.5, .3, -.8]), np.array([-.4, .2])), (np.array([[1.8, -1], [-1.2, 1.5], [.9, 1.1]]),))
TIME_STEPS = (0.4, 0.2, 0.1, 0.05, 0.025)
RANGES = {"hidden": whole(1, 10_000), "shown": positive(10_000)}      # shown : units of tau
SHORT_FORM = dict(images=unless_given(800), epochs=at_most(3), seeds=always(1), completed=at_most(40))


@checked
def run(synapse="synapses/vpf_symmetric", neuron="neurons/two_state_homeostatic", *, dataset="digits", hidden=None,
        epochs=None, seeds=None, images=0, validation=None, recipe=None, chunk=None, completed=None,
        corruption="bottom", samples=40, apart=None, averaged=None, from_prior=None, parzen_samples=0, minibatch=True,
        dt=1 * ms, precision="single", final=False, resume="", data_dir="", out="", seed=1, device="auto", quick=False):
    """Train on spikes from `seeds` seeds, and in minibatches; None = as SETTINGS has it for the dataset.

    recipe : fields of boltzmann.train_on_spikes.Recipe that differ; a field is also a keyword of its own, as in batch=5
    images : how many training images, 0 = all; chunk : images between two checkpoints; completed : how many images
    are completed whose half `corruption` (top, bottom, left, right) is hidden; samples : how many images are drawn,
    each in `apart` tau, states averaged over the last `averaged` of them, in one chain or (from_prior) each from hidden
    neurons that are excited with their mean probabilities on the training images; parzen_samples : how many are drawn
    for the Parzen log-likelihood, 0 = it is not measured; final : measure on the test set. Returns a Result.
    """
    if corruption not in HALVES:
        raise SpikelearnError(f"data hold the same half of every image: {', '.join(HALVES)}, not '{corruption}'")
    p = _settings(dataset, recipe, hidden=hidden, epochs=epochs, seeds=seeds, completed=completed, chunk=chunk,
                  apart=apart, averaged=averaged, from_prior=from_prior)
    data = load(dataset, data_dir or None, validation)
    x, valid = levels(data.train, data)[:images or None], levels(data.validation, data)
    least = 4 if parzen_samples else 0 if final else 1      # half of them chooses sigma, the other is scored
    if len(valid) < least:
        raise SpikelearnError(f"validation must be at least {least}, not {len(valid)}")
    machine = SpikingMachine(x.shape[1], p.hidden, synapse, neuron, examples=p.chunk, dt=dt,
                             device="cpp" if device == "auto" else device, precision=precision)
    learnt = [_on_spikes(machine, x, valid, p, dataset, seed, k, out or resume, resume) for k in range(p.seeds)]
    beside = [_in_minibatches(machine.sizes, x, p, dataset, seed + k) for k in range(p.seeds if minibatch else 0)]
    test = levels(scored_part(data, final)[0], data)
    arrays, headline = _measured(machine, learnt, beside, x, test, p, corruption, seed)
    drawn, scores = _drawn(machine, learnt[0].weights, x, valid, test, p, samples, parzen_samples, final, seed)
    arrays |= drawn | time_steps(load_model(neuron, "neuron"), seed, 200 if quick else 2000)
    headline |= scores | {"occupancy_error": arrays["step_error"][TIME_STEPS.index(0.1)],
                          "test_set_was_read": bool(final), "build_seconds": machine.simulation.build_seconds}
    return Result("learn_vpf_spikes", arrays | {"part": np.array("test" if final else "validation")}, headline,
                  {"device": machine.simulation.device})


def _settings(dataset, recipe, **given):
    """The dataset's SETTINGS with what was given, as a namespace."""
    p = argparse.Namespace(**SETTINGS["digits" if dataset == "digits" else "mnist"])
    for name, value in given.items():
        setattr(p, name, getattr(p, name) if value is None else type(getattr(p, name))(value))
    p.recipe = p.recipe.with_given(**(recipe or {}))
    return p


def _drawn(machine, weights, x, valid, test, p, samples, parzen_samples, final, seed):
    """(arrays, headline): images drawn on spikes, and their Parzen log-likelihood if it is asked for."""
    prior = hidden_probability(machine.machine(weights), x).mean(axis=0) if p.from_prior else None
    how = dict(apart=p.apart, averaged=p.averaged, prior=prior)
    arrays = {"samples": draw(machine, weights, samples, seed=seed, **how)}
    if not parzen_samples:
        return arrays, {}
    many = draw(machine, weights, parzen_samples, seed=seed + 1, **how)
    return arrays, parzen_numbers(many, x[:parzen_samples], valid, test if final else valid[len(valid) // 2:])


def levels(examples, data):
    """Pixels as probabilities of being on, (n, pixels): the digits black and white, MNIST in grey levels."""
    x = pixels_and_labels(examples, data.scale)[0]
    return (x > ABOVE if data.name == "digits" else x).astype(np.float32)


def _on_spikes(machine, x, valid, p, dataset, seed, k, out, resume):
    """Training number k; its checkpoint stands beside the folder `out`, with its number from the second on."""
    keep, old = (checkpoint_file(f"{folder}.{k}" if k else folder) if folder else None for folder in (out, resume))

    def score(trained):
        return log_likelihood(trained, valid).mean()

    return learn(machine, x, p.recipe, epochs=p.epochs, seed=seed + k, chunk=p.chunk, checkpoint=keep,
                 score=score if p.hidden <= ENUMERATED and len(valid) else None,
                 resume=old if old and (k == 0 or old.is_file()) else None,
                 progress=Progress(f"{dataset}, seed {seed + k}", unit="examples"),
                 about={"dataset": dataset, "precision": machine.simulation.precision.__name__})


def _in_minibatches(sizes, x, p, dataset, seed):
    """The same machine trained in minibatches; with fewer epochs on spikes, with twice as many at most."""
    return train_minibatch(p.minibatch_recipe.start(sizes, x, seed=seed), x, recipe=p.minibatch_recipe, seed=seed,
                           epochs=min(p.minibatch_epochs, 2 * p.epochs),
                           progress=Progress(f"{dataset}, minibatches, seed {seed}", apart=2)).machine


# --- what was learnt -------------------------------------------------------------------------------------------

def _measured(machine, learnt, beside, x, test, p, corruption, seed):
    """Arrays and headline: likelihood, completions, speed; means over the seeds."""
    rng, side, mean = np.random.default_rng(seed), side_of(x), x.mean(axis=0, dtype=float)
    v, hidden = drawn(test, rng), hidden_part(corruption, 1, side, rng)[0]
    few, times = v[:p.completed], dict(average=round(COMPLETING["averaged"]), steps=round(sum(COMPLETING.values())))
    trained = [machine.machine(one.weights) for one in learnt]
    filled = {"": [complete(machine, one.weights, few, hidden, **COMPLETING, seed=seed + k)
                   for k, one in enumerate(learnt)],
              "_minibatch": [reconstructed(one, few, np.tile(hidden, (len(few), 1)), rng, **times) for one in beside]}
    arrays, headline = {}, {}
    for name, machines in (("", trained), ("_minibatch", beside)):
        if machines:
            found = np.array([likelihood(one, mean, v, seed) for one in machines])
            errors = np.array([l2_error(few, images) for images in filled[name]])
            headline |= {f"log_likelihood{name}": found[:, 0].mean(), f"completion_error{name}": errors.mean(),
                         f"log_likelihood_sd{name}": found[:, 0].std(ddof=len(found) > 1)}
            headline |= {f"log_partition_se{name}": found[:, 1].max()} if found[:, 1].any() else {}
            arrays |= {f"log_likelihoods{name}": found[:, 0], f"completion_errors{name}": errors,
                       f"completed{name}": filled[name][0][:20]}
    if beside:
        headline["completion_error_ratio"] = headline["completion_error"] / headline["completion_error_minibatch"]
    headline |= {"log_likelihood_independent_pixels": independent_pixels(mean, len(x), v),
                 "completion_error_mean_image": l2_error(few, np.where(hidden, mean, few))}
    seconds = sum(one.curve["seconds"].sum() for one in learnt)
    for name, counted in (("transitions", "flips"), ("images", "examples")):
        headline[f"{name}_per_second"] = sum(one.curve[counted].sum() for one in learnt) / seconds
    arrays |= {f"curve_{name}": np.array([one.curve[name] for one in learnt])
               for name in ("flow", "score") if name in learnt[0].curve}
    W = trained[0].weights[0].T
    arrays |= {"originals": few[:20], "hidden_part": hidden, "side": side, "sizes": np.array(machine.sizes),
               "filters": W[np.argsort(-np.linalg.norm(W, axis=1))[:40]].reshape(-1, side, side),
               "one_chain": not p.from_prior, "tau": machine.neuron.parameters["tau"]}
    return arrays | _kept(machine, learnt[0].weights, v[0], p.recipe), headline


def _kept(machine, weights, x, recipe):
    """Arrays: the weights, and every flip while one example is held."""
    arrays = {f"weights_{name}": w for name, w in weights.items()}
    for kind, (t, i, population) in flips_of_one_example(machine, x, weights, shown=recipe.shown).items():
        arrays |= {f"raster_{kind}_t": t, f"raster_{kind}_i": i, f"raster_{kind}_population": population}
    return arrays


def time_steps(neuron, seed, copies):
    """Distance (total variation) of a small machine's occupancies from exp(-E), for several time steps."""
    W, tau, found = SMALL.weights[0], neuron.parameters["tau"], {}
    full = np.block([[np.zeros((3, 3)), W], [W.T, np.zeros((2, 2))]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")             # that the steps are coarse is what is shown
        for k, dt in enumerate(TIME_STEPS):
            found[k] = simulate_network(neuron, full, np.concatenate(SMALL.biases), copies, 20 * tau, dt * tau,
                                        seed + k, "numpy")
    shares, errors = (np.array([one[key] for one in found.values()]) for key in ("occupancy", "occupancy_se"))
    P = found[0]["occupancy_exact"]
    # of an estimate that is right but for its noise: the mean of |normal| is sqrt(2/pi) standard deviations
    return {"step": np.array(TIME_STEPS), "step_error": np.abs(shares - P).sum(axis=1) / 2,
            "step_noise": errors.sum(axis=1) / 2 * np.sqrt(2 / np.pi), "step_occupancy": shares, "step_exact": P}


# --- figure ----------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Learning, time-step error; filters, samples; completions; the flips while one example is held."""
    a, headline = result.arrays, result.headline
    side, rows = int(a["side"]), figure.subfigures(4, 1, height_ratios=[1, 1.1, .75, 1.1])
    left, right = rows[0].subplots(1, 2, width_ratios=[1.5, 1])
    flow_and_likelihood(left, a["curve_flow"], a.get("curve_score"))
    told = [f"{headline[f'log_likelihood{name}']:.2f} nats {how}" for name, how in
            (("", "on spikes"), ("_minibatch", "in minibatches")) if f"log_likelihood{name}" in headline]
    left.set_title(f"Log-likelihood, {a['part']}: {', '.join(told)}; {headline['images_per_second']:.0f} images/s, "
                   f"{headline['transitions_per_second']:.3g} transitions/s", fontsize=10)
    distance_and_noise(right, a["step"], a["step_error"], a["step_noise"])
    right.set_title("Free machine of 3 + 2 neurons: occupancies against exp(−E)", fontsize=10)
    filters, samples = rows[1].subplots(1, 2)
    receptive_fields(filters, a["filters"], columns=10 if len(a["filters"]) > 12 else 6)
    filters.set_title("Weights of the hidden neurons with the largest ones (red positive)", fontsize=10)
    lines = np.array_split(a["samples"], max(1, -(-len(a["samples"]) // 10)))
    images_in_rows(samples, [line.reshape(-1, side, side) for line in lines])
    how = "one after the other in one chain" if a["one_chain"] else "each from a start of its own"
    samples.set_title(f"Drawn on spikes while nothing holds the machine, {how}", fontsize=10)
    shown = {"digit": a["originals"], "the half that is held": np.where(a["hidden_part"], .5, a["originals"]),
             "completed on spikes": a["completed"], "minibatch machine": a.get("completed_minibatch")}
    shown = {name: images.reshape(-1, side, side) for name, images in shown.items() if images is not None}
    axes = rows[2].subplots()
    images_in_rows(axes, list(shown.values()), list(shown))
    said = [f"{headline[f'completion_error{name}']:.2f} {how}" for name, how in
            (("", "on spikes"), ("_minibatch", "by the minibatch machine"), ("_mean_image", "by the mean image"))
            if f"completion_error{name}" in headline]
    axes.set_title(f"Half-hidden {a['part']} images, mean L2 error: {', '.join(said)}", fontsize=10)
    axes, tau = rows[3].subplots(), float(a["tau"])
    flip_raster(axes, {kind: (np.asarray(a[f"raster_{kind}_t"]) / tau, a[f"raster_{kind}_i"],
                              a[f"raster_{kind}_population"]) for kind in ("attempts", "ups", "downs")},
                ("visible", "hidden"), a["sizes"])
    axes.set(xlabel="time (τ)")
    axes.set_title("An image held by the visible neurons: they attempt flips, the hidden ones flip", fontsize=10)


if __name__ == "__main__":
    run_protocol()
