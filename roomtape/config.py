"""The settings model: frozen, validated once, read everywhere. Options on command lines and in files fill it.

Secrets (`password`, TURN credentials) live here and in nothing that is printed.
"""

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from roomtape.errors import ConfigError
from roomtape.model import Codec, Container, IcePolicy, IceServers, StreamId, TurnServer

HOSTED_SERVER: Final = "wss://wss.vdo.ninja"
HOSTED_HOSTS: Final = frozenset({"wss.vdo.ninja", "apibackup.vdo.ninja"})
"""Hosts of the public service (protocol.md 1.1)."""
STDOUT: Final = "-"
"""Standard output, where a file's name is asked for."""
DEFAULT_STUN: Final = ("stun.l.google.com:19302", "stun.cloudflare.com:3478")


class SignalingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the handshake server and which room. `password` is as the user wrote it, None for the default."""

    server: str = HOSTED_SERVER
    dialect: str = "auto"
    insecure: bool = False
    room: str | None = None
    password: str | None = None
    salt: str = "vdo.ninja"

    def __repr__(self) -> str:
        return f"SignalingSettings(server={self.server!r}, room={self.room!r})"

    @property
    def on_hosted_service(self) -> bool:
        return (urlsplit(self.server).hostname or "") in HOSTED_HOSTS


class IceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`turn` None: the service's own servers on the hosted service, none elsewhere (protocol.md 13)."""

    stun: tuple[str, ...] = DEFAULT_STUN
    turn: tuple[TurnServer, ...] | None = None
    policy: IcePolicy = IcePolicy.ALL

    def servers(self, defaults: tuple[TurnServer, ...]) -> IceServers:
        """What peer connections get; relay-only uses no STUN."""
        turn = defaults if self.turn is None else self.turn
        return IceServers(self.stun if self.policy is IcePolicy.ALL else (), turn, self.policy)


class Segment(NamedTuple):
    """How long, in seconds, or how big, in bytes, a file gets before another follows it; 0 is no limit."""

    seconds: float = 0.0
    size_bytes: int = 0


class RecordingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`streams` empty: everyone in the room. `prefix` None: the room's name. `jitter_ms` in milliseconds. `codecs` are
    preferred in this order. `max_bitrate_kbps` None leaves the picture's bitrate to the guest.

    With less than `min_free_bytes` of free space nothing is recorded to a folder; `fallback_dir` is used meanwhile.
    `resume`: go on with the latest session there."""

    output_dir: str = "recordings"
    fallback_dir: str | None = None
    segment: Segment = Segment()
    min_free_bytes: int = 1_000_000_000
    prefix: str | None = None
    resume: bool = False
    streams: tuple[StreamId, ...] = ()
    container: Container = Container.AUTO
    audio: bool = True
    video: bool = True
    codecs: tuple[Codec, ...] = ()
    max_bitrate_kbps: int | None = None
    jitter_ms: int = 200


class ViewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`output`: a file's name, `-` for standard output, empty for the screen, whose sinks are gst-launch texts."""

    stream_id: StreamId = StreamId("")
    output: str = ""
    video_sink: str = "autovideosink"
    audio_sink: str = "autoaudiosink"
    audio: bool = True
    video: bool = True
    jitter_ms: int = 200

    @property
    def container(self) -> Container | None:
        """What the file's name asks for; None if it ends in no container's name."""
        ending = PurePath(self.output).suffix.removeprefix(".").lower()
        return next((one for one in Container if one == ending and one is not Container.AUTO), None)


class EncoderChoice(StrEnum):
    """AUTO: in hardware if that works, else in software."""

    AUTO = "auto"
    SOFTWARE = "software"


class PublishSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in pixels, `bitrate_kbps` in kbit/s, `framerate` in frames per second.

    The fields from `test` to `audio_pipeline` say what is published; `check` sees that they go together.
    """

    stream_id: StreamId = StreamId("")
    label: str = ""
    test: bool = False
    file: str = ""
    loop: bool = False
    v4l2: str = ""
    alsa: str = ""
    pulse: str = ""
    video_pipeline: str = ""
    audio_pipeline: str = ""
    encoder: EncoderChoice = EncoderChoice.AUTO
    codec: Codec = Codec.VP8
    audio: bool = True
    video: bool = True
    width: int = 1280
    height: int = 720
    framerate: int = 30
    bitrate_kbps: int = 2500
    guest_number: int = 0
    offer_on_request: bool = False


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The embedded handshake server. `certificate` and `key` are paths of PEM files; `tls` alone makes its own."""

    host: str = "127.0.0.1"
    port: int = 8443
    tls: bool = False
    certificate: str | None = None
    key: str | None = None
    max_members: int = 500


class LauncherChoice(StrEnum):
    """FORK: copies of a process that is ready. EXEC: each child is a new program."""

    FORK = "fork"
    EXEC = "exec"


class SupervisionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the children of a recording come to be; `pool` of them are held ready. `child_memory_bytes` is what one child
    may use, 0 for what its kind of work gets; `max_streams` are recorded at a time, 0 for any number."""

    launcher: LauncherChoice = LauncherChoice.FORK
    pool: int = 0
    child_memory_bytes: int = 0
    max_streams: int = 0


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Every wait of the main process, in seconds. Each ends in the named error.

    child_ready     ChildStartFailed    from the start of the process to Ready; of a fork server: ForkServerFailed
    fork            ForkServerFailed    from asking for a child to its process
    report          another fork server from the end of a child to the fork server's report of it
    answer          NegotiationFailed   from an offer to the child's answer
    connect         AllCandidatesFailed and relatives, from the answer to connected (the child diagnoses)
    media           NoMedia             from connected to first media; then asked again
    trouble         an ICE restart      nothing heard while connected; asked for once
    vanished        PeerVanished        nothing heard while connected
    frames          a key frame         from the last picture, while its packets come; NoFrames 7 s later
    file            FileStalled         the file does not grow, while frames come
    ping, pong      ChildHung           from a child's last word to a ping (and now and then); from a ping to its pong
    stack_dump      a kill              for a child that hangs to show where
    stop            a kill              from Stop to the child's exit
    join            JoinTimeout         from joinroom to listing
    dialect         the other dialect   how long an unknown server may take to show that it is of the hosted kind
    replay          another play        waits between unanswered plays (protocol.md 4.3)
    """

    child_ready: float = 15.0
    fork: float = 5.0
    report: float = 0.5
    answer: float = 20.0
    connect: float = 20.0
    media: float = 10.0
    trouble: float = 5.0
    vanished: float = 17.0
    frames: float = 3.0
    file: float = 10.0
    ping: float = 1.15
    pong: float = 2.8
    stack_dump: float = 0.3
    stop: float = 4.0
    join: float = 10.0
    dialect: float = 2.0
    replay: tuple[float, ...] = (15.0, 45.0, 180.0)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run of roomtape depends on."""

    signaling: SignalingSettings = SignalingSettings()
    ice: IceSettings = IceSettings()
    recording: RecordingSettings = RecordingSettings()
    view: ViewSettings = ViewSettings()
    publish: PublishSettings = PublishSettings()
    serve: ServeSettings = ServeSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    deadlines: Deadlines = Deadlines()
    debug: bool = False


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """`settings` with other values at some paths, such as "recording.prefix"."""
    sections: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for path, value in values.items():
        section, _, name = path.rpartition(".")
        sections[section][name] = value
    top = sections.pop("", {})
    for section, fields in sections.items():
        top[section] = msgspec.structs.replace(getattr(settings, section), **fields)
    return msgspec.structs.replace(settings, **top)


def check(settings: Settings) -> Settings:
    """The settings, if they can work together.

    Raises:
        ConfigError: with one sentence that says what to change.
    """
    signaling, ice = settings.signaling, settings.ice
    _check_server(signaling.server)
    if ice.policy is IcePolicy.RELAY and not ice.turn and (ice.turn is not None or not signaling.on_hosted_service):
        raise ConfigError(
            "relay-only needs a TURN server: give one with --turn-server, or drop --ice-transport-policy relay"
        )
    if not settings.recording.output_dir:
        raise ConfigError("the output folder's name is empty")
    _check_view(settings.view)
    for what in (settings.recording, settings.view, settings.publish):
        if not what.audio and not what.video:
            raise ConfigError("--noaudio and --novideo together leave nothing to do")
    _check_source(settings.publish)
    if (settings.serve.certificate is None) != (settings.serve.key is None):
        raise ConfigError("--certificate and --key belong together")
    return settings


def _check_view(view: ViewSettings) -> None:
    if not view.output:
        return
    if view.output != STDOUT and view.container is None:
        raise ConfigError("--output must be a file that ends in .mkv, .webm or .mp4, or - for standard output")
    if (view.video_sink, view.audio_sink) != (ViewSettings().video_sink, ViewSettings().audio_sink):
        raise ConfigError("--video-sink and --audio-sink are for the screen: leave them out with --fdsink and --output")


def _check_source(publish: PublishSettings) -> None:
    """What is published comes from one place, or picture and sound from one each."""
    picture = {"--v4l2": publish.v4l2, "--video-pipeline": publish.video_pipeline}
    sound = {"--alsa": publish.alsa, "--pulse": publish.pulse, "--audio-pipeline": publish.audio_pipeline}
    whole = {"--test": publish.test, "--filesrc": publish.file}
    for alternatives in (whole, picture, sound):
        _check_alone([name for name, given in alternatives.items() if given])
    for one, other in ((whole, picture), (whole, sound)):
        _check_alone([name for group in (one, other) for name, given in group.items() if given])
    if publish.loop and not publish.file:
        raise ConfigError("--loop is for --filesrc")
    if any(picture.values()) and not any(sound.values()) and not publish.video:
        raise ConfigError("--novideo leaves nothing to publish")
    if any(sound.values()) and not any(picture.values()) and not publish.audio:
        raise ConfigError("--noaudio leaves nothing to publish")


def _check_alone(names: list[str]) -> None:
    if len(names) > 1:
        raise ConfigError(f"{' and '.join(names)} cannot be published together: leave one out")


def _check_server(server: str) -> None:
    """The text is not repeated as long as it may hold a password."""
    try:
        url = urlsplit(server)
        valid = url.scheme in ("ws", "wss") and bool(url.hostname) and url.port != 0
    except ValueError:
        raise ConfigError("the server's address cannot be read: write it as wss://host:port") from None
    if "@" in server:
        raise ConfigError("the server's address must not contain a user name or password")
    if not valid:
        raise ConfigError(f"the server must be a ws:// or wss:// address, not {server.partition('?')[0]!r}")
