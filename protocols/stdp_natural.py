"""The STDP curve from natural spikes: mean weight change against spike timing, with and without a reset.

Bengio et al. (2015) arXiv:1502.04156, figure 1: the rule sees only the slope of the post potential at the pre spike,
but a rising potential tends to spike soon and a falling one to have spiked before. Each trial is one neuron under a
fluctuating background current with one pre spike in the middle; nothing is forced. Every post spike near the pre
spike gives one point (delta_t, weight change); shown is the mean at each delta_t. The source names neither neuron nor
input: those here are chosen here. The right panel shows a neuron that is reset after each spike.
"""

import numpy as np
from brian2 import Hz, SpikeMonitor, ms, second

from spikelearn import SpikelearnError, SynapseModel, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equations.content import same_code
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.stdp.exponentials import exponential_through
from spikelearn.stdp.weight_change import start_weight

FIGURE_SIZE = (11, 4.6)
TAU_PLUS, TAU_MINUS = 16.8 * ms, 33.7 * ms      # Bi & Poo (2001), quoted by Pfister & Gerstner (2006), table 4
A_PLUS, A_MINUS = 0.777, 0.273                  # Bi & Wang (2002)
SETTLING = 100 * ms                             # before anything is looked at; chosen here
INPUT = SynapseModel(source="chosen here", equations="""
    w : 1                                       # share of the background current
    I_post = w * current_pre : amp (summed)
""", initial=dict(w=1))
ACCEPTED = {
    "correlation": Accepted(0.8, 1, "Bengio et al. (2015) fig. 1: 'corresponds very well'; bound chosen here"),
    "right_sign_after": Accepted(1, 1, "fig. 1: potentiation at every delta_t in (0, 30) ms"),
    "right_sign_before": Accepted(1, 1, "fig. 1: depression at every delta_t in (-30, -10) ms"),
    "right_sign_before_with_reset": Accepted(0, 0.5, "expected failure: a reset potential recovers upwards"),
}
SHORT_FORM = dict(trials=at_most(4000))


@checked
def run(synapse="synapses/voltage_derivative", neuron="neurons/lif_without_reset", *, neuron_with_reset="neurons/lif",
        background="neurons/background_current", trials=40000, window=80 * ms, bin_width=4 * ms, dt=0.5 * ms, seed=1,
        device="auto", quick=False):
    """Both neurons. window : largest |delta_t| shown; bin_width : of the mean. Returns a Result."""
    rule = load_model(synapse, "synapse")
    half = int(np.ceil(window / bin_width))
    edges = np.arange(-half, half + 1) * np.asarray(bin_width)
    arrays = {"delta_t": (edges[1:] + edges[:-1]) / 2 * second, "trials": trials}
    arrays["fit"] = published_fit(arrays["delta_t"])
    headline = {}
    for model, key in ((neuron, ""), (neuron_with_reset, "_with_reset")):
        model, source = load_model(model, "neuron"), load_model(background, "neuron")
        shift, change = simulate(rule, model, source, trials, window, dt, seed, device)
        mean, error, count = binned(shift, change, edges)
        if not np.isfinite(mean).any():
            raise SpikelearnError(f"{model.title} fired no two spikes in any bin around the pre spikes: more trials, a "
                                  "wider window or another neuron are needed")
        arrays |= {f"change{key}": mean, f"change_se{key}": error, f"spikes{key}": count, f"neuron{key}": model.title}
        headline |= {name + key: value for name, value in shape(arrays["delta_t"], mean, arrays["fit"]).items()}
        if all(map(same_code, (model, source, rule), ("lif_without_reset", "background_current",
                                                      "voltage_derivative"))):
            arrays["closed_form"] = np.asarray(rule.parameters["eta"] * np.mean(
                [expected_slope(edges[:-1] + late, model.parameters, source.parameters, dt)
                 for late in np.arange(0, float(bin_width), float(dt))], axis=0) * Hz)
    gaps = tuple(name for name in arrays if name.startswith("change"))      # bins without spikes have no mean
    return Result("stdp_natural", arrays, headline, gaps=gaps)


