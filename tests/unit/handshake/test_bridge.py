"""Hosted and fan-out members in one room; "h" speaks the first, "f" the second."""

import pytest

from tests.unit.handshake.party import Party


@pytest.fixture
def party() -> Party:
    return Party()


def test_a_hosted_join_is_shown_in_fanout_form(party: Party) -> None:
    party.join_fanout("f", streamID="fs")
    party.join("h")
    assert party.take("f") == [{"request": "joinroom", "from": "u-h", "roomid": "r"}]
    assert party.take("h") == [{"request": "listing", "list": [{"UUID": "f-f", "streamID": "fs"}]}]


def test_a_hosted_seed_is_shown_in_fanout_form(party: Party) -> None:
    party.join_fanout("f")
    party.join("h")
    party.forget_all()
    party.send("h", request="seed", streamID="hs")
    assert party.take("f") == [{"request": "seed", "streamID": "hs", "from": "u-h", "roomid": "r"}]


def test_outside_rooms_a_hosted_seed_is_shown_without_a_room(party: Party) -> None:
    party.connect("f", "h", "other")
    party.send_fanout("f", request="play", streamID="hs")
    party.send("other", request="ping")
    party.send("h", request="seed", streamID="hs")
    assert party.take("f") == [{"request": "seed", "streamID": "hs", "from": "u-h"}]
    assert party.got_nothing()


def test_a_fanout_join_is_shown_in_hosted_form(party: Party) -> None:
    party.join("h")
    party.forget_all()
    party.join_fanout("f")
    party.join_fanout("g", streamID="gs")
    assert party.take("h") == [
        {"request": "someonejoined", "UUID": "f-f"},
        {"request": "someonejoined", "UUID": "f-g", "streamID": "gs"},
    ]


def test_a_fanout_seed_is_shown_once_in_hosted_form(party: Party) -> None:
    party.join("h")
    party.join_fanout("f")
    party.forget_all()
    for _ in range(2):
        party.send_fanout("f", request="seed", streamID="fs")
    assert party.take("h") == [{"request": "videoaddedtoroom", "UUID": "f-f", "streamID": "fs"}]


def test_hosted_publishers_offer_to_a_fanout_newcomer_unasked(party: Party) -> None:
    party.join("h", streamID="hs")
    party.join("silent")
    party.forget_all()
    party.join_fanout("f")
    assert party.take("h") == [
        {"request": "someonejoined", "UUID": "f-f"},
        {"request": "offerSDP", "UUID": "f-f"},
    ]
    assert party.take("silent") == [{"request": "someonejoined", "UUID": "f-f"}]
    party.send_fanout("f", request="joinroom", roomid="r")
    assert party.got_nothing()


def test_a_fanout_play_of_a_hosted_stream_becomes_offersdp(party: Party) -> None:
    party.join_fanout("f")
    party.join("h", streamID="hs")
    party.forget_all()
    party.send_fanout("f", request="play", streamID="hs", roomid="r")
    party.send_fanout("f", request="play", streamID="hs", UUID="someone-else")
    assert party.take("h") == [{"request": "offerSDP", "UUID": "f-f"}]


def test_a_hosted_play_of_a_fanout_stream_becomes_play_with_its_sender(party: Party) -> None:
    party.join_fanout("f", streamID="fs")
    party.join("h")
    party.forget_all()
    party.send("h", request="play", streamID="fs", bitrate=1)
    assert party.take("f") == [{"request": "play", "streamID": "fs", "from": "u-h", "roomid": "r"}]


def test_a_hosted_play_waits_for_a_fanout_stream(party: Party) -> None:
    party.join("h")
    party.send("h", request="play", streamID="fs")
    party.join_fanout("f", streamID="fs")
    assert party.take("f") == [{"request": "play", "streamID": "fs", "from": "u-h", "roomid": "r"}]


def test_peer_messages_are_translated_both_ways(party: Party) -> None:
    party.join("h")
    party.join_fanout("f")
    party.forget_all()
    party.send("h", UUID="f-f", session="s", description="9f", vector="00")
    assert party.take("f") == [
        {"UUID": "f-f", "session": "s", "description": "9f", "vector": "00", "from": "u-h", "roomid": "r"}
    ]
    party.send_fanout("f", UUID="u-h", roomid="r", session="s", candidates=[])
    assert party.take("h") == [{"UUID": "f-f", "session": "s", "candidates": []}]


def test_a_hosted_member_cannot_forge_a_sender(party: Party) -> None:
    party.join("h", "victim")
    party.join_fanout("f")
    party.forget_all()
    for target in ("f-f", "u-victim"):
        party.send("h", **{"UUID": target, "from": "f-boss", "roomid": "elsewhere", "bye": True})
    assert party.take("f") == [{"UUID": "f-f", "bye": True, "from": "u-h", "roomid": "r"}]
    assert party.take("victim") == [{"UUID": "u-h", "bye": True}]


def test_other_fanout_frames_do_not_reach_hosted_members(party: Party) -> None:
    party.join("h")
    party.join_fanout("f")
    party.forget_all()
    party.send_fanout("f", bye=True)
    party.send_fanout("f", request="cleanup", UUID="u-h")
    party.send_fanout("f", request="listing", list=[])
    assert party.got_nothing()


def test_stream_ids_are_unique_across_dialects(party: Party) -> None:
    party.join("h", streamID="s")
    party.join_fanout("f")
    party.forget_all()
    party.send_fanout("f", request="seed", streamID="s")
    assert party.take("f") == [{"error": "sid already in use"}]
    party.leave("h")
    party.send_fanout("f", request="seed", streamID="s")
    party.join("again")
    party.send("again", request="seed", streamID="s")
    assert party.take("again")[-1]["request"] == "alert"


def test_a_fanout_member_is_not_moved(party: Party) -> None:
    party.join("dir", claim=True)
    party.join_fanout("f")
    party.forget_all()
    party.send("dir", request="migrate", roomid="stage", target="f-f")
    assert party.got_nothing()
    assert len(party.hub.rooms()) == 1


def test_a_moved_guest_is_shown_to_the_fanout_members_of_its_new_room(party: Party) -> None:
    party.join("dir", claim=True)
    party.join("guest", streamID="g")
    party.join_fanout("f", room="stage")
    party.forget_all()
    party.send("dir", request="migrate", roomid="stage", target="u-guest")
    assert party.take("f") == [{"request": "joinroom", "streamID": "g", "from": "u-guest", "roomid": "stage"}]
