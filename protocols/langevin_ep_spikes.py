"""Equilibrium propagation with spikes as its only noise: bias and variance of the gradient that spikes estimate.

Bengio & Fischer (2015) arXiv:1510.02777, eq. 2-8 (the noisy leaky integrator as Langevin sampler); Bengio (2016),
slides at NIPS 2016 (the rule as the gradient); Scellier & Bengio (2017) Front Comput Neurosci 11:24. A network 5-10-3
with fixed random weights sees four patterns, many times each with other random numbers, and nothing is applied: the
change accumulated by the rule is the estimate. Three deterministic references separate the sources of its
error: the exact gradient (implicit differentiation); the equilibria at the same finite beta; the rate network
(each spike replaced by its chance) with the same beta and phases. Only the last difference is due to spikes.

Claimed unbiased: one network minus its free window, and one network as its own twin in time (nudged with +beta, then
-beta; or +, -, +), all codings; twins of Poisson neurons. The temporal twin sees three (five) times the response to
the nudge: its spread is a third or less, and its error by finite beta nearly that of a centred nudge. Not claimed, and
shown: one network without the window (spikes are locked to the ripple of the potentials that they cause), twins of
integrate-and-fire neurons (their rule reads the bare change of one step, so the same ripple, and regular units lock to
each other), and a network whose units sit at 0, where noise is rectified. Network, patterns, phases, the three-way
split and the random start of regular spikes: chosen here.
"""

import numpy as np
from brian2 import Hz, ms

from spikelearn import load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import corrected_z
from spikelearn.equilibrium.rate_estimates import bias_and_spread, exact_gradient, finite_beta, mean_field
from spikelearn.equilibrium.side_by_side import Copies, Phases
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result

FIGURE_SIZE = (14, 12)
SIZES = (5, 10, 3)
CODINGS = {     # name : (neuron, pixel)
    "Poisson": ("leaky_integrator_poisson", "neurons/pixel_poisson"),
    "integrate-and-fire": ("leaky_integrator_fire", "neurons/pixel_fire"),
    "integrate-and-fire, Poisson pixels": ("leaky_integrator_fire", "neurons/pixel_poisson"),
}
RULE = "synapses/voltage_derivative_symmetric"
TEMPORAL = "synapses/voltage_derivative_temporal"
ESTIMATORS = {  # name : (rule, suffix of the neuron, lengths of the nudged phases in units of the first)
    "single": (RULE, "", (1,)), "single − free window": (RULE, "", (1,)),
    "temporal twin": (TEMPORAL, "", (1, 1)), "temporal twin + − +": (TEMPORAL, "", (1, 2, 1)),
    "twin": (f"{RULE}_twin", "_twin", (1,)), "centred twin": (f"{RULE}_centred", "_twin", (1,)),
}
UNBIASED = ("single − free window", "temporal twin", "temporal twin + − +")      # no bias by spikes in any coding
CLAIMED = [(coding, estimator) for estimator in UNBIASED for coding in CODINGS]
CLAIMED += [("Poisson", "twin"), ("Poisson", "centred twin")]
OF_LEVERS = ("single", "single − free window", "temporal twin")
LEVERS = {      # what is varied, in steps of 1 ms, Hz, or plain; the rest stays at the defaults of `run`
    "tau_d": (0, 2, 5, 10, 20, 40, 80), "nudged": (30, 60, 120, 240), "free": (100, 150, 200, 300, 400),
    "beta": (.1, .2, .4, .8), "r_max": (100, 200, 400, 800),
}
QUICK_LEVERS = {"tau_d": (0, 20), "nudged": (60, 240)}
ACCEPTED = {
    "worst_step_z": Accepted(0, 3, "length of the step along the rate network's, in standard errors; claimed cases, "
                                "corrected for their number"),
    "worst_bias_z": Accepted(-3, 3, "squared length of the bias, in standard errors; likewise"),
    "rate_network_error": Accepted(0, .1, "centred, against the exact gradient: what finite beta and phases leave"),
    "locked_bias_over_window": Accepted(3, 1e9, "integrate-and-fire, single: bias without the window over that with"),
}


