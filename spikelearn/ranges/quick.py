"""What --quick changes; a protocol states it by keyword: SHORT_FORM = dict(pairs=at_most(5), images=of_all(4000)).

`checked` applies it before `run` is called, so that `run` sees the values of the short form.
"""
import numpy as np


def at_most(limit):
    """The value, or the limit if it is more or not given; of a tuple each entry."""
    def shorter(value):
        if np.ndim(value):
            return tuple(shorter(item) for item in value)
        return limit if value is None else min(value, limit)

    return shorter


def at_least(limit):
    """The value, or the limit if it is less."""
    return lambda value: max(value, limit)


def unless_given(value):
    """This value if none is given, that is, for None or 0."""
    return lambda given: given or value


def of_all(limit):
    """At most so many, where 0 means all."""
    return lambda value: min(value or limit, limit)


def always(value):
    """Always this value."""
    return lambda given: value


def every(step):
    """Every n-th entry."""
    return lambda values: values[::step]


def shortened(values, changes):
    """The values of the short form: name -> value. changes : a protocol's SHORT_FORM, name -> function of the value."""
    return {name: changes[name](value) if name in changes else value for name, value in values.items()}
