from roomtape.model import PeerId
from roomtape.room.owners import MAX_OWNERS, RETURN_S, Owners

U1, U2 = PeerId("u1"), PeerId("u2")


def test_nobody_has_returned_to_an_unknown_stream() -> None:
    assert not Owners().returned(U1, 0)


def test_a_guest_returns_under_another_address_only() -> None:
    owners = Owners()
    owners.add(U1, 0)
    assert not owners.returned(U1, 0)
    owners.add(U2, 100)
    assert owners.returned(U1, 100 + RETURN_S)
    assert not owners.returned(U2, 100)


def test_an_address_known_for_long_is_no_return() -> None:
    owners = Owners()
    owners.add(U1, 0)
    owners.add(U2, 100)
    owners.add(U2, 200)
    assert not owners.returned(U1, 200)


def test_the_last_word_counts() -> None:
    owners = Owners()
    owners.add(U1, 0)
    owners.add(U2, 1)
    owners.add(U1, 2)
    assert not owners.returned(U1, 2)
    assert owners.returned(U2, 2)
    owners.remove(U1)
    owners.remove(U1)
    assert not owners.returned(U2, 2)


def test_the_oldest_are_forgotten() -> None:
    owners = Owners()
    owners.add(U1, 0)
    for number in range(MAX_OWNERS):
        owners.add(PeerId(f"p{number}"), 1)
    assert len(owners) == MAX_OWNERS
    assert U1 not in owners
    assert PeerId("p0") in owners


def test_deserted_is_what_had_owners_and_has_none() -> None:
    owners = Owners()
    owners.remove(U1)
    assert not owners.deserted
    owners.add(U1, 0)
    owners.add(U2, 0)
    owners.remove(U1)
    assert not owners.deserted
    owners.remove(U2)
    assert owners.deserted
    owners.add(U1, 1)
    assert not owners.deserted
