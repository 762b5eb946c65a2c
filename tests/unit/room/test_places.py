"""--max-streams: who comes beyond it waits, and has a turn."""

from roomtape.model import PeerId, StreamId, WireStreamId
from roomtape.room.places import MAX_WAITING, Places
from tests.support.router_world import World

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
