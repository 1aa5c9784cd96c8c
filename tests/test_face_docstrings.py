"""Every public function: type hints, a docstring in NumPy form, and an example that runs."""
import doctest
import importlib
import inspect
import pkgutil

import brian2
import matplotlib
import numpy as np
import pytest

import spikelearn as sl

NEEDS = {doctest.register_optionflag(name): package for name, package in (       # of an example that needs a package
    ("PANDAS", "pandas"), ("XARRAY", "xarray"), ("NEO", "neo"), ("NWB", "pynwb"))}
ROOMS = [f"spikelearn.{room.name}" for room in pkgutil.iter_modules(sl.__path__)
         if room.ispkg and room.name not in ("models", "protocols", "experiments")]


def public():
    """Where -> object: the public face, and what the rooms list in their __all__."""
    found = {f"spikelearn.{name}": getattr(sl, name) for name in sl.PUBLIC}
    for room in ROOMS:
        module = importlib.import_module(room)
        found |= {f"{room}.{name}": getattr(module, name) for name in getattr(module, "__all__", ())}
    return {where: item for where, item in found.items() if callable(item)}


def own_methods(kind):
    """Name -> function of the public methods that a class or its parents of ours define."""
    found = {}
    for parent in inspect.getmro(kind):
        if not parent.__module__.startswith("spikelearn"):
            continue
        for name, member in vars(parent).items():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_")):
                found.setdefault(name, function)
    return found


PUBLIC = public()
FUNCTIONS = {where: item for where, item in PUBLIC.items() if inspect.isfunction(item)}
CLASSES = {where: item for where, item in PUBLIC.items() if inspect.isclass(item)}
METHODS = {f"{where}.{name}": method for where, kind in CLASSES.items() for name, method in own_methods(kind).items()}


def made_by_dataclasses(method):
    return method.__name__ == "__init__" and method.__code__.co_filename == "<string>"


def test_there_is_something_to_check():
    assert len(FUNCTIONS) >= 13 and len(CLASSES) >= 7
    assert "spikelearn.Result.plot" in METHODS and "spikelearn.Classifier.predict" in METHODS


@pytest.mark.parametrize("where", [*FUNCTIONS, *METHODS])
def test_every_parameter_and_what_is_returned_has_a_type(where):
    function = {**FUNCTIONS, **METHODS}[where]
    signature = inspect.signature(function)
    without = [name for name, parameter in signature.parameters.items()
               if name not in ("self", "cls") and parameter.annotation is inspect.Parameter.empty]
    assert not without, f"{where}: no type of {', '.join(without)}"
    if not where.endswith("__init__"):
        assert signature.return_annotation is not inspect.Signature.empty, f"{where}: no type of what it returns"


@pytest.mark.parametrize("where", FUNCTIONS)
def test_every_function_has_a_docstring_in_numpy_form(where):
    text = inspect.getdoc(FUNCTIONS[where])
    assert text and text.split("\n")[0].endswith("."), where
    for title in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{title}\n{'-' * len(title)}\n" in text, f"{where}: no {title}"
    described = text.partition("\nParameters\n")[2].partition("\nReturns\n")[0]
    for name in inspect.signature(FUNCTIONS[where]).parameters:
        assert name in described, f"{where}: {name} is not described"


@pytest.mark.parametrize("where", CLASSES)
def test_every_class_has_a_docstring_with_an_example(where):
    text = inspect.getdoc(CLASSES[where])
    assert text and text.split("\n")[0].endswith("."), where
    assert "\nExamples\n--------\n" in text, f"{where}: no example"


@pytest.mark.parametrize("where", [where for where, method in METHODS.items() if not where.endswith("__init__")])
def test_every_method_has_a_docstring(where):
    assert inspect.getdoc(METHODS[where])


DOCUMENTED = {where: item for where, item in {**FUNCTIONS, **CLASSES, **METHODS}.items()
              if ">>>" in (item.__doc__ or "")}


LONGEST = ("spikelearn.fit", "spikelearn.Classifier.load", "spikelearn.sweep")


@pytest.mark.long
@pytest.mark.parametrize("where", [
    pytest.param(where, marks=pytest.mark.slow) if where in LONGEST else where for where in DOCUMENTED])
def test_every_example_runs(where, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    names = {**{name: getattr(brian2, name) for name in ("ms", "second", "Hz", "nA", "mV")}, "np": np, "sl": sl}
    runner, said = doctest.DocTestRunner(verbose=False), []
    for found in doctest.DocTestFinder(recurse=False).find(DOCUMENTED[where], where, module=False, globs=names):
        for package in {NEEDS[flag] for example in found.examples for flag in NEEDS.keys() & example.options}:
            pytest.importorskip(package)
        runner.run(found, out=said.append)
    assert runner.tries and not runner.failures, "".join(said)
