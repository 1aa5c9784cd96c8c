"""Where a module or a name of earlier versions is now, for protocols that were copied then."""
import ast
import re
from pathlib import Path

import spikelearn

MOVED = {       # room -> modules of the flat package, OLD:NEW where the name is another
    "boltzmann": "annealing boltzmann:machine boltzmann_sampling:sampling boltzmann_training:train machine_files:files "
                 "machine_scores:scores sampling_network:network spiking_machine spiking_training:train_on_spikes",
    "command": "cli:command_line output_folder process running:run settings",
    "equations": "assignments checks:check content equations:records model_ranges:ranges",
    "equilibrium": "autoencoders classifier copies:side_by_side energy feedforward integrators:relaxation "
                   "phases:presentation rate_estimates rate_layers training:train",
    "generative": "denoising generative:model generative_inference:inference generative_recipe:recipe "
                  "generative_sampling:sampling generative_training:train",
    "images": "corruption:masks datasets encoding readout",
    "ranges": "keywords ranges:check",
    "results": "locks provenance results:result",
    "simulation": "brian_warnings:warnings building:programs dense:rows network simulation:simulate",
    "stdp": "experiments pairing:spike_times pairing_network:network stdp:weight_change time_steps",
    "training": "checkpoint progress seeds",
}
MODULES = {f"spikelearn.{old}": f"spikelearn.{room}.{new or old}" for room, moved in MOVED.items()
           for old, _, new in (pair.partition(":") for pair in moved.split())}


def new_place(error: ImportError) -> str:
    """A sentence with the new place of a name that could not be imported; "" for other packages."""
    missing = re.search(r"cannot import name '(\w+)' from '(spikelearn[\w.]*)'", str(error))
    if missing is None:
        now = MODULES.get(error.name or "")
        return f"'{error.name}' is now '{now}': change its imports, or copy the protocol anew" if now else ""
    name, module = missing.groups()
    if f"{module}.{name}" in MODULES:
        places = [MODULES[f"{module}.{name}"]]
    else:
        places = [f"{place}.{name}" for place in _modules_with(name)]
    if not places:
        return f"'{module}' has no '{name}' any more: copy the protocol anew"
    now = " or ".join(f"'{place}'" for place in places[:3])
    return f"'{module}.{name}' is now {now}: change its imports, or copy the protocol anew"


def _modules_with(name):
    """Modules of spikelearn that define a function, class or constant of this name."""
    root = Path(spikelearn.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if name in defined(path):
            yield ".".join(("spikelearn", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")


def defined(path):
    """Names that a file defines at its top level."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
