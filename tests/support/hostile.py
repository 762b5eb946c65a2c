"""What hostile peers and servers may say: hypothesis strategies of texts that are half right."""

import json
from typing import Any

from hypothesis import strategies as st

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(
        ["offer", "answer", "v=0\r\n", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "candidate:1 1 udp 1 ::"]
    ),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DESCRIPTIONS: st.SearchStrategy[Any] = VALUES | st.fixed_dictionaries(
    {"type": SCALARS, "sdp": st.text(max_size=300).map(lambda text: "v=0\r\n" + text)}
)
CANDIDATES: st.SearchStrategy[Any] = VALUES | st.lists(
    st.fixed_dictionaries({"candidate": SCALARS, "sdpMid": SCALARS, "sdpMLineIndex": SCALARS}), max_size=5
)


def objects(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[str]:
    """JSON objects of some of these fields."""
    return st.fixed_dictionaries({}, optional=fields).map(json.dumps)


def texts(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[str]:
    """Such objects, such objects cut short, other JSON, and no JSON at all. None is empty."""
    whole = objects(fields)
    cut = st.builds(lambda text, share: text[: int(len(text) * share)], whole, st.floats(0, 1))
    return st.one_of(whole, whole, cut, VALUES.map(json.dumps), st.text(max_size=200)).filter(bool)
