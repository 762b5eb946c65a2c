import asyncio
import io
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console as Terminal

from roomtape import recorder
from roomtape.config import Deadlines, IceSettings, RecordingSettings, Settings, SignalingSettings
from roomtape.errors import ConfigError, DiskFull, Scope, TurnUnreachable
from roomtape.ice import probe as ice_probe
from roomtape.ice.results import ProbeResult, ProbeStatus
from roomtape.ice.turn_list import TurnList
from roomtape.ipc.ceilings import Ceilings
from roomtape.ipc.messages import Failed, FromChild, Init, Ready, RecordConfig, SegmentClosed, SegmentOpened
from roomtape.ipc.storing import Storing
from roomtape.model import Container, IcePolicy, PeerId, StreamId, TrackKind, TurnServer, TurnTransport
from roomtape.observe.board import GuestState
from roomtape.observe.metrics import Metrics
from roomtape.recorder import RecorderApp
from roomtape.room.effects import ChildId, Report, Spawn, Stop
from roomtape.room.outcome import Outcome
from roomtape.signaling.identity import make_identity
from roomtape.signaling.messages import Dialect, Request, SayRecording, StreamAppeared
from roomtape.signaling.protocol import Joined
from roomtape.storage import manifest
from tests.support.fake_process import FakeLauncher, settle

ANN, BOB = StreamId("ann"), StreamId("bob")
ROOM = "studio"
HOSTED, OWN = "wss://wss.vdo.ninja", "ws://127.0.0.1:1"
SERVICE = TurnServer("turn.example", 3478, TurnTransport.UDP, "service", "secret-1")
MINE = TurnServer("mine.example", 3478, TurnTransport.TLS, "me", "secret-2")
IDENTITY = make_identity("correct horse")
SILENT = Outcome.of(TurnUnreachable("no relay address"))


async def no_list(_url: str) -> None:
    """The service does not answer."""


def service_list() -> TurnList:
    return TurnList("https://list.example/", defaults=(SERVICE,), fetch=no_list)


