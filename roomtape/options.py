"""Every option of every command line, once: its name, its help, its type and where it goes in the settings.

From this table `roomtape.cli` builds `publish.py` and `roomtape`, and `roomtape.given` the settings. The names are the
same in a configuration file, and in the environment as ROOMTAPE_NAME.
"""

from collections.abc import Callable
from enum import Flag, StrEnum, auto
from operator import not_
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from roomtape import option_types as types
from roomtape.config import STDOUT, EncoderChoice, LauncherChoice, Settings
from roomtape.model import Codec, Container, IcePolicy
from roomtape.option_types import Parsed
from roomtape.signaling.identity import sanitise_stream
from roomtape.signaling.messages import Dialect

MAX_LABEL: Final = 100
"""Characters of a label (protocol.md 2.1)."""


class Command(Flag):
    """FLAT is `python3 publish.py`, the others are `roomtape record` and so on."""

    FLAT = auto()
    RECORD = auto()
    VIEW = auto()
    PUBLISH = auto()
    SERVE = auto()
    VERIFY = auto()
    REPAIR = auto()
    DOCTOR = auto()
    DEMO = auto()


def _same(value: Any) -> Any:
    return value


def _stdout_if(chosen: bool) -> str | None:
    return STDOUT if chosen else None


def _if_chosen(codec: Codec) -> Callable[[bool], Codec | None]:
    return lambda chosen: codec if chosen else None


class Option(msgspec.Struct, frozen=True):
    """One line of the table.

    `sets` are paths in `Settings` with spaces between them; none for an option that chooses what to do. `type` None
    makes a flag. `read` makes the setting of the parsed value; None leaves the setting alone. `several`: may be
    repeated, and its values come as a tuple. `positional`: the commands where the value needs no name. `default`
    stands for the default in help texts where `Settings` has none that a person could read. `bare` is the value of the
    option without one.
    """

    name: str
    on: Command
    sets: str = ""
    type: click.ParamType[Any] | None = None
    help: str = ""
    read: Callable[[Any], Any] = _same
    several: bool = False
    positional: Command = Command(0)
    hidden: bool = False
    default: str = ""
    bare: str = ""

    @property
    def paths(self) -> list[str]:
        return self.sets.split()

    @property
    def key(self) -> str:
        """The name as Python spells it."""
        return self.name.replace("-", "_")

    @property
    def environment(self) -> str:
        return f"ROOMTAPE_{self.key.upper()}"

    @property
    def default_text(self) -> str:
        """What holds if the option is not given, for people; empty for nothing."""
        if self.default or not self.sets or self.type is None:
            return self.default
        value: Any = Settings()
        for name in self.paths[0].split("."):
            value = getattr(value, name)
        match value:
            case tuple():
                return ", ".join(value)
            case StrEnum():
                return value.lower()
            case _:
                return "" if value is None else str(value)


_RECORD: Final = Command.FLAT | Command.RECORD
_PUBLISH: Final = Command.FLAT | Command.PUBLISH
_VIEW: Final = Command.FLAT | Command.VIEW
_PEER: Final = _RECORD | _VIEW | _PUBLISH
_CLIENT: Final = _PEER | Command.DOCTOR
_ALL: Final = _CLIENT | Command.SERVE

_CODECS: Final = (Codec.H264, Codec.H265, Codec.VP8, Codec.VP9, Codec.AV1)

