"""The package's own source, for tests of the house rules."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2] / "roomtape"


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


FILES: Final = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
"""Every module by its name inside the package, as in "signaling.wire"; packages as in "signaling.__init__"."""
MODULES: Final = tuple(name for name in FILES if not name.endswith("__init__"))


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text())


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that `module` imports, at its top or anywhere else; those of the package begin with "roomtape"."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{module} has a relative import"
            found |= {_imported(node.module, alias.name) for alias in node.names}
    return frozenset(found)


def _imported(source: str, name: str) -> str:
    """`from source import name` may mean a module or something in one."""
    whole = f"{source}.{name}"
    return whole if whole.removeprefix("roomtape.") in FILES else source


def inner(module: str) -> frozenset[str]:
    """What `module` imports of the package, without the package's name."""
    return frozenset(name.removeprefix("roomtape.") for name in imports(module) if name.startswith("roomtape."))


def outer(module: str) -> frozenset[str]:
    """What `module` imports from elsewhere, by top-level name."""
    return frozenset(name.partition(".")[0] for name in imports(module)) - {"roomtape"}


@cache
def reach(module: str) -> frozenset[str]:
    """`module` and everything of the package that it brings along."""
    seen, todo = {module}, [module]
    while todo:
        new = inner(todo.pop()) - seen
        seen |= new
        todo += new
    return frozenset(seen)
