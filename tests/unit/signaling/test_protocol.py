import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.config import Deadlines
from roomtape.errors import JoinTimeout
from roomtape.model import Candidate, Description, PeerId, RoomId, SdpType, SessionId, WireStreamId
from roomtape.signaling.messages import (
    AskIceRestart,
    DescriptionReceived,
    Dialect,
    Dropped,
    Listing,
    Member,
    OfferRequested,
    Play,
    Request,
    SayRecording,
    SendCandidates,
    SendDescription,
    ServerAlert,
    Side,
    Signal,
    StreamAppeared,
)
from roomtape.signaling.protocol import (
    MAX_OFFLINE,
    MAX_PLAYS,
    PLAY_INTERVAL_S,
    SEED_RETRIES,
    SEED_RETRY_S,
    Abandon,
    Deliver,
    Joined,
    Output,
    Phase,
    Protocol,
    SeedFailed,
    Transmit,
)
from roomtape.signaling.wire import Context
from tests.unit.signaling.hostile import frames

ME, ANN, ROOM, MINE, HERS = PeerId("me"), PeerId("u-ann"), RoomId("r"), WireStreamId("mine"), WireStreamId("ann")
ANSWER = SendDescription(ANN, SessionId("s"), Description(SdpType.ANSWER, "v=0\r\n"))
DEADLINES = Deadlines(join=10.0, dialect=2.0)
START = 1000.0
IN_USE = {"request": "alert", "message": "Stream ID is already in use."}


