"""The files that decide a run besides its models: those that settings name, and modules of the user's own."""
import csv
import glob
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from spikelearn.equations.own_modules import own_imports

OF_A_RESULT = ("run.json", "result.npz")


def hashes_of(settings: Iterable[str], texts: Iterable[str], besides: Path, known: dict) -> dict[str, str]:
    """Hashes of the files that "NAME=VALUE" settings name, alone, among others or in a table, or that texts import.

    Of a folder those of the results in it and of the checkpoints beside it count.

    Parameters
    ----------
    settings : as --set takes them.
    texts : of Python files.
    besides : a folder whose files do not count, as the run itself writes to it.
    known : path -> hash of files that were read a moment ago; takes up those that are read.

    Returns
    -------
    Path -> SHA-256, "" for a file that cannot be read.
    """
    found = {path for setting in settings for path in _named(setting.partition("=")[2], besides)}
    found |= {path for text in texts for path in own_imports(text).values()}
    found |= {path for each in found if each.suffix == ".py" for path in own_imports(_text(each)).values()}
    for path in map(str, found):
        if path not in known:
            known[path] = sha256(path)
    return {str(path): known[str(path)] for path in sorted(found)}


def changed(files: dict[str, str]) -> str:
    """The first of some files, path -> hash, whose content is another one by now; "" if none is."""
    return next((path for path, before in files.items() if sha256(path) != before), "")


def _named(text, besides):
    """Files that the value of a setting names: itself, or one of its words between commas."""
    found = set()
    for word in {text, *text.split(",")}:
        path = Path(os.path.expanduser(word.strip().strip("'\"")) or os.devnull)
        if os.path.isfile(path):
            found |= {path, *_in_table(path)}
        elif os.path.isdir(path):
            found |= {each for name in OF_A_RESULT for each in path.rglob(name)
                      if not each.resolve().is_relative_to(besides.resolve())}
            found |= set(path.resolve().parent.glob(f"{glob.escape(path.resolve().name)}*.checkpoint.npz"))
    return found


def _in_table(path):
    """Files that the cells of a CSV file name, such as those with spike times; they lie beside it."""
    if path.suffix != ".csv":
        return set()
    cells = {cell.strip() for row in csv.reader(_text(path).splitlines()) for cell in row}
    return {path.parent / cell for cell in cells if cell and os.path.isfile(path.parent / cell)}


def _text(path):
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def sha256(path: str | Path) -> str:
    """Hash of a file's content, "" if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
