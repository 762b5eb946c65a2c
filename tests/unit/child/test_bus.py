"""What GStreamer complains of, as it is told to the main process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roomtape.child.bus import MAX_TEXT, TOLD_AT_ONCE, BusTeller
from roomtape.child.gst import GLib, Gst, init, make
from roomtape.errors import RecorderError
from roomtape.ipc.messages import BusMessage
from tests.unit.child.main_loop import run_until, settle

init()


def fail(error: RecorderError) -> None:
    pytest.fail(error.detail)


class Told:
    """A pipeline and what is told of it; `now` is the time of its teller."""

    def __init__(self) -> None:
        self.messages: list[BusMessage] = []
        self.now = 0.0
        self.pipeline = Gst.Pipeline()
        self.bus = self.pipeline.get_bus()
        BusTeller(self.bus, self.messages.append, fail, lambda: self.now)

    def post(self, make_message: Callable[..., Any], *texts: str) -> None:
        for text in texts:
            problem = GLib.Error.new_literal(Gst.stream_error_quark(), text, Gst.StreamError.FAILED)
            self.bus.post(make_message(self.pipeline, problem, "in detail"))
        settle()

    def close(self) -> None:
        self.pipeline.set_state(Gst.State.NULL)
        self.bus.remove_signal_watch()


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.close()


def test_an_element_that_fails_is_named(told: Told) -> None:
    told.pipeline.add(make("filesink name=tape location=/nowhere/at/all"))
    told.pipeline.set_state(Gst.State.PLAYING)
    run_until(lambda: told.messages)
    assert told.messages[0].level == "error"
    assert told.messages[0].text.startswith("tape: Could not open file")


def test_warnings_are_told_as_such(told: Told) -> None:
    told.post(Gst.Message.new_warning, "odd")
    assert told.messages == [BusMessage(level="warning", text=f"{told.pipeline.get_name()}: odd in detail")]


def test_a_flood_is_bounded_and_what_is_left_out_is_counted(told: Told) -> None:
    told.post(Gst.Message.new_warning, *["again" * MAX_TEXT] * 100)
    assert len(told.messages) == TOLD_AT_ONCE
    assert {len(message.text) for message in told.messages} == {MAX_TEXT}
    told.now = 1.0
    told.post(Gst.Message.new_error, "the end")
    assert (told.messages[-1].level, told.messages[-1].left_out) == ("error", 100 - TOLD_AT_ONCE)
