"""Rules and measurements: the prediction of each rule for every condition of some experiments, and its error E."""
import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from brian2 import Quantity

from spikelearn.equations.files import load_model
from spikelearn.equations.records import NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError
from spikelearn.plotting import induced
from spikelearn.results.names import headers, joined, merged, name_of
from spikelearn.results.result import Result
from spikelearn.stdp.columns import TREATMENT, plain
from spikelearn.stdp.conditions import REPEATS, WAYS
from spikelearn.stdp.experiments import Experiment, chi_square_p, experiment, null_score, score
from spikelearn.stdp.moments import known_to
from spikelearn.stdp.spike_times import Pairing, beginning
from spikelearn.stdp.time_steps import is_random
from spikelearn.stdp.weight_change import outcome, post_neuron

MANY = 12       # predictions that are printed where nothing was measured
MOST_GROUPS = 4
OWN = ("rules", "experiments", "E", "E_null", "E_null_of_rules")     # arrays that are not of one experiment


def rules_of(synapse: str | SynapseModel | Sequence) -> list[SynapseModel]:
    """Records of one rule or several. Raises SpikelearnError if two have the same name."""
    rules = [load_model(rule, "synapse") for rule in (synapse if isinstance(synapse, tuple | list) else [synapse])]
    twice = next((rule.title for k, rule in enumerate(rules) if rule.title in [one.title for one in rules[:k]]), "")
    if twice:
        raise SpikelearnError(f"two rules are called {twice}, and rules that are compared must have different names: "
                              "copy one of them to another file")
    return rules


def part(rule: SynapseModel, rules: Sequence[SynapseModel]) -> tuple[str, ...]:
    """The last part of the names of a rule's headline numbers: its title, where there are several."""
    return (rule.title,) if len(rules) > 1 else ()


def experiments_of(data: str | Iterable) -> dict[str, Experiment]:
    """Experiments by name or file: name -> Experiment. Raises SpikelearnError if two have the same name."""
    found = {}
    for name in [data] if isinstance(data, str | Path) else data:
        it = experiment(name)
        if it.name in found:
            raise SpikelearnError(f"two experiments are called {it.name}: rename one of the files")
        found[it.name] = it
    return found


def side_by_side(rules: Sequence[SynapseModel], run: Callable) -> tuple[dict, dict, tuple]:
    """A protocol for one rule after the other: (arrays, headline numbers, names of arrays with gaps) of a Result.

    run : rule -> (arrays, headline, gaps). Of several rules, the names of arrays begin with "RULE: ", and those of
    headline numbers end in _RULE, or in ": RULE" where this is another's name, but for those of the null model.
    """
    arrays, headline, gaps = {"rules": np.array([rule.title for rule in rules])}, {}, []
    for rule in rules:
        own, numbers, own_gaps = run(rule)
        start = f"{rule.title}: " if len(rules) > 1 else ""
        arrays = merged(arrays, {start + name: value for name, value in own.items()})
        gaps += [start + name for name in own_gaps]
        headline |= {(name,) if name.startswith("E_null") else (name, *part(rule, rules)): value
                     for name, value in numbers.items()}
    return arrays, joined(headline), tuple(gaps)


def each_rule(result: Result) -> list[tuple[str, str, Mapping, Mapping]]:
    """(rule, colour, arrays, headline) of every rule in the Result of `side_by_side`, named as if it were alone."""
    rules = [str(rule) for rule in result.arrays["rules"]]
    if len(rules) == 1:
        return [(rules[0], "C0", result.arrays, result.headline)]
    found = []
    for k, rule in enumerate(rules):
        arrays = {name.removeprefix(f"{rule}: "): value for name, value in result.arrays.items()
                  if name.startswith(f"{rule}: ")}
        headline = {name: value for full, value in result.headline.items()
                    if (name := full if full.startswith("E_null") else _without(full, rule, rules))}
        found.append((rule, f"C{k}", arrays, headline))
    return found


def _without(name, rule, rules):
    """A headline name of `side_by_side` without its rule, empty if it is another's."""
    ends = [end for one in rules for end in (f"_{one}", f": {one}") if name.endswith(end)]
    last = max(ends, key=len, default="")
    return name.removesuffix(last) if last in (f"_{rule}", f": {rule}") else ""


