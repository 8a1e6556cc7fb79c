"""The rooms of the house: which modules there are, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "headrace"

# The folders that are linked into the package.
LINKED = ("ingestion", "features", "jobs", "infra", "examples")


@dataclass(frozen=True)
class Import:
    """One import statement: who imports (dotted names), what, and whether that happens as the module is loaded."""

    importer: str
    imported: str
    at_load: bool
    relative: bool


def modules() -> dict[str, Path]:
    """Every module of the package, the linked rooms included, by its dotted name."""
    found = {}
    for path in _python_files(PACKAGE):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):  # not rglob, which does not follow links before Python 3.13
        if path.is_dir() and path.name != "__pycache__":
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path


def imports() -> list[Import]:
    """Every import of every module, those inside functions and under TYPE_CHECKING included."""
    return [found for name, path in modules().items() for found in imports_of(name, path)]


def imports_of(name: str, path: Path) -> Iterator[Import]:
    """The imports of one module, with relative ones resolved."""
    tree = ast.parse(path.read_text())
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    loaded = set(_at_load(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node in loaded, relative=False)
        elif isinstance(node, ast.ImportFrom):
            base = _base(package, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in _names() else base, node in loaded, relative=node.level > 0)


def _base(package: str, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    parent = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parent, *([node.module] if node.module else [])])


def _at_load(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when the module is loaded."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            waiting += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
            waiting += node.body


_NAMES: set[str] = set()


def _names() -> set[str]:
    if not _NAMES:
        _NAMES.update(modules())
    return _NAMES
