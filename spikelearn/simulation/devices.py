"""Which of Brian2's devices a network runs on."""
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.programs import compiler

DEVICES = ("auto", "numpy", "cython", "cpp")
SHORT = 30_000      # time steps that "auto" leaves to NumPy: of .15 to .3 ms each, together about as long as a build


def choose_device(device, steps):
    """Turn "auto" into a device: NumPy for short runs or without a compiler, C++ otherwise. steps : of all runs."""
    if device not in DEVICES:
        raise SpikelearnError(f"there is no device '{device}'{alternatives(str(device), DEVICES)}")
    if device in ("cpp", "cython") and not compiler():
        raise SpikelearnError(f"the device '{device}' needs a C++ compiler and make, and none was found: "
                              "install g++ and make, name another compiler in CXX, or use --device numpy")
    if device == "auto":
        return "cpp" if steps > SHORT and compiler() else "numpy"
    return device
