"""Folders of compiled networks, in the user's cache or in a private one where that is read-only, and of their runs."""
import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from spikelearn.errors import SpikelearnError
from spikelearn.results.locks import remove_leftovers, temporary_folder

DRAFT = "draft-"                # begins the name of a folder in which a network is built
VALUES = "spikelearn-values-"   # begins the name of a folder with the values and results of a run
GONE = "the compiled network is no longer in {}, which was cleared during the run: the same command compiles it again"
ABANDONED = 24 * 3600           # seconds after which a draft without a lock is nobody's; chosen here


class ProgramGone(SpikelearnError):
    """A program was removed just before it started."""


def cache_folder():
    """Where built networks are kept: SPIKELEARN_CACHE or the user's cache folder; an absolute path."""
    import pooch

    given = os.environ.get("SPIKELEARN_CACHE")
    try:
        return Path(os.path.abspath(Path(given or pooch.os_cache("spikelearn")).expanduser()))
    except RuntimeError as error:
        raise SpikelearnError(f"SPIKELEARN_CACHE={given} names no folder: {error}") from error


def network_folders():
    """Folders of built networks, in the order in which they are searched and written.

    Where SPIKELEARN_CACHE names none, a folder for temporary files follows that nobody else can write: a home may be
    read-only.
    """
    folders = [cache_folder() / "networks"]
    if not os.environ.get("SPIKELEARN_CACHE"):
        folders.append(Path(tempfile.gettempdir()) / f"spikelearn-cache-{os.getuid()}" / "networks")
    return folders


def make_folder(folder):
    """Make a folder of `network_folders`. Raises OSError, also if another user could write programs into it."""
    private = folder.parent
    if private.name.startswith("spikelearn-cache-") and private.parent == Path(tempfile.gettempdir()):
        private.mkdir(mode=0o700, exist_ok=True)
        found = private.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise PermissionError(1, "it belongs to another user", str(private))
    folder.mkdir(parents=True, exist_ok=True)


def size_of_folder(folder):
    """(folders and files that it holds, bytes) of a folder; locks do not count."""
    found = [path for path in Path(folder).glob("*") if path.suffix != ".lock"]
    return len(found), sum(_bytes(inner) for path in found for inner in (path, *path.rglob("*")))


def _bytes(path):
    try:
        found = path.lstat()
        return found.st_size if stat.S_ISREG(found.st_mode) else 0
    except OSError:         # removed meanwhile
        return 0


def clear(folder):
    """Remove built networks, but not those that are being built. Returns how many were removed.

    A program that runs meanwhile ends as ever: its file is gone from the folder only.
    """
    if not folder.is_dir():
        return 0
    remove_leftovers(folder, DRAFT, 0)
    removed = 0
    for name in sorted({path.name.removesuffix(".lock") for path in folder.iterdir()}):
        if not re.fullmatch("[0-9a-f]{32}", name):      # not ours
            continue
        try:
            with FileLock(f"{folder / name}.lock", timeout=0), temporary_folder(folder, DRAFT) as grave:
                if os.path.lexists(folder / name):
                    os.replace(folder / name, grave / "network")        # at once, so that none is found half
                    removed += 1
                (folder / f"{name}.lock").unlink(missing_ok=True)
        except Timeout:
            continue
        except OSError as error:
            raise SpikelearnError(f"'{folder}' cannot be cleared: {error.strerror or error}") from error
    return removed


def folder_for_runs():
    """Where the values and results of runs stand while they last: in memory where there is room, else on the disk.

    What was left by a process that was killed is removed.
    """
    memory, disk = Path("/dev/shm"), Path(tempfile.gettempdir())
    for place in (memory, disk):
        remove_leftovers(place, VALUES)
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if roomy else disk


@contextlib.contextmanager
def folder_of_one_run(place, program):
    """A folder for the values and results of one run; a sentence for the user if the disk refuses what it needs.

    place : that of `folder_for_runs`. program : folder of the compiled network.
    """
    try:
        with temporary_folder(place, VALUES, 0o700) as folder:
            yield folder
    except OSError as error:
        if not (program / "main").exists():
            raise ProgramGone(GONE.format(program.parent)) from error
        raise SpikelearnError(f"a compiled network cannot run in {place}: {error.strerror or error}") from error
