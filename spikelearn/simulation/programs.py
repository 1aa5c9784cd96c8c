"""Compiling Brian2's generated C++ once and keeping the program in the user's cache folder.

A program is found again by a hash of its sources, static data, compiler, flags, processor and C library. One that is
not what was compiled, such as a truncated file, is compiled again. A program ends with the process that started it.
"""
import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from filelock import FileLock

from spikelearn.errors import SpikelearnError
from spikelearn.simulation.brian_internals.device import arrays_of, at_the_start
from spikelearn.simulation.brian_internals.sources import (
    check_program,
    in_own_namespace,
    sources_of,
    take_time_once,
    without_order,
)

TOLD = "spikelearn: "           # begins a sentence for the user in what a compiled program prints
READ = "SPIKELEARN_READ"        # environment variable with the names of the result files that a program is to write
PARENT = "SPIKELEARN_PARENT"    # environment variable with the number of the process that starts a program
CHECKSUM = "checksum.txt"       # file in the folder of a program: the hash of what was compiled
ABANDONED = 24 * 3600           # seconds after which an unfinished build is nobody's; chosen here


def write_what_is_read(device):
    """C++ for the end of a program: write only the result files that are named, not all the arrays of a network.

    Brian2 writes some two hundred files, and says nothing when the disk is full. In alphabetical order: Brian2's own
    order is that of a set of strings, another in each process, and the program would not be found again.
    """
    lines = []
    for variable, file, array, dimensions in arrays_of(device):
        if dimensions == 2:
            lines.append(f'for (int n = 0; n < {array}.n && {array}.m > 0; n++) '
                         f'write("{file}", &{array}(n, 0), {array}.m * sizeof({array}(0, 0)));')
        elif dimensions == 1:
            lines.append(f'write("{file}", {array}.data(), {array}.size() * sizeof({array}[0]));')
        else:
            lines.append(f'write("{file}", {array}, {variable.size} * sizeof({array}[0]));')
    return WRITE.replace("EACH_ARRAY", "\n    ".join(sorted(lines)))


WRITE = f"""
if (const char* wanted = std::getenv("{READ}"))
{{
    using namespace brian;
    const std::string names = std::string(",") + wanted + ",";
    auto write = [&](const std::string& name, const void* data, size_t size)
    {{
        if (names.find("," + name + ",") == std::string::npos)
            return;
        std::ofstream file(results_dir + name, std::ios::binary | std::ios::app);
        file.write(static_cast<const char*>(data), size);
        file.close();
        if (!file)
        {{
            std::cerr << "the disk is full or cannot be written: " << results_dir << std::endl;
            std::_Exit(1);
        }}
    }};
    EACH_ARRAY
    std::_Exit(0);
}}
"""


# the kernel ends a program with the process that started it, which may have ended already
END_WITH_PARENT = f"""
if (const char* parent = std::getenv("{PARENT}"))
{{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != std::atol(parent))
        std::_Exit(1);
}}
"""


def compiler():
    """The C++ compiler and make that Brian2 calls, or None if one of them is missing."""
    found = shutil.which(os.environ.get("CXX", "g++").split()[0])
    return found if found and shutil.which("make") else None


def cache_folder():
    """Where built networks are kept: SPIKELEARN_CACHE or the user's cache folder."""
    import pooch

    return Path(os.environ.get("SPIKELEARN_CACHE") or pooch.os_cache("spikelearn"))


def compiled(device):
    """(folder of the compiled program, whether it was compiled now) of a Brian2 standalone device.

    Another process that wants the same program waits for it. A program in the cache that is not what was compiled is
    compiled again. Raises SpikelearnError if the cache cannot be written or the compiler fails.
    """
    cache = cache_folder() / "networks"
    draft = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(cache)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
        if sys.platform == "linux":
            at_the_start(device, END_WITH_PARENT, headers=["<sys/prctl.h>", "<unistd.h>"])
        device.build(directory=str(draft), compile=False, run=False)
        check_program(draft)
        take_time_once(draft)
        folder = cache / _fingerprint(draft)
        with FileLock(f"{folder}.lock"):
            if _whole(folder):
                return folder, False
            make_program(draft)
            (draft / CHECKSUM).write_text(_checksum(draft))
            if folder.is_symlink() or folder.is_file():
                folder.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(draft, folder)
            return folder, True
    except OSError as error:
        raise SpikelearnError(f"the network could not be built in {cache}: {error.strerror or error}") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


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


def _remove_abandoned(cache):
    """Remove unfinished builds whose processes were killed."""
    for draft in cache.glob("draft-*"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > ABANDONED:
                shutil.rmtree(draft, ignore_errors=True)


def folder_for_runs(program):
    """Where the values and results of runs stand while they last: in memory where there is room, else on the disk.

    What was left by a process that was killed is removed. program : folder of the compiled program
    """
    memory = Path("/dev/shm")
    for left in [*memory.glob("spikelearn-run-*"), *program.glob("spikelearn-run-*")]:
        try:
            os.kill(int(left.name.split("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (PermissionError, ValueError):       # somebody else's
            pass
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if roomy else program


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
    made = subprocess.run(["make", f"-j{jobs}"], cwd=folder, capture_output=True, text=True)
    if made.returncode or not (folder / "main").exists():
        lines = [line for line in made.stderr.splitlines() if "error" in line.lower()]
        raise SpikelearnError(f"the C++ compiler failed: {(lines or made.stderr.splitlines() or ['?'])[0].strip()}")


def problem(program, dtype_of):
    """The error message of a compiled program as a sentence.

    program : CompletedProcess. dtype_of : name of a variable -> its type.
    """
    said = (program.stderr or program.stdout).strip().splitlines() or [f"exit code {program.returncode}"]
    if said[0].startswith(TOLD):
        return said[0].removeprefix(TOLD)
    sizes = re.search(r"Error reading '(.*)': file size (\d+) does not match expected size (\d+)", said[0])
    if sizes:
        name = Path(sizes[1]).name
        size = np.dtype(dtype_of(name)).itemsize
        return f"'{name}' has {int(sizes[3]) // size} values, not {int(sizes[2]) // size}"
    return f"the compiled network failed: {said[-1]}"
