"""--max-streams: who comes beyond it waits, and has a turn."""

import pytest

from roomtape.errors import ConnectionLost, NoCommonCodec
from roomtape.model import PeerId, SessionId, StreamId, WireStreamId
from roomtape.room.outcome import BUDGET
from roomtape.room.places import MAX_WAITING, Places
from roomtape.signaling.messages import SayBye
from tests.support.router_world import FakeChild, World

EXIT_S = 1.0
"""Time enough for a child to end."""
UNANSWERED_S = 16.0
"""Time enough for a first play to have been asked in vain."""
SENTENCE = "waits for a place: 2 streams are recorded at a time (--max-streams)"


def test_a_waiting_room_is_bounded() -> None:
    places = Places(1)
    for number in range(MAX_WAITING * 2):
        places.wait(StreamId(str(number)), PeerId("p"), WireStreamId("w"))
    served = 0
    while places.next(0):
        served += 1
    assert served == MAX_WAITING


def test_without_a_limit_nobody_waits() -> None:
    assert not Places(0).full(10_000)


def test_the_third_of_two_waits_with_a_sentence_and_gets_the_first_free_place() -> None:
    world = World(max_streams=2)
    ann = world.record("u-ann", "ann")
    world.record("u-bob", "bob")
    world.announce("u-cy", "cy")
    world.announce("u-dan", "dan")
    world.announce("u-cy", "cy")
    assert world.reports_of("cy") == [("waiting", SENTENCE)]
    assert not world.plays("cy")
    world.bye(ann.number)
    world.advance(3)
    assert world.live("cy")
    assert world.plays("cy")
    assert world.row("dan") == ("waiting", SENTENCE)
    assert not world.live("dan")


def test_who_offers_unasked_waits_too_and_is_asked_when_there_is_a_place() -> None:
    world = World(max_streams=1)
    ann = world.record("u-ann", "ann")
    world.offer("u-bob", "bob")
    assert world.row("bob")[0] == "waiting"
    assert not world.live("bob")
    world.bye(ann.number)
    world.advance(3)
    world.offer("u-bob", "bob", "s2")
    world.advance(1)
    assert world.live("bob")


def test_who_has_a_place_keeps_it_under_a_new_address() -> None:
    world = World(max_streams=1)
    world.record("u-ann", "ann")
    world.announce("u-bob", "bob")
    world.offer("u-ann-again", "ann", "s2")
    world.advance(1)
    assert world.row("ann")[0] == "recording"
    assert len(world.live("ann")) == 2
    assert not world.live("bob")


def test_who_leaves_while_waiting_waits_no_more() -> None:
    world = World(max_streams=1)
    ann = world.record("u-ann", "ann")
    world.announce("u-bob", "bob")
    world.gone("u-bob")
    assert world.row("bob")[0] == "finished"
    world.bye(ann.number)
    world.advance(3)
    assert not world.live("bob")


def test_single_streams_wait_as_well() -> None:
    world = World("ann", "bob", alone=True, max_streams=1)
    world.joined()
    assert [bool(world.live(name)) for name in ("ann", "bob")] == [True, False]
    assert world.row("bob")[0] == "waiting"


def test_nobody_begins_when_the_recorder_ends() -> None:
    world = World(max_streams=1)
    world.record("u-ann", "ann")
    world.announce("u-bob", "bob")
    world.leave()
    world.advance(3)
    assert len(world.children) == 1


# --- every way in which a place becomes free --------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    """One place, which ann has by announcing herself; bob waits for it, and cy after him."""
    world = World(max_streams=1)
    world.announce("u-ann", "ann")
    world.announce("u-bob", "bob")
    world.announce("u-cy", "cy")
    world.advance(1)
    return world


def connected(world: World) -> FakeChild:
    """Ann is recorded."""
    (child,) = world.live("ann")
    return world.connect(child.number, "u-ann", "ann")


def has_place(world: World) -> list[str]:
    """Whose children run. Never more than there are places."""
    names = sorted({child.stream for child in world.children.values() if not child.exited})
    assert len(names) <= 1
    return [str(name) for name in names]


