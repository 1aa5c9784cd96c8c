"""Writes the pages that follow from the files: one for each neuron, rule, protocol, experiment and public name.

    python docs/pages.py FOLDER     writes them as text, without Sphinx and without running a protocol

Figures and numbers are those committed under results. Only the STDP windows of rules of spike times are computed, which
takes a few seconds each.
"""
import contextlib
import csv
import inspect
import io
import json
import re
import sys
from pathlib import Path

import latex

import spikelearn as sl
from spikelearn.command import run as running
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.equations.units import value_text
from spikelearn.results.tables import page as results_page
from spikelearn.stdp.experiments import described, experiment
from spikelearn.stdp.network import exact_between_spikes
from spikelearn.stdp.shipped import shipped_experiments

ROOT = Path(__file__).parent.parent
UP = "../../.."                                     # from a generated page to the repository
FOLDERS = {"synapses": "rules", "neurons": "neurons"}
SPECIAL = re.compile(r"([\\`*_\[\]<>$|~#])")
SPEED = ("images_per_second", "spikes_per_image", "synaptic_events_per_second", "transitions_per_second")


def write(folder: Path, figures: bool = False) -> list[Path]:
    """Write all generated pages below a folder. figures : also the STDP windows, as PNG files. Returns the pages."""
    scores, results = scoreboard_rows(), result_sections()
    texts = {"scoreboard.md": scoreboard_page()}
    for name in shipped_models():
        kind, _, title = name.partition("/")
        picture = folder / "rules" / f"{title}.png"
        shown = kind == "synapses" and figures and window(name, picture)
        texts[f"{FOLDERS[kind]}/{title}.md"] = model_page(name, scores, picture.name if shown else "")
    texts |= {f"protocols/{name}.md": protocol_page(name, results) for name in running.shipped_protocols()}
    texts |= {f"experiments/{name}.md": experiment_page(name, scores) for name in shipped_experiments()}
    texts |= {f"api/{name}.rst": api_page(name) for name in sl.PUBLIC}
    texts |= indices()
    texts |= {"tables/speed.md": speed_table(), "tables/learn_mnist.md": mnist_table(), "tables/claims.md": claims_table()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:       # Sphinx reads only what changed
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


# ---- pieces of Markdown

def row(*cells: object) -> str:
    """A row of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head: list[str], rows: list[list]) -> list[str]:
    """Lines of a table, with an empty line after it; nothing without rows."""
    return [row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows), ""] if rows else []


def plain(text: str) -> str:
    """Text without any markup, for Markdown; lines that begin with four spaces stay code."""
    lines = text.strip().split("\n")
    return "\n".join(line if line.startswith("    ") else linked(SPECIAL.sub(r"\\\1", line)) for line in lines)


def linked(line: str) -> str:
    """A line in which names of shipped files that no English word equals lead to their pages."""
    targets = {name.replace("_", r"\_"): path for name, path in page_of().items() if "_" in name}
    return re.sub(r"(?<![\w\\/.])(?:[a-z0-9]+\\_)+[a-z0-9\\_]*[a-z0-9](?![\w(.]\w)",
                  lambda found: f"[{found[0]}](../{targets[found[0]]})" if found[0] in targets else found[0], line)


def page_of() -> dict[str, str]:
    """Name of a model, protocol or experiment -> its page, as seen from the generated folder."""
    found = {name.split("/")[1]: f"{FOLDERS[name.split('/')[0]]}/{name.split('/')[1]}.md" for name in shipped_models()}
    found |= {name: f"experiments/{name}.md" for name in shipped_experiments()}
    return found | {name: f"protocols/{name}.md" for name in running.shipped_protocols()}


def without_outside_links(text: str) -> str:
    """A page of docs/ in which a link to a file outside docs/ is only its text."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", text)


def shown(value: object) -> str:
    """A value with its unit; Brian2 writes 20. ms for 20 ms."""
    return re.sub(r"(?<=\d)\.(?=\s|$)", "", value_text(value))


def docstring(path: Path) -> tuple[str, str]:
    """First line and further text of a Python file's docstring, without running the file."""
    import ast

    first, _, rest = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")
    return first, rest.strip()


def comment(text: str, name: str) -> tuple[str, str]:
    """Meaning and source of a parameter, from the comment on its line of the file."""
    found = re.search(rf"^[^#\n]*\b{name}\s*=[^#\n]*#(.*)$", text, flags=re.M)
    meaning, _, source = (found[1].strip() if found else "").partition("; ")
    return plain(meaning), plain(source)


# ---- models