def draw_network(seed, clipped=False):
    """Weights [(5, 10), (10, 3)], biases [(10,), (3,)], patterns (4, 5) and their targets (4, 3).

    All units stay well inside (0, 1); clipped : N(0, 1/fan-in) without biases, so that about half of them sit at 0.
    """
    rng = np.random.default_rng([seed, 5])
    weights = [rng.normal(0, 1 / np.sqrt(below), (below, above)) for below, above in zip(SIZES, SIZES[1:])]
    x = rng.uniform(.2, .8, (4, SIZES[0]))
    targets = np.eye(SIZES[-1])[[0, 1, 2, 0]]
    if clipped:
        return weights, [np.zeros(SIZES[1]), np.zeros(SIZES[2])], x, targets
    weights = [.4 * w for w in weights]
    half = [np.full(size, .5) for size in SIZES]
    biases = [half[1] - x.mean(axis=0) @ weights[0] - weights[1] @ half[2], half[2] - half[1] @ weights[1]]
    return weights, biases, x, targets


RANGES = {"r_max": whole(1, 1000)}       # Hz: at most one spike in a step of 1 ms
SHORT_FORM = dict(repeats=at_most(50), repeats_of_levers=at_most(20), free=at_most(250))


@checked
def run(*, repeats=500, repeats_of_levers=60, beta=0.2, free=400, nudged=120, tau_d=20, r_max=500, seed=1,
        device="auto", quick=False):
    """repeats : presentations of each pattern; free, nudged, tau_d : steps of 1 ms; r_max : Hz. Returns a Result."""
    common = dict(beta=beta, free=free, nudged=nudged, tau_d=tau_d, r_max=r_max, seed=seed, device=device)
    networks = {"inside": draw_network(seed)} | ({} if quick else {"clipped": draw_network(seed, clipped=True)})
    table = {(name, coding, estimator): compare(network, coding, estimator, repeats, **common)
             for name, network in networks.items() for coding in CODINGS for estimator in ESTIMATORS}
    arrays = {"networks": np.array(list(networks)), "codings": np.array(list(CODINGS)),
              "estimators": np.array(list(ESTIMATORS)), "repeats": repeats, "repeats_of_levers": repeats_of_levers}
    shape = (len(networks), len(CODINGS), len(ESTIMATORS))
    for column in next(iter(table.values())):
        arrays[column] = np.array([row[column] for row in table.values()]).reshape(shape)
    for lever, values in (QUICK_LEVERS if quick else LEVERS).items():
        rows = [[compare(networks["inside"], coding, estimator, repeats_of_levers, **{**common, lever: value})
                 for value in values] for coding in list(CODINGS)[:2] for estimator in OF_LEVERS]
        arrays[f"{lever}_values"] = np.array(values)
        for column in ("bias", "bias_floor", "bias_z", "sd", "rate_error"):
            arrays[f"{lever}_{column}"] = np.array([[row[column] for row in line] for line in rows])
    return Result("langevin_ep_spikes", arrays, headline(table))