class Studio:
    """A recorder whose children are fakes. Numbers of children begin at 100: the router knows nothing of them."""

    def __init__(
        self, folder: Path, ice: IceSettings | None = None, turn: TurnList | None = None, **recording: Any
    ) -> None:
        self.folder, self.launcher, self.metrics = folder, FakeLauncher(), Metrics()
        settings = Settings(
            signaling=SignalingSettings(server=OWN, room=ROOM),
            ice=ice or IceSettings(),
            recording=RecordingSettings(output_dir=str(folder), **recording),
            deadlines=Deadlines(connect=7, media=3),
        )
        terminal = Terminal(file=io.StringIO())
        self.app = RecorderApp(settings, IDENTITY, terminal, turn, self.metrics, self.launcher)

    async def spawn(self, *children: tuple[ChildId, StreamId]) -> list[RecordConfig]:
        """The configurations that these children are given."""
        before = len(self.launcher.processes)
        self.app.runner.perform([Spawn(child, stream) for child, stream in children])
        await settle()
        first = [process.told[0] for process in self.launcher.processes[before:]]
        return [message.config for message in first if isinstance(message, Init)]  # type: ignore[misc]

    async def say(self, *messages: FromChild) -> None:
        """By the child that was started last."""
        for message in messages:
            self.launcher.processes[-1].say(message)
        await settle()

    async def stop(self, child: ChildId) -> None:
        self.app.runner.perform([Stop(child, "enough")])
        await settle()

    def manifests(self) -> list[Path]:
        return sorted(self.folder.glob("*.manifest.json"))

    def lose_folder(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()

    def written(self) -> dict[str, Any]:
        [path] = self.manifests()
        document: dict[str, Any] = json.loads(path.read_text())
        return document


Open = Callable[..., Studio]


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Opens studios that are prepared; none of their children outlives the test."""
    monkeypatch.setattr(os.path, "ismount", lambda place: Path(place) == Path("/"))  # wherever temporary files are here
    opened: list[Studio] = []

    def make(**options: Any) -> Studio:
        opened.append(Studio(tmp_path, **options))
        opened[-1].app.prepare()
        return opened[-1]

    yield make
    for one in opened:
        one.app.runner.kill_all()
    await settle()


def opened(file: str) -> SegmentOpened:
    return SegmentOpened(path=f"/out/{file}", tracks=(TrackKind.VIDEO,))


def closed(file: str, size_bytes: int = 1000) -> SegmentClosed:
    return SegmentClosed(path=f"/out/{file}", size_bytes=size_bytes, frames=30, duration_ns=1_000_000_000)


# --- the configuration of a child ---------------------------------------------------------------------------------


async def test_a_child_is_told_all_that_it_needs(studio: Open, tmp_path: Path) -> None:
    [config] = await studio(container=Container.MP4, audio=False, jitter_ms=50, max_bitrate_kbps=900).spawn((100, ANN))
    assert msgspec.structs.asdict(config) | {"ice": None, "codecs": None, "label": None} == {
        "stream_id": "ann",
        "folder": str(tmp_path),
        "storing": Storing(min_free_bytes=1_000_000_000),
        "ceilings": Ceilings(),
        "stem": "studio_ann_01",
        "screen_stem": "studio_ann_screen_01",
        "dated": True,
        "container": Container.MP4,
        "audio": False,
        "video": True,
        "max_bitrate_kbps": 900,
        "jitter_ms": 50,
        "phrase": IDENTITY.phrase,
        "connect_deadline_ms": 7000,
        "media_deadline_ms": 3000,
        "ice": None,
        "codecs": None,
        "label": None,
    }


async def test_a_prefix_takes_the_place_of_the_room(studio: Open) -> None:
    [config] = await studio(prefix="take two").spawn((100, ANN))
    assert config.stem.startswith("take_two-")


async def test_the_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child has a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    studio = Studio(Path("here"))
    studio.app.prepare()
    [config] = await studio.spawn((100, ANN))
    assert config.folder == str(tmp_path / "here")
    studio.app.runner.kill_all()
    await settle()


@pytest.mark.parametrize(
    ("ice", "turn", "expected"),
    [
        (IceSettings(), None, ()),
        (IceSettings(), service_list(), (SERVICE,)),
        (IceSettings(turn=(MINE,)), None, (MINE,)),
        (IceSettings(turn=()), None, ()),
        (IceSettings(policy=IcePolicy.RELAY), service_list(), (SERVICE,)),
    ],
)
async def test_turn_is_the_service_s_or_one_s_own(
    studio: Open, ice: IceSettings, turn: TurnList | None, expected: tuple[TurnServer, ...]
) -> None:
    [config] = await studio(ice=ice, turn=turn).spawn((100, ANN))
    assert config.ice.turn == expected
    assert config.ice.policy is ice.policy
    assert bool(config.ice.stun) == (ice.policy is IcePolicy.ALL)


@pytest.mark.parametrize("turn", [(MINE,), ()])
async def test_after_two_lost_paths_a_child_is_given_the_relay_alone_if_there_is_one(
    studio: Open, turn: tuple[TurnServer, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = studio(ice=IceSettings(turn=turn))
    monkeypatch.setattr(room.app.router, "by_relay", lambda stream: stream == ANN)
    ann, bob = await room.spawn((100, ANN), (101, BOB))
    assert (ann.ice.policy is IcePolicy.RELAY, bool(ann.ice.stun)) == (bool(turn), not turn)
    assert (bob.ice.policy, bob.ice.turn) == (IcePolicy.ALL, turn)


# --- takes --------------------------------------------------------------------------------------------------------


async def test_takes_of_a_stream_are_counted(studio: Open) -> None:
    room = studio()
    stems = [config.stem for config in await room.spawn((100, ANN), (101, BOB))]
    await room.stop(100)
    stems += [config.stem for config in await room.spawn((102, ANN))]
    assert stems == ["studio_ann_01", "studio_bob_01", "studio_ann_02"]


async def test_two_children_of_a_stream_at_once_have_takes_of_their_own(studio: Open) -> None:
    """Also if both wait for the list of TURN servers."""
    room = studio(turn=service_list())
    configs = await room.spawn((100, ANN), (101, ANN))
    assert sorted(config.stem for config in configs) == ["studio_ann_01", "studio_ann_02"]


async def test_files_of_former_runs_are_counted_on(studio: Open, tmp_path: Path) -> None:
    (tmp_path / "studio_ann_07_20261122T182113Z.webm").touch()
    (tmp_path / "studio_bob_09_20261122T182113Z.webm").touch()
    room = studio()
    stems = [config.stem for config in await room.spawn((100, ANN), (101, ANN))]
    assert sorted(stems) == ["studio_ann_08", "studio_ann_09"]


async def test_a_folder_that_is_gone_costs_nothing_for_the_child_makes_it_again(studio: Open) -> None:
    room = studio()
    room.lose_folder()
    assert [config.stem for config in await room.spawn((100, ANN))] == ["studio_ann_01"]


async def test_other_settings_hold_for_the_next_child(studio: Open, tmp_path: Path) -> None:
    room = studio()
    recording = RecordingSettings(
        output_dir=str(tmp_path), max_bitrate_kbps=700, fallback_dir=str(tmp_path / "b"), min_free_bytes=5
    )
    signaling = SignalingSettings(server=OWN, room=ROOM)
    ice = IceSettings(turn=(MINE,))
    await room.app.apply(Settings(signaling=signaling, recording=recording, ice=ice), None)
    [config] = await room.spawn((100, ANN))
    assert (config.max_bitrate_kbps, config.ice.turn) == (700, (MINE,))
    assert config.storing == Storing(fallback_folder=str(tmp_path / "b"), min_free_bytes=5)
    assert room.app.salvage.spare_bytes == 5


# --- the output folder --------------------------------------------------------------------------------------------


async def test_the_folder_is_made(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "a" / "b")
    studio.app.prepare()
    assert len(studio.manifests()) == 1


@pytest.mark.parametrize("folder", ["file", "file/below", "x" * 300])
async def test_a_folder_that_takes_no_files_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot record to"):
        Studio(tmp_path / folder).app.prepare()


async def test_so_is_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise DiskFull("the manifest cannot be written: no space")

    monkeypatch.setattr(manifest, "write", full)
    with pytest.raises(ConfigError, match=r"cannot record to .*: the manifest cannot be written: no space"):
        Studio(tmp_path).app.prepare()


class OneMoment(datetime):
    """Time stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime(2026, 11, 22, 18, 21, 13, tzinfo=tz)


async def test_recorders_that_start_in_the_same_second_have_manifests_of_their_own(
    studio: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "datetime", OneMoment)
    first = studio()
    rooms = [Studio(first.folder) for _ in range(2)]
    for room in rooms:  # both had begun before either made its file
        room.app.prepare()
    name = "studio_20261122T182113Z.manifest.json"
    assert [path.name for path in first.manifests()] == [f"2-{name}", f"3-{name}", name]
    for room in rooms:
        await room.app.finish_manifest()
    ended = [json.loads(path.read_text())["ended"] is not None for path in first.manifests()]
    assert ended == [True, True, False]


# --- a session that goes on ---------------------------------------------------------------------------------------


async def test_a_session_goes_on_in_its_manifest_with_higher_takes(studio: Open) -> None:
    first = studio()
    await first.spawn((100, ANN))
    await first.say(opened("a.webm"), closed("a.webm"))
    await first.app.finish_manifest()
    again = studio(resume=True)
    assert [config.stem for config in await again.spawn((100, ANN), (101, BOB))] == ["studio_ann_02", "studio_bob_01"]
    await again.say(opened("b.webm"))
    await again.app.finish_manifest()
    assert [(one["file"], one["take"]) for one in again.written()["recordings"]] == [("a.webm", 1), ("b.webm", 1)]


async def test_one_whose_recorder_lives_is_not_disturbed(studio: Open) -> None:
    studio()
    other = studio(resume=True)
    assert len(other.manifests()) == 2


async def test_without_a_former_session_a_new_one_begins(studio: Open) -> None:
    assert studio(resume=True).written()["resumed"] == []


# --- the manifest -------------------------------------------------------------------------------------------------


async def test_the_manifest_says_what_was_recorded_and_is_final_at_the_end(studio: Open) -> None:
    room = studio()
    assert room.written()["recordings"] == []
    await room.spawn((100, ANN))
    await room.say(opened("a.webm"), closed("a.webm", 1234))
    await room.stop(100)
    await room.spawn((101, ANN))
    await room.say(opened("b.webm"))
    await room.app.finish_manifest()
    document = room.written()
    assert document["ended"] is not None
    told = [(r["file"], r["take"], r["final"], r["size_bytes"], r["end_reason"]) for r in document["recordings"]]
    assert told == [("a.webm", 1, True, 1234, "stopped"), ("b.webm", 2, False, 0, "recorder stopped")]
    assert (room.metrics.files_closed.value, room.metrics.bytes_recorded.value) == (1, 1234)


async def test_the_reason_of_an_end_is_the_child_s_own_if_it_gave_one(studio: Open) -> None:
    room = studio()
    await room.spawn((100, ANN))
    failed = Failed(code="connection_lost", scope=Scope.SESSION, retryable=True, detail="the connection is lost")
    await room.say(opened("a.webm"), failed)
    await room.stop(100)
    await room.app.finish_manifest()
    assert room.written()["recordings"][0]["end_reason"] == "the connection is lost"
    assert room.metrics.attempts_ended.values == {"connection_lost": 1}


def reports_in(folder: Path) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in folder.glob("crash-studio_ann_01_*.json")]


