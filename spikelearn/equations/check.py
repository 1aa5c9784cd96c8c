"""Checks of a model record: names, units, unused parameters. Brian2 parses; the messages are ours."""
import re

from brian2 import (
    DEFAULT_CONSTANTS,
    DEFAULT_FUNCTIONS,
    DEFAULT_UNITS,
    DimensionMismatchError,
    Hz,
    get_dimensions,
    second,
    volt,
)

from spikelearn.equations.additions import check_additions, functions_of
from spikelearn.equations.assignments import check_model_assignments, used_before
from spikelearn.equations.own_names import check_own_names, for_brian, renamed
from spikelearn.equations.parsing import (
    Constant,
    Variable,
    analyse_identifiers,
    check_units_statements,
    get_identifiers,
    is_boolean_expression,
    parse_expression_dimensions,
)
from spikelearn.equations.syntax import check_syntax, read_equations
from spikelearn.equations.units import first_line, unit_text
from spikelearn.errors import SpikelearnError, alternatives

# What rules may read of any neuron, by its usual name; other names are checked when the two are connected.
USUAL_READS = {"u": 1, "dudt": Hz, "v": volt, "s": 1, "ds": 1, "z": 1, "rho": 1,
               "ds_twin": 1, "learning": 1, "lastspike": second}
BRIAN_NAMES = {"t": second, "dt": second, "i": 1, "N": 1, "lastspike": second, "t_in_timesteps": 1}
ALWAYS = {**DEFAULT_FUNCTIONS, **DEFAULT_CONSTANTS,
          **{name: Constant(name, float(unit), get_dimensions(unit)) for name, unit in DEFAULT_UNITS.items()}}


def parse(model):
    """The model's equations as a Brian2 Equations object."""
    return read_equations(model)


def declared_units(model):
    """Dimensions of everything a model declares: variables, parameters, and u, dudt of a neuron."""
    dimensions = {name: equation.dim for name, equation in parse(model).items()}
    dimensions |= {name: get_dimensions(value) for name, value in model.parameters.items()}
    if getattr(model, "potential", ""):
        dimensions |= {"u": get_dimensions(1), "dudt": get_dimensions(Hz)}
    if getattr(model, "threshold", ""):
        dimensions["lastspike"] = get_dimensions(second)
    return dimensions


def _variable(name, dimensions, boolean=False):
    return Variable(name, dimensions=get_dimensions(dimensions), dtype=bool if boolean else float)


def _known(model, equations, reads):
    drug = {"third": 1} if hasattr(model, "reads") else {}      # what a rule reads of a drug that is washed in
    known = {name: _variable(name, unit) for name, unit in {**BRIAN_NAMES, "j": 1, **drug, **reads}.items()}
    known["not_refractory"] = _variable("not_refractory", 1, boolean=True)
    for name, dimensions in declared_units(model).items():
        known[name] = _variable(name, dimensions, name in equations and equations[name].var_type == "boolean")
    return known | functions_of(model)


def check_model(model, reads=None):
    """Refuse unknown or unused names and wrong units.

    reads : dict name -> dimensions of what a synapse reads of its neurons; without it the usual ones are
        assumed, and code that reads others is left to the connection. Raises SpikelearnError.
    """
    names = renamed(model) if hasattr(model, "reads") else {}
    if not names:
        return _check_model(model, reads)
    try:
        _check_model(for_brian(model), reads)
    except SpikelearnError as error:
        message = str(error)
        for own, renamed_to in names.items():
            message = re.sub(rf"\b{renamed_to}\b", own, message)
        raise SpikelearnError(message) from error


def _check_model(model, reads):
    check_additions(model)
    check_own_names(model)
    equations = parse(model)
    check_syntax(model, equations)
    for name in model.parameters:
        if name in equations:
            raise SpikelearnError(f"{model.title}: '{name}' is a parameter and a variable at once")
    wanted = model.reads() if hasattr(model, "reads") else {}
    open_names = {f"{name}_{side}" for side, names in wanted.items() for name in names}
    if reads is None:
        reads = {name: USUAL_READS[name.rsplit("_", 1)[0]] for name in open_names
                 if name.rsplit("_", 1)[0] in USUAL_READS}
    known = _known(model, equations, reads)
    _check_names(model, equations, known, open_names - set(reads))
    check_model_assignments(model, equations, open_names)
    for equation in equations.values():
        if equation.expr is not None:
            unit = equation.dim / get_dimensions(second) if equation.type == "differential equation" else equation.dim
            _check_expression(model, f"equation of '{equation.varname}'", equation.expr.code, unit, known)
    for where, (kind, code) in model.statements().items():
        if kind == "code":
            _check_code(model, where, code, known)
        elif kind == "condition":
            _check_condition(model, where, code, known)
        else:
            _check_expression(model, where, code, second.dim if kind == "expression" else get_dimensions(1), known)
    if hasattr(model, "read"):
        _check_read(model, known)
    _check_initial(model, equations, known)
    from spikelearn.equations.ranges import check_ranges

    check_ranges(model, equations)


def _check_read(model, known):
    """The measured weight is an expression of the rule's own variables; without a variable w it is not asked for."""
    if model.read == "w" and "w" not in known:
        return
    unknown = sorted(get_identifiers(model.read) - set(known) - set(ALWAYS))
    if unknown:
        raise SpikelearnError(f"{model.title}: unknown name '{unknown[0]}' in read{alternatives(unknown[0], known)}")
    try:
        parse_expression_dimensions(model.read, {**ALWAYS, **known})
    except Exception as error:
        raise SpikelearnError(f"{model.title}: read = '{model.read}' is not an expression of the rule's variables: "
                              f"{first_line(error)}") from error


