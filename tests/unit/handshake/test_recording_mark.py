"""Who says what is recorded, and how long it holds."""

from typing import Any

import pytest

from tests.unit.handshake.party import Party


@pytest.fixture
def party() -> Party:
    """A guest and two recorders, one of each dialect, in room "r"."""
    party = Party(max_recording=3)
    party.join("ann", "rec")
    party.join_fanout("fan")
    party.forget_all()
    return party


def say(party: Party, name: str, *streams: str) -> None:
    party.send(name, request="recording", streamIDs=list(streams))


def test_all_recorders_of_a_room_count_and_nobody_is_told(party: Party) -> None:
    say(party, "rec", "a", "b")
    party.send_fanout("fan", request="recording", streamIDs=["b", "c"])
    assert party.hub.recorded("r") == {"a", "b", "c"}
    assert party.got_nothing()


def test_the_last_word_holds(party: Party) -> None:
    say(party, "rec", "a", "b")
    say(party, "rec", "c")
    assert party.hub.recorded("r") == {"c"}
    say(party, "rec")
    assert party.hub.recorded("r") == frozenset()


def test_it_ends_with_the_recorder(party: Party) -> None:
    say(party, "rec", "a")
    party.leave("rec")
    assert party.hub.recorded("r") == frozenset()


def test_it_belongs_to_the_room(party: Party) -> None:
    say(party, "rec", "a")
    assert party.hub.recorded("other") == frozenset()
    party.send("rec", request="joinroom", roomid="other")
    assert party.hub.recorded("r") == party.hub.recorded("other") == frozenset()


def test_without_a_room_nobody_can_ask() -> None:
    party = Party()
    party.connect("rec")
    say(party, "rec", "a")
    assert party.hub.recorded("") == party.hub.recorded("None") == frozenset()


@pytest.mark.parametrize(
    "value", [None, "a", {}, [1], [""], ["x" * 513], ["a", "b", "c", "d"], [["a"]], ["a", None], 7, True]
)
def test_what_is_unusable_changes_nothing(party: Party, value: Any) -> None:
    say(party, "rec", "a")
    party.send("rec", request="recording", streamIDs=value)
    party.send("rec", request="recording")
    assert party.hub.recorded("r") == {"a"}
    assert party.hub.counters.invalid == 2
