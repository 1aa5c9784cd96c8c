"""The command line: spikelearn list | show | copy | export | run | fit | sweep | again | cache | lab."""
import argparse
import contextlib
import os
import re
import shlex
import signal
import sys
import warnings

import spikelearn
from spikelearn.command import run as running
from spikelearn.command import show
from spikelearn.command.again import add_again
from spikelearn.command.cache import add_cache
from spikelearn.command.export import add_export
from spikelearn.command.fit import add_fit
from spikelearn.command.lab import add_lab
from spikelearn.command.process import Terminated, import_brian2, interrupts, lasting_streams, output_failure
from spikelearn.command.sweep import add_sweep
from spikelearn.errors import SpikelearnError, SpikelearnWarning


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one sentence, without the usage."""

    def error(self, message):
        """A mistake on the command line, as a SpikelearnError."""
        unknown = re.match(r"unrecognized arguments: (--([\w-]+))", message)
        if unknown:
            message = (f"there is no option {unknown[1]}, and a parameter is set by "
                       f"--set {unknown[2].replace('-', '_')}=VALUE")
        raise SpikelearnError(f"{message}; '{self.prog} --help' explains the command")


@contextlib.contextmanager
def warnings_in_one_line():
    """Show each warning as one line on standard error instead of Brian2's log."""
    import brian2  # noqa: F401  (it takes over the showing of warnings when it is imported)

    def shown(message, category, filename, lineno, file=None, line=None):
        kind = "" if issubclass(category, SpikelearnWarning) else f"{category.__name__}: "
        print(f"spikelearn: warning: {kind}{' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = shown
        yield


@contextlib.contextmanager
def naming_the_settings(options):
    """Add the --set options to an error that appears later in the run."""
    try:
        yield
    except Exception as error:
        names = [setting.partition("=")[0].strip().rpartition(".")[2] for setting in options.settings]
        values = [setting.partition("=")[2].strip() for setting in options.settings]
        told = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", str(error)) for word in [*names, *values] if word)
        if not names or told:
            raise
        raise SpikelearnError(f"{sentence(error)}; the settings were {', '.join(options.settings)}") from error


def main(argv=None):
    """Run the command line. Returns 0 = ran, 1 = a stated tolerance was missed, 2 = the user's mistake."""
    return guarded(_main, sys.argv[1:] if argv is None else list(argv))


def run_protocol(module=None, argv=None):
    """The command line of one protocol module: `spikelearn run` without the protocol's name. Returns the exit code.

    Without a module it is the script that Python runs, which ends with that code: the last line of a protocol.
    """
    code = guarded(_run_module, module or sys.modules["__main__"], sys.argv[1:] if argv is None else list(argv))
    if module is None:
        sys.exit(code)
    return code


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
    """An error in one line: a SpikelearnError as it is, any other error by its innermost cause."""
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
    options = parsed(argv)
    return options.command(options)


def parsed(argv):
    """The options that some arguments give."""
    return _parser().parse_args(argv)


def _parser():
    parser = Parser(prog="spikelearn", description="A laboratory for spike-based learning rules on Brian2.",
                    allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"spikelearn {spikelearn.__version__}")
    commands = parser.add_subparsers(
        required=True, metavar="list | show | copy | export | run | fit | sweep | again | cache | lab")
    add = commands.add_parser("list", help="list neurons, synapses, experiments, protocols and datasets")
    add.set_defaults(command=show.list_all)
    add = commands.add_parser("show", help="show equations or conditions, parameters with units, and source")
    add.add_argument("name", metavar="NAME", help="a model, experiment or protocol, by name or file")
    add.set_defaults(command=show.show)
    add = commands.add_parser("copy", help="make an editable copy of a model, experiment or protocol")
    add.add_argument("name", metavar="NAME")
    add.add_argument("file", metavar="FILE")
    add.set_defaults(command=show.copy)
    add_export(commands)
    add = commands.add_parser("run", help="run a protocol, save the result and the figure, print the headline numbers",
                              allow_abbrev=False)
    add.add_argument("protocol", metavar="PROTOCOL", help="a protocol, by name or file")
    _add_run_options(add)
    add.set_defaults(command=_run)
    add_fit(commands, _add_run_options, _run)
    add_sweep(commands, _add_run_options)
    add_again(commands)
    add_cache(commands)
    add_lab(commands)
    return parser


def _add_run_options(parser):
    parser.add_argument("--synapse", action="append", metavar="NAME|FILE", default=[],
                        help="learning rule to use; repeat the option to compare several")
    parser.add_argument("--neuron", metavar="NAME|FILE", help="neuron model to use")
    parser.add_argument("--set", action="append", metavar="PARAMETER=VALUE", default=[], dest="settings",
                        help='change a parameter, with Brian2 units: --set "tau_plus=20*ms"; repeatable; '
                             "spikelearn show NAME lists parameters")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the random number generator")
    parser.add_argument("--seeds", action="append", metavar="N", dest="settings", type=lambda n: f"seeds={n}",
                        help="number of seeds, for protocols that average over seeds")
    parser.add_argument("--pairing", action="append", metavar="TEXT", dest="settings",
                        type=lambda text: f"pairing={text}",
                        help='one condition instead of a file: "pre 0; post 7 17; 60 at 1*Hz", times in ms')
    parser.add_argument("--device", choices=["auto", "numpy", "cython", "cpp"], metavar="numpy|cython|cpp",
                        help="code generation target of Brian2; default: chosen by the length of the run")
    parser.add_argument("--out", metavar="DIR", help="folder for the result; default: results/PROTOCOL-TIME")
    parser.add_argument("--resume", metavar="DIR", help="resume the training that writes its result into DIR")
    parser.add_argument("--data-dir", metavar="DIR",
                        help="folder of the datasets; default: SPIKELEARN_DATA, or a download")
    parser.add_argument("--jobs", type=int, metavar="N", help="number of parallel processes")
    parser.add_argument("--quick", action="store_true",
                        help="run a shortened version to check that everything works; do not use its numbers")
    parser.add_argument("--csv", action="store_true", help="also write arrays of equal length as columns of result.csv")
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
        return shlex.join(["spikelearn", *typed(resumed), *["--json"] * options.json])

    with warnings_in_one_line(), naming_the_settings(options):
        return running.run_and_save(module, options, command=shlex.join(["spikelearn", *typed(options)]),
                                    again=resuming)


def typed(options):
    """The arguments that repeat this run."""
    words = ["run", options.protocol]
    words += [word for synapse in options.synapse for word in ("--synapse", synapse)]
    words += [word for setting in options.settings for word in ("--set", setting)]
    for name in ("neuron", "seed", "device", "resume", "data_dir", "jobs"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    return words + ["--quick"] * options.quick


if __name__ == "__main__":
    sys.exit(main())
