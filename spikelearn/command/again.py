"""`spikelearn again DIR`: repeat a run from its run.json and report differences."""
import argparse
import contextlib
import inspect
import io
import json
import shlex
import tempfile
import types
from pathlib import Path

import numpy as np

from spikelearn.command import run as running
from spikelearn.equations.files import load_model
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError
from spikelearn.results import files as results
from spikelearn.results.archives import damage_told, read_arrays
from spikelearn.results.locks import remove_leftovers, temporary_folder

AGAIN = "spikelearn-again-"     # begins the name of a folder with the texts of models and protocol


def add_again(commands) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "again", help="repeat a run from its run.json and report differences", allow_abbrev=False,
        description="Repeat a run with the models, and with the protocol of your own, whose text is in its "
                    "run.json, and report differences. These texts are Python and are run as such.")
    parser.add_argument("folder", metavar="DIR", help="folder of a saved result")
    parser.add_argument("--out", metavar="DIR", help="folder for the new result; default: results/PROTOCOL-TIME")
    parser.add_argument("--json", action="store_true", help="print what differs as one JSON object")
    parser.set_defaults(command=again)


def again(options: argparse.Namespace) -> int:
    """Repeat a run and report what differs. Returns the exit code of the run.

    Raises
    ------
    SpikelearnError
        If run.json is missing, damaged or edited, or if the run cannot be repeated.
    """
    from spikelearn.command.command_line import naming_the_settings, warnings_in_one_line
    from spikelearn.command.output_folder import output_folder
    from spikelearn.command.process import import_brian2

    folder = Path(options.folder)
    run = read_run(folder)
    given = _options_of(run, folder)
    import_brian2()
    remove_leftovers(tempfile.gettempdir(), AGAIN)
    with temporary_folder(tempfile.gettempdir(), AGAIN, 0o700) as place, warnings_in_one_line(), \
            naming_the_settings(given):
        module = running.load_protocol(_protocol(given.protocol, run, place))
        with output_folder(options.out, None, run["protocol"]) as made:     # a name for the folder, which is free
            given.out = str(made)
        module, given = _with_models(module, given, run, place)
        with contextlib.redirect_stdout(io.StringIO()) if options.json else contextlib.nullcontext():
            code = running.run_and_save(module, given, command=run["provenance"]["command"])
    found = differences(run, read_run(given.out), *(_arrays(where) for where in (folder, given.out)))
    if options.json:
        print(json.dumps({"folder": given.out, "differs": found}))
    else:
        _tell(found, folder)
    return code


def read_run(folder: str | Path) -> dict:
    """The content of run.json.

    Raises
    ------
    SpikelearnError
        If it is missing or damaged, if it was edited, or if it belongs to another result.npz.
    """
    run, path = results.read_run(folder), Path(folder) / "run.json"
    with damage_told(f"'{path}' is damaged or does not belong to a saved result"):
        facts = run["provenance"]
        asked = {fact["name"]: fact["value"] for fact in facts["headline"]}
        texts = [facts["command"], facts["protocol_text"], *(it["text"] for it in facts["models"])]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError
    if asked != run["headline"]:
        raise SpikelearnError(f"'{path}' was edited after it was saved: it no longer describes the run")
    arrays = Path(folder) / "result.npz"
    if arrays.exists() and results.sha256(arrays) != run["sha256"]:
        raise SpikelearnError(f"'{arrays}' is not the file that was saved with run.json")
    return run


def _options_of(run, folder):
    """The options of `spikelearn run` that were given, without a checkpoint to resume."""
    from spikelearn.command.command_line import parsed

    words = shlex.split(run["provenance"]["command"])
    if words[:2] != ["spikelearn", "run"]:
        raise SpikelearnError(f"'{folder}' was not made by the command line: its run.json names no command to repeat")
    options = parsed(words[1:])
    options.resume, options.json = None, False
    return options


def _protocol(name, run, place):
    """The protocol to run: a shipped one by its name, one of the user's with the text that was run."""
    shipped, bare = running.shipped_protocols(), name.removeprefix("protocols/")
    path, text = Path(name), run["provenance"]["protocol_text"]
    if bare in shipped:
        return bare
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return name
    copy = place / f"{Path(run['protocol']).name}.py"
    copy.write_text(text, encoding="utf-8")
    return str(copy)


