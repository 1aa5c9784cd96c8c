"""The command line: spikelearn list | show | copy | run."""
import argparse
import contextlib
import os
import re
import shlex
import signal
import sys
import warnings
from pathlib import Path

import spikelearn
from spikelearn.command import run as running
from spikelearn.command.process import Terminated, import_brian2, interrupts, lasting_streams, output_failure
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.equations.records import NeuronModel
from spikelearn.errors import SpikelearnError, SpikelearnWarning, alternatives


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one sentence instead of printing the usage first."""

    def error(self, message):
        """A mistake on the command line, as a SpikelearnError."""
        raise SpikelearnError(f"{message}; '{self.prog} --help' explains the command")


@contextlib.contextmanager
def warnings_in_one_line():
    """Warnings as one line each on standard error, like a mistake, and not as the log of Brian2 shows them."""
    import brian2  # noqa: F401  (it takes over the showing of warnings when it is imported)

    def show(message, category, filename, lineno, file=None, line=None):
        kind = "" if issubclass(category, SpikelearnWarning) else f"{category.__name__}: "
        print(f"spikelearn: warning: {kind}{' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def naming_the_settings(options):
    """A mistake that was made with --set, but shows later and elsewhere, is told with what was set."""
    try:
        yield
    except Exception as error:
        names = [setting.partition("=")[0].strip().rpartition(".")[2] for setting in options.settings]
        if not names or any(re.search(rf"\b{re.escape(name)}\b", str(error)) for name in names):
            raise
        raise SpikelearnError(f"{sentence(error)}; set were {', '.join(options.settings)}") from error


def main(argv=None):
    """Run the command line. Returns 0 = ran, 1 = a stated tolerance was missed, 2 = the user's mistake."""
    return guarded(_main, sys.argv[1:] if argv is None else list(argv))


def run_protocol(module, argv=None):
    """The command line of one protocol module: `spikelearn run` without the protocol's name."""
    return guarded(_run_module, module, sys.argv[1:] if argv is None else list(argv))


def guarded(action, *arguments):
    """Exit code of `action`; a user's mistake becomes one line on standard error.

    A standard stream that breaks, such as a closed pipe, does not stop the action.
    """
    with lasting_streams(), interrupts():
        code = _exit_code(action, *arguments)
        failure = output_failure()
        if failure is not None and code != 2:
            print(f"spikelearn: standard output cannot be written: {failure.strerror}", file=sys.stderr)
            return 2
        return code


def _exit_code(action, *arguments):
    try:
        return action(*arguments) or 0
    except SystemExit as stop:      # argparse, after --help and --version
        return stop.code or 0
    except KeyboardInterrupt as stop:
        terminated = isinstance(stop, Terminated)
        print("; ".join([f"spikelearn: {'terminated' if terminated else 'interrupted'}", *stop.args]), file=sys.stderr)
        return 128 + (signal.SIGTERM if terminated else signal.SIGINT)
    except Exception as error:
        if os.environ.get("SPIKELEARN_TRACEBACK"):
            raise
        print(f"spikelearn: {sentence(error)}", file=sys.stderr)
        return 2


def sentence(error):
    """An error in one line: a user's mistake as it is told, anything else by its innermost cause."""
    if isinstance(error, SpikelearnError):
        return " ".join(str(error).split())
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    said = cause.args[0] if isinstance(cause, KeyError) and cause.args else cause
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    what = f"{type(cause).__name__}: {lines[0].rstrip('.')}" if lines else type(cause).__name__
    whose = "Brian2 refuses the model" if type(error).__module__.startswith("brian2") else "the run stopped"
    return f"{whose}: {what} (SPIKELEARN_TRACEBACK=1 shows where)"


def _main(argv):
    options = _parser().parse_args(argv)
    return options.command(options)


