"""Frames as nobody should send them: the protocol's messages with anything in the place of anything."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from roomtape.signaling.crypto import encrypt

PHRASE: Final = "someEncryptionKey123vdo.ninja"
_VECTOR: Final = bytes(16)

_PEER_KEYS = ("UUID", "from", "roomid", "session", "streamID", "type", "vector", "isScene", "bye", "iceRestartRequest")
_KEYS = ("request", "description", "candidates", "candidate", "sdp", "sdpMid", "list", "director", "error", *_PEER_KEYS)
_REQUESTS = (
    *("listing", "transferred", "someonejoined", "videoaddedtoroom", "seed", "joinroom", "play"),
    *("offerSDP", "alert", "error", "cleanup", "bye", "ping"),
)
_WORDS = (*_REQUESTS, "me", "you", "room", "offer", "local", "v=0", "candidate:1")

_text = st.text(max_size=8)
_number = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_leaf = st.none() | st.booleans() | _number | st.sampled_from(_WORDS) | _text
_any = st.recursive(
    _leaf,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(_KEYS) | _text, inside, max_size=4),
    max_leaves=6,
)


def _seal(value: object) -> str:
    """An envelope that opens with PHRASE and the vector of all zeros."""
    return encrypt(json.dumps(value), PHRASE, _VECTOR)[0]


def _or_any(*likely: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(likely) | _any


def _field(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Plain or sealed."""
    vector = _or_any(_VECTOR.hex())
    sealed = st.builds(lambda inside, vector: {name: _seal(inside), "vector": vector}, value, vector)
    return value.map(lambda inside: {name: inside}) | sealed


_sender = st.sampled_from([{"UUID": "you"}, {"from": "you"}, {"from": "you", "UUID": "me"}, {}])
_member = st.fixed_dictionaries({"UUID": _or_any("you")}, optional={"streamID": _or_any("s")}) | _any
_description = st.fixed_dictionaries(
    {"type": _or_any("offer", "answer"), "sdp": _or_any("v=0") | _text.map("v={}".format)}
)
_candidate = st.fixed_dictionaries(
    {"candidate": _or_any("candidate:1") | _text}, optional={"sdpMid": _any, "sdpMLineIndex": _any}
)
_message = st.one_of(
    st.fixed_dictionaries(
        {"request": st.sampled_from(_REQUESTS), "streamID": _or_any("s"), "list": st.lists(_member) | _any}
    ),
    _field("description", _description | _any),
    _field("candidates", st.lists(_candidate | _any, max_size=4) | _any),
    _field("candidate", _candidate | _any),
)
_more = st.dictionaries(st.sampled_from(_KEYS), _any, max_size=2)

json_objects: Final = st.builds(lambda sender, message, more: {**sender, **message, **more}, _sender, _message, _more)
# Lone surrogates are valid in JSON, as escapes, and in no UTF-8; NaN is what some writers write.
_no_json = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2) | st.just(float("nan"))
frames: Final = st.one_of(
    json_objects.map(json.dumps),
    json_objects.map(lambda obj: json.dumps(obj, ensure_ascii=False)),
    st.builds(lambda obj, odd: json.dumps({**obj, "streamID": odd}), json_objects, _no_json),
    _any.map(json.dumps) | _text | st.binary(max_size=20),
)
