"""Dendrites learn to predict the soma: two branches learn to agree, and a soma teaches its dendrite with spikes.

Rates: Bengio, Scellier, Bilaniuk, Sacramento & Senn (2016) arXiv:1606.01651, eq. 14-23. The basal branch sees one
population, the apical another; both are linear views of the same hidden causes, so that agreement is possible. No
teacher: each branch predicts the mean of both. Populations and causes: chosen here.
Spikes: Urbanczik & Senn (2014) Neuron 81:521-528, figure 1, in the numbers of NEST's example of it: a pattern of 200
Poisson trains (10 Hz, 200 ms) is repeated 100 times while the soma's conductances are driven (excitation a sine of
10 Hz, inhibition constant); before and after that twice without the teacher. Reproduced: the neuron replays the
pattern without the teacher, with peaks some mV lower, because its refractory period reduces firing below phi [ours].
A control sees a new pattern at every repetition and can only learn the mean.
"""

import numpy as np
from brian2 import StateMonitor, TimedArray, ms, nS, pA, second

from spikelearn import NeuronModel, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER

FIGURE_SIZE = (13, 8)
CLAMPED = NeuronModel(source="Rates held by the experimenter", equations="rho : 1     # firing rate")
CAUSES, BELOW, UNITS, ABOVE = 5, 20, 10, 20         # chosen here
PATTERN, SILENT, INPUTS, RATE = 200 * ms, 2, 200, 10        # Urbanczik & Senn (2014); NEST's example
EXCITATION, SINE, INHIBITION, CYCLE = 162 * nS, 144 * nS, 540 * nS, 100 * ms      # NEST's example, as conductances
ACCEPTED = {
    "agreement_fold": Accepted(10, 1e9, "mutual prediction error of the branches, first over last"),
    "signal_kept_percent": Accepted(30, 200, "variance of the potentials, last over first: no agreement by silence"),
    "replay_correlation": Accepted(.9, 1, "without the teacher, with the soma's potential while it was taught; "
                                          "bound chosen here"),
    "replay_error_mV": Accepted(0, 4, "the same, root of the mean squared difference; bound chosen here"),
}
RANGES = {"presentations": whole(20, 200_000)}       # their tenths are compared
SHORT_FORM = dict(presentations=at_most(1000), trials=at_most(2))


