"""Who may reach which child, which streams are recorded, and the beginning and end of a run."""

import pytest

from roomtape.errors import AllCandidatesFailed, NoCommonCodec
from roomtape.ipc.messages import TrackStarted
from roomtape.model import Codec, Description, PeerId, SdpType, SessionId, TrackKind, WireStreamId
from roomtape.room import router as router_module
from roomtape.room.asking import PLAY_AGAIN_S
from roomtape.room.effects import Count, Timer
from roomtape.room.outcome import SessionState
from roomtape.room.router import MAX_WARNED
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import (
    DescriptionReceived,
    Dropped,
    IceRestartRequested,
    Listing,
    Member,
    MemberJoined,
    OfferRequested,
    ServerAlert,
    Side,
    StreamAppeared,
    Undecryptable,
)
from tests.support.router_world import READY_S, World, candidate, wire

SOON = READY_S + 0.1
LOST = AllCandidatesFailed("all candidates failed")
HOPELESS = NoCommonCodec("no codec that can be recorded: offered AV1")
WRONG_PASSWORD = "what the guest sends cannot be decrypted: wrong room password or salt"


# --- who is in the room -------------------------------------------------------------------------------------------


def test_everyone_in_the_listing_is_asked_and_late_joiners_too() -> None:
    world = World()
    world.joined()
    members = (Member(PeerId("u1"), wire("ann")), Member(PeerId("silent")), Member(PeerId("u2"), wire("bob")))
    world.signal(Listing(members))
    world.advance(SOON)
    world.announce("u3", "cy")
    world.advance(SOON)
    assert {stream: len(world.plays(stream)) for stream in ("ann", "bob", "cy")} == {"ann": 1, "bob": 1, "cy": 1}
    assert [world.router.stream_of(child) for child in (1, 2, 3, 4)] == ["ann", "bob", "cy", None]
    assert len(world.router) == 3


def test_an_empty_room_is_no_error() -> None:
    world = World()
    world.joined()
    world.listing()
    world.advance(1000)
    assert (len(world.router), world.router.idle, world.sent) == (0, True, [])


def test_someonejoined_and_videoaddedtoroom_are_one_guest() -> None:
    world = World()
    world.signal(MemberJoined(PeerId("u1")))
    world.announce("u1", "ann")
    world.announce("u1", "ann")
    world.advance(SOON)
    world.announce("u1", "ann")
    assert (len(world.children), len(world.plays("ann"))) == (1, 1)


def test_only_wanted_streams_are_recorded() -> None:
    world = World("ann")
    world.announce("u1", "bob")
    world.offer("u1", "bob")
    world.offer("u1", None)
    assert not world.children
    assert world.counts == {"stream not wanted": 1, "offer not wanted": 2}
    world.record("u2", "ann")


def test_streams_of_another_password_are_named_once_and_not_recorded() -> None:
    world = World()
    foreign = WireStreamId("ann" + make_identity("secret").suffix)
    for _ in range(3):
        world.signal(StreamAppeared(PeerId("u1"), foreign))
    world.signal(DescriptionReceived(PeerId("u1"), None, foreign, Description(SdpType.OFFER, "v=0")))
    assert not world.children
    (warning,) = world.warnings
    assert warning.fields == {"stream": foreign}
    assert world.counts == {"stream of another password": 4}


def test_an_offer_may_name_a_known_stream_without_its_suffix() -> None:
    world = World()
    world.announce("u1", "ann")
    offer = Description(SdpType.OFFER, "v=0")
    world.signal(DescriptionReceived(PeerId("u1"), SessionId("s1"), WireStreamId("ann"), offer))
    world.advance(SOON)
    assert len(world.children[1].offers()) == 1


def test_a_director_who_moves_the_recorder_does_not_change_the_room() -> None:
    world = World()
    world.signal(Listing((Member(PeerId("u1"), wire("ann")),), transferred=True))
    assert not world.children
    assert len(world.warnings) == 1


# --- the fan-out dialect ------------------------------------------------------------------------------------------


