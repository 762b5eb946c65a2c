"""JSON text <-> signals and requests (protocol.md 4), in both dialects.

Hostile input becomes Dropped, never an exception.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from roomtape.errors import DecryptError, WireError
from roomtape.model import PeerId, RoomId, SessionId, WireStreamId
from roomtape.signaling import envelope
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

MAX_FRAME: Final = 256 * 1024
"""Characters in one frame (protocol.md 12.1)."""
MAX_ID: Final = 512
MAX_MEMBERS: Final = 10_000

_SERVER_REQUESTS: Final = ("listing", "transferred", "alert", "error")

Object = Mapping[str, Any]


class Context(msgspec.Struct, frozen=True):
    """What reading and writing frames depends on. `me` is our own UUID, used in the fan-out dialect alone."""

    me: PeerId
    phrase: str | None = None
    room: RoomId | None = None

    def __repr__(self) -> str:
        return f"Context(me={self.me!r}, room={self.room!r})"


def address(obj: Object, me: PeerId) -> PeerId | str | None:
    """The sender of a frame; "" if it names none; None if the frame is not for us (protocol.md 4.4)."""
    sender, target = _text(obj, "from"), _text(obj, "UUID")
    if sender is None:
        return PeerId(target) if target is not None and target != me else ""
    if sender == me or (target is not None and target != me):
        return None
    return PeerId(sender)


def speaks(obj: Object) -> Dialect | None:
    """Which dialect a frame's shape gives away, if any."""
    if "from" in obj:
        return Dialect.FANOUT
    if obj.get("request") in ("listing", "someonejoined", "videoaddedtoroom", "offerSDP", "transferred"):
        return Dialect.HOSTED
    return Dialect.HOSTED if "UUID" in obj else None


def load(text: str | bytes) -> Object | None:
    """A frame's JSON object; None for everything else."""
    if isinstance(text, bytes) or len(text) > MAX_FRAME:
        return None
    try:
        obj = envelope.read_json(text)
    except WireError:
        return None
    return obj if isinstance(obj, dict) else None


def parse(text: str | bytes, context: Context) -> tuple[Signal, ...]:
    """The signals in one frame, `Dropped` for what is not understood."""
    obj = load(text)
    return (Dropped("malformed"),) if obj is None else interpret(obj, context)


def interpret(obj: Object, context: Context) -> tuple[Signal, ...]:
    """The signals in a frame's object. Unknown fields are ignored; several meanings in one object all count."""
    peer = address(obj, context.me)
    if peer is None:
        return (Dropped("not_for_me"),)
    request = obj.get("request")
    if request in _SERVER_REQUESTS or (request is None and not peer and _text(obj, "error") is not None):
        # A fan-out server repeats whatever its members send; what it says itself has no `from`.
        return (Dropped("forged"),) if "from" in obj else _from_server(obj, request)
    if not peer:
        return (Dropped("no_sender" if request != "ping" else "ping"),)
    room = _text(obj, "roomid")
    if room is not None and context.room is not None and room != context.room:
        return (Dropped("other_room"),)
    return _from_peer(obj, PeerId(peer), request, context)


def _from_server(obj: Object, request: object) -> tuple[Signal, ...]:
    if request in ("listing", "transferred"):
        return _listing(obj, transferred=request == "transferred")
    return (ServerAlert(_first_text(obj, "message", "error"), _text(obj, "code")),)


def _from_peer(obj: Object, peer: PeerId, request: object, context: Context) -> tuple[Signal, ...]:
    stream = _stream(obj)
    match request:
        case "someonejoined" | "videoaddedtoroom" | "seed":
            if stream is not None:
                return (StreamAppeared(peer, stream, is_director=obj.get("director") is True),)
            return (MemberJoined(peer),)
        case "joinroom":
            joined = MemberJoined(peer, asks_offer=True)
            return (joined,) if stream is None else (joined, StreamAppeared(peer, stream))
        case "offerSDP":
            return (OfferRequested(peer, stream),)
        case "play":
            return (OfferRequested(peer, stream),) if stream is not None else (Dropped("play_without_stream"),)
        case "cleanup" | "bye":
            return (PeerLeft(peer),)
        case None:
            return _peer_message(obj, peer, stream, context)
        case _:
            return (Dropped("ping" if request == "ping" else "unknown_request"),)


