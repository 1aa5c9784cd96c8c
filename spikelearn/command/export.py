"""`spikelearn export`: a rule as a script of Brian2's that runs without spikelearn."""
import textwrap
from collections.abc import Iterable
from pathlib import Path

from spikelearn.equations.files import load_model
from spikelearn.equations.records import Model, NeuronModel, SynapseModel
from spikelearn.errors import SpikelearnError

PAIRING = "pre 0; post 10; 10 at 10*Hz"


def add_export(commands) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "export", help="write a rule as a script of another simulator", allow_abbrev=False,
        description="Write a learning rule as a script that runs without spikelearn: a synapse between two neurons "
                    "and a pairing of their spikes.")
    parser.add_argument("synapse", metavar="NAME|FILE", help="the learning rule")
    parser.add_argument("--to", choices=["brian2"], metavar="brian2", default="brian2",
                        help="simulator of the script; default: brian2")
    parser.add_argument("--neuron", metavar="NAME|FILE", help="neuron of a rule that reads a potential")
    parser.add_argument("--pairing", metavar="TEXT", default=PAIRING,
                        help=f'spikes of the pairing, times in ms; default: "{PAIRING}"')
    parser.add_argument("--out", metavar="FILE", help="name of the script; default: the rule's name with _brian2.py")
    parser.set_defaults(command=export)


def export(options) -> None:
    """Write the script. Raises SpikelearnError."""
    from spikelearn.command.process import import_brian2
    from spikelearn.results.files import write_file

    import_brian2()
    rule = load_model(options.synapse, "synapse")
    file = Path(options.out or f"{rule.name}_brian2.py")
    if file.suffix != ".py":
        raise SpikelearnError(f"'{file}' must be the name of a Python file, such as my_rule_brian2.py")
    write_file(file, brian2_script(rule, options.pairing, options.neuron).encode())
    print(f"{file} needs Brian2 only; run it with: python {file}")


def brian2_script(synapse: str | SynapseModel, pairing: str = PAIRING, neuron: str | NeuronModel | None = None) -> str:
    """Text of a Brian2 script with a rule and a pairing, which prints the weight before and after.

    Parameters
    ----------
    synapse, neuron : by name, file or record. pairing : one condition, as in "pre 0; post 10; 60 at 1*Hz".

    Raises
    ------
    SpikelearnError
        If two spiking neurons are not enough for the rule, if its weight cannot be read after the last spike, or if no
        time step is short enough.
    """
    from spikelearn.command.export_text import functions
    from spikelearn.command.export_timing import timing
    from spikelearn.equations.own_names import for_brian, for_sympy
    from spikelearn.stdp.weight_change import post_neuron

    record = load_model(synapse, "synapse")
    cell, rule = post_neuron(record, neuron), for_brian(record)
    _refuse(record)
    if neuron is not None and cell is None:
        raise SpikelearnError(f"the neuron would change nothing: {record.title} follows spike times only and reads no "
                              "potential; leave --neuron out")
    if cell is not None and not cell.forced:
        raise SpikelearnError(f"{cell.title} states no forced=, so a pairing cannot make it spike")
    step, times, begin, end = timing(rule, cell, pairing)
    rule, cell, told = for_sympy(rule, cell)
    sides = {side: cell is not None and (side == "post" or bool(rule.reads()["pre"])) for side in ("pre", "post")}
    parts = [_heading(record, cell, pairing), functions(record), functions(cell) if cell else "",
             _spikes(step, times, sides), _told(told)]
    for side, is_neuron in sides.items():
        parts += [_neuron(cell, side, rule.reads()[side])] if is_neuron else []
    return "\n".join(part for part in [*parts, _synapse(rule, record), _run(rule, sides, begin, end)] if part)


def _refuse(rule):
    """Refuse what a pairing of two spiking neurons cannot show."""
    if rule.on_third or rule.follows_drug():
        raise SpikelearnError(f"{rule.title} has a third factor, and the script has two spiking neurons only")
    if rule.on_event:
        raise SpikelearnError(f"{rule.title} follows other events than spikes ({', '.join(rule.on_event)}), and the "
                              "script has spikes only")
    if not (rule.on_pre or rule.on_post):
        raise SpikelearnError(f"{rule.title} does nothing at a spike, so there is nothing to pair")
    from brian2 import Equations

    from spikelearn.equations.parsing import get_identifiers

    equations, seen, names = Equations(rule.equations), set(), get_identifiers(rule.read)
    while names:
        seen |= names
        names = {used for name in names & set(equations.names) if equations[name].type == "subexpression"
                 for used in get_identifiers(equations[name].expr.code)} - seen
    for name in sorted(seen & set(equations.names)):
        if "event-driven" in equations[name].flags:
            raise SpikelearnError(f"the weight of {rule.title} depends on '{name}', which Brian2 computes at spikes "
                                  "only, so a script cannot read it after the last one")


# --- the parts of the script -------------------------------------------------------------------------------------

def _heading(rule, cell, pairing):
    import spikelearn

    paired = f" with the neuron {cell.title}" if cell else ""
    return (f'"""The rule {rule.title}{paired} in Brian2, written by spikelearn {spikelearn.__version__}.\n\n'
            f'{rule.source}\nPairing: {pairing}\n"""\nfrom brian2 import *\n\n'
            'prefs.codegen.target = "numpy"       # "cython" is faster in long runs and needs a compiler\n')


