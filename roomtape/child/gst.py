"""GStreamer, made strict: elements that must exist, promises that must be kept, callbacks that cannot get lost."""

import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from roomtape.errors import BadDescription, MediaError, MissingElement, NegotiationFailed, RecorderError  # noqa: E402

__all__ = ["GLib", "Gst", "GstSdp", "GstWebRTC"]

PROMISE_DEADLINE_MS: Final = 15_000
"""webrtcbin answers within milliseconds, on a busy computer within seconds, or, rarely, never."""

PACKAGES: Final = {
    "webrtcbin": "gstreamer1.0-plugins-bad",
    "dtlsdec": "gstreamer1.0-plugins-bad",
    "srtpdec": "gstreamer1.0-plugins-bad",
    "sctpdec": "gstreamer1.0-plugins-bad",
    "nicesrc": "gstreamer1.0-nice",
    "errorignore": "gstreamer1.0-plugins-bad",
    "vp9parse": "gstreamer1.0-plugins-bad",
    "h264parse": "gstreamer1.0-plugins-bad",
    "h265parse": "gstreamer1.0-plugins-bad",
    "opusparse": "gstreamer1.0-plugins-bad",
    "rtpvp8depay": "gstreamer1.0-plugins-good",
    "rtpvp9depay": "gstreamer1.0-plugins-good",
    "rtph264depay": "gstreamer1.0-plugins-good",
    "rtph265depay": "gstreamer1.0-plugins-good",
    "rtpopusdepay": "gstreamer1.0-plugins-good",
    "matroskamux": "gstreamer1.0-plugins-good",
    "webmmux": "gstreamer1.0-plugins-good",
    "mp4mux": "gstreamer1.0-plugins-good",
    "vp8enc": "gstreamer1.0-plugins-good",
    "vp9enc": "gstreamer1.0-plugins-good",
    "x264enc": "gstreamer1.0-plugins-ugly",
    "x265enc": "gstreamer1.0-plugins-bad",
    "av1enc": "gstreamer1.0-plugins-bad",
    "opusenc": "gstreamer1.0-plugins-base",
    "appsrc": "gstreamer1.0-plugins-base",
    "appsink": "gstreamer1.0-plugins-base",
    "decodebin": "gstreamer1.0-plugins-base",
    "autovideosink": "gstreamer1.0-plugins-good",
    "autoaudiosink": "gstreamer1.0-plugins-good",
    "uridecodebin": "gstreamer1.0-plugins-base",
    "rtpvp8pay": "gstreamer1.0-plugins-good",
    "rtph265pay": "gstreamer1.0-plugins-good",
}
"""The Debian package of each element that roomtape uses."""

Report = Callable[[RecorderError], None]


def _to_stderr(error: RecorderError) -> None:
    sys.stderr.write(f"{error.detail}\n")


_report_crash: Report = _to_stderr


def report_crashes_to(report: Report) -> None:
    """Who hears of errors in what `post` and `after_ms` run; one per process."""
    global _report_crash
    _report_crash = report


def crash_later(error: RecorderError) -> None:
    """Report an error from a thread that is not the main loop's."""
    post(lambda: _report_crash(error))


def init() -> str:
    """Start GStreamer; returns its version as text. `Gst.version()` before this would abort the process.

    Not a second time in a forked child: Python's part of it sets 1,474 attributes anew, each on a page that was shared.
    """
    if not Gst.is_initialized():
        Gst.init(None)
    return ".".join(str(part) for part in Gst.version()[:3])


def make(description: str) -> Any:
    """An element from a gst-launch text such as `"filesink sync=false"`.

    Raises:
        MissingElement: the element is not installed; names the package.
        MediaError: a property is wrong.
    """
    factory = description.split(maxsplit=1)[0]
    if not exists(factory):
        package = PACKAGES.get(factory)
        hint = f": install {package}" if package else ""
        raise MissingElement(f"GStreamer has no element {factory}{hint}")
    try:
        # A bin round a single element would hide its request pads.
        return Gst.parse_launch_full(description, None, Gst.ParseFlags.NO_SINGLE_ELEMENT_BINS)
    except GLib.Error as error:
        raise MediaError(f"cannot make {factory}: {error.message}") from error


def exists(factory: str) -> bool:
    """Whether GStreamer has an element of that name."""
    return Gst.ElementFactory.find(factory) is not None


