"""Feedback weights without weight transport: they become symmetric, or the forward weights align with them.

Part 1, symmetry emerges: auto-encoders with free encoder W and decoder V. Vincent et al. (2010) JMLR 11:3371 found it
for denoising auto-encoders, Arora, Liang & Ma (2015) arXiv:1511.05653 give a reason; Bengio et al. (2016)
arXiv:1606.01651 build on it. Trained by the exact gradient, by recirculation (Hinton & McClelland 1988; local, no
weight is carried over), and by one change for both directions with decay (Kolen & Pollack 1994), which is what a rule
such as d/dt(rho_i rho_j) does: there the difference of W and V' shrinks by the same factor at every step.
Part 2, feedback alignment: Lillicrap et al. (2014) arXiv:1411.0247. Errors come back through fixed random weights.
The 8 x 8 digits; sizes, noise, decay and learning rates: chosen here.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium.energy import cosine
from spikelearn.images.datasets import load
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (13, 7.5)
ACCEPTED = {
    "symmetry_denoising": Accepted(.9, 1, "cosine of W and V', sigmoid units, at the end"),
    "symmetry_plain": Accepted(.9, 1, "the same without noise"),
    "shrinkage_error": Accepted(0, 1e-9, "one change for both directions: W - V' shrinks by 1 - rate*decay a step"),
    "angle_degrees": Accepted(0, 60, "feedback alignment: hidden weights' update to the true gradient, at the end"),
    "angle_at_start_degrees": Accepted(75, 105, "the same before learning: random"),
    "accuracy_feedback_alignment": Accepted(92, 100, "held-out digits; bound chosen here"),
}
UNITS = {   # name : (value, slope as a function of the value)
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(float)),
}
ENCODERS = {    # name : (way of learning, units, noise)
    "denoising": ("gradient", "sigmoid", .3), "plain": ("gradient", "sigmoid", 0),
    "denoising_tanh": ("gradient", "tanh", .3), "denoising_relu": ("gradient", "relu", .3),
    "recirculation": ("recirculation", "sigmoid", 0), "one_change": ("one change", "sigmoid", 0),
}
SHORT_FORM = dict(seeds=always(1), epochs=at_most(80), alignment_epochs=at_most(20))


@checked
def run(*, hidden=32, epochs=150, decay=1e-3, rate=0.1, batch=30, seeds=3, alignment_hidden=100, alignment_epochs=60,
        seed=1, quick=False):
    """hidden : units of the auto-encoders; decay : of weights, in units of the rate. Returns a Result."""
    data = load("digits")
    parts = [(part.images.reshape(len(part.labels), -1) / data.scale, part.labels)
             for part in (data.train, data.validation)]
    arrays, headline = {"epochs": np.arange(epochs + 1)}, {}
    for name, (way, units, noise) in ENCODERS.items():
        trained = [encode(parts[0][0], way, units, noise, hidden, epochs, decay, rate, batch, seed + k)
                   for k in range(seeds)]
        arrays[f"symmetry_{name}"], arrays[f"missed_{name}"] = (np.array([one[j] for one in trained]) for j in (0, 1))
        headline[f"symmetry_{name}"] = arrays[f"symmetry_{name}"][:, -1].mean()
        headline[f"missed_{name}_percent"] = 100 * arrays[f"missed_{name}"].mean()
        if way == "one change":
            headline["shrinkage_error"] = max(one[2] for one in trained)
    for way in ("feedback alignment", "back-propagation", "fixed hidden"):
        found = [align(*parts, way, alignment_hidden, alignment_epochs, 20, seed + k) for k in range(seeds)]
        key = way.replace(" ", "_").replace("-", "_")
        for j, name in enumerate(("angle", "deltas", "error")):
            arrays[f"{name}_{key}"] = np.array([one[j] for one in found])
        headline[f"accuracy_{key}"] = 100 - arrays[f"error_{key}"][:, -1].mean()
    angle = arrays["angle_feedback_alignment"].mean(axis=0)
    headline |= {"angle_degrees": angle[-1], "angle_at_start_degrees": angle[0], "smallest_angle_degrees": angle.min(),
                 "angle_of_single_deltas_degrees": arrays["deltas_feedback_alignment"].mean(axis=0)[-1]}
    return Result("weight_symmetry", arrays, headline)


# --- auto-encoders -----------------------------------------------------------------------------------------------

def changes(x, corrupted, W, b, V, c, way, units):
    """Summed changes (dW, db, dV, dc) of one batch. x, corrupted : (n, pixels); W : (pixels, hidden); V its return.

    gradient : of sum |x - r|^2 / 2, written out. recirculation : the code h is compared with that of a picture
    a quarter of the way to the reconstruction. one change : the same product h (x - r) for both directions.
    """
    value, slope = UNITS[units]
    h = value(corrupted @ W + b)
    r = h @ V + c
    missed = x - r
    dV, dc = h.T @ missed, missed.sum(axis=0)
    if way == "gradient":
        dh = missed @ V.T * slope(h)
        return corrupted.T @ dh, dh.sum(axis=0), dV, dc
    if way == "recirculation":
        mixed = .75 * corrupted + .25 * r           # share of Hinton & McClelland (1988)
        dh = h - value(mixed @ W + b)
        return mixed.T @ dh, dh.sum(axis=0), dV, dc
    return dV.T, np.zeros_like(b), dV, dc


def encode(x, way, units, noise, hidden, epochs, decay, rate, batch, seed):
    """Train one auto-encoder. Returns (cosine of W and V' after each epoch, share of the variance that the
    reconstruction misses at the end, largest relative error of the shrinkage law, not a number unless one change)."""
    rng = np.random.default_rng([seed, 7])
    pixels = x.shape[1]
    W, V = rng.normal(0, 1 / np.sqrt(pixels), (pixels, hidden)), rng.normal(0, 1 / np.sqrt(hidden), (hidden, pixels))
    b, c, apart, law = np.zeros(hidden), x.mean(axis=0), [np.linalg.norm(W - V.T)], [1.0]
    symmetry = [cosine(W.ravel(), V.T.ravel())]
    for _ in range(epochs):
        for chosen in np.array_split(rng.permutation(len(x)), len(x) // batch):
            clean = x[chosen]
            corrupted = clean + noise * rng.standard_normal(clean.shape)
            dW, db, dV, dc = (d / len(chosen) for d in changes(clean, corrupted, W, b, V, c, way, units))
            W, V = W + rate * (dW - decay * W), V + rate * (dV - decay * V)
            b, c = b + rate * db, c + rate * dc
            law.append(law[-1] * (1 - rate * decay))
        symmetry.append(cosine(W.ravel(), V.T.ravel()))
        apart.append(np.linalg.norm(W - V.T))
    missed = x - (UNITS[units][0](x @ W + b) @ V + c)
    law_error = abs(apart[-1] / apart[0] / law[-1] - 1) if way == "one change" else np.nan
    return symmetry, (missed**2).sum() / ((x - x.mean(axis=0))**2).sum(), law_error


# --- feedback alignment ------------------------------------------------------------------------------------------

def hidden_changes(x, targets, W1, b1, W2, b2, back):
    """Changes of the weights of one hidden layer, errors coming back through `back` (outputs, hidden).

    tanh units, softmax outputs, cross-entropy. back = W2' gives minus the gradient. Returns the four changes and
    the deltas (n, hidden).
    """
    h = np.tanh(x @ W1 + b1)
    z = h @ W2 + b2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    missed = targets - p / p.sum(axis=1, keepdims=True)
    deltas = missed @ back * (1 - h**2)
    return x.T @ deltas, deltas.sum(axis=0), h.T @ missed, missed.sum(axis=0), deltas


def align(train, validation, way, hidden, epochs, batch, seed, rate=0.05):
    """Returns (angle in degrees of the hidden weights' update to the gradient, on all training images; mean angle of
    single images' deltas; error in per cent on the held-out images), each (epochs + 1,)."""
    rng = np.random.default_rng([seed, 8])
    (x, labels), classes = train, 10
    targets = np.eye(classes)[labels]
    W1, b1 = rng.normal(0, .3 / np.sqrt(x.shape[1]), (x.shape[1], hidden)), np.zeros(hidden)       # small: chosen here
    W2, b2 = rng.normal(0, .1 / np.sqrt(hidden), (hidden, classes)), np.zeros(classes)
    B = rng.normal(0, 1 / np.sqrt(hidden), (classes, hidden))
    angles, deltas, errors = [], [], []
    for epoch in range(epochs + 1):
        back = B if way == "feedback alignment" else W2.T
        taken, true = (hidden_changes(x, targets, W1, b1, W2, b2, way_back) for way_back in (back, W2.T))
        angles.append(angle(taken[0].ravel(), true[0].ravel()))
        one, other = (part[4] / np.linalg.norm(part[4], axis=1, keepdims=True) for part in (taken, true))
        deltas.append(np.degrees(np.arccos(np.clip((one * other).sum(axis=1), -1, 1))).mean())
        said = (np.tanh(validation[0] @ W1 + b1) @ W2 + b2).argmax(axis=1)
        errors.append(100 * np.mean(said != validation[1]))
        for chosen in np.array_split(rng.permutation(len(x)), len(x) // batch) if epoch < epochs else ():
            back = B if way == "feedback alignment" else W2.T
            dW1, db1, dW2, db2, _ = hidden_changes(x[chosen], targets[chosen], W1, b1, W2, b2, back)
            share = rate / len(chosen)
            if way != "fixed hidden":
                W1, b1 = W1 + share * dW1, b1 + share * db1
            W2, b2 = W2 + share * dW2, b2 + share * db2
    return angles, deltas, errors


def angle(a, b):
    return np.degrees(np.arccos(np.clip(cosine(a.ravel(), b.ravel()), -1, 1)))


# --- figure ------------------------------------------------------------------------------------------------------

COLOURS = {"denoising": "C0", "plain": "C1", "denoising_tanh": "C2", "denoising_relu": "C3", "recirculation": "C4",
           "one_change": "0.3"}


def plot(result, figure):
    """Symmetry over training; angle and error of feedback alignment."""
    a, headline = result.arrays, result.headline
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    for name, (way, units, noise) in ENCODERS.items():
        rows = a[f"symmetry_{name}"]
        label = (f"{way}, {units}" + (f", noise {noise}" if noise else "")
                 + f": {rows[:, -1].mean():.2f}, misses {100 * a[f'missed_{name}'].mean():.0f} %")
        band(left, a["epochs"], rows, COLOURS[name], label)
    left.axhline(.9, color="k", lw=.8, ls=":")
    left.set(xlabel="epoch", ylabel="cosine of encoder and decoder′", ylim=(-.1, 1.02))
    left.legend(fontsize=8, loc="lower right")
    heading(left, "Auto-encoders without tied weights", f"digits, {len(rows)} seeds; dotted: lower bound accepted\n"
            "misses = share of the pixels' variance not reconstructed")
    epochs = np.arange(a["angle_feedback_alignment"].shape[1])
    band(middle, epochs, a["angle_feedback_alignment"], "C0", "hidden weights, all images")
    band(middle, epochs, a["deltas_feedback_alignment"], "C1", "errors of single images, mean")
    middle.axhline(60, color="k", lw=.8, ls=":")
    middle.axhline(90, color="0.6", lw=.8, ls="--")
    middle.set(xlabel="epoch", ylabel="angle to the true gradient (degrees)", ylim=(0, 100))
    middle.legend(fontsize=8, loc="lower left")
    heading(middle, "Feedback alignment: angle to the gradient", f"from {headline['angle_at_start_degrees']:.0f}° to "
            f"{headline['angle_degrees']:.0f}°\nfixed random feedback weights")
    for way, colour in (("feedback_alignment", "C0"), ("back_propagation", "C2"), ("fixed_hidden", "0.5")):
        band(right, epochs, a[f"error_{way}"], colour,
             f"{way.replace('_', ' ')}: {100 - headline[f'accuracy_{way}']:.1f} %")
    right.set(xlabel="epoch", ylabel="error on held-out digits (%)", yscale="log")
    right.legend(fontsize=8)
    heading(right, "Feedback alignment: learning", "one hidden layer of tanh units\n237 held-out digits")


def band(axes, x, rows, colour, label):
    """Mean over seeds, and their range."""
    axes.plot(x, rows.mean(axis=0), color=colour, lw=1.6, label=label)
    axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=colour, alpha=.15, lw=0)


if __name__ == "__main__":
    run_protocol()