def test_unsolicited_offers_are_recorded_without_a_play() -> None:
    world = World()
    world.joined()
    world.offer("u1", "ann")
    world.advance(1)
    world.connected(1)
    world.media(1)
    assert world.row("ann") == ("recording", "")
    assert not world.plays("ann")


def test_an_offer_without_a_name_belongs_to_the_stream_its_sender_announced() -> None:
    world = World()
    world.offer("u1", None)
    assert world.counts == {"offer not wanted": 1}
    world.announce("u1", "ann")
    world.announce("v1", "bob")
    world.offer("u1", None)
    world.advance(SOON)
    assert len(world.children[1].offers()) == 1
    assert not world.children[2].offers()


def test_pages_that_only_view_are_not_recorded() -> None:
    """Trap T17."""
    world = World()
    world.offer("viewer", "random1", from_scene=True)
    assert not world.children
    assert len(world.router) == 0
    assert world.counts == {"offer of a viewer": 1}


def test_a_page_that_views_and_publishes_is_recorded() -> None:
    world = World()
    world.announce("u1", "ann")
    world.offer("u1", "ann", from_scene=True)
    world.advance(SOON)
    assert len(world.children[1].offers()) == 1


# --- routing ------------------------------------------------------------------------------------------------------


def test_two_guests_do_not_get_each_others_messages() -> None:
    world = World()
    world.record("u1", "ann", "s1")
    world.record("v1", "bob", "t1")
    world.trickle("u1", "s1", 1)
    world.trickle("v1", "t1", 2)
    world.offer("v1", None, "t1")
    assert world.children[1].candidates() == [candidate(1)]
    assert world.children[2].candidates() == [candidate(2)]
    assert [len(world.children[number].offers()) for number in (1, 2)] == [1, 2]


def test_another_session_is_dropped_and_none_is_accepted() -> None:
    world = World()
    world.record("u1", "ann", "s1")
    world.trickle("u1", "s10", 1)
    world.trickle("u1", None, 2)
    assert world.children[1].candidates() == [candidate(2)]
    world.advance(20)
    world.trickle("nobody", None, 3)
    assert world.counts == {"candidates without an offer": 1}


def test_an_unknown_sender_reaches_nobody() -> None:
    world = World()
    world.record("u1", "ann", "s1")
    world.trickle("stranger", "s1", 1)
    world.offer("stranger", None, "s1")
    assert not world.children[1].candidates()
    assert len(world.children[1].offers()) == 1
    assert world.counts == {"offer not wanted": 1}


def test_candidates_before_everything_wait_for_their_offer() -> None:
    world = World()
    world.trickle("u1", "s1", 1)
    world.trickle("u1", "s0", 2)
    world.announce("u1", "ann")
    world.trickle("u1", None, 3)
    world.advance(SOON)
    world.offer("u1", "ann", "s1")
    assert world.children[1].candidates() == [candidate(1), candidate(3)]


def test_candidates_wait_only_so_long() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.trickle("u1", "s1", 1)
    world.advance(15.1)
    world.offer("u1", "ann", "s1")
    assert not world.children[1].candidates()
    world.trickle("u1", "s2", 1)
    assert world.counts == {"candidates without an offer": 1}


def test_a_viewers_side_of_the_talk_is_not_for_a_recorder() -> None:
    """Trap T15: type "remote" comes from viewers; and so do answers."""
    world = World()
    world.record("u1", "ann", "s1")
    world.trickle("u1", "s1", 1, side=Side.VIEWER)
    world.trickle("u1", "s1", 2, side=None)
    world.signal(DescriptionReceived(PeerId("u1"), SessionId("s1"), wire("ann"), Description(SdpType.ANSWER, "v=0")))
    assert world.children[1].candidates() == [candidate(2)]
    assert len(world.children[1].offers()) == 1
    assert world.counts == {"candidates of a viewer": 1, "answer to a viewer": 1}


def test_what_concerns_publishers_is_ignored() -> None:
    world = World()
    for signal in (OfferRequested(PeerId("u1"), wire("ann")), IceRestartRequested(PeerId("u1"))):
        world.signal(signal)
    assert not world.children


