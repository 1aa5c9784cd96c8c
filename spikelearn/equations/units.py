"""Units and errors in a user's words."""
from brian2 import amp, coulomb, farad, get_dimensions, get_unit, meter, ohm, second, siemens, volt


def unit_text(value):
    """The unit of a quantity or of its dimensions as a user would write it: "V/s", "1/mV" is "1/V"."""
    dimensions = get_dimensions(value)
    if dimensions.is_dimensionless:
        return "1"
    simple = {get_dimensions(unit): str(unit) for unit in (volt, amp, ohm, siemens, farad, coulomb, meter, second)}
    for known, name in simple.items():
        for factor, text in ((dimensions, name), (dimensions * second.dim, f"{name}/s"),
                             (dimensions / second.dim, f"{name}*s")):
            if factor is known:
                return text
        if dimensions is known ** -1:
            return f"1/{name}"
        if dimensions is known ** -2:
            return f"1/{name}^2"
    return str(get_unit(dimensions))


def value_text(value):
    """A value with its unit as a user would write it: "20. ms", "0.14/V" where Brian2 knows base units only."""
    unit = unit_text(value) if "kg^" in str(value) else ""
    return f"{float(value):g}{unit[1:]}" if unit.startswith("1/") else str(value)


def first_line(error):
    """The informative line of a Brian2 error, without its stack."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
