"""Which codecs can be recorded, and with which GStreamer elements: one table, no GStreamer needed to read it.

A recorded file never holds anything transcoded: RTP is depacketised, parsed and put into a container.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from roomtape.model import Codec, Container, TrackKind


class Recipe(msgspec.Struct, frozen=True):
    """How one codec goes from RTP to a file. Elements are gst-launch texts; `caps` are asked of the parser, and
    `complement` adds what a muxer wants to hear and no parser says."""

    kind: TrackKind
    depayloader: str
    parser: str | None = None
    caps: str | None = None
    complement: str | None = None
    loses_time: bool = False
    """The parser of 1.22 takes the time stamp off a picture that has the same as the one before, and what follows it
    in a Matroska file is worthless."""
    drops_later_caps: bool = False
    """matroskamux refuses new codec data in mid stream; with avc3/hev1, and AV1, it travels in the stream itself."""


_H26X = "alignment=(string)au"
RECIPES: Final[dict[Codec, Recipe]] = {
    Codec.VP8: Recipe(TrackKind.VIDEO, "rtpvp8depay wait-for-keyframe=true request-keyframe=true"),
    Codec.VP9: Recipe(TrackKind.VIDEO, "rtpvp9depay wait-for-keyframe=true request-keyframe=true", "vp9parse"),
    # Where there is no such depayloader, `av1_elements` has one that needs no parser.
    Codec.AV1: Recipe(
        TrackKind.VIDEO,
        "rtpav1depay",
        "av1parse",
        "video/x-av1,stream-format=(string)obu-stream,alignment=(string)tu",
        'capssetter caps="video/x-av1,framerate=(fraction)0/1"',
        drops_later_caps=True,
    ),
    Codec.H264: Recipe(
        TrackKind.VIDEO,
        "rtph264depay wait-for-keyframe=true request-keyframe=true",
        "h264parse config-interval=-1",
        f"video/x-h264,stream-format=(string)avc3,{_H26X}",
        drops_later_caps=True,
    ),
    Codec.H265: Recipe(
        TrackKind.VIDEO,
        "rtph265depay",
        "h265parse config-interval=-1",
        f"video/x-h265,stream-format=(string)hev1,{_H26X}",
        drops_later_caps=True,
        loses_time=True,
    ),
    Codec.OPUS: Recipe(TrackKind.AUDIO, "rtpopusdepay", "opusparse"),
}


class Muxer(msgspec.Struct, frozen=True):
    element: str
    extension: str
    may_rejoin: bool = True
    """Whether a track that has ended can go on."""
    retimed: bool = True
    """Whether time stamps can be corrected in the file; if not, it has to wait for the guest's sender reports."""


_MATROSKA: Final = Muxer("matroskamux offset-to-zero=true min-index-interval=1000000000", "mkv")
_WEBM: Final = Muxer("webmmux offset-to-zero=true min-index-interval=1000000000", "webm")
_MP4: Final = Muxer(
    "mp4mux fragment-duration=1000 fragment-mode=first-moov-then-finalise", "mp4", may_rejoin=False, retimed=False
)
_IN_WEBM: Final = frozenset({Codec.VP8, Codec.VP9, Codec.AV1, Codec.OPUS})
_IN_MP4: Final = frozenset({Codec.H264, Codec.H265, Codec.OPUS})
"""Not VP9, although mp4mux takes it: GStreamer 1.22 crashes on what comes from vp9parse. And not AV1: 1.22
writes the av1C box of an old draft."""


def choose_muxer(wanted: Container, codecs: frozenset[Codec]) -> tuple[Muxer, str | None]:
    """The muxer for a file with these codecs, and a sentence if it is not the container that was asked for.

    A guest is recorded in any case: what does not fit the wanted container goes to Matroska.
    """
    match wanted:
        case Container.MKV:
            return _MATROSKA, None
        case Container.MP4:
            fits, muxer = codecs <= _IN_MP4, _MP4
        case Container.WEBM:
            fits, muxer = codecs <= _IN_WEBM, _WEBM
        case Container.AUTO:
            return (_WEBM if codecs <= _IN_WEBM else _MATROSKA), None
    if fits:
        return muxer, None
    names = ", ".join(sorted(codecs))
    return _MATROSKA, f"{names} cannot go into {wanted}: recorded as Matroska instead"


def codec_of(encoding_name: str) -> Codec | None:
    """The codec of an rtpmap or caps encoding name, in any case; None if it cannot be recorded."""
    name = encoding_name.upper()
    codec = Codec(name) if name in Codec.__members__ else None
    return codec if codec in RECIPES else None


_BEST_PROFILE: Final[dict[Codec, tuple[str, str, str]]] = {
    Codec.H264: ("packetization-mode", "1", "0"),
    Codec.H265: ("profile-id", "1", "1"),
    Codec.VP9: ("profile-id", "0", "0"),
    Codec.AV1: ("profile", "0", "0"),
}
"""The format parameter that tells payload types of one codec apart, its best value, and its default."""


def profile_rank(codec: Codec, parameters: Mapping[str, str]) -> int | None:
    """How welcome a payload type is among those of its codec: 0 is best, None cannot be recorded.

    Every player knows the main profile with eight bits; whole frames in fragments (RFC 6184, mode 1) make better use of
    packets than one slice in each, and the interleaved mode 2 has no depayloader.
    """
    if codec not in _BEST_PROFILE:
        return 0
    name, best, default = _BEST_PROFILE[codec]
    value = parameters.get(name, default)
    if codec is Codec.H264 and value not in ("0", "1"):
        return None
    return int(value != best)


_H265_RANDOM_ACCESS: Final = range(16, 24)
"""nal_unit_type of intra random access pictures (ITU-T H.265 table 7-1)."""


def begins_h265(frame: bytes) -> bool:
    """Whether decoding can begin with a frame whose NAL units have lengths of four bytes (hev1).

    GStreamer also takes a frame for a key frame that merely has parameter sets before it.
    """
    at = 0
    while at + 5 <= len(frame):
        if frame[at + 4] >> 1 & 0x3F in _H265_RANDOM_ACCESS:
            return True
        at += 4 + int.from_bytes(frame[at : at + 4], "big")
    return False
