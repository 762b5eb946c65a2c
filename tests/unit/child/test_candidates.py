import time

import pytest

from roomtape.child.candidates import FIRST_WAIT_MS, LAST_WAIT_MS, MAX_WAITING, LocalCandidates, RemoteCandidates
from roomtape.model import Candidate
from tests.unit.child.main_loop import run_until, settle


def candidate(n: int, kind: str = "host") -> Candidate:
    return Candidate(f"candidate:{n} 1 udp 1 192.0.2.1 {n} typ {kind}", "0", 0)


Bundle = tuple[Candidate, ...]


class TestLocal:
    @pytest.fixture
    def sent(self) -> list[Bundle]:
        return []

    @pytest.fixture
    def local(self, sent: list[Bundle]) -> LocalCandidates:
        return LocalCandidates(sent.append)

    def test_candidates_that_come_close_together_travel_together(
        self, local: LocalCandidates, sent: list[Bundle]
    ) -> None:
        for n in range(3):
            local.add(candidate(n))
            settle()
        assert sent == []
        run_until(lambda: sent)
        assert sent == [tuple(candidate(n) for n in range(3))]

    def test_the_wait_begins_short_and_doubles(self, local: LocalCandidates, sent: list[Bundle]) -> None:
        waited_ms: list[float] = []
        for n in range(3):
            begun = time.monotonic()
            local.add(candidate(n))
            run_until(lambda: len(sent) == len(waited_ms) + 1)
            waited_ms.append((time.monotonic() - begun) * 1000)
        # GLib counts whole milliseconds, so a wait may seem to end a fraction early.
        assert all(waited >= (FIRST_WAIT_MS << n) - 2 for n, waited in enumerate(waited_ms))
        assert waited_ms[0] < LAST_WAIT_MS

    def test_flushing_sends_at_once_and_only_once(self, local: LocalCandidates, sent: list[Bundle]) -> None:
        local.add(candidate(1))
        local.flush()
        local.flush()
        assert sent == [(candidate(1),)]
        begun = time.monotonic()
        local.add(candidate(2))
        run_until(lambda: len(sent) == 2)
        assert sent[1] == (candidate(2),)
        assert time.monotonic() - begun > FIRST_WAIT_MS * 1.5 / 1000, "the first bundle's timer was still running"

    def test_nothing_to_flush_sends_nothing(self, local: LocalCandidates, sent: list[Bundle]) -> None:
        local.flush()
        assert sent == []

    def test_types_are_remembered_when_they_come(self, local: LocalCandidates) -> None:
        local.add(candidate(1))
        local.add(candidate(2, "relay"))
        assert local.types == {"host", "relay"}
        local.flush()


class TestRemote:
    @pytest.fixture
    def applied(self) -> list[Candidate]:
        return []

    @pytest.fixture
    def remote(self, applied: list[Candidate]) -> RemoteCandidates:
        return RemoteCandidates(applied.append)

    def test_they_wait_for_the_description_and_keep_their_order(
        self, remote: RemoteCandidates, applied: list[Candidate]
    ) -> None:
        remote.add((candidate(1), candidate(2)))
        remote.add((candidate(3),))
        assert applied == []
        remote.open()
        assert applied == [candidate(1), candidate(2), candidate(3)]

    def test_later_ones_are_applied_at_once_and_none_twice(
        self, remote: RemoteCandidates, applied: list[Candidate]
    ) -> None:
        remote.add((candidate(1),))
        remote.open()
        remote.open()
        remote.add((candidate(2),))
        assert applied == [candidate(1), candidate(2)]

    def test_of_too_many_the_oldest_go_and_are_counted(
        self, remote: RemoteCandidates, applied: list[Candidate]
    ) -> None:
        for n in range(0, MAX_WAITING + 30, 10):
            remote.add(tuple(candidate(i) for i in range(n, n + 10)))
        assert remote.dropped == 30
        remote.open()
        assert applied == [candidate(n) for n in range(30, MAX_WAITING + 30)]

    def test_types_tell_only_of_what_can_be_connected_to(self, remote: RemoteCandidates) -> None:
        remote.add((Candidate("candidate:1 1 udp 1 192.0.2.1 9"), Candidate("typ"), candidate(1, "made-up")))
        assert remote.types == set()
        remote.add((candidate(1), candidate(2, "srflx")))
        assert remote.types == {"host", "srflx"}

    def test_those_in_a_description_count_but_are_not_applied_again(
        self, remote: RemoteCandidates, applied: list[Candidate]
    ) -> None:
        remote.seen_in(
            "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ srflx\r\na=ice-ufrag:typ relay\r\n"
            "a=candidate:2 1 udp 1 192.0.2.1 9\r\na=candidate:\na=candidate:3 1 udp 1 192.0.2.1 9 typ host"
        )
        assert remote.types == {"srflx", "host"}
        remote.open()
        assert applied == []
