import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomtape.model import Candidate, Description, PeerId, RoomId, SdpType, SessionId, WireStreamId
from roomtape.signaling import wire
from roomtape.signaling.messages import (
    AskIceRestart,
    CandidatesReceived,
    DescriptionReceived,
    Dialect,
    Dropped,
    IceRestartRequested,
    JoinRoom,
    Listing,
    Member,
    MemberJoined,
    OfferRequested,
    PeerLeft,
    Play,
    Request,
    SayBye,
    SayRecording,
    Seed,
    SendCandidates,
    SendDescription,
    ServerAlert,
    Side,
    Signal,
    StreamAppeared,
    Undecryptable,
)
from tests.unit.signaling.hostile import PHRASE, frames
from tests.unit.signaling.vectors import VECTORS

ME, ANN, ROOM = PeerId("me"), PeerId("u-ann"), RoomId("6b71779a041e0a55")
STREAM, SESSION = WireStreamId("ann808d64"), SessionId("k3Zp9QwX2a")
OFFER = Description(SdpType.OFFER, "v=0\r\n")
LINE = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
CONTEXT = wire.Context(ME, PHRASE, ROOM)
PLAIN_OFFER: dict[str, Any] = {"description": {"type": "offer", "sdp": "v=0\r\n"}}
PLAIN_CANDIDATES: dict[str, Any] = {"candidates": [{"candidate": LINE, "sdpMid": "0", "sdpMLineIndex": 0}]}


def parse(context: wire.Context = CONTEXT, /, **frame: Any) -> list[Signal]:
    return list(wire.parse(json.dumps(frame), context))


def from_ann(**frame: Any) -> list[list[Signal]]:
    """What Ann's message means, as a hosted and as a fan-out server delivers it."""
    return [
        parse(UUID=ANN, **frame),
        parse(**{"from": ANN}, roomid=ROOM, **frame),
        parse(**{"from": ANN}, UUID=ME, roomid=ROOM, **frame),
    ]


def assert_means(heard: list[list[Signal]], *signals: Signal) -> None:
    assert heard == [list(signals)] * 3


# --- server to client, hosted dialect (4.2) ----------------------------------------------------------------------


def test_a_listing() -> None:
    entries = [{"UUID": "u-ann", "streamID": "ann808d64"}, {"UUID": "u-silent"}, "u-old"]
    members = (Member(ANN, STREAM), Member(PeerId("u-silent")), Member(PeerId("u-old")))
    [listing] = parse(request="listing", list=entries, director="u-dir", claim=True)
    assert listing == Listing(members, PeerId("u-dir"))


@pytest.mark.parametrize("frame", [{}, {"list": None}, {"list": {}}, {"list": "u-ann"}, {"list": []}])
def test_a_listing_of_an_empty_room(frame: dict[str, Any]) -> None:
    assert parse(request="listing", director=True, **frame) == [Listing(())]


def test_odd_entries_of_a_listing_are_left_out() -> None:
    odd: list[Any] = [None, 7, "", [], {}, {"streamID": "x"}, {"UUID": []}, {"UUID": ""}, "u" * (wire.MAX_ID + 1)]
    assert parse(request="listing", list=[*odd, {"UUID": "u-ann", "streamID": {}}]) == [Listing((Member(ANN),))]


def test_a_listing_is_bounded() -> None:
    [listing] = parse(request="listing", list=["u"] * (wire.MAX_MEMBERS + 1))
    assert isinstance(listing, Listing)
    assert len(listing.members) == wire.MAX_MEMBERS


@pytest.mark.parametrize("room", [ROOM, "another"])
def test_being_moved_by_a_director(room: str) -> None:
    frame = {"list": [{"UUID": "u-ann", "streamID": STREAM}], "director": "u-dir2", "roomid": room}
    [moved] = parse(request="transferred", **frame)
    assert moved == Listing((Member(ANN, STREAM),), PeerId("u-dir2"), transferred=True)


