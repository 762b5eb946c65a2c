import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from roomtape.config import IceSettings, RecordingSettings, Settings, SignalingSettings
from roomtape.doctor import FEW_OPEN_FILES, LITTLE_ROOM, LOW_SPACE, NO_SPACE, Finding, Result, as_table, check
from roomtape.errors import FileRefused, SignalingUnreachable
from roomtape.ice.results import ProbeResult, ProbeStatus
from roomtape.machine import Inventory, Machine
from roomtape.model import IcePolicy, PeerId, TurnServer, TurnTransport, WireStreamId
from roomtape.signaling.messages import Dialect, Member
from roomtape.signaling.visit import Visit

SECRET = "open sesame"
SERVER = "ws://127.0.0.1:8443"
GOOD = ProbeResult(ProbeStatus.OK, "it relays")
REFUSED = ProbeResult(ProbeStatus.REFUSED, "it refused the user name or password (401)")
SILENT = ProbeResult(ProbeStatus.UNREACHABLE, "it gave no answer")


def turn_server(host: str) -> TurnServer:
    return TurnServer(host, 3478, TurnTransport.UDP, "alice", SECRET)


class FakeMachine(Machine):
    """All is well with it, but for what a test changes."""

    def __init__(self) -> None:
        self.found = Inventory(version="1.22.0", landlock=7, seccomp=True)
        self.tools: dict[str, str] = {"ffmpeg": "5.1", "ffprobe": "5.1"}
        self.free: int | FileRefused = 10 * LOW_SPACE
        self.limit = FEW_OPEN_FILES
        self.room = LITTLE_ROOM
        self.seen: Visit | SignalingUnreachable = Visit(Dialect.AUTO)
        self.defaults: tuple[TurnServer, ...] = ()
        self.probes: dict[str, ProbeResult] = {}
        self.asked: list[str] = []
        self.pause = asyncio.Event()
        self.pause.set()

    async def inventory(self) -> Inventory:
        await self.pause.wait()
        return self.found

    async def tool(self, name: str) -> str | None:
        return self.tools.get(name)

    def free_space(self, folder: Path) -> int:
        if isinstance(self.free, FileRefused):
            raise self.free
        return self.free

    def open_files(self) -> int:
        return self.limit

    def receive_bytes(self) -> int:
        return self.room

    async def visit(self, settings: Settings) -> Visit:
        self.asked.append("server")
        if isinstance(self.seen, SignalingUnreachable):
            raise self.seen
        return self.seen

    async def service_turn(self, settings: Settings) -> tuple[TurnServer, ...]:
        return self.defaults

    async def stun(self, address: str) -> ProbeResult:
        self.asked.append(address)
        return self.probes.get(address, GOOD)

    async def turn(self, server: TurnServer) -> ProbeResult:
        self.asked.append(server.host)
        return self.probes.get(server.host, GOOD)


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


def settings(*turn: str, stun: tuple[str, ...] = (), policy: IcePolicy = IcePolicy.ALL, room: str = "") -> Settings:
    return Settings(
        signaling=SignalingSettings(server=SERVER, room=room or None, password=SECRET),
        ice=IceSettings(stun=stun, turn=tuple(map(turn_server, turn)) or None, policy=policy),
        recording=RecordingSettings(output_dir="tapes"),
    )


async def findings(machine: FakeMachine, wanted: str, given: Settings | None = None) -> list[Finding]:
    """Those of one check."""
    return [finding for finding in await check(given or settings(), machine) if finding.check == wanted]


async def finding(machine: FakeMachine, wanted: str, given: Settings | None = None) -> Finding:
    (one,) = await findings(machine, wanted, given)
    return one


async def test_all_is_well(machine: FakeMachine) -> None:
    found = await check(settings("relay", stun=("stun:1",), room="studio"), machine)
    assert [one.check for one in found] == [
        *(
            "GStreamer",
            "elements",
            "sandbox",
            "ffmpeg",
            "output folder",
            "open files",
            "receive buffers",
            "handshake server",
            "STUN",
            "TURN",
        )
    ]
    assert {one.result for one in found} == {Result.OK}
    assert not any(one.advice for one in found)


async def test_one_slow_look_keeps_no_other_waiting(machine: FakeMachine) -> None:
    machine.pause.clear()
    examination = asyncio.create_task(check(settings("relay", stun=("stun:1",)), machine))
    for _ in range(10):
        await asyncio.sleep(0)
    assert sorted(machine.asked) == ["relay", "server", "stun:1"]
    assert not examination.done()
    machine.pause.set()
    await examination


# --- media -------------------------------------------------------------------------------------------------------


