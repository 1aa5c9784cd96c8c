"""The two programs that peers.py measures: their environments, with pinned versions, and a turn of each."""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.errors import SpikelearnError

HERE = Path(__file__).resolve().parent

# All that is installed: nothing else is, since BindsNET asks for much that its network does not need. PyTorch's builds
# for CPUs come from its own index; those for GPUs, which PyPI has, take gigabytes.
BOTH = ["numpy==2.3.5", "sympy==1.14.0", "mpmath==1.3.0", "jinja2==3.1.6", "markupsafe==3.0.2", "setuptools==80.9.0"]
BINDSNET = [*BOTH, "bindsnet==0.3.4", "scipy==1.15.3", "typing_extensions==4.14.0", "filelock==3.18.0",
            "fsspec==2025.5.1", "networkx==3.4.2"]
TORCH = [f"torch==2.13.0{'' if sys.platform == 'darwin' else '+cpu'}",
         "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
BRIAN2 = {  # Python -> the version that spikelearn uses, SHA-256 of its source distribution
    (3, 11): ("2.9.0", "e4ddeec1cc23f37542e3d067acea2770623c264fbded144ca6d7a1b6cc3ca397"),
    (3, 12): ("2.10.1", "c1d21d7b092192362419d76fc871feab9ff0bb3d00e9265d8cd4086cc2e11b4f"),
    (3, 13): ("2.11.0", "5743ecfced0005d01c143503dfe57ea8f81a431d6c3e4b149ba63454ee1c512e")}
WITH_BRIAN2 = [*BOTH, "cython==3.1.3", "pyparsing==3.2.3", "packaging==25.0", "setuptools_scm==8.3.1",
               # with Matplotlib, `from brian2 import *` leaves Python's own `max`, which the example calls
               "matplotlib==3.10.3", "contourpy==1.3.2", "cycler==0.12.1", "fonttools==4.58.4", "kiwisolver==1.4.8",
               "pillow==11.2.1", "python-dateutil==2.9.0.post0", "six==1.17.0"]
EXAMPLE = "examples/frompapers/Diehl_Cook_2015.py"
LINES = {"MODE = 'test'": "MODE = 'train'", "N_TRAIN = 25_000": "N_TRAIN = {images}"}      # what is changed in it
RELIED_ON = ("N_NEURONS = 400", "MNIST_PATH = Path('../mnist')", "DATA_PATH = Path('data')")


class Turn(NamedTuple):
    """One turn: seconds, images, time steps, excitatory spikes; dt in ms; seconds of what is not timed; versions."""

    seconds: float
    images: int
    steps: int
    spikes: int
    dt: float
    built: float
    versions: dict


def output_of(command, what, **how):
    """The standard output of a command; a sentence with its last error if it fails. what : what it does."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **how)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or [f"exit code {done.returncode}"]
        raise SpikelearnError(f"{what} failed: {errors[-1]}")
    return done.stdout


def pip(python, does, what, *words):
    """Let pip install or download what is named, and nothing that it depends on."""
    options = ["--quiet", "--disable-pip-version-check", "--retries", 2, "--no-deps"]
    output_of([python, "-m", "pip", does, *options, *words], what)


def own_folder(folder):
    """Make the folder of the environments. Raises SpikelearnError for one that holds something else."""
    marker = folder / "made by benchmarks of spikelearn"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise SpikelearnError(f"--folder must be new, empty or of an earlier run, and {folder} holds something else")
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return folder


def environment(folder, name, *groups):
    """The interpreter of a virtual environment, which is made unless it is there. groups : words of pip each."""
    place, wanted = folder / name, "\n".join(word for group in groups for word in group)
    done, python = place / "installed.txt", place / "bin" / "python"
    if not (done.is_file() and done.read_text() == wanted):
        print(f"making the environment {place} (once)", file=sys.stderr)
        if place.exists():
            shutil.rmtree(place)
        output_of([sys.executable, "-m", "venv", place], f"making the environment {place}")
        for group in groups:
            pip(python, "install", f"installing {name}", *group)
        done.write_text(wanted)
    return python


def alone(folder):
    """Environment variables: one thread, and a home whose settings and compiled code are nobody else's."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return os.environ | {"HOME": str(home)} | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def peer_turn(command, what, **how):
    """A function that runs a program and returns its Turn."""
    def turn():
        start = time.perf_counter()
        said = output_of(command, what, **how)
        return turn_from(said, time.perf_counter() - start)

    return turn


def turn_from(said, wall):
    """The Turn in the last line of what a peer printed in `wall` seconds; its first image is not timed: it compiles."""
    found = json.loads(said.splitlines()[-1])
    seconds, steps, spikes = (found.pop(name)[1:] for name in ("seconds", "steps", "spikes"))
    return Turn(sum(seconds), len(seconds), sum(steps), sum(spikes), found.pop("dt"), wall - sum(seconds), found)


def bindsnet(folder, data, images):
    """A function for a turn of BindsNET."""
    python = environment(folder, "bindsnet", BINDSNET, TORCH)
    file = folder / "images.npy"
    np.save(file, data.train.images[:images + 1])
    return peer_turn([python, "-I", HERE / "peer_bindsnet.py", file], "running BindsNET", env=alone(folder))


def brian2_example(folder, data, images):
    """A function for a turn of Brian2's example."""
    version, sha256 = BRIAN2[sys.version_info[:2]]
    python = environment(folder, "brian2", [*WITH_BRIAN2, f"brian2=={version}"])
    place = folder / "example" / "run"
    (place.parent / "mnist").mkdir(parents=True, exist_ok=True)
    place.mkdir(exist_ok=True)
    for part, values in (("images-idx3", data.train.images), ("labels-idx1", data.train.labels)):
        shown = values[:images + 1]
        header = bytes((0, 0, 8, shown.ndim)) + np.array(shown.shape, ">u4").tobytes()
        (place.parent / "mnist" / f"train-{part}-ubyte").write_bytes(header + shown.tobytes())
    text = example_of(python, folder / f"source-{version}", f"brian2=={version} --hash=sha256:{sha256}")
    (place / "example.py").write_text(edited(text, images + 1), encoding="utf-8")
    (place / "brian_preferences").write_text("codegen.target = 'cython'\n")     # an error where it cannot compile
    return peer_turn([python, "-I", HERE / "peer_brian2.py", "example.py"], "running Brian2's example",
                     env=alone(folder), cwd=place)


def example_of(python, folder, requirement):
    """The text of the example in Brian2's source distribution, which pip downloads once and checks."""
    if not list(folder.glob("*.tar.gz")):
        folder.mkdir(exist_ok=True)
        (folder / "requirement.txt").write_text(requirement)
        pip(python, "download", "downloading Brian2's source distribution", "--no-binary", "brian2",
            "--no-build-isolation", "--dest", folder, "-r", folder / "requirement.txt")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        named = [name for name in archive.getnames() if name.endswith(EXAMPLE)]
        if not named:
            raise SpikelearnError(f"Brian2's source distribution in {folder} holds no {EXAMPLE}")
        return archive.extractfile(named[0]).read().decode()


def edited(text, images):
    """The example with the lines that make it train on so many images. Raises SpikelearnError for another text."""
    lines = text.splitlines()
    for line in (*LINES, *RELIED_ON):
        if lines.count(line) != 1:
            raise SpikelearnError(f"the example {Path(EXAMPLE).name} is not the known one: it holds \"{line}\" as a "
                                  f"line {lines.count(line)} times, not once")
    return "".join(f"{LINES[line].format(images=images) if line in LINES else line}\n" for line in lines)