def compare(network, coding, estimator, repeats, *, beta, free, nudged, tau_d, r_max, seed, device):
    """One row of the table, lengths in units of the exact gradient's: see `row`."""
    weights, biases, x, targets = network
    neuron, pixel = CODINGS[coding]
    rule, suffix, pattern = ESTIMATORS[estimator]
    model = load_model(neuron + suffix).with_parameters(r_max=r_max * Hz)
    tau_d = 0 if suffix else tau_d                  # twins read the bare change of a step
    model = model if suffix else model.with_parameters(tau_d=tau_d * ms)
    lengths = tuple(nudged * part for part in pattern)
    phases = Phases(free, lengths, min(nudged, free) if "window" in estimator else 0, 20)
    copies = Copies(SIZES, repeats * len(x), rule, model, pixel, phases=phases, device=device)
    got = copies.show(np.tile(x, (repeats, 1)), np.tile(targets, (repeats, 1)), weights, biases, beta, seed=seed)
    other = {"twin": 0, "centred twin": -beta}.get(estimator)
    tau_syn = round(float(model.parameters["tau_syn"] / ms))
    collected = [0 if b is None else mean_field(weights, biases, x, targets, b, phases, tau_syn, tau_d,
                                                "poisson" in neuron) for b in (beta, other)]
    rate = (collected[0] - collected[1]) / (beta - (other or 0))
    one_sided, centred = (finite_beta(weights, biases, x, targets, (beta, b)) for b in (other or 0, -beta))
    turns = len(lengths) - 1        # the first step of the nudge is one-sided, each turn is twice a centred one
    equilibria = (one_sided + 2 * turns * centred) / phases.signal
    return row(got.flat().reshape(repeats, len(x), -1), rate, equilibria, exact_gradient(weights, biases, x, targets))


def row(samples, rate, equilibria, exact):
    """Lengths in units of the exact gradient's. bias : by spikes, noise's share taken off; bias_floor : what noise
    alone would show; by_phases, by_beta : of the rate network and of the equilibria; rate_error : both; error : all."""
    found, size = bias_and_spread(samples, rate), np.linalg.norm(exact)
    noise = found["sd"]**2 / len(samples)
    total = ((samples.mean(axis=0) - exact)**2).sum() - noise
    cosine = (samples.mean(axis=0) * exact).sum() / np.linalg.norm(samples.mean(axis=0)) / size
    return dict(bias=np.sqrt(max(found["square"], 0)) / size, bias_floor=np.sqrt(noise) / size,
                bias_z=found["square"] / found["square_se"], step=found["gain"], step_se=found["gain_se"],
                sd=found["sd"] / size, by_phases=np.linalg.norm(rate - equilibria) / size,
                by_beta=np.linalg.norm(equilibria - exact) / size, rate_error=np.linalg.norm(rate - exact) / size,
                error=np.sqrt(max(total, 0)) / size, cosine=cosine)


def headline(table):
    """Numbers of the claims from the table of estimates."""
    claimed = [table["inside", coding, estimator] for coding, estimator in CLAIMED]
    fire = [table["inside", "integrate-and-fire", estimator] for estimator in ("single", "single − free window")]
    step_z, bias_z = max(abs(row["step"] - 1) / row["step_se"] for row in claimed), [row["bias_z"] for row in claimed]
    found = {"worst_step_z": corrected_z(step_z, len(claimed)),
             "worst_bias_z": np.copysign(corrected_z(max(bias_z, key=abs), len(claimed)), max(bias_z, key=abs)),
             "rate_network_error": table["inside", "Poisson", "centred twin"]["rate_error"],
             "locked_bias_over_window": fire[0]["bias"] / max(fire[1]["bias"], fire[1]["bias_floor"])}
    for (name, coding, estimator), row in table.items():
        if name == "inside":
            key = f"{coding}_{estimator}".replace(" − free window", "_window").replace(" + − +", "_symmetric")
            key = key.replace(", ", "_").replace(" ", "_")
            found |= {f"bias_{key}": row["bias"], f"sd_{key}": row["sd"]}
    return found


# --- figure ------------------------------------------------------------------------------------------------------

LABELS = {"tau_d": "low-pass of the change τ_d (ms)", "nudged": "nudged phase (ms)", "free": "free phase (ms)",
          "beta": "nudge β", "r_max": "rate at s = 1 (Hz)"}
LINES = [(colour, style) for colour in ("C3", "C0") for style in ("-", "--", ":")]      # codings, then OF_LEVERS


