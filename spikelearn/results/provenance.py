"""Provenance of a result: everything needed to repeat it."""
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import spikelearn
from spikelearn.equations.records import Model
from spikelearn.results.result import Accepted


def provenance(protocol: str, *, text: str = "", command: str = "", models: Iterable = (),
               parameters: dict | None = None, headline: dict | None = None, accepted: dict | None = None,
               own_defaults: bool = True, wall_time: float | None = None) -> dict:
    """The provenance of a result as a dictionary; quantities keep their units.

    protocol, text : name and source text of the protocol; command : what was typed
    models : the records in use; parameters : keywords of the protocol's `run`, seed and device included
    headline : name -> number; accepted : name -> Accepted
    own_defaults : whether the accepted ranges apply, that is, nothing was changed
    wall_time : duration of the run, a number of seconds
    """
    parameters = dict(parameters or {})
    return {
        "protocol": protocol,
        "command": command,
        "models": [model_facts(model) for model in models],
        "seed": parameters.pop("seed", None),
        "device": parameters.pop("device", None),
        "parameters": parameters,
        "headline": [headline_facts(name, value, (accepted or {}).get(name), own_defaults)
                     for name, value in (headline or {}).items()],
        "versions": versions(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_time_s": wall_time,
        "protocol_text": text,
    }


def checksum_of(run: dict) -> str:
    """Hash of the content of a run.json, which reveals edits; its own entry "checksum" does not count."""
    stated = {name: value for name, value in run.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def model_facts(model: Model) -> dict:
    """Name, kind, source, parameters with units and full text of a model record: the text makes it again."""
    from spikelearn.equations.content import python_text

    return {"name": model.name, "kind": type(model).__name__, "source": model.source,
            "file": Path(model.file).name if model.file else "", "parameters": dict(model.parameters),
            "text": model.text or python_text(model)}


def headline_facts(name: str, value: object, accepted: Accepted | None, own_defaults: bool = True) -> dict:
    """One headline number with its accepted range; `met` is None where no range applies."""
    facts = {"name": name, "value": value}
    if accepted is not None:
        facts |= {"low": accepted.low, "high": accepted.high, "source": accepted.source,
                  "met": accepted.met(value) if own_defaults else None}
    return facts


def versions() -> dict:
    """Versions of what the numbers depend on; `compiler` is None where there is none."""
    import brian2
    import numpy
    import scipy

    return {"spikelearn": spikelearn.__version__, "brian2": brian2.__version__, "numpy": numpy.__version__,
            "scipy": scipy.__version__, "python": platform.python_version(), "platform": platform.platform(),
            "compiler": _first_line([*shlex.split(os.environ.get("CXX", "g++")), "--version"])}


def commit() -> dict | None:
    """Commit of the checkout that spikelearn runs from, and whether files differ; None outside a checkout."""
    root = Path(spikelearn.__file__).resolve().parent.parent
    top = _first_line(["git", "-C", str(root), "rev-parse", "--show-toplevel"])
    if top is None or Path(top).resolve() != root:      # an installed package may lie inside another checkout
        return None
    revision = _first_line(["git", "-C", str(root), "rev-parse", "HEAD"])
    changed = _first_line(["git", "-C", str(root), "status", "--porcelain"])
    return {"revision": revision, "changed": changed is None or changed != ""}


def _first_line(command):
    """First line that a command prints, or None if it is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return (done.stdout.splitlines() or [""])[0] if done.returncode == 0 else None
