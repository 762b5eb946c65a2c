"""The nouns that every floor shares: ids, descriptions, candidates, codecs, TURN servers."""

from enum import StrEnum
from typing import Final, NewType

import msgspec

StreamId = NewType("StreamId", str)
"""A stream's clean name, without the hash suffix (protocol.md 2.5)."""
WireStreamId = NewType("WireStreamId", str)
"""A stream's name as announced by the server: clean name and hash suffix (2.4)."""
PeerId = NewType("PeerId", str)
"""A UUID: the opaque address of one WebSocket connection (2.6)."""
SessionId = NewType("SessionId", str)
"""The random tag of one peer connection, made by its publisher (2.7)."""
RoomId = NewType("RoomId", str)
"""A room's name as sent to the server: hashed unless the password is disabled (2.4)."""

HUSH_MS: Final = 700
"""A guest who is not heard for so long may be gone: it is told at once, not with the next statistics."""


class SdpType(StrEnum):
    """RFC 8829 section 3.2; roomtape uses no provisional answers."""

    OFFER = "offer"
    ANSWER = "answer"


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session description (RFC 8866) and its role in offer/answer (RFC 3264)."""

    type: SdpType
    sdp: str


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ICE candidate as in W3C RTCIceCandidateInit (RFC 8839 section 5.1)."""

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int = 0


class TrackKind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Feed(StrEnum):
    """What a guest shows: a screen may be shared beside the camera in one connection (protocol.md 8.3)."""

    CAMERA = "camera"
    SCREEN = "screen"


class Codec(StrEnum):
    """Encoding names as in an rtpmap attribute (RFC 8866 section 6.6), upper case."""

    VP8 = "VP8"
    VP9 = "VP9"
    AV1 = "AV1"
    H264 = "H264"
    H265 = "H265"
    OPUS = "OPUS"


class Container(StrEnum):
    """AUTO: WebM for VP8, VP9, AV1 with Opus, Matroska otherwise. MP4 is fragmented until it is closed."""

    AUTO = "auto"
    MKV = "mkv"
    WEBM = "webm"
    MP4 = "mp4"


class IcePolicy(StrEnum):
    """W3C RTCIceTransportPolicy."""

    ALL = "all"
    RELAY = "relay"


class TurnTransport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class TurnServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One TURN server (RFC 8656) and its long-term credential; never shown with the credential."""

    host: str
    port: int
    transport: TurnTransport
    username: str
    credential: str

    def __repr__(self) -> str:
        return f"TurnServer({self})"

    def __str__(self) -> str:
        """The address as an RFC 7065 URI, without the credential."""
        scheme = "turns" if self.transport is TurnTransport.TLS else "turn"
        host = f"[{self.host}]" if ":" in self.host else self.host
        suffix = "?transport=tcp" if self.transport is TurnTransport.TCP else ""
        return f"{scheme}:{host}:{self.port}{suffix}"


class IceServers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a peer connection may use to find a way through the network.

    `stun` holds `host:port` texts; IPv6 hosts stand in brackets.
    """

    stun: tuple[str, ...] = ()
    turn: tuple[TurnServer, ...] = ()
    policy: IcePolicy = IcePolicy.ALL