def _peer_message(obj: Object, peer: PeerId, stream: WireStreamId | None, context: Context) -> tuple[Signal, ...]:
    signals: list[Signal] = []
    session = _text(obj, "session")
    tag = SessionId(session) if session else None
    try:
        if envelope.has_description(obj):
            description = envelope.read_description(obj, context.phrase)
            signals.append(DescriptionReceived(peer, tag, stream, description, bool(obj.get("isScene"))))
        if envelope.has_candidates(obj):
            candidates = envelope.read_candidates(obj, context.phrase)
            signals.append(CandidatesReceived(peer, tag, _side(obj), candidates))
    except DecryptError as error:
        signals.append(Undecryptable(peer, error.detail))
    except WireError:
        signals.append(Dropped("bad_peer_message"))
    if obj.get("iceRestartRequest"):
        signals.append(IceRestartRequested(peer))
    if obj.get("bye") or obj.get("hangup"):
        signals.append(PeerLeft(peer))
    return tuple(signals) or (Dropped("unknown_message"),)


def _listing(obj: Object, *, transferred: bool) -> tuple[Signal, ...]:
    entries = obj.get("list")
    members: list[Member] = []
    for entry in entries[:MAX_MEMBERS] if isinstance(entries, list) else ():
        if isinstance(entry, str) and 0 < len(entry) <= MAX_ID:
            members.append(Member(PeerId(entry)))
        elif isinstance(entry, Mapping) and (uuid := _text(entry, "UUID")):
            members.append(Member(PeerId(uuid), _stream(entry)))
    director = _text(obj, "director")
    return (Listing(tuple(members), PeerId(director) if director else None, transferred),)


def _text(obj: Object, key: str) -> str | None:
    value = obj.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and key in ("from", "UUID"):
        value = str(value)  # some fan-out clients invent decimal numbers
    return value if isinstance(value, str) and len(value) <= MAX_ID else None


def _first_text(obj: Object, *keys: str) -> str:
    return next((text for key in keys if (text := _text(obj, key))), "")


def _stream(obj: Object) -> WireStreamId | None:
    stream = _text(obj, "streamID")
    return WireStreamId(stream) if stream else None


def _side(obj: Object) -> Side | None:
    kind = obj.get("type")
    return Side(kind) if kind in (Side.PUBLISHER, Side.VIEWER) else None


# --- writing -----------------------------------------------------------------------------------------------------


def render(request: Request, context: Context, dialect: Dialect) -> str:
    """One frame of ASCII JSON. In the hosted dialect no `from` is sent; AUTO and FANOUT add it (protocol.md 4.4)."""
    obj = _render(request, context)
    if dialect is not Dialect.HOSTED:
        obj["from"] = context.me
        if context.room is not None:
            obj["roomid"] = context.room
    return json.dumps(obj, ensure_ascii=True, separators=(",", ":"))


def _render(request: Request, context: Context) -> dict[str, Any]:
    match request:
        case JoinRoom(room, stream):
            return {"request": "joinroom", "roomid": room} | ({"streamID": stream} if stream else {})
        case Seed(stream):
            return {"request": "seed", "streamID": stream}
        case Play(stream):
            return {"request": "play", "streamID": stream}
        case SendDescription(peer, session, description, stream):
            return {
                **_addressed(peer, session),
                **({"streamID": stream} if stream else {}),
                **envelope.write_description(description, context.phrase),
            }
        case SendCandidates(peer, session, side, candidates):
            return {
                **_addressed(peer, session),
                "type": str(side),
                **envelope.write_candidates(candidates, context.phrase),
            }
        case AskIceRestart(peer):
            return {"UUID": peer, "iceRestartRequest": True}
        case SayBye(peer, session):
            return {**_addressed(peer, session), "bye": True}
        case SayRecording(streams):
            return {"request": "recording", "streamIDs": list(streams)}


def _addressed(peer: PeerId, session: SessionId | None) -> dict[str, Any]:
    return {"UUID": peer} | ({"session": session} if session else {})
