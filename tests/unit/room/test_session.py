"""The life of one stream, told through a Router."""

from itertools import pairwise

import pytest

from roomtape.errors import AllCandidatesFailed, MediaError, NoCommonCodec, PeerSaidBye, RecorderError
from roomtape.ipc.messages import (
    ChannelNegotiated,
    NoMedia,
    PeerState,
    RemoteCandidates,
    RemoteDescription,
    RequestKeyframe,
    Stats,
)
from roomtape.model import PeerId, SessionId, StreamId, TrackKind
from roomtape.room.doubt import DOUBT_S
from roomtape.room.outcome import BUDGET, STABLE_S, SessionState
from roomtape.room.owners import MAX_OWNERS, RETURN_S
from roomtape.room.session import MAX_CHILDREN, MAX_LIVE
from roomtape.signaling.messages import AskIceRestart, SendCandidates, Side
from tests.support.router_world import ANSWER, OFFER, READY_S, World, candidate

SOON = READY_S + 0.1
LOST = AllCandidatesFailed("all candidates failed")


# --- one good attempt ---------------------------------------------------------------------------------------------


def test_from_announcement_to_recording() -> None:
    world = World()
    world.announce("u1", "ann")
    assert world.row("ann") == ("waiting", "")
    assert not world.plays("ann")
    world.advance(SOON)
    assert len(world.plays("ann")) == 1
    world.offer("u1", "ann")
    assert world.row("ann") == ("connecting", "")
    assert world.children[1].told == [RemoteDescription(negotiation=1, description=OFFER, session="s1")]
    world.advance(1)
    (answer,) = world.answers()
    assert (answer.peer, answer.session, answer.description) == ("u1", "s1", ANSWER)
    world.connected(1)
    world.media(1)
    assert world.reports_of("ann") == [("waiting", ""), ("connecting", ""), ("recording", "")]
    assert world.router.count(SessionState.ACTIVE) == 1
    assert not world.timers


def test_sound_and_picture_are_one_report() -> None:
    world = World()
    world.record("u1", "ann")
    world.media(1, TrackKind.VIDEO)
    assert [state for state, _ in world.reports_of("ann")].count("recording") == 1


def test_media_may_overtake_the_news_of_the_connection() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.offer("u1", "ann")
    world.advance(1)
    world.media(1, TrackKind.AUDIO)
    world.connected(1)
    assert world.row("ann") == ("recording", "")
    assert not world.counts


def test_an_offer_before_the_child_is_ready_waits_for_it_and_spares_the_play() -> None:
    world = World()
    world.announce("u1", "ann")
    world.offer("u1", "ann")
    world.trickle("u1", "s1", 1, 2)
    world.trickle("u1", None, 3)
    assert not world.children[1].told
    world.advance(SOON)
    assert world.children[1].told == [
        RemoteDescription(negotiation=1, description=OFFER, session="s1"),
        RemoteCandidates(candidates=(candidate(1), candidate(2), candidate(3))),
    ]
    assert not world.plays("ann")
    world.advance(1)
    assert len(world.answers()) == 1


def test_only_the_answer_to_the_newest_offer_counts() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.ready(1)
    world.offer("u1", "ann")
    world.offer("u1", "ann")
    world.answer(1, 1)
    assert not world.answers()
    assert world.counts == {"stale answer": 1}
    world.answer(1, 2)
    assert len(world.answers()) == 1
    assert not world.armed("answer")


def test_a_newer_offer_replaces_one_that_still_waits() -> None:
    world = World()
    world.announce("u1", "ann")
    world.offer("u1", "ann")
    world.offer("u1", None)
    world.advance(1)
    assert [offer.negotiation for offer in world.children[1].offers()] == [2]
    assert len(world.answers()) == 1


def test_renegotiation_stays_with_its_child() -> None:
    world = World()
    world.record("u1", "ann")
    world.offer("u1", None, None)
    world.advance(1)
    assert [offer.negotiation for offer in world.children[1].offers()] == [1, 2]
    assert len(world.answers()) == 2
    world.say(1, ChannelNegotiated(offers=1))
    assert world.row("ann") == ("recording", "")
    assert len(world.children) == 1


