"""spikelearn list | show | copy: lists what is shipped, prints it, and makes editable copies."""
import re
from pathlib import Path

from spikelearn.command import run as running
from spikelearn.command.process import import_brian2
from spikelearn.equations.files import load_model, shipped_models
from spikelearn.equations.records import NeuronModel
from spikelearn.errors import SpikelearnError, alternatives


def list_all(options):
    """Print every shipped model, experiment, protocol and dataset, one line each."""
    from spikelearn.images.datasets import DATASETS
    from spikelearn.stdp.shipped import shipped_experiments, title

    kinds = {"neurons": {}, "synapses": {}, "experiments": {}, "protocols": {}, "datasets": DATASETS}
    for name, path in shipped_models().items():
        kinds[name.split("/")[0]][name] = running.summary(path)
    kinds["experiments"] = {f"experiments/{name}": title(path) for name, path in shipped_experiments().items()}
    kinds["protocols"] = {name: running.summary(path) for name, path in running.shipped_protocols().items()}
    width = max(len(name) for lines in kinds.values() for name in lines)
    for kind, lines in kinds.items():
        print(f"{kind}")
        for name, line in lines.items():
            print(f"  {name:{width}}  {line}".rstrip())


def file_of(name):
    """The file of a shipped model, experiment or protocol, or the file itself."""
    from spikelearn.stdp.shipped import shipped_experiments

    experiments = {f"experiments/{key}": path for key, path in shipped_experiments().items()}
    known = {**shipped_models(), **experiments, **running.shipped_protocols()}
    found = {path for key, path in known.items() if name in (key, key.split("/")[-1], f"protocols/{key}")}
    if not found and Path(name).is_file():
        return Path(name)
    if len(found) != 1:
        raise SpikelearnError(f"there is no model, experiment or protocol '{name}'{alternatives(name, known)}")
    return found.pop()


def show(options):
    """Print a model, experiment or protocol: equations or conditions, parameters with units, source."""
    path = file_of(options.name)
    import_brian2()
    if path.suffix == ".csv":
        from spikelearn.command.command_line import warnings_in_one_line
        from spikelearn.stdp.experiments import described, experiment

        with warnings_in_one_line():
            print(described(experiment(path)))
    elif re.search(r"^MODEL\b", path.read_text(encoding="utf-8"), flags=re.M):
        _show_model(load_model(str(path)))
    else:
        module = running.load_protocol(str(path))
        print(f"{running.protocol_name(module)} (protocol, {path})\n\n{(module.__doc__ or '').strip()}\n")
        _show_parameters(running.signature(module), path.read_text(encoding="utf-8"))
        for name, accepted in getattr(module, "ACCEPTED", {}).items():
            print(f"accepted {name}: {accepted.low:g} to {accepted.high:g} ({accepted.source})")


def _show_model(model):
    from spikelearn.equations.units import value_text

    kind = "neuron" if isinstance(model, NeuronModel) else "synapse"
    print(f"{model.name} ({kind}, {model.file})\nsource: {model.source}\n\nequations")
    _indented(model.equations)
    for title, (_, code) in model.statements().items():
        print(title)
        _indented(code)
    if getattr(model, "neuron", ""):
        print(f"paired with the neuron {model.neuron}")
    _show_parameters(model.parameters, model.text)
    _show_parameters(model.initial, "", title="initial values")
    for name, values in model.sets.items():
        print(f"parameter set {name}: " + ", ".join(f"{key} = {value_text(value)}" for key, value in values.items()))


def _indented(code):
    lines = [line for line in code.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    print("".join(f"    {line[margin:].rstrip()}\n" for line in lines), end="")


def _show_parameters(parameters, text, title="parameters"):
    """Parameters with units, each with its comment in the file."""
    from spikelearn.equations.units import value_text

    lines = {name: f"{name} = {value_text(value)}" for name, value in parameters.items()}
    width = max((len(line) for line in lines.values()), default=0)
    if parameters:
        print(title)
    for name, given in lines.items():
        comment = re.search(rf"^[^#\n]*\b{name}\s*=[^#\n]*#(.*)$", text, flags=re.M)
        line = f"    {given:{width}}   " + (f"#{comment[1]}" if comment else "")
        print(line.rstrip())


def copy(options):
    """Write an editable copy of a model, experiment or protocol."""
    from spikelearn.results.files import write_file

    source, target = file_of(options.name), Path(options.file)
    if target.suffix != source.suffix:
        raise SpikelearnError(f"'{target}' must be the name of a CSV file, such as mine.csv" if source.suffix == ".csv"
                              else f"'{target}' must be the name of a Python file, such as my_rule.py")
    write_file(target, source.read_bytes())
    use = {"synapses": f"PROTOCOL --synapse {target}", "neurons": f"PROTOCOL --neuron {target}",
           "experiments": f"stdp_experiment --set data={target}"}
    print(f"{target} is yours to edit; run it with: spikelearn run {use.get(source.parent.name, target)}")
