"""Files of trained Boltzmann machines: an .npz without pickles, written atomically."""
from io import BytesIO
from pathlib import Path

from spikelearn.boltzmann.machine import machine_of
from spikelearn.errors import SpikelearnError
from spikelearn.results.archives import damage_told, read_archive, write_archive
from spikelearn.results.files import write_file

FORMAT = "spikelearn machine 2"
OLDER = ("spikelearn machine 1",)     # without a SHA-256


def save(machine, path, **facts):
    """Write a machine to an .npz without pickles, atomically; an existing file is refused.

    facts : what to remember of how it came about, such as rule="vpf"; numbers and text.
    """
    content, arrays = BytesIO(), machine.arrays()
    write_archive(content, {"format": FORMAT, "layers": len(machine.biases), **facts}, arrays)
    write_file(path, content.getvalue())


def load(path):
    """(Machine, facts) from a file that `save` wrote; refuses a damaged or foreign one."""
    path = Path(path)
    if not path.is_file():
        raise SpikelearnError(f"there is no machine '{path}'")
    with damage_told(f"'{path}' is damaged or no Boltzmann machine"):
        facts, arrays = read_archive(path, FORMAT, OLDER)
        return _machine(facts.pop("layers"), arrays), facts


def _machine(layers, arrays):
    """The machine of these arrays. Raises ValueError if they are not those of one."""
    if type(layers) is not int or not 0 < layers <= len(arrays):
        raise ValueError("layers")
    try:
        machine = machine_of(arrays, layers)
    except SpikelearnError as error:
        raise ValueError("shapes") from error
    if set(machine.arrays()) != set(arrays) or any(array.dtype.kind != "f" for array in arrays.values()):
        raise ValueError("arrays")
    return machine
