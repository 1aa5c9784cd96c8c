"""Files as the package writes them, their readers, and damage drawn at random: for tests/test_faults_in_files.py."""
import dataclasses
import gzip
import hashlib
import io
import json
import random
import struct
import zipfile

import numpy as np

from spikelearn.boltzmann import files as machines
from spikelearn.boltzmann.machine import new_machine
from spikelearn.images.idx_files import read_idx
from spikelearn.images.own_images import load_own_images
from spikelearn.results import Result, load, save
from spikelearn.simulation import programs
from spikelearn.training.checkpoint import State, load_checkpoint, save_checkpoint

IDENTITY = {"network": "3-2", "seed": "1", "text of the synapse model": '{"on_pre": "w += 1"}'}
STATE = State({"w": np.linspace(0, 1, 12).reshape(3, 4), "b": np.arange(4, dtype=np.float32)},
              {"w": np.full((3, 4), .5)}, 2, 1, 7, {"error": [.5, .25]}, np.arange(6.0))
SHAPE = (3, 4, 5)
IDX = bytes((0, 0, 8, 3)) + struct.pack(">3I", *SHAPE) + bytes(range(60))


def content(value):
    """A value as something that can be compared: arrays by type, shape and bytes."""
    if isinstance(value, dict):
        return {name: content(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [content(item) for item in value]
    if isinstance(value, np.ndarray):
        return repr(getattr(value, "dim", None)), value.dtype.str, value.shape, np.asarray(value).tobytes()
    return repr(value)


class Kind:
    """A kind of file: `write` makes the files of a folder, `read` gives the content that a user gets from them.

    main : names of the files that are damaged. ours : whether this package wrote them, with a SHA-256; of a user's own
    archive, one that was made anew with other numbers is just another.
    """

    def __init__(self, write, read, *main, ours=True):
        self.write, self.read, self.main, self.ours = write, read, main, ours


def _of_checkpoint(folder):
    state = load_checkpoint(folder / "x.checkpoint.npz", IDENTITY)
    return content(dataclasses.astuple(state))


def _write_result(folder):
    from brian2 import ms

    arrays = {"delta_t": np.arange(5) * ms, "rule": np.array(["pair", "triplet"])}
    save(Result("window", arrays, {"slope": 1.5, "n": 60},
                {"command": "spikelearn run window", "models": [{"name": "rule", "text": "w += 1"}]}), folder / "r")


def _of_result(folder):
    result = load(folder / "r")
    return content([result.protocol, result.arrays, result.headline, result.provenance])


def _write_machine(folder):
    machines.save(new_machine((4, 3), spread=.5, dtype=np.float32), folder / "m.npz", rule="vpf")


def _of_machine(folder):
    machine, facts = machines.load(folder / "m.npz")
    return content([machine.arrays(), facts])


def _write_program(folder):
    (folder / "static_arrays").mkdir()
    (folder / "static_arrays" / "w").write_bytes(bytes(range(40)))
    (folder / "main").write_bytes(b"\x7fELF" + bytes(range(200)))
    (folder / "main").chmod(0o755)
    (folder / programs.CHECKSUM).write_text(programs._checksum(folder))


def _of_program(folder):
    """The program, or none: it is built again."""
    if not programs._whole(folder):
        raise programs.SpikelearnError("the program is built again")
    return content([(folder / "main").read_bytes(), (folder / "static_arrays" / "w").read_bytes()])


def _write_own(folder):
    rng = np.random.default_rng(1)
    np.savez_compressed(folder / "mine.npz", images=rng.integers(0, 256, (40, 3, 3)).astype(np.uint8),
                        labels=np.tile([0, 1], 20))


def _of_own(folder):
    data = load_own_images(folder / "mine.npz")
    return content([*data.train, *data.validation, *data.test()])


def _idx(name, packed):
    return Kind(lambda folder: (folder / name).write_bytes(gzip.compress(IDX, mtime=0) if packed else IDX),
                lambda folder: content(read_idx(folder / name, SHAPE, hashlib.sha256(IDX).hexdigest())), name)


KINDS = {
    "checkpoint": Kind(lambda folder: save_checkpoint(folder / "x.checkpoint.npz", STATE, IDENTITY), _of_checkpoint,
                       "x.checkpoint.npz"),
    "arrays of a result": Kind(_write_result, _of_result, "r/result.npz"),
    "run.json": Kind(_write_result, _of_result, "r/run.json"),
    "machine": Kind(_write_machine, _of_machine, "m.npz"),
    "compiled program": Kind(_write_program, _of_program, "main", programs.CHECKSUM, "static_arrays/w"),
    "idx": _idx("plain", False), "packed idx": _idx("packed.gz", True),
    "own images": Kind(_write_own, _of_own, "mine.npz", ours=False),
}


# --- damage ------------------------------------------------------------------------------------------------------

def flipped(data, draw):
    """One to three bits flipped; every section of the file is hit alike, however short it is."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3))):
        first = draw.choice((0, 0, len(data) // 2, max(0, len(data) - 200)))
        place = draw.randrange(first, len(data))
        data[place] ^= 1 << draw.randrange(8)
    return bytes(data)


def truncated(data, draw):
    """Only a beginning."""
    return data[:draw.randrange(len(data))]


def _piece(data, draw):
    first = draw.randrange(len(data))
    return first, min(len(data), first + draw.choice((1, 2, 8, 64, 512)))


def cut(data, draw):
    """A piece is missing."""
    first, last = _piece(data, draw)
    return data[:first] + data[last:]


def doubled(data, draw):
    """A piece is there twice."""
    first, last = _piece(data, draw)
    return data[:last] + data[first:]


def blank(data, draw):
    """A piece is zeros, as after a power cut."""
    first, last = _piece(data, draw)
    return data[:first] + bytes(last - first) + data[last:]


def strange(data, draw):
    """A piece is random."""
    first, last = _piece(data, draw)
    return data[:first] + draw.randbytes(last - first) + data[last:]


def repacked(data, draw):
    """One array of an .npz changes, its header included, and the archive is made anew: its own checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            members = {name: old.read(name) for name in old.namelist()}
    except zipfile.BadZipFile:
        return flipped(data, draw)
    name = draw.choice(sorted(members))
    members[name] = draw.choice((flipped, flipped, truncated, cut, doubled, blank))(members[name], draw)
    if draw.random() < .1:
        del members[name]
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return new.getvalue()


def edited(data, draw):
    """A digit changes in the text of a run.json, as in an edited headline; another file has a bit flipped."""
    try:
        json.loads(data)
    except ValueError:
        return flipped(data, draw)
    digits = [k for k, byte in enumerate(data) if chr(byte).isdigit()]
    place = draw.choice(digits)
    return data[:place] + str(draw.randrange(10)).encode() + data[place + 1:]


DAMAGES = (flipped, flipped, truncated, cut, doubled, blank, strange, repacked, repacked, edited)


def damaged(number, files, ours=True):
    """(name of a file, name of the damage, its damaged bytes) that follow from a number. files : name -> bytes."""
    draw = random.Random(number)
    name = draw.choice(sorted(files))
    damage = draw.choice(DAMAGES)
    damage = damage if ours or damage is not repacked else flipped
    return name, damage.__name__, damage(files[name], draw)
