"""Triplets of spikes: the change after pre-post-pre and after post-pre-post.

Wang, Gerkin, Nauen & Bi (2005) Nat Neurosci 8:187, Fig. 2 and 3, as Pfister & Gerstner (2006) J Neurosci 26:9673
tabulate it: 60 triplets at 1 Hz, cultured hippocampal neurons, spikes evoked by current. (5, -5) = the first and the
second interval t_post - t_pre in ms. A rule that only adds up pairs cannot tell pre-post-pre from post-pre-post.
"""

import numpy as np
from brian2 import second

from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import compared, heading, scores
from spikelearn.ranges.check import checked
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import each_rule, induced_in, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (10, 4.4)
MOTIFS = ("pre-post-pre", "post-pre-post")
FIRST_FIVE = 5 * second     # of the motifs at 1 Hz
ACCEPTED = {}
csv_table = of_each_rule("motif", "label", "change", "measured", "measured_sem", "rule", "neuron")


@checked
def run(synapse=("synapses/stdp_pair",), neuron=None, *, dt=None, read_after=READ_AFTER, seed=1, device="auto",
        quick=False):
    """The eight triplets; quick: only the first 5 of each, which makes E a number without meaning."""
    it = experiment("wang_hippocampus")
    used = np.isin(it.columns["motif"], MOTIFS)
    pairings = [p for p, wanted in zip(it.pairings, used, strict=True) if wanted]
    if quick:
        pairings = [beginning(p, FIRST_FIVE) for p in pairings]
    mean, sem = it.mean[used], it.sem[used]

    def one(rule):
        post = post_neuron(rule, neuron)
        found = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
        arrays = dict(motif=it.columns["motif"][used], label=it.columns["label"][used], change=found.change,
                      measured=mean, measured_sem=sem, rule=rule.title, neuron=post.title if post else "")
        headline = dict(E_wang_triplets=score(found.change, mean, sem), E_null_wang_triplets=null_score(mean, sem))
        for motif in MOTIFS:
            headline["mean_" + motif.replace("-", "_")] = float(np.mean(found.change[arrays["motif"] == motif]))
        return arrays, headline | found.headline(), ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_triplets", arrays, headline, gaps=gaps)


def plot(result, figure):
    """Bars, experiment and models side by side, one panel for each kind of triplet."""
    rules = each_rule(result)
    a, panels = rules[0][2], figure.subplots(1, 2, sharey=True)
    for axes, motif in zip(panels, MOTIFS, strict=True):
        used = a["motif"] == motif
        compared(axes, [f"{label} ms" for label in a["label"][used]], 100 * a["measured"][used],
                 100 * a["measured_sem"][used], {rule: 100 * own["change"][used] for rule, _, own, _ in rules})
        heading(axes, motif, f"60 triplets at 1 Hz, {induced_in(rules)}")
        axes.set_xlabel("intervals (Δt₁, Δt₂)")
    panels[0].set_ylabel("change of weight (%)")
    panels[0].legend(fontsize=8, loc="upper left")
    scores(panels[1], {rule: numbers["E_wang_triplets"] for rule, _, _, numbers in rules},
           result.headline["E_null_wang_triplets"], "upper right")


if __name__ == "__main__":
    run_protocol()