async def test_gstreamer_that_does_not_load_names_the_package(machine: FakeMachine) -> None:
    machine.found = Inventory(fault="No module named 'gi'", package="python3-gi")
    one = await finding(machine, "GStreamer")
    assert one.result is Result.PROBLEM
    assert "No module named 'gi'" in one.detail
    assert one.advice.startswith("apt-get install python3-gi")
    assert await findings(machine, "elements") == []


@pytest.mark.parametrize(
    ("version", "result"),
    [("1.20.3", Result.PROBLEM), ("1.21.90", Result.PROBLEM), ("1.22.0", Result.OK), ("1.100.1", Result.OK)],
)
async def test_gstreamer_must_be_new_enough(machine: FakeMachine, version: str, result: Result) -> None:
    machine.found = Inventory(version=version)
    one = await finding(machine, "GStreamer")
    assert (one.result, version in one.detail) == (result, True)
    assert ("1.22" in one.advice) is (result is Result.PROBLEM)


async def test_missing_elements_come_with_each_package_once(machine: FakeMachine) -> None:
    missing = {"nicesrc": "package-nice", "webrtcbin": "package-bad", "dtlsdec": "package-bad"}
    machine.found = Inventory(version="1.22.0", missing=missing)
    one = await finding(machine, "elements")
    assert one.result is Result.PROBLEM
    assert one.detail == "missing: dtlsdec, nicesrc, webrtcbin"
    assert one.advice == "apt-get install package-bad package-nice"


async def test_the_sandbox_says_what_is_in_force(machine: FakeMachine) -> None:
    one = await finding(machine, "sandbox")
    assert one.detail == "no new privileges, files by Landlock 7, system calls by seccomp"


async def test_a_sandbox_with_holes_is_a_warning_that_names_them(machine: FakeMachine) -> None:
    machine.found = Inventory(version="1.22.0", seccomp=True, unconfined=("Landlock: Operation not supported",))
    one = await finding(machine, "sandbox")
    assert one.result is Result.WARNING
    assert "Landlock: Operation not supported" in one.detail
    assert "seccomp" in one.detail
    assert "5.13" in one.advice


@pytest.mark.parametrize("lacking", ["ffmpeg", "ffprobe"])
async def test_recording_does_without_ffmpeg(machine: FakeMachine, lacking: str) -> None:
    del machine.tools[lacking]
    one = await finding(machine, "ffmpeg")
    assert one.result is Result.WARNING
    assert one.detail.startswith(lacking)


# --- this computer -----------------------------------------------------------------------------------------------


async def test_a_folder_that_takes_no_files(machine: FakeMachine) -> None:
    machine.free = FileRefused("tapes takes no files: Read-only file system")
    one = await finding(machine, "output folder")
    assert (one.result, one.detail) == (Result.PROBLEM, machine.free.detail)
    assert "--output-dir" in one.advice


@pytest.mark.parametrize(
    ("free", "result"),
    [
        (NO_SPACE - 1, Result.PROBLEM),
        (NO_SPACE, Result.WARNING),
        (LOW_SPACE - 1, Result.WARNING),
        (LOW_SPACE, Result.OK),
    ],
)
async def test_space_that_runs_out(machine: FakeMachine, free: int, result: Result) -> None:
    machine.free = free
    assert (await finding(machine, "output folder")).result is result


async def test_space_is_told_in_hours(machine: FakeMachine) -> None:
    machine.free = 9_000_000_000
    assert (await finding(machine, "output folder")).detail == "tapes: 9.0 GB free, 8.0 h of one guest at 2.5 Mbit/s"


@pytest.mark.parametrize(
    ("limit", "result"), [(FEW_OPEN_FILES - 1, Result.WARNING), (FEW_OPEN_FILES, Result.OK), (-1, Result.OK)]
)
async def test_a_low_limit_of_open_files(machine: FakeMachine, limit: int, result: Result) -> None:
    machine.limit = limit
    assert (await finding(machine, "open files")).result is result


@pytest.mark.parametrize(
    ("room", "result"),
    [(212_992, Result.WARNING), (LITTLE_ROOM - 1, Result.WARNING), (LITTLE_ROOM, Result.OK), (0, Result.OK)],
)
async def test_little_room_for_what_arrives(machine: FakeMachine, room: int, result: Result) -> None:
    machine.room = room
    one = await finding(machine, "receive buffers")
    assert one.result is result
    assert ("sysctl" in one.advice) is (result is Result.WARNING)


# --- the handshake server ----------------------------------------------------------------------------------------


async def test_a_server_that_cannot_be_reached(machine: FakeMachine) -> None:
    machine.seen = SignalingUnreachable("cannot reach the handshake server: refused")
    one = await finding(machine, "handshake server")
    assert (one.result, one.detail) == (Result.PROBLEM, f"{SERVER}: cannot reach the handshake server: refused")
    assert "--server" in one.advice


