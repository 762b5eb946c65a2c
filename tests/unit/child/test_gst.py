import threading
from collections.abc import Callable
from typing import Any

import pytest

from roomtape.child import gst
from roomtape.child.gst import GLib, Gst, after_ms, chain, guarded, make, post, promise, session_description
from roomtape.errors import BadDescription, IpcError, MediaError, MissingElement, NegotiationFailed, RecorderError
from tests.unit.child.main_loop import run_until, settle
from tests.unit.child.offers import page_offer

VERSION = gst.init()


def test_it_is_a_version_that_is_supported() -> None:
    assert tuple(map(int, VERSION.split(".")[:2])) >= (1, 22)


class StartedGst:
    """GStreamer as a forked child finds it."""

    def is_initialized(self) -> bool:
        return True

    def version(self) -> tuple[int, ...]:
        return 1, 22, 5, 0


def test_it_is_not_started_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gst, "Gst", StartedGst())
    assert gst.init() == "1.22.5"


# --- elements -----------------------------------------------------------------------------------------------------


def test_an_element_is_made_with_its_properties() -> None:
    element = make("identity silent=true sleep-time=5")
    assert element.get_factory().get_name() == "identity"
    assert element.get_property("sleep-time") == 5


def test_an_element_is_not_hidden_in_a_bin() -> None:
    assert make("funnel").request_pad_simple("sink_%u") is not None


def test_a_missing_element_is_named() -> None:
    with pytest.raises(MissingElement, match=r"^GStreamer has no element nosuchthing$"):
        make("nosuchthing speed=1")


def test_a_missing_element_comes_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gst.PACKAGES, "nosuchthing", "gstreamer1.0-plugins-new")
    with pytest.raises(MissingElement, match=r"nosuchthing: install gstreamer1\.0-plugins-new$"):
        make("nosuchthing")


def test_a_wrong_property_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="cannot make identity"):
        make("identity colour=red")


def test_a_chain_is_linked_in_order() -> None:
    pipeline = Gst.Pipeline()
    first, second, third = chain(pipeline, ["identity name=a", "queue name=b", "fakesink name=c"])
    assert first.get_static_pad("src").get_peer() == second.get_static_pad("sink")
    assert second.get_static_pad("src").get_peer() == third.get_static_pad("sink")
    assert third.get_parent() == pipeline


# --- callbacks ----------------------------------------------------------------------------------------------------


def refuse(*_: Any) -> None:
    raise IpcError("refused on purpose")


def break_down(*_: Any) -> None:
    raise KeyError("broken on purpose")


def test_a_guarded_function_gives_what_it_gives() -> None:
    errors: list[RecorderError] = []
    assert guarded(lambda a, b: a + b, errors.append)(1, 2) == 3
    assert errors == []


def test_a_guarded_functions_error_is_reported_as_it_is() -> None:
    errors: list[RecorderError] = []
    assert guarded(refuse, errors.append, otherwise="else")(1) == "else"
    assert [(type(error), error.detail) for error in errors] == [(IpcError, "refused on purpose")]


def test_any_other_exception_becomes_a_media_error_that_names_the_place() -> None:
    errors: list[RecorderError] = []
    assert guarded(break_down, errors.append)() is None
    [error] = errors
    assert isinstance(error, MediaError)
    assert error.detail == "KeyError in break_down: 'broken on purpose'"


def test_posted_calls_run_once_in_order_on_the_main_loop() -> None:
    calls: list[tuple[int, int]] = []

    def post_many() -> None:
        for n in range(50):
            post(lambda n: calls.append((n, threading.get_ident())), n)

    thread = threading.Thread(target=post_many)
    thread.start()
    thread.join()
    assert calls == []
    settle()
    assert calls == [(n, threading.get_ident()) for n in range(50)]


def test_a_timer_fires_once() -> None:
    calls: list[str] = []
    cancel = after_ms(5, lambda: calls.append("fired"))
    run_until(lambda: calls)
    cancel()  # too late, and harmless
    after_ms(20, lambda: calls.append("later"))
    run_until(lambda: "later" in calls)
    assert calls == ["fired", "later"]