def test_local_candidates_go_to_the_guest_as_a_viewers() -> None:
    world = World()
    world.record("u1", "ann")
    world.local_candidates(1)
    sent = SendCandidates(PeerId("u1"), SessionId("s1"), Side.VIEWER, (candidate(),))
    assert world.sent[-1] == (world.now, sent)


def test_candidates_for_a_child_that_is_not_ready_are_bounded() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.offer("u1", "ann")
    for _ in range(3):
        world.trickle("u1", "s1", *range(60))
    world.ready(1)
    assert len(world.children[1].candidates()) == 100
    assert world.counts == {"too many candidates for a child that is not ready": 80}


# --- asking -------------------------------------------------------------------------------------------------------


def test_unanswered_plays_are_repeated_on_the_schedule() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(700)
    plays = world.plays("ann")
    assert [round(later - earlier) for earlier, later in pairwise(plays)] == [15, 45, 180, 180, 180]
    assert world.reports_of("ann") == [("waiting", ""), ("waiting", "no answer so far")]


def test_announcements_in_pairs_ask_once() -> None:
    world = World()
    world.announce("u1", "ann")
    world.announce("u1", "ann")
    world.advance(SOON)
    world.announce("u1", "ann")
    assert len(world.plays("ann")) == 1
    assert len(world.children) == 1


def test_an_announcement_repeated_while_connecting_changes_nothing() -> None:
    world = World()
    world.announce("u1", "ann")
    world.offer("u1", "ann")
    world.advance(5)
    world.announce("u1", "ann")
    world.advance(5)
    assert len(world.children) == 1
    assert not world.plays("ann")


def test_a_new_announcement_asks_at_once_and_starts_the_schedule_again() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(70)
    world.announce("u1", "ann")
    assert world.plays("ann")[-1] == world.now
    world.advance(16)
    assert world.plays("ann")[-1] == world.now - 1
    assert len(world.children) == 1


def test_a_new_address_is_asked_even_right_after_a_play() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.announce("u2", "ann")
    assert len(world.plays("ann")) == 2


def test_an_answered_play_is_not_repeated() -> None:
    world = World()
    world.record("u1", "ann")
    world.advance(1000)
    assert len(world.plays("ann")) == 1


# --- the guest leaves and comes back ------------------------------------------------------------------------------


def test_bye_ends_the_recording_and_the_stream_stays_wanted() -> None:
    world = World()
    world.record("u1", "ann")
    world.bye(1)
    left = world.now
    assert world.children[1].stopped
    assert world.row("ann") == ("finished", "the guest left")
    world.advance(1)
    assert world.router.idle
    world.advance(300)
    assert [round(at - left) for at in world.plays("ann")[1:]] == [15, 60, 240]
    assert len(world.children) == 1


def test_an_offer_after_the_end_is_recorded() -> None:
    world = World()
    world.record("u1", "ann")
    world.bye(1)
    world.advance(20)
    world.offer("u1", "ann", "s2")
    world.advance(1)
    assert world.children[2].offers()[0].session == "s2"
    assert not world.armed("replay")


@pytest.mark.parametrize("pause", [0.0, 0.05, 30.0])
def test_a_guest_who_returns_is_recorded_at_once(pause: float) -> None:
    """Also before the former child has finished its file."""
    world = World()
    world.record("u1", "ann")
    world.bye(1)
    world.advance(pause)
    world.announce("u2", "ann")
    world.advance(SOON)
    assert len(world.plays("ann")) == 2 + (pause > 15)
    world.connect(2, "u2", "ann", "s2")


def test_the_announcement_may_come_before_the_bye() -> None:
    world = World()
    world.record("u1", "ann")
    world.announce("u2", "ann")
    world.advance(0.5)
    world.bye(1)
    assert [child.number for child in world.live("ann")] == [2]
    world.advance(SOON)
    world.connect(2, "u2", "ann", "s2")
    world.advance(100)
    assert world.row("ann") == ("recording", "")
    assert len(world.children) == 2


def test_a_guest_whose_signaling_reconnects_is_left_alone() -> None:
    """Trap T6: announced under a new address while media still flows."""
    world = World()
    world.record("u1", "ann")
    world.advance(5)
    world.announce("u2", "ann")
    world.announce("u2", "ann")
    world.advance(60)
    world.listing(u2="ann")
    world.advance(60)
    assert len(world.children) == 1
    assert len(world.plays("ann")) == 1
    assert world.row("ann") == ("recording", "")


