"""Two-state neurons: the STDP window of the VPF rule, and a small network against the Boltzmann law.

Liu & Lin (2017) arXiv:1711.07732, section on STDP (their figure: average weight change against spike timing).
Window: single pairs, each in its own pair of two-state neurons; a forced spike excites a neuron at rest, which falls
back after an exponential time of mean excited_pre or excited_post. Network: three neurons with symmetric weights,
many copies; occupancy of the eight states and rates of the flips against the stationary law P(y) ~ exp(-E(y)).
"""
import warnings

import numpy as np
from brian2 import EventMonitor, Hz, SpikeMonitor, StateMonitor, ms, second

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import worst_z
from spikelearn.equations.content import same_code
from spikelearn.errors import SpikelearnWarning
from spikelearn.plotting import zero_lines
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.network import force_spikes, neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.weight_change import start_weight

FIGURE_SIZE = (13.5, 4.8)
DELTA_T = np.array([-120, -80, -60, -40, -25, -15, -8, -3, 1, 3, 6, 10, 15, 25, 40, 60]) * ms
WEIGHTS = np.array([[0, 1.5, -1], [1.5, 0, .8], [-1, .8, 0]])     # chosen here
BIASES = np.array([-.5, .3, -.8])                                 # chosen here
COUPLING = SynapseModel(source="Liu & Lin (2017)", equations="w : 1     # symmetric weight")
IN_ERRORS = "in standard errors, corrected for the number of points"
ACCEPTED = {
    "window_worst_z": Accepted(0, 3, f"closed form of the mean change, {IN_ERRORS}"),
    "occupancy_worst_z": Accepted(0, 3, f"exp(-E), {IN_ERRORS}"),
    "flip_rate_worst_z": Accepted(0, 3, f"exp(-E), {IN_ERRORS}"),
}
RANGES = {"repetitions": whole(2, 20_000), "trials": whole(2, 200_000)}       # of which standard errors are taken
SHORT_FORM = dict(trials=at_most(200), repetitions=at_most(200), duration=at_most(0.4 * second), dt=always(0.2 * ms))


@checked
def run(synapse="synapses/vpf_asymmetric_flips", neuron="neurons/two_state", *, delta_t=DELTA_T, trials=2000,
        excited_pre=16.8 * ms, excited_post=33.7 * ms, bias=-10.0, repetitions=1000, duration=1 * second, dt=0.1 * ms,
        seed=1, device="auto", quick=False):
    """Both parts. delta_t : (n,) t_post - t_pre. Returns a Result."""
    rule, neuron = load_model(synapse, "synapse"), load_model(neuron, "neuron")
    if "rest" not in neuron.events:
        raise SpikelearnError("stdp_bistate needs a neuron with the event 'rest', such as two_state, "
                              f"not {neuron.title}")
    if not np.any(np.asarray(delta_t)):
        raise SpikelearnError("delta_t must hold a time that is not 0: a window has a width")
    for model, time in ((neuron, excited_pre), (neuron, excited_post)):
        warn_of_coarse_steps(model.title, 1 / time, dt)
    window = simulate_window(rule, neuron, delta_t, trials, excited_pre, excited_post, bias, dt, seed, device)
    network = simulate_network(neuron, WEIGHTS, BIASES, repetitions, duration, dt, seed, device)
    arrays = {"rule": np.array(rule.title), "delta_t": np.asarray(delta_t) * second, "trials": trials,
              "excited_pre": excited_pre, "excited_post": excited_post, **window, **network}
    headline = {}
    if "closed_form" in window:
        headline["window_worst_z"] = worst_z(*(window[key] for key in ("change", "change_se", "closed_form")), trials)
    for name, key in (("occupancy", "occupancy"), ("flip_rate", "flips")):
        found = (network[key], network[f"{key}_se"], network[f"{key}_exact"])
        headline[f"{name}_worst_z"] = worst_z(*found, repetitions)
    headline |= fitted(delta_t, window["change"], 1, "plus") | fitted(delta_t, window["change"], -1, "minus")
    return Result("stdp_bistate", arrays, headline)


def warn_of_coarse_steps(title, rate, dt):
    """A two-state neuron flips with probability rate*dt in a step: say so when that is not small."""
    if rate * dt > 0.05:
        warnings.warn(f"{title}: rate*dt is {float(rate * dt):.2g}; a shorter dt makes the flips more exact",
                      SpikelearnWarning, stacklevel=2)


def fitted(delta_t, change, sign, name):
    """Exponential through one side of the window, by least squares on log |change|: headline entries."""
    d, change = np.asarray(delta_t), np.asarray(change)
    side = (d * sign > 0) & (change * sign > 0.02 * np.max(np.abs(change)))
    if side.sum() < 2:
        return {}
    slope, log_amplitude = np.polyfit(np.abs(d[side]), np.log(np.abs(change[side])), 1)
    return {f"A_{name}": float(np.exp(log_amplitude)), f"tau_{name}_ms": float(-1e3 / slope)}