def test_a_cancelled_timer_does_not_fire() -> None:
    calls: list[str] = []
    cancel = after_ms(5, lambda: calls.append("cancelled"))
    cancel()
    cancel()
    after_ms(20, lambda: calls.append("later"))
    run_until(lambda: calls)
    assert calls == ["later"]


# --- promises -----------------------------------------------------------------------------------------------------


class Element:
    """Takes a promise as webrtcbin does; the test says what becomes of it."""

    def __init__(self) -> None:
        self.emitted: list[tuple[Any, ...]] = []
        self.promise: Any = None

    def emit(self, signal: str, *args: Any) -> None:
        *rest, self.promise = args
        self.emitted.append((signal, *rest))

    def fulfil(self, how: Callable[[Any], None]) -> None:
        thread = threading.Thread(target=how, args=(self.promise,))
        thread.start()
        thread.join()


class Asked:
    """One promise asked of an Element, and which of the two answers came."""

    def __init__(self, then: Callable[[Any], None] | None = None) -> None:
        self.element = Element()
        self.replies: list[str | None] = []
        self.errors: list[RecorderError] = []
        promise(self.element, "create-answer", None, then=then or self._then, report=self.errors.append)

    def _then(self, reply: Any) -> None:
        self.replies.append(None if reply is None else reply.to_string())

    @property
    def answered(self) -> int:
        return len(self.replies) + len(self.errors)


def structure(text: str) -> Any:
    return Gst.Structure.new_from_string(text)


def test_a_promises_reply_arrives_on_the_main_loop() -> None:
    asked = Asked()
    assert asked.element.emitted == [("create-answer", None)]
    asked.element.fulfil(lambda kept: kept.reply(structure("reply, n=(int)7")))
    assert asked.answered == 0
    run_until(lambda: asked.answered)
    assert asked.replies == ["reply, n=(int)7;"]
    assert asked.errors == []


def test_an_empty_reply_is_none() -> None:
    asked = Asked()
    asked.element.fulfil(lambda kept: kept.reply(None))
    run_until(lambda: asked.answered)
    assert (asked.replies, asked.errors) == ([None], [])


def test_an_error_in_the_reply_is_reported_with_its_message() -> None:
    reply = structure("reply")
    reply.set_value("error", GLib.Error("bad sdp"))
    asked = Asked()
    asked.element.fulfil(lambda kept: kept.reply(reply))
    run_until(lambda: asked.answered)
    [error] = asked.errors
    assert isinstance(error, NegotiationFailed)
    assert error.detail == "webrtcbin create-answer: bad sdp"


@pytest.mark.parametrize(
    ("how", "word"), [(Gst.Promise.interrupt, "interrupted"), (Gst.Promise.expire, "expired")], ids=str
)
def test_a_promise_that_is_not_kept_is_reported(how: Callable[[Any], None], word: str) -> None:
    asked = Asked()
    asked.element.fulfil(how)
    run_until(lambda: asked.answered)
    assert [error.detail for error in asked.errors] == [f"webrtcbin create-answer: promise {word}"]
    assert asked.replies == []


def test_a_promise_without_reply_ends_at_its_deadline_and_a_late_reply_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gst, "PROMISE_DEADLINE_MS", 20)
    asked = Asked()
    run_until(lambda: asked.answered)
    assert [error.detail for error in asked.errors] == ["webrtcbin create-answer: no reply within 20 ms"]
    asked.element.fulfil(lambda kept: kept.reply(None))
    settle()
    assert asked.answered == 1


def test_an_exception_while_going_on_is_reported() -> None:
    asked = Asked(then=break_down)
    asked.element.fulfil(lambda kept: kept.reply(None))
    run_until(lambda: asked.answered)
    assert [type(error) for error in asked.errors] == [MediaError]


# --- descriptions -------------------------------------------------------------------------------------------------


def test_a_description_is_parsed_by_gstreamer() -> None:
    description = session_description("offer", page_offer())
    assert description.type == gst.GstWebRTC.WebRTCSDPType.OFFER
    assert description.sdp.medias_len() == 3


def test_what_gstreamer_cannot_parse_is_a_bad_description() -> None:
    # It is lenient: every other text is a session description to it.
    with pytest.raises(BadDescription):
        session_description("offer", "")