# An option fills two lines here, not eight.
# fmt: off
TABLE: Final = (
    # what to do
    Option("record-room", Command.FLAT, help="Record everyone in the room."),
    Option("record", Command.FLAT, "", Parsed("stream", str),
           help="Record this one stream; with --record-room, begin the files' names with this."),
    Option("view", _VIEW, "view.stream_id", Parsed("stream", types.stream_or_link), positional=Command.VIEW,
           help="View this one stream: its name, or a link to it as in a browser."),
    Option("test", _PUBLISH, "publish.test", help="Publish a moving picture and a tone."),
    Option("filesrc", _PUBLISH, "publish.file", click.Path(dir_okay=False),
           help="Publish a media file, once, from when the first viewer is there."),
    Option("loop", _PUBLISH, "publish.loop", help="Play the file of --filesrc over and over."),
    Option("v4l2", _PUBLISH, "publish.v4l2", click.STRING, help="Publish a camera, such as /dev/video0."),
    Option("alsa", _PUBLISH, "publish.alsa", click.STRING, help="Publish a microphone by its ALSA name, such as hw:1."),
    Option("pulse", _PUBLISH, "publish.pulse", click.STRING, bare="default",
           help="Publish a microphone of PulseAudio or PipeWire; without a name the default one."),
    Option("video-pipeline", _PUBLISH, "publish.video_pipeline", click.STRING,
           help="Publish the picture of a GStreamer source, as gst-launch takes it."),
    Option("audio-pipeline", _PUBLISH, "publish.audio_pipeline", click.STRING,
           help="Publish the sound of a GStreamer source, as gst-launch takes it."),
    # where
    Option("room", _CLIENT, "signaling.room", Parsed("room", types.room_or_link),
           positional=Command.RECORD | Command.DOCTOR,
           help="The room: its name, or a link to it as in a browser."),
    Option("password", _CLIENT, "signaling.password", click.STRING, default="the service's own",
           help="The room's password; false switches encryption off. Others on this computer can read it here: prefer "
                "--password-file or the environment."),
    Option("password-file", _CLIENT, "signaling.password", Parsed("file", types.password_in),
           help="A file whose first line is the password."),
    Option("salt", _CLIENT, "signaling.salt", click.STRING,
           help="What the web page mixes with the password: the domain of a page of your own."),
    Option("server", _CLIENT, "signaling.server", Parsed("url", str.strip),
           help="The handshake server, ws:// or wss://."),
    Option("server-dialect", _CLIENT, "signaling.dialect", click.Choice(Dialect, case_sensitive=False),
           help="hosted: the server keeps rooms; fanout: it repeats everything to everyone."),
    Option("insecure-signaling", _CLIENT, "signaling.insecure",
           help="Do not verify the handshake server's TLS certificate."),
    # recording
    Option("record-streams", _RECORD, "recording.streams", Parsed("streams", types.streams), read=types.flat,
           several=True, default="everyone in the room",
           help="Record only these streams, with commas between them."),
    Option("prefix", _RECORD, "recording.prefix", click.STRING, read=lambda text: text.strip() or None,
           default="the room's name", help="Begin the files' names with this."),
    Option("output-dir", _RECORD | Command.DOCTOR | Command.DEMO, "recording.output_dir", click.Path(file_okay=False),
           default="recordings; demo-recordings for the demo", help="The folder for the files; it is made if missing."),
    Option("fallback-dir", _RECORD, "recording.fallback_dir", click.Path(file_okay=False),
           default="none: recording waits", help="Where to record while the folder is full, read-only or gone."),
    Option("resume", _RECORD, "recording.resume",
           help="Go on with the latest session of this room in the folder: its manifest and its numbers of takes."),
    Option("segment", _RECORD, "recording.segment", Parsed("length", types.segment), default="one file",
           help="Begin a new file after this time or size, such as 10m, 1h or 2G, without losing a frame."),
    Option("min-free", _RECORD, "recording.min_free_bytes", Parsed("size", types.size), default="1G",
           help="Finish the files when a disk has less free space than this, such as 500M; 0 to use all of it."),
    Option("container", _RECORD, "recording.container", click.Choice(Container, case_sensitive=False),
           help="auto: WebM for VP8, VP9 and AV1, Matroska for the others. mp4 is fragmented until it is closed."),
    Option("buffer", _RECORD | _VIEW, "recording.jitter_ms view.jitter_ms", click.IntRange(0, 10_000),
           help="Jitter buffer in milliseconds: how long a late packet is waited for."),
    Option("codec-preference", _RECORD, "recording.codecs", Parsed("codecs", types.codecs), read=types.flat,
           several=True, default="as the guest ranks them",
           help="Ask guests for the first of these that they have, with commas between: h264, h265, vp8, vp9, av1."),
    Option("max-bitrate", _RECORD, "recording.max_bitrate_kbps", click.IntRange(50, 100_000),
           default="the guest's own, in browsers about 2500",
           help="Ask guests for a picture of up to so many kbit/s."),
    Option("noaudio", _PEER, "recording.audio view.audio publish.audio", read=not_, help="No sound."),
    Option("novideo", _PEER, "recording.video view.video publish.video", read=not_, help="No picture."),
    Option("launcher", _RECORD, "supervision.launcher", click.Choice(LauncherChoice, case_sensitive=False),
           help="How each guest's process is made. fork: copied from one that is ready; exec: started afresh."),
    Option("max-streams", _RECORD, "supervision.max_streams", click.IntRange(1, 500), default="any number",
           help="Record so many streams at a time; others wait until one ends or gives no answer."),
    Option("child-memory", _PEER, "supervision.child_memory_bytes", Parsed("size", types.size),
           default="1G to record, 4G to view, 12G to publish",
           help="What one child process may use, such as 2G; one that needs more ends and is started again."),
    Option("pool", _RECORD, "supervision.pool", click.IntRange(0, 100),
           help="So many processes are held ready for guests to come."),
    # viewing
    Option("fdsink", _VIEW, "view.output", read=_stdout_if,
           help="Write Matroska to standard output, for a player such as ffplay."),
    Option("output", _VIEW, "view.output", Parsed("file", types.output), default="the screen and the speakers",
           help="Write to this .mkv, .webm or .mp4 file, and another after each reconnect; - is standard output."),
    Option("video-sink", _VIEW, "view.video_sink", Parsed("sink", types.sink),
           help="A GStreamer element for the picture, as gst-launch takes it."),
    Option("audio-sink", _VIEW, "view.audio_sink", Parsed("sink", types.sink),
           help="A GStreamer element for the sound, as gst-launch takes it."),
    # publishing
    Option("streamid", _PUBLISH, "publish.stream_id", Parsed("stream", sanitise_stream), default="a random one",
           help="Publish under this name."),
    Option("label", _PUBLISH, "publish.label", click.STRING, read=lambda text: text.strip()[:MAX_LABEL],
           help="The name that others see."),
    Option("codec", _PUBLISH, "publish.codec", click.Choice(_CODECS, case_sensitive=False),
           help="How to encode the picture."),
    *(Option(codec.lower(), _PUBLISH, "publish.codec", read=_if_chosen(codec),
             help=f"The same as --codec {codec.lower()}.") for codec in _CODECS),
    Option("encoder", _PUBLISH, "publish.encoder", click.Choice(EncoderChoice, case_sensitive=False),
           help="auto: in hardware if a trial shows that it works, else in software."),
    Option("bitrate", _PUBLISH, "publish.bitrate_kbps", click.IntRange(50, 100_000),
           help="Of the picture, in kbit/s, at most: viewers may ask for less."),
    Option("width", _PUBLISH, "publish.width", click.IntRange(16, 8192), help="In pixels."),
    Option("height", _PUBLISH, "publish.height", click.IntRange(16, 8192), help="In pixels."),
    Option("framerate", _PUBLISH, "publish.framerate", click.IntRange(1, 240), help="Frames per second."),
    Option("guest-number", _PUBLISH, "publish.guest_number", click.IntRange(0, 255), hidden=True,
           help="Sets the test picture and tone apart from those of other guests."),
    Option("offer-on-request", _PUBLISH, "publish.offer_on_request", hidden=True,
           help="Offer the media only when a viewer asks on the data channel, as the web page does."),
    # network
    Option("turn-server", _CLIENT, "ice.turn", Parsed("url", types.turn_servers), read=types.flat, several=True,
           default="the service's own on the hosted service, none elsewhere",
           help="A relay, turn://user:password@host:port or turns://…; repeat it for more; false for none. Others on "
                "this computer can read it here: prefer --turn-file or the environment."),
    Option("turn-file", _CLIENT, "ice.turn", Parsed("file", types.turn_servers_in),
           help="A file with one --turn-server in each line."),
    Option("stun-server", _CLIENT, "ice.stun", Parsed("url", types.stun_servers), read=types.flat, several=True,
           help="Tells a computer its public address, stun:host:port; repeat it for more; false for none."),
    Option("ice-transport-policy", _CLIENT, "ice.policy", click.Choice(IcePolicy, case_sensitive=False),
           help="relay: nothing but TURN."),
    # the handshake server
    Option("host", Command.SERVE, "serve.host", click.STRING, help="The address to listen at; 0.0.0.0 for all."),
    Option("port", Command.SERVE, "serve.port", click.IntRange(0, 65535),
           help="The port to listen at; 0 for any that is free."),
    Option("tls", Command.SERVE, "serve.tls",
           help="Speak wss instead of ws, with a certificate made on the spot unless one is given."),
    Option("certificate", Command.SERVE, "serve.certificate", click.Path(dir_okay=False),
           help="A PEM file with the certificate chain."),
    Option("key", Command.SERVE, "serve.key", click.Path(dir_okay=False),
           help="A PEM file with the certificate's private key."),
    Option("max-members", Command.SERVE, "serve.max_members", click.IntRange(1, 100_000),
           help="Connections that one room may have."),
    # the rest
    Option("seconds", Command.DEMO, "", click.IntRange(3, 3600), default="10", help="How long to record."),
    Option("path", Command.VERIFY | Command.REPAIR, "", click.Path(exists=True, path_type=Path), several=True,
           positional=Command.VERIFY | Command.REPAIR, help="A recording, or a folder with recordings."),
    Option("json", Command.VERIFY, help="Print JSON instead of a table."),
    Option("debug", _ALL, "debug", help="Log everything, SDP included."),
    Option("config", _ALL, "", click.Path(dir_okay=False),
           help="A TOML file with options; their names are these, without dashes in front."),
)
# fmt: on
BY_NAME: Final = {option.name: option for option in TABLE}