def _spikes(step, times, sides):
    """Time step, spike times and what emits them."""
    lines = [f"defaultclock.dt = {step * 1e3:.12g}*ms", ""]
    for side, values in times.items():
        numbers = ", ".join(f"{1e3 * value:.12g}" for value in values)
        lines += textwrap.wrap(f"{side}_times = [{numbers}]*ms", 110, subsequent_indent="    ")
    for side, is_neuron in sides.items():
        name, when = (f"{side}_forced", ', when="start"') if is_neuron else (side, "")
        lines.append(f"{name} = SpikeGeneratorGroup(1, zeros(len({side}_times), dtype=int), {side}_times{when})")
    return "\n".join(lines) + "\n"


def _told(names):
    """A comment on the variables that have another name in the script; none where all have their own."""
    return "".join(f"# {new} is '{name}', a name that Brian2's solver of equations takes for SymPy's\n"
                   for name, new in names.items())


def _neuron(cell, side, reads):
    """A neuron of one side, and how it is made to spike."""
    from spikelearn.command.export_text import assignments, declarations, keywords, quoted

    derivative = "dudt" in reads and "dudt" not in cell.equations
    code = textwrap.dedent(cell.equations).strip("\n").rstrip()
    more = [f"u = {cell.potential} : 1"] * _needs_u(cell, reads) + ["dudt : Hz", "u_before : 1"] * derivative
    equations = "\n".join([code, *more, *declarations(cell)])
    given = dict(threshold=cell.threshold, reset=cell.reset, refractory=cell.refractory)
    events = {event: condition for event, (condition, _) in cell.events.items()}
    lines = [f"{side} = NeuronGroup(1, {quoted(equations)},",
             f"    {keywords(given)}{f'events={events!r}, ' if events else ''}method={_method(cell)!r}"
             f"{_namespace(cell)})"]
    lines += assignments(side, cell) + [f'{side}.u_before = "u"'] * derivative
    lines += [f"{side}.run_on_event({event!r}, {quoted(code)})" for event, (_, code) in cell.events.items() if code]
    lines += [f"{side}.run_regularly({quoted(code)}, when={slot!r})" for slot, code in cell.every_step.items()]
    lines += [f'{side}.run_regularly("dudt = (u - u_before) / dt; u_before = u", when="after_groups", order=1)'
              ] * derivative
    lines += [f"force_{side} = Synapses({side}_forced, {side}, on_pre={quoted(cell.forced)})",
              f'force_{side}.pre.when = "before_thresholds"', f"force_{side}.connect(i=0, j=0)",
              f"{side}_fired = SpikeMonitor({side})"]
    return "\n".join(lines) + "\n"


def _needs_u(cell, reads):
    from brian2 import Equations

    needed = bool({"u", "dudt"} & set(reads)) and "u" not in Equations(cell.equations)
    if needed and not cell.potential:
        raise SpikelearnError(f"{cell.title} has no potential= for rules to read")
    return needed


def _method(model: Model) -> str | tuple:
    """Integration method of a pairing: exact where the equations are linear."""
    return model.method if model.method == "exact" else ("exact", model.method)


def _namespace(model):
    """The keyword with the functions and inputs of a model, none where it has none."""
    from brian2 import Function

    names = {name: name for name in model.inputs}
    for name, one in model.functions.items():       # a plain function has no state: Brian2 assumes that it may
        own = getattr(getattr(one, "pyfunc", one), "__name__", name)
        names[name] = own if isinstance(one, Function) else f"Function({own})"
    return f", namespace={{{', '.join(f'{name!r}: {here}' for name, here in names.items())}}}" if names else ""


def _synapse(rule, record):
    """The synapse with the rule."""
    from brian2 import Equations

    from spikelearn.command.export_text import assignments, at_spike, declarations, keywords, quoted

    code = textwrap.dedent(rule.equations).strip("\n").rstrip()
    parsed = Equations(rule.equations)
    equations = "\n".join([code, *declarations(rule, record)])
    steps = {name: at_spike(getattr(rule, name), parsed) for name in ("on_pre", "on_post") if getattr(rule, name)}
    lines = [f"synapse = Synapses(pre, post, {quoted(equations)},",
             f"    {keywords(steps)}method={_method(rule)!r}{_namespace(record)})", "synapse.connect(i=0, j=0)"]
    if len(steps) == 2:
        lines.append("synapse.pre.order, synapse.post.order = 0, 1       # coincident spikes: pre before post")
    if any("clock-driven" in one.flags or one.type == "differential equation" and "event-driven" not in one.flags
           for one in parsed.values()):
        lines.append('synapse.state_updater.when, synapse.state_updater.order = "after_groups", 2')
    lines += [f"synapse.{side}.delay = {rule.delay(side)!r}*second" for side in ("pre", "post") if rule.delay(side)]
    return "\n".join([*lines, *assignments("synapse", rule, record)]) + "\n"


def _run(rule, sides: dict, begin: float, end: float) -> str:
    """Run until the first spike, then until the weight is read."""
    from brian2 import Equations

    forced = [side for side, is_neuron in sides.items() if is_neuron]
    objects: Iterable[str] = ["pre", "post", "synapse", *(f"{one}" for side in forced for one in (
        f"{side}_forced", f"force_{side}", f"{side}_fired"))]
    weight = f"synapse.{rule.read}" if rule.read in Equations(rule.equations) else "synapse.weight_read"
    checks = [f"if {side}_fired.num_spikes != len({side}_times):\n"
              f'    raise SystemExit("the {side} neuron fired otherwise than it was forced to")' for side in forced]
    return "\n".join([
        f"network = Network({', '.join(objects)})",
        f"network.run({begin:.12g}*second)", f"before = float({weight}[0])",
        f"network.run({end - begin:.12g}*second)", f"after = float({weight}[0])", *checks,
        'print(f"weight before {before!r}, after {after!r}, in SI units")', ""])
