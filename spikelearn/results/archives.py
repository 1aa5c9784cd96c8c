"""Archives of arrays, .npz without pickles: sizes are checked before anything is read, the content by one SHA-256."""
import contextlib
import hashlib
import io
import json
import math
import os
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from spikelearn.errors import SpikelearnError

LARGEST = 4 * 2**30     # bytes that a packed archive of ours may unpack to; chosen here
HEADER = 2**14          # bytes of an array's header at most: NumPy's own limit is 10,000
PIECE = 2**20           # bytes that are read at once


@contextlib.contextmanager
def damage_told(sentence: str) -> Iterator[None]:
    """Whatever a damaged file brings about while it is read becomes a SpikelearnError with this sentence."""
    try:
        yield
    except SpikelearnError:
        raise
    except Exception as error:      # of zipfile, zlib, json, tokenize, NumPy; also too little memory, too deep nesting
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise SpikelearnError(f"{sentence}{reason}") from error


def content_sha256(facts: dict, arrays: dict) -> str:
    """SHA-256 over facts, as JSON, and over name, type, shape and content of every array.

    facts : what JSON can hold. arrays : name -> array, without Python objects.
    """
    stated = json.dumps(json.loads(json.dumps(facts)), sort_keys=True)
    digest = hashlib.sha256(stated.encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_archive(file, facts: dict, arrays: dict) -> None:
    """Write arrays and facts, with the SHA-256 over both.

    file : open for writing, or a path. facts : what JSON can hold, with the entry `format`; arrays : name -> array.
    """
    stated = facts | {"arrays": sorted(arrays)}
    stated |= {"sha256": content_sha256(stated, arrays)}
    np.savez(file, facts=np.array(json.dumps(stated)), **arrays)


def read_archive(path: str | Path, form: str, older: Iterable[str] = ()) -> tuple[dict, dict]:
    """(facts, name -> array) of a file of `write_archive`. To be called within `damage_told`.

    form : its format. older : formats of earlier versions, which have no SHA-256. Raises SpikelearnError for another.
    """
    arrays = read_arrays(path)
    facts = json.loads(str(arrays.pop("facts")))
    if facts["format"] not in (form, *older):
        raise SpikelearnError(f"'{path}' is no {form.split()[1]} of this version of spikelearn")
    if facts["format"] == form or "sha256" in facts:
        if facts.pop("sha256") != content_sha256(facts, arrays):
            raise ValueError("the content is not what was saved")
    if facts.pop("arrays") != sorted(arrays):
        raise KeyError("an array is missing")
    del facts["format"]
    return facts, arrays


def read_arrays(path: str | Path, packed: bool = False, most: float = LARGEST) -> dict:
    """name -> array of an .npz file. To be called within `damage_told`.

    packed : whether arrays may be compressed, which unpack to `most` bytes in all. Others are as large as the file.
    """
    with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of NumPy about headers of other versions
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        if not packed and not stored:
            raise ValueError("an array is compressed")
        if sum(member.file_size for member in members) > (most if packed else os.path.getsize(path)):
            raise ValueError("the arrays are larger than they may be")
        if len(set(names)) < len(names) or not all(member.filename.endswith(".npy") for member in members):
            raise ValueError("the names of the arrays are not those of an .npz file")
        return {name: _array(archive, member) for name, member in zip(names, members, strict=True)}


def _array(archive, member):
    """The array of a member, whose size must be what its header states."""
    with archive.open(member) as stream:
        first = stream.read(min(member.file_size, HEADER))
        header = io.BytesIO(first)
        version = np.lib.format.read_magic(header)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(header)
        if dtype.kind not in "biufcUS" or dtype.names or dtype.subdtype or not dtype.itemsize:
            raise ValueError(f"an array holds Python objects or records: {dtype}")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"the shape {shape} of an array")
        size = math.prod(shape) * dtype.itemsize
        if header.tell() + size != member.file_size:
            raise ValueError("the header of an array states another size than the file has")
        content = bytearray(header.read())
        while piece := stream.read(PIECE):
            content += piece
        if stream.read(1) or len(content) != size:
            raise ValueError("an array is truncated")
    array = np.frombuffer(content, dtype) if size else np.empty(0, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
