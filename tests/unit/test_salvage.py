"""What earlier runs left behind is repaired beside a running recorder. No file here needs ffmpeg to be judged."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from roomtape import salvage as module
from roomtape.folders import Folders
from roomtape.observe.metrics import Metrics
from roomtape.salvage import Salvage
from roomtape.storage.manifest import Document, render
from roomtape.storage.repair import Done, Repair
from tests.unit.storage.test_structure import EBML, SEGMENT, UNKNOWN
from tests.unit.storage.test_unfinished import START, document

FINAL = EBML + SEGMENT + b"\x85hello"
CUT_OFF = EBML + SEGMENT + UNKNOWN + b"hello"
NO_DISK_HAS_SO_MUCH = 1 << 60
NAME = "room_ann_01_20261122T182115Z.webm"
OTHER = "room_ann_02_20261122T182115Z.webm"


class Listener(logging.Handler):
    """Waits for a sentence in the log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.sentences: list[str] = []
        self._news = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(record.getMessage())
        self._news.set()

    async def hears(self, words: str, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while sum(words in sentence for sentence in self.sentences) < times:
                self._news.clear()
                await self._news.wait()


class Beach:
    """A folder with what a killed run left in it, and a salvage at work."""

    def __init__(self, folder: Path, spare_bytes: int = 0) -> None:
        self.folder, self.metrics = folder, Metrics()
        self.repaired: list[Repair] = []
        self.folders = Folders(str(folder), None, "now.manifest.json")
        self.folders.prepare(render(Document(room="room", prefix="now", started=START)))
        self.salvage = Salvage(self.folders, spare_bytes, self.metrics, self.repaired.append)
        self.listener = Listener()
        self._running: asyncio.Task[None] | None = None

    def leaves(self, name: str, data: bytes) -> Path:
        (self.folder / "then.manifest.json").write_bytes(render(document()))
        path = self.folder / name
        path.write_bytes(data)
        return path

    def start(self) -> None:
        self._running = asyncio.create_task(self.salvage.run())

    async def end(self) -> None:
        self.salvage.give_up()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)


@pytest.fixture
def debug() -> Iterator[logging.Logger]:
    log = logging.getLogger("roomtape.salvage")
    before = log.level
    log.setLevel(logging.DEBUG)
    yield log
    log.setLevel(before)


@asynccontextmanager
async def at_work(log: logging.Logger, folder: Path, spare_bytes: int = 0) -> AsyncIterator[Beach]:
    made = Beach(folder, spare_bytes)
    log.addHandler(made.listener)
    try:
        yield made
    finally:
        await made.end()
        log.removeHandler(made.listener)


@pytest.fixture
async def beach(tmp_path: Path, debug: logging.Logger) -> AsyncIterator[Beach]:
    async with at_work(debug, tmp_path) as made:
        yield made


@pytest.fixture
async def full_beach(tmp_path: Path, debug: logging.Logger) -> AsyncIterator[Beach]:
    """On a disk without space for copies."""
    async with at_work(debug, tmp_path, NO_DISK_HAS_SO_MUCH) as made:
        yield made


async def test_what_lies_there_at_the_start_is_looked_at(beach: Beach) -> None:
    empty, whole = beach.leaves(NAME, b""), beach.leaves(OTHER, FINAL)
    beach.start()
    await beach.listener.hears("was empty, and is removed")
    await beach.listener.hears("is complete, and needs no repair")
    assert not empty.exists()
    assert whole.read_bytes() == FINAL
    assert [(repair.path, repair.done) for repair in beach.repaired] == [(empty, Done.REMOVED)]
    assert beach.metrics.files_repaired.value == 1


async def test_what_a_child_leaves_behind_follows(beach: Beach) -> None:
    beach.start()
    left = beach.folder / "anything.webm"
    left.touch()
    beach.salvage.add(left)
    await beach.listener.hears("was empty, and is removed")
    assert [repair.path for repair in beach.repaired] == [left]


async def test_what_cannot_be_repaired_stays_and_the_next_one_has_its_turn(beach: Beach) -> None:
    foreign, empty = beach.leaves(NAME, b"RIFF....WAVEfmt "), beach.leaves(OTHER, b"")
    beach.start()
    await beach.listener.hears("was empty, and is removed")
    assert any("cannot be repaired, and stays as it is" in sentence for sentence in beach.listener.sentences)
    assert foreign.read_bytes() == b"RIFF....WAVEfmt "
    assert [repair.path for repair in beach.repaired] == [empty]


async def test_what_does_not_fit_is_tried_again(full_beach: Beach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0)
    path = full_beach.leaves(NAME, CUT_OFF)
    full_beach.start()
    await full_beach.listener.hears("its copy needs", times=3)
    assert path.read_bytes() == CUT_OFF
    path.write_bytes(b"")
    await full_beach.listener.hears("was empty, and is removed")
    assert full_beach.metrics.files_repaired.value == 1


async def test_after_giving_up_a_file_stays_for_the_next_run(beach: Beach) -> None:
    beach.start()
    empty = beach.folder / "first.webm"
    empty.touch()
    beach.salvage.add(empty)
    await beach.listener.hears("was empty, and is removed")
    beach.salvage.give_up()
    path = beach.leaves(NAME, CUT_OFF)
    beach.salvage.add(path)
    await beach.listener.hears("cannot be repaired, and stays as it is")
    assert path.read_bytes() == CUT_OFF
    assert [repair.path for repair in beach.repaired] == [empty]


async def test_giving_up_before_it_began_is_nothing(beach: Beach) -> None:
    beach.salvage.give_up()


async def test_without_ffmpeg_nothing_is_touched_and_that_is_said(
    beach: Beach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(beach.folder))
    path = beach.leaves(NAME, b"")
    beach.start()
    await beach.listener.hears("files that were cut off are not repaired")
    assert path.exists()
