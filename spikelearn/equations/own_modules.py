"""Python files of the user's own that a text imports: what they say decides what it does."""
import ast
import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

LIBRARIES = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]


def own_file(name: str) -> Path | None:
    """The file of a module, None if it is part of Python, of an installed package or of spikelearn, or not found."""
    top = name.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names or top == "spikelearn":
        return None
    path = _path(top)
    if path is not None and not _is_own(path):          # looking for a part of a package would import it
        return None
    path = _path(name)
    return path if path is not None and path.suffix == ".py" and _is_own(path) else None


def _path(name):
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(name)
        except Exception:       # it imports the package that holds it, which may fail in any way
            return None
        path = spec.origin if spec is not None and spec.has_location else None
    return Path(path).resolve() if path else None


def _is_own(path):
    installed = any(part in ("site-packages", "dist-packages") for part in path.parts)
    return not installed and not any(path.is_relative_to(folder) for folder in LIBRARIES)


def own_imports(text: str, package: str = "") -> dict[str, Path]:
    """The modules of the user's own that a text imports, and those that they import: name -> file.

    package : of the text, for imports that are relative to it.
    """
    found, left = {}, sorted(_imported(text, package))
    while left:
        name = left.pop()
        path = own_file(name) if name not in found else None
        if path is not None and path.is_file():
            found[name] = path
            inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
            left += sorted(_imported(path.read_text(encoding="utf-8", errors="replace"), inside))
    return dict(sorted(found.items()))


def _imported(text, package):
    """Names of the modules that a text may import: of `from a import b` both a and a.b, which may be one."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[:len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join(filter(None, [*parents, node.module or ""]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)} if base else set()
    return {".".join(parts[:k]) for parts in (name.split(".") for name in names) for k in range(1, len(parts) + 1)}


def texts_of_own(module: ModuleType) -> list[str]:
    """The text of a module of the user's own and of those that it imports; nothing for an installed one."""
    if own_file(module.__name__) is None:
        return []
    files = own_imports(f"import {module.__name__}")
    return [path.read_text(encoding="utf-8", errors="replace") for path in files.values()]
