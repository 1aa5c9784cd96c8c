"""Which values a parameter may have: a range, a unit, whole or not. What lies outside is refused in one sentence."""
import dataclasses
import functools
import inspect
import math

import numpy as np

from spikelearn.equations.records import Model
from spikelearn.errors import SpikelearnError, alternatives, keyword_named


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that a parameter may have, bounds in SI units.

    above : the lower bound itself is not among them. unit : name of a unit of Brian2's, "1" for numbers.
    whole : whole numbers only. several : a list is taken as well, of `length` entries, of which `least` differ.
    nonzero : 0 is not among the values. switch : true or false instead. layer : units, whose weights fill the memory.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    unit: str = "1"
    whole: bool = False
    several: bool = False
    length: int | None = None
    least: int = 1
    nonzero: bool = False
    switch: bool = False
    layer: bool = False

    def __str__(self):
        if self.switch:
            return "true or false"
        what = {"second": "a time", "Hz": "a rate"}.get(self.unit, "a value" if self.unit != "1" else "a number")
        what = "a whole number" if self.whole else what
        unit = {"second": " s", "1": "", "volt": " V"}.get(self.unit, f" {self.unit}")
        low, high = (f"{bound:,.0f}" if self.whole else f"{bound:g}{unit}" for bound in (self.low, self.high))
        if self.above:
            return f"{what} above {low}" + (f" and at most {high}" if math.isfinite(self.high) else "")
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{what} from {low} to {high}" + (", but not 0" if self.nonzero else "")
        if math.isfinite(self.low) or math.isfinite(self.high):
            return f"{what} of at least {low}" if math.isfinite(self.low) else f"{what} of at most {high}"
        return f"a finite {what[2:]}" + (f" in{unit}" if unit else "")

    def check(self, name, value):
        """Refuse a value, or a list with one, that is of another kind or outside. Raises SpikelearnError."""
        if isinstance(value, str) or value is None:
            raise SpikelearnError(f"{name} must be {self}, not {value!r}")
        if np.ndim(value) == 0:
            self._check_one(name, value)
            if self.least > 1 and not self.switch:
                raise SpikelearnError(f"{name} must be a list of {self.least} different values or more")
            return
        if not self.several:
            raise SpikelearnError(f"{name} must be {self}, not a list of {np.size(value)}")
        if np.ndim(value) > 1 or np.size(value) == 0 or self.length not in (None, np.size(value)):
            wanted = f"{self.length} entries" if self.length else "one entry or more"
            raise SpikelearnError(f"{name} must be a list of {wanted}")
        for item in value:
            self._check_one(name, item)
        if len(np.unique(np.asarray(value))) < self.least:
            raise SpikelearnError(f"{name} must be a list of {self.least} different values or more")

    def _check_one(self, name, value):
        given = isinstance(value, bool | np.bool_)
        if self.switch or given:
            if not (self.switch and given):
                raise SpikelearnError(f"{name} must be {self}, not {value}")
            return
        try:
            number, fits = float(value), _unit(value) == _unit_named(self.unit)
        except (TypeError, ValueError, OverflowError):
            number, fits = math.nan, False
        inside = self.low < number <= self.high if self.above else self.low <= number <= self.high
        inside &= number != 0 or not self.nonzero
        if not (fits and math.isfinite(number) and inside) or self.whole and number != round(number):
            raise SpikelearnError(f"{name} must be {self}, not {_shown(value)}" + (
                f": the weights between two layers of {number:,.0f} units take {8e-9 * number ** 2:,.0f} GB of memory"
                if self.layer and number > self.high and math.isfinite(number) else ""))


@dataclasses.dataclass(frozen=True)
class Words:
    """A parameter that is one of some words."""

    choices: tuple

    def check(self, name, value):
        """Refuse another word, or a number. Raises SpikelearnError."""
        if value not in self.choices:
            raise SpikelearnError(f"{name} must be {' or '.join(self.choices)}, not {value!r}")


def _unit(value):
    from brian2 import get_dimensions

    return get_dimensions(value)


@functools.cache
def _unit_named(name):
    import brian2

    return brian2.get_dimensions(1) if name == "1" else brian2.get_dimensions(getattr(brian2, name))


def _shown(value):
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def whole(low=1, high=1_000_000, **kind):
    """A Range of whole numbers."""
    return Range(low, high, whole=True, **kind)


def numbers(low, high, **kind):
    """A Range of numbers."""
    return Range(low, high, **kind)


def positive(high, **kind):
    """A Range of numbers above 0."""
    return Range(0, high, above=True, **kind)


