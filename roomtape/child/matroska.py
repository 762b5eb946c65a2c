"""Matroska as a live stream (RFC 9559, EBML: RFC 8794): a header, then clusters without end. Pure.

Written frame by frame and without looking back, so that a second process can go on where a former one stopped, which
no muxer of GStreamer's does.
"""

import struct
from collections.abc import Iterable
from typing import Final

import msgspec

from roomtape.model import Codec

CODEC_IDS: Final = {
    Codec.VP8: "V_VP8",
    Codec.VP9: "V_VP9",
    Codec.AV1: "V_AV1",
    Codec.H264: "V_MPEG4/ISO/AVC",
    Codec.H265: "V_MPEGH/ISO/HEVC",
    Codec.OPUS: "A_OPUS",
}
"""Matroska's names (Matroska codec specifications, section 5). What is not here cannot be written."""
CLUSTER_MS: Final = 2_000
"""The longest cluster: so much is lost at most where bytes are missing."""
NS_PER_MS: Final = 1_000_000
OPUS_RATE: Final = 48_000
OPUS_PRE_ROLL_NS: Final = 80_000_000
"""What a decoder of Opus needs before its output is right (RFC 7845 section 4.6)."""
_UNKNOWN: Final = b"\x01" + b"\xff" * 7
_VIDEO, _AUDIO = 1, 2


class StreamTrack(msgspec.Struct, frozen=True):
    """A track as the header describes it; sizes in pixels, 0 for sound. `private` is what decoders want beforehand."""

    codec: Codec
    width: int = 0
    height: int = 0
    channels: int = 2
    private: bytes = b""


def number_of(codec: Codec) -> int:
    """The number of a codec's track: always the same, so that all processes that write to a stream agree."""
    return list(CODEC_IDS).index(codec) + 1


def header(tracks: Iterable[StreamTrack]) -> bytes:
    """All that comes before the first cluster: EBML header, segment of unknown length, information, tracks."""
    ebml = _element(
        "1A45DFA3",
        _number("4286", 1),
        _number("42F7", 1),
        _number("42F2", 4),
        _number("42F3", 8),
        _element("4282", b"matroska"),
        _number("4287", 4),
        _number("4285", 2),
    )
    info = _element(
        "1549A966", _number("2AD7B1", NS_PER_MS), _element("4D80", b"roomtape"), _element("5741", b"roomtape")
    )
    entries = _element("1654AE6B", *map(_entry, tracks))
    return ebml + bytes.fromhex("18538067") + _UNKNOWN + info + entries


def _entry(track: StreamTrack) -> bytes:
    number = number_of(track.codec)
    parts = [
        _number("D7", number),
        _number("73C5", number),
        _number("9C", 0),
        _element("22B59C", b"und"),
        _element("86", CODEC_IDS[track.codec].encode()),
    ]
    private = track.private
    if track.codec is Codec.OPUS:
        private = private or _opus_head(track.channels)
        sampling = _element("B5", struct.pack(">d", OPUS_RATE))
        sound = _element("E1", sampling, _number("9F", track.channels))
        parts += [_number("83", _AUDIO), _number("56BB", OPUS_PRE_ROLL_NS), sound]
    else:
        picture = _element("E0", _number("B0", track.width), _number("BA", track.height))
        parts += [_number("83", _VIDEO), picture]
    if private:
        parts.append(_element("63A2", private))
    return _element("AE", *parts)


def _opus_head(channels: int) -> bytes:
    """RFC 7845 section 5.1, channel mapping family 0."""
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, OPUS_RATE, 0, 0)


class Clusters:
    """Turns frames into blocks, and begins a cluster where one is due."""

    def __init__(self) -> None:
        self._begun_ms: int | None = None

    def block(self, codec: Codec, at_ms: int, data: bytes, *, key: bool) -> bytes:
        """A SimpleBlock with `data`, `at_ms` after the stream's zero, after the head of a new cluster if need be.

        A picture's key frame begins a cluster; so does the first frame, and one that is far from the cluster's time.
        """
        due = self._begun_ms is None or not 0 <= at_ms - self._begun_ms < CLUSTER_MS
        head = b""
        if due or (key and codec is not Codec.OPUS):
            self._begun_ms = at_ms
            head = bytes.fromhex("1F43B675") + _UNKNOWN + _number("E7", at_ms)
        assert self._begun_ms is not None
        flags = 0x80 if key else 0
        block = struct.pack(">BhB", 0x80 | number_of(codec), at_ms - self._begun_ms, flags)
        return head + _element("A3", block, data)


def _element(id_: str, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return bytes.fromhex(id_) + _size(len(payload)) + payload


def _number(id_: str, value: int) -> bytes:
    return _element(id_, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _size(size: int) -> bytes:
    """A variable-size integer (RFC 8794 section 4); all ones in its value would mean an unknown size."""
    length = next(n for n in range(1, 9) if size < (1 << 7 * n) - 1)
    return (size | 1 << 7 * length).to_bytes(length, "big")