class Client:
    """A protocol on a clock of its own: what it sends, delivers and announces, as it comes."""

    def __init__(
        self, dialect: Dialect, *, room: RoomId | None = ROOM, seed: WireStreamId | None = None, online: bool = True
    ) -> None:
        self.protocol = Protocol(Context(ME, None, room), dialect, seed, DEADLINES)
        self.now = START
        self.play_times: list[float] = []
        self._outputs: list[tuple[float, Output]] = []
        if online:
            self.open()

    def open(self, server: str = "") -> None:
        self._note(self.protocol.opened(self.now, server))

    def close(self) -> None:
        self.protocol.closed()

    def hear(self, **frame: Any) -> None:
        self.hear_text(json.dumps(frame))

    def hear_text(self, text: str | bytes) -> None:
        self._note(self.protocol.received(text, self.now))

    def ask(self, *requests: Request) -> None:
        for request in requests:
            self._note(self.protocol.request(request, self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass; the protocol is woken when it wants to be, and at the end."""
        end = self.now + seconds
        while (due := self.protocol.next_due) is not None and due <= end:
            self.now = max(self.now, due)
            self._note(self.protocol.due(self.now))
        self.now = end
        self._note(self.protocol.due(self.now))

    def take(self) -> list[Output]:
        """Everything since last asked."""
        outputs, self._outputs = self._outputs, []
        return [output for _, output in outputs]

    def take_times(self, kind: type[Output]) -> list[float]:
        """When outputs of one kind came, in seconds since the start."""
        outputs, self._outputs = self._outputs, []
        return [round(when - START, 3) for when, output in outputs if isinstance(output, kind)]

    def take_sent(self) -> list[dict[str, Any]]:
        return [json.loads(output.text) for output in self.take() if isinstance(output, Transmit)]

    def take_signals(self) -> list[Signal]:
        return [output.signal for output in self.take() if isinstance(output, Deliver)]

    def _note(self, outputs: Sequence[Output]) -> None:
        self._outputs += [(self.now, output) for output in outputs]
        self.play_times += [self.now for output in outputs if isinstance(output, Transmit) and '"play"' in output.text]


def transmit(frame: dict[str, Any]) -> Transmit:
    return Transmit(json.dumps(frame, separators=(",", ":")))


def fanout(**frame: Any) -> dict[str, Any]:
    """As written in the fan-out dialect in a room."""
    return {**frame, "from": "me", "roomid": "r"}


def joined(dialect: Dialect, **settings: Any) -> Client:
    client = Client(dialect, **settings)
    if client.protocol.phase is not Phase.JOINED:
        client.hear(request="listing", list=[])
    client.take()
    return client


# --- joining -----------------------------------------------------------------------------------------------------


def test_a_hosted_room_is_joined_once_it_is_listed() -> None:
    client = Client(Dialect.HOSTED)
    assert client.take() == [transmit({"request": "joinroom", "roomid": "r"})]
    client.wait(9.9)
    assert client.take() == []
    client.hear(request="listing", list=[{"UUID": ANN, "streamID": HERS}])
    assert client.take() == [Joined(Dialect.HOSTED), Deliver(Listing((Member(ANN, HERS),)))]
    client.wait(3600)
    assert client.take() == []


def test_no_listing_is_a_join_timeout() -> None:
    client = Client(Dialect.HOSTED)
    client.take()
    client.wait(3600)
    [abandon] = client.take()
    assert isinstance(abandon, Abandon)
    assert isinstance(abandon.error, JoinTimeout)
    assert "within 10 s" in abandon.error.detail


def test_the_join_deadline() -> None:
    client = Client(Dialect.HOSTED)
    client.wait(3600)
    assert client.take_times(Abandon) == [10.0]


def test_a_fanout_room_is_joined_at_once() -> None:
    client = Client(Dialect.FANOUT)
    assert client.take() == [transmit(fanout(request="joinroom", roomid="r")), Joined(Dialect.FANOUT)]
    client.wait(3600)
    assert client.take() == []


def test_without_a_room_there_is_nothing_to_join() -> None:
    for dialect in Dialect:
        assert Client(dialect, room=None).take() == [Joined(dialect)]


def test_an_unknown_server_that_lists_in_time_is_hosted() -> None:
    client = Client(Dialect.AUTO)
    assert client.take() == [transmit({"request": "joinroom", "roomid": "r"})]
    client.wait(1.9)
    client.hear(request="listing", list=[])
    assert client.take() == [Joined(Dialect.HOSTED), Deliver(Listing(()))]
    client.wait(3600)
    assert client.take() == []
    client.ask(ANSWER)
    assert "from" not in client.take_sent()[0]


def test_an_unknown_server_that_stays_silent_is_fanout() -> None:
    client = Client(Dialect.AUTO)
    client.take()
    client.wait(1.9)
    assert client.take() == []
    client.wait(0.1)
    assert client.take() == [transmit(fanout(request="joinroom", roomid="r")), Joined(Dialect.FANOUT)]
    client.wait(3600)
    assert client.take() == []
    client.ask(ANSWER)
    assert client.take_sent()[0]["from"] == "me"


def test_an_unknown_server_that_was_only_slow_is_hosted_after_all() -> None:
    client = Client(Dialect.AUTO, seed=MINE)
    client.wait(5)
    assert client.take_sent()[-1] == fanout(request="joinroom", roomid="r", streamID="mine")
    client.hear(request="listing", list=[{"UUID": ANN, "streamID": HERS}])
    assert client.take() == [
        Joined(Dialect.HOSTED),
        transmit({"request": "seed", "streamID": "mine"}),
        Deliver(Listing((Member(ANN, HERS),))),
    ]
    client.hear(request="listing", list=[])  # the answer to the second joinroom
    assert client.take() == [Deliver(Listing(()))]
    client.ask(ANSWER)
    assert "from" not in client.take_sent()[0]


def test_a_chosen_dialect_is_kept() -> None:
    client = joined(Dialect.FANOUT)
    client.hear(request="listing", list=[])
    assert client.take() == [Deliver(Listing(()))]
    assert client.protocol.dialect is Dialect.FANOUT


@pytest.mark.parametrize(
    ("frame", "dialect"),
    [
        ({"request": "offerSDP", "UUID": ANN}, Dialect.HOSTED),
        ({"request": "play", "streamID": MINE, "from": ANN}, Dialect.FANOUT),
    ],
)
def test_without_a_room_the_first_frame_shows_the_dialect(frame: dict[str, Any], dialect: Dialect) -> None:
    client = joined(Dialect.AUTO, room=None)
    client.ask(ANSWER)
    assert client.take_sent()[0]["from"] == "me"  # a server of the hosted kind does not mind
    client.hear(**frame)
    assert isinstance(client.take_signals()[0], OfferRequested)
    client.ask(ANSWER)
    assert ("from" in client.take_sent()[0]) == (dialect is Dialect.FANOUT)


@pytest.mark.parametrize("room", [ROOM, None])
def test_later_frames_of_members_do_not_change_the_dialect(room: RoomId | None) -> None:
    client = joined(Dialect.AUTO, room=room)
    client.hear(request="offerSDP", UUID=ANN)
    client.hear(request="seed", streamID=HERS, **{"from": ANN})
    assert client.protocol.dialect is Dialect.HOSTED
    client = Client(Dialect.AUTO, room=room)
    client.wait(5)
    client.hear(request="seed", streamID=HERS, **{"from": ANN})
    client.hear(request="offerSDP", UUID=ANN)
    assert client.protocol.dialect is Dialect.FANOUT


def test_members_of_a_fanout_server_cannot_list() -> None:
    client = Client(Dialect.AUTO)
    client.take()
    client.hear(request="listing", list=[], **{"from": ANN})
    assert client.take() == [Deliver(Dropped("forged"))]
    assert client.protocol.phase is Phase.PROBING


@pytest.mark.parametrize("dialect", [Dialect.HOSTED, Dialect.AUTO])
def test_a_recorder_that_was_moved_returns_to_its_room(dialect: Dialect) -> None:
    client = joined(dialect)
    client.hear(request="transferred", list=[])
    assert client.take() == [
        transmit({"request": "joinroom", "roomid": "r"}),
        Deliver(Listing((), transferred=True)),
    ]
    client.ask(Play(HERS))
    assert client.take() == []
    client.hear(request="listing", list=[])
    client.wait(0)
    play = transmit({"request": "play", "streamID": "ann"})
    assert client.take() == [Joined(Dialect.HOSTED), Deliver(Listing(())), play]


def test_a_publisher_that_was_moved_stays_there() -> None:
    client = joined(Dialect.HOSTED, seed=MINE)
    client.hear(request="transferred", list=[])
    assert client.take() == [Deliver(Listing((), transferred=True))]


@pytest.mark.parametrize(("dialect", "room"), [(Dialect.HOSTED, None), (Dialect.AUTO, None), (Dialect.FANOUT, ROOM)])
def test_there_is_not_always_a_room_to_return_to(dialect: Dialect, room: RoomId | None) -> None:
    client = joined(dialect, room=room)
    client.hear(request="transferred", list=[])
    assert client.take() == [Deliver(Listing((), transferred=True))]
    assert client.protocol.phase is Phase.JOINED


# --- seeding -----------------------------------------------------------------------------------------------------


def test_a_hosted_publisher_seeds_after_the_listing() -> None:
    client = Client(Dialect.HOSTED, seed=MINE)
    assert client.take() == [transmit({"request": "joinroom", "roomid": "r"})]
    client.hear(request="listing", list=[])
    assert client.take_sent() == [{"request": "seed", "streamID": "mine"}]


def test_a_fanout_publisher_seeds_by_joining() -> None:
    client = Client(Dialect.FANOUT, seed=MINE)
    assert client.take_sent() == [fanout(request="joinroom", roomid="r", streamID="mine")]


def test_a_publisher_without_a_room_seeds_at_once() -> None:
    assert Client(Dialect.HOSTED, room=None, seed=MINE).take_sent() == [{"request": "seed", "streamID": "mine"}]
    assert Client(Dialect.FANOUT, room=None, seed=MINE).take_sent() == [
        {"request": "seed", "streamID": "mine", "from": "me"}
    ]


def test_a_refused_seed_is_repeated_for_a_minute() -> None:
    client = joined(Dialect.HOSTED, seed=MINE)
    for number in range(SEED_RETRIES):
        client.hear(**IN_USE)
        client.wait(SEED_RETRY_S)
        *_, sent = client.take()
        assert sent == transmit({"request": "seed", "streamID": "mine"}), number
    assert client.now == START + 60
    client.hear(**IN_USE)
    assert client.take() == [SeedFailed(IN_USE["message"]), Deliver(ServerAlert(IN_USE["message"]))]
    client.wait(3600)
    assert client.take() == []


def test_each_connection_has_a_minute_of_its_own() -> None:
    """After a reconnect the server may hold the former connection, each time anew."""
    client = joined(Dialect.HOSTED, seed=MINE)
    for _ in range(SEED_RETRIES + 1):
        client.hear(**IN_USE)
        client.close()
        client.open()
        client.hear(request="listing", list=[])
    assert client.take_times(SeedFailed) == []


def test_a_fanout_server_s_refusal_counts_too() -> None:
    client = joined(Dialect.FANOUT, seed=MINE)
    client.hear(error="sid already in use")
    client.wait(SEED_RETRY_S)
    assert client.take_sent() == [fanout(request="seed", streamID="mine")]


def test_a_viewer_is_only_told_of_alerts() -> None:
    client = joined(Dialect.HOSTED)
    client.hear(**IN_USE)
    assert client.take() == [Deliver(ServerAlert(IN_USE["message"]))]
    assert client.protocol.next_due is None


def test_an_address_in_use_needs_a_new_connection() -> None:
    client = joined(Dialect.FANOUT, seed=MINE)
    client.hear(error="uuid already in use")
    abandon, told = client.take()
    assert isinstance(abandon, Abandon)
    assert "former connection" in abandon.error.detail
    assert told == Deliver(ServerAlert("uuid already in use"))
    client.wait(3600)
    assert client.take_sent() == []


# --- playing -----------------------------------------------------------------------------------------------------


def test_plays_are_paced() -> None:
    """Five a second at most (4.3)."""
    client = joined(Dialect.HOSTED)
    client.ask(*(Play(WireStreamId(f"s{n}")) for n in range(12)))
    client.wait(60)
    assert client.take_times(Transmit) == [round(n * PLAY_INTERVAL_S, 3) for n in range(12)]


def test_a_stream_waits_once() -> None:
    client = joined(Dialect.HOSTED)
    client.ask(Play(MINE), *[Play(HERS)] * 5, Play(MINE), Play(HERS))
    client.wait(60)
    assert [frame["streamID"] for frame in client.take_sent()] == ["mine", "ann", "mine"]


def test_plays_wait_for_the_room() -> None:
    client = Client(Dialect.HOSTED)
    client.take()
    client.ask(Play(HERS))
    client.wait(5)
    assert client.take() == []
    client.hear(request="listing", list=[])
    client.wait(0)
    assert client.take_sent() == [{"request": "play", "streamID": "ann"}]


def test_the_pace_outlives_a_connection() -> None:
    client = joined(Dialect.FANOUT)
    client.ask(Play(MINE))
    client.close()
    client.open()
    client.ask(Play(HERS))
    client.wait(60)
    play_times = client.take_times(Transmit)
    assert play_times == [0.0, 0.0, PLAY_INTERVAL_S]  # play, joinroom, play


def test_plays_are_bounded_and_counted() -> None:
    client = Client(Dialect.HOSTED)
    client.take()
    client.ask(*(Play(WireStreamId(f"s{n}")) for n in range(MAX_PLAYS + 3)))
    assert client.protocol.dropped == 3
    client.hear(request="listing", list=[])
    client.wait(3600)
    assert [frame["streamID"] for frame in client.take_sent()] == [f"s{n}" for n in range(3, MAX_PLAYS + 3)]


# --- without a connection ----------------------------------------------------------------------------------------


def test_the_newest_peer_messages_are_kept_while_offline() -> None:
    client = joined(Dialect.HOSTED, seed=MINE)
    client.close()
    bundles = [
        SendCandidates(ANN, SessionId(str(n)), Side.VIEWER, (Candidate("candidate:1"),)) for n in range(MAX_OFFLINE + 5)
    ]
    client.ask(*bundles)
    assert client.take() == []
    assert client.protocol.dropped == 5
    client.open()
    assert client.take_sent() == [{"request": "joinroom", "roomid": "r"}]
    client.hear(request="listing", list=[])
    seed, *kept = client.take_sent()
    assert seed["request"] == "seed"
    assert [frame["session"] for frame in kept] == [str(n) for n in range(5, MAX_OFFLINE + 5)]
    client.wait(3600)
    assert client.take() == []


def test_what_is_stale_after_a_reconnect_is_not_kept() -> None:
    """The router asks again, for streams that still need it (trap T6)."""
    client = joined(Dialect.HOSTED)
    client.close()
    client.ask(Play(HERS), AskIceRestart(ANN))
    client.wait(60)
    client.open()
    client.hear(request="listing", list=[])
    client.wait(60)
    assert client.take_sent() == [{"request": "joinroom", "roomid": "r"}]
    assert client.protocol.dropped == 1


def test_a_reconnect_starts_from_the_beginning() -> None:
    client = Client(Dialect.AUTO)
    client.wait(5)
    assert client.protocol.dialect is Dialect.FANOUT
    client.close()
    client.take()
    client.wait(3600)
    assert client.take() == []
    client.open()
    assert client.take() == [transmit({"request": "joinroom", "roomid": "r"})]
    client.hear(request="listing", list=[])
    assert client.take() == [Joined(Dialect.HOSTED), Deliver(Listing(()))]


def test_a_lost_connection_ends_every_wait() -> None:
    for client in (Client(Dialect.HOSTED), Client(Dialect.AUTO), joined(Dialect.HOSTED, seed=MINE)):
        client.hear(**IN_USE)
        client.close()
        assert client.protocol.next_due is None


# --- any order of anything ---------------------------------------------------------------------------------------


def test_signals_are_delivered() -> None:
    client = joined(Dialect.HOSTED)
    client.hear(request="videoaddedtoroom", UUID=ANN, streamID=HERS)
    client.hear(UUID=ANN, session="s", description={"type": "offer", "sdp": "v=0\r\n"})
    client.hear_text("{")
    client.hear_text(b"{}")
    assert client.take_signals() == [
        StreamAppeared(ANN, HERS),
        DescriptionReceived(ANN, SessionId("s"), None, Description(SdpType.OFFER, "v=0\r\n")),
        Dropped("malformed"),
        Dropped("malformed"),
    ]


steps = st.one_of(
    st.tuples(st.just("hear_text"), frames | st.just('{"request":"listing","list":[]}')),
    st.tuples(st.just("wait"), st.floats(0, 30)),
    st.tuples(st.just("ask"), st.sampled_from([Play(HERS), Play(MINE), ANSWER, AskIceRestart(ANN)])),
    st.tuples(st.sampled_from(["close", "open"])),
)


@given(st.sampled_from(Dialect), st.sampled_from([ROOM, None]), st.sampled_from([MINE, None]), st.lists(steps))
def test_whatever_happens_nothing_is_sent_offline_and_plays_are_paced(
    dialect: Dialect, room: RoomId | None, seed: WireStreamId | None, script: list[Any]
) -> None:
    client = Client(dialect, room=room, seed=seed, online=False)
    for name, *arguments in script:
        online = client.protocol.phase is not Phase.OFFLINE
        if name in (("open",) if online else ("close", "hear_text")):
            continue  # a shell does not do that
        getattr(client, name)(*arguments)
        if client.protocol.phase is Phase.OFFLINE:
            assert client.protocol.next_due is None
            assert online or not client.take()
        client.take()
    gaps = [later - earlier for earlier, later in pairwise(client.play_times)]
    assert all(gap > PLAY_INTERVAL_S * 0.999 for gap in gaps)


# --- what is recorded ---------------------------------------------------------------------------------------------

RECORDING = {"request": "recording", "streamIDs": ["ann"]}
NOTHING = {"request": "recording", "streamIDs": []}


def test_roomtape_s_own_server_is_told_what_is_recorded() -> None:
    client = Client(Dialect.HOSTED, online=False)
    client.open("roomtape/1.0")
    client.hear(request="listing", list=[])
    client.take()
    client.ask(SayRecording((HERS,)))
    client.ask(SayRecording(()))
    assert client.take_sent() == [RECORDING, NOTHING]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("server", ["", "nginx", "notroomtape/1", "roomtape", "Roomtape/1", " roomtape/1"])
def test_no_other_server_is(server: str, dialect: Dialect) -> None:
    client = Client(dialect, online=False)
    client.open(server)
    client.ask(SayRecording((HERS,)))
    client.hear(request="listing", list=[])
    client.ask(SayRecording(()), SayRecording((HERS,)))
    client.wait(60)
    assert [frame for frame in client.take_sent() if frame["request"] == "recording"] == []
    assert client.protocol.dropped == 0


def test_after_a_new_start_the_server_is_told_again_once_the_room_is_joined() -> None:
    client = Client(Dialect.HOSTED)
    client.ask(SayRecording((HERS,)))
    client.close()
    client.open("roomtape/1.0")
    assert [frame["request"] for frame in client.take_sent()] == ["joinroom", "joinroom"]
    client.ask(SayRecording((HERS,)))
    assert client.take_sent() == []
    client.hear(request="listing", list=[])
    assert client.take_sent() == [RECORDING]
    client.ask(SayRecording(()))
    client.close()
    client.open("roomtape/1.0")
    client.hear(request="listing", list=[])
    assert [frame["request"] for frame in client.take_sent()] == ["recording", "joinroom"]


def test_a_flood_of_one_sender_costs_the_others_nothing() -> None:
    protocol = Protocol(Context(ME, None, ROOM), Dialect.HOSTED)
    protocol.opened(0.0)
    noise = json.dumps({"from": "loud", "UUID": "me", "nonsense": True})
    reasons = [
        output.signal.reason
        for _ in range(2000)
        for output in protocol.received(noise, 1.0)
        if isinstance(output, Deliver) and isinstance(output.signal, Dropped)
    ]
    assert 1400 <= reasons.count("too many frames of one sender") <= 1600
    quiet = protocol.received(json.dumps({"UUID": "u-ann", "bye": True}), 1.0)
    assert not any(isinstance(one.signal, Dropped) for one in quiet if isinstance(one, Deliver))
