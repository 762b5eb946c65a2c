"""Every message on a child's stdin and stdout.

Two catalogues by direction: `ToChild` is sent by the main process, `FromChild` by a child. A recording child holds one
peer connection and leaves `peer` empty; a publishing child holds one per viewer, named by `peer`.

`negotiation` numbers the descriptions that travel through the main process: an answer and the candidates carry the
number of the offer they belong to, so that late ones are recognised. 0 means "none yet".
"""

from typing import Any

import msgspec

from roomtape.errors import Scope
from roomtape.ipc.ceilings import PUBLISHING, PUBLISHING_FILES, WITH_CODECS, Ceilings
from roomtape.ipc.source import MediaSource
from roomtape.ipc.storing import Storing
from roomtape.model import Candidate, Codec, Container, Description, Feed, IceServers, TrackKind

IPC_VERSION = 1


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Frozen; an unknown field, a missing one or a wrong type is an error."""


# --- configuration, sent once by Init ---------------------------------------------------------------------------


class RecordConfig(_Message, frozen=True, kw_only=True, tag="record"):
    """All that a recording child needs. `phrase` is the AES phrase of protocol.md 3, None without a password.

    `codecs` come first in the answer, in this order. `max_bitrate_kbps` is asked of the guest for the picture; None
    leaves it to the guest. The names of the camera's files begin with `stem`, those of a shared screen with
    `screen_stem`; `dated` puts the time into them.
    """

    stream_id: str
    folder: str
    storing: Storing = Storing()
    ceilings: Ceilings = Ceilings()
    stem: str
    screen_stem: str = "screen"
    dated: bool = True
    container: Container = Container.AUTO
    audio: bool = True
    video: bool = True
    codecs: tuple[Codec, ...] = ()
    max_bitrate_kbps: int | None = None
    jitter_ms: int = 200
    ice: IceServers = IceServers()
    phrase: str | None = None
    label: str = "recorder"
    connect_deadline_ms: int = 20_000
    media_deadline_ms: int = 10_000

    def __repr__(self) -> str:
        return f"RecordConfig({self.stream_id!r})"


class ViewConfig(_Message, frozen=True, kw_only=True, tag="view"):
    """All that a viewing child needs; what it has in common with RecordConfig means the same.

    `descriptor` is an inherited one, to which Matroska is written; None is for the screen and the speakers, which are
    GStreamer elements as gst-launch texts.
    """

    stream_id: str
    descriptor: int | None = None
    video_sink: str = "autovideosink"
    audio_sink: str = "autoaudiosink"
    audio: bool = True
    video: bool = True
    ceilings: Ceilings = Ceilings(memory_bytes=WITH_CODECS)
    codecs: tuple[Codec, ...] = ()
    max_bitrate_kbps: int | None = None
    jitter_ms: int = 200
    ice: IceServers = IceServers()
    phrase: str | None = None
    label: str = "viewer"
    connect_deadline_ms: int = 20_000
    media_deadline_ms: int = 10_000

    def __repr__(self) -> str:
        return f"ViewConfig({self.stream_id!r})"


class PublishConfig(_Message, frozen=True, kw_only=True, tag="publish"):
    """All that a publishing child needs. Sizes in pixels, bitrate in kbit/s, framerate in frames per second.

    `encoder` names the element that encodes the picture; empty is one in software.
    """

    stream_id: str
    source: MediaSource = MediaSource()
    encoder: str = ""
    ceilings: Ceilings = Ceilings(memory_bytes=PUBLISHING, open_files=PUBLISHING_FILES)
    codec: Codec = Codec.VP8
    audio: bool = True
    video: bool = True
    width: int = 1280
    height: int = 720
    framerate: int = 30
    bitrate_kbps: int = 2500
    guest_number: int = 0
    offer_on_request: bool = False
    ice: IceServers = IceServers()
    phrase: str | None = None
    label: str = ""
    connect_deadline_ms: int = 20_000

    def __repr__(self) -> str:
        return f"PublishConfig({self.stream_id!r})"


# --- to the child -----------------------------------------------------------------------------------------------


class Init(_Message, frozen=True, kw_only=True, tag="init"):
    """The first message; a second one is an error."""

    version: int = IPC_VERSION
    config: RecordConfig | ViewConfig | PublishConfig


class RemoteDescription(_Message, frozen=True, kw_only=True, tag="remote_description"):
    """To a recording child an offer, to a publishing one an answer."""

    negotiation: int
    description: Description
    session: str = ""
    peer: str = ""


class RemoteCandidates(_Message, frozen=True, kw_only=True, tag="remote_candidates"):
    candidates: tuple[Candidate, ...]
    peer: str = ""


class AddViewer(_Message, frozen=True, kw_only=True, tag="add_viewer"):
    """Publishing only: make a peer connection for `peer` and offer."""

    peer: str
    session: str


class RemoveViewer(_Message, frozen=True, kw_only=True, tag="remove_viewer"):
    """Publishing only."""

    peer: str


class SetResolution(_Message, frozen=True, kw_only=True, tag="set_resolution"):
    """Publishing only: from now on send pictures of this size, in pixels."""

    width: int
    height: int


class SetTrack(_Message, frozen=True, kw_only=True, tag="set_track"):
    """Publishing only: send a track, or nothing of it, to everyone. Muted in this way it stays negotiated."""

    track: TrackKind
    enabled: bool


class RequestKeyframe(_Message, frozen=True, kw_only=True, tag="request_keyframe"):
    """Recording only: ask the guest for a key frame (RFC 4585 PLI)."""


class OutputGranted(_Message, frozen=True, kw_only=True, tag="output_granted"):
    """Viewing only: the answer to OutputWanted; from now on this child alone writes to the descriptor.

    `codecs` are those of the stream's header, which has to be written first if `header` is set; others have no place
    in it. Times are of the system's monotonic clock: `epoch_ns` is the stream's zero, and what is older than `since_ns`
    is not to be written.
    """

    header: bool
    codecs: tuple[Codec, ...]
    epoch_ns: int
    since_ns: int


class Ping(_Message, frozen=True, kw_only=True, tag="ping"):
    seq: int


class Stop(_Message, frozen=True, kw_only=True, tag="stop"):
    """Say bye, finish the files and exit; after `deadline_ms` without that the parent kills."""

    reason: str
    deadline_ms: int


ToChild = (
    Init
    | RemoteDescription
    | RemoteCandidates
    | AddViewer
    | RemoveViewer
    | SetResolution
    | SetTrack
    | RequestKeyframe
    | OutputGranted
    | Ping
    | Stop
)


# --- from the child ---------------------------------------------------------------------------------------------


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    """Answer to Init: the child can take an offer. `unconfined` says which parts of its sandbox the kernel lacks."""

    version: int
    pid: int
    gstreamer: str
    unconfined: tuple[str, ...] = ()


class LocalDescription(_Message, frozen=True, kw_only=True, tag="local_description"):
    negotiation: int
    description: Description
    peer: str = ""


class LocalCandidates(_Message, frozen=True, kw_only=True, tag="local_candidates"):
    """A bundle (protocol.md 7)."""

    negotiation: int
    candidates: tuple[Candidate, ...]
    peer: str = ""


class ChannelNegotiated(_Message, frozen=True, kw_only=True, tag="channel_negotiated"):
    """An offer came on the data channel and was answered there."""

    offers: int


class PeerState(_Message, frozen=True, kw_only=True, tag="peer_state"):
    """W3C names: iceConnectionState, iceGatheringState, connectionState, signalingState."""

    ice: str
    gathering: str
    connection: str
    signaling: str
    peer: str = ""


class ViewerLeft(_Message, frozen=True, kw_only=True, tag="viewer_left"):
    """Publishing only: the connection of `peer` is gone, and why."""

    peer: str
    detail: str


class RestartWished(_Message, frozen=True, kw_only=True, tag="restart_wished"):
    """Publishing only: `peer` asked on the data channel for an ICE restart (protocol.md 6)."""

    peer: str


class TrackStarted(_Message, frozen=True, kw_only=True, tag="track_started"):
    """First media of a track is being written. Sizes in pixels, 0 for sound."""

    track: TrackKind
    codec: Codec
    width: int = 0
    height: int = 0
    feed: Feed = Feed.CAMERA


class SegmentOpened(_Message, frozen=True, kw_only=True, tag="segment_opened"):
    path: str
    tracks: tuple[TrackKind, ...]
    feed: Feed = Feed.CAMERA


class SegmentClosed(_Message, frozen=True, kw_only=True, tag="segment_closed"):
    """A file is final, or `torn` because the disk refused; one without a byte has been removed. `frames` counts video
    frames; `duration_ns` is the time from its first media to its end."""

    path: str
    torn: bool = False
    size_bytes: int
    frames: int
    duration_ns: int


class Unwritten(_Message, frozen=True, kw_only=True, tag="unwritten"):
    """Media comes, and no folder takes a file: `detail` says why. An empty one: there is a file again."""

    detail: str


class GuestInfo(_Message, frozen=True, kw_only=True, tag="guest_info"):
    """What the guest says of itself on the data channel (protocol.md 8.2), only what was said."""

    label: str | None = None
    audio_muted: bool | None = None
    video_muted: bool | None = None
    rotation: int | None = None
    queued: bool | None = None


class NoMedia(_Message, frozen=True, kw_only=True, tag="no_media"):
    """Connected, asked twice, and no media came: a held guest, a director, or audio and video switched off."""

    detail: str


class OutputWanted(_Message, frozen=True, kw_only=True, tag="output_wanted"):
    """Viewing only: there is media of these codecs to be written, the first from `first_ns` (monotonic clock)."""

    codecs: tuple[Codec, ...]
    first_ns: int


class Stats(_Message, frozen=True, kw_only=True, tag="stats"):
    """Once a second. Counters since the start of the child; `silent_ms` is the time since anything was heard.

    Frames and packets of a kind are those of its present track. `written_bytes` is the size of all files so far; None
    while nothing is to be written, or nothing can be.
    """

    video_frames: int
    audio_frames: int
    media_bytes: int
    packets: int
    packets_lost: int
    silent_ms: int
    width: int = 0
    height: int = 0
    viewers: int = 0
    video_packets: int = 0
    written_bytes: int | None = None


class Pong(_Message, frozen=True, kw_only=True, tag="pong"):
    seq: int


class Log(_Message, frozen=True, kw_only=True, tag="log"):
    """A log record for the parent's log; `message` is static, what varies is in `fields`."""

    level: str
    message: str
    fields: dict[str, Any] = {}


class BusMessage(_Message, frozen=True, kw_only=True, tag="bus_message"):
    """An error or warning of GStreamer, for the report of a crash; `left_out` before it were too many."""

    level: str
    text: str
    left_out: int = 0


class Failed(_Message, frozen=True, kw_only=True, tag="failed"):
    """The child gives up on its work (or, with `peer`, on that viewer) and names the RecorderError."""

    code: str
    scope: Scope
    retryable: bool
    detail: str
    peer: str = ""


class Finished(_Message, frozen=True, kw_only=True, tag="finished"):
    """The last message: every file is final, or the file to publish has been played."""

    files: tuple[str, ...]


FromChild = (
    Ready
    | LocalDescription
    | LocalCandidates
    | ChannelNegotiated
    | PeerState
    | ViewerLeft
    | RestartWished
    | TrackStarted
    | SegmentOpened
    | SegmentClosed
    | Unwritten
    | GuestInfo
    | NoMedia
    | OutputWanted
    | Stats
    | Pong
    | Log
    | BusMessage
    | Failed
    | Finished
)
