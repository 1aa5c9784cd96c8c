"""Trained Boltzmann machines in files: an .npz without pickles, there whole or not at all."""
import json
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np

from spikelearn.boltzmann import machine_of
from spikelearn.equations import SpikelearnError
from spikelearn.results import write_file

FORMAT = "spikelearn machine 1"


def save(machine, path, **facts):
    """Write a machine to an .npz without pickles, whole or not at all; an existing file is refused.

    facts : what to remember of how it came about, such as rule="vpf"; numbers and text.
    """
    content, arrays = BytesIO(), machine.arrays()
    np.savez(content, facts=np.array(json.dumps(
        {"format": FORMAT, "layers": len(machine.biases), "arrays": sorted(arrays), **facts})), **arrays)
    write_file(path, content.getvalue())


def load(path):
    """(Machine, facts) from a file that `save` wrote; refuses a damaged or foreign one."""
    path = Path(path)
    if not path.is_file():
        raise SpikelearnError(f"there is no machine '{path}'")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(str(arrays.pop("facts")))
        if facts.pop("format") != FORMAT:
            raise SpikelearnError(f"'{path}' is no machine of this version of spikelearn")
        if facts.pop("arrays") != sorted(arrays):
            raise ValueError("an array is missing")
        return machine_of(arrays, int(facts.pop("layers"))), facts
    except SpikelearnError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile,
            zlib.error, NotImplementedError, RuntimeError) as error:
        raise SpikelearnError(f"'{path}' is damaged or no Boltzmann machine") from error
