"""`spikelearn lab`: the page in the browser on which a rule is edited, on this machine only."""
import argparse
import importlib.util
import secrets
import socket
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
    from spikelearn.command.process import import_brian2

    listening, token = _listening(options.port), secrets.token_urlsafe(24)
    import_brian2()
    address = f"http://{HOST}:{listening.getsockname()[1]}/?access_token={token}"
    print(f"the laboratory is at {address}\nthe editor of this page runs Python; Ctrl-C ends it", flush=True)
    if not options.no_browser:
        webbrowser.open(address)
    _serve(page(token), listening)
    return 0


def page(token: str):
    """The page as an ASGI application; requests without the token are refused."""
    from marimo import create_asgi_app

    return create_asgi_app(quiet=True, token=token).with_app(path="", root=str(app_file())).build()


def app_file() -> Path:
    """The file of the page, notebooks/lab.py, also of an installed package."""
    folder = importlib.util.find_spec("spikelearn.notebooks").submodule_search_locations[0]
    return Path(folder) / "lab.py"


def _listening(port):
    """A socket on the loopback that listens at the port, or where none is asked for at the usual or a free one."""
    for wanted in (PORT, 0) if port is None else (port,):
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, wanted))
            return found
        except (OSError, OverflowError) as error:
            found.close()
            problem = error
    raise SpikelearnError(f"--port {port} cannot be used: {getattr(problem, 'strerror', None) or problem}")


def _serve(application, listening):
    import uvicorn  # comes with marimo

    uvicorn.Server(uvicorn.Config(application, log_level="error", ws="websockets-sansio")).run(sockets=[listening])