def test_who_left_before_answering_has_no_place(world: World) -> None:
    world.gone("u-ann")
    world.advance(EXIT_S)
    assert has_place(world) == ["bob"]
    assert world.plays("bob")
    assert world.row("ann") == ("finished", "no answer; its place goes to another stream")
    assert world.row("cy")[0] == "waiting"


def test_who_left_before_its_child_was_ready_has_no_place() -> None:
    world = World(max_streams=1)
    world.announce("u-ann", "ann")
    world.announce("u-bob", "bob")
    world.gone("u-ann")
    world.advance(EXIT_S)
    assert has_place(world) == ["bob"]
    assert not world.plays("ann")


def test_who_never_answers_loses_its_place_though_nobody_says_that_it_left(world: World) -> None:
    world.advance(10)
    assert has_place(world) == ["ann"]
    world.advance(UNANSWERED_S - 10)
    assert has_place(world) == ["bob"]
    world.advance(UNANSWERED_S)
    assert has_place(world) == ["cy"]


def test_as_long_as_nobody_waits_a_silent_one_is_asked_on_in_its_place() -> None:
    world = World(max_streams=2)
    world.announce("u-ann", "ann")
    world.advance(1)
    (child,) = world.live("ann")
    world.gone("u-ann")
    world.advance(100)
    world.record("u-bob", "bob")
    assert world.live("ann") == [child]
    assert len(world.plays("ann")) == 3


def test_a_place_held_in_vain_is_free_for_who_comes_later() -> None:
    world = World(max_streams=1)
    world.announce("u-ann", "ann")
    world.advance(100)
    world.announce("u-bob", "bob")
    world.advance(EXIT_S)
    assert has_place(world) == ["bob"]


def test_only_as_many_lose_their_places_as_there_is_need_of() -> None:
    world = World(max_streams=3)
    for name in ("ann", "bob", "cy"):
        world.announce(f"u-{name}", name)
    world.advance(UNANSWERED_S)
    world.announce("u-dan", "dan")
    world.advance(EXIT_S)
    assert [bool(world.live(name)) for name in ("ann", "bob", "cy", "dan")] == [False, True, True, True]


def test_a_place_that_becomes_free_anyway_is_nobody_elses_loss() -> None:
    world = World(max_streams=2)
    world.announce("u-ann", "ann")
    bob = world.record("u-bob", "bob")
    world.advance(UNANSWERED_S)
    world.bye(bob.number)
    world.announce("u-cy", "cy")
    world.advance(EXIT_S)
    assert [bool(world.live(name)) for name in ("ann", "bob", "cy")] == [True, False, True]


def test_after_a_bye_the_next_one_has_the_place(world: World) -> None:
    world.bye(connected(world).number)
    world.advance(EXIT_S)
    assert has_place(world) == ["bob"]


def test_who_left_as_the_server_says_has_no_place_once_media_stops(world: World) -> None:
    ann = connected(world)
    ann.flowing = False
    world.advance(1)
    world.gone("u-ann")
    world.advance(4)
    assert has_place(world) == ["bob"]


def test_a_lost_connection_keeps_the_place_for_its_retries(world: World) -> None:
    world.fail(connected(world).number, ConnectionLost("gone"))
    world.advance(2)
    assert has_place(world) == ["ann"]
    (child,) = world.live("ann")
    world.connect(child.number, "u-ann", "ann", "s2")
    world.advance(30)
    assert has_place(world) == ["ann"]
    assert world.row("bob")[0] == "waiting"


def test_a_lost_connection_whose_guest_does_not_answer_any_more_frees_the_place(world: World) -> None:
    world.fail(connected(world).number, ConnectionLost("gone"))
    world.advance(2 + UNANSWERED_S)
    assert has_place(world) == ["bob"]


def test_who_leaves_between_two_attempts_frees_the_place_at_once(world: World) -> None:
    world.fail(connected(world).number, ConnectionLost("gone"))
    world.advance(0.5)
    world.gone("u-ann")
    assert has_place(world) == ["bob"]
    assert not world.armed("retry")


def test_a_child_that_dies_keeps_the_place_for_the_next_attempt(world: World) -> None:
    world.exit(connected(world).number, "ended by SIGKILL (9)")
    world.advance(2)
    assert has_place(world) == ["ann"]