def model_page(name: str, scores: list[dict], picture: str) -> str:
    """Page of a neuron or rule: text, equations, parameters, the file, and for rules the window and the scores."""
    model, path, title = load_model(name), shipped_models()[name], name.split("/")[1]
    first, rest = docstring(path)
    option = "--synapse" if name.startswith("synapses/") else "--neuron"
    lines = [f"# {title}", "", f"**{plain(first)}**", "", plain(rest), "", f"Source: {plain(model.source)}", ""]
    lines += [f"`spikelearn show {name}` prints this model. `spikelearn copy {name} mine.py` makes a copy to edit, and "
              f"`{option} mine.py` runs a protocol with it.", "", "## Equations", "", *equations(model)]
    if getattr(model, "neuron", ""):
        neuron = model.neuron.split("/")[-1]
        lines += [f"In pairing protocols the neuron is [{neuron}](../neurons/{neuron}.md), unless you choose another.", ""]
    rows = [[f"`{key}`", shown(value), *comment(model.text, key)] for key, value in model.parameters.items()]
    lines += ["## Parameters", "", *(table(["parameter", "value", "meaning", "source"], rows) or ["None.", ""])]
    rows = [[f"`{key}`", ", ".join(f"`{one} = {shown(value)}`" for one, value in values.items())]
            for key, values in model.sets.items()]
    if rows:
        lines += ["## Parameter sets", "", "`--set parameters=NAME` chooses one.", "", *table(["set", "values"], rows)]
    if option == "--synapse":
        lines += ["## STDP window", "", *window_lines(name, picture), "## Scores", "", *scores_of("rule", title, scores)]
    return "\n".join([*lines, "## The file", "", *the_file(path)])


def equations(model: object) -> list[str]:
    """Equations and statements of a model as formulas; what has no formula is in the file below."""
    from brian2 import Equations

    known = Equations(model.equations).values()
    formulas = [latex.equation(one.varname, one.expr.code, one.type == "differential equation")
                for one in known if one.expr is not None]
    states = ", ".join(f"${latex.name(one.varname)}$" for one in known if one.expr is None)
    lines = formula(formulas) + ([f"Further variables: {states}.", ""] if states else [])
    for where, (kind, code) in model.statements().items():
        lines += [f"{said_of(where)}:", "", *formula(latex.statements(code) if kind == "code" else [latex.expression(code)])]
    return lines


def said_of(where: str) -> str:
    """Heading of a piece of a model."""
    words = {"on_pre": "At each pre spike", "on_post": "At each post spike", "on_third": "When the third factor arrives",
             "at_end": "At the end of a presentation", "at_start": "At the start of a presentation",
             "threshold": "A spike occurs when", "reset": "After a spike", "refractory": "Refractory period",
             "potential": "Potential that rules read", "forced": "A forced spike enters by"}
    return words.get(where, f"At `{where.removeprefix('on_event ')}`")


def formula(lines: list[str]) -> list[str]:
    """Displayed formulas, one below the other."""
    if not lines:
        return []
    return ["$$", r"\begin{aligned}", " \\\\\n".join(re.sub(r" (=|\\leftarrow) ", r" &\1 ", line, count=1) for line in lines),
            r"\end{aligned}", "$$", ""]


def window(name: str, picture: Path) -> bool:
    """Draw the STDP window of a rule that reads spikes only, unless its figure is newer than its file. Returns whether."""
    from brian2 import ms
    from matplotlib.figure import Figure

    rule = load_model(name)
    if rule.neuron or any(rule.reads().values()) or not exact_between_spikes(rule):
        return False
    if not picture.exists() or picture.stat().st_mtime < shipped_models()[name].stat().st_mtime:
        with contextlib.redirect_stderr(io.StringIO()):         # names headline numbers that a window lacks
            result = sl.run("stdp_window", synapse=name, spacing=2 * ms, device="numpy")
        figure = Figure(figsize=(7, 4.8), layout="constrained")
        result.plot(figure)
        picture.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(picture, dpi=110)
    return True


def window_lines(name: str, picture: str) -> list[str]:
    """The figure of the window with its command, or the command alone."""
    command = f"`spikelearn run stdp_window --synapse {name}`"
    if not picture:
        return [f"This page shows windows of rules that follow spike times only. {command} draws this one, if the rule can "
                "be paired.", ""]
    return [f"![STDP window of {name} and the measurements of Bi & Poo (1998)]({picture})", "",
            f"Drawn by {command} `--set \"spacing=2*ms\"`.", ""]


def the_file(path: Path) -> list[str]:
    """The text of a file of the repository."""
    return [f"```{{literalinclude}} {UP}/{path.resolve().relative_to(ROOT).as_posix()}", ":language: python", "```", ""]


# ---- scores