def induced_in(rules: Sequence[tuple]) -> str:
    """Words for how the spikes come about. rules : of `each_rule`."""
    if len(rules) == 1:
        return induced(rules[0][0], str(rules[0][2]["neuron"]))
    return induced("", [str(arrays["neuron"]) for _, _, arrays, _ in rules])


def predicted(rule: SynapseModel, pairings: Sequence[Pairing], neuron: str | NeuronModel | None = None, *,
              copies: int = 20, **options) -> tuple[np.ndarray, dict]:
    """Relative weight change of a rule in each condition (n,), and the accuracy as headline numbers.

    NaN where the condition has a third factor that the rule does not know. copies : of each condition, for a rule that
    draws random numbers; the change is their mean. options : of `outcome`.
    """
    change = np.full(len(pairings), np.nan)
    asked = [k for k, pairing in enumerate(pairings) if known_to(rule, pairing)]
    post = post_neuron(rule, neuron)
    drawn = copies if is_random(*[model for model in (rule, post) if model]) else 1
    found = outcome([pairings[k] for k in asked for _ in range(drawn)], rule, post, **options)
    change[asked] = found.change.reshape(len(asked), drawn).mean(axis=1)
    return change, found.headline()


def compared(rules: Sequence[SynapseModel], data: Mapping[str, Experiment], neuron: str | NeuronModel | None = None, *,
             until: Quantity | None = None, **options) -> tuple[dict, dict, tuple]:
    """Every rule in every experiment: (arrays, headline numbers, names of arrays with gaps) of a Result.

    until : simulate only what happens before. options : of `predicted`.
    """
    pairings = [pairing for it in data.values() for pairing in it.pairings]
    if until is not None:
        pairings = [beginning(pairing, until) for pairing in pairings]
    ends = np.cumsum([len(it.pairings) for it in data.values()])[:-1]
    predictions, headline = {}, {}
    several = sum(not it.scored.any() for it in data.values()) > 1
    for rule in rules:
        change, accuracy = predicted(rule, pairings, neuron, **options)
        for (name, it), own in zip(data.items(), np.split(change, ends), strict=True):
            predictions[name, rule.title] = own
            if it.scored.any():
                headline |= _errors(name, part(rule, rules), it, own, rule)
            elif len(own) <= MANY:
                headline |= _changes((name,) * several + part(rule, rules), it, own)
        headline |= {(key, *part(rule, rules)): value for key, value in accuracy.items()}
    headline |= _null(rules, data, predictions)
    drawn = merged(*({f"{name}_{key}": value for key, value in _drawn(it).items()} for name, it in data.items()))
    own = joined(predictions, taken=(*OWN, *drawn))
    arrays = merged(dict(rules=np.array([rule.title for rule in rules]), experiments=np.array(list(data))), own, drawn)
    gaps = [f"{name}_{key}" for name in data for key in ("measured", "sem", "x")]
    return arrays, joined(headline), (*own, *gaps)


def _errors(name: str, of_rule: tuple, it: Experiment, change: np.ndarray, rule: SynapseModel) -> dict:
    """E and the probability of chi-square of one rule in one experiment, parts of a name -> number."""
    used = it.scored & np.isfinite(change)
    if not used.any():
        raise SpikelearnError(f"{it.name} has a third factor in every condition that is scored, and {rule.title} knows "
                              "none: a rule says on_third= what it does, or reads 'third' where a drug is washed in")
    E = score(change[used], it.mean[used], it.sem[used])
    n = int(np.count_nonzero(used))
    found = {("E", name, *of_rule): E, ("p", name, *of_rule): chi_square_p(E, n)}
    return found | ({("conditions", name, *of_rule): n} if n < np.count_nonzero(it.scored) else {})


def _changes(words: tuple, it: Experiment, change: np.ndarray) -> dict:
    """What a rule predicts where nothing was measured, parts of a name -> per cent."""
    *first, last = "change_percent", *words
    return {(*first, last + (f" ({pairing.label})" if len(change) > 1 else "")): 100 * float(value)
            for pairing, value in zip(it.pairings, change, strict=True) if np.isfinite(value)}


