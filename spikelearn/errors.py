"""Errors and warnings of spikelearn, each in one sentence."""
import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


class SpikelearnError(ValueError):
    """A mistake of the user's, explained in one sentence.

    Examples
    --------
    >>> try:
    ...     sl.load_model("neurons/lif", "synapse")
    ... except sl.SpikelearnError as error:
    ...     print(error)
    lif is a NeuronModel, but a SynapseModel is needed here
    """

    def __str__(self):
        """The sentence in one line; a name that was read from a file may hold line breaks and control characters."""
        lines = [line.strip() for line in super().__str__().splitlines()]
        return "".join(c if c.isprintable() else "?" for c in " ".join(filter(None, lines)))


class SpikelearnWarning(UserWarning):
    """A warning about a result, in one sentence."""


@contextlib.contextmanager
def keyword_named(values: Mapping[str, object]) -> Iterator[None]:
    """Within the block a refusal that quotes a word that was given begins with its keyword, unless it names it.

    values : keyword -> what was given. A rule and a neuron stand for themselves.
    """
    try:
        yield
    except SpikelearnError as error:
        words = {name: value if isinstance(value, tuple | list) else [value] for name, value in values.items()}
        quoted = [name for name, given in words.items()
                  if any(isinstance(word, str) and f"'{word}'" in str(error) for word in given)]
        if len(quoted) != 1 or quoted[0] in ("synapse", "neuron") or re.search(rf"\b{quoted[0]}\b", str(error)):
            raise
        raise SpikelearnError(f"{quoted[0]}: {error}") from error


def no_file(name: str) -> str:
    """A sentence that there is no such file, with the file of the most similar name in its folder."""
    folder = Path(name).parent
    try:
        there = [path.name for path in folder.iterdir() if path.suffix == Path(name).suffix]
    except OSError:
        there = []
    near = difflib.get_close_matches(Path(name).name, there, n=1, cutoff=0.6)
    return f"there is no file '{name}'" + (f"; did you mean '{folder / near[0]}'?" if near else "")


MANY = 30       # names that a sentence still can list; of more, the nearest are


def alternatives(word: str, known: Iterable[str]) -> str:
    """A clause with the name closest to `word` and all known names."""
    known = sorted(known)
    bare = {name.split("/")[-1]: name for name in known}       # "stdp_pair" for "synapses/stdp_pair"
    near = [*difflib.get_close_matches(word, known, n=1, cutoff=0.6)] if "/" in word else []
    near += [bare[name] for name in difflib.get_close_matches(word, bare, n=1, cutoff=0.6)]
    if len(known) > MANY:
        known = [*difflib.get_close_matches(word, known, n=MANY // 2, cutoff=0), f"and {len(known) - MANY // 2} more"]
    return (f"; did you mean '{near[0]}'?" if near else ";") + f" known: {', '.join(known) or 'none'}"