def scoreboard_rows() -> list[dict]:
    """Rows of the committed scoreboard: rule, experiment, E as published, fitted, held out, and of no change."""
    path = ROOT / "results" / "stdp_scoreboard" / "scoreboard.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores_of(column: str, name: str, scores: list[dict]) -> list[str]:
    """Table of the scores of one rule, or in one experiment."""
    other = "experiment" if column == "rule" else "rule"
    rows = [[f"[{one[other]}](../{page_of()[one[other]]})" if one[other] in page_of() else one[other], one["conditions"],
             *(short(one[key]) for key in ("E_published", "E_fitted", "E_held_out", "E_null"))]
            for one in scores if one[column] == name]
    if not rows:
        return ["The committed [scoreboard](../scoreboard.md) has no row for it.", ""]
    note = ("E is the mean squared distance to the measurements in units of their s.e.m. [The scoreboard](../scoreboard.md) "
            "explains the columns.")
    return [note, "", *table([other, "conditions", "E as published", "E fitted", "E held out", "E of no change"], rows)]


def short(number: str) -> str:
    """A number of a table with three digits."""
    return f"{float(number):.3g}" if number else "–"


def scoreboard_page() -> str:
    """The committed scoreboard, its rules and experiments linked to their pages."""
    folder = ROOT / "results" / "stdp_scoreboard"
    if not (folder / "scoreboard.md").exists():
        return "# Scoreboard\n\n`spikelearn run stdp_scoreboard` makes it.\n"
    text, pages = (folder / "scoreboard.md").read_text(encoding="utf-8"), page_of()
    text = re.sub(r"(?<=\| )(\w+)(?= \||\ \()", lambda found: f"[{found[1]}]({pages[found[1]]})" if found[1] in pages
                  else found[1], text)
    return f"{text}\n![Errors of all rules in all experiments](../../results/stdp_scoreboard/figure.png)\n"


# ---- protocols and experiments

def result_sections() -> dict[str, list[str]]:
    """Protocol -> the sections of results/README.md for its committed results, with their figures."""
    sections = {}
    for section in results_page(ROOT / "results", running.shipped_protocols()).split("\n## ")[1:]:
        where, _, text = section.partition("\n")
        text = re.sub(r" \(\[figure\]\(.*?\)\)", "", text)
        text = re.sub(r"\[run\.json\]\(.*?\)", f"`results/{where}/run.json`", text)
        protocol = re.search(r"^Protocol (\w+),", text, flags=re.M)[1]
        picture = f"![{where}]({UP}/results/{where}/figure.png)\n" if (ROOT / "results" / where / "figure.png").exists() else ""
        sections.setdefault(protocol, []).append(f"### {where}\n{text.rstrip()}\n\n{picture}")
    return sections


def protocol_page(name: str, results: dict[str, list[str]]) -> str:
    """Page of a protocol: text, parameters, accepted ranges, committed results, the file."""
    path, module = running.shipped_protocols()[name], running.load_protocol(name)
    first, rest = docstring(path)
    lines = [f"# {name}", "", f"**{plain(first)}**", "", plain(rest), "", f"Run it with `spikelearn run {name}`. "
             f"`spikelearn copy {name} mine.py` makes a copy to edit.", "", "## Parameters", "",
             "`--set NAME=VALUE` changes one. `None` stands for a value that the protocol or its recipe chooses.", ""]
    text = path.read_text(encoding="utf-8")
    rows = [[f"`{key}`", f"`{shown(value)}`", "; ".join(filter(None, comment(text, key)))]
            for key, value in running.signature(module).items() if key != "out"]
    lines += table(["parameter", "default", "meaning"], rows)
    accepted = getattr(module, "ACCEPTED", {})
    if accepted:
        rows = [[f"`{key}`", f"{one.low:g}", f"{one.high:g}", plain(one.source)] for key, one in accepted.items()]
        lines += ["## Accepted numbers", "", "With default settings these numbers must lie in their range, or the command "
                  "ends with exit code 1.", "", *table(["number", "from", "to", "source"], rows)]
    lines += ["## Results", "", *(results.get(name) or [f"No result is committed. `spikelearn run {name}` makes one.", ""])]
    return "\n".join([*lines, "", "## The file", "", *the_file(path)])


def experiment_page(name: str, scores: list[dict]) -> str:
    """Page of an experiment: what its file states, its conditions, and the error of each rule."""
    it = experiment(name)
    head, _, conditions = described(it).partition("\n\n")[2].partition("\n\n")
    notes = [f"* {key}: {plain(text)}" for key, text in it.comments.items() if key != "title"]
    return "\n".join([f"# {name}", "", f"**{plain(it.comments.get('title', name))}**", "", *notes, "",
                      f"`spikelearn run stdp_experiment --set data={name} --synapse NAME` compares a rule with it.", "",
                      "## Conditions", "", "```text", conditions or head, "```", "",
                      "## Scores", "", *scores_of("experiment", name, scores)])