@pytest.mark.parametrize("request_name", ["someonejoined", "videoaddedtoroom", "seed"])
def test_a_stream_appears(request_name: str) -> None:
    assert_means(from_ann(request=request_name, streamID=STREAM), StreamAppeared(ANN, STREAM))
    assert_means(
        from_ann(request=request_name, streamID=STREAM, director=True), StreamAppeared(ANN, STREAM, is_director=True)
    )


def test_someone_without_a_stream_joins() -> None:
    assert parse(request="someonejoined", UUID=ANN) == [MemberJoined(ANN)]


def test_an_offer_is_asked_for() -> None:
    assert parse(request="offerSDP", UUID=ANN) == [OfferRequested(ANN)]
    assert parse(request="offerSDP", UUID=ANN, streamID=STREAM) == [OfferRequested(ANN, STREAM)]
    assert_means(from_ann(request="play", streamID=STREAM, bitrate=35), OfferRequested(ANN, STREAM))
    assert_means(from_ann(request="play"), Dropped("play_without_stream"))


@pytest.mark.parametrize(
    ("frame", "alert"),
    [
        ({"request": "alert", "message": "Stream ID is already in use."}, ServerAlert("Stream ID is already in use.")),
        ({"request": "error", "message": "text", "code": "STREAMID_IN_USE"}, ServerAlert("text", "STREAMID_IN_USE")),
        ({"error": "uuid already in use"}, ServerAlert("uuid already in use")),
        ({"request": "alert"}, ServerAlert("")),
        ({"request": "error", "message": 7, "code": []}, ServerAlert("")),
    ],
)
def test_what_the_server_has_to_say(frame: dict[str, Any], alert: ServerAlert) -> None:
    assert parse(**frame) == [alert]


@pytest.mark.parametrize("request_name", ["listing", "transferred", "alert", "error"])
def test_members_do_not_speak_for_a_fanout_server(request_name: str) -> None:
    assert parse(request=request_name, message="uuid already in use", **{"from": ANN}) == [Dropped("forged")]


def test_members_cannot_forge_errors() -> None:
    """A hosted server relays whatever lacks a `request`."""
    assert_means(from_ann(error="uuid already in use"), Dropped("unknown_message"))


@pytest.mark.parametrize("frame", [{"request": "cleanup"}, {"request": "bye"}, {"bye": True}, {"hangup": True}])
def test_a_peer_leaves(frame: dict[str, Any]) -> None:
    assert_means(from_ann(**frame), PeerLeft(ANN))


@pytest.mark.parametrize("request_name", ["roomclaimed", "sendroom", "migrate", "", 7, None, [], {"a": 1}])
def test_unknown_messages_are_dropped(request_name: object) -> None:
    for [signal] in from_ann(request=request_name, rejected=True, leave=True):
        assert isinstance(signal, Dropped)
        assert signal.reason in ("unknown_request", "unknown_message")


def test_a_ping_is_not_for_us() -> None:
    """Trap T24."""
    assert parse(request="ping") == [Dropped("ping")]
    assert_means(from_ann(request="ping"), Dropped("ping"))


# --- between peers (4.3) -----------------------------------------------------------------------------------------


def test_an_offer() -> None:
    assert_means(
        from_ann(session=SESSION, streamID=STREAM, **PLAIN_OFFER), DescriptionReceived(ANN, SESSION, STREAM, OFFER)
    )


def test_an_answer_has_no_stream() -> None:
    answer = Description(SdpType.ANSWER, "v=0\r\n")
    assert_means(
        from_ann(session=SESSION, description={"type": "answer", "sdp": "v=0\r\n"}),
        DescriptionReceived(ANN, SESSION, None, answer),
    )


@pytest.mark.parametrize(("frame", "from_scene"), [({}, False), ({"isScene": False}, False), ({"isScene": "0"}, True)])
def test_offers_of_pages_that_only_view(frame: dict[str, Any], from_scene: bool) -> None:
    """Trap T17: unsolicited, without media, of a scene."""
    assert_means(
        from_ann(session=SESSION, streamID=STREAM, **PLAIN_OFFER, **frame),
        DescriptionReceived(ANN, SESSION, STREAM, OFFER, from_scene),
    )


