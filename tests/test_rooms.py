"""The house: which room knows which, and how long functions and files are. `pytest -s` prints both."""
import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
# a room knows only those before it; the protocols know all
ORDER = ("errors", "deviations", "plotting", "likelihood", "equations", "results", "ranges", "simulation", "stdp",
         "images", "training", "unsupervised", "equilibrium", "boltzmann", "generative", "command", "lab")
FACE = ("__init__", "__main__")         # what lies over the rooms
FUNCTION, FILE, TEST = 40, 250, 400     # lines, at most


def room_of(path):
    return path.relative_to(ROOT / "spikelearn").parts[0].removesuffix(".py")


def imported(path):
    """Modules of spikelearn that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "spikelearn":
            yield from ([node.module] if node.module != "spikelearn" else
                        [f"spikelearn.{name.name}" for name in node.names])
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "spikelearn")


def known_rooms():
    """Room -> the rooms that it imports."""
    found = {room: set() for room in ORDER}
    for path in (ROOT / "spikelearn").rglob("*.py"):
        room = room_of(path)
        if room not in FACE:
            modules = (module.split(".")[1:2] for module in imported(path))
            found.setdefault(room, set()).update(name for names in modules for name in names if name != room)
    return found


def test_rooms_know_only_those_before_them():
    found = known_rooms()
    for room, others in found.items():
        print(f"{room:12} {' '.join(sorted(others, key=lambda other: ORDER.index(other)))}")
    assert set(found) == set(ORDER)
    backward = {room: [other for other in others if ORDER.index(other) >= ORDER.index(room)]
                for room, others in found.items()}
    assert not {room: others for room, others in backward.items() if others}


def test_a_model_file_knows_the_two_records_only():
    """A model file knows the face and Brian2 only: it can be copied anywhere."""
    for path in (ROOT / "models").rglob("*.py"):
        assert set(imported(path)) <= {"spikelearn.NeuronModel", "spikelearn.SynapseModel"}, path


def sources(*rooms):
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def lines_of_functions(path):
    """Lines of each function, its docstring aside: a public one has parameters, errors and an example there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = node.body[0] if ast.get_docstring(node) else None
            docstring = text.end_lineno - text.lineno + 1 if text else 0
            yield node.end_lineno - node.lineno + 1 - docstring, f"{path.relative_to(ROOT)}: {node.name}"


def longest(found, limit):
    """Print the longest five; those above the limit."""
    found = sorted(found, reverse=True)
    print(*(f"{lines:4} {name}" for lines, name in found[:5]), sep="\n")
    return [it for it in found if it[0] > limit]


def lines_of_files(paths):
    return [(len(path.read_text(encoding="utf-8").splitlines()), str(path.relative_to(ROOT))) for path in paths]


def test_no_function_is_long():
    paths = sources("spikelearn", "protocols", "models", "benchmarks")
    assert not longest([found for path in paths for found in lines_of_functions(path)], FUNCTION)


def test_no_file_of_the_package_is_long():
    assert not longest(lines_of_files(sources("spikelearn", "protocols", "models", "benchmarks")), FILE)


def test_no_file_of_tests_is_long():
    assert not longest(lines_of_files(sources("tests")), TEST)
