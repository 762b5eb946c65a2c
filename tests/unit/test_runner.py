import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest

from roomtape.config import Deadlines
from roomtape.errors import ChildStartFailed, FileRefused, SignalingUnreachable
from roomtape.ipc.messages import (
    FromChild,
    Init,
    Log,
    Ready,
    RecordConfig,
    RequestKeyframe,
)
from roomtape.ipc.messages import Stop as StopMessage
from roomtape.model import StreamId, WireStreamId
from roomtape.observe.metrics import Metrics
from roomtape.room.effects import (
    Arm,
    ChildId,
    Count,
    Disarm,
    Effect,
    Report,
    Send,
    Spawn,
    Stop,
    Tell,
    Timer,
    Warn,
)
from roomtape.runner import LOG_LINES_AT_ONCE, Runner
from roomtape.signaling.client import SignalingClient
from roomtape.signaling.messages import Dialect, Dropped, Play, Request, Signal
from roomtape.signaling.protocol import Joined
from tests.support.fake_process import FakeLauncher, settle

ANN, BOB = StreamId("ann"), StreamId("bob")
READY = Ready(version=1, pid=1, gstreamer="none")
HOUR_S = 3600.0
NEVER = "stopped before it began"


class ScriptedDecider:
    """Remembers what it was told, and decides what `answers` holds for the input of that name."""

    idle = True

    def __init__(self, story: list[str]) -> None:
        self._story = story
        self.answers: dict[str, list[Effect]] = {}
        self.exits: list[tuple[ChildId, str]] = []
        self.heard: list[tuple[ChildId, FromChild]] = []
        self.rung: list[Timer] = []

    def _decide(self, name: str) -> list[Effect]:
        self._story.append(f"decider: {name}")
        return self.answers.get(name, [])

    def joined(self, now: float) -> list[Effect]:
        return self._decide("joined")

    def signal(self, signal: Signal, now: float) -> list[Effect]:
        return self._decide("signal")

    def child_said(self, child: ChildId, message: FromChild, now: float) -> list[Effect]:
        self.heard.append((child, message))
        return self._decide("child said")

    def child_exited(self, child: ChildId, detail: str, now: float) -> list[Effect]:
        self.exits.append((child, detail))
        return self._decide("child exited")

    def due(self, timer: Timer, now: float) -> list[Effect]:
        self.rung.append(timer)
        return self._decide("due")

    def leave(self) -> list[Effect]:
        return self._decide("leave")


class NotingAudience:
    def __init__(self, story: list[str]) -> None:
        self._story = story

    def child_said(self, child: ChildId, stream: StreamId, message: FromChild) -> None:
        self._story.append(f"audience: {stream} said {type(message).__name__}")

    def child_exited(self, child: ChildId, stream: StreamId, detail: str) -> None:
        self._story.append(f"audience: {stream} ended")

    def reported(self, report: Report) -> None:
        self._story.append(f"audience: {report.stream} is {report.state}")

    def joined(self, joined: Joined) -> None:
        self._story.append("audience: joined")


class NotingClient:
    def __init__(self, story: list[str]) -> None:
        self._story = story

    def request(self, request: Request) -> None:
        assert isinstance(request, Play)
        self._story.append(f"client: play {request.stream}")


