"""The functions of a record as text, with everything that they read: constants, imports and functions of the user's."""
import ast
import builtins
import importlib
import inspect
import re
import textwrap

import brian2
import numpy as np

from spikelearn.equations.additions import names_read, python_of, source_of
from spikelearn.equations.own_modules import own_file

PLAIN = (bool, int, complex, str, bytes, type(None), range)
SEVERAL = {tuple: "({},)", list: "[{}]", set: "{{{}}}", frozenset: "frozenset([{}])"}
LIBRARIES = ("numpy", "math", "scipy.special", "brian2")      # whose compiled functions do not tell where they are from


class CannotBeWritten(Exception):
    """A value or a function that no text makes again."""


class Written:
    """Text that defines some functions.

    functions : name -> function, as a record has them. taken : names that must keep what Brian2 means by them.
    text : of the definitions. failure : what cannot be written, one sentence, "" if everything can.
    """

    def __init__(self, functions, taken):
        self.taken, self.said, self.imports, self.definitions, self.failure = taken, {}, set(), [], ""
        try:
            for function in functions.values():
                self._function(python_of(function), stated=True)
        except CannotBeWritten as found:
            self.failure = str(found)
        self.text = "".join([*sorted(self.imports), *["\n\n"] * bool(self.definitions), *self.definitions])

    def _function(self, python, stated=False):
        """A function by its source text, after everything that it reads. stated : it must state its units."""
        name = getattr(python, "__name__", "")
        tree = _tree(python)
        if tree is None or tree.name != name or stated and not tree.decorator_list:
            raise CannotBeWritten(f"the function '{name or python}' has no text of its own, such as a def that begins "
                                  "with @check_units")
        source = f"{textwrap.dedent(source_of(python)).rstrip()}\n\n\n"
        if not self._is_new(name, source):
            return
        known = names_read(python, {node.id for part in (*tree.decorator_list, tree.args) for node in ast.walk(part)
                                    if isinstance(node, ast.Name)})
        known.pop(name, None)
        for read, value in sorted(known.items()):
            try:
                self._value(read, value)
            except ValueError as error:
                raise CannotBeWritten(f"the function '{name}' reads '{read}', {error}, which cannot be written as "
                                      "text: let it read numbers, or words") from error
        self.definitions.append(source)

    def _is_new(self, name, line):
        """Keep what a name stands for; False if it is known already."""
        if name in self.taken or self.said.get(name, line) != line:
            raise CannotBeWritten(f"the name '{name}' means two things in the functions of the model: rename one")
        found, self.said[name] = name in self.said, line
        return not found

    def _value(self, name, value):
        """The text that gives a name its value."""
        python = python_of(value) if callable(value) and not isinstance(value, brian2.TimedArray) else value
        if vars(brian2).get(name, vars(builtins).get(name)) is value:
            return
        if inspect.ismodule(value):
            if own_file(value.__name__):
                raise ValueError("a module of your own")
            self._import(name, f"import {value.__name__}", value.__name__)
        elif place := _library(python) or _library(value):
            self._import(name, f"from {place[0]} import {place[1]}", place[1])
        elif inspect.isfunction(python):
            self._function(python)
            if python.__name__ != name:
                self._define(name, python.__name__)
        else:
            self._define(name, literal(value))

    def _import(self, name, line, known_as):
        line = line if name == known_as else f"{line} as {name}"
        if self._is_new(name, line):
            self.imports.add(f"{line}\n")

    def _define(self, name, text):
        if "numpy.array(" in text:
            self._import("numpy", "import numpy", "numpy")
        if self._is_new(name, text):
            self.definitions.append(f"{name} = {text}\n\n\n")


def _tree(python):
    """The definition of a function as a syntax tree, None if its text is not a single def."""
    try:
        body = ast.parse(textwrap.dedent(source_of(python))).body
    except SyntaxError:
        return None
    return body[0] if len(body) == 1 and isinstance(body[0], ast.FunctionDef) else None


def _library(value):
    """(module, name) of a function or class of Python or an installed package, else None."""
    if not callable(value):
        return None
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    own = getattr(value, "__module__", None)
    for module in [own] if own else LIBRARIES:
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            continue
        if found is value and not own_file(module) and module != "__main__":
            return module, name
    return None


def literal(value: object) -> str:
    """A value as Python that makes it again; raises ValueError, which says what it is, where none does."""
    from spikelearn.equations.content import input_text, unit_of

    if type(value) in PLAIN:
        return repr(value)
    if type(value) is float:
        return repr(value) if np.isfinite(value) else f"float({str(value)!r})"
    if type(value) in SEVERAL:
        return SEVERAL[type(value)].format(", ".join(map(literal, value))) if value else f"{type(value).__name__}()"
    if type(value) is dict:
        return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
    if isinstance(value, brian2.TimedArray):
        return input_text("", value)
    if type(value) in (np.ndarray, brian2.Quantity) or isinstance(value, np.generic | brian2.Unit):
        return _array(np.asarray(value), unit_of(value), isinstance(value, np.generic))
    raise ValueError(f"an object of the type {type(value).__name__}")


def _array(array, unit, is_scalar):
    if array.dtype.kind not in "biufcSU":
        raise ValueError(f"an array of the type {array.dtype}")
    numbers = repr(array.tolist())
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        if array.dtype.kind == "c":
            raise ValueError("an array of complex numbers that are not finite")
        numbers = re.sub(r"nan|inf", lambda word: f"float('{word[0]}')", numbers)
    if array.ndim == 0 and unit:
        return f"{numbers} * {unit}"
    made = f"numpy.array({numbers}, dtype={array.dtype.str!r})" + ("[()]" if is_scalar else "")
    return f"{made} * {unit}" if unit else made
