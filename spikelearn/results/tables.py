"""One page of saved results: the headline numbers of every run.json below a folder.

    python -m spikelearn.results.tables results > results/README.md
"""
import ast
import re
import sys
from pathlib import Path

from spikelearn.errors import SpikelearnError
from spikelearn.results.files import read_run

HEAD = """# Results

This page is generated from the `run.json` files by `python tests/readme_tables.py`. Each number was printed by the
command above it, at the commit named. "Older than the code" marks results whose protocol calculates in another way
today: run the command again before you compare. Ranges are those that the protocol accepts, where it has any.
"""
DATED = re.compile(r"-\d{8}T\d{6}Z(-\d+)?$")       # runs of the command line that nobody named
LONGEST = 24        # headline numbers of one result that the page shows


def page(folder: str | Path, protocols: dict[str, Path]) -> str:
    """The page of all results below a folder.

    Parameters
    ----------
    folder : folder of results, as deep as they lie.
    protocols : name -> path of the protocols of today, to tell which results are older.

    Returns
    -------
    Markdown text. Raises SpikelearnError if a run.json is damaged.
    """
    found = sorted(path for path in Path(folder).rglob("run.json") if not DATED.search(path.parent.name))
    return "\n".join([HEAD, *(_section(path, Path(folder), protocols) for path in found)])


def _section(path, folder, protocols):
    try:
        run = read_run(path.parent)
        facts = run["provenance"]
        where = path.parent.relative_to(folder).as_posix()
        commit = (facts.get("commit") or {}).get("revision")
        lines = [f"## {where}", "", f"`{facts['command']}`", "",
                 f"Protocol {run['protocol']}, commit {commit[:7] if commit else 'unknown'}, "
                 f"{facts['finished'][:10]}{_older(run['protocol'], facts, protocols)}"
                 + (f" ([figure]({where}/figure.png))" if (path.parent / "figure.png").exists() else ""), ""]
        numbers = [fact for fact in facts["headline"] if isinstance(fact["value"], int | float)]
        lines += ["| number | value | accepted |", "| --- | --- | --- |"]
        lines += [f"| {fact['name']} | {_short(fact['value'])} | {_range(fact)} |" for fact in numbers[:LONGEST]]
        if len(numbers) > LONGEST:
            lines.append(f"| {len(numbers) - LONGEST} more in [run.json]({where}/run.json) | | |")
    except SpikelearnError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise SpikelearnError(f"'{path}' is no saved result: {type(error).__name__}") from error
    return "\n".join([*lines, ""])


def _older(name, facts, protocols):
    if name not in protocols:
        return ", **the protocol is gone**"
    same = _calculation(protocols[name].read_text(encoding="utf-8")) == _calculation(facts["protocol_text"])
    return "" if same else ", **older than the code**"


def _calculation(text):
    """What the function `run` of a protocol uses of its file, name -> code: no imports, docstrings and figures."""
    parts = {}
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for target in targets:
            for one in getattr(target, "elts", [target]):
                parts[getattr(one, "id", getattr(one, "name", ""))] = node
    found, wanted = {}, ["run"]
    while wanted:
        name = wanted.pop()
        if name in parts and name not in found:
            inside = list(ast.walk(parts[name]))
            for node in inside:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
                    del node.body[0]
            found[name] = ast.dump(parts[name])
            wanted += [node.id for node in inside if isinstance(node, ast.Name)]
    return found


def _short(value):
    return str(value) if isinstance(value, bool | int) else f"{value:.4g}"


def _range(fact):
    low, high = fact.get("low"), fact.get("high")
    if low is None or high is None:
        return "" if low is None and high is None else f"at least {low:g}" if high is None else f"at most {high:g}"
    return f"{low:g} to {high:g}"


if __name__ == "__main__":
    from importlib.util import find_spec

    shipped = Path(find_spec("spikelearn.protocols").submodule_search_locations[0])
    print(page(sys.argv[1] if len(sys.argv) > 1 else "results", {path.stem: path for path in shipped.glob("*.py")}),
          end="")