async def test_a_child_that_is_killed_leaves_a_report_beside_the_recording(studio: Open, tmp_path: Path) -> None:
    room = studio()
    await room.spawn((100, ANN))
    await room.say(Ready(version=1, pid=1, gstreamer="1.22.0"))
    room.launcher.processes[-1].exit(-9)
    await settle()
    await room.app.finish_manifest()  # by the same thread, after the report
    assert reports_in(tmp_path)[0]["crash"]["exit"] == "ended by SIGKILL (9)"
    assert room.metrics.children_crashed.value == 1


class SlowDisk:
    """Writes manifests, the first of them not before `go`."""

    def __init__(self) -> None:
        self._write = manifest.write
        self.begun, self.go, self.first_done = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, path: Path, data: bytes) -> None:
        if self.begun.is_set():
            self._write(path, data)
            return
        self.begun.set()
        self.go.wait(10)
        self._write(path, data)
        self.first_done.set()


async def test_a_slow_disk_does_not_bring_old_news_after_the_final_word(
    studio: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, disk = studio(), SlowDisk()
    monkeypatch.setattr(manifest, "write", disk)
    keeping = asyncio.create_task(room.app.keep_manifest())
    await room.spawn((100, ANN))
    await room.say(opened("a.webm"))
    assert await asyncio.to_thread(disk.begun.wait, 10)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    finishing = asyncio.create_task(room.app.finish_manifest())
    await asyncio.wait([finishing], timeout=0.05)  # so that a hasty writer would be first
    disk.go.set()
    await finishing
    assert await asyncio.to_thread(disk.first_done.wait, 10)
    assert room.written()["ended"] is not None


async def test_the_manifest_grows_while_the_run_goes_on(studio: Open) -> None:
    room = studio()
    keeping = asyncio.create_task(room.app.keep_manifest())
    await room.spawn((100, ANN))
    await room.say(opened("a.webm"))
    async with asyncio.timeout(10):
        while not room.written()["recordings"]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    keeping.cancel()


async def test_a_manifest_that_cannot_be_written_ends_nothing(studio: Open, caplog: pytest.LogCaptureFixture) -> None:
    room = studio()
    room.lose_folder()
    await room.app.finish_manifest()
    assert [record.getMessage() for record in caplog.records] == ["cannot write the manifest"]


# --- what the user is told ----------------------------------------------------------------------------------------


class FakeProbe:
    """Stands for `probe_turn`: finds what `status` says, after `may_answer`."""

    def __init__(self, status: ProbeStatus) -> None:
        self._status = status
        self.asked: list[TurnServer] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, server: TurnServer) -> ProbeResult:
        self.asked.append(server)
        await self.may_answer.wait()
        return ProbeResult(self._status, f"{server} refuses the password")


