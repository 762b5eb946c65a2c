"""What arrives from the handshake server, and what is sent to it, as typed values.

`Signal`s are made by `wire.parse`; `Request`s are turned into text by `wire.render`. The names follow what the
messages mean, not how one of the two dialects spells them.
"""

from enum import StrEnum

import msgspec

from roomtape.model import Candidate, Description, PeerId, RoomId, SessionId, WireStreamId


class Dialect(StrEnum):
    """HOSTED: the server tracks rooms and rewrites addresses. FANOUT: it repeats frames (protocol.md 4.4)."""

    AUTO = "auto"
    HOSTED = "hosted"
    FANOUT = "fanout"


class Side(StrEnum):
    """Where candidates come from: the publisher's are "local", the viewer's "remote" (trap T15)."""

    PUBLISHER = "local"
    VIEWER = "remote"


class _Value(msgspec.Struct, frozen=True):
    pass


# --- signals: from the server ------------------------------------------------------------------------------------


class Member(_Value, frozen=True):
    peer: PeerId
    stream: WireStreamId | None = None


class Listing(_Value, frozen=True):
    """Sent by a hosted-dialect server once a room is joined, or when a director moved us."""

    members: tuple[Member, ...]
    director: PeerId | None = None
    transferred: bool = False


class StreamAppeared(_Value, frozen=True):
    """listing, someonejoined, videoaddedtoroom, seed and joinroom with a stream all mean this."""

    peer: PeerId
    stream: WireStreamId
    is_director: bool = False


class MemberJoined(_Value, frozen=True):
    """A member without a stream. `asks_offer`: fan-out dialect, where members offer to the newcomer unasked."""

    peer: PeerId
    asks_offer: bool = False


class OfferRequested(_Value, frozen=True):
    """To a publisher: make an offer for `peer` (offerSDP, or a viewer's play)."""

    peer: PeerId
    stream: WireStreamId | None = None


class DescriptionReceived(_Value, frozen=True):
    """`from_scene`: offered by a page that only views; in the fan-out dialect it offers all the same (trap T17)."""

    peer: PeerId
    session: SessionId | None
    stream: WireStreamId | None
    description: Description
    from_scene: bool = False


class CandidatesReceived(_Value, frozen=True):
    """`side` is None when the sender did not say."""

    peer: PeerId
    session: SessionId | None
    side: Side | None
    candidates: tuple[Candidate, ...]


class PeerLeft(_Value, frozen=True):
    peer: PeerId


class IceRestartRequested(_Value, frozen=True):
    peer: PeerId


class Undecryptable(_Value, frozen=True):
    """`peer` sent a description or candidates that our password does not open."""

    peer: PeerId
    detail: str


class ServerAlert(_Value, frozen=True):
    """Human text from the server, with a code if it gave one."""

    text: str
    code: str | None = None

    @property
    def stream_in_use(self) -> bool:
        """The server refused to seed: another live connection has the stream id."""
        words = f"{self.code or ''} {self.text}".lower()
        return "streamid_in_use" in words or ("already in use" in words and not self.address_in_use)

    @property
    def address_in_use(self) -> bool:
        """A filtered fan-out server knows another live connection with our UUID (protocol.md 12.2)."""
        return "uuid already in use" in self.text.lower()


class Dropped(_Value, frozen=True):
    """The frame was not for us or not understood; counted under `reason`."""

    reason: str


Signal = (
    Listing
    | StreamAppeared
    | MemberJoined
    | OfferRequested
    | DescriptionReceived
    | CandidatesReceived
    | PeerLeft
    | IceRestartRequested
    | Undecryptable
    | ServerAlert
    | Dropped
)


# --- requests: to the server -------------------------------------------------------------------------------------


class JoinRoom(_Value, frozen=True):
    """`stream` only in the fan-out dialect, where it stands for a seed."""

    room: RoomId
    stream: WireStreamId | None = None


class Seed(_Value, frozen=True):
    stream: WireStreamId


class Play(_Value, frozen=True):
    stream: WireStreamId


class SendDescription(_Value, frozen=True):
    peer: PeerId
    session: SessionId | None
    description: Description
    stream: WireStreamId | None = None


class SendCandidates(_Value, frozen=True):
    peer: PeerId
    session: SessionId | None
    side: Side
    candidates: tuple[Candidate, ...]


class AskIceRestart(_Value, frozen=True):
    peer: PeerId


class SayBye(_Value, frozen=True):
    """For a connection whose own data channel cannot say it any more."""

    peer: PeerId
    session: SessionId | None


class SayRecording(_Value, frozen=True):
    """Which streams we record now; for roomtape's own server alone, which tells its watch page."""

    streams: tuple[WireStreamId, ...]


Request = JoinRoom | Seed | Play | SendDescription | SendCandidates | AskIceRestart | SayBye | SayRecording
