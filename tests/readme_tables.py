"""Generates the tables in models/README.md and protocols/README.md, and results/README.md.

    python tests/readme_tables.py          rewrites the tables; run times are kept
    python tests/readme_tables.py --time   runs every protocol first and measures its run time (long)
"""
import functools
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from spikelearn import load_model
from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.results.tables import page as results_page

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- table: python tests/readme_tables.py -->", "<!-- end of table -->"
RUN_TIMES = {       # up to so many seconds
    10: "seconds", 45: "under a minute", 180: "minutes", 3600: "under an hour", 36000: "hours"}
FIRST_GROUP = "Spike-timing-dependent plasticity"
GROUPS = {          # headings of protocols/README.md and their protocols; the first has those that no other names
    FIRST_GROUP: "",
    "Networks that learn images": "learn_digits learn_mnist learn_mnist_diehl_cook learn_mnist_rates "
                                   "learn_mnist_unsupervised learn_regression_spikes reward",
    "Boltzmann machines": "learn_vpf_spikes stdp_bistate vpf_features vpf_generate vpf_reconstruct vpf_stdp",
    "Generative model": "generate_fashion generate_levers generate_mnist inpaint likelihood_ascent spike_noise",
    "Theory": "adversarial contrastive_faults dendritic_prediction early_inference equilibrium_gradient "
              "feedforward_energy feedforward_start langevin langevin_ep_spikes theory_report walkback weight_symmetry",
}
NAME = r"[A-Z][a-z’'][\w’'-]*"
CITATION = rf"(?:{NAME}(?:, | & ))*{NAME}(?: et al\.)? \(\d{{4}}\)"


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def link(path, text):
    return f"[{text}]({path})"


def protocols():
    """The shipped protocols in the order of their names: {name: module}."""
    return {name: running.load_protocol(name) for name in running.shipped_protocols()}


def cited(text):
    """Papers that a docstring cites, each once: "Bi & Poo (1998); ..."."""
    return "; ".join(dict.fromkeys(re.findall(CITATION, " ".join(text.split()))))


def accepted_text(accepted):
    """The range a headline number must lie in; a bound that stands for "none" is left out."""
    low, high = accepted.low, accepted.high
    if low == high:
        return f"{low:g}"
    if high >= 1e6:
        return f"at least {low:g}"
    return f"{low:g} to {high:g}"


def group_of(name):
    """Heading under which a protocol is listed."""
    return next((group for group, words in GROUPS.items() if name in words.split()), FIRST_GROUP)


def tables_of_protocols(times):
    """A heading and a table for each group of protocols. times : {name: words for the run time}."""
    known, lines = protocols(), []
    for group in GROUPS:
        lines += [f"## {group}", "", row("file", "figure", "source", "run time", "accepted"), row(*["---"] * 5)]
        for name in filter(lambda name: group_of(name) == group, known):
            module = known[name]
            numbers = [f"`{key}` {accepted_text(value)}" for key, value in getattr(module, "ACCEPTED", {}).items()]
            lines.append(row(link(f"{name}.py", name), module.__doc__.split("\n")[0], cited(module.__doc__),
                             times.get(name, "not measured"), "<br>".join(numbers) or "–"))
        lines.append("")
    return "\n".join(lines[:-1])


def table_of_models(kind):
    """kind : "neurons" or "synapses". The last column lists protocols whose default it is, but the scoreboard."""
    extra = "parameter sets" if kind == "synapses" else "forced spike"
    lines = [row("file", "what it is", "source", extra, "default in"), row(*["---"] * 5)]
    for path in sorted((ROOT / "models" / kind).glob("[!_]*.py")):
        model = load_model(str(path))
        shown = [link(f"../protocols/{name}.py", name) for name in running.shipped_protocols()
                 if f"{kind}/{path.stem}" in used_models(name) and name != "stdp_scoreboard"]
        fact = ", ".join(f"`{name}`" for name in model.sets) if kind == "synapses" else "yes" * bool(model.forced)
        lines.append(row(link(f"{kind}/{path.name}", path.stem), running.summary(path), model.source, fact or "–",
                         ", ".join(shown) or "–"))
    return "\n".join(lines)


@functools.cache
def used_models(title):
    """Models that a protocol uses by default: those it names, and the neuron of its rule."""
    module = running.load_protocol(title)
    names = set(re.findall(r"(?:neurons|synapses)/\w+", Path(module.__file__).read_text(encoding="utf-8")))
    known = running.signature(module)
    rules = [known["synapse"]] if isinstance(known.get("synapse"), str) else known.get("synapse") or ()
    if known.get("neuron", "") is None:
        names |= {f"neurons/{load_model(rule).neuron.split('/')[-1]}" for rule in rules}
    return names


def run_times(page):
    """Run times in the tables of a page: {name: words}."""
    lines = [line.split(" | ") for line in page.splitlines() if re.match(r"\| \[\w+\]\(\w+\.py\) \|", line)]
    return {re.match(r"\| \[(\w+)\]", cells[0])[1]: cells[3] for cells in lines}


def measured():
    """Run time of every protocol with default settings, in words."""
    words = {}
    for name in protocols():
        with TemporaryDirectory() as folder:
            start = time.monotonic()
            if cli.main(["run", name, "--out", f"{folder}/{name}"]) == 2:
                raise SystemExit(f"{name} did not run")
            seconds = time.monotonic() - start
        words[name] = next(said for limit, said in RUN_TIMES.items() if seconds <= limit)
    return words


def with_tables(page, *tables):
    """The page with its tables, in their order, replaced."""
    parts = re.split(f"{BEGIN}.*?{END}", page, flags=re.S)
    if len(parts) != len(tables) + 1:
        raise ValueError(f"{len(tables)} tables belong on the page, but it has {len(parts) - 1}")
    filled = [f"{part}{BEGIN}\n{table}\n{END}" for part, table in zip(parts, tables, strict=False)]
    return "".join([*filled, parts[-1]])


def pages(times=None):
    """The three pages with up-to-date tables: {path: text}."""
    models, shown = ROOT / "models" / "README.md", ROOT / "protocols" / "README.md"
    page = shown.read_text(encoding="utf-8")
    return {models: with_tables(models.read_text(encoding="utf-8"), *map(table_of_models, ("neurons", "synapses"))),
            shown: with_tables(page, tables_of_protocols(times or run_times(page))),
            ROOT / "results" / "README.md": results_page(ROOT / "results", running.shipped_protocols())}


if __name__ == "__main__":
    for path, text in pages(measured() if "--time" in sys.argv else None).items():
        path.write_text(text, encoding="utf-8")
