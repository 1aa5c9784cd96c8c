"""`--vary NAME=VALUES`: ranges and lists, and the points of a sweep, every combination of them."""
import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError

NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)((?:\s*[*/]\s*[A-Za-z_]\w*(?:\s*\*\*\s*-?\d+)?)*)")
COUNT = re.compile(r"(\d+)\s*(log)?")
MOST = 100_000      # points of a sweep


class Varied(NamedTuple):
    """A parameter that is varied.

    texts : its values as --set takes them. numbers : the same without their unit, None for words. unit : "ms" or the
    like, "" for none. logarithmic : whether the numbers are spaced so.
    """

    name: str
    texts: tuple[str, ...]
    numbers: tuple[float, ...] | None
    unit: str = ""
    logarithmic: bool = False

    def label(self, text: str) -> str:
        """A value as part of a folder's name."""
        if self.numbers is not None:
            text = f"{self.numbers[self.texts.index(text)]:.12g}{self.unit.removeprefix('1')}"
        elif "/" in text or text.endswith(".py"):
            text = Path(text).stem
        text = text.replace("/", "_per_").replace(" ", "")
        return f"{self.name}={re.sub(r'[^0-9A-Za-z_.+=-]+', '_', text).strip('_')}"


def varied(setting: str) -> Varied:
    """What "NAME=VALUES" varies.

    Parameters
    ----------
    setting : "tau_plus=10..40*ms:7" (7 values, linear), "tau_plus=1..100*ms:5log" (logarithmic), "seed=1..5" (whole
        numbers), or values by commas, such as "tau_plus=10*ms,20*ms" or "synapse=stdp_pair,mine.py".

    Returns
    -------
    Varied.

    Raises
    ------
    SpikelearnError
        If the values cannot be read, if bounds are the wrong way round, if the count is too small, or if a value is
        there twice.
    """
    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals or not name or not text:
        raise SpikelearnError(f"--vary needs NAME=VALUES, such as \"tau_plus=10..40*ms:7\", not '{setting}'")
    low, dots, rest = text.partition("..")
    found = _range(name, low.strip(), rest.strip()) if dots and NUMBER.fullmatch(low.strip()) else _list(name, text)
    labels = {}
    for value in found.texts:
        label = found.label(value)
        if label in labels:
            raise SpikelearnError(f"--vary {name}: {value} is there twice" if labels[label] == value else
                                  f"--vary {name}: {labels[label]} and {value} would both be called {label}")
        labels[label] = value
    return found


def _range(name, low, rest):
    """Values from a lower to an upper bound."""
    title = f"--vary {name}={low}..{rest}"
    high, colon, count = (part.strip() for part in rest.partition(":"))
    first, last, counted = NUMBER.fullmatch(low), NUMBER.fullmatch(high), COUNT.fullmatch(count)
    if not last or rest.startswith(".") or colon and not counted:
        raise SpikelearnError(f"{title}: a range is LOW..HIGH*UNIT:COUNT or LOW..HIGH*UNIT:COUNTlog, "
                              "such as 10..40*ms:7")
    unit = last[2].replace(" ", "")
    if first[2] and first[2].replace(" ", "") != unit:
        raise SpikelearnError(f"{title}: both bounds need one unit, such as 10..40*ms")
    a, b = float(first[1]), float(last[1])
    if not a < b:
        raise SpikelearnError(f"{title}: the bounds are the wrong way round, {low} is not below {high}")
    if not colon and (unit or a % 1 or b % 1):
        raise SpikelearnError(f"{title}: say how many values, such as {low}..{high}:7; only whole numbers go without")
    n, log = int(counted[1]) if colon else int(b - a) + 1, bool(colon and counted[2])
    if n < 2 or n > MOST:
        raise SpikelearnError(f"{title}: the count must be a whole number from 2 to {MOST:,}, not {n}")
    if log and a <= 0:
        raise SpikelearnError(f"{title}: a logarithmic range must begin above 0, not at {low}")
    numbers = np.geomspace(a, b, n) if log else np.linspace(a, b, n)
    shown = [f"{number:.12g}" for number in numbers]
    return Varied(name, tuple(text + unit for text in shown), tuple(map(float, shown)), _shown(unit), log)


def _list(name, text):
    """Values by commas; those in brackets stay together."""
    values = [value.strip() for value in re.split(r",(?![^(]*\))", text)]
    if not all(values):
        raise SpikelearnError(f"--vary {name}={text}: a value is missing between the commas")
    found = [NUMBER.fullmatch(value) for value in values]
    if not all(found):
        return Varied(name, tuple(_without_brackets(value) for value in values), None)
    units = {match[2].replace(" ", "") for match in found}
    if len(units) > 1:
        raise SpikelearnError(f"--vary {name}={text}: all values need one unit, such as 10*ms,20*ms")
    return Varied(name, tuple(values), tuple(float(match[1]) for match in found), _shown(units.pop()))


def _without_brackets(value):
    return value[1:-1].strip() if re.fullmatch(r"\([^()]*,[^()]*\)", value) else value


def _shown(unit):
    """A unit as it is read beside a number: "*ms" as "ms", "/mV" as "1/mV"."""
    return f"1{unit}" if unit.startswith("/") else unit.removeprefix("*")


def combinations(all_varied: list[Varied]) -> list[dict[str, str]]:
    """Every combination of the values: a list of name -> text. Raises SpikelearnError if there are too many."""
    size = np.prod([float(len(it.texts)) for it in all_varied])
    if size > MOST:
        raise SpikelearnError(f"the sweep would have {size:,.0f} points, and at most {MOST:,} are taken")
    names = [it.name for it in all_varied]
    return [dict(zip(names, texts)) for texts in itertools.product(*(it.texts for it in all_varied))]


def refuse_twice(all_varied: list[Varied], settings: list[str], given: list[str]) -> None:
    """Refuse a parameter that is varied twice, or varied and set.

    Parameters
    ----------
    all_varied : what is varied.
    settings : "NAME=VALUE" of --set.
    given : options of `run` that are given, such as "seed".
    """
    names = [it.name for it in all_varied]
    for k, name in enumerate(names):
        if any(_same(name, other) for other in names[:k]):
            raise SpikelearnError(f"--vary names '{name}' twice")
        if any(_same(name, setting.partition("=")[0].strip()) for setting in settings):
            raise SpikelearnError(f"'{name}' is both varied and set: leave one of them out")
        if name in given:
            raise SpikelearnError(f"'{name}' is both varied and given by --{name}: leave one of them out")


def _same(name, other):
    """Whether two names can mean one parameter, such as tau_plus and synapse.tau_plus."""
    owner, _, bare = name.rpartition(".")
    other_owner, _, other_bare = other.rpartition(".")
    return bare == other_bare and (owner == other_owner or not owner or not other_owner)
