"""One track's way from the source's tee to one viewer's connection."""

from collections.abc import Callable
from typing import Any, Final

from roomtape.child.gst import Gst, GstWebRTC, chain, exists, request_keyframe, start
from roomtape.ipc.messages import PublishConfig
from roomtape.model import Codec, TrackKind

PAYLOADERS: Final = {
    Codec.VP8: "rtpvp8pay pt=96 picture-id-mode=15-bit",
    Codec.VP9: "rtpvp9pay pt=96 picture-id-mode=15-bit",
    Codec.H264: "rtph264pay pt=96 aggregate-mode=zero-latency config-interval=-1",
    Codec.H265: "rtph265pay pt=96 aggregate-mode=zero-latency",
    Codec.AV1: "rtpav1pay pt=96",
}
AUDIO_CAPS: Final = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000"
AUDIO_PAYLOADER: Final = "rtpopuspay pt=111 perfect-rtptime=false"


def payloader(kind: TrackKind, config: PublishConfig) -> Any:
    """What makes RTP of a track: a gst-launch text, or an element of our own where GStreamer has none for AV1."""
    if kind is TrackKind.AUDIO:
        return AUDIO_PAYLOADER
    if config.codec is Codec.AV1 and not exists("rtpav1pay"):
        from roomtape.child.av1_elements import make_av1_payloader  # no other codec pays for it

        return make_av1_payloader(96)
    return PAYLOADERS[config.codec]


def rtp_caps(kind: TrackKind, config: PublishConfig) -> str:
    """The caps between payloader and webrtcbin."""
    if kind is TrackKind.AUDIO:
        return AUDIO_CAPS
    return f"application/x-rtp,media=video,encoding-name={config.codec},payload=96,clock-rate=90000"


class Branch:
    """Queue, valve, payloader. Built into `pipeline` and linked to a new pad of `webrtc`; nothing flows until `open`.

    The valve keeps media from piling up, and then leaving in a burst, before there is a connection.
    """

    def __init__(self, pipeline: Any, webrtc: Any, tee: Any, kind: TrackKind, config: PublishConfig) -> None:
        self._pipeline, self._tee, self._kind = pipeline, tee, kind
        self.begun = False
        """Whether the viewer has been sent something that can be decoded."""
        caps = rtp_caps(kind, config)
        queue = "queue leaky=downstream max-size-buffers=200 max-size-bytes=0 max-size-time=0"
        valve = "valve drop-mode=forward-sticky-events drop=true"
        self._elements = chain(pipeline, (queue, valve, payloader(kind, config), f'capsfilter caps="{caps}"'))
        self._valve, self._payloader = self._elements[1:3]
        self.pad = webrtc.request_pad_simple("sink_%u")
        self._elements[-1].get_static_pad("src").link(self.pad)
        transceiver = self.pad.get_property("transceiver")
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("codec-preferences", Gst.Caps.from_string(caps))
        # For sound GStreamer would offer retransmission in an SSRC group, and Chromium refuses such an offer.
        transceiver.set_property("do-nack", kind is TrackKind.VIDEO)
        start(self._elements)
        self._tee_pad = tee.request_pad_simple("src_%u")
        self._tee_pad.link(self._elements[0].get_static_pad("sink"))

    @property
    def ssrc(self) -> int:
        """The synchronisation source (RFC 3550 section 3)."""
        return int(self._caps["ssrc"]) if self._caps is not None else 0

    @property
    def _caps(self) -> Any:
        caps = self.pad.get_current_caps()
        return caps.get_structure(0) if caps is not None else None

    @property
    def ready(self) -> bool:
        """Whether an offer can name the SSRC, which is known once the payloader has run (RFC 5576)."""
        return self._caps is not None

    @property
    def is_open(self) -> bool:
        return not self._valve.get_property("drop")

    def open(self, opened: bool) -> None:
        """Let media through, beginning with a key frame, or hold it back."""
        if opened != self.is_open:
            if opened:
                self.begun = False
                now_ns = self._pipeline.get_clock().get_time() - self._pipeline.get_base_time()
                begins = _begins_picture if self._kind is TrackKind.VIDEO else _begins_sound(now_ns)
                self._valve.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._until, begins)
            self._valve.set_property("drop", not opened)
            if opened:
                self.request_keyframe()

    def _until(self, _: Any, info: Any, begins: Callable[[Any], bool]) -> Any:
        """On GStreamer's thread. What comes before is of no use to the viewer."""
        if not begins(info.get_buffer()):
            return Gst.PadProbeReturn.DROP
        self.begun = True
        return Gst.PadProbeReturn.REMOVE

    def request_keyframe(self) -> None:
        """Ask the encoder; it sees to it that there are not too many."""
        request_keyframe(self._payloader.get_static_pad("src"))

    def unlink(self) -> None:
        """Leave the tee, at a moment when nothing passes."""
        self._tee_pad.add_probe(Gst.PadProbeType.IDLE, _unlinker(self._tee, self._elements[0]))

    def close(self) -> None:
        """Leave the pipeline, after `unlink`."""
        for element in self._elements:
            element.set_locked_state(True)
            element.set_state(Gst.State.NULL)
            self._pipeline.remove(element)


def _begins_picture(buffer: Any) -> bool:
    """What comes before a key frame could not be decoded."""
    return not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)


def _begins_sound(now_ns: int) -> Callable[[Any], bool]:
    """When nobody has listened for a while, opusenc first lets go what it still held of the sound before."""
    return lambda buffer: bool(buffer.pts >= now_ns)


def _unlinker(tee: Any, queue: Any) -> Callable[[Any, Any], Any]:
    """A probe that takes a branch off the tee."""

    def idle(tee_pad: Any, _: Any) -> Any:
        tee_pad.unlink(queue.get_static_pad("sink"))
        tee.release_request_pad(tee_pad)
        return Gst.PadProbeReturn.REMOVE

    return idle
