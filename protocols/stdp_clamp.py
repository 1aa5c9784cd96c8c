"""Voltage clamp: weight change when pre spikes arrive while the post potential is held.

Ngezahayo, Schachner & Artola (2000) J Neurosci 20:2451 (adult mouse CA1): no change up to -40 mV, depression from
-40 to -20 mV, potentiation above; two thresholds also in Artola, Brocher & Singer (1990) Nature 347:69. Regular pre
spikes at `rate` for `duration` at each holding potential; the post neuron never spikes. Clopath et al. (2010) simulate
25 Hz for 50 s, which drives every weight to a bound; the second used here is chosen here.
"""

import numpy as np
from brian2 import Hz, ms, mV, second, volt

from spikelearn import SpikelearnError, load_model
from spikelearn.command.command_line import run_protocol
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most
from spikelearn.results.names import joined
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import spike_table
from spikelearn.stdp.comparison import part, rules_of
from spikelearn.stdp.tables import of_each_clamp
from spikelearn.stdp.time_steps import converged, fitting_step, is_random
from spikelearn.stdp.weight_change import start_weight

RULES = ("synapses/stdp_voltage", "synapses/voltage_derivative", "synapses/voltage_derivative_trace")
SETTLING = 100 * ms
THRESHOLDS = ("theta_minus", "theta_plus")
NEURON_IS_ONLY_READ = True          # the post neuron never spikes, so that only its potential counts
csv_table = of_each_clamp
ACCEPTED = {
    "largest_change_percent_voltage_derivative": Accepted(0, 0, "a held potential has no derivative"),
    "largest_change_percent_voltage_derivative_trace": Accepted(0, 0, "a held potential has no derivative"),
    "order_of_signs_stdp_voltage": Accepted(1, 1, "Clopath et al. (2010): nothing, then LTD, then LTP with rising V"),
}
SHORT_FORM = dict(levels=at_most(17), duration=at_most(0.4 * second))


@checked
def run(synapse=RULES, neuron="neurons/voltage_clamp", *, v_lowest=-80 * mV, v_highest=0 * mV, levels=81,
        rate=25 * Hz, duration=1 * second, dt=None, seed=1, device="auto", quick=False):
    """One neuron a holding potential, side by side, for each rule. Returns a Result."""
    rules = rules_of(synapse)
    neuron = load_model(neuron, "neuron")
    if "v_command" not in neuron.parameters:
        raise SpikelearnError(f"stdp_clamp needs a neuron with the parameter v_command, such as voltage_clamp, "
                              f"not {neuron.title}")
    held = np.linspace(float(v_lowest), float(v_highest), levels) * volt
    found = [clamped(rule, neuron, held, rate, duration, dt, seed, device) for rule in rules]
    arrays = {"v": held, "rules": np.array([rule.title for rule in rules]), "rate": rate, "duration": duration,
              "weight": np.array([1 + changes.values for changes in found])}
    headline = {}
    for rule, weight in zip(rules, arrays["weight"], strict=True):
        headline |= {(name, rule.title): value for name, value in signs(np.asarray(held) * 1e3, weight).items()}
    headline = joined(headline)
    for name in THRESHOLDS:
        owners = [rule for rule in rules if name in rule.parameters]
        arrays |= joined({(name, *part(rule, owners)): rule.parameters[name] for rule in owners}, taken=arrays)
    errors = [changes.error_percent for changes in found if changes.error_percent is not None]
    headline |= {"step_error_percent": max(errors)} if errors else {}
    return Result("stdp_clamp", arrays, headline)


def clamped(rule, neuron, held, rate, duration, dt, seed, device):
    """Relative weight change by the pre spikes at each holding potential, values (n,), as a Stepped."""
    trains = [(SETTLING + np.arange(0, float(duration), 1 / float(rate)) * second)] * len(held)
    table, models = spike_table(trains), (rule, neuron)
    step = fitting_step([np.asarray(trains[0])], models, dt)

    def build():
        pre, times = spike_trains(table, name="pre")
        post = neurons(neuron, len(held), name="post", reads=rule.reads()["post"], per_neuron=("v_command",))
        return [pre, times, post, synapses(pre, post, rule, name="rule", exact=True)]

    simulation = Simulation(build, SETTLING + duration + SETTLING, device=device, dt=step * second)

    def change(size):
        found = simulation.run({"post.v_command": held}, seed=seed, read=["rule.w"], dt=size * second)
        return np.asarray(found["rule.w"]) / start_weight(rule) - 1

    return converged(change, step, keep=dt is not None, random=is_random(*models))


def signs(v, weight):
    """Headline of one rule: largest change, and where depression and potentiation begin."""
    change = 100 * (weight - 1)
    found = {"largest_change_percent": float(np.max(np.abs(change)))}
    down, up = v[change < -0.01], v[change > 0.01]
    found["order_of_signs"] = float(down.size > 0 and up.size > 0 and down.max() < up.min())
    if down.size:
        found["depression_from_mV"] = float(down.min())
    if up.size:
        found["potentiation_from_mV"] = float(up.min())
    return found


def plot(result, figure):
    """Normalised weight against the holding potential, thresholds dashed."""
    a = result.arrays
    ax = figure.subplots()
    ax.axhline(100, color="0.6", lw=.8, ls="--")
    ax.axvspan(-40, -20, color="0.93", lw=0, label="LTD in CA1, LTP beyond (Ngezahayo et al. 2000)")
    for name in (name for name in a if name.startswith(THRESHOLDS)):
        k = next((k for k, rule in enumerate(a["rules"]) if name in (f"{one}_{rule}" for one in THRESHOLDS)), 0)
        ax.axvline(float(a[name]) * 1e3, color=f"C{k}", lw=.8, ls="--")
        ax.text(float(a[name]) * 1e3, 0.03, f" {'θ₋' if name.startswith('theta_minus') else 'θ₊'}", color=f"C{k}",
                transform=ax.get_xaxis_transform(), va="bottom")
    for k, (rule, weight) in enumerate(zip(a["rules"], a["weight"], strict=True)):
        ax.plot(np.asarray(a["v"]) * 1e3, 100 * weight, lw=2, ls=["-", "--", ":"][k % 3], label=str(rule))
    low = 100 * np.min(a["weight"])
    ax.set_ylim(min(60, low - 10), min(250, max(140, 100 * np.max(a["weight"]) + 10)))
    ax.set(xlabel="holding potential V (mV)", ylabel="normalised weight (%)")
    ax.set_title(f"Voltage clamp\npre spikes at {float(a['rate']):g} Hz for {float(a['duration']):g} s, post potential "
                 "held, no post spikes", fontsize=9)
    ax.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    run_protocol()