def test_alerts_are_told_and_drops_counted() -> None:
    world = World()
    world.signal(ServerAlert("Room is full"))
    world.signal(Dropped("malformed"))
    assert [warning.fields for warning in world.warnings] == [{"text": "Room is full"}]
    assert world.counts == {"malformed": 1}


def test_ended_children_and_odd_events_do_not_disturb() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.say(1, TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS))
    assert world.warnings[0].fields == {"detail": "track started while starting"}
    assert world.router.child_said(9, TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS), world.now) == [
        Count("message of an ended child")
    ]
    assert world.router.child_exited(9, "", world.now) == [Count("exit of an unknown child")]
    assert world.router.due(Timer("answer", 9), world.now) == []
    assert world.counts == {"invalid transition": 1}


# --- the wrong password -------------------------------------------------------------------------------------------


def undecryptable(world: World, peer: str) -> None:
    world.signal(Undecryptable(PeerId(peer), "cannot be decrypted"))


def test_a_wrong_password_is_said_once_in_the_row_of_its_stream() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    for _ in range(3):
        undecryptable(world, "u1")
    assert world.row("ann") == ("waiting", WRONG_PASSWORD)
    assert [report.error.code for report in world.reports if report.error] == ["wrong_password"]
    assert not world.warnings
    assert world.counts == {"undecryptable": 3}
    world.advance(20)
    assert world.row("ann") == ("waiting", WRONG_PASSWORD)


def test_the_guest_may_correct_it() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    undecryptable(world, "u1")
    world.connect(1, "u1", "ann")


@pytest.mark.parametrize("peer", ["stranger", "u1"])
def test_where_there_is_no_row_to_say_it_in_it_is_a_warning(peer: str) -> None:
    world = World()
    world.record("u1", "ann")
    undecryptable(world, peer)
    undecryptable(world, peer)
    assert world.row("ann") == ("recording", "")
    assert [(warning.message, warning.fields) for warning in world.warnings] == [(WRONG_PASSWORD, {"peer": peer})]


def test_warnings_about_strangers_are_bounded() -> None:
    world = World()
    for number in range(MAX_WARNED + 5):
        undecryptable(world, f"stranger{number}")
    assert len(world.warnings) == MAX_WARNED


# --- bounds -------------------------------------------------------------------------------------------------------


def test_more_streams_than_can_be_known_are_refused_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "MAX_SESSIONS", 3)
    world = World()
    for number in range(5):
        world.announce(f"u{number}", f"guest{number}")
    world.offer("u9", "guest9")
    assert len(world.router) == 3
    assert world.counts == {"too many streams": 3}
    assert [warning.fields for warning in world.warnings] == [{"stream": "guest3"}]


def test_streams_that_ended_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "MAX_SESSIONS", 3)
    world = World()
    for number in range(1, 11):
        world.record(f"u{number}", f"guest{number}")
        world.bye(number)
        world.advance(10)
    assert len(world.router) == 3
    assert not world.counts
    ended = world.now
    world.advance(400)
    assert world.plays("guest1")[-1] < ended < world.plays("guest10")[-1]


def test_a_stream_whose_child_still_runs_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "MAX_SESSIONS", 1)
    world = World()
    world.record("u1", "ann")
    world.bye(1)
    world.announce("u2", "bob")
    assert world.counts == {"too many streams": 1}
    world.advance(1)
    world.announce("u2", "bob")
    assert world.router.stream_of(2) == "bob"


def test_the_stream_that_was_away_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "MAX_SESSIONS", 2)
    world = World()
    for number, stream in enumerate(("ann", "bob", "ann"), 1):
        world.record(f"u{number}", stream)
        world.bye(number)
        world.advance(1)
    world.announce("u4", "cy")
    ended = world.now
    world.advance(100)
    assert world.plays("bob")[-1] < ended < world.plays("ann")[-1]