class Stage:
    """A runner with everything round it. Configuring waits for `configuring`, and raises `refusal` if there is one."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.decider = ScriptedDecider(self.story)
        self.metrics = Metrics()
        self.launcher = FakeLauncher()
        self.processes = self.launcher.processes
        self.configuring = asyncio.Event()
        self.configuring.set()
        self.refusal: Exception | None = None
        self.runner = Runner(
            self.decider, NotingAudience(self.story), self._configure, Deadlines(), self.metrics, self.launcher
        )
        self.runner.client = cast(SignalingClient, NotingClient(self.story))

    async def _configure(self, child: ChildId, stream: StreamId) -> RecordConfig:
        await self.configuring.wait()
        if self.refusal is not None:
            raise self.refusal
        return RecordConfig(stream_id=stream, folder="unused", stem=f"{stream}_{child}")

    async def perform(self, *effects: Effect) -> None:
        self.runner.perform(list(effects))
        await settle()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    made.runner.kill_all()
    await settle()
    assert len({child for child, _ in made.decider.exits}) == len(made.decider.exits), "an end is told once"


def fields(record: logging.LogRecord) -> dict[str, Any]:
    found = record.__dict__["fields"]
    assert isinstance(found, dict)
    return found


# --- effects ------------------------------------------------------------------------------------------------------


async def test_effects_are_performed_in_order(stage: Stage) -> None:
    play = Send(Play(WireStreamId("ann808d64")))
    await stage.perform(Report(ANN, "waiting"), play, Report(BOB, "waiting"), play)
    assert stage.story == [
        "audience: ann is waiting",
        "client: play ann808d64",
        "audience: bob is waiting",
        "client: play ann808d64",
    ]


async def test_what_the_server_says_is_decided_on_and_done(stage: Stage) -> None:
    stage.decider.answers = {"signal": [Report(ANN, "waiting")], "joined": [Report(BOB, "waiting")]}
    stage.runner.on_signal(Dropped("malformed"))
    stage.runner.on_joined(Joined(Dialect.HOSTED))
    assert stage.story == [
        "decider: signal",
        "audience: ann is waiting",
        "audience: joined",
        "decider: joined",
        "audience: bob is waiting",
    ]
    assert stage.metrics.signaling_connected.value == 1
    stage.runner.on_lost(SignalingUnreachable("gone"))
    assert stage.metrics.signaling_connected.value == 0


async def test_what_is_counted_and_what_is_warned_of(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.perform(Count("malformed"), Count("malformed"), Warn("the server says", {"text": "hello"}))
    assert stage.metrics.frames_dropped.values == {"malformed": 2}
    assert [(record.getMessage(), fields(record)) for record in caplog.records] == [
        ("the server says", {"text": "hello"})
    ]


async def test_a_flood_is_warned_of_once_and_counted_at_the_end(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.perform(*[Count("too many streams")] * 3, Count("stream not wanted"))
    await stage.runner.leave()
    assert [fields(record) for record in caplog.records] == [{"reason": "too many streams"}, {"too_many_streams": 3}]


# --- children -----------------------------------------------------------------------------------------------------


async def test_a_child_is_configured_started_and_heard(stage: Stage) -> None:
    await stage.perform(Spawn(7, ANN))
    [process] = stage.processes
    assert process.told == [Init(config=RecordConfig(stream_id="ann", folder="unused", stem="ann_7"))]
    assert (stage.metrics.children_started.value, stage.metrics.children_alive.value) == (1, 1)
    process.say(READY)
    await settle()
    assert stage.story == ["audience: ann said Ready", "decider: child said"]
    assert stage.decider.heard == [(7, READY)]


async def test_children_without_a_whole_sandbox_are_warned_of_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.perform(Spawn(7, ANN), Spawn(8, BOB))
    for process in stage.processes:
        process.say(msgspec.structs.replace(READY, unconfined=("Landlock: not supported", "seccomp: no filter")))
    await settle()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert fields(record) == {"missing": "Landlock: not supported; seccomp: no filter"}


async def test_what_is_decided_on_a_child_s_word_is_done(stage: Stage) -> None:
    stage.decider.answers["child said"] = [Tell(1, RequestKeyframe())]
    await stage.perform(Spawn(1, ANN), Spawn(2, BOB))
    stage.processes[1].say(READY)
    await settle()
    assert stage.processes[0].told[1:] == [RequestKeyframe()]
    assert stage.processes[1].told[1:] == []


async def test_a_child_that_is_stopped_ends_and_is_told_once(stage: Stage) -> None:
    await stage.perform(Spawn(1, ANN))
    await stage.perform(Stop(1, "enough"), Stop(1, "enough"))
    assert [message.reason for message in stage.processes[0].told if isinstance(message, StopMessage)] == ["enough"]
    assert stage.decider.exits == [(1, "exited with code 0")]
    assert stage.story == ["audience: ann ended", "decider: child exited"]
    assert stage.metrics.children_alive.value == 0


async def test_a_child_that_crashes_may_have_a_successor(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "roomtape.runner")
    stage.decider.answers["child exited"] = [Spawn(2, ANN)]
    await stage.perform(Spawn(1, ANN))
    stage.processes[0].stderr.feed_data(b"Segmentation fault\n")
    stage.processes[0].exit(-11)
    await settle()
    assert stage.decider.exits == [(1, "ended by SIGSEGV (11)")]
    assert len(stage.processes) == 2
    assert [fields(r)["text"] for r in caplog.records if r.getMessage() == "its last words"] == ["Segmentation fault"]


async def test_effects_for_an_ended_child_do_nothing(stage: Stage) -> None:
    await stage.perform(Spawn(1, ANN), Spawn(2, BOB))
    await stage.perform(Stop(1, "enough"))
    await stage.perform(Stop(1, "again"), Tell(1, RequestKeyframe()), Stop(99, "never was"))
    assert stage.decider.exits == [(1, "exited with code 0")]
    assert len(stage.processes[0].told) == 2


@pytest.mark.parametrize("step", ["configuring", "launching"])
async def test_a_child_that_is_stopped_while_it_starts_never_begins(stage: Stage, step: str) -> None:
    gate = {"configuring": stage.configuring, "launching": stage.launcher.open}[step]
    gate.clear()
    await stage.perform(Spawn(1, ANN))
    await stage.perform(Stop(1, "enough"))
    assert stage.decider.exits == [(1, NEVER)]
    gate.set()
    await settle()
    assert stage.processes == []


async def test_a_child_that_is_stopped_in_the_same_breath_never_begins(stage: Stage) -> None:
    await stage.perform(Spawn(1, ANN), Stop(1, "enough"))
    assert stage.decider.exits == [(1, NEVER)]
    assert stage.processes == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (FileRefused("cannot read the folder"), "cannot read the folder"),
        (PermissionError(13, "Permission denied", "/out"), "permission denied"),
        (ZeroDivisionError("a bug"), "ZeroDivisionError('a bug')"),
    ],
)
async def test_a_child_that_cannot_be_configured_is_told_like_one_that_ended(
    stage: Stage, caplog: pytest.LogCaptureFixture, refusal: Exception, words: str
) -> None:
    stage.refusal = refusal
    await stage.perform(Spawn(1, ANN))
    assert stage.decider.exits == [(1, words)]
    assert [fields(record) for record in caplog.records] == [{"stream": "ann", "reason": words}]
    assert stage.metrics.children_started.value == 0


async def test_so_is_one_that_the_system_refuses(stage: Stage) -> None:
    stage.launcher.refusal = ChildStartFailed("cannot start a child: too many")
    await stage.perform(Spawn(1, ANN))
    assert stage.decider.exits == [(1, "cannot start a child: too many")]


async def test_a_child_s_log_goes_to_the_log_with_its_stream(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "roomtape.child")
    await stage.perform(Spawn(1, ANN))
    for level in ("debug", "error", "made up"):
        said: dict[str, Any] = {"level": 1, "message": "x", "stream": "forged"}
        stage.processes[0].say(Log(level=level, message="packet lost", fields=said))
    await settle()
    assert [record.levelno for record in caplog.records] == [logging.DEBUG, logging.ERROR, logging.WARNING]
    assert {record.name for record in caplog.records} == {"roomtape.child"}
    assert fields(caplog.records[0]) == {"level": 1, "message": "x", "stream": "ann"}


async def test_a_child_that_logs_without_end_is_heard_now_and_then(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.perform(Spawn(7, ANN), Spawn(8, BOB))
    ann, bob = stage.processes
    for _ in range(1000):
        ann.say(Log(level="info", message="look at me"))
    bob.say(Log(level="warning", message="I am here"))
    async with asyncio.timeout(10):
        while not any(record.getMessage() == "I am here" for record in caplog.records):  # noqa: ASYNC110
            await asyncio.sleep(0)
    for _ in range(1000):
        await asyncio.sleep(0)
    left_out = stage.metrics.child_messages_dropped.values["too many log lines"]
    assert 1000 - LOG_LINES_AT_ONCE - 50 < left_out <= 1000 - LOG_LINES_AT_ONCE
    assert stage.story == [], "nobody else is told"


# --- timers -------------------------------------------------------------------------------------------------------

TIMER, OTHER = Timer("answer", 1), Timer("answer", 2)


async def test_a_timer_rings_once_and_what_it_decides_is_done(stage: Stage) -> None:
    stage.decider.answers["due"] = [Report(ANN, "failed")]
    await stage.perform(Arm(TIMER, 0), Arm(OTHER, HOUR_S))
    assert stage.decider.rung == [TIMER]
    assert stage.story == ["decider: due", "audience: ann is failed"]


async def test_arming_again_replaces(stage: Stage) -> None:
    await stage.perform(Arm(TIMER, 0), Arm(TIMER, HOUR_S), Arm(OTHER, HOUR_S), Arm(OTHER, 0))
    assert stage.decider.rung == [OTHER]


async def test_a_timer_that_is_disarmed_does_not_ring(stage: Stage) -> None:
    await stage.perform(Arm(TIMER, 0), Arm(OTHER, 0), Disarm(TIMER), Disarm(TIMER))
    assert stage.decider.rung == [OTHER]


# --- the end ------------------------------------------------------------------------------------------------------


async def test_leaving_an_empty_room_takes_no_time(stage: Stage) -> None:
    async with asyncio.timeout(0):
        await stage.runner.leave()
    assert stage.story == ["decider: leave"]


async def test_leaving_waits_for_everyone(stage: Stage) -> None:
    stage.decider.answers["leave"] = [Stop(1, "the end"), Stop(2, "the end"), Stop(3, "the end")]
    await stage.perform(Spawn(1, ANN))
    stage.launcher.stubborn = True
    await stage.perform(Spawn(2, BOB))
    stage.configuring.clear()
    await stage.perform(Spawn(3, ANN))
    leaving = asyncio.create_task(stage.runner.leave())
    await settle()
    assert sorted(stage.decider.exits) == [(1, "exited with code 0"), (3, NEVER)]
    assert not leaving.done()
    stage.processes[1].exit(0)
    await settle()
    assert leaving.done()


async def test_who_dies_at_the_end_is_remembered(stage: Stage) -> None:
    await stage.perform(Spawn(1, ANN), Spawn(2, BOB))
    stage.processes[0].exit(-11)
    await settle()
    leaving = asyncio.create_task(stage.runner.leave())
    await settle()
    stage.processes[1].exit(-11)
    await settle()
    assert leaving.done()
    assert stage.runner.ended_badly == [BOB]


async def test_after_leaving_no_timer_rings(stage: Stage) -> None:
    stage.decider.answers["leave"] = [Arm(TIMER, 0)]
    await stage.runner.leave()
    await settle()
    assert stage.decider.rung == []


async def test_whoever_does_not_want_to_wait_need_not(stage: Stage) -> None:
    stage.launcher.stubborn = True
    await stage.perform(Spawn(1, ANN))
    stage.launcher.open.clear()
    await stage.perform(Spawn(2, BOB))
    leaving = asyncio.create_task(stage.runner.leave())
    await settle()
    assert not leaving.done()
    stage.runner.kill_all()
    await settle()
    assert leaving.done()
    assert sorted(stage.decider.exits) == [(1, "killed: stopped at once"), (2, NEVER)]
    stage.launcher.open.set()
    await settle()
    assert len(stage.processes) == 1
