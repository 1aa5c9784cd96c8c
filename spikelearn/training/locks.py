"""Files that one process holds at a time."""
import contextlib
import fcntl
import os
from pathlib import Path

from spikelearn.errors import SpikelearnError


@contextlib.contextmanager
def held(path, sentence):
    """Hold the file `path` as a lock until the end of the block; it is made, and removed at the end.

    The kernel keeps the lock and ends it with the process, however that ends: a file left behind blocks nobody.

    Raises
    ------
    SpikelearnError
        With `sentence` if somebody else holds the lock; with another one if the file cannot be made.
    """
    path = Path(path)
    try:
        descriptor = _locked(path)
    except BlockingIOError as error:
        raise SpikelearnError(sentence) from error
    except OSError as error:
        raise SpikelearnError(f"'{path}' cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()               # while it is held: whoever waits for this file sees that it is gone
        os.close(descriptor)


def _locked(path):
    """Descriptor of the locked file, which is the one that `path` names now."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:       # removed by its last holder meanwhile
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
