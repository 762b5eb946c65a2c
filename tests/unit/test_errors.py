import re
from collections.abc import Iterator

import pytest

from roomtape import errors
from roomtape.errors import RecorderError, Scope


def tree_of(kind: type[RecorderError]) -> Iterator[type[RecorderError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree_of(child)


EVERY = [kind for kind in tree_of(RecorderError) if kind.__module__ == errors.__name__]
every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


def test_no_error_is_defined_elsewhere() -> None:
    assert set(EVERY) == set(tree_of(RecorderError))


def test_codes_are_unique() -> None:
    codes = [kind.__dict__.get("code") for kind in EVERY]
    assert None not in codes
    assert len(set(codes)) == len(codes)


@every
def test_an_error_has_a_code_a_scope_and_one_sentence(kind: type[RecorderError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    error = kind("a clear sentence")
    assert isinstance(error.scope, Scope)
    assert isinstance(error.retryable, bool)
    assert (error.detail, str(error)) == ("a clear sentence", "a clear sentence")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Its indentation is what a class is derived from, and the scope in brackets is that of the classes it names."""
    path: list[type[RecorderError]] = []
    drawn: set[str] = set()
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ([│├└─ ]*)([A-Z]\w+(?:, [A-Z]\w+)*) *(?:\[(\w+)\].*)?", line)
        if match is None:
            continue
        branches, names, scope = match.groups()
        depth = len(branches) // 4
        for name in names.split(", "):
            kind = getattr(errors, name)
            assert depth == 0 or kind.__base__ is path[depth - 1], name
            assert kind.scope == (scope or (path[depth - 1].scope if depth else Scope.SYSTEM)), name
            drawn.add(name)
        path[depth:] = [kind]
    assert drawn == {kind.__name__ for kind in EVERY}
