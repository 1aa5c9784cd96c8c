"""Checks of what statements assign to: every name on the left is declared, or read later in the same block."""
import re

from spikelearn.equations.parsing import SUBEXPRESSION, get_identifiers, parse_statement, word_substitute
from spikelearn.errors import SpikelearnError, alternatives

FIXED = ("t", "dt", "i", "j", "N", "t_in_timesteps", "not_refractory")      # Brian2 sets these itself


def statements_of(code):
    """The statements of a block of code, in order: (name, operation, expression). Raises ValueError."""
    lines = [line.split(";") for line in re.sub(r"#.*", "", code).splitlines()]
    if any(piece and not piece.strip() for pieces in lines if len(pieces) > 1 for piece in pieces):
        raise ValueError("nothing stands on one side of a semicolon")      # Brian2 cannot read that either
    return [parse_statement(piece.strip())[:3] for pieces in lines for piece in pieces if piece.strip()]


def check_assignments(title, where, code, variables, fixed=()):
    """Refuse an assignment that would be lost.

    title : str, the model in sentences. where : str, the block, such as "on_pre".
    variables : names that statements may change. fixed : names that exist and that they may not change.
    A name that is in neither is a variable of the block itself, and must be read by a later statement of it.
    Raises SpikelearnError.
    """
    unread = {}
    for name, operation, expression in _read(title, where, code):
        for used in get_identifiers(expression) - {name}:
            unread.pop(used, None)
        if name in fixed or name in FIXED:
            raise SpikelearnError(f"{title}: {where} assigns to '{name}', which statements cannot change"
                                  f"{alternatives(name, variables)}")
        if name not in variables and operation == "=":
            unread[name] = True
    if unread:
        name = next(iter(unread))
        raise SpikelearnError(f"{title}: {where} assigns to '{name}', which no equation declares and no later "
                              f"statement reads{alternatives(name, variables)}")


def check_model_assignments(model, equations, open_names):
    """check_assignments for every block of a model record; open_names : what it shares with its neurons."""
    computed = {name for name, equation in equations.items()
             if equation.type == SUBEXPRESSION and "constant over dt" not in equation.flags}     # stored, once a step
    variables = (set(equations) - computed) | set(open_names)
    for where, (kind, code) in model.statements().items():
        if kind == "code":
            check_assignments(model.title, where, code, variables, computed | set(model.parameters))


def written_out(code, equations):
    """Code in which each subexpression is replaced by its expression.

    At a spike Brian2 evaluates a subexpression with the values of before the spike: an event-driven variable that it
    reads is not updated, and `t` is the clock's. Written out, it sees the same values as the statement itself.
    code : str, statements. equations : Brian2 Equations. Returns the statements.
    """
    texts = {name: f"({equation.expr.code})" for name, equation in equations.items()
             if equation.type == SUBEXPRESSION and "constant over dt" not in equation.flags}     # stored, once a step
    code = re.sub(r"#.*", "", code)
    while texts.keys() & get_identifiers(code):
        code = word_substitute(code, texts)
    return code


def used_before(code, known):
    """Names that a block reads before it assigns to them, `known` ones left out. Raises ValueError."""
    new, unknown = set(), set()
    for name, operation, expression in statements_of(code):
        read = get_identifiers(expression) | ({name} if operation != "=" else set())
        unknown |= read - new - set(known)
        new.add(name)
    return unknown


def _read(title, where, code):
    try:
        return statements_of(code)
    except ValueError as error:
        what = [line for line in str(error).splitlines() if line.strip()][-1].rstrip(".")
        raise SpikelearnError(f"{title}: {where} cannot be read: {what}") from error