def published_fit(delta_t):
    """Relative weight change of the published exponentials; delta_t : (n,) times."""
    d = np.asarray(delta_t)
    return np.where(d >= 0, A_PLUS * np.exp(-d / float(TAU_PLUS)), -A_MINUS * np.exp(d / float(TAU_MINUS)))


def simulate(rule, neuron, background, trials, window, dt, seed, device):
    """One neuron, one synapse and one pre spike a trial.

    Returns (delta_t, change): one entry for each post spike, delta_t in seconds.
    """
    t_pre = SETTLING + window
    table = np.full((2, trials), NEVER)
    table[0] = t_pre

    def build():
        pre, times = spike_trains(table, name="pre")
        post = neurons(neuron, trials, name="post", reads=rule.reads()["post"])
        if "I" not in post.variables:
            raise SpikelearnError(f"stdp_natural needs a neuron with an input current I, not {neuron.title}")
        source = neurons(background, trials, name="background")
        return [pre, times, post, source, synapses(source, post, INPUT, name="input"),
                synapses(pre, post, rule, name="rule"), SpikeMonitor(post, name="spikes")]

    read = Simulation(build, t_pre + window, device=device, dt=dt).run(
        seed=seed, read=["rule.w", "spikes.t", "spikes.i"])
    change = read["rule.w"] - (start_weight(rule) if "w" in rule.initial else 0)
    shift = np.asarray(read["spikes.t"] - t_pre)
    near = np.abs(shift) <= float(window)
    return shift[near], change[read["spikes.i"][near]]


