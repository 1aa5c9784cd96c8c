"""The two records a model file holds: NeuronModel and SynapseModel.

A record is checked when it is made: a misspelt field, an unknown name, an unused parameter or a wrong unit
is refused in one sentence. Records are frozen; `with_parameters` returns a new one.
"""
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from spikelearn.equations.frozen import frozen, thawed
from spikelearn.errors import SpikelearnError, alternatives


def _made(kind, fields):
    return kind(**fields)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """Common part of NeuronModel and SynapseModel; use one of these."""

    source: str                         # where the equations come from
    equations: str                      # Brian2 equations
    parameters: Mapping = dataclasses.field(default_factory=dict)   # name -> value with unit
    initial: Mapping = dataclasses.field(default_factory=dict)      # variable -> value or expression
    sets: Mapping = dataclasses.field(default_factory=dict)         # published parameter sets: name -> values
    ranges: Mapping = dataclasses.field(default_factory=dict)       # parameter -> (lowest, highest) value
    functions: Mapping = dataclasses.field(default_factory=dict)    # name -> Python function with units
    inputs: Mapping = dataclasses.field(default_factory=dict)       # name -> TimedArray, read as name(t), t the
                            # Pairing's own time; in a CSV file its first spike, or an earlier third factor, is at 0.1 s
    method: str = "euler"               # integration method, as in Brian2
    name: str = ""                      # filled by load_model
    file: str = ""
    text: str = ""
    made_of: str = ""                   # what the text states, so that a changed record is known

    def __new__(cls, **fields):
        known = [field.name for field in dataclasses.fields(cls)]
        for field in fields:
            if field not in known:
                raise SpikelearnError(f"{cls.__name__} has no field '{field}'{alternatives(field, known)}")
        for field in ("source", "equations"):
            if not fields.get(field):
                raise SpikelearnError(f"{cls.__name__} needs the field '{field}'")
        return super().__new__(cls)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is str:
                if not isinstance(value, str):
                    raise SpikelearnError(f"{self.title}: '{field.name}' must be text, not {type(value).__name__}")
            elif field.type is Mapping:
                if not isinstance(value, Mapping):
                    raise SpikelearnError(f"{self.title}: '{field.name}' must be a dict, not {type(value).__name__}")
                object.__setattr__(self, field.name, frozen(value))
        from spikelearn.equations.check import check_model

        check_model(self)
        self._forget_the_text_of_another()

    def _forget_the_text_of_another(self):
        """Detach a changed record from the file that it came from."""
        from spikelearn.equations.content import fingerprint

        if not (self.file or self.text) or self.made_of == fingerprint(self):
            return
        if self.name == Path(self.file).stem and self.name:
            object.__setattr__(self, "name", f"{self.name} (changed)")
        for field in ("file", "text", "made_of"):
            object.__setattr__(self, field, "")

    def __reduce__(self):
        fields = {field.name: thawed(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return _made, (type(self), fields)

    @property
    def title(self) -> str:
        """The name to use in a sentence."""
        return self.name or type(self).__name__

    def statements(self) -> dict[str, tuple[str, str]]:
        """Every piece of code of the model but its equations: {where: (kind, code)}, kind 'condition' or 'code'."""
        raise NotImplementedError

    def with_parameters(self, **values: object) -> "Model":
        """A new record with other parameter values; `parameters="name"` chooses a published set."""
        from brian2 import Quantity, get_dimensions

        from spikelearn.equations.units import unit_text

        new = dict(self.parameters)
        if "parameters" in values and "parameters" not in new:
            chosen = values.pop("parameters")
            if chosen not in self.sets:
                known = alternatives(str(chosen), self.sets)
                raise SpikelearnError(f"{self.title} has no parameter set '{chosen}'{known}")
            values = {**self.sets[chosen], **values}
        for parameter, value in values.items():
            if parameter not in new:
                raise SpikelearnError(f"{self.title} has no parameter '{parameter}'{alternatives(parameter, new)}")
            wanted, given = get_dimensions(new[parameter]), get_dimensions(value)
            if wanted is not given:
                raise SpikelearnError(
                    f"{self.title}: '{parameter}' has the unit {unit_text(wanted)}, not {unit_text(given)}")
            new[parameter] = Quantity(value, dim=given) if given.is_dimensionless is False else float(value)
        return dataclasses.replace(self, parameters=new)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NeuronModel(Model):
    """A neuron: equations, threshold, reset, events, parameters with units, initial values, source.

    Parameters
    ----------
    source : where the equations come from.
    equations : Brian2 equations.
    parameters : name -> value with unit.
    initial : variable -> value, or an expression such as "rand()".
    threshold, reset, refractory, method : as in Brian2's NeuronGroup; method is "euler" if it is not given.
    potential : str
        Expression of the dimensionless potential that learning rules read. The network gives it to them as `u` and
        its change over the last time step, per time, as `dudt` (1/second).
    forced : statement by which an experimenter's forced spike enters, just before the threshold is tested.
    events : name -> (condition, statement): events besides the spike, and what they do to the neuron.
    every_step : slot of Brian2's schedule -> statements, such as {"after_groups": "s = clip(s, 0, 1)"}.
    at_start : statement for every neuron at the start of a presentation (an image, a trial).
    sets : published parameter sets: name -> values.
    ranges : parameter -> (lowest, highest) value.
    name : what to call it in figures; a model file has the name of its file.

    Raises
    ------
    SpikelearnError : for a misspelt field, an unknown or unused name, a wrong unit, or a value out of range.

    Examples
    --------
    >>> leaky = sl.NeuronModel(name="leaky", source="textbook", equations="dv/dt = (drive - v)/tau : 1",
    ...                        threshold="v > 1", reset="v = 0", parameters=dict(tau=10*ms, drive=1.5))
    >>> len(sl.neurons(leaky, 5))
    5
    """

    threshold: str = ""
    reset: str = ""
    refractory: str = ""
    events: Mapping = dataclasses.field(default_factory=dict)
    every_step: Mapping = dataclasses.field(default_factory=dict)
    at_start: str = ""
    potential: str = ""
    forced: str = ""

    def statements(self) -> dict[str, tuple[str, str]]:
        """Where -> (kind of code, text) of all parts of the record except its equations."""
        code = {"threshold": ("condition", self.threshold), "reset": ("code", self.reset),
                "refractory": ("expression", self.refractory), "potential": ("number", self.potential),
                "forced": ("code", self.forced), "at_start": ("code", self.at_start)}
        for event, (condition, statement) in self.events.items():
            code[f"event '{event}'"] = ("condition", condition)
            code[f"event '{event}' (statement)"] = ("code", statement)
        for slot, statement in self.every_step.items():
            code[f"every_step '{slot}'"] = ("code", statement)
        return {where: (kind, text) for where, (kind, text) in code.items() if text}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynapseModel(Model):
    """A learning rule: weight and traces, what each event does to them, parameters, initial values, source.

    How a spike drives the target is not part of it: that is said where populations are connected.

    Parameters
    ----------
    source : where the equations come from.
    equations : Brian2 equations of the weight `w` and the traces.
    on_pre, on_post : statements at each pre or post spike. Coincident spikes: the pre spike is taken first, but
        lastspike_post and not_refractory_post tell of the post spike already.
    on_third : statements when a third factor arrives, such as a reward; after spikes of the same moment. A rule that
        reads `third` knows of a drug: it is 1 while the drug is washed in, else 0.
    on_event : statements at other events, "pre_EVENT" or "post_EVENT" -> statements.
    at_end : statement for every synapse at the end of a presentation (changes collected until then).
    delay_pre, delay_post : time by which on_pre, on_post come after the spike; a time, or the name of a parameter.
    read : expression of what an experimenter measures as the weight, such as "P*q".
    functions : name -> function that the equations call, with units. inputs : name -> TimedArray that they read.
    neuron : neuron model that the rule is tested with by default; "" = spike times are all it needs.
    parameters : name -> value with unit.
    initial : variable -> value, or an expression such as "rand()".
    method : integration method, as in Brian2.
    sets : published parameter sets: name -> values.
    ranges : parameter -> (lowest, highest) value.
    name : what to call it in figures; a model file has the name of its file.

    Raises
    ------
    SpikelearnError : for a misspelt field, an unknown or unused name, a wrong unit, or a value out of range.

    Examples
    --------
    >>> rule = sl.SynapseModel(
    ...     name="hebb", source="Hebb (1949)", initial=dict(w=1), parameters=dict(A=0.01, tau=20*ms),
    ...     equations='''w : 1
    ...                  dx/dt = -x/tau : 1 (event-driven)''', on_pre="x += 1", on_post="w += A*x")
    >>> print(sl.weight_changes([sl.pairs(10*ms, 60, 1*Hz)], rule).round(3))
    [0.364]
    """

    on_pre: str = ""
    on_post: str = ""
    on_third: str = ""
    on_event: Mapping = dataclasses.field(default_factory=dict)
    at_end: str = ""
    delay_pre: object = None
    delay_post: object = None
    read: str = "w"
    neuron: str = ""

    def delay(self, side: str) -> float:
        """Seconds by which on_pre ("pre") or on_post ("post") come after the spike."""
        value = getattr(self, f"delay_{side}")
        return float(self.parameters[value] if isinstance(value, str) else value or 0)

    def follows_drug(self) -> bool:
        """Whether the rule reads `third`, which is 1 while a drug is washed in."""
        code = "\n".join([self.equations, *(statement for _, statement in self.statements().values())])
        from spikelearn.equations.own_names import declared

        return "third" not in declared(self) and bool(re.search(r"\bthird\b", re.sub(r"#.*", "", code)))

    def statements(self) -> dict[str, tuple[str, str]]:
        """Where -> (kind of code, text) of all parts of the record except its equations."""
        code = {"on_pre": self.on_pre, "on_post": self.on_post, "on_third": self.on_third, "at_end": self.at_end}
        code |= {f"on_event '{event}'": statement for event, statement in self.on_event.items()}
        return {where: ("code", text) for where, text in code.items() if text}

    def reads(self, code: str | None = None) -> dict[str, set[str]]:
        """Names that the rule, or some of its code, takes from its neurons: {"pre": set, "post": set}."""
        if code is None:
            code = "\n".join([self.equations, *(statement for _, statement in self.statements().values())])
        from spikelearn.equations.own_names import SUMMED, declared

        own = declared(self) | set(SUMMED.findall(self.equations))
        found = {"pre": set(), "post": set()}
        code = re.sub(r"#.*|^\s*d\w+\s*/\s*dt\b", "", code, flags=re.M)
        for name, side in re.findall(r"\b([A-Za-z]\w*?)_(pre|post)\b", code):
            if f"{name}_{side}" not in own:
                found[side].add(name)
        return found


