"""The shipped experiments: their files and titles, found without loading anything heavy."""
import importlib.util
import re
from pathlib import Path


def shipped_experiments() -> dict[str, Path]:
    """Path of every shipped experiment: {"bi_poo_window": path, ...}."""
    folder = Path(importlib.util.find_spec("spikelearn.experiments").submodule_search_locations[0])
    return {path.stem: path for path in sorted(folder.glob("*.csv"))}


def title(path: Path) -> str:
    """The title of an experiment's file, "" if it has none."""
    found = re.search(r"^#\s?title:\s*(.*)$", path.read_text(encoding="utf-8-sig"), flags=re.M)
    return found[1].strip() if found else ""
