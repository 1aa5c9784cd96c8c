"""Controls: pre spikes only, post spikes only, and the synapse's own EPSP in the potential that the rule reads.

Nevian & Sakmann (2006) J Neurosci 26:11001: 60 EPSPs alone and 60 bursts of action potentials alone at 0.1 Hz change
nothing; here at `rate`, so that the run is short. Post spikes are forced. The EPSP of the tested synapse itself, w
times `epsp` high (theirs: 1 to 3 mV), is first left out and then let in; a rule that follows spikes only cannot tell
the difference. The right panel shows the weight against the number of pre spikes with the EPSP
included: a change proportional to w grows without bound.
"""

import numpy as np
from brian2 import Equations, Hz, have_same_dimensions, ms, second, volt

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import at_most
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import each_rule, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment
from spikelearn.stdp.spike_times import LEAD_IN, Pairing, pairs
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (10, 4.4)
ACCEPTED = {}
SHORT_FORM = dict(n=at_most(5), longest=at_most(20))
csv_table = of_each_rule("conditions", "without_epsp", "with_epsp", "n", "rate", "epsp", "rule")


@checked
def run(synapse=("synapses/voltage_derivative_trace",), neuron=None, *, n=60, rate=10 * Hz, delta_t=10 * ms, epsp=0.1,
        longest=640, dt=None, read_after=READ_AFTER, seed=1, device="auto", quick=False):
    """All controls side by side, without and with the EPSP.

    n : spikes or pairs; epsp : height of the EPSP at w = 1, in units of the potential that rules read (1 = one
    after-potential, or from rest to threshold); longest : most pre spikes of the runaway curve. Returns a Result.
    """
    counts = np.unique(np.round(np.geomspace(min(10, longest), longest, 6)).astype(int))
    conditions = {"pre only": spikes_only(n, rate), "post only": spikes_only(n, rate, post=True),
                  f"Δt = +{float(delta_t) * 1e3:g} ms": pairs(delta_t, n, rate),
                  f"Δt = −{float(delta_t) * 1e3:g} ms": pairs(-delta_t, n, rate)}
    every = [*conditions.values(), *(spikes_only(count, rate) for count in counts)]
    options = {"dt": dt, "read_after": read_after, "device": device, "seed": seed}

    def one(rule):
        found = outcome(every, rule, neuron, **options)
        without = with_epsp = found.change
        post = post_neuron(rule, neuron)
        if post is not None:
            found = outcome(every, rule, post, transmit=epsp_of(post, epsp), natural=True, **options)
            with_epsp = found.change
        m = len(conditions)
        arrays = {"rule": np.array(rule.title), "conditions": np.array([*conditions]), "without_epsp": without[:m],
                  "with_epsp": with_epsp[:m], "counts": counts, "runaway": with_epsp[m:], "n": n, "rate": rate,
                  "epsp": epsp}
        names = ("pre_only", "post_only", "pairs_plus", "pairs_minus")
        headline = {f"{name}_percent": 100 * float(value) for name, value in zip(names, without, strict=False)}
        headline |= {f"{name}_with_epsp_percent": 100 * float(value)
                     for name, value in zip(names, with_epsp, strict=False)}
        return arrays, headline | found.headline(), ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_controls", arrays, headline, gaps=gaps)


def spikes_only(n, rate, post=False):
    """`n` spikes of one side alone: a Pairing."""
    times = LEAD_IN + np.arange(n) / rate
    return Pairing([] * second, times) if post else Pairing(times, [] * second)


def epsp_of(neuron, epsp):
    """What a pre spike does to this neuron: its potential v jumps by w times `epsp` of the potential rules read."""
    potential = Equations(neuron.equations)
    if "v" not in potential or potential["v"].type != "differential equation":
        raise SpikelearnError(f"stdp_controls gives its EPSP to a potential v, which {neuron.title} does not have")
    if have_same_dimensions(potential["v"].unit, volt):
        return f"v_post += w * {20 * epsp!r}*mV"      # 20 mV from rest to threshold
    return f"v_post += w * {epsp!r}"


def plot(result, figure):
    """Left: change of each control; right: weight against the number of pre spikes with the EPSP."""
    rules = each_rule(result)
    a, alone = rules[0][2], len(rules) == 1
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    x, width = np.arange(len(a["conditions"])), .76 / (2 * len(rules))
    left.axhline(100, color="0.6", lw=.8, ls="--")
    right.axhline(100, color="0.6", lw=.8, ls="--")
    for k, (rule, colour, own, _) in enumerate(rules):
        place, name = x + width * (2 * k + .5 - len(rules)), "" if alone else f"{rule}, "
        left.bar(place, 100 * (1 + own["without_epsp"]), width, color=colour, label=f"{name}own EPSP left out")
        left.bar(place + width, 100 * (1 + own["with_epsp"]), width, color=colour, alpha=.5, hatch="//",
                 label=f"{name}own EPSP let in")
        right.plot(a["counts"], 100 * (1 + own["runaway"]), "o-", color=colour, ms=4, label=rule)
    it = experiment("nevian_bursts")
    for place, condition in ((0, "EPSP only"), (1, "APs only")):
        row = np.flatnonzero(it.columns["label"] == condition)[0]
        left.errorbar(place, 100 + 100 * it.mean[row], 100 * it.sem[row], fmt="ko", ms=4, capsize=3,
                      label="Nevian & Sakmann 2006, ± s.e.m." if place < 1 else None)
    left.set_xticks(x, [str(condition) for condition in a["conditions"]])
    left.set(ylabel="normalised weight (%)")
    left.set_title(f"{' and '.join(rule for rule, *_ in rules)}: controls\n{int(a['n'])} spikes or pairs at "
                   f"{float(a['rate']):g} Hz, post spikes forced, EPSP {float(a['epsp']):g} of the potential",
                   fontsize=9)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    right.set(xlabel="pre spikes, own EPSP let in", ylabel="normalised weight (%)", xscale="log")
    right.set_title("pre spikes only", fontsize=9)


if __name__ == "__main__":
    run_protocol()
