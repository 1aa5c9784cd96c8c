"""Short-term plasticity: release at each spike of a train, for a depressing and a facilitating synapse.

Tsodyks & Markram (1997) PNAS 94:719, Markram, Wang & Tsodyks (1998) PNAS 95:5323; numbers of both synapses from
Tsodyks, Uziel & Markram (2000) J Neurosci 20:RC50. Left: regular trains at 20 Hz. Right: the release in the long run
against the rate of the train, with closed forms as lines. The weight w of these rules is the release at the last pre
spike.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.equations.content import same_code
from spikelearn.plotting import heading
from spikelearn.ranges.check import Range, checked, positive, whole
from spikelearn.ranges.quick import every
from spikelearn.results.result import Accepted, Result
from spikelearn.stdp.spike_times import LEAD_IN, Pairing
from spikelearn.stdp.weight_change import largest_step_error, outcome, post_neuron

FIGURE_SIZE = (11, 4.4)
RULES = ("synapses/short_term_depression", "synapses/short_term_facilitation")
RATES = np.array([1, 2, 3, 5, 7, 10, 15.3, 20, 30, 40, 50, 70, 100]) * Hz
LONG = 60           # spikes by which a train has settled, besides those of 6 s
ACCEPTED = {
    "worst_error": Accepted(0, 1e-5, "closed form of the release in the long run"),
    "release_20_Hz_short_term_depression": Accepted(.05712, .05714, "closed form: .05713"),
    "release_20_Hz_short_term_facilitation": Accepted(.26939, .26941, "closed form: .26940"),
}
RANGES = {"rate": positive(1000, unit="Hz"), "rates": Range(.1, 500, unit="Hz", several=True),
          "spikes": whole(2, 1000)}
SHORT_FORM = dict(rates=every(4))


@checked
def run(synapse=RULES, neuron=None, *, rate=20 * Hz, rates=RATES, spikes=12, seed=1, device="auto", quick=False):
    """First `spikes` releases at `rate`; release in the long run at each of `rates`. quick: four rates."""
    rules = [load_model(rule, "synapse") for rule in ([synapse] if not isinstance(synapse, tuple | list) else synapse)]
    if len({rule.title for rule in rules}) < len(rules):
        raise SpikelearnError("short_term needs rules of different names: copy one of them to another file")
    rates = np.asarray(rates / Hz)
    first, steady, law, headline, worst = [], [], [], {}, []
    for rule in rules:
        start = first_release(rule)
        trains = [train(n, float(rate)) for n in range(1, spikes + 1)] + [train(LONG + int(6 * r), r) for r in rates]
        trains.append(train(LONG + 120, 20.0))
        found = outcome(trains, rule, post_neuron(rule, neuron), seed=seed, device=device)
        release = start * (1 + found.change)
        first.append(release[:spikes])
        steady.append(release[spikes:-1])
        headline[f"release_20_Hz_{rule.title}"] = float(release[-1])
        form = closed_form(rule, rates)
        law.append(np.full(len(rates), np.nan) if form is None else form)
        worst += [] if form is None else [np.max(np.abs(steady[-1] / form - 1))]
        headline |= largest_step_error([headline, found.headline()])
    if worst:
        headline["worst_error"] = float(max(worst))
    arrays = dict(rules=np.array([rule.title for rule in rules]), rate=rate, rates=rates * Hz, first=np.array(first),
                  steady=np.array(steady), closed_form=np.array(law))
    return Result("short_term", arrays, headline, gaps=("closed_form",))


def train(n, rate):
    """`n` regular pre spikes at `rate` in Hz."""
    return Pairing(LEAD_IN + np.arange(n) / rate * second, [] * ms)


def first_release(rule):
    """The w at which a rule starts: a number, or a parameter such as U."""
    value = rule.initial.get("w")
    value = rule.parameters.get(value, value) if isinstance(value, str) else value
    if value is None or isinstance(value, str) or not float(value):
        raise SpikelearnError(f"{rule.title} does not start with the release of a first spike as w, a number or "
                              "parameter")
    return float(value)


def closed_form(rule, rates):
    """Release u x in the long run of regular trains, rates (n,) in Hz; None for a rule without a known form."""
    p, T = rule.parameters, 1 / rates
    name = same_code(rule, "short_term_facilitation", "short_term_depression")
    if not name:
        return None
    u = p["U"] if name == "short_term_depression" else p["U"] / (1 - (1 - p["U"]) * np.exp(-T / float(p["tau_f"])))
    kept = np.exp(-T / float(p["tau_r"]))
    return u * (1 - kept) / (1 - (1 - u) * kept)


def plot(result, figure):
    """Releases of the first spikes; release in the long run against the rate."""
    a, rates = result.arrays, np.asarray(result.arrays["rates"])
    left, right = figure.subplots(1, 2)
    for k, rule in enumerate(a["rules"]):
        left.plot(np.arange(1, a["first"].shape[1] + 1), a["first"][k], f"C{k}o-", ms=4, lw=1, label=str(rule))
        right.plot(rates, a["steady"][k], f"C{k}o", ms=4, label=f"{rule}")
        if np.isfinite(a["closed_form"][k]).all():
            right.plot(rates, a["closed_form"][k], f"C{k}-", lw=1, label="closed form")
    left.set(xlabel="spike of the train", ylabel="release (share of all resources)", ylim=(0, None))
    right.set(xlabel="rate of the pre spikes (Hz)", ylabel="release in the long run", ylim=(0, None), xscale="log")
    ticks = [1, 2, 5, 10, 20, 50, 100]
    right.set_xticks(ticks, [str(tick) for tick in ticks])
    right.minorticks_off()
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    heading(left, "First spikes", f"regular train at {float(a['rate']):g} Hz after a long rest")
    heading(right, "In the long run", "regular trains; transmission, not learning")


if __name__ == "__main__":
    run_protocol()
