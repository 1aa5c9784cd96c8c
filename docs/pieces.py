"""Pieces of Markdown that the generated pages share."""
import ast
import functools
import re
from pathlib import Path

from spikelearn.command import run as running
from spikelearn.equations.files import shipped_models
from spikelearn.equations.units import value_text
from spikelearn.stdp.shipped import shipped_experiments

UP = "../../.."                                     # from a generated page to the repository
FOLDERS = {"synapses": "rules", "neurons": "neurons"}
SPECIAL = re.compile(r"([\\`*_\[\]<>$|~#])")


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


@functools.cache
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
    first, _, rest = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")
    return first, rest.strip()


def comment(text: str, name: str) -> tuple[str, str]:
    """Meaning and source of a parameter, from the comment on its line of the file."""
    found = re.search(rf"^[^#\n]*\b{name}\s*=[^#\n]*#(.*)$", text, flags=re.M)
    meaning, _, source = (found[1].strip() if found else "").partition("; ")
    return plain(meaning), plain(source)


def short(number: str) -> str:
    """A number of a table with three digits."""
    return f"{float(number):.3g}" if number else "–"


def rounded(number: float) -> str:
    """A number with three digits, without a power of ten."""
    return f"{float(f'{number:.3g}'):,.10g}"
