"""The hub's frames: read as far as routing needs, written in either dialect (protocol.md 4).

The values of a frame stay raw JSON, so that what is relayed is relayed unchanged, however odd it is.
"""

from typing import Any

import msgspec

from roomtape.handshake.rooms import Member
from roomtape.signaling.messages import Dialect
from roomtape.signaling.wire import MAX_ID

Frame = dict[str, msgspec.Raw]

_decoder = msgspec.json.Decoder(Frame)
_name_decoder = msgspec.json.Decoder(str | int)
_names_decoder = msgspec.json.Decoder(list[str])
_encoder = msgspec.json.Encoder()


def load(text: str | bytes) -> Frame | None:
    """The JSON object in a text frame; None for everything else."""
    if isinstance(text, bytes):
        return None
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def has(frame: Frame, key: str) -> bool:
    """Whether `key` is there and not null."""
    return key in frame and bytes(frame[key]) != b"null"


def is_true(frame: Frame, key: str) -> bool:
    return key in frame and bytes(frame[key]) == b"true"


def name(frame: Frame, key: str) -> str | None:
    """A UUID, room, stream or request; None if there is no usable one. Whole numbers stand for their digits."""
    if key not in frame:
        return None
    try:
        text = str(_name_decoder.decode(frame[key]))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return text if 0 < len(text) <= MAX_ID else None


def names(frame: Frame, key: str, limit: int) -> frozenset[str] | None:
    """A list of at most `limit` stream ids; None if it is anything else."""
    if key not in frame:
        return None
    try:
        found = _names_decoder.decode(frame[key])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    usable = len(found) <= limit and all(0 < len(one) <= MAX_ID for one in found)
    return frozenset(found) if usable else None


# --- writing: what `member` did, as one who speaks `to` is told -----------------------------------------------------


def joined(member: Member, to: Dialect) -> str:
    if to is Dialect.FANOUT:
        return _write({"request": "joinroom"} | _stream(member) | _sender(member))
    return _write({"request": "someonejoined", "UUID": member.uuid} | _stream(member) | _director(member))


def seeded(member: Member, to: Dialect) -> str:
    if to is Dialect.FANOUT:
        return _write({"request": "seed"} | _stream(member) | _sender(member))
    return _write({"request": "videoaddedtoroom", "UUID": member.uuid} | _stream(member) | _director(member))


def asked(viewer: Member, owner: Member) -> str:
    """To the owner of a stream: `viewer` wants it."""
    if owner.dialect is Dialect.FANOUT:
        return _write({"request": "play"} | _stream(owner) | _sender(viewer))
    return _write({"request": "offerSDP", "UUID": viewer.uuid})


def relayed(sender: Member, target: Member, frame: Frame) -> str:
    """A peer message. `UUID` names its sender in the hosted dialect, its destination in the other."""
    body = {key: value for key, value in frame.items() if key not in ("UUID", "from", "roomid")}
    if target.dialect is Dialect.FANOUT:
        return _write({"UUID": target.uuid} | body | _sender(sender))
    return _write({"UUID": sender.uuid} | body)


def listing(member: Member, request: str = "listing") -> str:
    """The room of `member`, without itself; `request` is "transferred" for one that was moved there."""
    room = member.room
    others = (other for other in room.members.values() if other is not member)
    director = {"director": room.director.uuid} if room.director is not None else {}
    claim = {"claim": True} if member.is_director else {}
    return _write(
        {"request": request, "list": [{"UUID": other.uuid} | _stream(other) for other in others]} | director | claim
    )


def alert(message: str) -> str:
    """A refusal in the hosted dialect."""
    return _write({"request": "alert", "message": message})


def error(message: str) -> str:
    """A refusal in the fan-out dialect."""
    return _write({"error": message})


def _write(obj: dict[str, Any]) -> str:
    return _encoder.encode(obj).decode()


def _stream(member: Member) -> dict[str, str]:
    return {"streamID": member.stream} if member.stream is not None else {}


def _director(member: Member) -> dict[str, bool]:
    return {"director": True} if member.is_director else {}


def _sender(member: Member) -> dict[str, str]:
    return {"from": member.uuid} | ({"roomid": member.room.name} if member.room.name is not None else {})
