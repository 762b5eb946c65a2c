import pytest

from tests.unit.handshake.party import Party


@pytest.fixture
def party() -> Party:
    return Party()


def test_connecting_is_silent(party: Party) -> None:
    party.connect("ann", "bob")
    assert party.got_nothing()


def test_a_newcomer_gets_the_others_and_they_are_told(party: Party) -> None:
    party.join("ann", "bob")
    party.send("ann", request="seed", streamID="ann808d64")
    party.forget_all()
    party.join("cy", streamID="cy808d64")
    assert party.take("cy") == [
        {"request": "listing", "list": [{"UUID": "u-ann", "streamID": "ann808d64"}, {"UUID": "u-bob"}]}
    ]
    assert party.take("bob") == [{"request": "someonejoined", "UUID": "u-cy", "streamID": "cy808d64"}]
    assert party.take("ann") == [{"request": "someonejoined", "UUID": "u-cy", "streamID": "cy808d64"}]


def test_an_empty_room_is_listed_empty(party: Party) -> None:
    party.join("ann")
    assert party.take("ann") == [{"request": "listing", "list": []}]


def test_a_seed_is_told_to_the_room_alone(party: Party) -> None:
    party.join("ann", "bob")
    party.join("eve", room="elsewhere")
    party.connect("nomad")
    party.send("nomad", request="ping")
    party.forget_all()
    party.send("ann", request="seed", streamID="a")
    assert party.take("bob") == [{"request": "videoaddedtoroom", "UUID": "u-ann", "streamID": "a"}]
    assert party.got_nothing()


def test_a_play_asks_the_owner_for_an_offer(party: Party) -> None:
    party.join("ann", "bob")
    party.send("ann", request="seed", streamID="a")
    party.forget_all()
    party.send("bob", request="play", streamID="a", UUID="u-hint", bitrate=500)
    assert party.take("ann") == [{"request": "offerSDP", "UUID": "u-bob"}]
    assert party.got_nothing()


def test_a_play_of_an_absent_stream_is_answered_once_when_it_is_seeded(party: Party) -> None:
    party.connect("viewer", "publisher")
    party.send("viewer", request="play", streamID="a")
    party.send("viewer", request="play", streamID="a")
    party.send("publisher", request="seed", streamID="a")
    assert party.take("publisher") == [{"request": "offerSDP", "UUID": "u-viewer"}]
    party.leave("publisher")
    party.connect("again")
    party.send("again", request="seed", streamID="a")
    assert party.got_nothing()


def test_a_remembered_play_is_answered_when_the_owner_comes_to_the_room(party: Party) -> None:
    party.join("viewer")
    party.connect("publisher")
    party.send("publisher", request="seed", streamID="a")
    party.send("viewer", request="play", streamID="a")
    party.forget_all()
    party.send("publisher", request="joinroom", roomid="r")
    assert {"request": "offerSDP", "UUID": "u-viewer"} in party.take("publisher")


def test_a_remembered_play_stays_in_its_room(party: Party) -> None:
    party.join("viewer")
    party.join("publisher", room="elsewhere")
    party.send("viewer", request="play", streamID="a")
    party.forget_all()
    party.send("publisher", request="seed", streamID="a")
    assert party.got_nothing()


def test_nobody_is_asked_for_an_offer_to_itself(party: Party) -> None:
    party.connect("ann")
    party.send("ann", request="play", streamID="a")
    party.send("ann", request="seed", streamID="a")
    party.send("ann", request="play", streamID="a")
    assert party.got_nothing()


def test_a_play_is_forgotten_when_the_viewer_leaves(party: Party) -> None:
    party.connect("viewer", "publisher")
    party.send("viewer", request="play", streamID="a")
    party.leave("viewer")
    party.send("publisher", request="seed", streamID="a")
    assert party.got_nothing()


def test_remembered_plays_are_bounded() -> None:
    party = Party(max_waiting=2)
    party.connect("viewer", "publisher")
    for stream in ("a", "b", "c"):
        party.send("viewer", request="play", streamID=stream)
    party.send("publisher", request="seed", streamID="c")
    assert party.got_nothing()
    assert party.hub.counters.forgotten_plays == 1


def test_a_stream_id_in_use_is_refused(party: Party) -> None:
    party.join("ann", "bob")
    party.send("ann", request="seed", streamID="a")
    party.forget_all()
    party.send("bob", request="seed", streamID="a")
    assert party.take("bob") == [{"request": "alert", "message": "Stream ID is already in use."}]
    assert party.got_nothing()
    party.leave("ann")
    party.send("bob", request="seed", streamID="a")
    assert party.hub.rooms()[0].members[0].stream == "a"


def test_joining_with_a_stream_id_in_use_joins_without_it(party: Party) -> None:
    party.join("ann", streamID="a")
    party.join("bob", streamID="a")
    assert [frame["request"] for frame in party.take("bob")] == ["listing", "alert"]
    assert party.take("ann")[-1] == {"request": "someonejoined", "UUID": "u-bob"}


def test_a_peer_message_is_forwarded_with_the_sender_in_place_of_the_destination(party: Party) -> None:
    party.join("ann", "bob")
    party.forget_all()
    party.send("ann", UUID="u-bob", session="s", description={"type": "offer", "sdp": "v=0"}, odd=[1, {"x": None}])
    assert party.take("bob") == [
        {"UUID": "u-ann", "session": "s", "description": {"type": "offer", "sdp": "v=0"}, "odd": [1, {"x": None}]}
    ]
    assert party.got_nothing()


