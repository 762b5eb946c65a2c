"""Files, cameras, microphones and pipelines of the user's, decoded in a pipeline of their own.

A pipeline of its own: its errors, its end and its seeking are none of the connections' business. What it decodes is
scaled, resampled and pushed to the encoders with time stamps on their clock.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from roomtape.child.feed import FeedOwner
from roomtape.child.gst import GLib, Gst, after_ms, guarded, make, post
from roomtape.child.pace import Pace, Rate
from roomtape.child.pattern import CHUNK_BYTES, CHUNKS_PER_SECOND
from roomtape.child.source import AUDIO_CAPS, picture_caps, video_caps
from roomtape.child.sources import launch_texts, option_of
from roomtape.errors import ConfigError, FileRefused, MediaError, RecorderError
from roomtape.ipc.messages import PublishConfig
from roomtape.model import TrackKind

FIRST_MEDIA_MS: Final = 10_000
"""A device or a file that gives nothing for so long gives nothing at all."""
STILL_MS: Final = 100
"""How often the first picture is repeated for those who wait until they are connected."""

_TAILS: Final = {
    TrackKind.VIDEO: "queue ! videoconvert ! videoscale",
    TrackKind.AUDIO: "queue ! audioconvert ! audioresample",
}
_PARSE_ERRORS: Final = {
    Gst.ParseError.NO_SUCH_ELEMENT: "",
    Gst.ParseError.NO_SUCH_PROPERTY: "",
    Gst.ParseError.LINK: "its end gives nothing that can be decoded, or two of its elements do not fit together",
    Gst.ParseError.COULD_NOT_SET_PROPERTY: "a property cannot have the value that is given",
}
"""In words of our own where GStreamer's might repeat an address with a password."""