def test_strangers_leave_no_trace() -> None:
    world = World("ann")
    for number in range(2000):
        world.announce(f"u{number}", f"guest{number}")
        world.offer(f"u{number}", None)
    assert len(world.router) == 0
    assert not world.children


# --- joining, joining again, leaving ------------------------------------------------------------------------------


def test_without_a_room_streams_are_asked_for_at_once() -> None:
    world = World("ann", "bob", alone=True)
    world.joined()
    world.advance(SOON)
    assert len(world.plays("ann")) == len(world.plays("bob")) == 1
    world.connect(1, "u1", "ann")


def test_after_a_reconnect_only_streams_without_a_connection_are_asked_for() -> None:
    """Trap T6."""
    world = World("ann", "bob", "cy", "dan", alone=True)
    world.joined()
    world.advance(SOON)
    children = {str(child.stream): child.number for child in world.children.values()}
    for stream in ("ann", "bob", "cy"):
        world.connect(children[stream], f"u-{stream}", stream, f"s-{stream}")
    world.bye(children["bob"])
    world.advance(3)
    world.fail(children["cy"], LOST)
    world.joined()
    rejoined = world.now
    world.advance(PLAY_AGAIN_S + 0.1)
    asked = {stream: [at for at in world.plays(stream) if at >= rejoined] for stream in ("ann", "bob", "cy", "dan")}
    assert {stream: len(plays) for stream, plays in asked.items()} == {"ann": 0, "bob": 1, "cy": 1, "dan": 1}
    assert world.row("ann") == ("recording", "")


def test_a_listing_after_a_reconnect_does_not_ask_twice() -> None:
    world = World()
    world.record("u1", "ann")
    world.record("v1", "bob")
    world.announce("w1", "cy")
    world.bye(2)
    world.advance(5)
    before = {stream: len(world.plays(stream)) for stream in ("ann", "bob", "cy")}
    world.joined()
    world.listing(u1="ann", v2="bob", w1="cy")
    world.advance(5)
    assert {stream: len(world.plays(stream)) - n for stream, n in before.items()} == {"ann": 0, "bob": 1, "cy": 1}


def test_a_failed_stream_is_not_asked_for_after_a_reconnect() -> None:
    world = World("ann", alone=True)
    world.joined()
    world.advance(SOON)
    world.fail(1, HOPELESS)
    world.joined()
    world.advance(100)
    assert world.row("ann") == ("failed", HOPELESS.detail)
    assert len(world.plays("ann")) == 1


def test_leaving_stops_every_child_whatever_it_does_and_starts_nothing_more() -> None:
    world = World()
    world.record("u1", "recorded")
    world.record("u2", "ended")
    world.bye(2)
    world.announce("u3", "failing")
    world.advance(SOON)
    world.fail(3, LOST)
    world.announce("u4", "asking")
    world.advance(SOON)
    world.announce("u5", "negotiating")
    world.advance(SOON)
    world.offer("u5", "negotiating", "t5")
    world.announce("u6", "starting")
    world.offer("u1", "recorded", "challenger")
    alive = [child.number for child in world.children.values() if child.live]
    assert len(alive) == 5
    world.leave()
    assert not any(child.live for child in world.children.values())
    assert not world.timers
    world.announce("u7", "late")
    world.offer("u8", "late")
    world.joined()
    world.advance(300)
    assert world.router.idle
    assert world.router.count(SessionState.ACTIVE) == 0
    assert {world.row(stream)[0] for stream in ("recorded", "ended", "failing", "asking")} == {"finished"}


def test_leaving_twice_is_leaving_once() -> None:
    world = World()
    world.record("u1", "ann")
    world.leave()
    reports = list(world.reports)
    world.leave()
    assert world.reports == reports


def test_a_failure_stays_a_failure_to_the_end() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.fail(1, HOPELESS)
    world.leave()
    assert world.row("ann") == ("failed", HOPELESS.detail)


def test_the_run_is_idle_only_when_every_child_is_gone() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.announce("u2", "bob")
    world.leave()
    assert not world.router.idle
    world.exit(1)
    assert not world.router.idle
    world.exit(2)
    assert world.router.idle
