"""Compiling Brian2's generated C++ once and keeping the program in the user's cache folder.

A program is found again by a hash of its sources, static data, compiler, flags, processor and C library. One that is
not what was compiled, such as a truncated file, is compiled again. A program ends with the process that started it.
"""
import errno
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
from brian2 import NeuronGroup, Synapses
from filelock import FileLock

from spikelearn.errors import SpikelearnError
from spikelearn.results.locks import remove, remove_leftovers, temporary_folder
from spikelearn.simulation.brian_internals.device import try_refused_flags_again
from spikelearn.simulation.brian_internals.objects import noted
from spikelearn.simulation.brian_internals.sources import (
    check_program,
    in_own_namespace,
    optimise,
    sources_of,
    take_time_once,
    without_order,
)
from spikelearn.simulation.cache import ABANDONED, DRAFT, GONE, make_folder, network_folders
from spikelearn.simulation.children import how_it_ended, to_the_end

TOLD = "spikelearn: "           # begins a sentence for the user in what a compiled program prints
ONE_AT_A_TIME = threading.Lock()        # to compile again: training runs programs in several threads
MUCH = 5e8      # time steps times neurons from which compiling with -O3 is worth its time, some 5 s; measured
CHECKSUM = "checksum.txt"       # file in the folder of a program: the hash of what was compiled


def compiler():
    """The C++ compiler and make that Brian2 calls, or None if one of them is missing."""
    try:
        words = shlex.split(os.environ.get("CXX", "g++"))
    except ValueError:              # a quotation mark that is not closed
        words = []
    found = shutil.which(words[0]) if words else None
    return found if found and shutil.which("make") else None


def neuron_steps(objects: dict, steps: float) -> float:
    """How much a run calculates: time steps times neurons, and times the synapses that a spike meets in each step.

    objects : name -> object of Brian2. All neurons count as connected where it is not known that each has one synapse.
    """
    synapses = (len(item.source) * len(item.target) for item in objects.values()
                if isinstance(item, Synapses) and not noted(item, "one_synapse_each", False))
    return steps * (sum(len(item) for item in objects.values() if isinstance(item, NeuronGroup)) + sum(synapses) / 10)


def compiled(device, work):
    """(folder of the compiled program, whether it was compiled now) of a Brian2 standalone device.

    work : see neuron_steps; the program of a short run is optimised less, since compiling it would take longer.
    Another process that wants the same program waits for it. A program in the cache that is not what was compiled is
    compiled again. Raises SpikelearnError if the cache cannot be written or the compiler fails.
    """
    try:
        drafts = tempfile.gettempdir()
        remove_leftovers(drafts, f"spikelearn-{DRAFT}")
        with temporary_folder(drafts, f"spikelearn-{DRAFT}") as draft:
            try_refused_flags_again()
            device.build(directory=str(draft), compile=False, run=False)
            check_program(draft)
            take_time_once(draft)
            optimise(draft, work < MUCH)
            name = _fingerprint(draft)
            for folder in network_folders():        # without a lock: a cache that cannot be written is read
                remove_leftovers(folder, DRAFT, ABANDONED)
                if _whole(folder / name):
                    return folder / name, False
            return _built(draft, name)
    except OSError as error:
        raise SpikelearnError(f"the network could not be written in {drafts}: {_reason(error)}") from error


def compiled_if_gone(folder, device, work, globals_set):
    """Folder of the program of a device, which is compiled again where somebody has cleared the cache.

    work : as in `compiled`. globals_set : context in which the device is Brian2's. Raises SpikelearnError if that
    cannot be.
    """
    with ONE_AT_A_TIME:
        if (folder / "main").exists():
            return folder
        with globals_set:
            again, _ = compiled(device, work)
    if again.name != folder.name:       # the compiler is another one now, say
        raise SpikelearnError(GONE.format(folder.parent))
    return again


