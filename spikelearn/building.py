"""Compiling Brian2's generated C++ once and keeping the program in the user's cache folder.

A program is found again by a hash of its sources, static data, compiler, flags and processor.
"""
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from brian2.core.tracking import InstanceFollower, InstanceTrackerSet, Trackable
from filelock import FileLock

from spikelearn.equations import SpikelearnError


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

    Another process that wants the same program waits for it. Raises SpikelearnError if the cache cannot be written
    or the compiler fails.
    """
    cache = cache_folder() / "networks"
    draft = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
        device.build(directory=str(draft), compile=False, run=False)
        folder = cache / _fingerprint(draft)
        with FileLock(f"{folder}.lock"):
            if (folder / "main").exists():
                return folder, False
            _make(draft)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(draft, folder)
            return folder, True
    except OSError as error:
        raise SpikelearnError(f"the network could not be built in {cache}: {error.strerror or error}") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def fresh_names():
    """Brian2 numbers its objects by what is alive; begin anew, so that the same network gives the same sources."""
    before = Trackable.__instancefollower__
    Trackable.__instancefollower__ = InstanceFollower()
    Trackable.__instancefollower__.instance_sets = defaultdict(InstanceTrackerSet)
    try:
        yield
    except BaseException:
        for references in Trackable.__instancefollower__.instance_sets.values():
            for item in [reference() for reference in references]:
                if getattr(item, "_network", "") is None:
                    item._network = "given up"      # else Brian2 warns of each object when it is deleted
        raise
    finally:
        Trackable.__instancefollower__ = before


def _fingerprint(folder):
    """Hash of the generated sources, static data, makefile (flags), compiler and processor."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True).stdout.splitlines()[:1]
    cpu = Path("/proc/cpuinfo")
    told = cpu.read_text().splitlines() if cpu.exists() else []
    flags = [line for line in told if line.startswith(("flags", "Features"))][:1]
    digest.update("\n".join([*version, *flags]).encode())
    return digest.hexdigest()[:32]


def _make(folder):
    """Compile; the many small files of the code objects go as one unit a core, five times faster."""
    jobs, makefile = os.cpu_count() or 1, (folder / "makefile").read_text()
    listed = re.search(r"^SRCS = (.*)$", makefile, flags=re.M)[1].split()
    many = sorted(name for name in listed if name.startswith("code_objects/"))
    units = [f"unit_{job}.cpp" for job in range(min(jobs, len(many)))]
    for job, unit in enumerate(units):
        (folder / unit).write_text("\n".join(_in_own_namespace(folder / name) for name in many[job::jobs]))
    rest = [name for name in listed if name not in many]
    (folder / "makefile").write_text(makefile.replace(" ".join(listed), " ".join([*units, *rest]), 1))
    made = subprocess.run(["make", f"-j{jobs}"], cwd=folder, capture_output=True, text=True)
    if made.returncode or not (folder / "main").exists():
        lines = [line for line in made.stderr.splitlines() if "error" in line.lower()]
        raise SpikelearnError(f"the C++ compiler failed: {(lines or made.stderr.splitlines() or ['?'])[0].strip()}")


def _in_own_namespace(path):
    """A source file whose helper functions do not meet those of the other files in the same unit."""
    name = f"of_{path.stem}"
    source = path.read_text().replace("namespace {", f"namespace {name} {{", 1)
    return source.replace("using namespace brian;", f"using namespace brian; using namespace {name};")
