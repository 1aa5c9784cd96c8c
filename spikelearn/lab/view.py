"""What a page shows of its rules: the results of protocols, the traces of one pairing, and the commands for both."""
import shlex
from collections.abc import Sequence
from pathlib import Path

from spikelearn.command.run import load_protocol
from spikelearn.equations.content import content
from spikelearn.equations.records import SynapseModel
from spikelearn.lab.kept import Kept
from spikelearn.results.result import Result
from spikelearn.stdp.shipped import shipped_experiments
from spikelearn.stdp.spike_times import beginning
from spikelearn.stdp.together import share_simulations
from spikelearn.stdp.traces import Trace, trace

CURVES = {"window": "stdp_window", "frequency": "stdp_frequency", "triplets": "stdp_triplets"}
MOST = 60           # results that are kept; chosen here
POINTS = 200        # of a trace


class View:
    """Results of rules, each rule alone; what was computed is kept."""

    def __init__(self):
        self.kept, self.found = Kept(), {}

    def result(self, protocol: str, rule: SynapseModel, text: str = "", **keywords) -> Result:
        """What a protocol returns for a rule, as from the command line. Raises SpikelearnError.

        text : of the files that the keywords name.
        """
        key = (protocol, rule.title, text, *content(rule).items(), *sorted(keywords.items()))
        device = "numpy" if is_live(rule) else "auto"
        return self._once(key, lambda: load_protocol(protocol).run((rule,), device=device, **keywords))

    def knows(self, rule: SynapseModel, protocol: str = "stdp_window") -> bool:
        """Whether a protocol's result for this rule was computed."""
        mine = (protocol, rule.title, "", *content(rule).items())
        return any(key[:len(mine)] == mine for key in self.found)

    def is_built(self, rule: SynapseModel) -> bool:
        """Whether the networks of a rule are built, with other parameters or these."""
        return self.kept.holds(rule)

    def curves(self, rule: SynapseModel) -> dict[str, Result]:
        """Window, frequency and triplets of a rule."""
        return {name: self.result(protocol, rule) for name, protocol in CURVES.items()}

    def battery(self, rule: SynapseModel) -> Result:
        """The shipped experiments that have a score."""
        return self.result("stdp_battery", rule, others=False)

    def experiment(self, rule: SynapseModel, name: str) -> Result:
        """One experiment, by its shipped name or by its file, which is read anew when it has changed."""
        file = Path(name)
        text = file.read_text(encoding="utf-8", errors="ignore") if file.is_file() else ""
        return self.result("stdp_experiment", rule, text, data=(name,))

    def traces(self, rule: SynapseModel, pairing: str) -> Trace:
        """What the rule computes in the first motif of a pairing that is written in a line. Raises SpikelearnError."""
        return self._once(("traces", rule.title, pairing, *content(rule).items()), lambda: _traces(rule, pairing))

    def _once(self, key, make):
        """What `make` returns, computed if it is not known."""
        if key not in self.found:
            with self.kept:
                self.found[key] = make()
            while len(self.found) > MOST:
                self.found.pop(next(iter(self.found)))
        return self.found[key]


def _traces(rule, pairing):
    from brian2 import ms, second

    module = load_protocol("stdp_trace")
    (one,) = module.chosen_conditions(module.DATA, (1,), pairing).values()
    first, last = module.motif_of(one, 1)
    until = module.beginning_of(one) + last + .2        # what comes later acts on later motifs only
    return trace(rule, beginning(one, until * second), start=first * second - 20 * ms, stop=last * second + 120 * ms,
                 points=POINTS, device="numpy")


def is_live(rule: SynapseModel) -> bool:
    """Whether a rule is simulated from spike to spike: it follows a slider at once, without a compiler."""
    return share_simulations(rule)


def experiment_files(folder: Path) -> dict[str, Path]:
    """Experiments, shipped ones and the CSV files of a folder: what to call them on the command line -> path."""
    own = {path.name: path for path in sorted(folder.glob("*.csv"))}
    return own | {f"experiments/{name}": path for name, path in shipped_experiments().items()}


def commands(rules: Sequence[str], data: str, pairing: str) -> str:
    """The commands that compute what the page shows, a line each.

    rules : names or files of the rules. data : the experiment. pairing : the line of the traces.
    """
    synapses = [word for rule in rules for word in ("--synapse", rule)]
    lines = [[protocol] for protocol in CURVES.values()]
    lines += [["stdp_battery", "--set", "others=false"], ["stdp_experiment", "--set", f"data={data}"],
              ["stdp_trace", "--pairing", pairing, "--set", f"points={POINTS}"]]
    return "\n".join(shlex.join(["spikelearn", "run", *line, *synapses]) for line in lines)
