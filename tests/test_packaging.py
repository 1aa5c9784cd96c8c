"""The wheel: built from a copy of the sources, installed elsewhere, run from elsewhere."""
import os
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import spikelearn

ROOT = Path(__file__).parent.parent
SOURCES = ["setup.cfg", "pyproject.toml", "README.md", "LICENSE", "spikelearn", "models", "protocols",
           "experiments", "notebooks"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Path of the wheel, built without the network and without touching the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            compiled = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=compiled)
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    program = "import os, sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    built = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=folder / "source",
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("spikelearn-*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """Environment and folder of a Python that finds the installed wheel and not the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
               "--disable-pip-version-check", "--target", str(folder / "site"), str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(folder / "site")}, folder


def python(elsewhere, *arguments):
    environment, folder = elsewhere
    return subprocess.run([sys.executable, *arguments], env=environment, cwd=folder, capture_output=True,
                          text=True)


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    expected = {f"spikelearn/{path.relative_to(ROOT / 'spikelearn').as_posix()}"
                for path in (ROOT / "spikelearn").rglob("*") if path.suffix in (".py", ".csv", ".cpp")}
    expected |= {f"spikelearn/{path.relative_to(ROOT).as_posix()}"
                 for room in ("models", "protocols", "experiments", "notebooks") for path in (ROOT / room).rglob("*")
                 if path.suffix in (".py", ".csv")}
    assert packed == expected


@pytest.mark.long
def test_the_installed_package_lists_shows_and_copies_its_own_models(elsewhere):
    where = python(elsewhere, "-c", "import spikelearn; print(spikelearn.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(elsewhere[1]), where.stderr
    listed = python(elsewhere, "-m", "spikelearn", "list")
    assert listed.returncode == 0, listed.stderr
    for folder in ("neurons", "synapses"):
        for path in (ROOT / "models" / folder).glob("[!_]*.py"):
            assert f"{folder}/{path.stem}" in listed.stdout.split()
    for path in (ROOT / "protocols").glob("[!_]*.py"):
        assert path.stem in listed.stdout.split()
    for path in (ROOT / "experiments").glob("*.csv"):
        assert f"experiments/{path.stem}" in listed.stdout.split()
    shown = python(elsewhere, "-m", "spikelearn", "show", "synapses/stdp_pair")
    assert str(elsewhere[1] / "site") in shown.stdout and "tau_plus" in shown.stdout, shown.stderr
    copied = python(elsewhere, "-m", "spikelearn", "copy", "synapses/stdp_pair", "mine.py")
    assert copied.returncode == 0, copied.stderr
    original = (ROOT / "models" / "synapses" / "stdp_pair.py").read_text()
    assert (elsewhere[1] / "mine.py").read_text() == original


def test_the_installed_package_has_the_page_of_the_laboratory(elsewhere):
    found = python(elsewhere, "-c", "from spikelearn.command.lab import app_file; print(app_file())")
    assert Path(found.stdout.strip()).is_relative_to(elsewhere[1] / "site"), found.stderr
    assert Path(found.stdout.strip()).read_text() == (ROOT / "notebooks" / "lab.py").read_text()


def test_the_installed_package_has_a_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "spikelearn = spikelearn.command.command_line:main" in archive.read(name).decode()


def test_one_version_everywhere():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: spikelearn.__version__"
    version = spikelearn.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["run", "test", "test-all", "bench", "lint"])
def test_make_says_in_one_sentence_what_a_bare_machine_needs(tmp_path, target):
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    bare = tmp_path / "bare_python"     # a Python without the venv module, as on a bare Debian
    bare.write_text(f'#!/bin/sh\ncase "$*" in *venv*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)
    done = subprocess.run(["make", target, f"PYTHON={bare}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "sudo apt install python3-venv" in done.stderr
    gone = subprocess.run(["make", target, "PYTHON=no_python"], cwd=tmp_path, capture_output=True, text=True)
    assert gone.returncode != 0 and "no_python was not found" in gone.stderr
    assert not (tmp_path / ".venv").exists()
