"""Writes the pages that follow from the files: one for each neuron, rule, protocol, experiment and public name.

    python docs/pages.py FOLDER     writes them as text, without Sphinx and without running a protocol

Figures and numbers are those committed under results. Only drawings.py
computes: STDP windows of rules of spike times, and short forms of a few protocols without a committed result.
"""
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

import committed
import drawings
import latex
from pieces import FOLDERS, SPECIAL, UP, comment, docstring, plain, shown, table

import spikelearn as sl
from spikelearn.command import run as running
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.stdp.experiments import described, experiment
from spikelearn.stdp.shipped import shipped_experiments

ROOT = Path(__file__).parent.parent


def write(folder: Path, figures: bool = False) -> list[Path]:
    """Write all generated pages below a folder. figures : also the STDP windows, as PNG files. Returns the pages."""
    scores, results = committed.scoreboard_rows(), committed.result_sections()
    texts = {"scoreboard.md": committed.scoreboard_page()}
    for name in shipped_models():
        kind, _, title = name.partition("/")
        picture = folder / "rules" / f"{title}.png"
        drawn = kind == "synapses" and figures and drawings.window(name, picture)
        texts[f"{FOLDERS[kind]}/{title}.md"] = model_page(name, scores, picture.name if drawn else "")
    for name in running.shipped_protocols():
        picture = folder / "protocols" / f"{name}.png"
        drawn = figures and name not in results and drawings.short_form(name, picture)
        texts[f"protocols/{name}.md"] = protocol_page(name, results, picture.name if drawn else "")
    texts |= {f"experiments/{name}.md": experiment_page(name, scores) for name in shipped_experiments()}
    texts |= {f"api/{name}.rst": api_page(name) for name in sl.PUBLIC}
    texts |= indices()
    texts |= {"tables/speed.md": committed.speed_table(), "tables/learn_mnist.md": committed.mnist_table(),
              "tables/claims.md": committed.claims_table()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:       # Sphinx reads only what changed
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


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
        lines += [f"In pairing protocols the neuron is [{neuron}](../neurons/{neuron}.md), unless you choose another.",
                  ""]
    rows = [[f"`{key}`", shown(value), *comment(model.text, key)] for key, value in model.parameters.items()]
    lines += ["## Parameters", "", *(table(["parameter", "value", "meaning", "source"], rows) or ["None.", ""])]
    rows = [[f"`{key}`", ", ".join(f"`{one} = {shown(value)}`" for one, value in values.items())]
            for key, values in model.sets.items()]
    if rows:
        lines += ["## Parameter sets", "", "`--set parameters=NAME` chooses one.", "", *table(["set", "values"], rows)]
    if option == "--synapse":
        lines += ["## STDP window", "", *window_lines(name, picture)]
        lines += ["## Scores", "", *committed.scores_of("rule", title, scores)]
    return "\n".join([*lines, "## The file", "", *the_file(path)])


def equations(model: object) -> list[str]:
    """Equations and statements of a model as formulas, each group below what it belongs to."""
    from brian2 import Equations

    known = Equations(model.equations).values()
    lines = formula(model.equations, lambda: [
        latex.equation(one.varname, one.expr.code, one.type == "differential equation")
        for one in known if one.expr is not None])
    states = ", ".join(f"${latex.name(one.varname)}$" for one in known if one.expr is None)
    lines += [f"Further variables: {states}.", ""] if states else []
    for where, (kind, code) in model.statements().items():
        lines += [f"{heading_of(where)}:", ""]
        lines += formula(code, lambda: latex.statements(code) if kind == "code" else [latex.expression(code)])  # noqa: B023
    return lines


def heading_of(where: str) -> str:
    """Heading of a piece of a model."""
    words = {"on_pre": "At each pre spike", "on_post": "At each post spike",
             "on_third": "When the third factor arrives", "at_end": "At the end of a presentation",
             "at_start": "At the start of a presentation",
             "threshold": "A spike occurs when", "reset": "After a spike", "refractory": "Refractory period",
             "potential": "Potential that rules read", "forced": "A forced spike enters by"}
    return words.get(where, f"At `{where.removeprefix('on_event ')}`")


def formula(code: str, make: Callable[[], list[str]]) -> list[str]:
    """Displayed formulas, one below the other; code for which there is no formula stays code."""
    try:
        lines = [re.sub(r" (=|\\leftarrow) ", r" &\1 ", line, count=1) for line in make()]
    except (SyntaxError, ValueError):
        return ["```text", *(line.strip() for line in code.strip().splitlines()), "```", ""]
    return ["$$", r"\begin{aligned}", " \\\\\n".join(lines), r"\end{aligned}", "$$", ""] if lines else []


def window_lines(name: str, picture: str) -> list[str]:
    """The figure of the window with its command, or the command alone."""
    command = f"`spikelearn run stdp_window --synapse {name}`"
    if not picture:
        return [f"This page shows windows of rules that follow spike times only. {command} draws this one, if the rule "
                "can be paired.", ""]
    return [f"![STDP window of {name} and the measurements of Bi & Poo (1998)]({picture})", "",
            f"Drawn by {command} `--set \"spacing=2*ms\"`. The measurements are from hippocampal cultures. A rule with "
            "parameters of another preparation need not follow them.", ""]


def the_file(path: Path) -> list[str]:
    """The text of a file of the repository."""
    return [f"```{{literalinclude}} {UP}/{path.resolve().relative_to(ROOT).as_posix()}", ":language: python", "```", ""]


# ---- protocols and experiments

def protocol_page(name: str, results: dict[str, list[str]], picture: str) -> str:
    """Page of a protocol: text, parameters, accepted ranges, committed results, the file."""
    path, module = running.shipped_protocols()[name], running.load_protocol(name)
    first, rest = docstring(path)
    lines = [f"# {name}", "", f"**{plain(first)}**", "", plain(rest), "", f"Run it with `spikelearn run {name}`. "
             f"`spikelearn copy {name} mine.py` makes a copy to edit.", "", "## Parameters", "",
             "`--set NAME=VALUE` changes one. `None` stands for a value that the protocol or its recipe chooses.", ""]
    text = path.read_text(encoding="utf-8")
    rows = [[f"`{key}`", f"`{shown(value)}`", "; ".join(filter(None, comment(text, key)))]
            for key, value in running.signature(module).items() if key != "out"]
    if not any(row[2] for row in rows):
        rows = [row[:2] for row in rows]
    lines += table(["parameter", "default", "meaning"][:len(rows[0]) if rows else 3], rows)
    accepted = getattr(module, "ACCEPTED", {})
    if accepted:
        rows = [[f"`{key}`", f"{one.low:g}", f"{one.high:g}", plain(one.source)] for key, one in accepted.items()]
        lines += ["## Accepted numbers", "", "With default settings these numbers must lie in their range. "
                  "Otherwise the command ends with exit code 1.", "", *table(["number", "from", "to", "source"], rows)]
    lines += ["## Results", "", *(results.get(name) or without_result(name, picture)), *committed.claims_of(name)]
    return "\n".join([*lines, "", "## The file", "", *the_file(path)])


def without_result(name: str, picture: str) -> list[str]:
    """What the page of a protocol without a committed result shows instead."""
    lines = [f"No result is committed. `spikelearn run {name}` makes one.", ""]
    if picture:
        lines += [f"The figure is that of the short form, `spikelearn run {name} --quick`. It shows what is drawn; "
                  "its numbers are not results.", "", f"![Short form of {name}]({picture})", ""]
    return lines


def experiment_page(name: str, scores: list[dict]) -> str:
    """Page of an experiment: what its file states, its conditions, and the error of each rule."""
    it = experiment(name)
    head, _, conditions = described(it).partition("\n\n")[2].partition("\n\n")
    notes = [f"* {key}: {plain(text)}" for key, text in it.comments.items() if key != "title"]
    return "\n".join([f"# {name}", "", f"**{plain(it.comments.get('title', name))}**", "", *notes, "",
                      f"`spikelearn run stdp_experiment --set data={name} --synapse NAME` compares a rule with it.", "",
                      "## Conditions", "", "```text", conditions or head, "```", "",
                      "## Scores", "", *committed.scores_of("experiment", name, scores)])


# ---- public names, indices, tables

def api_page(name: str) -> str:
    """Page of a public name: its docstring."""
    kind = "class" if inspect.isclass(getattr(sl, name)) else "function"
    members = "\n   :members:" if kind == "class" else ""
    return f"{name}\n{'=' * len(name)}\n\n.. auto{kind}:: spikelearn.{name}{members}\n"


def indices() -> dict[str, str]:
    """The page above each kind of pages."""
    models = {name: docstring(path)[0] for name, path in shipped_models().items()}
    titles = {name: experiment(name).comments.get("title", "") for name in shipped_experiments()}
    public = {name: (inspect.getdoc(getattr(sl, name)) or "").split("\n")[0] for name in sl.PUBLIC}
    kinds = {
        "rules": ("Learning rules", {name[9:]: text for name, text in models.items() if name.startswith("synapses/")}),
        "neurons": ("Neurons", {name[8:]: text for name, text in models.items() if name.startswith("neurons/")}),
        "protocols": ("Protocols", {name: docstring(path)[0] for name, path in running.shipped_protocols().items()}),
        "experiments": ("Experiments", titles),
        "api": ("Python interface", public),
    }
    return {f"{folder}/index.md": index(heading, folder, entries) for folder, (heading, entries) in kinds.items()}


def index(heading: str, folder: str, entries: dict[str, str]) -> str:
    """A page that lists the pages of its folder, each with a line of text."""
    ending = "rst" if folder == "api" else "md"
    said = {"api": "`import spikelearn as sl` gives these names."}.get(folder, "")
    rows = [[f"[{name}]({name}.{ending})", SPECIAL.sub(r"\\\1", text)] for name, text in entries.items()]
    toctree = ["```{toctree}", ":hidden:", "", *entries, "```", ""]
    return "\n".join([f"# {heading}", "", said, "", *table(["name", "what it is"], rows), *toctree])


if __name__ == "__main__":
    for page in write(Path(sys.argv[1])):
        print(page)
