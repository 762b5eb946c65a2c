"""Every message of the two catalogues with any values, read off their fields."""

from functools import cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from roomtape.ipc.messages import FromChild, ToChild

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=5,
)


@cache
def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as messages use it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return _json
    if origin in (Union, UnionType):
        return st.one_of(*map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.builds(kind, **{name: values(hint) for name, hint in get_type_hints(kind).items()})
    return st.from_type(kind)


TO_CHILD: Final = get_args(ToChild)
FROM_CHILD: Final = get_args(FromChild)
to_child: Final[st.SearchStrategy[ToChild]] = values(ToChild)
from_child: Final[st.SearchStrategy[FromChild]] = values(FromChild)
