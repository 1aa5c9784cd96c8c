"""The process that runs a command: it survives broken standard streams and handles signals."""
import builtins
import contextlib
import errno
import importlib
import os
import signal
import sys
import threading


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the run ends as after Ctrl-C."""


class Stream:
    """A standard stream that drops its output once it is broken, such as a pipe closed by its reader.

    failure : the OSError that broke it, or None
    """

    def __init__(self, stream):
        self._stream, self.failure = stream or open(os.devnull, "w", encoding="utf-8"), None

    def write(self, text):
        """Write text, or drop it if the stream is broken."""
        self._try(self._stream.write, text)
        return len(text)

    def flush(self):
        """Flush the stream, if it is not broken."""
        self._try(self._stream.flush)

    def _try(self, action, *arguments):
        if self.failure is not None:
            return
        try:
            action(*arguments)
        except OSError as error:
            self.failure = error
            with contextlib.suppress(OSError, AttributeError):      # else Python fails again on what is buffered
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)

    def __getattr__(self, name):
        return getattr(self._stream, name)


@contextlib.contextmanager
def lasting_streams():
    """Standard output and error as a Stream each; gives that of standard output."""
    output, errors = Stream(sys.stdout), Stream(sys.stderr)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        yield output


def output_failure():
    """The OSError of writing to standard output, or None; a closed pipe counts as none."""
    if sys.stdout is None:
        return None
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    return None if isinstance(failure, BrokenPipeError) else failure


@contextlib.contextmanager
def interrupts():
    """While the block runs SIGTERM raises Terminated; afterwards every signal is handled as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGTERM] is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _terminate(number, frame):
    raise Terminated


def import_brian2(quiet=False):
    """Import Brian2 and give SIGINT back to the handler that it replaces.

    Brian2's own handler stops a simulation early, as if it were over; and it calls the handler before it, which fails
    where SIGINT is ignored, as in a job that a script starts in the background. In a thread, as in a Dask worker, it
    cannot be set, and the import would fail. pytest, which Brian2 loads where it is installed, is left out: it serves
    its own tests and takes a tenth of the time. So are, until a file asks for one, the names of matplotlib that Brian2
    passes on, which take a fifth. quiet : without the warning of a file that is not read.
    """
    if threading.current_thread() is not threading.main_thread():
        with _without_preferences(quiet), _no_handlers():
            importlib.import_module("brian2")
        return
    before, loaded = signal.getsignal(signal.SIGINT), {"brian2", "pylab"} & set(sys.modules)
    _import_figures()
    with _without_preferences(quiet), _without("pytest"), _without("pylab"):
        importlib.import_module("brian2")
    if not loaded:
        _pylab_later(sys.modules["brian2"])
    handler = getattr(before, "previous_handler", before)       # where Brian2 was imported earlier
    if handler is not None:
        signal.signal(signal.SIGINT, handler)


def _import_figures():
    """Import what draws figures, without the lists of properties in its docstrings: a quarter of the time.

    matplotlib/artist.py, kwdoc: writes them, for each kind of drawing, from the docstrings of its methods.
    """
    if "matplotlib.artist" in sys.modules:
        return
    artist = importlib.import_module("matplotlib.artist")
    write, artist.kwdoc = artist.kwdoc, lambda kind: ""
    try:
        for name in ("matplotlib.figure", "matplotlib.backends.backend_agg"):
            importlib.import_module(name)
    finally:
        artist.kwdoc = write


def _pylab_later(brian2):
    """Import the names that Brian2 has from pylab, such as `plot`, once one of them or all, by *, are asked for.

    brian2/__init__.py: without pylab it takes NumPy's names, seven of which pylab leaves to Python; three are deleted.
    """
    for name in ("abs", "bool", "bytes", "max", "min", "pow", "round"):
        setattr(brian2, name, getattr(builtins, name))

    def missing(name):
        if name == "__all__" or not name.startswith("__"):
            for each, value in vars(importlib.import_module("pylab")).items():
                if not each.startswith("_") and each not in ("x", "f", "rate"):
                    vars(brian2).setdefault(each, value)
            vars(brian2).pop("__getattr__", None)
            if name in vars(brian2):
                return vars(brian2)[name]
        raise AttributeError(f"module 'brian2' has no attribute '{name}'")

    brian2.__getattr__ = missing


@contextlib.contextmanager
def _without(package):
    """Within the block a package that is not loaded yet cannot be imported."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None
    try:
        yield
    finally:
        del sys.modules[package]


@contextlib.contextmanager
def _without_preferences(quiet):
    """Within the block no file brian_preferences is found: Brian2 runs what it says as Python, where it is imported."""
    opened = builtins.open

    def found(file, *others, **keywords):
        if file == "brian_preferences":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file)
        return opened(file, *others, **keywords)

    if not quiet and "brian2" not in sys.modules and os.path.lexists("brian_preferences"):
        print("spikelearn: warning: the file brian_preferences in this folder is not read", file=sys.stderr)
    builtins.open = found
    try:
        yield
    finally:
        builtins.open = opened


@contextlib.contextmanager
def _no_handlers():
    """Within the block no signal handler is set."""
    before = signal.signal
    signal.signal = lambda number, handler: signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal = before
