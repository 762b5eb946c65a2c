import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from roomtape.child.datachannel import BURST, MAX_FRAME, MAX_PENDING, AnnouncedChannel, DataChannel
from roomtape.child.gst import GstWebRTC
from tests.unit.child.main_loop import settle

State = GstWebRTC.WebRTCDataChannelState


class WebRTCDataChannel:
    """Stands for GstWebRTC.WebRTCDataChannel: a state, signals, and what was sent."""

    def __init__(self, state: Any = State.CONNECTING) -> None:
        self.state = state
        self.sent: list[str] = []
        self._handlers: dict[str, Callable[..., None]] = {}

    def connect(self, signal: str, handler: Callable[..., None]) -> None:
        self._handlers[signal] = handler

    def get_property(self, name: str) -> Any:
        assert name == "ready-state"
        return self.state

    def emit(self, signal: str, text: str) -> None:
        assert signal == "send-string"
        self.sent.append(text)

    def fire(self, signal: str, *args: Any) -> None:
        """As GStreamer does: on a thread of its own."""
        thread = threading.Thread(target=self._handlers[signal], args=(self, *args))
        thread.start()
        thread.join()

    def open(self) -> None:
        self.state = State.OPEN
        self.fire("on-open")

    def close(self) -> None:
        self.state = State.CLOSED
        self.fire("on-close")


class Wrapped:
    """A DataChannel round a fake one, and what it told."""

    def __init__(self, state: Any = State.CONNECTING) -> None:
        self.raw = WebRTCDataChannel(state)
        self.objects: list[Mapping[str, Any]] = []
        self.told: list[str] = []
        self.threads: set[int] = set()
        self.channel = DataChannel(self.raw, self._on_object, lambda: self._tell("open"), lambda: self._tell("close"))

    def _on_object(self, obj: Mapping[str, Any]) -> None:
        self.threads.add(threading.get_ident())
        self.objects.append(obj)

    def _tell(self, what: str) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(what)

    def receive(self, *texts: str | None) -> None:
        for text in texts:
            self.raw.fire("on-message-string", text)
        settle()


@pytest.fixture
def opened() -> Wrapped:
    wrapped = Wrapped(State.OPEN)
    settle()
    return wrapped


def test_opening_and_closing_are_told_once_on_the_main_loop() -> None:
    wrapped = Wrapped()
    settle()
    assert wrapped.told == []
    wrapped.raw.open()
    wrapped.raw.open()
    assert wrapped.told == []
    settle()
    assert wrapped.told == ["open"]
    wrapped.raw.close()
    settle()
    assert wrapped.told == ["open", "close"]
    assert wrapped.threads == {threading.get_ident()}


def test_a_channel_that_was_open_before_anyone_listened_is_told_too(opened: Wrapped) -> None:
    # T25
    assert opened.told == ["open"]


def test_a_message_proves_that_the_channel_is_open() -> None:
    wrapped = Wrapped()
    settle()
    wrapped.raw.state = State.OPEN
    wrapped.receive('{"info":{}}')
    assert wrapped.told == ["open"]
    assert wrapped.objects == [{"info": {}}]


def test_objects_come_in_order_on_the_main_loop(opened: Wrapped) -> None:
    opened.receive(*(json.dumps({"n": n}) for n in range(100)))
    assert opened.objects == [{"n": n} for n in range(100)]
    assert opened.threads == {threading.get_ident()}
    assert opened.channel.dropped == 0


@pytest.mark.parametrize(
    "text",
    [None, "", "hello", "[1]", "null", "1", '"text"', "{", '{"a":NaN}', "[" * 100_000, '{"a":"\\ud800"}', "\0"],
)
def test_what_is_no_object_is_dropped_and_counted(opened: Wrapped, text: str | None) -> None:
    opened.receive(text, '{"after":true}')
    assert opened.objects == [{"after": True}]
    assert opened.channel.dropped == 1


def test_too_long_a_frame_is_dropped_and_the_longest_is_not(opened: Wrapped) -> None:
    frame = '{"a":"' + "x" * (MAX_FRAME - 8) + '"}'
    assert len(frame) == MAX_FRAME
    opened.receive(frame, frame + " ")
    assert (len(opened.objects), opened.channel.dropped) == (1, 1)


def test_a_flood_is_bounded_and_what_comes_later_is_heard(opened: Wrapped) -> None:
    for n in range(MAX_PENDING + 10):
        opened.raw.fire("on-message-string", json.dumps({"n": n}))
    settle()
    assert [obj["n"] for obj in opened.objects] == list(range(MAX_PENDING))
    assert opened.channel.dropped == 10
    opened.receive('{"n":-1}')
    assert opened.objects[-1] == {"n": -1}


def test_what_is_sent_is_one_ascii_text(opened: Wrapped) -> None:
    assert opened.channel.send({"label": "Zoë \U0001f600", "ping": 1})
    [text] = opened.raw.sent
    assert text.isascii()
    assert " :" not in text
    assert json.loads(text) == {"label": "Zoë \U0001f600", "ping": 1}


@pytest.mark.parametrize("state", [State.CONNECTING, State.CLOSING, State.CLOSED])
def test_nothing_is_sent_unless_it_is_open(state: Any) -> None:
    wrapped = Wrapped(state)
    assert not wrapped.channel.send({"bye": True})
    assert wrapped.raw.sent == []


def test_an_echo_of_any_depth_does_no_harm(opened: Wrapped) -> None:
    for depth in range(900, 1000):
        opened.receive('{"ping":' + "[" * depth + "]" * depth + "}")
    for obj in opened.objects:
        opened.channel.send({"pong": obj["ping"], "session": ""})
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    before = opened.channel.dropped
    assert not opened.channel.send({"pong": nested})
    assert opened.channel.dropped == before + 1
    assert len(opened.raw.sent) + opened.channel.dropped >= 100


def test_what_is_said_before_anybody_listens_is_heard_in_order() -> None:
    fake = WebRTCDataChannel(State.OPEN)
    announced = AnnouncedChannel(fake)
    for text in ('{"n":1}', '{"n":2}', "x" * (MAX_FRAME + 1)):
        fake.fire("on-message-string", text)
    heard: list[Mapping[str, Any]] = []
    channel = DataChannel(announced, heard.append, lambda: None, lambda: None)
    fake.fire("on-message-string", '{"n":3}')
    settle()
    assert heard == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert channel.send({"n": 4})
    assert fake.sent == ['{"n":4}']


def test_a_peer_that_talks_without_end_before_anybody_listens_is_bounded() -> None:
    fake = WebRTCDataChannel(State.OPEN)
    announced = AnnouncedChannel(fake)
    for n in range(MAX_PENDING + 10):
        fake.fire("on-message-string", f'{{"n":{n}}}')
    heard: list[Mapping[str, Any]] = []
    DataChannel(announced, heard.append, lambda: None, lambda: None)
    settle()
    assert len(heard) == MAX_PENDING


def test_a_flood_is_dropped_and_counted_beyond_an_allowance() -> None:
    wrapped = Wrapped(State.OPEN)
    for _ in range(4):
        wrapped.receive(*['{"chat": 1}'] * 100)
    assert BURST - 10 <= len(wrapped.objects) <= BURST + 100
    assert wrapped.channel.dropped == 400 - len(wrapped.objects)


def test_long_frames_use_the_allowance_up_faster() -> None:
    wrapped = Wrapped(State.OPEN)
    wrapped.receive(*['{"chat": "' + "x" * (MAX_FRAME // 2) + '"}'] * 20)
    assert len(wrapped.objects) < 15
    assert wrapped.channel.dropped == 20 - len(wrapped.objects)