# ---- public names, indices, tables

def api_page(name: str) -> str:
    """Page of a public name: its docstring."""
    kind = "class" if inspect.isclass(getattr(sl, name)) else "function"
    members = "\n   :members:" if kind == "class" else ""
    return f"{name}\n{'=' * len(name)}\n\n.. auto{kind}:: spikelearn.{name}{members}\n"


def indices() -> dict[str, str]:
    """The page above each kind of pages."""
    models = {name: docstring(path)[0] for name, path in shipped_models().items()}
    kinds = {
        "rules": ("Learning rules", {name[9:]: text for name, text in models.items() if name.startswith("synapses/")}),
        "neurons": ("Neurons", {name[8:]: text for name, text in models.items() if name.startswith("neurons/")}),
        "protocols": ("Protocols", {name: docstring(path)[0] for name, path in running.shipped_protocols().items()}),
        "experiments": ("Experiments", {name: experiment(name).comments.get("title", "") for name in shipped_experiments()}),
        "api": ("Python interface", {name: (inspect.getdoc(getattr(sl, name)) or "").split("\n")[0] for name in sl.PUBLIC}),
    }
    return {f"{folder}/index.md": index(heading, folder, entries) for folder, (heading, entries) in kinds.items()}


def index(heading: str, folder: str, entries: dict[str, str]) -> str:
    """A page that lists the pages of its folder, each with a line of text."""
    ending = "rst" if folder == "api" else "md"
    said = {"api": "`import spikelearn as sl` gives these names."}.get(folder, "")
    rows = [[f"[{name}]({name}.{ending})", SPECIAL.sub(r"\\\1", text)] for name, text in entries.items()]
    toctree = ["```{toctree}", ":hidden:", "", *entries, "```", ""]
    return "\n".join([f"# {heading}", "", said, "", *table(["name", "what it is"], rows), *toctree])


def _facts() -> list[tuple[str, dict]]:
    """(folder below results, provenance) of every committed result."""
    paths = sorted((ROOT / "results").rglob("run.json"))
    paths = [path for path in paths if not re.search(r"-\d{8}T\d{6}Z", path.parent.name)]
    return [(path.parent.relative_to(ROOT / "results").as_posix(),
             json.loads(path.read_text(encoding="utf-8"))["provenance"]) for path in paths]


def speed_table() -> str:
    """Run times and speeds that the committed results state; what was resumed or may come from the cache has none."""
    rows = []
    for where, facts in _facts():
        numbers = {one["name"]: one["value"] for one in facts["headline"]}
        speeds = [f"{key} {rounded(number)}" for key, number in numbers.items()
                  if key in SPEED or re.match(r"seconds_[a\d]|epoch_seconds|training_seconds", key)]
        known = running.signature(running.load_protocol(facts["protocol"]))
        partial = "--resume" in facts["command"] or "resume" in known and "out" not in known    # finds parts in the cache
        seconds = None if partial else numbers.get("wall_seconds") or facts.get("wall_time_s")
        if seconds or speeds:
            link = f"[{where}](generated/protocols/{facts['protocol']}.md)"
            rows.append([link, rounded(seconds) if seconds else "–", "<br>".join(speeds) or "–"])
    return "\n".join(table(["result", "run time (s)", "speed"], rows))


def rounded(number: float) -> str:
    """A number with three digits, without a power of ten."""
    return f"{float(f'{number:.3g}'):,.10g}"


def mnist_table() -> str:
    """Errors of the committed trainings of learn_mnist."""
    rows = []
    for where, facts in _facts():
        numbers = {one["name"]: one["value"] for one in facts["headline"]}
        if facts["protocol"] == "learn_mnist" and "test_error_percent" in numbers:
            epochs = numbers.get("epochs", facts["parameters"].get("epochs"))
            rows.append([where.partition("/")[2], facts["models"][0]["name"], facts["parameters"].get("dataset", "mnist"),
                         epochs, f"{numbers['test_error_percent']:.2f}"])
    return "\n".join(table(["result", "rule", "data set", "epochs", "test error (%)"], rows))


def claims_table() -> str:
    """Claims of the committed theory report, each with its protocol, its number and its accepted range."""
    path = ROOT / "results" / "theory_report" / "claims.json"
    claims = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.exists() else []
    rows = [[plain(one["claim"]), f"[{one['protocol']}](generated/protocols/{one['protocol']}.md)",
             f"{one['measured']:.3g}", one["expected"]] for one in claims]
    return "\n".join(table(["claim", "protocol", "number", "accepted"], rows))


if __name__ == "__main__":
    for page in write(Path(sys.argv[1])):
        print(page)