def _built(draft, name):
    """(folder of the program, whether it was compiled now) of a draft, in the first cache that can be written."""
    folders = network_folders()
    for cache in folders:
        try:
            make_folder(cache)
            return _built_in(cache, draft, name)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or cache == folders[-1]:
                raise SpikelearnError(f"the network could not be built in {cache}: {_reason(error)}; SPIKELEARN_CACHE "
                                      "names another folder") from error


def _built_in(cache, draft, name):
    folder = cache / name
    with FileLock(f"{folder}.lock"):
        if _whole(folder):
            return folder, False
        with temporary_folder(cache, DRAFT) as made:
            shutil.copytree(draft, made, dirs_exist_ok=True, copy_function=shutil.copyfile)
            make_program(made)
            (made / CHECKSUM).write_text(_checksum(made))
            remove(folder)
            os.replace(made, folder)
    return folder, True


def _reason(error):
    """Why the disk refuses something, in its own words."""
    several = isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list)
    return error.args[0][0][2] if several else error.strerror or error


def _whole(folder):
    """Whether a folder of the cache holds the program that was compiled, and the data that it reads."""
    try:
        return os.access(folder / "main", os.X_OK) and (folder / CHECKSUM).read_text() == _checksum(folder)
    except (OSError, UnicodeDecodeError):
        return False


def _checksum(folder):
    """Hash of a program and of the data that it reads."""
    digest = hashlib.sha256()
    for path in [folder / "main", *sorted(path for path in (folder / "static_arrays").glob("*"))]:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _fingerprint(folder):
    """Hash of the generated sources, static data, makefile (flags), compiler, processor and C library."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = without_order(path.read_bytes())
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True).stdout.splitlines()[:1]
    cpu = Path("/proc/cpuinfo")
    told = cpu.read_text().splitlines() if cpu.exists() else []
    flags = [line for line in told if line.startswith(("flags", "Features"))][:1]
    digest.update("\n".join([*version, *flags, platform.machine(), *platform.libc_ver()]).encode())
    return digest.hexdigest()[:32]


def make_program(folder):
    """Compile; the many small files of the code objects go as one unit a core, five times faster."""
    jobs, (makefile, listed) = os.cpu_count() or 1, sources_of(folder)
    many = sorted(name for name in listed if name.startswith("code_objects/"))
    units = [f"unit_{job}.cpp" for job in range(min(jobs, len(many)))]
    for job, unit in enumerate(units):
        (folder / unit).write_text("\n".join(in_own_namespace(folder / name) for name in many[job::jobs]))
    rest = [name for name in listed if name not in many]
    (folder / "makefile").write_text(makefile.replace(" ".join(listed), " ".join([*units, *rest]), 1))
    (folder / "make.deps").touch()      # newer than the sources: make need not find out what depends on what
    made = to_the_end(["make", f"-j{jobs}"], folder)
    if made.returncode or not (folder / "main").exists():
        if os.strerror(errno.ENOSPC) in made.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        lines = [line for line in made.stderr.splitlines() if "error" in line.lower()]
        said = (lines or made.stderr.splitlines() or [how_it_ended(made.returncode)])[0].strip()
        raise SpikelearnError(f"the C++ compiler failed: {said}")


def problem(program, dtype_of):
    """The error message of a compiled program as a sentence.

    program : CompletedProcess. dtype_of : name of a variable -> its type.
    """
    said = (program.stderr or program.stdout).strip().splitlines() or [how_it_ended(program.returncode)]
    if said[0].startswith(TOLD):
        return said[0].removeprefix(TOLD)
    sizes = re.search(r"Error reading '(.*)': file size (\d+) does not match expected size (\d+)", said[0])
    if sizes:
        name = Path(sizes[1]).name
        size = np.dtype(dtype_of(name)).itemsize
        return f"'{name}' has {int(sizes[3]) // size} values, not {int(sizes[2]) // size}"
    return f"the compiled network failed: {said[-1]}"