@pytest.mark.parametrize("vector", [v for v in VECTORS["crypto"] if v["id"] == "offer-default"])
def test_an_encrypted_offer(vector: dict[str, Any]) -> None:
    frame = {"description": vector["ciphertext"], "vector": vector["vector"]}
    expected = Description(SdpType.OFFER, json.loads(vector["plaintext"])["sdp"])
    assert_means(from_ann(session=SESSION, **frame), DescriptionReceived(ANN, SESSION, None, expected))
    stranger = wire.Context(ME, "wrongvdo.ninja", ROOM)
    [signal] = parse(stranger, UUID=ANN, **frame)
    assert isinstance(signal, Undecryptable)
    assert signal.peer == ANN


@pytest.mark.parametrize("session", [None, 7, "", [], "s" * (wire.MAX_ID + 1)])
def test_a_session_may_be_missing(session: object) -> None:
    assert_means(from_ann(session=session, **PLAIN_OFFER), DescriptionReceived(ANN, None, None, OFFER))


@pytest.mark.parametrize("case", VECTORS["candidate_normalise"])
def test_candidates_of_every_form(case: dict[str, Any]) -> None:
    """Trap T18."""
    [signal] = wire.parse(json.dumps(case["in"]), CONTEXT)
    assert isinstance(signal, CandidatesReceived)
    assert (signal.peer, signal.session) == ("u1", "s1")
    assert len(signal.candidates) == case["count"]
    sides = {"viewer": Side.PUBLISHER, "publisher": Side.VIEWER, "any": None}  # the vectors name the receiving side
    assert signal.side is sides[case["side"]]


@pytest.mark.parametrize("kind", [None, "", "both", 7, ["local"], {}])
def test_candidates_of_no_known_side(kind: object) -> None:
    assert_means(
        from_ann(type=kind, session=SESSION, **PLAIN_CANDIDATES),
        CandidatesReceived(ANN, SESSION, None, (Candidate(LINE, "0"),)),
    )


def test_an_ice_restart_is_asked_for() -> None:
    assert_means(from_ann(iceRestartRequest=True), IceRestartRequested(ANN))


def test_several_meanings_of_one_object_all_count() -> None:
    """Trap T8."""
    assert_means(
        from_ann(session=SESSION, type="local", bye=True, iceRestartRequest=True, **PLAIN_OFFER, **PLAIN_CANDIDATES),
        DescriptionReceived(ANN, SESSION, None, OFFER),
        CandidatesReceived(ANN, SESSION, Side.PUBLISHER, (Candidate(LINE, "0"),)),
        IceRestartRequested(ANN),
        PeerLeft(ANN),
    )


@pytest.mark.parametrize("value", [7, [], "text", {"type": "offer"}, {"type": "offer", "sdp": 7}])
def test_a_bad_description_costs_only_itself(value: object) -> None:
    assert_means(from_ann(description=value, bye=True), Dropped("bad_peer_message"), PeerLeft(ANN))


# --- addresses (4.4) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["fanout_filter"]["cases"])
def test_fanout_filter(case: dict[str, Any]) -> None:
    me = PeerId(VECTORS["fanout_filter"]["own_uuid"])
    assert wire.address(case["msg"], me) == (case["sender"] if case["deliver"] else None)
    dropped = wire.parse(json.dumps(case["msg"]), wire.Context(me)) == (Dropped("not_for_me"),)
    assert dropped == (not case["deliver"])


def test_frames_of_another_room_are_dropped() -> None:
    assert parse(request="seed", streamID=STREAM, roomid="another", **{"from": ANN}) == [Dropped("other_room")]
    roomless = wire.Context(ME, PHRASE)
    assert parse(roomless, request="seed", streamID=STREAM, roomid="another", **{"from": ANN}) == [
        StreamAppeared(ANN, STREAM)
    ]