def test_after_that_a_bye_is_the_end() -> None:
    world = World()
    world.record("u1", "ann")
    world.announce("u2", "ann")
    world.advance(RETURN_S + 1)
    world.bye(1)
    world.advance(1)
    assert world.row("ann") == ("finished", "the guest left")
    assert world.router.idle


@pytest.mark.parametrize(("silent_s", "within_s"), [(0.2, 3.0), (1.5, 3.0), (3.0, SOON)])
def test_a_crashed_tab_is_replaced_and_at_once_when_its_silence_is_known(silent_s: float, within_s: float) -> None:
    world = World()
    world.record("u1", "ann")
    world.advance(10)
    world.children[1].flowing = False
    world.advance(silent_s)
    announced = world.now
    world.announce("u2", "ann")
    world.advance(DOUBT_S + SOON)
    assert world.plays("ann")[-1] - announced < within_s
    assert world.children[1].stopped
    world.connect(2, "u2", "ann", "s2")


def test_repeated_announcements_do_not_put_off_the_replacement() -> None:
    world = World()
    world.record("u1", "ann")
    world.children[1].flowing = False
    world.advance(1)
    for number in range(30):
        world.announce(f"v{number}", "ann")
        world.advance(0.1)
    assert world.children[1].stopped


def test_a_guest_announced_anew_while_connecting_is_asked_at_once() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.offer("u1", "ann")
    world.announce("u2", "ann")
    world.advance(SOON)
    assert len(world.plays("ann")) == 2
    world.connect(2, "u2", "ann", "s2")
    assert world.children[1].stopped == "replaced by a newer connection"


def test_one_who_asks_in_vain_is_stopped_when_the_former_connection_delivers() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.offer("u1", "ann")
    world.announce("u2", "ann")
    world.advance(SOON)
    world.connected(1)
    world.media(1)
    assert [child.number for child in world.live("ann")] == [1]
    world.advance(1000)
    assert len(world.plays("ann")) == 2


def test_a_server_that_says_the_guest_left_is_believed_less_than_media() -> None:
    world = World()
    world.record("u1", "ann")
    world.gone("u1")
    world.advance(60)
    assert world.row("ann") == ("recording", "")
    world.children[1].flowing = False
    world.gone("u1")
    world.advance(DOUBT_S + 0.1)
    assert world.row("ann") == ("finished", "the guest left")


def test_an_owner_who_left_has_not_come_back() -> None:
    world = World()
    world.record("u1", "ann")
    world.announce("u2", "ann")
    world.gone("u2")
    world.bye(1)
    assert world.row("ann") == ("finished", "the guest left")


# --- two connections of one stream --------------------------------------------------------------------------------


def test_a_new_session_of_one_sender_is_a_new_connection() -> None:
    """Trap T5; the newest that delivers wins."""
    world = World()
    world.record("u1", "ann")
    world.offer("u1", "ann", "s2")
    world.advance(1)
    assert [child.number for child in world.live("ann")] == [1, 2]
    assert world.row("ann") == ("recording", "")
    world.trickle("u1", "s1", 1)
    world.trickle("u1", "s2", 2)
    world.trickle("u1", None, 3)
    assert world.children[1].candidates() == [candidate(1)]
    assert world.children[2].candidates() == [candidate(2), candidate(3)]
    world.connected(2)
    world.media(2)
    assert world.children[1].stopped == "replaced by a newer connection"
    assert world.row("ann") == ("recording", "")


def test_two_peers_with_one_id_the_newest_that_delivers_wins() -> None:
    world = World()
    world.record("u1", "ann")
    world.offer("u2", "ann", "s2")
    world.advance(1)
    world.connected(2)
    world.say(2, NoMedia(detail="no media"))
    assert world.row("ann") == ("recording", "")
    assert not world.children[1].stopped
    world.media(2)
    assert [child.number for child in world.live("ann")] == [2]


