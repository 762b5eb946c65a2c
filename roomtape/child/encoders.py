"""Which encoder makes which codec, and how it is set for a live stream: one table, no GStreamer needed to read it.

All are set alike: no look-ahead and no B frames, constant bitrate, key frames on request and every KEYFRAME_S seconds.
Which of the hardware ones works on a computer is for `child.probe` to find out; they are not told by their presence.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec

KEYFRAME_S: Final = 10
"""Seconds between key frames that nobody asked for."""
ONE_THREAD_PIXELS: Final = 640 * 360
"""Up to this size libvpx's and libaom's threads spend more time waiting for each other than encoding."""


class Encoder(msgspec.Struct, frozen=True):
    """One element. `settings` is a gst-launch text with places for `kbps`, `bps`, `distance` (frames from key frame to
    key frame), `half` (frames in half a second) and `threads`; `after` are gst-launch texts of what follows it.

    `bitrate` is the property that takes a new bitrate while playing, in units of `bits_per_unit`; None if there is no
    such property.
    """

    codec: Codec
    element: str
    settings: str
    bitrate: str | None = "bitrate"
    bits_per_unit: int = 1000
    after: tuple[str, ...] = ()
    hardware: bool = False

    def texts(self, config: PublishConfig) -> list[str]:
        """The gst-launch texts of the encoder and what belongs to it; the first element that takes pictures is first.

        Hardware encoders take other pixel formats than I420, so a `videoconvert` stands before them.
        """
        small = config.width * config.height <= ONE_THREAD_PIXELS
        settings = self.settings.format(
            kbps=config.bitrate_kbps,
            bps=config.bitrate_kbps * 1000,
            distance=KEYFRAME_S * config.framerate,
            half=max(1, config.framerate // 2),
            threads=1 if small else 2,
        )
        before = ["videoconvert"] if self.hardware else []
        return [*before, f"{self.element} name={NAME} {settings}", *self.after]

    def units(self, kbps: int) -> int:
        """A bitrate as the property wants it."""
        return kbps * 1000 // self.bits_per_unit


NAME: Final = "encoder"
"""The name of the encoder among the elements of `Encoder.texts`."""

# Constrained baseline, which every browser takes (protocol.md 15.6).
_H264: Final = ('capsfilter caps="video/x-h264,profile=(string)constrained-baseline"', "h264parse config-interval=-1")
# Some drivers know constrained baseline only by its older name.
_H264_HARDWARE: Final = (
    'capsfilter caps="video/x-h264,profile=(string){ constrained-baseline, baseline }"',
    "h264parse config-interval=-1",
)
_H265: Final = ('capsfilter caps="video/x-h265,profile=(string)main"', "h265parse config-interval=-1")
_VPX: Final = (
    "deadline=1 end-usage=cbr target-bitrate={bps} keyframe-max-dist={distance} lag-in-frames=0"
    " buffer-initial-size=300 buffer-optimal-size=500 buffer-size=800 min-quantizer=4 max-quantizer=56"
    " threads={threads}"
)
_VA: Final = "rate-control=cbr bitrate={kbps} key-int-max={distance}"
_NV: Final = "rc-mode=cbr bitrate={kbps} gop-size={distance} zerolatency=true"
_QSV: Final = "rate-control=cbr bitrate={kbps} gop-size={distance} low-latency=true"
_VAAPI: Final = "rate-control=cbr bitrate={kbps} keyframe-period={distance}"
_V4L2: Final = "controls,video_bitrate_mode=1,video_bitrate={bps}"

SOFTWARE: Final = (
    Encoder(Codec.VP8, "vp8enc", f"{_VPX} cpu-used=12 error-resilient=default", "target-bitrate", 1),
    Encoder(Codec.VP9, "vp9enc", f"{_VPX} cpu-used=9 row-mt=true tile-columns=1", "target-bitrate", 1),
    Encoder(
        Codec.H264,
        "x264enc",
        "tune=zerolatency speed-preset=ultrafast bitrate={kbps} key-int-max={distance} bframes=0 cabac=false"
        " dct8x8=false",
        after=_H264,
    ),
    Encoder(
        Codec.H264,
        "openh264enc",
        "bitrate={bps} gop-size={distance} rate-control=bitrate complexity=low",
        bits_per_unit=1,
        after=_H264,
    ),
    Encoder(
        Codec.H265,
        "x265enc",
        "tune=zerolatency speed-preset=ultrafast bitrate={kbps} key-int-max={distance} log-level=error"
        " option-string=open-gop=0:repeat-headers=1",
        after=("h265parse",),
    ),
    Encoder(
        Codec.AV1,
        "av1enc",
        # GStreamer 1.22's av1enc does not hear requests for key frames: a newcomer waits for the next one, which is
        # to come before a recorder begins with the sound alone.
        "usage-profile=realtime end-usage=cbr target-bitrate={kbps} keyframe-max-dist={half} lag-in-frames=0"
        " cpu-used=10 buf-initial-sz=300 buf-optimal-sz=500 buf-sz=800 min-quantizer=10 max-quantizer=56"
        " threads={threads}",
        "target-bitrate",
        after=("av1parse",),
    ),
)
HARDWARE: Final = tuple(
    msgspec.structs.replace(encoder, hardware=True)
    for encoder in (
        Encoder(Codec.H264, "vah264enc", f"{_VA} b-frames=0", after=_H264_HARDWARE),
        Encoder(Codec.H264, "nvh264enc", f"{_NV} bframes=0", after=_H264_HARDWARE),
        Encoder(Codec.H264, "qsvh264enc", f"{_QSV} b-frames=0", after=_H264_HARDWARE),
        Encoder(
            Codec.H264,
            "v4l2h264enc",
            f'extra-controls="{_V4L2},h264_i_frame_period={{distance}},repeat_sequence_header=1;"',
            None,
            after=('capsfilter caps="video/x-h264,level=(string)4"', *_H264_HARDWARE),
        ),
        Encoder(Codec.H264, "vaapih264enc", f"{_VAAPI} max-bframes=0", after=_H264_HARDWARE),
        Encoder(Codec.H265, "vah265enc", f"{_VA} b-frames=0", after=_H265),
        Encoder(Codec.H265, "nvh265enc", _NV, after=_H265),
        Encoder(Codec.H265, "qsvh265enc", f"{_QSV} b-frames=0", after=_H265),
        Encoder(Codec.H265, "v4l2h265enc", f'extra-controls="{_V4L2};"', None, after=_H265),
        Encoder(Codec.H265, "vaapih265enc", f"{_VAAPI} max-bframes=0", after=_H265),
        Encoder(Codec.VP8, "v4l2vp8enc", f'extra-controls="{_V4L2};"', None),
        Encoder(Codec.VP8, "vaapivp8enc", _VAAPI),
        Encoder(Codec.VP9, "qsvvp9enc", _QSV),
        Encoder(Codec.VP9, "v4l2vp9enc", f'extra-controls="{_V4L2};"', None),
        Encoder(Codec.VP9, "vaapivp9enc", _VAAPI),
        Encoder(Codec.AV1, "vaav1enc", _VA, after=("av1parse",)),
        Encoder(Codec.AV1, "nvav1enc", _NV, after=("av1parse",)),
        Encoder(Codec.AV1, "qsvav1enc", _QSV, after=("av1parse",)),
    )
)


def choose(config: PublishConfig, exists: Callable[[str], bool]) -> Encoder:
    """The encoder that `config.encoder` names, or else the first one in software that exists.

    If none exists, the first one, so that whoever makes it says what is missing.
    """
    ours = [encoder for encoder in (*HARDWARE, *SOFTWARE) if encoder.codec is config.codec]
    for encoder in ours:
        if encoder.element == config.encoder:
            return encoder
    software = [encoder for encoder in ours if not encoder.hardware]
    return next((encoder for encoder in software if exists(encoder.element)), software[0])
