"""Protocols from Python: `run` one by name or file, `load_result` opens a saved run."""
import argparse
import functools
import time
from pathlib import Path
from types import ModuleType

import numpy as np

from spikelearn.command import run as running
from spikelearn.command.output_folder import output_folder
from spikelearn.command.settings import fitting
from spikelearn.equations.records import Model, NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.ranges.check import check_keywords, recipe_fields
from spikelearn.results.files import load
from spikelearn.results.result import Result, completed

OPTIONS = ("synapse", "neuron", "seed", "device", "resume", "data_dir", "jobs", "quick")    # as on the command line


def run(protocol: str | Path, *, synapse: str | SynapseModel | list | tuple | None = None,
        neuron: str | NeuronModel | None = None, quick: bool = False, seed: int | None = None,
        out: str | Path | None = None, **parameters: object) -> Result:
    """Run a protocol, as `spikelearn run` does, and return its result.

    Parameters
    ----------
    protocol : a shipped protocol, by name, or a protocol file.
    synapse : str, SynapseModel, or a list of them
        The learning rule instead of the protocol's own, by name, file or record; several where the protocol compares
        rules.
    neuron : the neuron instead of the protocol's own.
    quick : a short form, to see that it works: its numbers mean little.
    seed : seed of the random numbers.
    out : new folder for result.npz, run.json and figure.png. Without it nothing is written.
    **parameters
        Parameters of the protocol, with their units: rate=5*Hz. `spikelearn show PROTOCOL` lists them; device=,
        data_dir=, jobs= and resume= are those of the command line. A parameter of a model is changed in its record:
        synapse=rule.with_parameters(tau_plus=20*ms).

    Returns
    -------
    Result
        Arrays, headline numbers, provenance; `plot` draws the figure of the protocol.

    Raises
    ------
    SpikelearnError
        If there is no such protocol, model or parameter, or if a value has another unit or is out of range.

    Examples
    --------
    >>> result = sl.run("stdp_window", quick=True)
    >>> round(result.headline["tau_plus_ms"], 1)
    16.8
    """
    module = running.load_protocol(str(protocol))
    options = _options(module, synapse, dict(parameters, neuron=neuron, seed=seed, quick=quick or None))
    own = {name: value for name, value in parameters.items() if name not in OPTIONS}
    keywords, models, unchanged = running.run_keywords(module, options)
    keywords |= _own_parameters(module, own, models)
    check_keywords(keywords, module.run, getattr(module, "RANGES", None))
    facts = dict(command=_call(protocol, options, own), models=models, own_defaults=unchanged and not own)
    if out is None and options.resume is None:
        return _run(module, keywords, facts)
    trains = {"out", "resume"} <= running.signature(module).keys()
    with output_folder(out, options.resume, running.protocol_name(module), trains=trains) as directory:
        if "out" in running.signature(module):      # for what must be kept while it runs
            keywords["out"] = str(directory)
        result = _run(module, keywords, facts)
        running.save_with_figure(module, result, directory)
    return result


def _options(module, synapse, given):
    """The options of the command line that stand for the keywords that protocols have in common."""
    known, name = running.signature(module), running.protocol_name(module)
    chosen = {option: given.get(option) for option in OPTIONS} | {"synapse": synapse}
    for option, value in chosen.items():
        if value is not None and option not in known:
            raise SpikelearnError(f"the protocol {name} takes no {option}=")
    synapses = [] if synapse is None else list(synapse) if isinstance(synapse, list | tuple) else [synapse]
    if synapse is not None and not synapses:
        raise SpikelearnError("synapse must name a rule or more")
    return argparse.Namespace(**chosen | {"synapse": synapses}, settings=[])


def _own_parameters(module, own, models):
    """The parameters of the protocol itself, each of the kind and unit of its default."""
    name, known = running.protocol_name(module), running.signature(module)
    known = {key: value for key, value in known.items() if key not in (*OPTIONS, "out")}
    known |= {"recipe": None} if recipe_fields(module.run) else {}
    found = {}
    for key, value in own.items():
        if key not in known:
            owner = next((model for model in models if key in model.parameters), None)
            if owner is not None:
                raise SpikelearnError(f"'{key}' is a parameter of {owner.title}, not of {name}: give the model with "
                                      f".with_parameters({key}=...)")
            raise SpikelearnError(f"{name} has no parameter '{key}'{alternatives(key, known)}")
        found[key] = _of_kind(key, value, known[key])
    return found


