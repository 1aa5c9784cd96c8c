"""Names of arrays and headline numbers that are made of the names of files: none stands twice in a result."""
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from spikelearn.errors import SpikelearnError

PLAIN, CLEAR = "_", ": "


def joined(entries: Mapping[tuple[str, ...], object], taken: Collection[str] = ()) -> dict[str, object]:
    """Entries whose names have several parts: name -> entry.

    The parts are joined by "_", or by ": " where "_" would give two entries one name. taken : other names of the
    result. Raises SpikelearnError if two names are the same all the same.
    """
    count, owners, found = Counter([*taken, *map(PLAIN.join, entries)]), {}, {}
    for parts, value in entries.items():
        name = PLAIN.join(parts) if count[PLAIN.join(parts)] == 1 else CLEAR.join(parts)
        if name in found or name in taken:
            files = " or ".join(repr(one) for one in dict.fromkeys([*owners.get(name, parts), *parts]))
            raise SpikelearnError(f"two entries of the result would be called '{name}': rename {files}")
        found[name], owners[name] = value, parts
    return found


def name_of(found: Mapping[str, object], *parts: str) -> str:
    """The name that `joined` gave to an entry of these parts."""
    return CLEAR.join(parts) if CLEAR.join(parts) in found else PLAIN.join(parts)


def merged(*several: Mapping[str, object]) -> dict[str, object]:
    """One dictionary of several. Raises SpikelearnError if a name stands in two of them."""
    found = {}
    for one in several:
        twice = next((name for name in one if name in found), None)
        if twice is not None:
            raise SpikelearnError(f"two entries of the result would be called '{twice}': rename the rule or the "
                                  "experiment that is called so")
        found |= one
    return found


def headers(fixed: Sequence[str], named: Iterable[str], mark: str = "rule") -> list[str]:
    """First line of a table: columns of its own, and columns of files, marked where they are called like another."""
    found = list(fixed)
    for name in named:
        while name in found:
            name = f"{mark} {name}"
        found.append(name)
    return found
