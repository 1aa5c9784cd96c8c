"""The STDP window of asymmetric variational probability flow: three variants of the rule against closed forms.

Liu & Lin (2017) arXiv:1711.07732, section and figure on STDP: mean change of the weight against spike timing, pre and
post two-state neurons with exponential times. Single pairs. On flips: simulated in two-state neurons, many pairs a
point (the experiment of stdp_bistate). On spikes: the same rule averaged over the falls to rest, which are not seen;
and with the amplitude 1/(2T) for 1/2, T the wait for the flip. The source gives the exponentials; which amplitude it
means is illegible in our copy, and both closed forms are ours.
"""

import numpy as np
from brian2 import ms, second
from spikelearn.protocols.stdp_bistate import DELTA_T, fitted, simulate_window, window_law

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.deviations import worst_z
from spikelearn.equations.content import same_code
from spikelearn.plotting import heading, zero_lines
from spikelearn.ranges.check import checked, whole
from spikelearn.ranges.quick import at_least, at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.stdp.spike_times import pairs
from spikelearn.stdp.weight_change import weight_changes

FIGURE_SIZE = (10, 4.6)
READINGS = {        # rule -> short name and words
    "vpf_asymmetric_flips": ("flips", "on flips, amplitude 1/2"),
    "vpf_asymmetric": ("spikes", "on spikes, amplitude 1/2"),
    "vpf_asymmetric_rate": ("rate", "on spikes, amplitude 1/(2T)"),
}
ACCEPTED = {
    "worst_z_flips": Accepted(0, 3, "closed form of the mean change, in standard errors, corrected for the number of "
                                 "points"),
    "worst_error_spikes": Accepted(0, 1e-9, "closed form of the mean change"),
    "worst_error_rate": Accepted(0, 1e-9, "closed form of the mean change"),
}
RANGES = {"trials": whole(2, 200_000)}       # of which the standard error is taken
SHORT_FORM = dict(trials=at_most(300), dt=at_least(0.2 * ms))


@checked
def run(synapse=tuple(f"synapses/{name}" for name in READINGS), *, delta_t=DELTA_T, trials=2000, bias=-10.0,
        dt=0.1 * ms, seed=1, device="auto", quick=False):
    """delta_t : (n,) t_post - t_pre, whole milliseconds; trials : pairs a point for the reading on flips.

    Mean times in the excited state are the time constants of vpf_asymmetric. Returns a Result.
    """
    if not np.any(np.asarray(delta_t)):
        raise SpikelearnError("delta_t must hold a time that is not 0: a window has a width")
    rules = readings(synapse)
    p = load_model("synapses/vpf_asymmetric", "synapse").parameters
    times = p["tau_plus"], p["tau_minus"]
    arrays = {"delta_t": np.asarray(delta_t) * second, "trials": trials, "rules": np.array(list(rules)),
              "curve_t": np.linspace(-1.05, 1.05, 400) * np.abs(np.asarray(delta_t)).max() * second,
              "excited_pre": times[0], "excited_post": times[1], "A_plus": p["A_plus"]}
    headline = {}
    for name, rule in rules.items():
        own = tuple(rule.parameters.get(key, time) for key, time in zip(("tau_plus", "tau_minus"), times, strict=True))
        short, law = READINGS[name][0], closed_form(rule, delta_t, own)
        if short == "flips":
            found = simulate_window(rule, load_model("neurons/two_state"), delta_t, trials, *times, bias, dt, seed,
                                    device)
            change, arrays["change_se_flips"] = found["change"], found["change_se"]
            headline["worst_z_flips"] = worst_z(change, found["change_se"], law, trials)
        else:
            relative = weight_changes([pairs(d * second, n=1) for d in np.asarray(delta_t)], rule, device=device)
            change = relative * float(rule.initial["w"])
            headline[f"worst_error_{short}"] = float(np.abs(change - law).max())
        arrays |= {f"change_{short}": change, f"closed_form_{short}": law,
                   f"curve_{short}": closed_form(rule, arrays["curve_t"], own)}
        for sign, side in ((1, "plus"), (-1, "minus")):
            fit = fitted(delta_t, change, sign, side)
            headline |= {f"{key}_{short}": value for key, value in fit.items() if key.startswith("tau")}
    return Result("vpf_stdp", arrays, headline)


def readings(synapse):
    """Name of the reading -> the rule. synapse : one or several of READINGS."""
    given = [load_model(name, "synapse") for name in (synapse if isinstance(synapse, tuple | list) else (synapse,))]
    rules = {same_code(rule, *READINGS): rule for rule in given}
    if len(rules) < len(given):
        raise SpikelearnError("vpf_stdp takes each of its readings once")
    if "" in rules:
        raise SpikelearnError(f"vpf_stdp knows the closed forms of {', '.join(READINGS)} only; for other rules there "
                              "are stdp_bistate and stdp_window")
    return rules


def closed_form(rule, delta_t, times):
    """Mean change of a single pair, all flips of post counted [ours]. times : mean times excited, pre and post."""
    p, d = rule.parameters, np.asarray(delta_t)
    law = window_law(delta_t, p["A_plus"], p["A_minus"], *times)[1]
    if not same_code(rule, "vpf_asymmetric_rate"):
        return law
    wait = float(times[1]) / (np.abs(d) + float(p["T_min"]))
    return law + np.where(d >= 0, p["A_plus"] * np.exp(-np.abs(d) / float(times[0])) * (wait - 1), 0)


def plot(result, figure):
    """Each reading over its closed form: constant amplitude left, 1/(2T) right."""
    a = result.arrays
    d, unit = np.asarray(a["delta_t"]) * 1e3, float(a["A_plus"])
    readings = [READINGS[str(name)] for name in a["rules"]]
    panels = [shown for shown in ([one for one in readings if one[0] != "rate"],
                                  [one for one in readings if one[0] == "rate"]) if shown]
    for axes, shown in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        zero_lines(axes)
        for k, (short, words) in enumerate(shown):
            style = dict(fmt="ko", ms=4) if short == "flips" else dict(fmt="o", mfc="none", color="C1", ms=8)
            error = a["change_se_flips"] / unit if short == "flips" else None
            axes.errorbar(d, a[f"change_{short}"] / unit, error, capsize=2, **style, label=words)
            t = np.asarray(a["curve_t"]) * 1e3
            for side in (t < 0, t > 0) if k == 0 else ():
                axes.plot(t[side], a[f"curve_{short}"][side] / unit, "-", color="C0", lw=1,
                          label="closed form" if t[side][0] < 0 else None)
        axes.set(xlabel="spike timing Δt = t_post − t_pre (ms)", ylabel="mean change of weight (A₊)")
        told = f"{int(a['trials'])} pairs a point on flips; " if shown[0][0] == "flips" else ""
        heading(axes, "VPF: a flip of post while pre is excited", f"single pairs; {told}excited for "
                f"{float(a['excited_pre']) * 1e3:g} ms (pre) and {float(a['excited_post']) * 1e3:g} ms (post)")
        axes.legend(fontsize=8)


if __name__ == "__main__":
    run_protocol()
