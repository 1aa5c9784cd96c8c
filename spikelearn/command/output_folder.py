"""The output folder, which is reserved for one run from its start to its end."""
import contextlib
from datetime import UTC, datetime
from pathlib import Path

from spikelearn.errors import SpikelearnError
from spikelearn.results.files import check_output, check_place
from spikelearn.results.locks import LOCK, held, remove_leftovers
from spikelearn.training.checkpoint import beside, checkpoint_file, checkpoints_of, refuse_to_replace


@contextlib.contextmanager
def output_folder(out, resume, name, trains=False):
    """The output folder of a run; no other run writes to it until the end of the block.

    It is made before the run, so that no run is in vain, and removed at the end if it is still empty.

    Parameters
    ----------
    out, resume : str or None
        Folders given by the user: for the result, and of the training to continue. Without either, a new folder is
        made: results/NAME-TIME.
    name : str
        Name of the protocol.
    trains : bool
        Whether the protocol keeps checkpoints beside the folder.

    Raises
    ------
    SpikelearnError
        If another run holds the folder, if it holds something, if a training that is not resumed has left its
        checkpoint beside it, if there is none to resume, or if the folder cannot be made.
    """
    if resume is not None and trains and not checkpoints_of(resume):
        raise SpikelearnError(f"there is no checkpoint of a training beside '{resume}': nothing can be resumed, "
                              "so start the training with --out")
    given = out if out is not None else resume
    directory = _new_folder(name) if given is None else Path(given)
    check_place(directory)
    _make_above(directory)
    remove_leftovers(directory.resolve().parent)
    sentence = f"another run writes to '{directory}': wait for its end, or choose another --out"
    with held(beside(directory.resolve(), LOCK, hidden=True), sentence):
        if given is not None:
            _refuse(directory, resume)
        made = given is None or not directory.exists()
        with _told(directory):
            directory.mkdir(exist_ok=True)
        try:
            yield directory
        finally:
            if made:
                with contextlib.suppress(OSError):      # it holds the result, or the user has removed it
                    directory.rmdir()


def _refuse(directory, resume):
    """Refuse a folder that is not empty, or that has the checkpoint of a training that is not resumed."""
    resumed = resume is not None and Path(resume).resolve() == directory.resolve()
    if resumed and (directory / "run.json").is_file():
        raise SpikelearnError(f"'{resume}' holds the result of a finished training: more epochs go into a new folder, "
                              f"with --resume {resume} --out DIR")
    check_output(directory)
    if not resumed:
        refuse_to_replace(checkpoint_file(directory), directory)


def _new_folder(name):
    """A new folder results/NAME-TIME."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in ("", *(f"-{number}" for number in range(2, 1000))):
        directory = Path("results") / f"{name}-{stamp}{number}"
        _make_above(directory)
        with _told(directory), contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise SpikelearnError(f"'{directory}' and many more exist: --out DIR chooses another place")


def _make_above(directory):
    """Make the folders above one."""
    with _told(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _told(directory):
    """A sentence for the user if the folder cannot be made."""
    try:
        yield
    except OSError as error:
        sentence = f"'{directory}' cannot be made: {error.strerror}; --out DIR chooses another place"
        raise SpikelearnError(sentence) from error
