"""Parts of a record other than equations: functions, time-dependent inputs and delays."""
import contextlib
import dis
import inspect

import numpy as np
from brian2 import Function, TimedArray, get_dimensions, second

from spikelearn.equations.own_modules import texts_of_own
from spikelearn.errors import SpikelearnError, alternatives


def functions_of(model):
    """Functions and inputs of a record as Brian2 takes them: name -> Function or TimedArray."""
    made = {name: function if isinstance(function, Function) else Function(function)
            for name, function in model.functions.items()}
    for function in made.values():
        for text in _cpp(function):
            own = getattr(python_of(function), "__name__", "")
            if text.name is None and f"{own}(" in str(text.get_code(None)):
                text.name = own         # else Brian2 calls it by the name that the record gives it
    return made | dict(model.inputs)


def python_of(function):
    """The Python function as the user wrote it, below Brian2's decorators."""
    python = getattr(function, "pyfunc", function)
    return inspect.unwrap(getattr(python, "_orig_func", python))


def _cpp(function):
    """The C++ implementations of a function: none or one."""
    known = getattr(getattr(function, "implementations", None), "_implementations", {})
    return [text for key, text in known.items() if "cpp" in (key, getattr(key, "class_name", ""))]


def without_cpp(model):
    """Name of a function of the record that has no C++ text, "" if every one has."""
    for name, function in model.functions.items():
        if not _cpp(function):
            return name
    return ""


def check_additions(model):
    """Refuse functions without units, inputs other than TimedArrays, and invalid delays. Raises SpikelearnError."""
    for name, function in model.functions.items():
        if not (isinstance(function, Function) or callable(function) and hasattr(function, "_arg_units")):
            raise SpikelearnError(f"{model.title}: the function '{name}' must state its units by Brian2's "
                                  "@check_units, such as @check_units(x=1, result=1)")
    for name, values in model.inputs.items():
        if not isinstance(values, TimedArray):
            raise SpikelearnError(f"{model.title}: the input '{name}' must be a TimedArray, "
                                  f"not {type(values).__name__}")
    both = sorted(set(model.functions) & set(model.inputs))
    twice = [name for name in (*model.functions, *model.inputs) if name in model.parameters]
    if both or twice:
        name = (both or twice)[0]
        raise SpikelearnError(f"{model.title}: '{name}' names two things at once")
    for side in ("delay_pre", "delay_post"):
        _check_delay(model, side, getattr(model, side, None))


def _check_delay(model, side, value):
    if value is None:
        return
    if isinstance(value, str):
        if value not in model.parameters:
            raise SpikelearnError(f"{model.title}: {side} = '{value}' must be a time or the name of a parameter"
                                  f"{alternatives(value, model.parameters)}")
        value = model.parameters[value]
    fits = get_dimensions(value) is second.dim and np.ndim(value) == 0
    if not fits or not 0 <= float(value) < np.inf:
        raise SpikelearnError(f"{model.title}: {side} must be a time of 0 s or more, not {value}")


def stated(model):
    """Functions, inputs, delays and what is read, as text: where -> text. Empty for a record without any."""
    found = {f"function {name}": "".join([source_of(function), *_referred(python_of(function), set()),
                                          *(str(text.get_code(None)) for text in _cpp(function))])
             for name, function in model.functions.items()}
    for name, array in model.inputs.items():
        found[f"input {name}"] = f"{np.asarray(array.values).tolist()} {array.dim} {float(array.dt)!r}"
    for name, usual in (("delay_pre", None), ("delay_post", None), ("read", "w")):
        value = getattr(model, name, usual)
        if value is not usual and value != usual:
            found[name] = value if isinstance(value, str) else f"{float(value)!r} s"
    return found


def keep_sources(defined: dict, text: str, file: str) -> None:
    """Let the functions that a model file defines carry their text: the file on the disk may be another one later.

    defined : name -> what the file defines. text, file : of the model file.
    """
    lines = text.splitlines(keepends=True)
    for value in defined.values():
        python = python_of(value) if callable(value) else None
        if inspect.isfunction(python) and python.__code__.co_filename == file:
            python.written = "".join(inspect.getblock(lines[python.__code__.co_firstlineno - 1:]))


def source_of(function):
    """Python text of a function, decorators included, or its code where the text is not at hand."""
    python = python_of(function)
    if hasattr(python, "written"):
        return python.written
    try:
        return inspect.getsource(python)
    except (OSError, TypeError):
        code = getattr(python, "__code__", None)
        return repr((code.co_code, code.co_consts, code.co_names)) if code else repr(python)


def _referred(python, seen):
    """What a function finds under the names in its code, as lines of text: a number that it reads decides what it does.

    seen : functions that were met already. Installed modules, classes and compiled functions are left out; of a module
    of the user's own the whole text counts.
    """
    if not inspect.isfunction(python) or python in seen:
        return []
    seen.add(python)
    lines = []
    for name, value in sorted(names_read(python).items()):
        own = python_of(value)
        if inspect.ismodule(own):
            lines += [f"\n{name}: {text}" for text in texts_of_own(own)]
        elif inspect.isfunction(own) or not callable(own):
            lines += [f"\n{name} = {_text_of(own)}", *_referred(own, seen)]
    return lines


def names_read(python, others=()):
    """What a function finds under the names in its code, and under `others`: name -> value."""
    names, codes = set(others), [python.__code__]
    while codes:                                    # those of the functions and comprehensions within, too
        code = codes.pop()
        names |= {it.argval for it in dis.get_instructions(code) if it.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        codes += [const for const in code.co_consts if inspect.iscode(const)]
    found = {name: value for name, value in python.__globals__.items() if name in names}
    for name, cell in zip(python.__code__.co_freevars, python.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):       # a variable that has no value yet
            found[name] = cell.cell_contents
    return found


def _text_of(value):
    """A value that a function reads, as text that differs where the value does."""
    if inspect.isfunction(value):
        return source_of(value)
    if isinstance(value, np.ndarray | np.generic):          # quantities are arrays as well
        return f"{np.asarray(value).tolist()!r} {get_dimensions(value)}"
    said = repr(sorted(value, key=repr) if isinstance(value, set | frozenset) else value)
    return said if " at 0x" not in said else f"{type(value).__module__}.{type(value).__qualname__}"