async def test_a_certificate_that_is_not_trusted(machine: FakeMachine) -> None:
    machine.seen = SignalingUnreachable("its certificate is not trusted (self-signed certificate)")
    assert "--insecure-signaling" in (await finding(machine, "handshake server")).advice


async def test_without_a_room_none_is_joined(machine: FakeMachine) -> None:
    assert "give a room" in (await finding(machine, "handshake server")).detail


async def test_who_is_in_the_room(machine: FakeMachine) -> None:
    publisher = Member(PeerId("u-ann"), WireStreamId("ann808d64"))
    machine.seen = Visit(Dialect.HOSTED, (publisher, Member(PeerId("u-watcher"))))
    one = await finding(machine, "handshake server", settings(room="studio"))
    assert one.result is Result.OK
    assert one.detail == f"{SERVER} lets us in; dialect hosted, members beside us: 2, streams: 1"


async def test_an_empty_room_may_be_that_of_another_password(machine: FakeMachine) -> None:
    machine.seen = Visit(Dialect.HOSTED, ())
    one = await finding(machine, "handshake server", settings(room="studio"))
    assert one.result is Result.OK
    assert "nobody is in the room, which another password" in one.detail


async def test_a_fan_out_server_lists_nobody(machine: FakeMachine) -> None:
    machine.seen = Visit(Dialect.FANOUT)
    one = await finding(machine, "handshake server", settings(room="studio"))
    assert one.result is Result.OK
    assert one.detail.endswith("dialect fanout, which lists no members")


# --- STUN and TURN -----------------------------------------------------------------------------------------------


async def test_nothing_configured_is_fine(machine: FakeMachine) -> None:
    assert {(await finding(machine, name)).result for name in ("STUN", "TURN")} == {Result.OK}
    assert machine.asked.count("server") == len(machine.asked)


async def test_stun_is_a_warning_at_worst(machine: FakeMachine) -> None:
    machine.probes = {"dead": SILENT}
    found = await findings(machine, "STUN", settings(stun=("dead", "alive")))
    assert [one.result for one in found] == [Result.WARNING, Result.OK]


async def test_relay_only_asks_no_stun_server(machine: FakeMachine) -> None:
    one = await finding(machine, "STUN", settings("relay", stun=("s",), policy=IcePolicy.RELAY))
    assert (one.result, "s" in machine.asked) == (Result.OK, False)


@pytest.mark.parametrize(
    ("probe", "advice"), [(REFUSED, "check the user name and password"), (SILENT, "check host, port and transport")]
)
async def test_no_turn_server_that_works(machine: FakeMachine, probe: ProbeResult, advice: str) -> None:
    machine.probes = {"relay": probe}
    one = await finding(machine, "TURN", settings("relay"))
    assert (one.result, one.detail) == (Result.PROBLEM, probe.detail)
    assert one.advice.startswith(advice)


async def test_another_turn_server_makes_up_for_a_bad_one(machine: FakeMachine) -> None:
    machine.probes = {"bad": REFUSED}
    found = await findings(machine, "TURN", settings("bad", "good"))
    assert [one.result for one in found] == [Result.WARNING, Result.OK]


@pytest.mark.parametrize(("policy", "result"), [(IcePolicy.ALL, Result.WARNING), (IcePolicy.RELAY, Result.PROBLEM)])
async def test_the_service_s_own_turn_servers(machine: FakeMachine, policy: IcePolicy, result: Result) -> None:
    """Nobody asked for them, so that their loss is a problem only if nothing else is allowed."""
    machine.defaults = (turn_server("a"), turn_server("b"))
    machine.probes = {"a": SILENT, "b": REFUSED}
    found = await findings(machine, "TURN", settings(policy=policy))
    assert [one.result for one in found] == [result, result]
    assert all("--turn-server" in one.advice for one in found)


# --- the table ---------------------------------------------------------------------------------------------------


def shown(*found: Finding) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(as_table(found))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_the_table_says_what_to_do() -> None:
    lines = shown(Finding("TURN", Result.PROBLEM, "refused", "check it"), Finding("STUN", Result.OK, "fine"))
    assert [line.split() for line in lines.splitlines()[1:]] == [
        ["TURN", "problem", "refused"],
        ["→", "check", "it"],
        ["STUN", "ok", "fine"],
    ]


def test_what_a_server_says_steers_no_terminal() -> None:
    text = shown(Finding("handshake server", Result.PROBLEM, "[red]\x1b[2J\nTURN  ok"))
    assert r"[red]\x1b[2J\nTURN  ok" in text
    assert len(text.splitlines()) == 2


async def test_no_secret_is_shown(machine: FakeMachine) -> None:
    machine.probes = {"relay": REFUSED}
    machine.seen = SignalingUnreachable("no way")
    text = shown(*await check(settings("relay", room="studio"), machine))
    assert "it refused" in text
    assert SECRET not in text