def binned(shift, change, edges):
    """Mean change, its standard error and the number of spikes in each bin of delta_t (nan where too few)."""
    bins = np.digitize(np.round(shift, 9), np.round(edges, 9)) - 1
    n = len(edges) - 1
    inside = (bins >= 0) & (bins < n)
    bins, change = bins[inside], change[inside]
    count = np.bincount(bins, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(bins, change, minlength=n) / count
        variance = np.bincount(bins, change ** 2, minlength=n) / count - mean ** 2
        error = np.sqrt(np.maximum(variance, 0) / (count - 1))
    return np.where(count > 1, mean, np.nan), np.where(count > 1, error, np.nan), count


def shape(delta_t, change, fit):
    """Headline: correlation to the published fit, signs, peak, trough, zero crossing, decay of the curve."""
    d, known = np.asarray(delta_t) * 1e3, np.isfinite(change)
    d, change, fit = d[known], change[known], fit[known]
    after, before = (d > 0) & (d < 30), (d < -10) & (d > -30)
    names = ("correlation", "right_sign_after", "right_sign_before", "peak_ms", "trough_ms")
    if d.size < 2:
        return dict.fromkeys(names, Missing("fewer than two bins hold enough spikes"))
    found = {"correlation": float(np.corrcoef(change, fit)[0, 1]) if np.ptp(change) and np.ptp(fit) else 0.0,
             **{name: float(np.mean(right[side])) if side.any() else Missing("no bin there holds enough spikes")
                for name, right, side in (("right_sign_after", change > 0, after),
                                          ("right_sign_before", change < 0, before))},
             "peak_ms": float(d[np.argmax(change)]), "trough_ms": float(d[np.argmin(change)])}
    rises = np.flatnonzero((change[:-1] < 0) & (change[1:] >= 0) & (d[:-1] > -30) & (d[1:] < 30))
    if rises.size:
        k = rises[0]
        found["zero_crossing_ms"] = float(d[k] - change[k] * (d[k + 1] - d[k]) / (change[k + 1] - change[k]))
    for name, side, start in (("decay_plus_ms", d >= max(found["peak_ms"], 0), found["peak_ms"]),
                              ("decay_minus_ms", d <= min(found["trough_ms"], 0), found["trough_ms"])):
        fit = exponential_through(np.abs(d[side] - start), change[side]) if side.sum() > 2 else None
        if fit and d[1] - d[0] < fit[1] < np.ptp(d):
            found[name] = fit[1]
    return found


def expected_slope(delta_t, neuron, background, dt):
    """Mean du/dt at the pre spike, given an upward crossing at delta_t, for lif_without_reset: Rice's theorem [ours].

    The potential is a stationary Gaussian process with autocovariance C. Given a crossing of the threshold with the
    slope s at time 0, its mean at time t is threshold C(t)/C(0) + s C'(t)/C''(0), and s has a Rayleigh law. With the
    derivative taken over a step dt. delta_t : (n,) times; returns (n,) rates in Hz.
    """
    tau_m, tau_I = float(neuron["tau_m"]), float(background["tau_I"])
    span = neuron["v_threshold"] - neuron["v_rest"]
    spread = float(neuron["R"] * background["spread"] / span)
    threshold = 1 - float(neuron["R"] * background["mean"] / span)
    scale = spread ** 2 * tau_I / (tau_m ** 2 - tau_I ** 2)
    curvature = spread ** 2 / (tau_m * (tau_m + tau_I))                   # -C''(0)
    variance = spread ** 2 * tau_I / (tau_m + tau_I)                      # C(0)

    def mean(t):
        a = np.abs(t)
        C = scale * (tau_m * np.exp(-a / tau_m) - tau_I * np.exp(-a / tau_I))
        slope = -np.sign(t) * scale * (np.exp(-a / tau_m) - np.exp(-a / tau_I))
        return threshold * C / variance - np.sqrt(np.pi / 2 * curvature) * slope / curvature

    t, step = -np.asarray(delta_t), float(dt)
    return (mean(t + step / 2) - mean(t - step / 2)) / step


# --- figure ----------------------------------------------------------------------------------------------------

def plot(result, figure):
    """Left: neuron without reset, right: with reset; the published fit, scaled to the left curve, in both."""
    a = result.arrays
    d, share = np.asarray(a["delta_t"]) * 1e3, np.nanmax(a["change"]) / np.max(a["fit"])
    limit = 1.3 * np.nanmax(np.abs(a["change"])) * 100
    for ax, key in zip(figure.subplots(1, 2), ("", "_with_reset"), strict=True):
        ax.axhline(0, color="0.6", lw=.8, ls="--")
        ax.axvline(0, color="0.6", lw=.8, ls="--")
        for side in (d < 0, d > 0):
            ax.plot(d[side], 100 * share * a["fit"][side], "C3-", lw=1,
                    label=f"fit to Bi & Poo: {float(TAU_PLUS) * 1e3:g}, {float(TAU_MINUS) * 1e3:g} ms, scaled"
                    if d[side][0] < 0 else None)
        if not key and "closed_form" in a:
            ax.plot(d, 100 * a["closed_form"], "C0-", lw=1, label="closed form (Rice)")
        ax.errorbar(d, 100 * a[f"change{key}"], 100 * a[f"change_se{key}"], fmt="ko", ms=3.5, lw=1,
                    label="simulated ± s.e.")
        outside = np.abs(100 * a[f"change{key}"]) > limit
        ax.set(ylim=(-limit, limit), xlabel="spike timing Δt = t_post − t_pre (ms)",
               ylabel="mean change of weight per pre spike (%)")
        ax.set_title(f"{a[f'neuron{key}']}: correlation to the fit {result.headline[f'correlation{key}']:.2f}\n"
                     f"{int(a['trials'])} trials of one pre spike, {int(np.sum(a[f'spikes{key}']))} natural post "
                     "spikes, none forced", fontsize=9)
        if outside.any():
            said = ", ".join(f"{100 * a[f'change{key}'][k]:.3g} % at {d[k]:.3g} ms" for k in np.flatnonzero(outside))
            ax.text(.02, .97, f"off the axis: {said}", transform=ax.transAxes, va="top", fontsize=8)
        ax.legend(fontsize=8, loc="lower right")


if __name__ == "__main__":
    run_protocol()
