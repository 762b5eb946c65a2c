"""Received media to the screen and the speakers, decoded by whatever decodebin ranks first, hardware included."""

from collections.abc import Sequence
from typing import Any, Final

from roomtape.child.codecs import RECIPES
from roomtape.child.gst import GLib, Gst, chain, guarded, post, start
from roomtape.child.receiving import Received
from roomtape.child.sdp import Media
from roomtape.child.tape import TapeListener
from roomtape.child.track import Track
from roomtape.errors import MediaError, MissingElement, NoOutput, ReaderGone, RecorderError
from roomtape.ipc.messages import TrackStarted, ViewConfig
from roomtape.model import Codec, TrackKind

BROKEN_SINKS: Final = ("dfbvideosink",)
"""The automatic choice tries these, too; without a display this one ends the process by SIGSEGV (GStreamer 1.22)."""
CONVERTERS: Final = {
    TrackKind.VIDEO: "queue max-size-buffers=3 max-size-bytes=0 max-size-time=0 ! videoconvert",
    TrackKind.AUDIO: "queue ! audioconvert ! audioresample",
}


class Screen:
    """A Destination: decodes each track into its sink, which is made and tried out before anything is received.

    Raises:
        NoOutput: there is no display, or a sink that was named cannot be made.
    """

    live: Final = True
    settled: Final = False
    written_bytes: Final = None

    def __init__(self, pipeline: Any, config: ViewConfig, listener: TapeListener) -> None:
        self._pipeline, self._listener = pipeline, listener
        self._finished = False
        self._tracks: dict[TrackKind, Track] = {}
        self._sinks: dict[TrackKind, Any] = {}
        self._shown: set[TrackKind] = set()
        _leave_out_broken_sinks()
        if config.video:
            self._sinks[TrackKind.VIDEO] = _sink(TrackKind.VIDEO, config.video_sink)
            if _is_fake(self._sinks[TrackKind.VIDEO], config.video_sink):
                raise NoOutput(
                    "there is no display to show the picture on (or gstreamer1.0-x or gstreamer1.0-gl is missing): "
                    "name another place with --video-sink, --fdsink or --output, or leave it out with --novideo"
                )
        if config.audio:
            self._sinks[TrackKind.AUDIO] = _sink(TrackKind.AUDIO, config.audio_sink)
            if _is_fake(self._sinks[TrackKind.AUDIO], config.audio_sink):
                listener.on_note("warning", "there is no sound device: the sound is not heard")

    @property
    def tracks(self) -> Sequence[Track]:
        return list(self._tracks.values())

    def offered(self, media: tuple[Media, ...], screen: Sequence[int]) -> None:
        """Nothing waits for anything here."""

    def add(self, pad: Any, codec: Codec, ssrc: int, index: int) -> Track | None:
        """Take a track in; None if there is one of its kind already."""
        if RECIPES[codec].kind in self._tracks or self._finished:
            return None
        track = Track(self._pipeline, pad, codec, ssrc)
        (decoder,) = chain(self._pipeline, ["decodebin"])
        decoder.connect("pad-added", guarded(self._decoded, lambda error: post(self._fail, error)), track)
        track.src.link(decoder.get_static_pad("sink"))
        self._tracks[track.kind] = track
        start([decoder])
        track.start()
        return track

    def _decoded(self, _: Any, pad: Any, track: Track) -> None:
        """On GStreamer's thread: the decoder is found."""
        sink = self._sinks[track.kind]
        if sink.get_parent() is not None:
            return
        self._pipeline.add(sink)
        entry = sink.get_static_pad("sink")
        entry.add_probe(Gst.PadProbeType.BUFFER, self._first_frame, track)
        sink.sync_state_with_parent()
        if pad.link(entry) != Gst.PadLinkReturn.OK:
            raise NoOutput(f"the {track.kind} sink does not take what comes out of the decoder")

    def _first_frame(self, _pad: Any, _info: Any, track: Track) -> Any:
        post(self._tell_started, track)
        return Gst.PadProbeReturn.REMOVE

    def _tell_started(self, track: Track) -> None:
        self._shown.add(track.kind)
        width, height = track.size
        self._listener.on_track_started(TrackStarted(track=track.kind, codec=track.codec, width=width, height=height))

    def tick(self, received: Received) -> None:
        """A picture that has not come yet needs a key frame."""
        for kind, track in self._tracks.items():
            if kind not in self._shown:
                track.ask_keyframe()

    def bus_error(self, message: Any) -> bool:
        """An error of a decoder or a sink."""
        error, _ = message.parse_error()
        source = message.src
        if any(source == sink or source.has_as_ancestor(sink) for sink in self._sinks.values()):
            self._fail(self._of_sink(error))
        elif _is_missing_decoder(error):
            self._fail(MissingElement(f"GStreamer cannot decode this: {error.message} Install gstreamer1.0-libav."))
        else:
            return False
        return True

    def _of_sink(self, error: Any) -> RecorderError:
        if not self._shown:
            return NoOutput(f"cannot show or play it: {error.message}")
        if error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_FOUND):
            return ReaderGone("the window was closed")
        return MediaError(f"cannot show or play it: {error.message}")

    def _fail(self, error: RecorderError) -> None:
        self._listener.on_tape_failed(error)

    def screen_stopped(self, stopped: bool) -> None:
        """A shared screen is not asked for."""

    def finish(self) -> None:
        """What is not shown yet is not shown any more."""
        if not self._finished:
            self._finished = True
            for sink in self._sinks.values():
                if sink.get_parent() is None:
                    sink.set_state(Gst.State.NULL)
            self._listener.on_tape_finished(())

    def abandon(self) -> None:
        self.finish()


def _leave_out_broken_sinks() -> None:
    for name in BROKEN_SINKS:
        feature = Gst.Registry.get().find_feature(name, Gst.ElementFactory)
        if feature is not None:
            feature.set_rank(Gst.Rank.NONE)


def _sink(kind: TrackKind, description: str) -> Any:
    """A bin that ends in the sink, ready to open its device."""
    try:
        sink = Gst.parse_bin_from_description(f"{CONVERTERS[kind]} ! {description}", True)
    except GLib.Error as error:
        raise NoOutput(f"--{kind}-sink {description}: {error.message}") from error
    bus = Gst.Bus()
    sink.set_bus(bus)
    done = sink.set_state(Gst.State.READY)
    message = bus.pop_filtered(Gst.MessageType.ERROR)
    sink.set_bus(None)
    if done == Gst.StateChangeReturn.FAILURE:
        sink.set_state(Gst.State.NULL)
        reason = message.parse_error()[0].message if message is not None else "it does not start"
        raise NoOutput(f"--{kind}-sink {description}: {reason}")
    return sink


def _is_fake(sink: Any, description: str) -> bool:
    """Whether the automatic choice found nothing: it then takes a fakesink."""
    if not description.startswith("auto"):
        return False
    elements: list[Any] = []
    sink.iterate_recurse().foreach(elements.append)
    return any((factory := element.get_factory()) and factory.get_name() == "fakesink" for element in elements)


def _is_missing_decoder(error: Any) -> bool:
    return bool(
        error.matches(Gst.CoreError.quark(), Gst.CoreError.MISSING_PLUGIN)
        or error.matches(Gst.StreamError.quark(), Gst.StreamError.CODEC_NOT_FOUND)
    )