def derived(default):
    """The Range that follows from a default value: its unit, its kind, and its sign; None for words and models."""
    one = default[0] if isinstance(default, tuple | list) and default else default
    several = isinstance(default, tuple | list) or np.ndim(default) > 0
    if isinstance(one, str | Model) or one is None:
        return None
    if isinstance(one, bool):
        return Range(switch=True, several=several)
    if _unit(default) == _unit_named("second"):
        return positive(10_000, unit="second", several=several)
    if _unit(default) == _unit_named("Hz"):
        return positive(10_000, unit="Hz", several=several)
    if _unit(default) == _unit_named("1"):
        if isinstance(one, int | np.integer):
            least = int(np.min(default))
            return whole(1 if least >= 1 else 0 if least == 0 else -1_000_000, several=several)
        return Range(several=several)
    return Range(unit=_name_of_unit(default), several=several)


def _name_of_unit(value):
    import brian2

    names = ("volt", "amp", "ohm", "siemens", "farad", "coulomb", "metre", "kilogram")
    return next((name for name in names if _unit_named(name) == brian2.get_dimensions(value)), "1")


def range_of(name, default, declared=None):
    """The Range of a keyword of a protocol: declared there, else in KEYWORDS, else derived from its default.

    declared : name -> Range, the protocol's RANGES. None = the keyword is a word or a list of words.
    """
    from spikelearn.ranges.keywords import IMAGES, KEYWORDS

    own = (declared or {}).get(name)
    found, follows = own or KEYWORDS.get(name), derived(default)
    if default is None or isinstance(found, Words):
        return found
    if follows is None or found is None or found.switch != follows.switch or found.unit != follows.unit:
        return follows
    low = 1 if found is IMAGES and follows.low == 1 else found.low      # of images 0 is all, where that is the default
    return dataclasses.replace(found, low=low, whole=found.whole or follows.whole, several=follows.several)


def recipe_fields(run):
    """Names of the fields of a protocol's Recipe, if its `run` takes a recipe."""
    if "recipe" not in inspect.signature(run).parameters:
        return ()
    return tuple(field.name for field in dataclasses.fields(inspect.unwrap(run).__globals__["Recipe"]))


def _shared_out(values, run):
    """(keywords of `run` itself, fields of its recipe) among the values: a field can be a keyword of its own."""
    fields, own = recipe_fields(run), dict(values)
    if not fields:
        return own, {}
    recipe = dict(own.pop("recipe", None) or {})
    for name in [name for name in own if name in fields and name not in inspect.signature(run).parameters]:
        recipe[name] = own.pop(name)
    for name in recipe:
        if name not in fields:
            raise SpikelearnError(f"the recipe has no field '{name}'{alternatives(name, fields)}")
    return own, recipe


def check_keywords(values, run, declared=None):
    """Refuse keywords of a protocol's `run` that lie outside their range. values : name -> value."""
    own, recipe = _shared_out(values, run)
    defaults = {name: parameter.default for name, parameter in inspect.signature(run).parameters.items()}
    for given, their in ((own, defaults), (recipe, dict.fromkeys(recipe))):
        for name, value in given.items():
            default = their.get(name, inspect.Parameter.empty)
            if default is inspect.Parameter.empty or value is None and default is None:
                continue
            known = range_of(name, default, declared)
            if known is not None:
                known.check(name, value)
            elif isinstance(default, tuple | list) and len(np.atleast_1d(value)) == 0 and default:
                raise SpikelearnError(f"{name} must name at least one, such as {default[0]}")


def checked(run):
    """A protocol's `run` whose keywords and result are checked, however it is called.

    Its module may declare RANGES: name -> Range, and SHORT_FORM: what --quick changes (ranges/quick.py). Where `run`
    takes a `recipe`, a dict of fields of the module's Recipe, a field can also be given as a keyword of its own.
    """
    from spikelearn.ranges.quick import shortened
    from spikelearn.results.result import completed

    @functools.wraps(run)
    def checked_run(*arguments, **keywords):
        own, recipe = _shared_out(keywords, run)
        bound = inspect.signature(run).bind(*arguments, **own, **({"recipe": recipe} if recipe else {}))
        check_keywords(bound.arguments, run, run.__globals__.get("RANGES"))
        if bound.arguments.get("quick"):
            bound.apply_defaults()
            bound.arguments = shortened(bound.arguments, run.__globals__.get("SHORT_FORM", {}))
        with keyword_named(bound.arguments):
            return completed(run(*bound.args, **bound.kwargs))
    return checked_run


def given_fields(recipe):
    """Fields of a recipe without those that are None, which stand for the recipe's own. recipe : dict or None."""
    return {name: value for name, value in (recipe or {}).items() if value is not None}


def check_fields(record, **declared):
    """Refuse a recipe with a value outside its range. declared : name -> Range of fields that are no keyword's."""
    for field in dataclasses.fields(record):
        default = None if field.default is dataclasses.MISSING else field.default
        known = range_of(field.name, default, declared)
        if known is not None and not (default is None and getattr(record, field.name) is None):
            known.check(field.name, getattr(record, field.name))


def refuse_large(what, size, limit):
    """Refuse work that would fill the memory or take days, before it begins. what : names the parameters."""
    if not size <= limit:
        raise SpikelearnError(f"{what} would make {size:,.0f}, and at most {limit:,.0f} are taken")