def _texts(model, equations):
    texts = {f"equation of '{eq.varname}'": eq.expr.code for eq in equations.values() if eq.expr is not None}
    texts |= {where: code for where, (_, code) in model.statements().items()}
    return texts | {f"initial '{name}'": value for name, value in model.initial.items() if isinstance(value, str)}


def _check_names(model, equations, known, open_names):
    used, kinds = set(), {where: kind for where, (kind, _) in model.statements().items()}
    for where, code in _texts(model, equations).items():
        code = re.sub(r"#.*", "", code)
        names = get_identifiers(code) - {"int_", "float_"}
        found = names - set(known) - set(ALWAYS) - open_names - {"xi"}
        if found and kinds.get(where) == "code":        # a name of the block's own, once it is assigned
            found &= _used_before(model, where, code, known)
        unknown = sorted(found)
        unknown = [name for name in unknown if not name.startswith("xi_")]
        if unknown:
            raise _unknown(model, equations, where, code, unknown[0])
        used |= names
    delays = (getattr(model, f"delay_{side}", None) for side in ("pre", "post"))
    used |= {delay for delay in delays if isinstance(delay, str)}
    used |= get_identifiers(getattr(model, "read", ""))
    unused = sorted(set(model.parameters) - used)
    if unused:
        raise SpikelearnError(f"{model.title}: the parameter '{unused[0]}' is used nowhere in the equations")
    for chosen, values in model.sets.items():
        for name, value in values.items():
            if name not in model.parameters:
                raise SpikelearnError(f"{model.title}: the set '{chosen}' names the unknown parameter '{name}'"
                                      f"{alternatives(name, model.parameters)}")
            if get_dimensions(value) is not get_dimensions(model.parameters[name]):
                raise SpikelearnError(f"{model.title}: '{name}' has a wrong unit in the set '{chosen}'")


def _unknown(model, equations, where, code, name):
    where = where if where.startswith("on_") else f"the {where}"
    if re.search(rf"\b{name}\s*\(", code):
        known = [*model.functions, *DEFAULT_FUNCTIONS]
        return SpikelearnError(f"{model.title}: unknown function '{name}' in {where}: functions={{'{name}': ...}} "
                               f"declares it{alternatives(name, known)}")
    return SpikelearnError(f"{model.title}: unknown name '{name}' in {where}"
                           f"{alternatives(name, {*model.parameters, *equations})}; equations or parameters declare it")


def _used_before(model, where, code, known):
    try:
        return used_before(code, known)
    except ValueError as error:
        raise SpikelearnError(f"{model.title}: {where} cannot be read: {first_line(error)}") from error


def _complete(code, known):
    return not any(re.search(r"_(pre|post)$", name) for name in get_identifiers(code) - set(known) - set(ALWAYS))


def _check_expression(model, where, code, dimensions, known):
    if not _complete(code, known) or "xi" in get_identifiers(code):
        return
    if is_boolean_expression(code, {**ALWAYS, **known}):
        return
    try:
        found = parse_expression_dimensions(code, {**ALWAYS, **known})
    except (DimensionMismatchError, KeyError, SyntaxError, ValueError, TypeError, NotImplementedError) as error:
        raise SpikelearnError(f"{model.title}: wrong unit in the {where}: {first_line(error)}") from error
    if found is not get_dimensions(dimensions) and not _is_zero(code):
        raise SpikelearnError(f"{model.title}: the {where}, '{code.strip()}', has the unit {unit_text(found)} "
                              f"where {unit_text(dimensions)} is needed")


def _is_zero(code):
    try:
        return float(code) == 0
    except ValueError:
        return False


def _check_condition(model, where, code, known):
    try:
        boolean = is_boolean_expression(code, {**ALWAYS, **known})
        parse_expression_dimensions(code, {**ALWAYS, **known})
    except Exception as error:
        raise SpikelearnError(f"{model.title}: wrong {where}: {first_line(error)}") from error
    if not boolean:
        raise SpikelearnError(f"{model.title}: the {where}, '{code.strip()}', must be true or false")


def _check_code(model, where, code, known):
    code = "\n".join(line.strip() for line in re.sub(r"#.*", "", code).splitlines())
    if not _complete(code, known):
        return
    names = get_identifiers(code)       # all units of Brian2's, handed over with the rest, would take it long to hash
    named = {name: variable for name, variable in {**ALWAYS, **known}.items() if name in names}
    try:
        _, _, unknown = analyse_identifiers(code, named)
        if not unknown:
            check_units_statements(code, named)
    except DimensionMismatchError as error:
        raise SpikelearnError(f"{model.title}: wrong unit in {where}: {first_line(error)}") from error
    except Exception as error:
        raise SpikelearnError(f"{model.title}: {where} cannot be read: {first_line(error)}") from error


def _check_initial(model, equations, known):
    for name, value in model.initial.items():
        if name not in equations:
            raise SpikelearnError(f"{model.title}: initial value for the unknown variable '{name}'"
                                  f"{alternatives(name, equations)}")
        if isinstance(value, str):
            _check_expression(model, f"initial '{name}'", value, equations[name].dim, known)
        elif get_dimensions(value) is not equations[name].dim:
            raise SpikelearnError(f"{model.title}: the initial '{name}' has the unit {unit_text(value)} "
                                  f"where {unit_text(equations[name].dim)} is needed")
