"""Files and folders that one process holds at a time, and what is left of those whose process was killed.

The kernel keeps a lock and ends it with the process, however that ends. A number of a process would not do: another
container that shares the folder has other numbers.
"""
import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from spikelearn.errors import SpikelearnError

TEMPORARY = ".spikelearn-"      # begins the name of a temporary folder beside an output
LOCK = ".spikelearn-lock"       # ends the name of the lock of an output or a checkpoint, beside it
TRIES = 20                      # as `remove_leftovers` may hold a lock for a moment, to see whether it is free


@contextlib.contextmanager
def held(path: str | Path, sentence: str) -> Iterator[None]:
    """Hold the file `path` as a lock until the end of the block; it is made, and removed at the end.

    A file that was left behind blocks nobody.

    Raises
    ------
    SpikelearnError
        With `sentence` if somebody else holds the lock; with another one if the file cannot be made.
    """
    try:
        lock = _locked(path)
    except BlockingIOError as error:
        raise SpikelearnError(sentence) from error
    except OSError as error:
        raise SpikelearnError(f"'{path}' cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        _release(path, lock)


@contextlib.contextmanager
def temporary_folder(parent: str | Path, prefix: str = TEMPORARY, mode: int = 0o777) -> Iterator[Path]:
    """A new folder that is removed at the end, unless it was renamed; `remove_leftovers` leaves it alone meanwhile.

    parent : the folder that it stands in. prefix : of its name. mode : its rights, less those of the umask.
    Raises OSError if it cannot be made.
    """
    folder = Path(parent) / f"{prefix}{secrets.token_hex(8)}"
    lock = _locked(f"{folder}.lock")
    try:
        os.mkdir(folder, mode)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if os.path.lexists(folder):
            os.close(lock)              # the lock stays: `remove_leftovers` tries again
        else:
            _release(f"{folder}.lock", lock)


def remove_leftovers(parent: str | Path, prefix: str = TEMPORARY, abandoned: float = float("inf")) -> None:
    """Remove temporary folders and locks whose process was killed, as far as this user may.

    parent, prefix : as those of `temporary_folder`. abandoned : seconds after which a folder without any lock, such as
    one of an earlier version, is nobody's.
    """
    for path in [*Path(parent).glob(f"{prefix}*"), *Path(parent).glob(f".*{LOCK}")]:
        with contextlib.suppress(OSError):
            if path.suffix in (".lock", LOCK):
                _remove_unless_held(path)
            elif not os.path.lexists(f"{path}.lock") and time.time() - path.lstat().st_mtime > abandoned:
                remove(path)


def remove(path: str | Path) -> None:
    """Remove a file, a link or a folder with all that it holds, as far as that is possible."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_unless_held(lock):
    """Remove a temporary folder and its lock, if nobody holds the lock."""
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
            if lock.suffix != LOCK:
                remove(lock.with_suffix(""))
            lock.unlink()
    finally:
        os.close(descriptor)


def _release(path, descriptor):
    with contextlib.suppress(OSError):
        os.unlink(path)                 # while it is held: whoever waits for this file sees that it is gone
    os.close(descriptor)


def _locked(path):
    """Descriptor of the locked file, which is the one that `path` names now."""
    tries = 0
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:       # removed by its last holder meanwhile
            pass
        except BlockingIOError:
            tries += 1
            if tries >= TRIES:
                os.close(descriptor)
                raise
            time.sleep(0.005)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
