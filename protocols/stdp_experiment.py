"""Your own experiment, or a shipped one: the measurements and the prediction of each rule for every condition.

`--set data=mine.csv` names files of your own or shipped experiments, separated by commas; `spikelearn show NAME` lists
the conditions of one, `spikelearn copy experiments/NAME mine.csv` gives an editable copy. E = mean(((measured -
model) / s.e.m.)^2) over the conditions that have an uncertainty, Pfister & Gerstner (2006) J Neurosci 26:9673; p is the
probability of such an E or a larger one if the model is right. Without measurements the rules predict.
`--pairing "pre 0; post 7 17 27 37; 100 at 5*Hz"` is one condition without a file, spike times of the motif in ms.
"""
from pathlib import Path
from types import MappingProxyType

import numpy as np
from brian2 import second

from spikelearn import SpikelearnError
from spikelearn.command.command_line import run_protocol
from spikelearn.ranges.check import checked
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import compared, experiments_of, rules_of, table_of
from spikelearn.stdp.conditions import from_line
from spikelearn.stdp.experiments import Experiment
from spikelearn.stdp.figures import draw_experiments
from spikelearn.stdp.tables import of_each_condition
from spikelearn.stdp.weight_change import READ_AFTER

FIGURE_SIZE = (7.5, 4.6)     # of one panel
DATA = ("bi_poo_window",)
QUICK = 5 * second      # of each condition in a quick run
NEURON_IS_ONLY_READ = True          # spikes are imposed, so that only its potential counts
ACCEPTED = {}
csv_table = of_each_condition


@checked
def run(synapse=("synapses/stdp_pair", "synapses/stdp_triplet"), neuron=None, *, data=DATA, pairing="", repetitions=20,
        dt=None, read_after=READ_AFTER, seed=1, device="auto", quick=False):
    """data : experiments by name or file; pairing : one condition in a line, instead of data; repetitions : of each
    condition, for a rule that draws random numbers; quick: the first 5 s of each condition."""
    if pairing and tuple(data) != DATA:
        raise SpikelearnError("stdp_experiment takes either data or pairing, not both")
    rules, known = rules_of(synapse), {"pairing": in_a_line(pairing)} if pairing else experiments_of(data)
    arrays, headline, gaps = compared(rules, known, neuron, until=QUICK if quick else None, copies=repetitions, dt=dt,
                                      read_after=read_after, device=device, seed=seed)
    return Result("stdp_experiment", arrays, headline, gaps=gaps)


def in_a_line(text):
    """An Experiment of the one condition that a line describes, without a measurement."""
    one, nothing, no = from_line(text), np.array([np.nan]), np.array([False])
    comments = MappingProxyType({"title": "one condition", "protocol": one.label})
    return Experiment("pairing", Path(), comments, (one,), nothing, nothing, no, no, (np.zeros(0),),
                      MappingProxyType({}))


def tables(result):
    """Every condition, measured and predicted, as text of the file conditions.csv."""
    return {"conditions.csv": table_of(result.arrays)}


def plot(result, figure):
    """One panel for each experiment."""
    draw_experiments(figure, result.arrays, result.headline)


if __name__ == "__main__":
    run_protocol()