@pytest.mark.parametrize("retryable", [LOST, NoCommonCodec("AV1 only")])
def test_a_challenger_that_fails_leaves_the_former_one_recording(retryable: RecorderError) -> None:
    world = World()
    world.record("u1", "ann")
    world.offer("u2", "ann", "s2")
    world.advance(1)
    world.fail(2, retryable)
    world.advance(100)
    assert world.row("ann") == ("recording", f"a connection was given up: {retryable.detail}")
    assert len(world.children) == 2
    assert world.router.count(SessionState.ACTIVE) == 1


def test_the_former_connection_may_end_before_the_new_one_delivers() -> None:
    world = World()
    world.record("u1", "ann")
    world.offer("u2", "ann", "s2")
    world.advance(1)
    world.bye(1)
    assert world.row("ann") == ("connecting", "")
    world.connected(2)
    world.media(2)
    assert world.row("ann") == ("recording", "")


def test_a_third_connection_takes_the_place_of_one_that_does_not_record() -> None:
    world = World()
    world.record("u1", "ann")
    for number in range(2, 4):
        world.offer(f"u{number}", "ann", f"s{number}")
        world.advance(1)
    assert [child.number for child in world.live("ann")] == [1, 3]
    assert world.children[2].stopped == "replaced by a newer attempt"


def test_a_flood_of_offers_starts_few_children() -> None:
    world = World()
    for number in range(100):
        world.offer("u1", "ann", f"s{number}")
    assert len(world.children) == MAX_CHILDREN
    assert world.counts == {"too many children of one stream": 100 - MAX_CHILDREN}
    assert len(world.live("ann")) == MAX_LIVE


def test_when_all_children_are_still_ending_the_next_one_waits() -> None:
    world = World(obedient=False)
    for number in range(MAX_CHILDREN):
        world.offer("u1", "ann", f"s{number}")
    for child in world.live("ann"):
        world.bye(child.number)
    assert world.armed("replay")
    world.announce("u2", "ann")
    assert world.row("ann")[0] == "waiting"
    assert not world.live("ann")
    assert not world.armed("replay")
    world.exit(1)
    world.advance(5)
    assert len(world.live("ann")) == 1


def test_the_same_session_from_a_new_address_is_the_same_connection() -> None:
    """Trap T6: a publisher that renegotiates after its signaling has reconnected."""
    world = World()
    world.record("u1", "ann")
    world.announce("u2", "ann")
    world.trickle("u2", "s1", 7)
    world.offer("u2", "ann", "s1")
    world.advance(1)
    assert len(world.children) == 1
    assert [offer.negotiation for offer in world.children[1].offers()] == [1, 2]
    assert candidate(7) in world.children[1].candidates()
    assert world.answers()[-1].peer == "u2"


def test_nobody_else_gets_at_a_connection_by_its_session() -> None:
    world = World()
    world.record("u1", "ann")
    world.offer("stranger", "ann", "s1")
    world.advance(1)
    assert len(world.children[1].offers()) == 1
    assert len(world.children) == 2


def test_a_stream_with_many_addresses_forgets_the_first() -> None:
    world = World(obedient=False)
    for number in range(MAX_OWNERS + 1):
        world.announce(f"u{number}", "ann")
    world.offer("u0", None)
    assert world.counts == {"offer not wanted": 1}
    world.offer("u1", None)
    world.ready(1)
    assert len(world.children[1].offers()) == 1


# --- failures -----------------------------------------------------------------------------------------------------


def test_a_failure_is_retried_with_back_off_and_said() -> None:
    world = World(jitter=0.0)
    world.announce("u1", "ann")
    starts = []
    for number in range(1, 5):
        world.advance(SOON)
        world.fail(number, LOST)
        failed = world.now
        assert world.row("ann") == ("waiting", LOST.detail)
        assert world.router.count(SessionState.WAITING) == 1
        while number + 1 not in world.children:
            world.advance(0.1)
        starts.append(world.now - failed)
    assert starts == pytest.approx([0.5, 1, 2, 4], abs=0.11)
    assert [report.error.code for report in world.reports if report.error] == ["all_candidates_failed"] * 4


def test_an_announcement_cuts_the_wait_for_a_retry_short() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.fail(1, LOST)
    world.announce("u2", "ann")
    assert not world.armed("retry")
    world.advance(SOON)
    assert len(world.plays("ann")) == 2
    assert len(world.children) == 2


