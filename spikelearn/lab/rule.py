"""The text of a rule's file: the rule that it makes or the line of its mistake, and its numbers as sliders."""
import ast
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.command.command_line import sentence
from spikelearn.equations.files import model_from_text, shipped_models
from spikelearn.equations.records import SynapseModel
from spikelearn.equations.written import model_call, places_of
from spikelearn.errors import SpikelearnError

POSITIONS = 100         # of a slider, between its ends; chosen here
WIDEST = 3              # a slider reaches so many times the value; chosen here


class Mistake(NamedTuple):
    """What is wrong with a text: the line's number (None if no line is to blame), its code, one sentence."""

    line: int | None
    code: str
    sentence: str


class Number(NamedTuple):
    """A parameter's number as it is written in a rule's file.

    unit : what follows the number there, such as "ms" or "/mV". line, start, stop : where it stands, columns in
    bytes of UTF-8.
    """

    name: str
    value: float
    unit: str
    line: int
    start: int
    stop: int


def read_rule(text: str, name: str) -> tuple[SynapseModel | None, Mistake | None]:
    """The rule that a text makes, or the mistake in it. The text is run as Python.

    name : what to call the rule; a file of this name need not exist.
    """
    file = Path(f"{name}.py")
    try:
        rule = model_from_text(text, file)
        if not isinstance(rule, SynapseModel):
            raise SpikelearnError(f"{name} is a {type(rule).__name__}, but a SynapseModel is needed here")
        return rule, None
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit):
            error = SpikelearnError("a rule's file must not end Python: SystemExit")
        line = _line_of(error, text, str(file))
        code = text.splitlines()[line - 1].strip() if line and line <= len(text.splitlines()) else ""
        said = sentence(error).removeprefix(f"{file}: ").removeprefix("SynapseModel: ")
        return None, Mistake(line, code, said)


def _line_of(error, text, file):
    """Number of the line that a refusal is about, None where it names none."""
    cause = error.__cause__ or error
    if isinstance(cause, SyntaxError):
        return cause.lineno
    if isinstance(cause, SpikelearnError):
        return _line_named(str(cause), text)
    lines = [frame.lineno for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == file]
    return lines[-1] if lines else None


def _line_named(said, text):
    """The line that a sentence about a record names by a field, and by code or a name in quotes."""
    call, said = model_call(text), re.split(r"; (?:did you mean|known:)", said)[0]
    if call is None:
        return None
    lines = text.splitlines()
    fields = {field.arg: range(field.value.lineno, field.value.end_lineno + 1) for field in call.keywords}
    numbers = _region(said, fields) or range(call.lineno, call.end_lineno + 1)
    for quoted in sorted(re.findall(r"'([^']+)'", said), key=len, reverse=True):
        found = [number for number in numbers if _holds(lines[number - 1], quoted)]
        declared = [number for number in found if re.search(rf"\b{re.escape(quoted)}\W*[=:]", lines[number - 1])]
        in_parameters = [number for number in declared if number in fields.get("parameters", ())]
        if found:
            return (in_parameters or found)[0]
    return numbers[0]


def _region(said, fields):
    """Lines of the field that a sentence speaks of, if it speaks of one."""
    words = {"the parameter '": "parameters", "in parameters": "parameters", "the set '": "sets",
             "the range of": "ranges", "initial": "initial", "equation of": "equations",
             "the equations cannot": "equations"}
    named = [field for field in fields if f"no field '{field}'" in said]
    named += [field for word, field in words.items() if word in said and field in fields]
    named += [field for field in fields if re.search(rf"(?<!')\b{field}\b(?!')", said)]
    return fields[named[0]] if named else None


def _holds(line, quoted):
    code = " ".join(line.partition("#")[0].split())
    quoted = " ".join(quoted.split())
    return bool(re.search(rf"(?<!\w){re.escape(quoted)}(?!\w)", code))


# ---- numbers

def numbers_of(text: str) -> dict[str, Number]:
    """The parameters whose value is written as a number, with a unit or without: name -> Number."""
    found = [_number(name, node, text) for name, node in places_of(text).items()]
    return {number.name: number for number in found if number is not None}


def _number(name, node, text):
    inner = node
    while isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult | ast.Div):
        inner = inner.left
    number = inner.operand if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub) else inner
    if not isinstance(number, ast.Constant) or type(number.value) not in (int, float) \
            or inner.lineno != node.end_lineno:
        return None
    line = text.splitlines()[node.lineno - 1].encode()
    unit = re.sub(r"\s+", "", line[inner.end_col_offset:node.end_col_offset].decode())
    value = -number.value if number is not inner else number.value
    return Number(name, float(value), unit.removeprefix("*"), inner.lineno, inner.col_offset, inner.end_col_offset)


def with_numbers(text: str, values: Mapping[str, float]) -> str:
    """The text with other numbers for some parameters: name -> number, in the unit that stands beside it."""
    numbers, lines = numbers_of(text), text.splitlines(keepends=True)
    moved = [numbers[name] for name, value in values.items() if name in numbers and value != numbers[name].value]
    for number in sorted(moved, key=lambda one: (one.line, one.start), reverse=True):
        line = lines[number.line - 1].encode()
        shown = repr(float(values[number.name])).removesuffix(".0")
        lines[number.line - 1] = (line[:number.start] + shown.encode() + line[number.stop:]).decode()
    return "".join(lines)


def positions(text: str, name: str) -> list[float]:
    """Where the slider of a parameter can stand, its number as it is written among them.

    From 0 to three times the number; where 0 is refused, from a twentieth. A number that is 0 takes the size of its
    published sets, or of the largest parameter of its kind.
    """
    number = numbers_of(text)[name]
    size = abs(number.value) or _size_of_others(text, number)
    far = float(f"{WIDEST * size if number.value >= 0 else -WIDEST * size:.3g}")
    near = (0.0, float(f"{far / WIDEST / 20:.3g}"))
    ends = [next((end for end in near if _allowed(text, name, end)), number.value),
            next((end for end in (far, far / 2) if _allowed(text, name, end)), number.value)]
    spread = {float(f"{value:.3g}") for value in np.linspace(*sorted(ends), POSITIONS + 1)}
    return sorted({value for value in spread if min(ends) <= value <= max(ends)} | {number.value, *ends})


def _size_of_others(text, number):
    others = numbers_of(text).values()
    kind = re.match(r"[A-Za-z]+", number.name)[0]
    sizes = [abs(one.value) for one in others if one.unit == number.unit and one.name.startswith(kind)]
    return max(sizes, default=0) or 1.0


def _allowed(text, name, value):
    return read_rule(with_numbers(text, {name: value}), "rule")[0] is not None


# ---- what is on the disk

def rule_files(folder: Path) -> dict[str, Path]:
    """Files of rules, shipped ones and those of a folder: what to call them on the command line -> path."""
    shipped = {name: path for name, path in shipped_models().items() if name.startswith("synapses/")}
    own = {path.name: path for path in sorted(folder.glob("*.py"))
           if re.search(r"^MODEL\b.*SynapseModel", path.read_text(encoding="utf-8", errors="ignore"), flags=re.M)}
    return own | shipped


def save_rule(text: str, file: Path) -> None:
    """Write the text of a rule to a new file. Raises SpikelearnError if the file exists or cannot be written."""
    from spikelearn.results.files import write_file

    if file.suffix != ".py":
        raise SpikelearnError(f"'{file}' must be the name of a Python file, such as my_rule.py")
    write_file(file, text.encode())
