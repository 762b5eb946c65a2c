"""A publisher's encoders: raw picture and sound -> encoder -> tee. One encoder serves all viewers."""

from typing import Any, Final

from roomtape.child.encoders import NAME, choose
from roomtape.child.gst import Gst, chain, exists
from roomtape.child.keyframes import KeyframeRequests
from roomtape.child.pattern import SAMPLE_RATE
from roomtape.ipc.messages import PublishConfig
from roomtape.model import TrackKind

AUDIO_BITRATE: Final = 64_000
AUDIO_CAPS: Final = f"audio/x-raw,format=S16LE,layout=interleaved,rate={SAMPLE_RATE},channels=2"


def video_caps(config: PublishConfig) -> str:
    """Of the pictures that go to the encoder."""
    return f"{picture_caps(config)},framerate={config.framerate}/1"


def picture_caps(config: PublishConfig) -> str:
    """The same, at any rate."""
    return f"video/x-raw,format=I420,width={config.width},height={config.height}"


class Source:
    """Builds the encoders into `pipeline`; `tees` holds one tee per kind, `push` takes raw media.

    Raises:
        MissingElement: the encoder is not installed.
    """

    def __init__(self, pipeline: Any, config: PublishConfig) -> None:
        self.tees: dict[TrackKind, Any] = {}
        self._feeds: dict[TrackKind, Any] = {}
        self._kbps = config.bitrate_kbps
        if config.video:
            self._encoder = choose(config, exists)
            stages = ["videoscale", "capsfilter name=size", *self._encoder.texts(config)]
            self._build(pipeline, TrackKind.VIDEO, video_caps(config), stages)
            self._size, self._element = (pipeline.get_by_name(name) for name in ("size", NAME))
            KeyframeRequests(self.tees[TrackKind.VIDEO].get_static_pad("sink"))
        if config.audio:
            stages = [f"opusenc bitrate={AUDIO_BITRATE} frame-size=20"]
            self._build(pipeline, TrackKind.AUDIO, AUDIO_CAPS, stages)

    def set_resolution(self, width: int, height: int) -> None:
        """Scale the picture before the encoder."""
        self._size.set_property("caps", Gst.Caps.from_string(f"video/x-raw,width={width},height={height}"))

    def set_bitrate(self, kbps: int) -> bool:
        """The encoder's bitrate from now on; False if it is so already, or cannot be changed."""
        if kbps == self._kbps or self._encoder.bitrate is None:
            return False
        self._kbps = kbps
        self._element.set_property(self._encoder.bitrate, self._encoder.units(kbps))
        return True

    def push(self, kind: TrackKind, buffer: Any) -> None:
        """Raw media with a time stamp in the pipeline's running time; any thread may call it."""
        self._feeds[kind].emit("push-buffer", buffer)

    def _build(self, pipeline: Any, kind: TrackKind, caps: str, encoding: list[str]) -> None:
        source = f'appsrc is-live=true format=time block=false max-bytes=0 caps="{caps}"'
        queue = "queue leaky=downstream max-size-buffers=60 max-size-bytes=0 max-size-time=0"
        elements = chain(pipeline, [source, queue, *encoding, "tee allow-not-linked=true"])
        self._feeds[kind], self.tees[kind] = elements[0], elements[-1]