def test_what_cannot_be_recorded_has_no_place(world: World) -> None:
    world.fail(connected(world).number, NoCommonCodec("AV1 only"))
    world.advance(EXIT_S)
    assert world.row("ann")[0] == "failed"
    assert has_place(world) == ["bob"]


def test_what_was_given_up_for_good_has_no_place(world: World) -> None:
    for number in range(BUDGET.limit + 1):
        (child,) = world.live("ann")
        world.offer("u-ann", "ann", f"s{number}")
        world.advance(1)
        world.fail(child.number, ConnectionLost("gone"))
        for _ in range(320):
            if world.live("ann") or world.row("ann")[0] == "failed":
                break
            world.advance(0.1)
    world.advance(EXIT_S)
    assert "given up" in world.row("ann")[1]
    assert has_place(world) == ["bob"]


def test_who_comes_back_under_a_new_address_keeps_the_place_and_frees_it_by_its_bye(world: World) -> None:
    ann = connected(world)
    ann.flowing = False
    world.advance(1)
    world.announce("u-ann-again", "ann")
    world.gone("u-ann")
    world.advance(4)
    assert has_place(world) == ["ann"]
    (child,) = world.live("ann")
    world.connect(child.number, "u-ann-again", "ann", "s2")
    world.advance(30)
    assert has_place(world) == ["ann"]
    world.bye(child.number)
    world.advance(EXIT_S)
    assert has_place(world) == ["bob"]


def test_who_is_announced_again_before_it_left_keeps_the_place(world: World) -> None:
    world.announce("u-ann-again", "ann")
    world.gone("u-ann")
    world.advance(5)
    assert has_place(world) == ["ann"]


def test_a_new_server_that_knows_nobody_gives_everybody_a_turn(world: World) -> None:
    world.joined()
    world.listing()
    world.advance(5)
    assert has_place(world) == ["ann"]
    world.advance(UNANSWERED_S)
    assert has_place(world) == ["bob"]
    world.advance(UNANSWERED_S)
    assert has_place(world) == ["cy"]
    cy = world.live("cy")[0]
    world.connect(cy.number, "u-cy-again", "cy")
    world.advance(100)
    assert has_place(world) == ["cy"]


def test_a_healthy_connection_keeps_its_place_whatever_the_server_forgot(world: World) -> None:
    ann = connected(world)
    world.joined()
    world.listing()
    world.advance(100)
    assert world.live("ann") == [ann]
    assert has_place(world) == ["ann"]


def test_single_streams_that_never_come_make_room_for_those_that_do() -> None:
    world = World("ann", "bob", alone=True, max_streams=1)
    world.joined()
    world.advance(UNANSWERED_S + EXIT_S)
    (child,) = world.live("bob")
    world.connect(child.number, "u-bob", "bob")
    world.advance(100)
    assert len(world.plays("ann")) > 1  # still asked for
    assert has_place(world) == ["bob"]


def test_who_lost_its_place_and_answers_after_all_has_another_turn(world: World) -> None:
    world.advance(UNANSWERED_S)
    (bob,) = world.live("bob")
    world.connect(bob.number, "u-bob", "bob")
    world.gone("u-cy")
    world.offer("u-ann", "ann", "s7")
    assert world.row("ann")[0] == "waiting"
    # Else the page would believe that there is a connection, and not answer the next play.
    assert [request for _, request in world.sent if isinstance(request, SayBye)] == [
        SayBye(PeerId("u-ann"), SessionId("s7"))
    ]
    asked = len(world.plays("ann"))
    world.advance(200)
    assert len(world.plays("ann")) == asked  # it is known to be there
    world.bye(bob.number)
    world.advance(EXIT_S)
    assert has_place(world) == ["ann"]
    assert len(world.plays("ann")) == asked + 1


def test_more_than_can_wait_are_turned_away_and_counted() -> None:
    world = World(max_streams=1)
    world.record("u-ann", "ann")
    for number in range(MAX_WAITING + 3):
        world.announce(f"u{number}", f"g{number}")
    assert world.counts["too many streams"] == 3