@pytest.mark.parametrize("target", ["u-eve", "u-nobody", "u-ann", "", 7, None, ["u-bob"], {"UUID": "u-bob"}])
def test_a_peer_message_for_nobody_in_the_room_is_dropped_and_counted(party: Party, target: object) -> None:
    party.join("ann", "bob")
    party.join("eve", room="elsewhere")
    party.forget_all()
    party.send("ann", UUID=target, session="s")
    assert party.got_nothing()
    assert party.hub.counters.unroutable == 1


def test_leaving_a_room_by_joining_another(party: Party) -> None:
    party.join("ann", "bob")
    party.send("ann", request="joinroom", roomid="other")
    party.forget_all()
    party.send("bob", request="seed", streamID="b")
    assert party.got_nothing()
    assert [(room.name, len(room.members)) for room in party.hub.rooms()] == [("r", 1), ("other", 1)]


def test_joining_the_same_room_again_lists_it_and_disturbs_nobody(party: Party) -> None:
    party.join("ann", "bob")
    party.forget_all()
    party.send("ann", request="joinroom", roomid="r")
    assert party.take("ann") == [{"request": "listing", "list": [{"UUID": "u-bob"}]}]
    assert party.got_nothing()
    party.send("ann", request="joinroom", roomid="r", streamID="a")
    assert party.take("bob") == [{"request": "videoaddedtoroom", "UUID": "u-ann", "streamID": "a"}]


def test_seeding_another_stream_frees_the_first(party: Party) -> None:
    party.join("ann", "bob", streamID=None)
    party.send("ann", request="seed", streamID="one")
    party.send("ann", request="seed", streamID="two")
    party.send("bob", request="seed", streamID="one")
    assert [member.stream for member in party.hub.rooms()[0].members] == ["two", "one"]


def test_the_first_claim_makes_the_director(party: Party) -> None:
    party.join("dir", claim=True)
    assert party.take("dir") == [{"request": "listing", "list": [], "director": "u-dir", "claim": True}]
    party.join("late", claim=True)
    assert party.take("late") == [
        {"request": "listing", "list": [{"UUID": "u-dir"}], "director": "u-dir"},
        {"request": "alert", "message": "Room is already claimed by someone else."},
    ]
    party.forget_all()
    party.send("dir", request="seed", streamID="d")
    assert party.take("late") == [{"request": "videoaddedtoroom", "UUID": "u-dir", "streamID": "d", "director": True}]
    party.leave("dir")
    party.send("late", request="joinroom", roomid="r", claim=True)
    assert party.take("late")[-1]["director"] == "u-late"


def test_a_director_moves_a_guest(party: Party) -> None:
    party.join("dir", claim=True)
    party.join("guest", streamID="g")
    party.join("host", room="stage", streamID="h")
    party.forget_all()
    party.send("dir", request="migrate", roomid="stage", target="u-guest")
    assert party.take("guest") == [{"request": "transferred", "list": [{"UUID": "u-host", "streamID": "h"}]}]
    assert party.take("host") == [{"request": "someonejoined", "UUID": "u-guest", "streamID": "g"}]
    assert party.got_nothing()


@pytest.mark.parametrize(
    ("who", "target"), [("guest", "u-other"), ("dir", "u-dir"), ("dir", "u-nobody"), ("dir", "u-eve"), ("dir", None)]
)
def test_only_a_director_moves_and_only_its_guests(party: Party, who: str, target: str | None) -> None:
    party.join("dir", claim=True)
    party.join("guest", "other")
    party.join("eve", room="elsewhere")
    party.forget_all()
    before = party.hub.rooms()
    party.send(who, request="migrate", roomid="stage", target=target)
    assert party.got_nothing()
    assert party.hub.rooms() == before


def test_a_guest_is_not_moved_to_a_full_room() -> None:
    party = Party(max_members=2)
    party.join("dir", claim=True)
    party.join("guest")
    party.join("a", "b", room="stage")
    party.forget_all()
    party.send("dir", request="migrate", roomid="stage", target="u-guest")
    assert party.take("dir") == [{"request": "alert", "message": "Room is full"}]
    assert party.got_nothing()


def test_a_full_room_refuses_the_newcomer() -> None:
    party = Party(max_members=2)
    party.join("ann", "bob")
    party.forget_all()
    party.join("cy")
    assert party.take("cy") == [{"request": "alert", "message": "Room is full"}]
    assert party.got_nothing()
    assert party.hub.counters.full == 1
    party.send("ann", request="joinroom", roomid="r")
    assert party.take("ann")[0]["request"] == "listing"


@pytest.mark.parametrize("frame", [{"request": "ping"}, {"leave": True}, {"request": "sendroom", "x": 1}, {}])
def test_ping_and_unknown_frames_are_ignored(party: Party, frame: dict[str, object]) -> None:
    party.join("ann", "bob")
    party.forget_all()
    party.send("ann", **frame)
    assert party.got_nothing()


@pytest.mark.parametrize("value", [None, "", "x" * 513, {}, [], True, 1.5])
def test_unusable_names_are_invalid(party: Party, value: object) -> None:
    party.connect("ann")
    party.send("ann", request="joinroom", roomid=value)
    party.send("ann", request="seed", streamID=value)
    party.send("ann", request="play", streamID=value)
    assert party.hub.counters.invalid == 3
    assert party.hub.rooms() == ()


def test_departure_is_silent_and_complete(party: Party) -> None:
    party.join("ann", "bob", streamID=None)
    party.forget_all()
    party.leave("ann")
    party.leave("ann")
    assert party.got_nothing()
    party.leave("bob")
    assert party.hub.rooms() == ()