@checked
def run(synapse="synapses/dendritic_prediction_spikes", neuron="neurons/two_compartment", *, presentations=2000,
        repetitions=100, trials=3, seed=1, device="auto", quick=False):
    """presentations : of the rate form, 20 ms each; repetitions : of the pattern of spikes; trials : patterns.

    Returns a Result.
    """
    dt = .5 * ms if quick else .1 * ms
    arrays = agree(presentations, seed, device)
    taught = [teach(synapse, neuron, repetitions, dt, seed + k, device) for k in range(trials)]
    control = teach(synapse, neuron, repetitions, dt, seed, device, same=False)
    arrays |= {name: values if name == "t" else np.array([one[name] for one in taught])
               for name, values in taught[0].items()}
    arrays |= {f"control_{name}": control[name] for name in ("error", "v")}
    errors, signal = arrays["disagreement"], arrays["signal"]
    tenth = len(errors) // 10
    scores = np.array([replay(one, repetitions) for one in taught])
    per_repetition = arrays["error"].mean(axis=0)[SILENT:-SILENT]
    headline = {"agreement_fold": errors[:tenth // 2].mean() / errors[-tenth:].mean(),
                "signal_kept_percent": 100 * signal[-tenth:].var(axis=0).mean() / signal[:tenth].var(axis=0).mean(),
                "taught_error_fold": per_repetition[0] / per_repetition[-10:].mean(),
                "replay_correlation": scores[:, 0].mean(), "replay_error_mV": scores[:, 1].mean(),
                "control_correlation": replay(control, repetitions)[0]}
    arrays["repetitions"] = repetitions
    return Result("dendritic_prediction", arrays, headline)


# --- rates -------------------------------------------------------------------------------------------------------

def views(presentations, seed):
    """What the two populations do: linear views of the same causes, and a unit that is always 1.

    Returns (presentations, BELOW + 1), (presentations, ABOVE + 1), from 0 to 1.
    """
    rng = np.random.default_rng([seed, 1])
    causes = rng.uniform(size=(presentations, CAUSES))
    return [np.hstack([causes @ rng.dirichlet(np.full(CAUSES, .3), size).T, np.ones((presentations, 1))])
            for size in (BELOW, ABOVE)]


def agree(presentations, seed, device, shown=20 * ms, dt=2 * ms):
    """disagreement : (presentations,) mean squared difference of the branches; signal : (presentations, UNITS)."""
    below, above = views(presentations, seed)
    rng = np.random.default_rng([seed, 2])

    def build():
        shows = [TimedArray(rates, dt=shown, name=f"{name}_at") for name, rates in
                 (("below", below), ("above", above))]
        held = [neurons(CLAMPED, rates.shape[1], name=name, inputs={show.name: show})
                for name, rates, show in zip(("below", "above"), (below, above), shows)]
        for group, show in zip(held, shows):
            group.run_regularly(f"rho = {show.name}(t, i)", when="start", order=1)
        somas = neurons("neurons/dendritic_integrator", UNITS, name="somas")
        branches = [synapses(group, somas, f"synapses/dendritic_prediction_{name}", name=name, connect="all-to-all")
                    for name, group in zip(("basal", "apical"), held)]
        return [*shows, *held, somas, *branches,
                StateMonitor(somas, ("s", "basal", "apical"), record=True, dt=shown, name="states")]

    weights = {f"{name}.w": rng.normal(0, 1 / np.sqrt(size), (size + 1) * UNITS)
               for name, size in (("basal", BELOW), ("apical", ABOVE))}
    read = Simulation(build, (presentations + 1) * shown - dt, device=device, dt=dt).run(
        weights, seed=seed, read=["states.s", "states.basal", "states.apical", "basal.w", "apical.w"])
    s, basal, apical = (np.asarray(read[f"states.{name}"])[:, 1:].T for name in ("s", "basal", "apical"))
    return {"disagreement": ((basal - apical)**2).mean(axis=1), "signal": s, "basal": basal, "apical": apical}


# --- spikes ------------------------------------------------------------------------------------------------------

def pattern_of_spikes(repetitions, seed, same, dt):
    """Spike times in seconds, one column a train: the same pattern again and again, or a new one each time."""
    rng = np.random.default_rng([seed, 3])
    length, step = float(PATTERN), float(dt)
    slots = round(length / step)
    trains = [[] for _ in range(INPUTS)]
    for repetition in range(repetitions + 2 * SILENT):
        if repetition == 0 or not same:
            spikes = rng.random((slots, INPUTS)) < RATE * step
        for slot, train in np.argwhere(spikes):
            trains[train].append(repetition * length + (slot + 1) * step)
    table = np.full((max(map(len, trains)) + 1, INPUTS), NEVER)
    for column, times in enumerate(trains):
        table[:len(times), column] = times
    return table


def teachers(repetitions, dt):
    """Excitatory and inhibitory conductance that the teacher wants of the soma in each step, in siemens."""
    per_pattern = round(float(PATTERN / dt))
    step = np.arange((repetitions + 2 * SILENT) * per_pattern)
    on = (step >= SILENT * per_pattern) & (step < (repetitions + SILENT) * per_pattern)
    sine = np.sin(2 * np.pi * step * float(dt / CYCLE))
    return on * (float(EXCITATION) + float(SINE) * sine), on * float(INHIBITION)


def teach(synapse, neuron, repetitions, dt, seed, device, same=True, every=1 * ms):
    """One neuron through the whole example.

    t (s), v, v_star, matching (mV): every ms; error : (repetitions,) squared difference of v and v_star, mV^2; w :
    (INPUTS, repetitions) pA at the start of each.
    """
    rule, model = load_model(synapse, "synapse"), load_model(neuron, "neuron")
    wanted = teachers(repetitions, dt)
    table = pattern_of_spikes(repetitions, seed, same, dt)
    table = np.where(table < len(wanted[0]) * float(dt) - float(dt) / 2, table, NEVER)       # none after the end
    rows = round(3 * RATE * float(PATTERN) * (repetitions + 2 * SILENT)) + 20    # of equal shape: one build for all
    table = np.vstack([table, np.full((max(rows - len(table), 0), INPUTS), NEVER)])

    def build():
        schedules = [TimedArray(g, dt=dt, name=name) for g, name in zip(wanted, ("excite_at", "inhibit_at"))]
        train, times = spike_trains(table, name="train")
        soma = neurons(model, 1, name="soma", inputs={schedule.name: schedule for schedule in schedules})
        soma.run_regularly("teacher_E = excite_at(t)*siemens\nteacher_I = inhibit_at(t)*siemens", when="start")
        return [*schedules, train, times, soma,
                plastic := synapses(train, soma, rule, name="plastic", connect="all-to-all", transmit="I_post += w"),
                StateMonitor(soma, ("v", "v_star", "g_E", "g_I"), record=True, dt=every, name="states"),
                StateMonitor(plastic, "w", record=np.arange(INPUTS), dt=PATTERN, name="weights")]

    read = Simulation(build, (repetitions + 2 * SILENT) * PATTERN, device=device, dt=dt).run(
        {"train_times": table * second}, seed=seed,
        read=["states.t", "states.v", "states.v_star", "states.g_E", "states.g_I", "weights.w"])
    v, v_star = (1e3 * np.asarray(read[f"states.{name}"])[0] for name in ("v", "v_star"))
    g_E, g_I = (np.asarray(read[f"states.{name}"])[0] for name in ("g_E", "g_I"))
    E_E, E_I = (1e3 * float(model.parameters[name]) for name in ("E_E", "E_I"))
    with np.errstate(invalid="ignore", divide="ignore"):
        matching = np.where(g_E + g_I > 1e-10, (g_E * E_E + g_I * E_I) / (g_E + g_I), np.nan)
    error = ((v - v_star)**2).reshape(repetitions + 2 * SILENT, -1).mean(axis=1)
    return {"t": np.asarray(read["states.t"]) * second, "v": v, "v_star": v_star,
            "matching": np.nan_to_num(matching), "error": error, "w": np.asarray(read["weights.w"]) / float(pA)}


def replay(one, repetitions):
    """(correlation, root mean square difference in mV) of the repetitions without the teacher with the last ten
    taught ones, means of each. Later ones drift: the neuron goes on learning, from itself."""
    v = one["v"].reshape(repetitions + 2 * SILENT, -1)
    taught, alone = v[-SILENT - 10:-SILENT].mean(axis=0), v[-SILENT:].mean(axis=0)
    return np.corrcoef(taught, alone)[0, 1], np.sqrt(((taught - alone)**2).mean())


# --- figure ------------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Left: the branches agree. Right: before, during and after the teacher."""
    a, headline = result.arrays, result.headline
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.7])
    plot_agreement(a, headline, left.subplots(2, 1))
    plot_teaching(a, headline, right)


