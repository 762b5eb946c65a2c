"""Whatever members send, in whatever order: nothing raises, nothing leaks."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from roomtape.handshake.effects import Close, Deliver
from roomtape.handshake.hub import Hub
from roomtape.handshake.limits import HubLimits
from roomtape.signaling.messages import Dialect

CONNECTIONS = range(5)
NAMES = st.sampled_from(["u0", "u1", "u2", "f0", "f1", "f2", "r1", "r2", "s1", "s2", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
REQUESTS = st.sampled_from(["joinroom", "seed", "play", "migrate", "ping", "listing", "offerSDP", "odd"])
UUIDS = st.sampled_from(["u0", "u1", "u2", "u3", "f0", "f1", "f2"])


def field(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, JSON)


FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "request": field(REQUESTS),
        "UUID": field(UUIDS),
        "roomid": field(st.sampled_from(["r1", "r2"])),
        "streamID": field(st.sampled_from(["s1", "s2", "s3"])),
        "target": field(UUIDS),
        "claim": field(st.just(True)),
        "description": JSON,
    },
)


@st.composite
def steps(draw: st.DrawFn) -> tuple[int, str | bytes | None]:
    """A connection and what it sends, None to reconnect. Connections 3 and 4 prefer the fan-out dialect."""
    conn_id = draw(st.sampled_from(CONNECTIONS))
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return conn_id, None
    if kind == 1:
        return conn_id, draw(st.text(max_size=20) | st.binary(max_size=20))
    frame = draw(FRAMES)
    if conn_id >= 3 or kind == 2:
        frame["from"] = draw(field(st.just(f"f{conn_id - 3}")))
    return conn_id, json.dumps(frame)


def check_delivery(frame: dict[str, Any], receiver: str, dialects: dict[str, Dialect], rooms: dict[str, str]) -> None:
    if dialects.get(receiver, Dialect.HOSTED) is Dialect.HOSTED and "error" not in frame:
        assert "from" not in frame
        assert "roomid" not in frame
    if "list" in frame and frame.get("request") in ("listing", "transferred"):
        named = [entry["UUID"] for entry in frame["list"]]
    elif "from" in frame:
        named = [str(frame["from"])]
        assert frame.get("UUID") is None or str(frame["UUID"]) == receiver
    elif frame.get("request") == "alert" or "error" in frame:
        named = []
    else:
        named = [frame["UUID"]]
    assert receiver not in named
    assert {rooms.get(uuid) for uuid in named} <= {rooms.get(receiver)}


@settings(max_examples=200, deadline=None)
@given(st.lists(steps(), max_size=40))
def test_no_input_raises_crosses_rooms_or_returns_to_its_sender(script: list[tuple[int, str | bytes | None]]) -> None:
    hub = Hub(HubLimits(max_members=3, max_waiting=2, burst=1e6))
    for conn_id in CONNECTIONS:
        hub.connect(conn_id, f"u{conn_id}")
    for conn_id, text in script:
        if text is None:
            hub.disconnect(conn_id)
            hub.connect(conn_id, f"u{conn_id}")
            continue
        effects = hub.receive(conn_id, text, 0.0)
        registry = hub._registry
        members = {id_: member for id_ in CONNECTIONS if (member := registry.member(id_)) is not None}
        rooms = {m.uuid: m.room.name for m in members.values() if m.room.name is not None}
        dialects = {m.uuid: m.dialect for m in members.values() if m.dialect is not None}
        for effect in effects:
            assert isinstance(effect, Deliver)
            check_delivery(json.loads(effect.text), members[effect.conn_id].uuid, dialects, rooms)
        streams = [m.stream for m in members.values() if m.stream is not None]
        assert len(set(streams)) == len(streams)
        assert len({m.uuid for m in members.values()}) == len(members)
        assert all(len(room.members) <= 3 for room in hub.rooms())
        assert sorted(m.uuid for room in hub.rooms() for m in room.members) == sorted(rooms)
    for conn_id in CONNECTIONS:
        hub.disconnect(conn_id)
    assert hub.rooms() == ()
    lobby, *indexes = vars(hub._registry).values()
    assert not lobby.members
    assert not any(indexes)


@given(st.lists(st.text() | st.binary(), max_size=20), st.floats(0, 1e9))
def test_garbage_earns_nothing_but_a_close(messages: list[str | bytes], now: float) -> None:
    hub = Hub(HubLimits(max_strikes=3, burst=5.0))
    hub.connect(0, "u0")
    hub.connect(1, "u1")
    hub.receive(1, '{"request":"joinroom","roomid":"r"}', now)
    for message in messages:
        assert all(isinstance(effect, Close) and effect.conn_id == 0 for effect in hub.receive(0, message, now))
    assert len(hub.rooms()[0].members) == 1
