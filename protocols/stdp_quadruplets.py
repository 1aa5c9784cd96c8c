"""Quadruplets of spikes: the order of a depressing and a potentiating pair.

Wang, Gerkin, Nauen & Bi (2005) Nat Neurosci 8:187, Fig. 4, as Pfister & Gerstner (2006) J Neurosci 26:9673 tabulate it:
60 quadruplets at 1 Hz, cultured hippocampal neurons, spikes evoked by current. Two pairs 5 ms wide whose centres are
|T| apart: T > 0 is post-pre then pre-post, T < 0 pre-post then post-pre. Each measured T stands for a bin of intervals.
"""

import numpy as np
from brian2 import Hz, ms, second

from spikelearn.command.command_line import run_protocol
from spikelearn.plotting import heading, measured, scores, zero_lines
from spikelearn.ranges.check import checked
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import each_rule, induced_in, rules_of, side_by_side
from spikelearn.stdp.experiments import experiment, null_score, score
from spikelearn.stdp.spike_times import beginning, motifs
from spikelearn.stdp.tables import of_each_rule
from spikelearn.stdp.weight_change import READ_AFTER, outcome, post_neuron

FIGURE_SIZE = (7, 4.6)
FIRST_FIVE = 5 * second     # of the motifs at 1 Hz
ACCEPTED = {}
csv_table = of_each_rule("T", "curve", "rule", "neuron")


@checked
def run(synapse=("synapses/stdp_pair",), neuron=None, *, width=5 * ms, widest=100 * ms, dt=None,
        read_after=READ_AFTER, seed=1, device="auto", quick=False):
    """The measured points, and T from -widest to widest in steps of 5 ms; quick: the first 5 motifs only."""
    it = experiment("wang_hippocampus")
    used = it.columns["motif"] == "quadruplet"
    T = np.arange(10, widest / ms + .5, 5)
    T = np.concatenate([-T[::-1], T])
    pairings = [p for p, wanted in zip(it.pairings, used, strict=True) if wanted]
    pairings += [quadruplet(t * ms, width) for t in T]
    if quick:
        pairings = [beginning(p, FIRST_FIVE) for p in pairings]
    mean, sem, n = it.mean[used], it.sem[used], np.count_nonzero(used)
    measured_T = np.array([float(label.split("=")[1]) for label in it.columns["label"][used]])

    def one(rule):
        post = post_neuron(rule, neuron)
        found = outcome(pairings, rule, post, dt=dt, read_after=read_after, device=device, seed=seed)
        change = found.change
        arrays = dict(T=T * ms, curve=change[n:], measured_T=measured_T * ms, change=change[:n], measured=mean,
                      measured_sem=sem, width=width, rule=rule.title, neuron=post.title if post else "")
        return arrays, dict(E_wang_quadruplets=score(change[:n], mean, sem),
                            E_null_wang_quadruplets=null_score(mean, sem), **found.headline()), ()

    arrays, headline, gaps = side_by_side(rules_of(synapse), one)
    return Result("stdp_quadruplets", arrays, headline, gaps=gaps)


def quadruplet(T, width, n=60, rate=1 * Hz):
    """`n` quadruplets; the pair whose pre spike comes last is first in time if T > 0."""
    centres, half = np.array([-.5, .5]) * T, width / 2
    if T > 0 * ms:                                   # post-pre, then pre-post
        pre, post = centres + [1, -1] * half, centres + [-1, 1] * half
    else:                                            # pre-post, then post-pre
        centres = -centres
        pre, post = centres + [-1, 1] * half, centres + [1, -1] * half
    return motifs(pre, post, n, rate)


def plot(result, figure):
    """Change against T, with a gap around 0 where the pairs would overlap."""
    rules, axes = each_rule(result), figure.subplots()
    a = rules[0][2]
    T = np.asarray(a["T"] / ms)
    zero_lines(axes)
    for rule, colour, own, _ in rules:
        for side in (T < 0, T > 0):
            axes.plot(T[side], 100 * own["curve"][side], color=colour, lw=2, label=rule if T[side][0] > 0 else None)
    measured(axes, a["measured_T"] / ms, 100 * a["measured"], 100 * a["measured_sem"])
    axes.set(xlabel="T (ms)     pre-post, post-pre  ←   → post-pre, pre-post", ylabel="change of weight (%)")
    heading(axes, "Quadruplets: Wang et al. (2005)",
            f"60 quadruplets at 1 Hz, pairs {a['width'] / ms:g} ms wide, {induced_in(rules)}")
    scores(axes, {rule: numbers["E_wang_quadruplets"] for rule, _, _, numbers in rules},
           result.headline["E_null_wang_quadruplets"], "upper right")
    axes.legend(fontsize=8, loc="upper left")


if __name__ == "__main__":
    run_protocol()