def _of_kind(key, value, default):
    """A value as the protocol takes it, or a refusal."""
    words = isinstance(default, tuple | list) and default and all(isinstance(item, str) for item in default)
    if isinstance(default, str) or words:
        items = [value] if isinstance(value, str | Path | Model) else value
        several = isinstance(items, list | tuple) and all(isinstance(item, str | Path | Model) for item in items)
        if not several or isinstance(default, str) and items is value:
            raise SpikelearnError(f"{key} must be a word{' or a list of words' * bool(words)}, such as "
                                  f"{default[0] if words else default!r}, not {value!r}")
        items = [str(item) if isinstance(item, Path) else item for item in items]
        return tuple(items) if words else items[0]
    try:
        if isinstance(default, tuple | list) and np.ndim(value) == 1:
            value = tuple(value)
        return fitting(value, default)
    except SpikelearnError as error:
        raise SpikelearnError(f"{key}: {error}") from error
    except (TypeError, ValueError) as error:
        raise SpikelearnError(f"{key}: a value like {default} is needed, not {value!r}") from error


def _run(module: ModuleType, keywords: dict, facts: dict) -> Result:
    """The result of a protocol, with its provenance and its figure."""
    start = time.monotonic()
    result = completed(module.run(**keywords))
    running.add_provenance(module, result, {**running.signature(module), **keywords}, **facts,
                           wall_time=time.monotonic() - start)
    return _with_figure(result, module, getattr(module, "plot", None))


def _with_figure(result, module, plot):
    result.drawing, result.figure_size = plot, getattr(module, "FIGURE_SIZE", result.figure_size)
    result.table = getattr(module, "csv_table", None)
    return result


def _call(protocol, options, own):
    """The call that repeats this run, as text."""
    given = {name: value for name, value in vars(options).items() if value not in (None, []) and name != "settings"}
    words = [f"{name}={_name_of(value)}" for name, value in {**given, **own}.items()]
    return f"spikelearn.run({', '.join([repr(str(protocol)), *words])})"


def _name_of(value):
    if isinstance(value, list) and len(value) == 1:
        return _name_of(value[0])
    return repr(value.title) if isinstance(value, Model) else repr(value)


def load_result(directory: str | Path, protocol: str | Path | None = None) -> Result:
    """Load a saved run, with its numbers and its figure.

    Parameters
    ----------
    directory : folder with result.npz and run.json, as `run` and the command line write it.
    protocol : str or Path
        File of the protocol that draws the figure, if it is not a shipped one. A saved result is data: the text of
        the protocol in it is never run.

    Returns
    -------
    Result

    Raises
    ------
    SpikelearnError
        If the folder holds no saved result, a damaged one, or that of another protocol.

    Examples
    --------
    >>> result = sl.run("stdp_window", quick=True, out="my_window")
    >>> sl.load_result("my_window").headline == result.headline
    True
    """
    result = load(directory)
    if protocol is None and result.protocol not in running.shipped_protocols():
        result.drawing = functools.partial(_no_protocol, str(directory))
        return result
    module = running.load_protocol(str(protocol or result.protocol))
    if running.protocol_name(module) != result.protocol:
        raise SpikelearnError(f"'{directory}' is a result of {result.protocol}, not of {running.protocol_name(module)}")
    plot = getattr(module, "plot", None)
    return _with_figure(result, module, plot and functools.partial(_draw_saved, module, str(directory)))


def _no_protocol(directory, result, figure):
    raise SpikelearnError(f"{result.protocol} is not a shipped protocol: name the file that draws its figure, "
                          f"load_result('{directory}', protocol='{result.protocol}.py')")


def _draw_saved(module, directory, result, figure):
    """Draw the figure of a saved result, which an earlier version of its protocol may have made."""
    try:
        module.plot(result, figure)
    except Exception as error:
        if Path(module.__file__).read_text(encoding="utf-8") == result.provenance.get("protocol_text"):
            raise
        raise SpikelearnError(f"'{directory}' comes from another version of {result.protocol}, whose figure cannot be "
                              f"drawn now ({type(error).__name__}: {error})") from error
