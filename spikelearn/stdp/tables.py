"""What belongs together in results of pairing protocols: blocks of rows, of which `Result.to_csv` makes a table."""
from collections.abc import Callable

import numpy as np

from spikelearn.results.names import name_of
from spikelearn.results.result import Result
from spikelearn.stdp.comparison import each_rule


def of_each_rule(*names: str, also: str = "\0") -> Callable[[Result], list[dict]]:
    """A function that gives a block of rows for each rule in a Result of `side_by_side`.

    names : arrays that belong together. also : so do those with this in their names.
    """
    def blocks(result):
        return [{name: values for name, values in own.items() if name in names or also in name}
                for _, _, own, _ in each_rule(result)]

    blocks.belongs = lambda name: name in names or also in name
    return blocks


def of_each_condition(result: Result) -> list[dict]:
    """A block of rows for each experiment and rule in a Result of `compared`: a row for each condition."""
    a = result.arrays
    return [dict(experiment=name, rule=rule, label=a[f"{name}_labels"], measured=np.asarray(a[f"{name}_measured"]),
                 sem=np.asarray(a[f"{name}_sem"]), predicted=np.asarray(a[name_of(a, name, rule)]))
            for name in map(str, a["experiments"]) for rule in map(str, a["rules"])]


def of_each_fit(result: Result) -> list[dict]:
    """A block of rows for each experiment in a Result of stdp_fit, fitted or held out: a row for each condition."""
    a = result.arrays
    keys = ("measured", "sem", "before", "fitted", "spread")
    return [dict(experiment=str(name), held_out=part == "held_out", label=a[f"{name}_labels"],
                 **{key: np.asarray(a[f"{name}_{key}"]) for key in keys})
            for part in ("experiments", "held_out") for name in a[part]]


def of_each_score(result: Result) -> list[dict]:
    """A block of rows for each rule in a Result of stdp_scoreboard: a row for each experiment."""
    a = result.arrays
    keys = ("conditions", "E_published", "E_fitted", "E_held_out", "p", "E_null")
    return [dict(rule=str(rule), free=a["free"][row], experiment=a["experiments"], **{key: a[key][row] for key in keys})
            for row, rule in enumerate(a["rules"])]


def of_each_trace(result: Result) -> list[dict]:
    """A block of rows for each rule, condition and part in a Result of stdp_trace: a row for each recorded time."""
    a = result.arrays
    found = []
    for rule in map(str, a["rules"]):
        for k, label in enumerate(a["conditions"]):
            for part in ("motif", "all"):
                start = f"{rule}_{k}_{part}_"
                size = len(a[f"{start}t"])
                names = [name.removeprefix(start) for name in a if name.startswith(start)]
                own = {name: a[start + name] for name in names if name not in ("pre", "post", "third")
                       and np.shape(a[start + name]) == (size,)}
                found.append(dict(rule=rule, condition=str(label), part=part, **own))
    return found


def of_each_clamp(result: Result) -> list[dict]:
    """A block of rows for each rule in a Result of stdp_clamp: a row for each holding potential."""
    a = result.arrays
    return [dict(rule=str(rule), v=a["v"], weight=a["weight"][row], rate=a["rate"], duration=a["duration"])
            for row, rule in enumerate(a["rules"])]
