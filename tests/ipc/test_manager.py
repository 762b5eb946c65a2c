"""The manager of children with real processes: good ones, bad ones, and one of the real kind."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from roomtape.config import Deadlines
from roomtape.errors import ChildStartFailed
from roomtape.ipc.messages import (
    Failed,
    Finished,
    FromChild,
    Log,
    Ping,
    Pong,
    Ready,
    RecordConfig,
    RemoteDescription,
    RequestKeyframe,
    ToChild,
)
from roomtape.model import Description, IceServers, SdpType, TurnServer, TurnTransport
from roomtape.supervisor.crash import KEPT_STDERR, MAX_STDERR_LINE
from roomtape.supervisor.launcher import launch
from roomtape.supervisor.manager import (
    BURST_BYTES,
    BYTES_PER_S,
    GARBAGE_LOGGED,
    LEAST_LINE,
    MAX_UNSENT,
    READ_SIZE,
    WebRTCSubprocessManager,
)
from roomtape.supervisor.process import PIPE_LIMIT

pytestmark = pytest.mark.light

FAKE = Path(__file__).parents[1] / "support" / "fake_child.py"
CONFIG = RecordConfig(stream_id="ann", folder="unused", stem="unused")
PATIENT = Deadlines(child_ready=10, ping=0.05, pong=5, stop=5)
SHORT = msgspec.structs.replace(PATIENT, pong=0.3, stop=0.3)


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Watched:
    """A manager of a fake child, and all that it told."""

    def __init__(self, mode: str, deadlines: Deadlines = PATIENT) -> None:
        self.mode = mode
        self.heard: list[FromChild] = []
        self.exits: list[str] = []
        self.manager = WebRTCSubprocessManager(CONFIG, self.heard.append, self.exits.append, deadlines, self._launch)

    async def _launch(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        arguments = ["-I", "-S", str(FAKE), self.mode]
        return await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, limit=PIPE_LIMIT
        )

    def logs(self) -> list[str]:
        return [message.message for message in self.heard if isinstance(message, Log)]

    @property
    def alive(self) -> bool:
        return self.manager.pid is not None and Path(f"/proc/{self.manager.pid}").exists()

    async def gone(self) -> None:
        await until(lambda: self.exits)


Start = Callable[..., Watched]


@pytest.fixture
async def fake() -> AsyncIterator[Start]:
    """Makes watched fakes; whatever becomes of them, none outlives the test, and each tells its end exactly once."""
    made: list[Watched] = []

    def make(mode: str, deadlines: Deadlines = PATIENT) -> Watched:
        made.append(Watched(mode, deadlines))
        return made[-1]

    yield make
    for watched in made:
        watched.manager.kill("the test is over")
        await watched.gone()
        assert not watched.alive
        await asyncio.sleep(0)
        assert len(watched.exits) == 1


# --- a good child -------------------------------------------------------------------------------------------------


async def test_a_child_is_ready_hears_answers_and_ends(fake: Start) -> None:
    child = fake("echo")
    await child.manager.start()
    [ready] = child.heard
    assert isinstance(ready, Ready)
    assert ready.pid == child.manager.pid
    child.manager.send(RequestKeyframe())
    await until(lambda: child.logs() == ["request_keyframe"])
    assert child.exits == []
    await child.manager.stop()
    assert child.exits == ["exited with code 0"]
    assert child.heard[-1] == Finished(files=())
    assert (child.manager.dropped, child.manager.garbage) == (0, 0)


async def test_pongs_keep_it_alive_and_are_not_passed_on(fake: Start) -> None:
    child = fake("echo", msgspec.structs.replace(PATIENT, ping=0.01, pong=0.5))
    await child.manager.start()
    await asyncio.sleep(0.7)
    assert child.alive
    assert not any(isinstance(message, Pong) for message in child.heard)


async def test_who_speaks_is_pinged_seldom_and_who_falls_silent_at_once(
    fake: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roomtape.supervisor.manager.PING_AT_LEAST_S", 0.5)
    sent: list[ToChild] = []
    child = fake("echo", msgspec.structs.replace(PATIENT, ping=0.2))
    send = child.manager.send

    def note(message: ToChild) -> None:
        sent.append(message)
        send(message)

    monkeypatch.setattr(child.manager, "send", note)
    await child.manager.start()
    begun = time.monotonic()
    while time.monotonic() - begun < 1.3:  # its echo is what it says
        child.manager.send(RequestKeyframe())
        await asyncio.sleep(0.02)
    pings = sum(isinstance(message, Ping) for message in sent)
    assert 1 <= pings <= 4, "every 0.5 s; every 0.2 s it would be 6"
    await until(lambda: sum(isinstance(message, Ping) for message in sent) >= pings + 2)


async def test_a_child_that_speaks_and_does_not_hear_is_found_out(fake: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomtape.supervisor.manager.PING_AT_LEAST_S", 0.5)
    child = fake("speak_and_not_hear", SHORT)
    await child.manager.start()
    await child.gone()
    assert child.exits == ["killed: no sign of life for 0.3 s"]


async def test_it_can_be_started_without_waiting(fake: Start) -> None:
    child = fake("echo")
    await child.manager.spawn()
    assert child.heard == []
    await until(lambda: child.heard)
    assert isinstance(child.heard[0], Ready)


async def test_stopping_twice_at_once_and_afterwards_is_one_stop(fake: Start) -> None:
    child = fake("slow_exit")
    await child.manager.start()
    await asyncio.gather(child.manager.stop(), child.manager.stop())
    await child.manager.stop()
    assert child.exits == ["exited with code 0"]
    assert child.heard.count(Finished(files=())) == 1


async def test_what_was_never_started_stops_at_once() -> None:
    child = Watched("echo")
    child.manager.send(RequestKeyframe())
    await child.manager.stop()
    child.manager.kill("nothing to kill")
    assert (child.manager.pid, child.manager.dropped, child.exits) == (None, 1, [])


# --- that does not start ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("crash", "a child did not start: exited with code 3"),
        ("crash_by_signal", "a child did not start: ended by SIGTERM (15)"),
        ("refuse", "no element webrtcbin"),
        ("refuse_and_stay", "not today"),
        ("never_ready", "a child did not start: killed: not ready within 0.3 s"),
    ],
)
async def test_a_child_that_does_not_start_says_why(fake: Start, mode: str, why: str) -> None:
    ready_within = 0.3 if mode == "never_ready" else PATIENT.child_ready
    child = fake(mode, msgspec.structs.replace(SHORT, child_ready=ready_within))
    begun = time.monotonic()
    with pytest.raises(ChildStartFailed) as failed:
        await child.manager.start()
    assert failed.value.detail == why
    assert time.monotonic() - begun < PATIENT.child_ready / 2
    assert not child.alive
    assert len(child.exits) == 1


async def test_a_refusal_reaches_the_listener_too(fake: Start) -> None:
    child = fake("refuse")
    await child.manager.spawn()
    await child.gone()
    [failed, finished] = child.heard
    assert isinstance(failed, Failed)
    assert failed.code == "missing_element"
    assert isinstance(finished, Finished)
    assert child.exits == ["exited with code 1"]


async def test_a_program_that_is_missing_is_a_failed_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    manager = WebRTCSubprocessManager(CONFIG, lambda _: None)
    with pytest.raises(ChildStartFailed, match="No such file"):
        await manager.start()


# --- that ends or hangs -------------------------------------------------------------------------------------------


async def test_a_crash_is_told_after_the_last_words(fake: Start) -> None:
    child = fake("crash_later")
    await child.manager.start()
    child.manager.send(RequestKeyframe())
    await child.gone()
    assert child.exits == ["exited with code 7"]
    assert child.logs() == ["last words"]
    assert child.manager.crash is not None
    assert child.manager.crash.log == ("info last words",)
    child.manager.send(RequestKeyframe())
    child.manager.send(Ping(seq=1))
    assert child.manager.dropped == 1, "a ping that comes too late is no loss"
    await child.manager.stop()
    child.manager.send(RequestKeyframe())
    assert child.manager.dropped == 1, "who was stopped needs no more"


async def test_a_kill_from_outside_is_told_by_its_signal(fake: Start) -> None:
    child = fake("echo")
    await child.manager.start()
    assert child.manager.pid is not None
    os.kill(child.manager.pid, signal.SIGKILL)
    await child.gone()
    assert child.exits == ["ended by SIGKILL (9)"]


@pytest.mark.parametrize("mode", ["hang", "stopped_by_signal", "ignore_ping", "close_stdout"])
async def test_a_child_without_sign_of_life_is_killed_within_the_deadline(fake: Start, mode: str) -> None:
    child = fake(mode, SHORT)
    await child.manager.start()
    begun = time.monotonic()
    await child.gone()
    assert child.exits == ["killed: no sign of life for 0.3 s"]
    assert time.monotonic() - begun < SHORT.ping + SHORT.pong + 1


@pytest.mark.parametrize("mode", ["hang", "stopped_by_signal", "ignore_stop"])
async def test_a_child_that_does_not_stop_is_killed_within_the_deadline(fake: Start, mode: str) -> None:
    child = fake(mode, msgspec.structs.replace(SHORT, pong=10))
    await child.manager.start()
    begun = time.monotonic()
    await child.manager.stop()
    assert SHORT.stop <= time.monotonic() - begun < SHORT.stop + 1
    assert child.exits == ["killed: it did not finish within 0.3 s"]


async def test_a_child_is_not_taken_for_hung_because_its_parent_stood_still(fake: Start) -> None:
    child = fake("echo", SHORT)
    await child.manager.start()
    pid = child.manager.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(SHORT.pong / 2)  # a ping is out
    os.kill(pid, signal.SIGCONT)
    time.sleep(2 * SHORT.pong)  # noqa: ASYNC251 - this is the fault
    await asyncio.sleep(SHORT.pong)
    assert child.exits == []
    await child.manager.stop()


async def test_a_child_that_hangs_shows_where_before_it_is_killed(fake: Start) -> None:
    child = fake("hang_and_tell", SHORT)
    await child.manager.start()
    await child.gone()
    crash = child.manager.crash
    assert crash is not None
    assert crash.exit == "killed: no sign of life for 0.3 s"
    assert any(line.endswith(" in hang_and_tell") for line in crash.stack)
    assert crash.stderr == ("about to hang",)


async def test_a_crash_of_the_real_child_shows_where(tmp_path: Path) -> None:
    exits: list[str] = []
    config = msgspec.structs.replace(CONFIG, folder=str(tmp_path), ice=IceServers())
    manager = WebRTCSubprocessManager(config, lambda _: None, exits.append)
    await manager.start()
    assert manager.pid is not None
    os.kill(manager.pid, signal.SIGSEGV)
    await until(lambda: exits)
    assert exits == ["ended by SIGSEGV (11)"]
    assert manager.crash is not None
    assert manager.crash.stderr[0] == "Fatal Python error: Segmentation fault"
    assert any(line.endswith(" in main") for line in manager.crash.stderr)


@pytest.mark.parametrize("mode", ["echo", "refuse"])
async def test_an_end_that_was_announced_is_no_crash(fake: Start, mode: str) -> None:
    child = fake(mode)
    await child.manager.spawn()
    await until(lambda: child.heard)
    await child.manager.stop()
    assert child.manager.crash is None


async def test_a_kill_on_purpose_is_no_crash(fake: Start) -> None:
    child = fake("echo")
    await child.manager.start()
    child.manager.kill("stopped at once")
    await child.gone()
    assert child.manager.crash is None


async def test_a_slow_end_is_waited_for(fake: Start) -> None:
    child = fake("slow_exit")
    await child.manager.start()
    begun = time.monotonic()
    await child.manager.stop()
    assert time.monotonic() - begun >= 0.3
    assert child.exits == ["exited with code 0"]


async def test_a_kill_does_not_wait_for_a_slow_end(fake: Start) -> None:
    child = fake("slow_exit")
    await child.manager.start()
    stopping = asyncio.create_task(child.manager.stop())
    await asyncio.sleep(0)
    child.manager.kill("stopped at once")
    await stopping
    assert child.exits == ["killed: stopped at once"]
    assert Finished(files=()) not in child.heard


# --- that talks nonsense or too much ------------------------------------------------------------------------------


async def test_garbage_is_counted_and_costs_nothing_else(fake: Start, caplog: pytest.LogCaptureFixture) -> None:
    child = fake("garbage")
    await child.manager.start()
    child.manager.send(RequestKeyframe())
    await until(child.logs)
    assert child.manager.garbage == 6
    assert caplog.messages.count("line from a child dropped") == 6
    await child.manager.stop()
    assert child.exits == ["exited with code 0"]


async def test_an_endless_line_is_dropped(fake: Start) -> None:
    child = fake("long_line")
    await child.manager.start()
    child.manager.send(RequestKeyframe())
    await until(child.logs)
    assert child.manager.garbage == 1


async def longest_wait(seconds: float) -> float:
    """How long the event loop kept another task waiting.

    Without the garbage collector, which pauses because of all that a test keeps of a flood.
    """
    longest, last = 0.0, time.monotonic()
    end = last + seconds
    gc.disable()
    try:
        while last < end:
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    finally:
        gc.enable()
    return longest


@pytest.mark.parametrize("mode", ["flood", "flood_of_garbage"])
async def test_a_flood_keeps_nobody_waiting(fake: Start, caplog: pytest.LogCaptureFixture, mode: str) -> None:
    caplog.set_level("INFO")
    child = fake(mode)
    begun = time.monotonic()
    await child.manager.start()
    assert await longest_wait(1.0) < 0.2
    lines = len(child.heard) + child.manager.garbage
    assert 1000 < lines <= READ_SIZE + (BURST_BYTES + BYTES_PER_S * (time.monotonic() - begun)) / LEAST_LINE
    await child.manager.stop()
    assert child.exits == ["exited with code 0"]
    assert len([line for line in caplog.messages if "dropped" in line]) <= GARBAGE_LOGGED + 1


async def test_the_last_lines_of_stderr_are_kept_and_bounded(fake: Start) -> None:
    child = fake("talk_on_stderr")
    await child.manager.start()
    await until(child.logs)
    await child.manager.stop()
    lines = list(child.manager.last_lines)
    assert len(lines) == KEPT_STDERR
    assert lines[:-2] == [f"line {n}" for n in range(100 - KEPT_STDERR + 2, 100)]
    assert lines[-2:] == ["z" * MAX_STDERR_LINE, "� no line feed"]


async def test_a_child_that_does_not_read_costs_bounded_memory(fake: Start) -> None:
    child = fake("hang")
    await child.manager.start()
    sdp = "x" * 500_000
    for n in range(100):
        child.manager.send(RemoteDescription(negotiation=n, description=Description(SdpType.OFFER, sdp)))
    taken = 100 - child.manager.dropped
    assert MAX_UNSENT < taken * len(sdp) < 2 * MAX_UNSENT


async def test_a_child_that_dies_before_it_has_read_all_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    child = Watched("hang")
    await child.manager.start()
    child.manager.send(RemoteDescription(negotiation=1, description=Description(SdpType.OFFER, "x" * 500_000)))
    child.manager.kill("it reads nothing")
    await child.gone()
    del child
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_listener_that_fails_is_reported_and_the_end_is_told(
    fake: Start, caplog: pytest.LogCaptureFixture
) -> None:
    child = fake("echo", SHORT)

    def fail(message: FromChild) -> None:
        raise KeyError("broken on purpose")

    child.manager._on_message = fail
    await child.manager.spawn()
    await asyncio.wait_for(child.manager.stop(), 5)
    assert "listening to a child failed" in caplog.messages
    assert len(child.exits) == 1


async def test_descriptors_are_not_leaked(fake: Start) -> None:
    async def one_life() -> None:
        child = fake("echo")
        await child.manager.start()
        await child.manager.stop()

    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    await one_life()
    await asyncio.sleep(0.05)
    before = open_descriptors()
    for _ in range(5):
        await asyncio.gather(*(one_life() for _ in range(4)))
    await until(lambda: open_descriptors() <= before)


# --- the real one -------------------------------------------------------------------------------------------------


async def test_no_secret_shows_in_a_real_childs_arguments_or_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {"environment": "s3cret-password", "phrase": "s3cret-phrase", "turn": "s3cret-credential"}
    monkeypatch.setenv("ROOMTAPE_PASSWORD", secrets["environment"])
    monkeypatch.setenv("TURN_CREDENTIAL", secrets["environment"])
    turn = TurnServer("127.0.0.1", 9, TurnTransport.UDP, "user", secrets["turn"])
    config = RecordConfig(
        stream_id="ann", folder=str(tmp_path), stem="x", phrase=secrets["phrase"], ice=IceServers(turn=(turn,))
    )
    exits: list[str] = []
    manager = WebRTCSubprocessManager(config, lambda _: None, exits.append, launcher=launch)
    await manager.start()
    try:
        process = Path(f"/proc/{manager.pid}")
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        assert b"roomtape.child" in shown
        assert b"PATH=" in shown
        assert b"s3cret" not in shown
        assert b"ROOMTAPE" not in shown
        assert os.getsid(manager.pid or 0) == manager.pid, "Ctrl-C must reach only the parent"
    finally:
        await manager.stop()
    assert exits == ["exited with code 0"]