def test_recording_forgives_former_failures() -> None:
    world = World()
    world.announce("u1", "ann")
    for number in (1, 2, 3):
        world.advance(20)
        world.fail(number, LOST)
    world.advance(20)
    world.connect(4, "u1", "ann")
    assert world.row("ann") == ("recording", "")
    world.advance(STABLE_S)
    world.fail(4, LOST)
    world.advance(1.1)
    assert 5 in world.children


def test_a_recording_that_lasts_only_a_moment_forgives_nothing() -> None:
    world = World()
    world.announce("u1", "ann")
    for number in (1, 2, 3):
        world.advance(20)
        world.fail(number, LOST)
    world.advance(20)
    world.connect(4, "u1", "ann")
    world.fail(4, LOST)
    world.advance(1.1)
    assert 5 not in world.children


def test_when_the_budget_is_spent_the_stream_has_failed() -> None:
    world = World()
    world.record("v1", "bob")
    world.announce("u1", "ann")
    for number in range(2, BUDGET.limit + 3):
        world.advance(31)
        world.fail(number, LOST)
    state, note = world.row("ann")
    assert state == "failed"
    assert note == "all candidates failed; given up after 10 retries in 10 minutes"
    world.advance(100)
    assert not world.live("ann")
    assert len(world.children) == BUDGET.limit + 2
    assert world.row("bob") == ("recording", "")
    world.announce("u2", "ann")
    world.advance(SOON)
    world.fail(BUDGET.limit + 3, LOST)
    assert world.row("ann") == ("waiting", LOST.detail)


def test_what_cannot_be_helped_fails_at_once_and_disturbs_nobody() -> None:
    world = World()
    world.record("v1", "bob")
    world.announce("u1", "ann")
    world.advance(SOON)
    world.offer("u1", "ann")
    world.fail(2, NoCommonCodec("no codec that can be recorded: offered AV1"))
    world.advance(1000)
    assert world.row("ann") == ("failed", "no codec that can be recorded: offered AV1")
    assert world.router.count(SessionState.FAILED) == 1
    assert world.row("bob") == ("recording", "")
    assert len(world.children) == 2


def test_a_failed_stream_that_appears_again_is_tried_again() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.fail(1, NoCommonCodec("AV1 only"))
    world.announce("u2", "ann")
    world.advance(SOON)
    world.connect(2, "u2", "ann")


def test_a_child_that_dies_is_replaced() -> None:
    world = World()
    world.record("u1", "ann")
    world.exit(1, "ended by SIGSEGV")
    assert world.row("ann") == ("waiting", "the recording process is gone: ended by SIGSEGV")
    world.advance(1 + SOON)
    world.connect(2, "u1", "ann", "s2")


def test_a_child_that_never_gets_ready_is_replaced() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.advance(world.deadlines.child_ready + 0.1)
    assert world.children[1].stopped
    assert world.row("ann") == ("waiting", "the child was not ready within 15 s")
    world.advance(1)
    assert [child.number for child in world.live("ann")] == [2]


def test_a_child_that_does_not_answer_is_replaced() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.ready(1)
    world.offer("u1", "ann")
    world.advance(world.deadlines.answer + 0.1)
    assert world.row("ann") == ("waiting", f"no answer was made within {world.deadlines.answer:.0f} s")


def test_a_failure_before_ready_is_told_as_it_is() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.fail(1, MediaError("no pipeline"))
    assert world.row("ann") == ("waiting", "no pipeline")
    assert not world.armed("ready")


def test_silence_ends_an_attempt_after_its_deadline() -> None:
    world = World()
    world.record("u1", "ann")
    world.children[1].flowing = False
    world.advance(world.deadlines.vanished - 1)
    assert world.row("ann") == ("recording", "")
    world.advance(3)
    assert world.row("ann") == ("waiting", "nothing was heard from the guest for 17 s")
    assert [child.number for child in world.live("ann")] == [2]


def test_trouble_asks_the_guest_once_for_an_ice_restart_before_there_is_a_new_connection() -> None:
    world = World()
    world.record("u1", "ann")
    world.children[1].flowing = False
    world.advance(world.deadlines.vanished - 1)
    restarts = [at for at, request in world.sent if request == AskIceRestart(PeerId("u1"))]
    assert len(restarts) == 1
    assert len(world.children) == 1
    world.advance(13 - (world.now - restarts[0]) + world.deadlines.child_ready)
    assert len(world.children) == 2


