"""What the committed results state: sections of the protocols' pages, the scoreboard, and tables of other pages."""
import csv
import functools
import json
import re
from pathlib import Path

from pieces import UP, page_of, plain, rounded, short, table

from spikelearn.command import run as running
from spikelearn.results.tables import DATED
from spikelearn.results.tables import page as results_page

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
SPEED = ("images_per_second", "spikes_per_image", "synaptic_events_per_second", "transitions_per_second")


def scoreboard_rows() -> list[dict]:
    """Rows of the committed scoreboard: rule, experiment, E as published, fitted, held out, and of no change."""
    path = RESULTS / "stdp_scoreboard" / "scoreboard.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores_of(column: str, name: str, scores: list[dict]) -> list[str]:
    """Table of the scores of one rule, or in one experiment."""
    other = "experiment" if column == "rule" else "rule"
    pages = page_of()
    rows = [[f"[{one[other]}](../{pages[one[other]]})" if one[other] in pages else one[other], one["conditions"],
             *(short(one[key]) for key in ("E_published", "E_fitted", "E_held_out", "E_null"))]
            for one in scores if one[column] == name]
    if not rows:
        return ["The committed [scoreboard](../scoreboard.md) has no row for it.", ""]
    note = ("E is the mean squared distance to the measurements in units of their s.e.m. "
            "[The scoreboard](../scoreboard.md) explains the columns.")
    return [note, "", *table([other, "conditions", "E as published", "E fitted", "E held out", "E of no change"], rows)]


def scoreboard_page() -> str:
    """The committed scoreboard, its rules and experiments linked to their pages."""
    folder = RESULTS / "stdp_scoreboard"
    if not (folder / "scoreboard.md").exists():
        return "# Scoreboard\n\n`spikelearn run stdp_scoreboard` makes it.\n"
    text, pages = (folder / "scoreboard.md").read_text(encoding="utf-8"), page_of()
    text = re.sub(r"(?<=\| )(\w+)(?= \||\ \()", lambda found: f"[{found[1]}]({pages[found[1]]})" if found[1] in pages
                  else found[1], text)
    return f"{text}\n![Errors of all rules in all experiments](../../results/stdp_scoreboard/figure.png)\n"


def result_sections() -> dict[str, list[str]]:
    """Protocol -> the sections of results/README.md for its committed results, with their figures."""
    sections = {}
    for section in results_page(RESULTS, running.shipped_protocols()).split("\n## ")[1:]:
        where, _, text = section.partition("\n")
        text = re.sub(r" \(\[figure\]\(.*?\)\)", "", text)
        text = re.sub(r"\[run\.json\]\(.*?\)", f"`results/{where}/run.json`", text)
        protocol = re.search(r"^Protocol (\w+),", text, flags=re.M)[1]
        picture = f"![{where}]({UP}/results/{where}/figure.png)\n" if (RESULTS / where / "figure.png").exists() else ""
        sections.setdefault(protocol, []).append(f"### {where}\n{text.rstrip()}\n\n{picture}")
    return sections


@functools.cache
def _facts() -> list[tuple[str, dict]]:
    """(folder below results, provenance) of every committed result of a shipped protocol."""
    paths = [path for path in sorted(RESULTS.rglob("run.json")) if not DATED.search(path.parent.name)]
    facts = [json.loads(path.read_text(encoding="utf-8"))["provenance"] for path in paths]
    return [(path.parent.relative_to(RESULTS).as_posix(), one) for path, one in zip(paths, facts, strict=True)
            if one["protocol"] in running.shipped_protocols()]


def speed_table() -> str:
    """Run times and speeds that the committed results state; what was resumed or may come from the cache has none."""
    rows = []
    for where, facts in _facts():
        numbers = {one["name"]: one["value"] for one in facts["headline"]}
        speeds = [f"{key} {rounded(number)}" for key, number in numbers.items()
                  if key in SPEED or re.match(r"seconds_[a\d]|epoch_seconds|training_seconds", key)]
        known = running.signature(running.load_protocol(facts["protocol"]))
        in_cache = "resume" in known and "out" not in known         # where the protocol keeps what it trains
        partial = in_cache or "--resume" in facts["command"]
        seconds = None if partial else numbers.get("wall_seconds") or facts.get("wall_time_s")
        if seconds or speeds:
            link = f"[{where}](generated/protocols/{facts['protocol']}.md)"
            rows.append([link, rounded(seconds) if seconds else "–", "<br>".join(speeds) or "–"])
    return "\n".join(table(["result", "run time (s)", "speed"], rows))


def mnist_table() -> str:
    """Errors of the committed trainings of learn_mnist."""
    rows = []
    for where, facts in _facts():
        numbers = {one["name"]: one["value"] for one in facts["headline"]}
        if facts["protocol"] == "learn_mnist" and "test_error_percent" in numbers:
            given, rule = facts["parameters"], facts["models"][0]["name"]
            rows.append([where.partition("/")[2],
                         f"[{rule}](generated/{page_of()[rule]})" if rule in page_of() else rule,
                         given.get("dataset", "mnist"), numbers.get("epochs", given.get("epochs")),
                         f"{numbers['test_error_percent']:.2f}"])
    return "\n".join(table(["result", "rule", "data set", "epochs", "test error (%)"], rows))


def claims() -> list[dict]:
    """Claims of the committed theory report: claim, protocol, measured number, expected range."""
    path = RESULTS / "theory_report" / "claims.json"
    return json.loads(path.read_text(encoding="utf-8"))["claims"] if path.exists() else []


def claims_of(protocol: str) -> list[str]:
    """What the committed theory report states about a protocol."""
    rows = [[plain(one["claim"]), one["number"], f"{one['measured']:.3g}", one["expected"]]
            for one in claims() if one["protocol"] == protocol]
    commands = [facts["command"] for where, facts in _facts() if where == "theory_report"]
    note = f"In the committed [theory report](theory_report.md), made by `{' '.join(commands)}`:"
    return ["", note, "", *table(["claim", "number", "value", "accepted"], rows)] if rows else []


def claims_table() -> str:
    """All claims of the committed theory report, each with its protocol, its number and its accepted range."""
    rows = [[plain(one["claim"]), f"[{one['protocol']}](generated/protocols/{one['protocol']}.md)",
             f"{one['measured']:.3g}", one["expected"]] for one in claims()]
    return "\n".join(table(["claim", "protocol", "number", "accepted"], rows))
