"""Running a protocol from the command line: its models and parameters, its result, its figure."""
import ast
import contextlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import time
from pathlib import Path

from spikelearn.command.old_places import new_place
from spikelearn.command.output import draw, print_headline
from spikelearn.equations.files import load_model
from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError, alternatives, no_file

COMMON = ("synapse", "neuron", "seed", "device", "resume", "data_dir", "jobs", "quick")   # have their own options


def summary(path):
    """First line of the docstring of a Python file, without running the file."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


def shipped_protocols():
    """Path of every shipped protocol: {"stdp_window": path, ...}."""
    folder = Path(importlib.util.find_spec("spikelearn.protocols").submodule_search_locations[0])
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}


def protocol_name(module):
    """Name of a protocol: that of its file."""
    return Path(module.__file__).stem


def load_protocol(name):
    """The module of a shipped protocol, by name, or of a protocol file."""
    shipped = shipped_protocols()
    bare = name.removeprefix("protocols/")
    if bare in shipped:
        return importlib.import_module(f"spikelearn.protocols.{bare}")
    path = Path(name)
    if path.suffix != ".py":
        raise SpikelearnError(f"there is no protocol '{name}'{alternatives(name, shipped)}")
    if not path.is_file():
        raise SpikelearnError(no_file(name))
    if path.resolve() in [known.resolve() for known in shipped.values()]:
        return importlib.import_module(f"spikelearn.protocols.{path.stem}")
    return _read(path.resolve())


class _FromText(importlib.machinery.SourceFileLoader):
    """Runs a file's text: Python's compiled module beside it may be that of an edit in the same second."""

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.path), self.path)


def _read(path):
    name = f"spikelearn_protocol_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_FromText(name, str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except SpikelearnError:
        raise
    except SyntaxError as error:
        raise SpikelearnError(f"{path} is not a protocol: {error.msg} in line {error.lineno}") from error
    except ImportError as error:
        raise SpikelearnError(f"{path} cannot be read as a protocol: {new_place(error) or error}") from error
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise SpikelearnError(f"{path} cannot be read as a protocol: {cause}") from error
    if not callable(getattr(module, "run", None)):
        raise SpikelearnError(f"{path} is not a protocol: it defines no function run(...)")
    return module


def signature(module):
    """Keywords of the protocol's `run` and their defaults; each field of its recipe is one, None = the recipe's own."""
    from spikelearn.ranges.check import recipe_fields

    keywords = {}
    for name, parameter in inspect.signature(module.run).parameters.items():
        if parameter.default is inspect.Parameter.empty:
            raise SpikelearnError(f"the protocol {protocol_name(module)} must give run's '{name}' a default")
        if name != "recipe":
            keywords[name] = parameter.default
    return dict.fromkeys(recipe_fields(module.run)) | keywords


def run_and_save(module, options, command="", again=None):
    """Run a protocol with the options of the command line; save, draw, then print. Returns the exit code.

    command : the command that repeats this run, stored in run.json. again : function of the result's folder that
    returns the command that resumes its training.
    """
    from spikelearn.command.output_folder import output_folder

    name, known = protocol_name(module), signature(module)
    keywords, models, own_defaults = run_keywords(module, options)
    with output_folder(options.out, options.resume, name, trains={"out", "resume"} <= known.keys()) as directory:
        if "out" in known:                              # for what must be kept while it runs
            keywords["out"] = str(directory)
        try:
            result, wall_time = _run(module, keywords)
        except KeyboardInterrupt as stop:
            stop.args = _how_to_resume(known, directory, again)
            raise
        facts = add_provenance(module, result, {**known, **keywords}, command=command, models=models,
                       own_defaults=own_defaults, wall_time=wall_time)
        try:
            files = save_with_figure(module, result, directory)
            if getattr(options, "csv", False):
                result.table = getattr(module, "csv_table", None)
                files = f"{result.to_csv(directory / 'result.csv').name}, {files}"
        finally:
            print_headline(facts["headline"], as_json=options.json)     # also if saving failed
    told = sys.stderr if options.json else sys.stdout
    if getattr(options, "quick", False) and "claims" not in result.headline:
        print("this was a quick run: do not use its numbers", file=told)
    print(f"{files} are in {directory}", file=told)
    _refuse_failed_output(directory)
    claims = result.headline.get("claims", [])          # of a report: each has its own range, quick or not
    missed = any(fact.get("met") is False for fact in facts["headline"])
    missed |= own_defaults and any(expected in result.missing for expected in getattr(module, "ACCEPTED", {}))
    return 1 if missed or any(not claim["holds"] for claim in claims) else 0


def _run(module, keywords):
    """(result of the protocol, seconds that it took)."""
    from spikelearn.results.result import completed

    start = time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):        # standard output is for the headline numbers
        result = completed(module.run(**keywords))
    return result, time.monotonic() - start


def _how_to_resume(known, directory, again):
    """What to tell after an interruption, as the arguments of the exception: the command that resumes the training."""
    from spikelearn.training.checkpoint import checkpoints_of

    if "resume" not in known or again is None:
        return ()
    if "out" not in known:                              # what it trains is kept in the cache
        return ("the same command resumes the training",)
    return (f"resume with: {again(directory)}",) if checkpoints_of(directory) else ()


def add_provenance(module, result, values, **given):
    """The provenance of a result, which takes it up. values : keyword of `run` -> value."""
    from spikelearn.results.provenance import provenance

    facts = provenance(
        protocol_name(module), text=Path(module.__file__).read_text(encoding="utf-8"), headline=result.headline,
        parameters={key: value for key, value in values.items() if key not in ("synapse", "neuron", "out")},
        accepted=getattr(module, "ACCEPTED", {}), **given)
    result.provenance = {**facts, **result.provenance}
    return facts


def save_with_figure(module, result, directory):
    """Save the result, its tables and its figure. Returns the names of the files as a text."""
    from spikelearn.results.files import save, write_file

    save(result, directory)
    for file, text in getattr(module, "tables", lambda result: {})(result).items():
        write_file(directory / file, text.encode())
    return f"result.npz, run.json{' and figure.png' if draw(module, result, directory) else ''}"


def _refuse_failed_output(directory):
    from spikelearn.command.process import output_failure

    failure = output_failure()
    if failure is not None:
        raise SpikelearnError(f"standard output cannot be written: {failure.strerror}; the result is in '{directory}'")


def run_keywords(module, options):
    """What to call the protocol's `run` with.

    Returns (keywords, model records in use, whether the protocol's own models and parameters are unchanged).
    """
    from spikelearn.command.settings import apply_settings
    from spikelearn.ranges.check import check_keywords, recipe_fields

    name, known = protocol_name(module), signature(module)
    for option, given in (("synapse", options.synapse), ("neuron", options.neuron), ("seed", options.seed),
                          ("device", options.device), ("resume", options.resume), ("data_dir", options.data_dir),
                          ("jobs", options.jobs), ("quick", options.quick)):
        if option not in known and given is not None and given is not False and given != []:
            raise SpikelearnError(f"the protocol {name} takes no --{option.replace('_', '-')}")
    several = isinstance(known.get("synapse"), tuple | list)
    if len(options.synapse) > 1 and not several:
        raise SpikelearnError(f"the protocol {name} takes one --synapse, not {len(options.synapse)}")
    synapses, neuron = _models(known.get("synapse"), known.get("neuron"), "neuron" in known)
    own_models = [model for model in (*synapses, neuron) if model]
    if options.synapse or options.neuron:
        synapses, neuron = _models(options.synapse or known.get("synapse"),
                                   options.neuron or known.get("neuron"), "neuron" in known)
    asked, fields = inspect.signature(module.run).parameters, recipe_fields(module.run)
    own = {key: value for key, value in known.items() if key in asked and key not in (*COMMON, "out")}
    keywords, changed_synapses, changed_neuron = apply_settings(options.settings, name, own, synapses, neuron, fields)
    if options.synapse or any(new is not old for new, old in zip(changed_synapses, synapses, strict=True)):
        keywords["synapse"] = tuple(changed_synapses) if several else changed_synapses[0]
    if options.neuron or changed_neuron is not neuron:
        _refuse_idle_neuron(module, changed_synapses)
        keywords["neuron"] = changed_neuron
    given = {key: getattr(options, key) for key in COMMON[2:]}
    keywords |= {key: value for key, value in given.items() if value is not None and value is not False}
    models = [model for model in (*changed_synapses, changed_neuron) if model]
    check_keywords(keywords, module.run, getattr(module, "RANGES", None))
    unchanged = _same(own_models, models) and not options.settings and not options.quick
    return keywords, models, unchanged


def _same(models, others):
    """Whether two lists of records have the same content; names and files may differ."""
    from spikelearn.equations.content import content

    return list(map(content, models)) == list(map(content, others))


def _refuse_idle_neuron(module, synapses):
    """Refuse a neuron without effect: where spikes are imposed, a rule reads only its potential."""
    only_read = getattr(module, "NEURON_IS_ONLY_READ", bool({"weight_changes", "outcome"} & set(vars(module))))
    if only_read and not any(any(rule.reads().values()) or rule.on_event for rule in synapses):
        titles = " and ".join(rule.title for rule in synapses)
        raise SpikelearnError(f"the neuron would change nothing in {protocol_name(module)}: {titles} follows spike "
                              "times only and reads no potential; leave --neuron and neuron. settings out")


def _models(synapse, neuron, takes_neuron):
    """The records in use: a list of rules, and the neuron or None.

    Without a neuron's name it is the one that the source of every rule pairs it with.
    """
    names = [synapse] if isinstance(synapse, str | Model) else synapse or ()
    synapses = [load_model(name, "synapse") for name in names]
    paired = {model.neuron for model in synapses}
    if neuron is None and takes_neuron and len(paired) == 1:
        neuron = paired.pop()
    return synapses, load_model(neuron, "neuron") if neuron else None