Probe = Callable[[ProbeStatus], FakeProbe]


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    def make(status: ProbeStatus) -> FakeProbe:
        fake = FakeProbe(status)
        monkeypatch.setattr(ice_probe, "probe_turn", fake)
        return fake

    return make


def notes(room: Studio) -> list[tuple[GuestState, str]]:
    return [(row.state, row.note) for row in room.app.board.rows()]


UNREACHABLE = Report(ANN, "failed", SILENT.detail, SILENT)


async def test_turn_that_fails_is_explained_once_a_minute(
    studio: Open, probe: Probe, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, fake = studio(ice=IceSettings(turn=(MINE,))), probe(ProbeStatus.REFUSED)
    for _ in range(3):
        room.app.reported(UNREACHABLE)
        await settle()
    assert fake.asked == [MINE]
    assert [r.getMessage() for r in caplog.records].count("TURN does not work") == 1
    assert MINE.credential not in caplog.text + repr([record.__dict__ for record in caplog.records])
    monkeypatch.setattr(recorder, "PROBE_INTERVAL_S", 0)
    room.app.reported(UNREACHABLE)
    await settle()
    assert fake.asked == [MINE, MINE]
    assert notes(room) == [(GuestState.FAILED, f"{MINE} refuses the password")]


async def test_turn_that_works_for_the_recorder_is_told_so(
    studio: Open, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    room, fake = studio(ice=IceSettings(turn=(MINE,))), probe(ProbeStatus.OK)
    room.app.reported(UNREACHABLE)
    await settle()
    assert fake.asked == [MINE]
    assert notes(room) == [(GuestState.FAILED, SILENT.detail)]
    assert [message for message in caplog.messages if "relays for the recorder itself" in message]


async def test_without_a_turn_server_there_is_nothing_to_say_of_one(
    studio: Open, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    room, fake = studio(ice=IceSettings(turn=())), probe(ProbeStatus.OK)
    room.app.reported(UNREACHABLE)
    await settle()
    assert not fake.asked
    assert not [message for message in caplog.messages if "TURN" in message]


async def test_an_explanation_does_not_take_a_recording_for_a_failure(studio: Open, probe: Probe) -> None:
    room, fake = studio(ice=IceSettings(turn=(MINE,))), probe(ProbeStatus.REFUSED)
    fake.may_answer.clear()
    room.app.reported(UNREACHABLE)
    await settle()
    room.app.reported(Report(ANN, "recording"))
    fake.may_answer.set()
    await settle()
    assert notes(room) == [(GuestState.RECORDING, "")]


async def test_other_failures_are_told_but_not_looked_into(
    studio: Open, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    room, fake = studio(ice=IceSettings(turn=(MINE,))), probe(ProbeStatus.REFUSED)
    room.app.reported(Report(ANN, "waiting", "gone", Outcome("peer_vanished", "gone", retryable=True)))
    await settle()
    assert fake.asked == []
    assert notes(room) == [(GuestState.WAITING, "gone")]
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "guest waiting")
    assert record.__dict__["fields"] == {"stream": "ann", "code": "peer_vanished", "note": "gone"}


@pytest.mark.parametrize("guests", [0, 1])
async def test_an_empty_room_is_said_to_be_empty(
    studio: Open, guests: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "EMPTY_ROOM_S", 0)
    caplog.set_level(logging.INFO, "roomtape.recorder")
    room = studio()
    for _ in range(guests):
        room.app.runner.on_signal(StreamAppeared(PeerId("u-1"), IDENTITY.wire_id(ANN)))
    room.app.joined(Joined(Dialect.HOSTED))
    await settle()
    said = [record.getMessage() for record in caplog.records]
    assert "joined" in said
    assert ("waiting for guests; with another password they would be in another room" in said) == (guests == 0)


class FakeClient:
    """Keeps what it is asked to send."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def request(self, request: Request) -> None:
        self.requests.append(request)


async def test_the_server_hears_what_is_recorded_whenever_that_changes(studio: Open) -> None:
    room, client = studio(), FakeClient()
    room.app.reported(Report(ANN, "recording"))
    room.app.runner.client = client  # type: ignore[assignment]
    ann, bob = IDENTITY.wire_id(ANN), IDENTITY.wire_id(BOB)
    for report in (
        Report(ANN, "recording", "no sound"),
        Report(BOB, "connecting"),
        Report(BOB, "recording"),
        Report(ANN, "waiting"),
        Report(BOB, "finished"),
        Report(ANN, "failed"),
    ):
        room.app.reported(report)
    assert client.requests == [SayRecording((ann,)), SayRecording((ann, bob)), SayRecording((bob,)), SayRecording(())]