@pytest.mark.parametrize("sender", [12345678901, "12345678901"])
def test_some_fanout_clients_have_decimal_numbers(sender: object) -> None:
    assert parse(request="seed", streamID=STREAM, **{"from": sender}) == [StreamAppeared(PeerId("12345678901"), STREAM)]


@pytest.mark.parametrize("sender", ["", None, True, 1.5, [], {}, "u" * (wire.MAX_ID + 1)])
def test_messages_of_nobody_are_dropped(sender: object) -> None:
    for frame in ({"from": sender}, {"UUID": sender}, {"from": sender, "UUID": ME}, {}):
        assert parse(request="seed", streamID=STREAM, **frame) == [Dropped("no_sender")]


def test_a_newcomer_in_the_fanout_dialect_expects_offers() -> None:
    """A joinroom with a stream stands for a seed as well."""
    asked = MemberJoined(ANN, asks_offer=True)
    assert parse(request="joinroom", roomid=ROOM, **{"from": ANN}) == [asked]
    assert parse(request="joinroom", roomid=ROOM, streamID=STREAM, **{"from": ANN}) == [
        asked,
        StreamAppeared(ANN, STREAM),
    ]


@pytest.mark.parametrize(
    ("frame", "dialect"),
    [
        ({"request": "listing"}, Dialect.HOSTED),
        ({"request": "offerSDP", "UUID": ANN}, Dialect.HOSTED),
        ({"UUID": ANN, "description": {}}, Dialect.HOSTED),
        ({"request": "seed", "from": ANN}, Dialect.FANOUT),
        ({"UUID": ME, "from": ANN}, Dialect.FANOUT),
        ({"error": "sid already in use"}, None),
        ({"request": ["listing"]}, None),
    ],
)
def test_which_dialect_a_frame_gives_away(frame: dict[str, Any], dialect: Dialect | None) -> None:
    assert wire.speaks(frame) is dialect


# --- hostile frames ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "7",
        '{"a":NaN}',
        '{"UUID":"\\ud800"}',
        "\ud800",
        b'{"request":"ping"}',
        '{"a":' * 100_000,
        '{"from":' + "9" * 10_000 + "}",
        json.dumps({"request": "ping", "filling": "x" * wire.MAX_FRAME}),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_frame(text: str | bytes) -> None:
    assert wire.parse(text, CONTEXT) == (Dropped("malformed"),)


@given(frames, st.sampled_from([PHRASE, "hunter2vdo.ninja", None]), st.sampled_from([RoomId("room"), None]))
def test_any_frame_means_something_that_can_be_passed_on(text: str | bytes, phrase: str, room: RoomId) -> None:
    signals = wire.parse(text, wire.Context(ME, phrase, room))
    assert signals
    for signal in signals:
        encoded = msgspec.json.encode(signal)
        assert phrase is None or phrase.encode() not in encoded
        assert isinstance(signal, ServerAlert | Listing | Dropped) or signal.peer not in ("", ME)


# --- writing -----------------------------------------------------------------------------------------------------

SAMPLES: tuple[tuple[Request, dict[str, Any]], ...] = (
    (JoinRoom(ROOM), {"request": "joinroom", "roomid": ROOM}),
    (JoinRoom(ROOM, STREAM), {"request": "joinroom", "roomid": ROOM, "streamID": STREAM}),
    (Seed(STREAM), {"request": "seed", "streamID": STREAM}),
    (Play(STREAM), {"request": "play", "streamID": STREAM}),
    (
        SendDescription(ANN, SESSION, OFFER, STREAM),
        {"UUID": ANN, "session": SESSION, "streamID": STREAM, **PLAIN_OFFER},
    ),
    (SendDescription(ANN, None, OFFER), {"UUID": ANN, **PLAIN_OFFER}),
    (
        SendCandidates(ANN, SESSION, Side.VIEWER, (Candidate(LINE),)),
        {"UUID": ANN, "session": SESSION, "type": "remote", **PLAIN_CANDIDATES},
    ),
    (AskIceRestart(ANN), {"UUID": ANN, "iceRestartRequest": True}),
    (SayBye(ANN, None), {"UUID": ANN, "bye": True}),
    (SayRecording((STREAM,)), {"request": "recording", "streamIDs": [STREAM]}),
)