def plot(result, figure):
    """The table, and under it what each lever does to the estimate of a single network."""
    a = result.arrays
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.6, 1.4])
    draw_table(a, upper.subplots())
    levers = [name.removesuffix("_values") for name in a if name.endswith("_values")]
    axes = lower.subplots(2, len(levers), squeeze=False, sharey="row", sharex="col")
    for (above, below), lever in zip(axes.T, levers):
        draw_lever(a, lever, above, below)
    axes[0, 0].set_ylabel("bias by spikes\n(lengths of the gradient)")
    axes[1, 0].set_ylabel("s.d. of one estimate\n(lengths of the gradient)")
    lower.legend(*axes[0, 0].get_legend_handles_labels(), fontsize=8, ncols=5, loc="outside lower center",
                 frameon=False)
    lower.suptitle(f"What each lever does for a single network ({int(a['repeats_of_levers'])} repeats × 4 patterns; "
                   "open circles: no bias seen, less than this)", fontsize=10)


def draw_lever(a, lever, above, below):
    """Bias and spread of the estimates against one lever, into two axes."""
    x = np.asarray(a[f"{lever}_values"], dtype=float)
    place = np.arange(len(x)) if lever == "tau_d" else x        # tau_d may be 0
    for k, (colour, style) in enumerate(LINES):
        bias, floor = a[f"{lever}_bias"][k], a[f"{lever}_bias_floor"][k]
        seen, shown = a[f"{lever}_bias_z"][k] > 3, np.maximum(bias, floor)
        above.plot(place, shown, style, color=colour, lw=1.3, marker="o", ms=4, mfc="w",
                   label=f"{a['codings'][k // len(OF_LEVERS)]}, {OF_LEVERS[k % len(OF_LEVERS)]}")
        above.plot(place[seen], shown[seen], "o", color=colour, ms=4)
        below.plot(place, a[f"{lever}_sd"][k], style, color=colour, marker="o", ms=4, lw=1.3)
    above.plot(place, a[f"{lever}_rate_error"][0], ":", color="0.3", lw=1.5, label="rate network: finite β and phases")
    above.set(yscale="log", xscale="log" if lever in ("nudged", "beta", "r_max") else "linear")
    above.set_xticks(place, [f"{value:g}" for value in x])
    above.minorticks_off()
    below.set(yscale="log", xlabel=LABELS[lever])


def draw_table(a, axes):
    """A row a coding and estimator; green where the claim is that spikes add no bias."""
    axes.axis("off")
    clipped = len(a["networks"]) > 1
    head = ["", "bias by spikes", "its z", "step length", "s.d. of one", "by finite phases", "by finite β",
            "all, against exact", "cosine"] + ["clipped: by spikes"] * clipped
    rows, colours = [], []
    for c, coding in enumerate(a["codings"]):
        for e, estimator in enumerate(a["estimators"]):
            at = (0, c, e)
            cells = [f"{coding}: {estimator}", f"{100 * a['bias'][at]:.1f} %", f"{a['bias_z'][at]:.1f}",
                     f"{a['step'][at]:.3f} ± {a['step_se'][at]:.3f}", f"{100 * a['sd'][at]:.0f} %",
                     f"{100 * a['by_phases'][at]:.1f} %", f"{100 * a['by_beta'][at]:.1f} %",
                     f"{100 * a['error'][at]:.1f} %", f"{a['cosine'][at]:.3f}"]
            rows.append(cells + ([f"{100 * a['bias'][1, c, e]:.1f} %"] if clipped else []))
            colours.append(["#e3f3e3" if (coding, estimator) in CLAIMED else "white"] * len(head))
    table = axes.table(rows, colLabels=head, cellColours=colours, loc="center", cellLoc="center",
                       colWidths=[.27] + [.08] * (len(head) - 1))
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1, 1.4)
    heading(axes, "The rule's estimate on a network 5-10-3, per cent of the length of the exact gradient",
            f"{int(a['repeats'])} repeats of each of 4 patterns; green: claimed free of bias by spikes")


if __name__ == "__main__":
    run_protocol()
