"""The live table of guests on a terminal; elsewhere a few plain lines now and then.

Cells are Rich `Text`s, never markup, and what comes from guests was escaped when it entered the board.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from rich.cells import cell_len
from rich.console import Console as Terminal
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from roomtape.logs import get_logger, printable
from roomtape.observe.board import Board, GuestRow, GuestState

REFRESH_S: Final = 0.5
SUMMARY_S: Final = 10.0
WIDE: Final = 110
"""Terminals of at least this width also show the names of the files."""
COLUMNS: Final = {"state": 10, "codecs": 9, "picture": 9, "time": 7, "size": 7, "rate": 8, "loss": 6}
"""Between guest and file, with their widths."""
LONGEST_NAME: Final = 26
FIGURES: Final = frozenset({"time", "size", "rate", "loss"})
STYLES: Final = {
    GuestState.WAITING: "dim",
    GuestState.CONNECTING: "yellow",
    GuestState.RECORDING: "green",
    GuestState.FINISHED: "blue",
    GuestState.FAILED: "red",
}
LOSS_SHOWN_RED: Final = 2.0
"""Percent of the packets."""

log = get_logger(__name__)


def size_text(size_bytes: float) -> str:
    """Decimal units: 999 B, 1.2 kB, 345 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.1f} {unit}" if size_bytes < 99.95 and unit != "B" else f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def rate_text(kbps: float) -> str:
    """850 kb/s, 2.4 Mb/s; nothing for nothing."""
    if kbps < 0.5:
        return ""
    return f"{kbps:.0f} kb/s" if kbps < 999.5 else f"{kbps / 1000:.1f} Mb/s"


def time_text(seconds: float) -> str:
    """0:07, 12:34, 1:02:03; nothing for nothing."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    if not seconds:
        return ""
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def table(board: Board, now: float, *, width: int = 120, rows: int = 1000) -> Table:
    """The guests within `width` columns, at most `rows` of them: those still alive first."""
    wide = width >= WIDE
    gap = 2 if wide else 1
    rest = width - sum(size + gap for size in COLUMNS.values())
    longest = max((cell_len(_name(row)) for row in board.rows()), default=0)
    guest = min(max(len("guest"), longest), LONGEST_NAME) if wide else max(8, rest)
    # No width goes by a figure, so that nothing jumps about when it grows.
    out = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=False)
    out.add_column("guest", no_wrap=True, width=guest)
    for name, size in COLUMNS.items():
        out.add_column(name, no_wrap=True, width=size, justify="right" if name in FIGURES else "left")
    if wide:
        out.add_column("file", no_wrap=True, width=rest - guest - gap, style="dim")
    for row in _chosen(board, rows):
        cells = _cells(row, now)
        out.add_row(*(cells if wide else cells[:-1]))
    return out


def view(board: Board, now: float, *, width: int, height: int) -> RenderableType:
    """All that the live display shows: guests, what there is to say of them, and a sum, within `height` lines."""
    remarks = [row for row in _chosen(board, 1000) if row.remarks]
    lines = min(len(remarks), max(1, height // 4))
    guests = max(1, height - lines - 5)
    hidden = max(0, len(board.rows()) - guests)
    parts: list[RenderableType] = [Text(), table(board, now, width=width, rows=guests), Text()]
    for row in remarks[:lines]:
        remark = Text.assemble((_name(row), STYLES[row.state]), "  ", row.remarks)
        remark.truncate(width, overflow="ellipsis")
        parts.append(remark)
    parts.append(Text(_sum(board) + (f", {hidden} not shown" if hidden else ""), style="dim"))
    return Group(*parts)


class Console:
    """Shows the board until cancelled; `terminal` is the one that the log lines use as well."""

    def __init__(self, board: Board, terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._terminal, self._clock = board, terminal, clock

    async def run(self) -> None:
        if self._terminal.is_terminal:
            await self._live()
        else:
            await self._plain()

    def summarise(self, *, ended: bool = False) -> None:
        """Log lines: one per guest, and their sum. Guests that ended only if asked for."""
        now = self._clock()
        for row in self._board.rows():
            if ended or not row.state.ended:
                shown = {"time": time_text(row.duration_s(now)), "rate": rate_text(row.bitrate_kbps), "file": row.file}
                shown |= {"label": row.label, "note": row.remarks}
                said = {name: text for name, text in shown.items() if text}
                log.info("guest", stream=row.stream, state=row.state, size=size_text(row.size_bytes), **said)
        log.info("guests", total=_sum(self._board))

    async def _live(self) -> None:
        # Refreshed from here: Rich's own thread would read the board while it changes.
        with Live(get_renderable=self._view, console=self._terminal, auto_refresh=False, transient=False) as live:
            while True:
                live.refresh()
                await asyncio.sleep(REFRESH_S)

    def _view(self) -> RenderableType:
        size = self._terminal.size
        return view(self._board, self._clock(), width=size.width, height=size.height)

    async def _plain(self) -> None:
        try:
            while True:
                await asyncio.sleep(SUMMARY_S)
                self.summarise()
        finally:
            self.summarise(ended=True)


def _chosen(board: Board, limit: int) -> list[GuestRow]:
    """In order of appearance; if there are too many, those that ended first make room."""
    rows = board.rows()
    if len(rows) <= limit:
        return list(rows)
    chosen = sorted(rows, key=lambda row: (row.state.ended, -row.since if row.state.ended else 0))[:limit]
    streams = {row.stream for row in chosen}
    return [row for row in rows if row.stream in streams]


def _name(row: GuestRow) -> str:
    stream = printable(row.stream, 24)
    return f"{stream} ({row.label})" if row.label and row.label != stream else stream


def _cells(row: GuestRow, now: float) -> tuple[Text, ...]:
    picture = f"{row.width}x{row.height}" if row.width and row.height else ""
    loss = f"{row.loss_percent:.1f} %" if row.recorded_s or row.recording_since is not None else ""
    return (
        Text(_name(row), style="" if not row.state.ended else "dim"),
        Text(row.state, style=STYLES[row.state]),
        Text(" ".join(codec for codec in (row.video, row.audio) if codec)),
        Text(picture),
        Text(time_text(row.duration_s(now))),
        Text(size_text(row.size_bytes) if row.size_bytes else ""),
        Text(rate_text(row.bitrate_kbps)),
        Text(loss, style="red" if row.loss_percent >= LOSS_SHOWN_RED else ""),
        Text(row.file),
    )


def _sum(board: Board) -> str:
    rows = board.rows()
    counts = [f"{number} {state}" for state in GuestState if (number := board.count(state))]
    size = size_text(sum(row.size_bytes for row in rows))
    rate = rate_text(sum(row.bitrate_kbps for row in rows))
    return ", ".join([*counts, size, rate] if rate else [*counts, size]) if rows else "nobody is here yet"
