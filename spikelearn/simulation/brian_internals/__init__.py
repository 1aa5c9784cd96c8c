"""All that relies on Brian2's private parts: objects, devices, generated code, sources of compiled programs.

Each touch is a function with a comment that names Brian2's source, and is asserted when it is used. Checked with
Brian2 2.9, 2.10 and 2.11 by tests/test_brian_internals.py.
"""
import brian2

from spikelearn.errors import SpikelearnError


def relied_on(holds: bool, what: str) -> None:
    """Refuse to go on where Brian2 is not what this package relies on. Raises SpikelearnError."""
    if not holds:
        raise SpikelearnError(f"Brian2 {brian2.__version__} differs from the versions that spikelearn knows: {what}")
