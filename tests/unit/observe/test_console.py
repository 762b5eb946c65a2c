import asyncio
import io
import logging

import pytest
from rich.console import Console as Terminal
from rich.console import RenderableType

from roomtape.ipc.messages import GuestInfo, SegmentOpened, Stats, TrackStarted
from roomtape.model import Codec, StreamId, TrackKind
from roomtape.observe import console
from roomtape.observe.board import Board, GuestState
from roomtape.observe.console import LONGEST_NAME, Console, rate_text, size_text, table, time_text, view

ANN = StreamId("ann")


def drawn(what: RenderableType, width: int) -> list[str]:
    terminal = Terminal(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with terminal.capture() as capture:
        terminal.print(what)
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.fixture
def board() -> Board:
    made = Board()
    made.set_state(ANN, GuestState.RECORDING, 0)
    made.apply(ANN, TrackStarted(track=TrackKind.VIDEO, codec=Codec.H264, width=1920, height=1080), 0)
    made.apply(ANN, TrackStarted(track=TrackKind.AUDIO, codec=Codec.OPUS), 0)
    made.apply(ANN, SegmentOpened(path="/out/room_ann_01.mkv", tracks=(TrackKind.VIDEO,)), 0)
    for now in (1, 2):
        counted = Stats(
            video_frames=1, audio_frames=1, media_bytes=now * 300_000, packets=95, packets_lost=5, silent_ms=0
        )
        made.apply(ANN, counted, now)
    return made


def test_a_row_tells_all_at_eighty_columns(board: Board) -> None:
    header, row = drawn(table(board, 65, width=80), 80)
    assert header.split() == ["guest", "state", "codecs", "picture", "time", "size", "rate", "loss"]
    assert " ".join(row.split()) == "ann recording H264 OPUS 1920x1080 1:05 600 kB 2.4 Mb/s 5.0 %"


def test_a_wide_terminal_shows_the_file(board: Board) -> None:
    header, row = drawn(table(board, 65, width=120), 120)
    assert header.endswith("file")
    assert row.endswith("room_ann_01.mkv")


def test_a_wide_terminal_keeps_its_columns_for_the_file(board: Board) -> None:
    path = "/out/testroom123_ann_01_20261122T201216Z.webm"
    board.apply(ANN, SegmentOpened(path=path, tracks=(TrackKind.VIDEO,)), 0)
    header, row = drawn(table(board, 65, width=120), 120)
    assert header.startswith("guest  state")
    assert row.endswith(path.removeprefix("/out/"))
    board.set_state(StreamId("x" * 40), GuestState.WAITING, 0)
    assert drawn(table(board, 65, width=120), 120)[0].index("state") > LONGEST_NAME


def test_what_guests_say_is_neither_markup_nor_control(board: Board) -> None:
    board.apply(ANN, GuestInfo(label="[red]A\x1b[2J"), 3)
    text = "\n".join(drawn(view(board, 3, width=120, height=40), 120))
    assert "ann ([red]A\\x1b[2J)" in text
    assert "\x1b" not in text


def test_stream_ids_are_not_trusted_either() -> None:
    board = Board()
    board.set_state(StreamId("[bold]a\x1b\r\n" + "x" * 300), GuestState.WAITING, 0)
    _, row = drawn(table(board, 1, width=80), 80)
    assert row.startswith("[bold]a\\x1b")
    assert len(row) <= 80


def test_notes_and_a_sum_stand_below(board: Board) -> None:
    board.set_state(StreamId("bob"), GuestState.FAILED, 3, "wrong TURN password")
    lines = drawn(view(board, 3, width=80, height=24), 80)
    assert "bob  wrong TURN password" in lines
    assert lines[-1] == "1 recording, 1 failed, 600 kB, 2.4 Mb/s"
    assert drawn(view(Board(), 3, width=80, height=24), 80)[-1] == "nobody is here yet"


@pytest.mark.parametrize(("width", "height"), [(40, 8), (80, 24), (200, 60)])
def test_the_view_fits_and_hides_ended_guests_first(board: Board, width: int, height: int) -> None:
    for n in range(100):
        board.set_state(StreamId(f"gone{n:02}"), GuestState.FAILED, 10 + n, "a long story " * 30)
    lines = drawn(view(board, 200, width=width, height=height), width)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert any(line.startswith("ann") for line in lines)
    assert lines[-1].endswith("not shown") or width == 40


def test_the_guests_that_ended_last_are_shown() -> None:
    board = Board()
    for n, name in enumerate(("first", "second", "third")):
        board.set_state(StreamId(name), GuestState.FINISHED, n)
    assert [line.split()[0] for line in drawn(table(board, 9, rows=2), 120)] == ["guest", "second", "third"]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_960, "100 kB"),
        (999_600, "1.0 MB"),
        (3e9, "3.0 GB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(("kbps", "text"), [(0, ""), (64.4, "64 kb/s"), (999.6, "1.0 Mb/s"), (2449, "2.4 Mb/s")])
def test_rates(kbps: float, text: str) -> None:
    assert rate_text(kbps) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, ""), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_times(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_the_summary_has_a_line_per_guest(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    board.set_state(StreamId("bob"), GuestState.FINISHED, 3)
    caplog.set_level(logging.INFO, "roomtape")
    shown = Console(board, Terminal(file=io.StringIO()), lambda: 65.0)
    shown.summarise()
    assert [record.getMessage() for record in caplog.records] == ["guest", "guests"]
    fields = caplog.records[0].__dict__["fields"]
    assert fields | {"label": ""} == {
        "stream": "ann",
        "state": "recording",
        "size": "600 kB",
        "time": "1:05",
        "rate": "2.4 Mb/s",
        "file": "room_ann_01.mkv",
        "label": "",
    }
    caplog.clear()
    shown.summarise(ended=True)
    assert [record.getMessage() for record in caplog.records] == ["guest", "guest", "guests"]


async def run_for_three_rounds(shown: Console) -> None:
    task = asyncio.create_task(shown.run())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_terminal_nothing_is_drawn_and_the_end_is_summed_up(
    board: Board, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "roomtape")
    monkeypatch.setattr(console, "SUMMARY_S", 0)
    screen = io.StringIO()
    await run_for_three_rounds(Console(board, Terminal(file=screen), lambda: 65.0))
    assert screen.getvalue() == ""
    assert len(caplog.records) >= 4


async def test_on_a_terminal_the_table_is_drawn_and_stays(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    screen = io.StringIO()
    terminal = Terminal(file=screen, force_terminal=True, width=80, height=24)
    await run_for_three_rounds(Console(board, terminal, lambda: 65.0))
    _, drawn_last, after = screen.getvalue().rpartition("1920x1080")
    assert drawn_last
    assert "\x1b[2K" not in after, "the last table must stay"
    assert "\x1b[?25h" in screen.getvalue(), "the cursor must come back"
    assert caplog.records == []