def _null(rules: Sequence[SynapseModel], data: Mapping[str, Experiment], predictions: Mapping) -> dict:
    """E of no change, parts of a name -> number: over the conditions of E, for each rule if these are not the same."""
    found = {}
    for name, it in data.items():
        used = [it.scored & np.isfinite(predictions[name, rule.title]) for rule in rules]
        same = all(np.array_equal(used[0], other) for other in used)
        for rule, its in zip(rules[:1] if same else rules, used, strict=False):
            if its.any():
                found["E_null", name, *(() if same else (rule.title,))] = null_score(it.mean[its], it.sem[its])
    return found


def null_of(arrays: Mapping, name: str, rule: str) -> float:
    """E of no change over the conditions of an experiment that a rule scores, NaN where it scores none.

    arrays : of a Result made by `compared`.
    """
    used = np.asarray(arrays[f"{name}_scored"], dtype=bool) & np.isfinite(arrays[name_of(arrays, name, rule)])
    return null_score(arrays[f"{name}_measured"][used], arrays[f"{name}_sem"][used]) if used.any() else np.nan


def _drawn(it: Experiment) -> dict:
    """What a figure needs of an experiment."""
    x, group, label = axis(it)
    return dict(
        x=x, group=np.array(group), xlabel=np.array(label), labels=np.array([one.label for one in it.pairings]),
        measured=it.mean, sem=it.sem, scored=it.scored, control=it.control,
        cells=np.concatenate([np.zeros(0), *it.cells]),
        cell_of=np.repeat(np.arange(len(it.cells)), [len(cells) for cells in it.cells]),
        title=np.array(it.comments.get("title") or it.name), protocol=np.array(it.protocol))


def axis(it: Experiment) -> tuple[np.ndarray, list[str], str]:
    """What varies between conditions: x (n,), which curve each belongs to (n,), and the label of the axis.

    x is the interval, the frequency, or the number of the condition.
    """
    n, columns = len(it.pairings), it.columns
    named = [name for name in (*WAYS, *REPEATS, *TREATMENT) if name in columns]
    varying = {name for name in named if len({plain(name, str(value)) for value in columns[name]}) > 1}

    def numbers(name):
        return name in columns and columns[name].dtype.kind == "f" and bool(np.isfinite(columns[name]).all())

    if n > 1 and varying == {"delta_t_ms"} and numbers("delta_t_ms"):
        sides = ["−" if dt < 0 else "+" for dt in columns["delta_t_ms"]]
        return columns["delta_t_ms"], sides, "Δt = t_post − t_pre (ms)"
    several = "repeat_hz" in varying and numbers("repeat_hz")
    if several and varying <= {"repeat_hz", *REPEATS}:
        return columns["repeat_hz"], [""] * n, "frequency (Hz)"
    if several and varying <= {"delta_t_ms", *REPEATS} and numbers("delta_t_ms"):
        if len(set(columns["delta_t_ms"])) <= MOST_GROUPS:
            return columns["repeat_hz"], [f"Δt = {dt:+g} ms" for dt in columns["delta_t_ms"]], "frequency (Hz)"
    return np.arange(1.0, n + 1), ["condition"] * n, "condition"


def table_of(arrays: Mapping) -> str:
    """All conditions of all experiments as the text of a CSV file, changes in per cent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rules = [str(rule) for rule in arrays["rules"]]
    writer.writerow(headers(["experiment", "condition", "measured_percent", "sem_percent", "scored"],
                            [f"{rule}_percent" for rule in rules]))
    for name in map(str, arrays["experiments"]):
        predictions = [arrays[name_of(arrays, name, rule)] for rule in rules]
        for k, label in enumerate(arrays[f"{name}_labels"]):
            numbers = [arrays[f"{name}_measured"][k], arrays[f"{name}_sem"][k]]
            shown = ["" if np.isnan(value) else repr(100 * float(value)) for value in
                     (*numbers, *(own[k] for own in predictions))]
            writer.writerow([name, label, *shown[:2], int(arrays[f"{name}_scored"][k]), *shown[2:]])
    return text.getvalue()
