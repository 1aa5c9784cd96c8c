"""`spikelearn lab`: the page in the browser on which a rule is edited, on this machine only."""
import argparse
import importlib.util
import os
import runpy
import secrets
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path

from spikelearn.errors import SpikelearnError

HOST = "127.0.0.1"      # the page runs what is typed as Python: it is never offered to other machines
PORT = 2718


def add_lab(commands) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "lab", help="edit a rule in the browser beside what it explains", allow_abbrev=False,
        description="Serve a page on this machine (127.0.0.1) on which a rule is edited, with its curves beside the "
                    "measurements. The editor runs what is typed as Python.")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    parser.add_argument("--port", type=int, metavar="N", default=None,
                        help=f"port of the page; default: {PORT}, or a free one")
    parser.set_defaults(command=lab)


def lab(options: argparse.Namespace) -> int:
    """Serve the page until it is interrupted. Returns 0. Raises SpikelearnError."""
    if importlib.util.find_spec("marimo") is None:
        raise SpikelearnError('the page needs marimo: pip install "spikelearn[lab]" installs it')
    port, token = free_port(options.port), secrets.token_urlsafe(24)
    server = subprocess.Popen(server_command(port), stdin=subprocess.PIPE, text=True,
                              env={**os.environ, "MARIMO_SKIP_UPDATE_CHECK": "1"})
    try:
        server.stdin.write(token)
        server.stdin.close()
        _wait_for(server, port)
        address = f"http://{HOST}:{port}/?access_token={token}"
        print(f"the laboratory is at {address}\nthe editor of this page runs Python; Ctrl-C ends it", flush=True)
        if not options.no_browser:
            webbrowser.open(address)
        server.wait()
    finally:
        server.terminate()
        server.wait()
    return 0


def server_command(port: int) -> list[str]:
    """The command that serves the page; it reads the token from its standard input.

    -P: Python files of the folder that it is started in are not taken for modules of Python.
    """
    program = "from spikelearn.command.lab import serve; serve()"
    return [sys.executable, "-P", "-c", program, "--quiet", "run", str(app_file()), "--host", HOST, "--port",
            str(port), "--token", "--token-password-file", "-", "--headless", "--no-sandbox", "--no-check"]


def serve() -> None:
    """Run marimo's command line in this process, with Brian2, which can only be imported in the main thread."""
    from spikelearn.command.process import import_brian2

    import_brian2()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)


def _end_with(parent):
    """End this process when the one that started it has ended, also where it was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def app_file() -> Path:
    """The file of the page, notebooks/lab.py, also of an installed package."""
    folder = importlib.util.find_spec("spikelearn.notebooks").submodule_search_locations[0]
    return Path(folder) / "lab.py"


def free_port(port: int | None) -> int:
    """The port to serve at: the one that is asked for, else the usual or a free one. Raises SpikelearnError."""
    for wanted in (PORT, 0) if port is None else (port,):
        with socket.socket() as found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                found.bind((HOST, wanted))
                return found.getsockname()[1]
            except (OSError, OverflowError) as error:
                problem = error
    raise SpikelearnError(f"--port {port} cannot be used: {getattr(problem, 'strerror', None) or problem}")


def _wait_for(server, port):
    """Return when the server answers. Raises SpikelearnError if it ends before."""
    while True:
        if server.poll() is not None:
            raise SpikelearnError(f"marimo ended with the exit code {server.returncode} before it served the page")
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(.1)