def chain(pipeline: Any, descriptions: Iterable[Any]) -> list[Any]:
    """Elements added to `pipeline` and linked in order; texts are made into elements first. They are not started.

    Raises:
        MissingElement: one is not installed.
        MediaError: a property is wrong, or two neighbours do not fit together.
    """
    elements = [make(one) if isinstance(one, str) else one for one in descriptions]
    for element in elements:
        pipeline.add(element)
    for upstream, downstream in pairwise(elements):
        if not upstream.link(downstream):
            raise MediaError(f"{upstream.get_name()} and {downstream.get_name()} do not fit together")
    return elements


def start(elements: Iterable[Any]) -> None:
    """Bring a chain to its pipeline's state, sinks first."""
    for element in reversed(list(elements)):
        element.sync_state_with_parent()


def guarded(function: Callable[..., Any], report: Report, otherwise: Any = None) -> Callable[..., Any]:
    """`function` for use as a GLib or GStreamer callback: an exception in it is reported instead of vanishing.

    One of the three places that catch everything, since an exception must not travel through C code.
    """

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except RecorderError as error:
            report(error)
        except Exception as error:  # noqa: BLE001 - see above
            report(MediaError(f"{type(error).__name__} in {_name_of(function)}: {error}"))
        return otherwise

    return call


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)


def post(function: Callable[..., Any], *args: Any) -> None:
    """Run `function(*args)` once on the main loop's thread; callbacks of GStreamer come on others."""

    def run(*_: Any) -> bool:
        guarded(function, _report_crash)(*args)
        return False

    GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)


def after_ms(delay_ms: int, function: Callable[[], Any]) -> Callable[[], None]:
    """Run `function` once, later; returns what cancels it."""
    source: list[int] = []

    def run() -> bool:
        source.clear()
        guarded(function, _report_crash)()
        return False

    source.append(GLib.timeout_add(delay_ms, run))

    def cancel() -> None:
        if source:
            GLib.source_remove(source.pop())

    return cancel


def promise(element: Any, signal: str, *args: Any, then: Callable[[Any], None], report: Report) -> None:
    """Emit a webrtcbin action signal that takes a promise, and go on with its reply on the main loop.

    `then` gets the reply's structure (None for an empty reply). An error in the reply, or no reply within
    PROMISE_DEADLINE_MS, goes to `report` as NegotiationFailed instead: exactly one of the two is called, once.
    """
    done = False

    def settle(reply: Any, failure: str | None) -> None:
        nonlocal done
        if done:
            return
        done = True
        cancel()
        if failure is not None:
            report(NegotiationFailed(f"webrtcbin {signal}: {failure}"))
        else:
            guarded(then, report)(reply)

    def changed(kept: Any, *_: Any) -> None:
        result = kept.wait()
        reply = kept.get_reply() if result == Gst.PromiseResult.REPLIED else None
        failure = None if result == Gst.PromiseResult.REPLIED else f"promise {result.value_nick}"
        if reply is not None and reply.has_field("error"):
            failure = getattr(reply.get_value("error"), "message", "error")
        # `kept` travels along: the reply lives in it.
        post(lambda _kept: settle(reply, failure), kept)

    cancel = after_ms(PROMISE_DEADLINE_MS, lambda: settle(None, f"no reply within {PROMISE_DEADLINE_MS} ms"))
    element.emit(signal, *args, Gst.Promise.new_with_change_func(changed))


def session_description(kind: str, sdp: str) -> Any:
    """A GstWebRTCSessionDescription.

    Raises:
        BadDescription: GStreamer cannot parse it.
    """
    result, message = GstSdp.SDPMessage.new_from_text(sdp)
    if result != GstSdp.SDPResult.OK:
        raise BadDescription("the session description cannot be parsed")
    return GstWebRTC.WebRTCSessionDescription.new(getattr(GstWebRTC.WebRTCSDPType, kind.upper()), message)


def request_keyframe(pad: Any) -> None:
    """Ask the sender of what comes out of webrtcbin's source pad for a key frame: becomes a PLI (RFC 4585)."""
    pad.send_event(keyframe_request())


def keyframe_request() -> Any:
    """The event that goes upstream to ask for a key frame."""
    structure = Gst.Structure.new_from_string("GstForceKeyUnit, all-headers=(boolean)true")
    return Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure)