@pytest.mark.parametrize(("request_", "frame"), SAMPLES, ids=lambda sample: type(sample).__name__)
def test_what_is_written(request_: Request, frame: dict[str, Any]) -> None:
    """As protocol.md 4.1 and 4.3 show it; in the fan-out dialect with `from` and the room (4.4)."""
    plain = wire.Context(ME, None, ROOM)
    assert json.loads(wire.render(request_, plain, Dialect.HOSTED)) == frame
    for dialect in (Dialect.FANOUT, Dialect.AUTO):
        assert json.loads(wire.render(request_, plain, dialect)) == {**frame, "from": ME, "roomid": ROOM}
    roomless = wire.Context(ME)
    assert json.loads(wire.render(request_, roomless, Dialect.FANOUT)) == {**frame, "from": ME}


words = st.text(min_size=1, max_size=20)
printable = words.filter(lambda text: text.isprintable() and text.strip() == text and not text.startswith("a="))
streams = words.map(WireStreamId)
sessions = st.none() | words.map(SessionId)
descriptions = st.builds(
    Description, st.sampled_from(SdpType), st.text().map(lambda text: "v=" + text.replace("\0", ""))
)
candidates = st.lists(st.builds(Candidate, printable, words, st.integers(0, 999)), max_size=5).map(tuple)
requests = st.one_of(
    st.builds(JoinRoom, st.just(ROOM), st.none() | streams),
    st.builds(Seed, streams),
    st.builds(Play, streams),
    st.builds(SendDescription, st.just(ANN), sessions, descriptions, st.none() | streams),
    st.builds(SendCandidates, st.just(ANN), sessions, st.sampled_from(Side), candidates),
    st.builds(AskIceRestart, st.just(ANN)),
    st.builds(SayBye, st.just(ANN), sessions),
    st.builds(SayRecording, st.lists(streams).map(tuple)),
)


def meaning(request: Request) -> list[Signal]:
    """What Ann makes of my request."""
    match request:
        case JoinRoom(_, stream):
            seeded = [] if stream is None else [StreamAppeared(ME, stream)]
            return [MemberJoined(ME, asks_offer=True), *seeded]
        case Seed(stream):
            return [StreamAppeared(ME, stream)]
        case Play(stream):
            return [OfferRequested(ME, stream)]
        case SendDescription(_, session, description, stream):
            return [DescriptionReceived(ME, session, stream, description)]
        case SendCandidates(_, session, side, bundle):
            return [CandidatesReceived(ME, session, side, bundle)]
        case AskIceRestart():
            return [IceRestartRequested(ME)]
        case SayBye():
            return [PeerLeft(ME)]
        case SayRecording():
            return [Dropped("unknown_request")]  # it is for the server


@given(requests, st.sampled_from([Dialect.HOSTED, Dialect.FANOUT, Dialect.AUTO]), st.sampled_from([PHRASE, None]))
def test_what_is_written_is_understood(request: Request, dialect: Dialect, phrase: str | None) -> None:
    text = wire.render(request, wire.Context(ME, phrase, ROOM), dialect)
    assert text.isascii()
    assert phrase is None or phrase not in text
    frame = json.loads(text)
    if dialect is Dialect.HOSTED:
        frame["UUID"] = ME  # the server puts the sender in the place of the destination (2.6)
    assert list(wire.parse(json.dumps(frame), wire.Context(ANN, phrase, ROOM))) == meaning(request)


def test_no_phrase_is_shown() -> None:
    assert PHRASE not in repr(CONTEXT)
    assert PHRASE not in str(CONTEXT)
