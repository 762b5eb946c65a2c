import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.handshake.party import Party


@pytest.fixture
def party() -> Party:
    return Party()


def test_a_join_is_repeated_as_it_was_written(party: Party) -> None:
    party.join_fanout("ann")
    party.connect("bob")
    text = party.send_fanout("bob", request="joinroom", roomid="r", streamID="b", own={"field": 1e3})
    assert party.take_texts("ann") == [text]
    assert party.take_texts("bob") == []


def test_a_frame_without_a_sender_is_ignored(party: Party) -> None:
    party.join_fanout("ann", "bob")
    party.forget_all()
    party.send("ann", request="seed", streamID="a")
    assert party.got_nothing()
    assert party.hub.counters.invalid == 1


def test_nobody_speaks_in_anothers_name(party: Party) -> None:
    party.join_fanout("ann", "bob", "eve")
    party.forget_all()
    party.send("eve", **{"from": "f-ann", "UUID": "f-bob", "bye": True})
    assert party.got_nothing()
    assert party.hub.counters.invalid == 1


def test_a_uuid_in_use_is_refused_until_it_is_free(party: Party) -> None:
    party.join_fanout("ann")
    party.connect("thief")
    frame = {"from": "f-ann", "request": "joinroom", "roomid": "r"}
    party.send("thief", **frame)
    assert party.take("thief") == [{"error": "uuid already in use"}]
    party.leave("ann")
    party.send("thief", **frame)
    assert party.got_nothing()
    assert [member.uuid for member in party.hub.rooms()[0].members] == ["f-ann"]


def test_decimal_numbers_are_uuids(party: Party) -> None:
    party.join_fanout("ann")
    party.connect("pi")
    party.send("pi", **{"from": 12345678, "request": "joinroom", "roomid": "r"})
    party.forget_all()
    party.send_fanout("ann", UUID="12345678", session="s")
    assert [frame["session"] for frame in party.take("pi")] == ["s"]


def test_stream_ids_are_unique_and_final(party: Party) -> None:
    party.join_fanout("ann", streamID="a")
    party.join_fanout("bob")
    party.forget_all()
    party.send_fanout("bob", request="seed", streamID="a")
    assert party.take("bob") == [{"error": "sid already in use"}]
    party.send_fanout("ann", request="seed", streamID="other")
    assert party.take("ann") == [{"error": "can't change sid"}]
    assert party.got_nothing()
    assert party.hub.counters.conflicts == 2


def test_a_join_with_a_refused_stream_does_not_join(party: Party) -> None:
    party.join_fanout("ann", streamID="a")
    party.join_fanout("bob", streamID="a")
    assert party.take("ann") == []
    assert len(party.hub.rooms()[0].members) == 1


def test_a_play_reaches_the_owner_alone_and_is_not_remembered(party: Party) -> None:
    party.join_fanout("ann", "bob", "cy")
    party.send_fanout("bob", request="play", streamID="a")
    party.forget_all()
    party.send_fanout("ann", request="seed", streamID="a")
    assert party.take("ann") == []
    party.forget_all()
    text = party.send_fanout("bob", request="play", streamID="a")
    assert party.take_texts("ann") == [text]
    assert party.got_nothing()


def test_a_full_room_refuses_the_newcomer() -> None:
    party = Party(max_members=1)
    party.join_fanout("ann", "bob")
    assert party.take("bob") == [{"error": "room is full"}]
    assert party.take("ann") == []


def test_a_ping_is_for_nobody(party: Party) -> None:
    party.join_fanout("ann", "bob")
    party.forget_all()
    party.send_fanout("ann", request="ping")
    assert party.got_nothing()


class LiteralFanout:
    """Rules 2 to 4 of protocol.md 12.2 read word by word, for members that have all spoken."""

    def __init__(self, names: list[str]) -> None:
        self.room: dict[str, str | None] = dict.fromkeys(names)
        self.sid: dict[str, str | None] = dict.fromkeys(names)

    def receivers(self, sender: str, frame: dict[str, Any]) -> set[str]:
        stream = frame.get("streamID")
        if frame.get("request") in ("seed", "joinroom") and stream is not None:
            if self.sid[sender] not in (None, stream):
                return set()
            if any(self.sid[other] == stream for other in self.sid if other != sender):
                return set()
            self.sid[sender] = stream
        if frame.get("request") == "joinroom":
            self.room[sender] = frame["roomid"]
        return {
            other
            for other in self.room
            if other != sender
            and not ("UUID" in frame and frame["UUID"] != f"f-{other}")
            and not (self.room[sender] is not None and self.room[other] != self.room[sender])
            and not (self.room[sender] is None and self.room[other] is not None)
            and not (frame.get("request") == "play" and stream is not None and self.sid[other] != stream)
        }


NAMES = ["ann", "bob", "cy", "dee"]
STREAMS = st.sampled_from(["s1", "s2", "s3"])
FRAMES = st.one_of(
    st.fixed_dictionaries(
        {"request": st.just("joinroom"), "roomid": st.sampled_from(["r1", "r2"])}, optional={"streamID": STREAMS}
    ),
    st.fixed_dictionaries({"request": st.just("seed"), "streamID": STREAMS}),
    st.fixed_dictionaries({"request": st.sampled_from(["play", "cleanup"])}, optional={"streamID": STREAMS}),
    st.fixed_dictionaries({"session": st.just("s")}),
).flatmap(
    lambda frame: st.one_of(
        st.just(frame), st.sampled_from([*NAMES, "x"]).map(lambda name: {**frame, "UUID": f"f-{name}"})
    )
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), FRAMES), max_size=30))
def test_the_original_text_goes_where_the_rules_say(frames: list[tuple[str, dict[str, Any]]]) -> None:
    party, literal = Party(), LiteralFanout(NAMES)
    party.connect(*NAMES)
    for name in NAMES:
        party.send_fanout(name, request="ping")
    for sender, frame in frames:
        party.forget_all()
        text = party.send_fanout(sender, **frame)
        expected = literal.receivers(sender, frame)
        got = {name for name in NAMES if text in party.texts[name]}
        assert got == expected, json.dumps(frame)