# --- the window ------------------------------------------------------------------------------------------------

def window_law(delta_t, A_plus, A_minus, excited_pre, excited_post):
    """Mean change of a single pair [ours]: first flip of post after the pre spike, and all flips.

    delta_t : (n,) times. Returns (first, all), both (n,). Before the pre spike's own fall, post rises by force
    (delta_t >= 0) or is up already, and then falls first with probability c.
    """
    d = np.asarray(delta_t)
    pre, post = float(excited_pre), float(excited_post)
    c = pre / (pre + post)
    up = np.where(d >= 0, A_plus * np.exp(-np.abs(d) / pre), 0)
    down = np.where(d >= 0, c * A_minus * np.exp(-np.abs(d) / pre), c * A_minus * np.exp(-np.abs(d) / post))
    return np.where(d >= 0, up, -down), up - down


def simulate_window(rule, neuron, delta_t, trials, excited_pre, excited_post, bias, dt, seed, device):
    """Mean change and standard error at each delta_t; with the flips up alone where the rule tells them apart."""
    d = np.repeat(np.asarray(delta_t), trials)
    first = 10e-3
    tables = [np.full((2, d.size), NEVER) for _ in range(2)]
    tables[0][0], tables[1][0] = first + np.maximum(-d, 0), first + np.maximum(d, 0)
    duration = np.ceil((first + np.abs(d).max()) * 1e3 + 6e3 * float(max(excited_pre, excited_post))) * ms
    models = [neuron.with_parameters(b=float(bias), tau=time * np.exp(-bias / 2))      # mean time at y = 1: `time`
              for time in (excited_pre, excited_post)]
    rules = {"rule": rule}
    if "A_minus" in rule.parameters:
        rules["up"] = rule.with_parameters(A_minus=0 * rule.parameters["A_minus"])

    def build():
        objects, sides = [], []
        for side, model, table in zip(("pre", "post"), models, tables, strict=True):
            train, times = spike_trains(table, name=f"{side}_train")
            group = neurons(model, d.size, name=side, reads=set().union(*rule.reads().values()))
            objects += [train, times, group, force_spikes(train, group, name=f"force_{side}")]
            sides.append(group)
        return objects + [synapses(*sides, model, name=name) for name, model in rules.items()]

    simulation = Simulation(build, duration, device=device, dt=dt)
    read = simulation.run(seed=seed, read=[f"{name}.w" for name in rules])
    w0 = start_weight(rule) if "w" in rule.initial else 0
    found = {}
    for name, key in (("rule", "change"), ("up", "up")):
        if name in rules:
            change = read[f"{name}.w"].reshape(-1, trials) - w0
            found[key], found[f"{key}_se"] = change.mean(axis=1), standard_error(change)
    if same_code(rule, "vpf_asymmetric", "vpf_asymmetric_flips"):
        p = rule.parameters
        times = p.get("tau_plus", excited_pre), p.get("tau_minus", excited_post)
        found["first_flip_law"], found["closed_form"] = window_law(delta_t, p["A_plus"], p["A_minus"], *times)
    return found


def standard_error(samples):
    """Standard error of the mean over the last axis; never below that of one deviating sample in all."""
    n = samples.shape[-1]
    floor = np.ptp(samples) / n
    return np.maximum(samples.std(axis=-1, ddof=1) / np.sqrt(n), floor)


# --- the network -----------------------------------------------------------------------------------------------

def exact_law(weights, biases, tau):
    """Stationary law of the network: states (2^n, n), P (2^n,), and each neuron's rate of flipping up (n,).

    weights : (n, n) symmetric, zero diagonal; biases : (n,). Flips up and down are equally frequent.
    """
    states = np.array(list(np.ndindex(*[2] * len(biases))), dtype=float)
    energy = -np.einsum("si,ij,sj->s", states, weights, states) / 2 - states @ biases
    P = np.exp(-energy) / np.exp(-energy).sum()
    z = states @ weights + biases
    return states, P, (P[:, None] * (states == 0) * np.exp(z / 2)).sum(axis=0) / tau


