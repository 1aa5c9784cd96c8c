"""Files of trained Boltzmann machines: an .npz without pickles, written atomically."""
import json
from io import BytesIO
from pathlib import Path

import numpy as np

from spikelearn.boltzmann.machine import machine_of
from spikelearn.errors import SpikelearnError
from spikelearn.results.files import write_file
from spikelearn.training.checkpoint import damage_told, read_archive

FORMAT = "spikelearn machine 1"


def save(machine, path, **facts):
    """Write a machine to an .npz without pickles, atomically; an existing file is refused.

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
    with damage_told(f"'{path}' is damaged or no Boltzmann machine"):
        facts, arrays = read_archive(path, FORMAT)
        return machine_of(arrays, int(facts.pop("layers"))), facts
