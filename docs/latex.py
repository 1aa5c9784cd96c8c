"""Equations of model files as LaTeX, in the order in which the file writes them. The page also shows the file."""
import ast
import re

GREEK = set("alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi "
            "omega".split())
SIGNS = {"plus": "+", "minus": "-"}
FUNCTIONS = {"exp", "log", "sin", "cos", "tanh"}
COMPARE = {ast.Lt: "<", ast.LtE: r"\leq", ast.Gt: ">", ast.GtE: r"\geq", ast.Eq: "=", ast.NotEq: r"\neq"}
LOGIC, COMPARISON, SUM, PRODUCT, POWER, ATOM = range(6)     # how tightly a part of an expression binds


def name(text: str) -> str:
    """LaTeX of a variable's name: tau_plus is a tau with the index +."""
    base, *indices = text.split("_")
    letters, digits = re.fullmatch(r"(.*?)(\d*)", base).groups()
    if not letters:
        return rf"\mathrm{{{text}}}"
    head = "\\" + letters if letters in GREEK else letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
    parts = ([digits] if digits else []) + [_index(index) for index in indices if index]
    return head + (f"_{{{', '.join(parts)}}}" if parts else "")


def _index(text):
    if text in SIGNS:
        return SIGNS[text]
    return "\\" + text if text in GREEK else text if text.isdigit() else rf"\mathrm{{{text}}}"


def expression(code: str) -> str:
    """LaTeX of an expression, such as "w - A*exp(-t/tau)". Raises SyntaxError or ValueError for what it cannot read."""
    return _latex(ast.parse(" ".join(code.split()), mode="eval").body)[0]


def equation(variable: str, code: str, differential: bool) -> str:
    """LaTeX of one line of the equations: the variable or its derivative, and its right side."""
    left = rf"\frac{{d{name(variable)}}}{{dt}}" if differential else name(variable)
    return f"{left} = {expression(code)}"


def statements(code: str) -> list[str]:
    """LaTeX of the statements at an event: an arrow for each assignment."""
    found = []
    for node in ast.parse("\n".join(line.strip() for line in code.splitlines())).body:
        if isinstance(node, ast.AugAssign):
            value = ast.BinOp(node.target, node.op, node.value)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            value = node.value
        else:
            raise ValueError(f"not an assignment: {ast.unparse(node)}")
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
        found.append(rf"{name(target.id)} \leftarrow {_latex(value)[0]}")
    return found


def _latex(node):
    """(LaTeX, how tightly it binds) of a node of the expression."""
    match node:
        case ast.Name(id):
            return name(id), ATOM
        case ast.Constant(value):
            return (rf"\mathrm{{{value}}}" if isinstance(value, bool | str) else f"{value:g}"), ATOM
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)[0]}}}{{{_latex(right)[0]}}}", PRODUCT
        case ast.BinOp(left, ast.Pow(), right):
            return f"{_within(left, ATOM)}^{{{_latex(right)[0]}}}", POWER
        case ast.BinOp(left, ast.Mult(), right):
            return rf"{_within(left, PRODUCT)} \, {_within(right, POWER, PRODUCT)}", PRODUCT
        case ast.BinOp(left, ast.Add(), right):
            return f"{_within(left, SUM)} + {_within(right, SUM)}", SUM
        case ast.BinOp(left, ast.Sub(), right):
            return f"{_within(left, SUM)} - {_within(right, PRODUCT)}", SUM
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_within(operand, PRODUCT)}", PRODUCT
        case ast.UnaryOp(ast.Not(), operand):
            return rf"\mathrm{{not}}\ {_within(operand, ATOM)}", LOGIC
        case ast.BoolOp(operator, values):
            word = "and" if isinstance(operator, ast.And) else "or"
            return rf"\ \mathrm{{{word}}}\ ".join(_within(value, COMPARISON) for value in values), LOGIC
        case ast.Compare(left, [operator], [right]):
            return f"{_within(left, SUM)} {COMPARE[type(operator)]} {_within(right, SUM)}", COMPARISON
        case ast.Call(ast.Name(function), arguments):
            inside = r",\ ".join(_latex(argument)[0] for argument in arguments)
            head = "\\" + function if function in FUNCTIONS else name(function)
            return rf"{head}\left({inside}\right)", ATOM
    raise ValueError(f"no LaTeX for {ast.unparse(node)}")


def _within(node, least, fraction=None):
    """A part of an expression, in parentheses unless it binds as tightly as `least` (`fraction` for a fraction)."""
    text, binding = _latex(node)
    if fraction is not None and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        least = fraction
    return text if binding >= least else rf"\left({text}\right)"