def test_a_path_that_is_lost_while_connecting_is_no_matter_of_a_restart() -> None:
    world = World()
    world.announce("u1", "ann")
    world.offer("u1", "ann")
    world.advance(1)
    lost = PeerState(ice="disconnected", gathering="complete", connection="connecting", signaling="stable")
    world.say(1, lost)
    assert AskIceRestart(PeerId("u1")) not in [request for _, request in world.sent]
    world.connected(1)
    world.advance(1)
    world.say(1, lost)
    assert AskIceRestart(PeerId("u1")) in [request for _, request in world.sent]


def pictureless(world: World, child: int, seconds: int) -> None:
    """Sound comes, and the packets of a picture from which nothing can be made."""
    for second in range(seconds):
        if not world.children[child].live:
            return
        world.say(
            child,
            Stats(
                video_frames=0,
                audio_frames=50 * second,
                media_bytes=0,
                packets=150 * second,
                packets_lost=0,
                silent_ms=0,
                video_packets=100 * second,
            ),
        )
        world.advance(1)


def test_a_picture_that_does_not_come_is_asked_for_then_a_new_connection_and_then_the_sound_is_kept() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    for child in (1, 2):
        world.ready(child)
        world.offer("u1", "ann", f"s{child}")
        world.answer(child, 1)
        world.connected(child)
        world.media(child, TrackKind.AUDIO)
        pictureless(world, child, 100)
        if child == 1:
            assert world.children[1].told.count(RequestKeyframe()) == 3
            assert world.row("ann")[1].startswith("the guest's picture arrives, but nothing can be made of it")
            world.exit(1)
            world.advance(2)
    assert world.children[2].live
    assert world.children[2].told.count(RequestKeyframe()) > 20
    assert len(world.children) == 2


def test_the_third_connection_after_two_lost_paths_is_by_relay_and_one_that_holds_ends_that() -> None:
    world = World()
    ann = StreamId("ann")
    world.announce("u1", "ann")
    relayed = []
    for child in (1, 2, 3, 4):
        world.advance(10)
        relayed.append(world.router.by_relay(ann))
        world.offer("u1", "ann", f"s{child}")
        world.advance(1)
        if child < 4:
            world.fail(child, LOST)
    assert relayed == [False, False, True, False]
    world.connected(4)
    world.media(4)
    world.advance(STABLE_S + 1)
    world.fail(4, LOST)
    assert not world.router.by_relay(ann)
    assert not world.router.by_relay(StreamId("nobody"))


def test_silence_before_the_connection_is_no_matter_of_media() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(100)
    assert len(world.children) == 1
    assert world.row("ann") == ("waiting", "no answer so far")


def test_a_draining_childs_words_are_late() -> None:
    world = World(obedient=False)
    world.announce("u1", "ann")
    world.ready(1)
    world.offer("u1", "ann")
    world.fail(1, PeerSaidBye("the guest left"))
    sent, reports = list(world.sent), list(world.reports)
    world.answer(1, 1)
    world.local_candidates(1)
    world.media(1)
    world.stats(1, 60_000)
    world.fail(1, LOST)
    assert (world.sent, world.reports) == (sent, reports)
    assert not world.counts


# --- what the user reads ------------------------------------------------------------------------------------------


def test_a_guest_without_media_waits_and_the_row_says_why() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.offer("u1", "ann")
    world.advance(1)
    world.connected(1)
    world.say(1, NoMedia(detail="connected, but nothing comes"))
    world.say(1, NoMedia(detail="connected, but nothing comes"))
    assert world.row("ann") == ("waiting", "connected, but nothing comes")
    world.media(1)
    assert world.row("ann") == ("recording", "")


def test_a_retry_keeps_the_reason_in_sight_until_there_is_an_offer() -> None:
    world = World()
    world.announce("u1", "ann")
    world.advance(SOON)
    world.fail(1, LOST)
    world.advance(20)
    assert world.row("ann") == ("waiting", LOST.detail)
    world.offer("u1", "ann")
    assert world.row("ann") == ("connecting", "")