def _parser():
    parser = Parser(prog="spikelearn", description="A laboratory for spike-based learning rules on Brian2.",
                    allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"spikelearn {spikelearn.__version__}")
    commands = parser.add_subparsers(required=True, metavar="list | show | copy | run")
    add = commands.add_parser("list", help="neurons, synapses, experiments, protocols, datasets: one line each")
    add.set_defaults(command=_list)
    add = commands.add_parser("show", help="equations or conditions, parameters with units, source")
    add.add_argument("name", metavar="NAME", help="a model, experiment or protocol, by name or file")
    add.set_defaults(command=_show)
    add = commands.add_parser("copy", help="an editable copy of a model, experiment or protocol (never overwrites)")
    add.add_argument("name", metavar="NAME")
    add.add_argument("file", metavar="FILE")
    add.set_defaults(command=_copy)
    add = commands.add_parser("run", help="run a protocol, save, draw; prints the headline numbers",
                              allow_abbrev=False)
    add.add_argument("protocol", metavar="PROTOCOL", help="a protocol, by name or file")
    _add_run_options(add)
    add.set_defaults(command=_run)
    return parser


def _add_run_options(parser):
    parser.add_argument("--synapse", action="append", metavar="NAME|FILE", default=[],
                        help="rule instead of the protocol's own; repeatable where several are compared")
    parser.add_argument("--neuron", metavar="NAME|FILE", help="neuron model instead of the protocol's own")
    parser.add_argument("--set", action="append", metavar="PARAMETER=VALUE", default=[], dest="settings",
                        help='repeatable, with Brian2 units: --set "tau_plus=20*ms"')
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the random numbers")
    parser.add_argument("--seeds", action="append", metavar="N", dest="settings", type=lambda n: f"seeds={n}",
                        help="how many seeds to run with, where a protocol takes several")
    parser.add_argument("--device", choices=["auto", "numpy", "cython", "cpp"], metavar="numpy|cython|cpp")
    parser.add_argument("--out", metavar="DIR", help="folder for the result; default: results/PROTOCOL-TIME")
    parser.add_argument("--resume", metavar="DIR", help="resume the training that was to write its result into DIR")
    parser.add_argument("--data-dir", metavar="DIR",
                        help="folder of the datasets; default: SPIKELEARN_DATA, or a download")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes that share the work of a batch")
    parser.add_argument("--quick", action="store_true", help="a short form, to see that it works")
    parser.add_argument("--json", action="store_true", help="print the headline numbers as one JSON object")


def _run(options):
    import_brian2()
    return _run_and_save(running.load_protocol(options.protocol), options)


