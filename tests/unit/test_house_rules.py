"""Rules of the house that a machine can check."""

import ast
from collections.abc import Iterator

import pytest

from tests.unit.source import FILES, MODULES, tree

MAX_LINES = 400

# Where an error of any kind may be caught: nobody above these could make anything of it.
SEAMS = {("child.main", "Child._handle"), ("child.gst", "guarded.call"), ("app", "_beside")}
EVERYTHING = {"", "Exception", "BaseException"}

# A docstring is for what the name, the types and a glance at the body do not say.
GLANCE_LINES = 12
# Classes whose methods have their docstrings there, and implementations elsewhere.
INTERFACES = {
    "PeerListener",
    "TapeListener",
    "Destination",
    "ViewerOwner",
    "FeedOwner",
    "Feed",
    "Decider",
    "Audience",
    "Rules",
}
OF_THE_STANDARD_LIBRARY = {"emit"}

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Public classes, functions and methods with their dotted names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition) and not child.name.startswith("_"):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{prefix}{child.name}.")


def handlers(node: ast.AST, where: str = "") -> Iterator[tuple[str, ast.ExceptHandler]]:
    """Every `except`, with the dotted name of what it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler):
            yield where, child
        inside = f"{where}.{child.name}".lstrip(".") if isinstance(child, Definition) else where
        yield from handlers(child, inside)


def caught(handler: ast.ExceptHandler) -> set[str]:
    """The names of what a handler catches; "" for a bare `except`."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind) if kind is not None else "" for kind in kinds}


PUBLIC = [(module, name, node) for module in MODULES for name, node in public(tree(module))]
INTERFACE_METHODS = {name.partition(".")[2] for _, name, _ in PUBLIC if name.partition(".")[0] in INTERFACES}


def says_enough(name: str, node: Definition) -> bool:
    """Whether a definition has a docstring or needs none."""
    short = (node.end_lineno or 0) - node.lineno < GLANCE_LINES
    method = name.rpartition(".")[2]
    return bool(ast.get_docstring(node)) or short or method in INTERFACE_METHODS | OF_THE_STANDARD_LIBRARY


@pytest.mark.parametrize("module", FILES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_is_documented(module: str) -> None:
    assert [name for name, node in public(tree(module)) if not says_enough(name, node)] == []


def test_the_interfaces_exist() -> None:
    assert {name for _, name, _ in PUBLIC} >= INTERFACES


@pytest.mark.parametrize("module", FILES)
def test_files_are_short(module: str) -> None:
    lines = len(FILES[module].read_text().splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: what wants to be two things?"


def test_errors_of_any_kind_are_caught_at_the_seams_alone() -> None:
    places = [
        (module, where)
        for module in MODULES
        for where, handler in handlers(tree(module))
        if caught(handler) & EVERYTHING
    ]
    assert sorted(places) == sorted(SEAMS)