def simulate_network(neuron, weights, biases, repetitions, duration, dt, seed, device):
    """Occupancy of each state and flips of each neuron, with standard errors over independent copies."""
    n, tau = len(biases), neuron.parameters["tau"]
    pre, post = np.nonzero(weights)
    first = n * np.repeat(np.arange(repetitions), pre.size)
    ends = (first + np.tile(pre, repetitions), first + np.tile(post, repetitions))
    warm_up = 10 * tau
    states, P, rate = exact_law(weights, biases, tau)
    warn_of_coarse_steps(neuron.title, np.max(np.exp((.5 - states) * (states @ weights + biases))) / tau, dt)

    def build():
        group = neurons(neuron, n * repetitions, name="net", per_neuron=("b",))
        return [group, synapses(group, group, COUPLING, name="coupling", connect=ends,
                                transmit={"spike": "drive_post += w", "rest": "drive_post -= w"}),
                SpikeMonitor(group, name="ups"), EventMonitor(group, "rest", name="downs"),
                StateMonitor(group, "state", record=True, dt=tau, name="states")]

    w = np.tile(weights[pre, post], repetitions)
    read = Simulation(build, warm_up + duration, device=device, dt=dt).run(
        {"net.b": np.tile(biases, repetitions), "coupling.w": w}, seed=seed,
        read=["ups.t", "ups.i", "downs.t", "downs.i", "states.state", "states.t"])
    y = read["states.state"].reshape(repetitions, n, -1)[:, :, read["states.t"] >= warm_up]
    code = np.tensordot(2 ** np.arange(n)[::-1], y, axes=(0, 1)).astype(int)     # (repetitions, samples), 0 .. 2^n - 1
    share = np.array([(code == s).mean(axis=1) for s in range(2 ** n)])
    flips = np.concatenate([counts(read, name, n, repetitions, warm_up) for name in ("ups", "downs")]) / duration
    return {"states": states, "occupancy": share.mean(axis=1), "occupancy_se": standard_error(share),
            "occupancy_exact": P, "flips": flips.mean(axis=1), "flips_exact": np.concatenate([rate, rate]) * Hz,
            "flips_se": standard_error(np.asarray(flips)) * Hz}


def counts(read, name, n, repetitions, warm_up):
    """Events of each neuron (n, repetitions) after the warm-up."""
    late = read[f"{name}.i"][read[f"{name}.t"] >= warm_up]
    return np.bincount(late, minlength=n * repetitions).reshape(repetitions, n).T


# --- figure ----------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Left: window with closed form; middle and right: occupancy and flip rates against exp(-E)."""
    a = result.arrays
    left, middle, right = figure.subplots(1, 3, width_ratios=[2, 1.3, 1])
    plot_window(a, left)
    exact_bars(middle, ["".join(f"{int(v)}" for v in state) for state in a["states"]], a["occupancy"],
               a["occupancy_se"], a["occupancy_exact"])
    middle.set(xlabel="state of the three neurons", ylabel="occupancy")
    middle.set_title("Network of three: states", fontsize=9)
    flips = [np.asarray(a[key]) for key in ("flips", "flips_se", "flips_exact")]
    exact_bars(right, [f"{k + 1}{arrow}" for arrow in "↑↓" for k in range(a["states"].shape[1])], *flips)
    right.set(xlabel="neuron and flip", ylabel="flips per second (Hz)")
    right.set_title("Network of three: flips", fontsize=9)


def plot_window(a, ax):
    """The window: weight change against spike timing."""
    d, A = np.asarray(a["delta_t"]) * 1e3, 100
    zero_lines(ax)
    ax.errorbar(d, A * a["change"], A * a["change_se"], fmt="ko", ms=4, capsize=2, label="simulated, all flips")
    if "up" in a and "closed_form" in a:
        up = d >= 0
        wait = float(a["excited_post"]) * 1e3 / np.maximum(d[up], .1)
        ax.plot(d[up], A * a["up"][up], "o", mfc="none", color="C0", ms=5, label="simulated, first flip (up) only")
        ax.plot(d[up], A * (wait * a["up"][up] + (a["change"] - a["up"])[up]), "^", mfc="none", color="C2", ms=5,
                label="same flips, amplitude 1/(2T) for 1/2 (higher still below 10 ms)")
    if "closed_form" in a:
        for side in filter(np.any, (d < 0, d >= 0)):        # a window may have one side only
            order = np.argsort(d[side])
            for key, style, word in (("closed_form", "k-", "all flips"), ("first_flip_law", "C0--", "first flip")):
                ax.plot(d[side][order], A * a[key][side][order], style, lw=1,
                        label=f"closed form, {word}" if side[0] else None)
        top = 100 * max(np.max(a["first_flip_law"]), 1e-12)
        ax.set_ylim(-top, 3 * top)
    ax.set(xlabel="spike timing Δt = t_post − t_pre (ms)", ylabel="mean change of weight per pair (%)")
    ax.set_title(f"{a['rule']}: window in two-state neurons\n{int(a['trials'])} single pairs a point, spikes forced; "
                 f"excited {float(a['excited_pre']) * 1e3:g} ms (pre), {float(a['excited_post']) * 1e3:g} ms (post)",
                 fontsize=9)
    ax.legend(fontsize=8, loc="upper left")


def exact_bars(ax, labels, values, errors, exact):
    """Measured shares with their errors on bars of the exact ones."""
    x = np.arange(len(labels))
    ax.bar(x, exact, color="0.8", label="exp(−E)")
    ax.errorbar(x, values, errors, fmt="k.", capsize=2, label="simulated ± s.e.")
    ax.set_xticks(x, labels, fontsize=8)
    ax.set_ylim(0, 1.25 * np.max(exact))
    ax.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    run_protocol()