def _run_module(module, argv):
    name = running.protocol_name(module)
    parser = Parser(prog=name, description=module.__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_run_options(parser)
    options = parser.parse_args(argv)
    options.protocol = module.__file__
    import_brian2()
    return _run_and_save(module, options)


def _run_and_save(module, options):
    def resuming(directory):
        resumed = argparse.Namespace(**vars(options) | {"resume": str(directory)})
        return shlex.join(["spikelearn", *_typed(resumed), *["--json"] * options.json])

    with warnings_in_one_line(), naming_the_settings(options):
        return running.run_and_save(module, options, command=shlex.join(["spikelearn", *_typed(options)]),
                                    again=resuming)


def _typed(options):
    """The arguments that give this run again."""
    words = ["run", options.protocol]
    words += [word for synapse in options.synapse for word in ("--synapse", synapse)]
    words += [word for setting in options.settings for word in ("--set", setting)]
    for name in ("neuron", "seed", "device", "resume", "data_dir", "jobs"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    return words + ["--quick"] * options.quick


def _list(options):
    from spikelearn.images.datasets import DATASETS
    from spikelearn.stdp.shipped import shipped_experiments, title

    kinds = {"neurons": {}, "synapses": {}, "experiments": {}, "protocols": {}, "datasets": DATASETS}
    for name, path in shipped_models().items():
        kinds[name.split("/")[0]][name] = running.summary(path)
    kinds["experiments"] = {f"experiments/{name}": title(path) for name, path in shipped_experiments().items()}
    kinds["protocols"] = {name: running.summary(path) for name, path in running.shipped_protocols().items()}
    width = max(len(name) for lines in kinds.values() for name in lines)
    for kind, lines in kinds.items():
        print(f"{kind}")
        for name, line in lines.items():
            print(f"  {name:{width}}  {line}".rstrip())


def _file_of(name):
    """The file of a shipped model, experiment or protocol, or the file itself."""
    from spikelearn.stdp.shipped import shipped_experiments

    experiments = {f"experiments/{key}": path for key, path in shipped_experiments().items()}
    known = {**shipped_models(), **experiments, **running.shipped_protocols()}
    found = {path for key, path in known.items() if name in (key, key.split("/")[-1], f"protocols/{key}")}
    if not found and Path(name).is_file():
        return Path(name)
    if len(found) != 1:
        raise SpikelearnError(f"there is no model, experiment or protocol '{name}'{alternatives(name, known)}")
    return found.pop()


def _show(options):
    path = _file_of(options.name)
    import_brian2()
    if path.suffix == ".csv":
        from spikelearn.stdp.experiments import described, experiment

        print(described(experiment(path)))
    elif re.search(r"^MODEL\b", path.read_text(encoding="utf-8"), flags=re.M):
        _show_model(load_model(str(path)))
    else:
        module = running.load_protocol(str(path))
        print(f"{running.protocol_name(module)} (protocol, {path})\n\n{(module.__doc__ or '').strip()}\n")
        _show_parameters(running.signature(module), path.read_text(encoding="utf-8"))
        for name, accepted in getattr(module, "ACCEPTED", {}).items():
            print(f"accepted {name}: {accepted.low:g} to {accepted.high:g} ({accepted.source})")


def _show_model(model):
    from spikelearn.equations.check import value_text

    kind = "neuron" if isinstance(model, NeuronModel) else "synapse"
    print(f"{model.name} ({kind}, {model.file})\nsource: {model.source}\n\nequations")
    _indented(model.equations)
    for title, (_, code) in model.statements().items():
        print(title)
        _indented(code)
    if getattr(model, "neuron", ""):
        print(f"paired with the neuron {model.neuron}")
    _show_parameters(model.parameters, model.text)
    _show_parameters(model.initial, "", title="initial values")
    for name, values in model.sets.items():
        print(f"parameter set {name}: " + ", ".join(f"{key} = {value_text(value)}" for key, value in values.items()))


def _indented(code):
    lines = [line for line in code.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    print("".join(f"    {line[margin:].rstrip()}\n" for line in lines), end="")


def _show_parameters(parameters, text, title="parameters"):
    """Parameters with units, each with the comment that stands beside it in its file."""
    from spikelearn.equations.check import value_text

    lines = {name: f"{name} = {value_text(value)}" for name, value in parameters.items()}
    width = max((len(line) for line in lines.values()), default=0)
    if parameters:
        print(title)
    for name, given in lines.items():
        comment = re.search(rf"^[^#\n]*\b{name}\s*=[^#\n]*#(.*)$", text, flags=re.M)
        line = f"    {given:{width}}   " + (f"#{comment[1]}" if comment else "")
        print(line.rstrip())


def _copy(options):
    from spikelearn.results.result import write_file

    source, target = _file_of(options.name), Path(options.file)
    if target.suffix != source.suffix:
        raise SpikelearnError(f"'{target}' must be the name of a CSV file, such as mine.csv" if source.suffix == ".csv"
                              else f"'{target}' must be the name of a Python file, such as my_rule.py")
    write_file(target, source.read_bytes())
    use = {"synapses": f"PROTOCOL --synapse {target}", "neurons": f"PROTOCOL --neuron {target}",
           "experiments": f"stdp_experiment --set data={target}"}
    print(f"{target} is yours to edit; run it with: spikelearn run {use.get(source.parent.name, target)}")


if __name__ == "__main__":
    sys.exit(main())