def _with_models(module, options, run, place):
    """Protocol and options whose models are those that were run: by their names where these give the same text."""
    saved = run["provenance"]["models"]
    records = {"SynapseModel": [], "NeuronModel": []}
    for k, facts in enumerate(saved):
        records[facts["kind"]].append(_record(facts, place / str(k)))
    synapses, neuron = records["SynapseModel"], (records["NeuronModel"] or [None])[0]
    for own in ({}, {"synapse": synapses}, {"synapse": synapses, "neuron": neuron}, {"neuron": neuron}):
        named = {name: model for name, model in own.items() if getattr(options, name)}
        tried = _with_own_models(module, own), argparse.Namespace(**vars(options) | named)
        with contextlib.suppress(SpikelearnError):
            _, models, _ = running.run_keywords(*tried)
            if {_text(model) for model in models} <= {facts["text"] for facts in saved}:
                return tried
    running.run_keywords(module, options)               # says what is wrong
    return module, options


def _with_own_models(module, own):
    """The protocol with other models of its own. own : "synapse", "neuron" -> records, for those that it takes."""
    signature = inspect.signature(module.run)
    takes = {name: model for name, model in own.items() if model and name in signature.parameters}
    if "synapse" in takes and not isinstance(signature.parameters["synapse"].default, tuple | list):
        takes["synapse"] = takes["synapse"][0]
    if not takes:
        return module

    def run(*arguments, **keywords):
        return module.run(*arguments, **{**takes, **keywords})

    run.__signature__ = signature.replace(parameters=[
        parameter.replace(default=takes.get(name, parameter.default))
        for name, parameter in signature.parameters.items()])
    copy = types.ModuleType(module.__name__)
    vars(copy).update(vars(module), run=run)
    return copy


def _text(model):
    from spikelearn.results.provenance import model_facts

    return model_facts(model)["text"]


def _record(facts, place) -> Model:
    """The record of a model that run.json holds."""
    from brian2 import Quantity, get_dimensions

    place.mkdir()
    file = place / f"{facts['name'].replace('/', '_') or 'model'}.py"
    file.write_text(facts["text"], encoding="utf-8")
    model = load_model(str(file))
    values = {name: value["value"] if isinstance(value, dict) else value for name, value in facts["parameters"].items()}
    return model.with_parameters(**{name: Quantity(value, dim=get_dimensions(model.parameters[name]))
                                    for name, value in values.items() if name in model.parameters})


def _arrays(folder):
    path = Path(folder) / "result.npz"
    if not path.exists():
        return None
    with damage_told(f"'{path}' is damaged"):
        return read_arrays(path, packed=True)


def differences(before: dict, now: dict, arrays: dict | None = None, new_arrays: dict | None = None) -> dict:
    """What differs between two runs: headline, arrays, models, protocol, versions, commit; what is equal is left out.

    Parameters
    ----------
    before, now : what their run.json says.
    arrays, new_arrays : name -> array, None where a result has none.

    Returns
    -------
    dict : what differs -> {name: [before, now]}, for arrays a list of names.
    """
    facts, new = before["provenance"], now["provenance"]
    found = {"headline": _changed(before["headline"], now["headline"])}
    if arrays is not None and new_arrays is not None:
        found["arrays"] = [name for name in {**arrays, **new_arrays}
                           if not _equal(arrays.get(name), new_arrays.get(name))]
    models = [{it["name"]: (it["text"], it["parameters"]) for it in each["models"]} for each in (facts, new)]
    found["models"] = list(_changed(*models))
    found["protocol"] = [before["protocol"]] if facts["protocol_text"] != new["protocol_text"] else []
    found["versions"] = _changed(facts.get("versions") or {}, new.get("versions") or {})
    commits = [(each.get("commit") or {}).get("revision") for each in (facts, new)]
    found["commit"] = commits if commits[0] != commits[1] else []
    return {name: value for name, value in found.items() if value}


def _equal(old, new):
    return old is not None and new is not None and np.array_equal(old, new, equal_nan=old.dtype.kind in "fc")


def _changed(before, now):
    return {name: [before.get(name), now.get(name)] for name in {**before, **now} if before.get(name) != now.get(name)}


def _tell(found, folder):
    """Print each difference in a line."""
    if not found.keys() & {"headline", "arrays"}:
        print(f"every number is that of {folder}")
    for name, (old, new) in found.get("headline", {}).items():
        share = f" ({new / old - 1:+.2g})" if _is_number(old) and _is_number(new) and old else ""
        print(f"differs: {name} was {_shown(old)}, is {_shown(new)}{share}")
    for kind, said in (("arrays", "the arrays"), ("models", "the text or parameters of the models"),
                       ("protocol", "the text of the protocol")):
        if kind in found:
            print(f"differs: {said} {', '.join(found[kind])}")
    for name, (old, new) in found.get("versions", {}).items():
        print(f"differs: {name} was {old}, is {new}")
    if "commit" in found:
        print("differs: the commit was {}, is {}".format(*found["commit"]))


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value):
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
