"""A publisher's picture and sound: test pattern -> encoder -> tee. One encoder serves all viewers."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from roomtape.child.gst import Gst, chain, exists
from roomtape.child.pattern import CHUNKS_PER_SECOND, SAMPLE_RATE, Picture, Sound
from roomtape.errors import ConfigError
from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec, TrackKind

KEYFRAME_S: Final = 10
"""Seconds between key frames that nobody asked for."""
AUDIO_BITRATE: Final = 64_000
ONE_THREAD_PIXELS: Final = 640 * 360
"""Up to this size libvpx's threads spend more time waiting for each other than encoding."""

Branch = tuple[Any, str]
"""What follows the tee for one viewer: payloader, as a text or an element, and the caps that webrtcbin offers."""


def encoder(config: PublishConfig) -> list[str]:
    """The video encoder as gst-launch texts, set for calls: no look-ahead, constant bitrate."""
    bps, distance = config.bitrate_kbps * 1000, KEYFRAME_S * config.framerate
    vpx = (
        f"deadline=1 end-usage=cbr target-bitrate={bps} keyframe-max-dist={distance} lag-in-frames=0 "
        "buffer-initial-size=300 buffer-optimal-size=500 buffer-size=800 min-quantizer=4 max-quantizer=56 "
        f"threads={2 if config.width * config.height > ONE_THREAD_PIXELS else 1}"
    )
    match config.codec:
        case Codec.VP8:
            return [f"vp8enc {vpx} cpu-used=12 error-resilient=default"]
        case Codec.VP9:
            return [f"vp9enc {vpx} cpu-used=9 row-mt=true tile-columns=1"]
        case Codec.H264:
            # Constrained baseline, which every browser takes (protocol.md 15.6).
            return [
                f"x264enc tune=zerolatency speed-preset=ultrafast bitrate={config.bitrate_kbps} "
                f"key-int-max={distance} bframes=0 cabac=false dct8x8=false",
                'capsfilter caps="video/x-h264,profile=(string)constrained-baseline"',
                "h264parse config-interval=-1",
            ]
        case Codec.H265:
            return [
                f"x265enc tune=zerolatency speed-preset=ultrafast bitrate={config.bitrate_kbps} key-int-max={distance}",
                "h265parse config-interval=-1",
            ]
        case Codec.AV1:
            # GStreamer 1.22's av1enc does not hear requests for key frames: a newcomer waits up to a second for one.
            return [
                f"av1enc usage-profile=realtime cpu-used=10 end-usage=cbr target-bitrate={config.bitrate_kbps} "
                f"lag-in-frames=0 keyframe-max-dist={config.framerate} min-quantizer=10 max-quantizer=56 threads=1 "
                "buf-initial-sz=300 buf-optimal-sz=500 buf-sz=800"
            ]
        case _:
            raise ConfigError(f"{config.codec} cannot be published")


def branch(kind: TrackKind, config: PublishConfig) -> Branch:
    """Payloader and RTP caps for one viewer."""
    if kind is TrackKind.AUDIO:
        return (
            "rtpopuspay pt=111 perfect-rtptime=false",
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000",
        )
    pay: Any = {
        Codec.AV1: "rtpav1pay pt=96",
        Codec.H265: "rtph265pay pt=96 aggregate-mode=zero-latency config-interval=-1",
        Codec.VP8: "rtpvp8pay pt=96 picture-id-mode=15-bit",
        Codec.VP9: "rtpvp9pay pt=96 picture-id-mode=15-bit",
        Codec.H264: "rtph264pay pt=96 aggregate-mode=zero-latency config-interval=-1",
    }[config.codec]
    if config.codec is Codec.AV1 and not exists("rtpav1pay"):
        from roomtape.child.av1_elements import make_av1_payloader  # no other codec pays for it

        pay = make_av1_payloader(96)
    return pay, f"application/x-rtp,media=video,encoding-name={config.codec},payload=96,clock-rate=90000"


class Source:
    """Builds the encoders into `pipeline`; `tees` holds one tee per kind."""

    def __init__(self, pipeline: Any, config: PublishConfig) -> None:
        self._config = config
        self.tees: dict[TrackKind, Any] = {}
        self._feeds: dict[TrackKind, Any] = {}
        if config.video:
            size = f"width={config.width},height={config.height},framerate={config.framerate}/1"
            caps = f"video/x-raw,format=I420,{size}"
            self._build(pipeline, TrackKind.VIDEO, caps, ["videoscale", "capsfilter name=size", *encoder(config)])
            self._size = pipeline.get_by_name("size")
        if config.audio:
            caps = f"audio/x-raw,format=S16LE,layout=interleaved,rate={SAMPLE_RATE},channels=2"
            self._build(pipeline, TrackKind.AUDIO, caps, [f"opusenc bitrate={AUDIO_BITRATE} frame-size=20"])

    def set_resolution(self, width: int, height: int) -> None:
        """Scale the picture before the encoder."""
        self._size.set_property("caps", Gst.Caps.from_string(f"video/x-raw,width={width},height={height}"))

    def _build(self, pipeline: Any, kind: TrackKind, caps: str, encoding: list[str]) -> None:
        source = f'appsrc is-live=true format=time block=false max-bytes=0 caps="{caps}"'
        queue = "queue leaky=downstream max-size-buffers=60 max-size-bytes=0 max-size-time=0"
        elements = chain(pipeline, [source, queue, *encoding, "tee allow-not-linked=true"])
        self._feeds[kind], self.tees[kind] = elements[0], elements[-1]

    def pattern(self, running_time_ns: Callable[[], int], wanted: Callable[[], bool]) -> "PatternThread":
        """The thread that draws the test pattern while `wanted`."""
        return PatternThread(self._config, self._feeds, running_time_ns, wanted)


class PatternThread:
    """Draws frames and sound in time with the pipeline's clock, so that both share one."""

    def __init__(
        self,
        config: PublishConfig,
        feeds: dict[TrackKind, Any],
        running_time_ns: Callable[[], int],
        wanted: Callable[[], bool],
    ) -> None:
        self._rates = {TrackKind.VIDEO: config.framerate, TrackKind.AUDIO: CHUNKS_PER_SECOND}
        self.muted: set[TrackKind] = set()
        self._draw: dict[TrackKind, Callable[[int], bytes]] = {}
        if config.video:
            picture = Picture(config.width, config.height, config.framerate, config.guest_number)
            self._draw[TrackKind.VIDEO] = picture.frame
        if config.audio:
            self._draw[TrackKind.AUDIO] = Sound(config.guest_number).chunk
        self._feeds, self._now, self._wanted = feeds, running_time_ns, wanted
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pattern", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        position = dict.fromkeys(self._draw, 0)
        while not self._ended.is_set():
            kind = min(position, key=lambda k: position[k] / self._rates[k])
            n = position[kind]
            position[kind] += 1
            due = n * Gst.SECOND // self._rates[kind]
            ahead = due - self._now()
            if ahead > 0:
                time.sleep(ahead / 1e9)
            if self._wanted() and kind not in self.muted:
                self._push(kind, n, due)

    def _push(self, kind: TrackKind, n: int, due: int) -> None:
        buffer = Gst.Buffer.new_wrapped(self._draw[kind](n))
        buffer.pts = due
        buffer.duration = Gst.SECOND // self._rates[kind]
        self._feeds[kind].emit("push-buffer", buffer)
