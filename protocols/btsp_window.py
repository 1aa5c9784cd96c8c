"""Behavioural time scale plasticity: change of weight against the time from an input spike to a plateau, in seconds.

Milstein et al. (2021) eLife 10:e73046, numbers of figure 5: one spike and one plateau of 300 ms. A weak synapse is
potentiated around the plateau, a strong one depressed in a wider window: the weight decides the sign. Dotted: the
exponentials of Bittner et al. (2017) Science 357:1033, with 1.31 s for spikes before the plateau and .69 s after it,
scaled to the maximum.
"""
import dataclasses

import numpy as np
from brian2 import ms, second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, zero_lines
from spikelearn.ranges.check import Range, checked, numbers, positive
from spikelearn.ranges.quick import at_least, at_most
from spikelearn.results.result import Accepted, Missing, Result
from spikelearn.stdp.spike_times import pairs
from spikelearn.stdp.weight_change import outcome, post_neuron

FIGURE_SIZE = (8, 5)
BITTNER = (1.31, .69)       # s, spike first and plateau first; Bittner et al. (2017)
OWN = "continuous equations in closed-form signals, small steps"
ACCEPTED = {
    "largest_from_weak": Accepted(1.49, 1.51, f"1.501 at +.12 s: {OWN}"),
    "half_width_before_s": Accepted(1.98, 2.10, f"2.04 s: {OWN}"),
    "half_width_after_s": Accepted(1.44, 1.56, f"1.50 s: {OWN}"),
    "largest_from_strong": Accepted(-1.31, -1.28, f"-1.295 near -2.06 s: {OWN}"),
}
RANGES = {"read_after": positive(1000, unit="second"), "weights": numbers(1e-6, 1000, several=True),
          "widest": positive(60, unit="second"), "spacing": Range(1e-3, 10, unit="second")}
SHORT_FORM = dict(spacing=at_least(1 * second), widest=at_most(4 * second), read_after=at_most(8 * second))


@checked
def run(synapse="synapses/btsp", neuron=None, *, weights=(1, 4), widest=5 * second, spacing=0.125 * second,
        read_after=15 * second, dt=1 * ms, seed=1, device="auto", quick=False):
    """Spike minus plateau onset from -widest to widest, from each of the initial weights. quick: 1 s apart."""
    rule = load_model(synapse, "synapse")
    if "w" not in rule.initial:
        raise SpikelearnError(f"{rule.title} has no initial w that could be set")
    weights, steps = np.atleast_1d(np.asarray(weights, dtype=float)), int(np.floor(float(widest / spacing) + 1e-9))
    lag = np.arange(-steps, steps + 1) * spacing
    change, errors = [], []
    for w in weights:
        start = dataclasses.replace(rule, initial={**rule.initial, "w": w})
        found = outcome([pairs(-d, 1) for d in lag], start, post_neuron(rule, neuron), dt=dt, read_after=read_after,
                        seed=seed, device=device)
        change.append(w * found.change)
        errors.append(found.error_percent)
    x, weak, strong = np.asarray(lag / second), change[0], change[-1]
    before, after = half_widths(x, weak)
    headline = {"largest_from_weak": float(weak.max()), "at_s": float(x[weak.argmax()]),
                "half_width_before_s": before, "half_width_after_s": after,
                "largest_from_strong": float(strong[np.abs(strong).argmax()])}
    if None not in errors:
        headline["step_error_percent"] = max(errors)
    arrays = dict(lag=lag, weights=weights, change=np.array(change), rule=rule.title)
    return Result("btsp_window", arrays, headline)


def half_widths(x, y):
    """Distances in s from 0 at which y falls to half its maximum, on either side; Missing where it does not."""
    top = y.max()
    over = np.flatnonzero(y > top / 2)
    if top <= 0 or over[0] == 0 or over[-1] == len(x) - 1:
        return (Missing("the change does not fall to half its maximum on both sides"),) * 2
    first, last = over[0], over[-1]
    left = np.interp(top / 2, y[[first - 1, first]], x[[first - 1, first]])
    right = np.interp(top / 2, y[[last + 1, last]], x[[last + 1, last]])
    return -float(left), float(right)


def plot(result, figure):
    """Change from each initial weight against spike minus plateau onset in seconds."""
    a, axes = result.arrays, figure.subplots()
    x = np.asarray(a["lag"] / second)
    for k, (w, change) in enumerate(zip(a["weights"], a["change"], strict=True)):
        axes.plot(x, change, f"C{k}", lw=2, label=f"{a['rule']} from w = {w:g}")
    top = a["change"][0].max()
    if top > 0:
        fine = np.linspace(x.min(), x.max(), 400)
        axes.plot(fine, top * np.exp(-np.abs(fine) / np.where(fine < 0, *BITTNER)), "k:", lw=1.2,
                  label="Bittner et al. (2017), scaled")
    zero_lines(axes)
    axes.set(xlabel="input spike − plateau onset (s)", ylabel="change of weight", xlim=(x.min(), x.max()))
    heading(axes, "Behavioural time scale plasticity", "one input spike, one plateau of 300 ms")
    axes.legend(fontsize=8, loc="upper right")


if __name__ == "__main__":
    run_protocol()