def plot_agreement(a, headline, axes):
    """Error of the mutual prediction; what the two branches say, at first and at last."""
    above, below = axes
    error = a["disagreement"]
    above.semilogy(np.arange(1, len(error) + 1), error, ".", ms=2, color="0.7")
    width = max(len(error) // 50, 1)
    smooth = error[:len(error) // width * width].reshape(-1, width).mean(axis=1)
    above.semilogy((np.arange(len(smooth)) + .5) * width, smooth, "C0", lw=2)
    above.set(xlabel="presentations", ylabel="(basal − apical)², mean of the units")
    heading(above, "Rates: two branches learn to agree", f"{UNITS} units, {BELOW} + {ABOVE} inputs, {CAUSES} causes; "
            f"error falls {headline['agreement_fold']:.0f} ×\nsignal kept {headline['signal_kept_percent']:.0f} %")
    for part, colour, label in ((slice(0, 40), "0.6", "first 40"), (slice(-40, None), "C0", "last 40")):
        below.plot(a["basal"][part].ravel(), a["apical"][part].ravel(), ".", ms=3, color=colour, label=label)
    below.axline((0, 0), slope=1, color="k", lw=.7)
    below.set(xlabel="prediction of the basal branch", ylabel="prediction of the apical branch")
    below.legend(fontsize=8)


def plot_teaching(a, headline, figure):
    """Potentials before, during and after teaching, and the spikes."""
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.3, 1])
    n, t, length = int(a["repetitions"]), np.asarray(a["t"]) * 1e3, float(PATTERN) * 1e3
    parts = {"before": 1, "teaching, first": SILENT, "teaching, last": SILENT + n - 1, "after teaching": SILENT + n + 1}
    for axes, (title, repetition) in zip(upper.subplots(1, len(parts), sharey=True), parts.items()):
        chosen = slice(round(repetition * length), round((repetition + 1) * length))
        at = t[chosen] - repetition * length
        axes.plot(at, a["v"][0][chosen], "C0", lw=1.5, label="soma")
        axes.plot(at, a["v_star"][0][chosen], "C1", lw=1, label="dendrite's prediction")
        if "teaching, " in title:
            axes.plot(at, a["matching"][0][chosen], "C3--", lw=1, label="target of the teacher")
        else:
            last = slice(round((SILENT + n - 1) * length), round((SILENT + n) * length))
            axes.plot(at, a["v"][0][last], "0.6", lw=1, ls=":", label="soma during teaching")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("time in the pattern (ms)")
        axes.label_outer()
    upper.axes[0].set(ylabel="potential (mV)", ylim=(-80, -45))
    lines = {line.get_label(): line for axes in upper.axes[:2] for line in axes.lines}
    upper.legend(lines.values(), lines.keys(), fontsize=8, loc="outside lower center", ncols=len(lines))
    upper.suptitle(f"Spikes: replay after teaching through the soma, correlation "
                   f"{headline['replay_correlation']:.2f} (new patterns: {headline['control_correlation']:.2f})",
                   fontsize=10)
    left, right = lower.subplots(1, 2)
    repetitions = np.arange(1, n + 1)
    for row in a["error"]:
        left.semilogy(repetitions, row[SILENT:-SILENT], "C0", lw=1)
    left.semilogy(repetitions, a["control_error"][SILENT:-SILENT], "C3", lw=1)
    left.set(xlabel="repetition", ylabel="(soma − prediction)² (mV²)")
    left.set_title("blue: one pattern; red: a new pattern each time", fontsize=9)
    right.plot(np.arange(a["w"].shape[-1]), a["w"][0][::10].T, lw=1)
    right.set(xlabel="repetition", ylabel="weight (pA)")
    right.set_title("every tenth weight", fontsize=9)


if __name__ == "__main__":
    run_protocol()
