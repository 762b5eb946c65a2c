import json

import pytest

from roomtape.handshake.hub import POLICY_VIOLATION, TRY_AGAIN_LATER, MemberSnapshot, RoomSnapshot
from roomtape.signaling.messages import Dialect
from tests.unit.handshake.party import Party


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "null", "1", '"x"', "[" * 5000, '{"a":' * 5000, '{"a":NaN}', '{"a":1', b"{}", "\ud800"],
)
def test_what_is_no_json_object_is_counted_and_leaves_the_dialect_open(text: str | bytes) -> None:
    party = Party()
    party.connect("ann")
    party.send_text("ann", text)
    assert party.hub.counters.malformed == 1
    party.send_fanout("ann", request="joinroom", roomid="r")
    assert party.hub.rooms()[0].members[0].dialect is Dialect.FANOUT


@pytest.mark.parametrize(
    ("sender", "dialect"), [("x", Dialect.FANOUT), (77, Dialect.FANOUT), (None, Dialect.HOSTED), ({}, None), ("", None)]
)
def test_the_first_frame_decides_the_dialect(sender: object, dialect: Dialect | None) -> None:
    party = Party()
    party.connect("ann")
    party.send("ann", **{"request": "joinroom", "roomid": "r", "from": sender})
    assert [member.dialect for room in party.hub.rooms() for member in room.members] == ([dialect] if dialect else [])


def test_frames_of_strangers_are_ignored() -> None:
    party = Party()
    party.connect("ann")
    party.leave("ann")
    party.send("ann", request="joinroom", roomid="r")
    assert party.got_nothing()
    assert party.hub.counters.received == 0


def test_the_snapshot_shows_rooms_and_members() -> None:
    party = Party()
    party.join("dir", claim=True)
    party.join_fanout("f", streamID="fs")
    assert party.hub.rooms() == (
        RoomSnapshot(
            "r",
            (
                MemberSnapshot("u-dir", Dialect.HOSTED, None, True),
                MemberSnapshot("f-f", Dialect.FANOUT, "fs", False),
            ),
        ),
    )


def test_one_connection_too_many_is_closed() -> None:
    party = Party(max_connections=2)
    party.connect("ann", "bob", "cy")
    assert party.closed == {"cy": TRY_AGAIN_LATER}
    party.leave("ann")
    party.connect("dee")
    assert "dee" not in party.closed


def test_an_oversized_frame_is_dropped_and_the_connection_lives() -> None:
    party = Party(max_frame=1000)
    party.join("ann", "bob")
    party.forget_all()
    party.send("ann", UUID="u-bob", filler="x" * 1000)
    assert party.got_nothing()
    assert party.hub.counters.oversized == 1
    party.send("ann", UUID="u-bob", filler="x" * 900)
    assert len(party.take("bob")) == 1


def test_a_flood_is_cut_off_and_calms_down() -> None:
    party = Party(rate=10.0, burst=20.0)
    party.join("ann", "bob")
    party.forget_all()
    for _ in range(100):
        party.send("ann", UUID="u-bob", x=1)
    passed = len(party.take("bob"))
    assert 10 < passed < 20
    assert party.hub.counters.rate_limited == 100 - passed
    party.now += 1.0
    for _ in range(100):
        party.send("ann", UUID="u-bob", x=1)
    assert 5 < len(party.take("bob")) <= 10


def test_large_frames_cost_more() -> None:
    party = Party(rate=1.0, burst=100.0)
    party.join("ann", "bob")
    party.forget_all()
    for _ in range(20):
        party.send("ann", UUID="u-bob", x="x" * 80_000)
    assert len(party.take("bob")) == 4


def test_broadcasts_cost_more() -> None:
    party = Party(rate=1.0, burst=50.0)
    party.join_fanout(*(f"guest{n}" for n in range(101)))
    party.forget_all()
    for _ in range(20):
        party.send_fanout("guest100", bye=True)
    assert 5 <= len(party.take("guest0")) <= 8


def test_a_persistent_flood_costs_the_connection_alone() -> None:
    party = Party(rate=10.0, burst=20.0, max_strikes=50)
    party.join("ann", "bob")
    for _ in range(100):
        party.send("ann", request="ping")
    assert party.closed == {"ann": POLICY_VIOLATION}
    assert party.hub.counters.expelled == 1
    assert [member.uuid for member in party.hub.rooms()[0].members] == ["u-bob"]
    party.leave("ann")


def test_strikes_are_forgiven_after_a_calm() -> None:
    party = Party(rate=10.0, burst=20.0, max_strikes=50)
    party.connect("ann")
    for _ in range(10):
        for _ in range(60):
            party.send("ann", request="ping")
        party.now += 60
    assert party.closed == {}


def test_a_page_that_serves_a_full_room_stays_within_the_limits() -> None:
    """Offers and candidate bundles to 499 viewers within 12 seconds."""
    party = Party()
    party.join("star", streamID="s")
    viewers = [f"v{n}" for n in range(499)]
    party.join(*viewers)
    for viewer in viewers:
        party.send(viewer, request="play", streamID="s")
    for viewer in viewers:
        party.now += 12 / 499
        party.send("star", UUID=f"u-{viewer}", description="0" * 20_000)
        for _ in range(3):
            party.send("star", UUID=f"u-{viewer}", candidates="0" * 1000)
    assert party.hub.counters.rate_limited == 0
    assert party.hub.counters.delivered > 4 * 499


def test_five_hundred_join_at_once() -> None:
    party = Party()
    names = [f"g{n}" for n in range(500)]
    party.connect(*names)
    for name in names:
        party.send(name, request="joinroom", roomid="r")
    for name in names:
        party.send(name, request="seed", streamID=f"s-{name}")
    listing, *news = party.take("g0")
    assert listing == {"request": "listing", "list": []}
    assert {frame["streamID"] for frame in news if frame["request"] == "videoaddedtoroom"} == {
        f"s-{name}" for name in names[1:]
    }
    assert party.hub.counters.rate_limited == 0


def test_relaying_keeps_odd_values_as_they_are() -> None:
    party = Party()
    party.join("ann", "bob")
    party.forget_all()
    party.send_text("ann", '{"UUID":"u-bob","big":1e999,"text":"\\u00e4\\n","deep":' + "[" * 500 + "]" * 500 + "}")
    [text] = party.take_texts("bob")
    assert '"big":1e999' in text
    assert json.loads(text)["text"] == "ä\n"
