"""What a rule reads of its neurons and what a spike does to them: refused where a neuron lacks it."""
from brian2 import Equations, get_dimensions

from spikelearn.equations.assignments import check_assignments
from spikelearn.equations.check import USUAL_READS, check_model
from spikelearn.equations.parsing import SUBEXPRESSION
from spikelearn.equations.units import unit_text
from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.simulation.brian_internals.objects import noted


def learning_steps(model, pre, transmit, transmit_back, pathways, events):
    """(side, event, statement) of all that a connection does, in order; see network.synapses."""
    steps = [("pre", event, code) for event, code in _by_event(transmit).items()]
    steps += [("post", event, code) for event, code in _by_event(transmit_back).items()]
    steps += _learning(model, pathways, events)
    if model.at_end and "finished" in pre.events:
        steps.append(("pre", "finished", model.at_end))
    return steps


def _by_event(transmit):
    return dict(transmit) if not isinstance(transmit, str) else {"spike": transmit} if transmit else {}


def _learning(model, pathways, events):
    """(side, event, statement) of the rule's pathways that are used."""
    found = {"pre": model.on_pre, "post": model.on_post, **model.on_event}
    found |= {"pre_third": model.on_third} if model.on_third else {}
    for pathway in [*events, *(pathways or ())]:
        if pathway not in found:
            raise SpikelearnError(f"{model.title} has no pathway '{pathway}'{alternatives(pathway, found)}")
    steps = []
    for pathway, code in found.items():
        side, _, event = pathway.partition("_")
        if side not in ("pre", "post"):
            raise SpikelearnError(f"{model.title}: on_event names '{pathway}', but must be pre_EVENT or post_EVENT")
        if code and (pathways is None or pathway in pathways):
            steps.append((side, events.get(pathway, event or "spike"), code))
    return steps


def check_reads(model, pre, post, steps):
    """Refuse a rule whose neurons lack what it reads, or have it in another unit."""
    used = model.reads("\n".join([model.equations, *(code for _, _, code in steps)]))
    own, found = model.reads(), {}                 # units are the rule's business, not those of `transmit`
    for side, group in (("pre", pre), ("post", post)):
        for name in sorted(used[side]):
            if name not in group.variables:
                raise SpikelearnError(f"the rule {model.title} reads '{name}' of its {side} neuron, "
                                      f"but {title_of(group)} has none; choose another --neuron")
            found[f"{name}_{side}"] = group.variables[name].dim
            usual = USUAL_READS.get(name) if name in own[side] else None
            if usual is not None and get_dimensions(usual) is not group.variables[name].dim:
                raise SpikelearnError(f"the rule {model.title} reads '{name}' in {unit_text(usual)}, "
                                      f"but {title_of(group)} has it in {unit_text(group.variables[name].dim)}")
    if any(name.rsplit("_", 1)[0] not in USUAL_READS for name in found):
        check_model(model, found)


def check_transmit(model, pre, post, steps, more):
    """Refuse a misspelt name on the left of what a spike does to its target."""
    equations = Equations(model.equations) if more is None else Equations(model.equations) + more
    own = [name for name, equation in equations.items() if equation.type != SUBEXPRESSION]
    sides = [f"{name}_{side}" for side, group in (("pre", pre), ("post", post)) for name in group.variables]
    for side, event, code in steps:
        check_assignments(model.title, f"{side} {event}", code, {*own, *sides, *post.variables}, model.parameters)


def title_of(group):
    """The name of a population in a sentence: that of its model."""
    source = getattr(group, "source", group)
    return getattr(noted(source, "model"), "title", "") or source.name