class Media:
    """A Feed. A file waits for the first viewer who sees it; until then its first picture is shown, without a sound.

    It goes to the folder where relative paths begin, which is the user's and not this process's.

    Raises:
        ConfigError: the gst-launch text is wrong, the file or folder is not there, or an element is missing.
    """

    def __init__(self, config: PublishConfig, owner: FeedOwner) -> None:
        self._config, self._owner = config, owner
        _go_to(config.source.folder)
        self.muted: set[TrackKind] = set()
        self._wanted = {
            kind for kind, wanted in ((TrackKind.VIDEO, config.video), (TrackKind.AUDIO, config.audio)) if wanted
        }
        self._is_file = bool(config.source.file)
        self._pace = Pace(config.framerate)
        self._sinks: dict[TrackKind, Any] = {}
        self._first: dict[TrackKind, Any] = {}
        self._found = self._told = self._stopped = False
        self._cancel: Callable[[], None] = lambda: None
        self._pipeline = self._build()

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> Any:
        pipeline = Gst.Pipeline()
        pipeline.use_clock(Gst.SystemClock.obtain())
        self._sinks.clear()
        if self._is_file:
            self._add_file(pipeline)
        else:
            for kind, text in launch_texts(self._config.source).items():
                self._add_text(pipeline, kind, text)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", guarded(self._bus_error, self._fail))
        bus.connect("message::eos", guarded(self._ended, self._fail))
        return pipeline

    def _add_file(self, pipeline: Any) -> None:
        path = Path(self._config.source.file).absolute()
        if not path.is_file():
            raise ConfigError(f"there is no file {self._config.source.file}")
        decoder = make("uridecodebin")
        decoder.set_property("uri", path.as_uri())
        pipeline.add(decoder)
        decoder.connect("pad-added", guarded(self._on_pad, self._fail_later))
        decoder.connect("no-more-pads", lambda _: post(self._all_found))

    def _add_text(self, pipeline: Any, kind: TrackKind, text: str) -> None:
        option = option_of(self._config.source, kind)
        try:
            bin_ = Gst.parse_launch_full(
                f"{text.strip().rstrip('!')} ! decodebin name=roomtape-{kind}",
                None,
                Gst.ParseFlags.FATAL_ERRORS | Gst.ParseFlags.PLACE_IN_BIN,
            )
        except GLib.Error as error:
            raise ConfigError(f"{option}: {_words(error)}") from None
        pipeline.add(bin_)
        decoder = bin_.get_by_name(f"roomtape-{kind}")
        decoder.connect("pad-added", guarded(lambda _, pad: self._on_text_pad(bin_, kind, pad), self._fail_later))

    def _on_text_pad(self, bin_: Any, kind: TrackKind, pad: Any) -> None:
        if _kind_of(pad) is not kind:
            raise ConfigError(f"{option_of(self._config.source, kind)} gives no {kind}")
        ghost = Gst.GhostPad.new(str(kind), pad)
        ghost.set_active(True)
        bin_.add_pad(ghost)
        self._on_pad(bin_, ghost)

    def _on_pad(self, _: Any, pad: Any) -> None:
        """The first picture and the first sound; on GStreamer's thread."""
        kind = _kind_of(pad)
        if kind not in self._wanted or kind in self._sinks:
            return
        # What is live does not wait for a first picture: with two sinks that do, one was left waiting now and then.
        sink = f"appsink name=sink emit-signals=true max-buffers=8 async={str(self._is_file).lower()}"
        tail = Gst.parse_bin_from_description(f"{_TAILS[kind]} ! {self._shape(kind, pad)} ! {sink}", True)
        sink = tail.get_by_name("sink")
        sink.connect("new-preroll", guarded(self._on_preroll, self._fail_later, Gst.FlowReturn.OK), kind)
        sink.connect("new-sample", guarded(self._on_sample, self._fail_later, Gst.FlowReturn.OK), kind)
        self._sinks[kind] = sink
        pad.get_parent_element().get_parent().add(tail)
        tail.sync_state_with_parent()
        pad.link(tail.get_static_pad("sink"))

    def _shape(self, kind: TrackKind, pad: Any) -> str:
        """The text of what brings decoded media into the form that the encoder takes."""
        if kind is TrackKind.AUDIO:
            return f'capsfilter caps="{AUDIO_CAPS}"'
        filled = _rate_of(pad).below(self._config.framerate)
        caps = (video_caps if filled else picture_caps)(self._config)
        return f'{"videorate ! " if filled else ""}capsfilter caps="{caps},pixel-aspect-ratio=1/1"'

    # --- its life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Files wait at their first picture; the rest is live."""
        self._cancel = after_ms(FIRST_MEDIA_MS, self._nothing_came)
        self._pipeline.set_state(Gst.State.PAUSED if self._is_file else Gst.State.PLAYING)

    def stop(self) -> None:
        self._stopped = True
        self._cancel()
        self._take_down()

    def _take_down(self) -> None:
        self._pipeline.get_bus().remove_signal_watch()
        self._pipeline.set_state(Gst.State.NULL)

    def _all_found(self) -> None:
        """No track is to be found in the file any more; now each has to show its first media."""
        self._found = True
        if not self._sinks:
            raise FileRefused(f"{self._config.source.file} has neither picture nor sound that could be played")
        self._prerolled()

    def _prerolled(self) -> None:
        if self._is_file and self._found and not self._told and self._first.keys() == self._sinks.keys():
            self._tell(frozenset(self._sinks))
            self._wait_for_viewers()

    def _tell(self, kinds: frozenset[TrackKind]) -> None:
        if not self._told:
            self._told = True
            self._cancel()
            self._owner.on_kinds(kinds)

    def _wait_for_viewers(self) -> None:
        if self._stopped:
            return
        if self._owner.is_received():
            self._pipeline.set_state(Gst.State.PLAYING)
            return
        if self._owner.is_watched():
            self._show_still()
        self._cancel = after_ms(STILL_MS, self._wait_for_viewers)

    def _show_still(self) -> None:
        """Encoders tell their formats, which the offer needs, only when they have encoded something."""
        now = self._owner.now()
        if picture := self._first.get(TrackKind.VIDEO):
            self._push(TrackKind.VIDEO, picture, now)
        if TrackKind.AUDIO in self._sinks:
            silence = Gst.Buffer.new_wrapped(bytes(CHUNK_BYTES))
            silence.duration = Gst.SECOND // CHUNKS_PER_SECOND
            self._push(TrackKind.AUDIO, silence, now)

    def _ended(self, *_: Any) -> None:
        if self._stopped:
            return
        if not (self._is_file and self._config.source.loop):
            self._owner.on_feed_end()
            return
        # Opened again instead of sought: not every file can be sought in.
        self._take_down()
        self._pipeline = self._build()
        self._pipeline.set_state(Gst.State.PLAYING)

    # --- media ----------------------------------------------------------------------------------------------------

    def _on_preroll(self, sink: Any, kind: TrackKind) -> Any:
        self._first[kind] = sink.emit("pull-preroll").get_buffer()
        post(self._prerolled)
        return Gst.FlowReturn.OK

    def _on_sample(self, sink: Any, kind: TrackKind) -> Any:
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        if not self._told:
            post(self._live, kind)
        if kind not in self.muted and self._owner.is_watched():
            buffer = sample.get_buffer()
            running = sample.get_segment().to_running_time(Gst.Format.TIME, buffer.pts)
            # The two pipelines share the clock, not the time at which they began.
            pts = running + self._pipeline.get_base_time() - self._owner.base_time()
            if kind is TrackKind.AUDIO or self._pace.passes(pts):
                self._push(kind, buffer, pts)
        return Gst.FlowReturn.OK

    def _live(self, _: TrackKind) -> None:
        if self._sinks.keys() >= self._wanted:
            self._tell(frozenset(self._sinks))

    def _push(self, kind: TrackKind, buffer: Any, pts: int) -> None:
        copy = buffer.copy_region(Gst.BufferCopyFlags.MEMORY | Gst.BufferCopyFlags.META, 0, buffer.get_size())
        copy.pts = max(pts, 0)
        copy.duration = buffer.duration
        self._owner.push(kind, copy)

    # --- what goes wrong ------------------------------------------------------------------------------------------

    def _nothing_came(self) -> None:
        missing = " and ".join(sorted(self._wanted - self._sinks.keys() or self._wanted))
        where = self._config.source.file or "the source"
        self._fail(MediaError(f"{where} gave no {missing} within {FIRST_MEDIA_MS // 1000} s"))

    def _bus_error(self, _: Any, message: Any) -> None:
        error, _debug = message.parse_error()
        what = self._config.source.file or _option_with(self._config, message.src)
        raise (FileRefused if self._is_file else MediaError)(f"{what}: {error.message.rstrip('.')}")

    def _fail(self, error: RecorderError) -> None:
        if not self._stopped:
            self._owner.on_feed_error(error)

    def _fail_later(self, error: RecorderError) -> None:
        post(self._fail, error)


def _go_to(folder: str) -> None:
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise ConfigError(f"cannot work in {folder}: {error.strerror}") from None


def _kind_of(pad: Any) -> TrackKind | None:
    return {"video/x-raw": TrackKind.VIDEO, "audio/x-raw": TrackKind.AUDIO}.get(_structure(pad).get_name())


def _rate_of(pad: Any) -> Rate:
    known, numerator, denominator = _structure(pad).get_fraction("framerate")
    return Rate(numerator, denominator) if known else Rate(0)


def _structure(pad: Any) -> Any:
    return (pad.get_current_caps() or pad.query_caps(None)).get_structure(0)


def _option_with(config: PublishConfig, element: Any) -> str:
    return (
        f"{' and '.join(option_of(config.source, kind) for kind in launch_texts(config.source))}: {element.get_name()}"
    )


def _words(error: Any) -> str:
    for code, words in _PARSE_ERRORS.items():
        if error.matches(Gst.ParseError.quark(), code):
            return words or str(error.message)
    return "this is no text that gst-launch would take"
