"""Children that are forked: each with a life of its own, and none harmed by the death of the fork server."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from roomtape.config import Deadlines, LauncherChoice, SupervisionSettings
from roomtape.errors import ChildStartFailed
from roomtape.ipc.ceilings import Ceilings
from roomtape.ipc.messages import (
    AddViewer,
    FromChild,
    LocalDescription,
    PublishConfig,
    RecordConfig,
    RemoteDescription,
)
from roomtape.model import Description, SdpType
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.manager import WebRTCSubprocessManager
from roomtape.supervisor.process import Launch

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
OFFER = (ROOT / "tests" / "unit" / "child" / "chromium_156.sdp").read_text()
FORK = SupervisionSettings(launcher=LauncherChoice.FORK)
PATIENT = Deadlines(ping=30, pong=30)
END_S = 2.0
CHILDREN = 100
AT_ONCE = 10


class Nursery:
    """Children by one launcher. `heard` and `exits` are by child."""

    def __init__(self, launcher: Launch, metrics: Metrics, folder: Path) -> None:
        self.launcher, self.metrics, self._folder = launcher, metrics, folder
        self._failed_before = metrics.forks_failed.value
        self.heard: dict[WebRTCSubprocessManager, list[FromChild]] = {}
        self.exits: dict[WebRTCSubprocessManager, list[str]] = {}

    async def child(self, config: RecordConfig | PublishConfig | None = None) -> WebRTCSubprocessManager:
        """One that is ready."""
        heard: list[FromChild] = []
        exits: list[str] = []
        config = config or RecordConfig(stream_id="ann", folder=str(self._folder), stem="ann")
        manager = WebRTCSubprocessManager(config, heard.append, exits.append, PATIENT, self.launcher)
        self.heard[manager], self.exits[manager] = heard, exits
        await manager.start()
        return manager

    async def description(self, child: WebRTCSubprocessManager) -> str:
        """The first that it sends."""
        await until(lambda: any(isinstance(message, LocalDescription) for message in self.heard[child]))
        return next(message.description.sdp for message in self.heard[child] if isinstance(message, LocalDescription))

    @property
    def forked(self) -> bool:
        """Whether every child was."""
        return self.metrics.forks_failed.value == self._failed_before

    async def close(self) -> None:
        await asyncio.gather(*(manager.stop() for manager in self.heard))


@contextlib.asynccontextmanager
async def nursery(
    folder: Path, settings: SupervisionSettings = FORK, deadlines: Deadlines = PATIENT
) -> AsyncIterator[Nursery]:
    metrics = Metrics()
    async with launching(settings, deadlines, metrics) as launcher:
        its = Nursery(launcher, metrics, folder)
        try:
            yield its
        finally:
            await its.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def unharmed() -> AsyncIterator[tuple[Launch, Metrics]]:
    """A fork server for all tests that do not kill it: its start costs more than most of them."""
    metrics = Metrics()
    async with launching(FORK, PATIENT, metrics) as launcher:
        yield launcher, metrics


@pytest_asyncio.fixture(loop_scope="session")
async def forking(unharmed: tuple[Launch, Metrics], tmp_path: Path) -> AsyncIterator[Nursery]:
    its = Nursery(*unharmed, tmp_path)
    yield its
    await its.close()


@pytest_asyncio.fixture(loop_scope="session")
async def mortal(tmp_path: Path) -> AsyncIterator[Nursery]:
    """With a fork server of its own."""
    async with nursery(tmp_path) as its:
        yield its


async def until(condition: Callable[[], object], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def pid_of(child: WebRTCSubprocessManager) -> int:
    assert child.pid is not None
    return child.pid


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def descriptors(pid: int) -> dict[int, str]:
    held = {}
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that with which the folder itself was read
            held[int(one.name)] = str(one.readlink())
    return held


def servers() -> set[int]:
    """The fork servers of this process: those of other tests are among them."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if parent(int(process.name)) == os.getpid() and b"child.zygote" in (process / "cmdline").read_bytes():
                found.add(int(process.name))
    return found


# --- lives of their own -------------------------------------------------------------------------------------------


async def test_children_are_forked_and_end_like_others(forking: Nursery) -> None:
    child = await forking.child()
    assert parent(pid_of(child)) in servers()
    assert os.getsid(pid_of(child)) == child.pid, "Ctrl-C must reach only the parent"
    await child.stop()
    assert forking.exits[child] == ["exited with code 0"]
    assert forking.forked


async def test_a_hundred_children_have_a_hundred_ice_credentials(forking: Nursery) -> None:
    seen: list[str] = []
    for _ in range(CHILDREN // AT_ONCE):
        children = await asyncio.gather(*(forking.child() for _ in range(AT_ONCE)))
        for child in children:
            child.send(RemoteDescription(negotiation=1, description=Description(SdpType.OFFER, OFFER)))
        seen += await asyncio.gather(*(forking.description(child) for child in children))
        await asyncio.gather(*(child.stop() for child in children))
    assert forking.forked
    for what in (r"a=ice-ufrag:(\S+)", r"a=ice-pwd:(\S+)"):
        assert len({re.findall(what, sdp)[0] for sdp in seen}) == CHILDREN, what


async def test_publishing_children_have_ssrcs_of_their_own(forking: Nursery) -> None:
    config = PublishConfig(stream_id="ann", width=160, height=90, framerate=5, encoder="vp8enc")
    children = await asyncio.gather(*(forking.child(config) for _ in range(AT_ONCE)))
    for child in children:
        child.send(AddViewer(peer="bob", session="s1"))
    offers = await asyncio.gather(*(forking.description(child) for child in children))
    ssrcs = [ssrc for sdp in offers for ssrc in set(re.findall(r"a=ssrc:(\d+)", sdp))]
    assert len(ssrcs) == len(set(ssrcs)) >= 2 * AT_ONCE, "sound and picture of each child"
    assert len({re.findall(r"a=ice-pwd:(\S+)", sdp)[0] for sdp in offers}) == AT_ONCE
    assert forking.forked


SEEDS = """
import os, random, socket, ssl, sys
from roomtape.child.gst import GLib
from roomtape.child.zygote import begin_own_life, prepare

key = prepare()
GLib.random_int(), random.random(), ssl.RAND_bytes(8)  # all three are in use before the fork
for _ in range(20):
    if not os.fork():
        begin_own_life([])
        print(GLib.random_int(), random.getrandbits(64), ssl.RAND_bytes(16).hex(), flush=True)
        os._exit(0)
    os.wait()
"""


async def test_no_source_of_randomness_is_shared() -> None:
    """ssl.RAND_bytes is OpenSSL's generator, which makes the DTLS randoms, and by them the SRTP keys."""
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", SEEDS, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await run.communicate()
    columns = list(zip(*(line.split() for line in output.decode().splitlines()), strict=True))
    assert [len(set(column)) for column in columns] == [20, 20, 20]


async def test_what_nearly_every_child_needs_is_there_before_the_fork() -> None:
    ready = (
        "import sys; from roomtape.child.zygote import CIPHERS, prepare; key = prepare(); print(CIPHERS in sys.modules)"
    )
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", ready, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await run.communicate()
    assert output == b"True\n"


async def test_a_child_has_its_own_pipes_and_nobody_else_s(forking: Nursery) -> None:
    first = await forking.child()
    second = await forking.child()
    one, other = descriptors(pid_of(first)), descriptors(pid_of(second))
    pipes = [{target for target in held.values() if target.startswith("pipe:")} for held in (one, other)]
    assert [len(own) for own in pipes] == [3, 3]
    assert not pipes[0] & pipes[1]
    server = {target for target in descriptors(parent(pid_of(first))).values() if target.startswith("socket:")}
    assert not server & ({*one.values()} | {*other.values()}), "the fork server's socket"
    assert not [target for held in (one, other) for target in held.values() if "pidfd" in target]
    assert max(one) <= max(other) <= max(one) + 1, "descriptors of older siblings pile up"


async def test_the_end_of_stdin_reaches_a_child_whatever_its_siblings_do(forking: Nursery) -> None:
    first, second = await forking.child(), await forking.child()
    assert first._process is not None and first._process.stdin is not None
    first._process.stdin.close()
    await until(lambda: forking.exits[first], END_S)
    assert forking.exits[first] == ["exited with code 0"]
    assert not forking.exits[second]


async def test_signals_are_as_in_a_program_of_its_own(forking: Nursery, tmp_path: Path) -> None:
    async def signals(its: Nursery) -> list[str]:
        child = await its.child()
        return [line for line in status(pid_of(child)) if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]

    async with nursery(tmp_path, SupervisionSettings(launcher=LauncherChoice.EXEC)) as executing:
        assert await signals(forking) == await signals(executing)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_death_is_told_by_its_signal(forking: Nursery, number: signal.Signals) -> None:
    child = await forking.child()
    os.kill(pid_of(child), number)
    await until(lambda: forking.exits[child])
    assert forking.exits[child] == [f"ended by {number.name} ({int(number)})"]


async def test_a_kill_and_a_stopped_child(forking: Nursery) -> None:
    child = await forking.child()
    os.kill(pid_of(child), signal.SIGSTOP)
    child.kill("it hangs")
    await until(lambda: forking.exits[child])
    assert forking.exits[child] == ["killed: it hangs"]


async def test_what_a_child_says_on_stderr_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GST_DEBUG", "GST_STATES:4")
    async with nursery(tmp_path) as its:
        child = await its.child()
        await until(lambda: child.last_lines)
        await child.stop()
        assert its.forked


async def test_starting_costs_a_fraction(forking: Nursery, tmp_path: Path) -> None:
    """CPU time until a child is ready, over all its threads."""

    async def cost(its: Nursery) -> float:
        await its.child()  # files are in the cache then
        used = []
        for _ in range(5):
            child = await its.child()
            used.append(sum(int((one / "schedstat").read_text().split()[0]) for one in tasks(pid_of(child))))
            await child.stop()
        return statistics.median(used)

    async with nursery(tmp_path, SupervisionSettings(launcher=LauncherChoice.EXEC)) as executing:
        assert await cost(forking) < 0.3 * await cost(executing)


def status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text().splitlines()


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


# --- the death of the fork server ---------------------------------------------------------------------------------


async def test_the_death_of_the_fork_server_harms_no_child_and_is_healed(mortal: Nursery) -> None:
    ended, killed, crashed, running = [await mortal.child() for _ in range(4)]
    server, before = parent(pid_of(running)), servers()
    await ended.stop()
    os.kill(server, signal.SIGKILL)
    await until(lambda: parent(pid_of(running)) == os.getpid())
    await killed.stop()
    os.kill(pid_of(crashed), signal.SIGKILL)
    await until(lambda: mortal.exits[crashed])
    assert [mortal.exits[child] for child in (ended, killed, crashed, running)] == [
        ["exited with code 0"],
        ["exited with code 0"],
        ["ended by SIGKILL (9)"],
        [],
    ]
    await until(lambda: servers() - before)
    await until(lambda: mortal.metrics.fork_servers_started.value == 2)
    late = await asyncio.wait_for(forked_child(mortal), 15)
    assert parent(pid_of(late)) in servers()
    await running.stop()
    assert mortal.exits[running] == ["exited with code 0"]


async def forked_child(its: Nursery) -> WebRTCSubprocessManager:
    """The first one that is forked again."""
    while True:
        child = await its.child()
        if parent(pid_of(child)) != os.getpid():
            return child


async def test_while_there_is_no_fork_server_children_are_executed(mortal: Nursery) -> None:
    server = parent(pid_of(await mortal.child()))
    os.kill(server, signal.SIGKILL)
    await until(lambda: is_gone(server))
    child = await mortal.child()
    assert parent(pid_of(child)) == os.getpid()
    assert not mortal.forked
    await child.stop()
    assert mortal.exits[child] == ["exited with code 0"]


async def test_a_fork_server_that_hangs_is_replaced(tmp_path: Path) -> None:
    async with nursery(tmp_path, deadlines=msgspec.structs.replace(PATIENT, fork=0.3)) as its:
        running = await its.child()
        server = parent(pid_of(running))
        os.kill(server, signal.SIGSTOP)
        begun = time.monotonic()
        child = await its.child()
        assert time.monotonic() - begun >= 0.3
        assert parent(pid_of(child)) == os.getpid()
        await until(lambda: is_gone(server))
        assert not its.exits[running]
        await running.stop()
        assert its.exits[running] == ["exited with code 0"]


async def test_an_end_that_a_hanging_fork_server_does_not_report_is_found_out(tmp_path: Path) -> None:
    async with nursery(tmp_path, deadlines=msgspec.structs.replace(PATIENT, fork=0.3)) as its:
        child = await its.child()
        server = parent(pid_of(child))
        os.kill(server, signal.SIGSTOP)
        await asyncio.wait_for(child.stop(), END_S)
        assert its.exits[child] == ["exited with code 0"]
        await until(lambda: is_gone(server))


PARENT = """
import asyncio
from roomtape.config import Deadlines, SupervisionSettings
from roomtape.ipc.messages import RecordConfig
from roomtape.observe.metrics import Metrics
from roomtape.supervisor.launcher import launching
from roomtape.supervisor.manager import WebRTCSubprocessManager

async def main():
    async with launching(SupervisionSettings(pool=1), Deadlines(), Metrics()) as launcher:
        config = RecordConfig(stream_id="ann", folder="unused", stem="ann")
        children = [WebRTCSubprocessManager(config, lambda _: None, launcher=launcher) for _ in range(3)]
        for child in children:
            await child.start()
        print(*(child.pid for child in children), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("server_dies_too", [False, True])
async def test_nothing_outlives_a_killed_main_process(server_dies_too: bool) -> None:
    main = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert main.stdout is not None
        pids = [int(pid) for pid in (await asyncio.wait_for(main.stdout.readline(), 15)).split()]
        family = children_of(main.pid)
        family += [pid for one in family for pid in children_of(one)]
        assert {*pids} <= {*family}
        if server_dies_too:
            os.kill(parent(pids[0]), signal.SIGKILL)
    finally:
        main.kill()
        await main.wait()
    await until(lambda: all(map(is_gone, family)), END_S)


async def test_the_launcher_ends_without_a_trace(tmp_path: Path) -> None:
    before, others = len(descriptors(os.getpid())), servers()
    for _ in range(2):
        async with nursery(tmp_path, SupervisionSettings(pool=2)) as its:
            await its.child()
        await until(lambda: servers() <= others)
    await until(lambda: len(descriptors(os.getpid())) <= before + 1)


# --- the pool -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", LauncherChoice)
async def test_children_of_a_pool_are_there_before_they_are_needed(tmp_path: Path, choice: LauncherChoice) -> None:
    others_before = children_of(os.getpid())
    async with nursery(tmp_path, SupervisionSettings(launcher=choice, pool=2)) as its:
        first = await its.child()
        mother = parent(pid_of(first))
        idle: set[int] = set()

        def full() -> bool:
            idle.clear()
            idle.update(pid for pid in children_of(mother) if pid not in (first.pid, *servers(), *others_before))
            return len(idle) == 2

        await until(full)
        others = [await its.child() for _ in range(2)]
        assert {pid_of(child) for child in others} == idle
        await its.close()
        assert [*its.exits.values()] == [["exited with code 0"]] * 3


async def test_a_dead_child_of_the_pool_is_not_given_out(tmp_path: Path) -> None:
    async with nursery(tmp_path, SupervisionSettings(pool=1)) as its:
        first = await its.child()
        server = parent(pid_of(first))
        idle: list[int] = []

        def there() -> bool:
            idle[:] = [pid for pid in children_of(server) if pid != first.pid]
            return bool(idle)

        await until(there)
        os.kill(idle[0], signal.SIGKILL)
        await until(lambda: is_gone(idle[0]))
        await asyncio.sleep(0.05)
        assert (await its.child()).pid != idle[0]


def children_of(pid: int) -> list[int]:
    """The living ones. Dead ones may be left of a main process that was killed: they are this process's too."""
    pids = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [one for one in pids if not is_gone(one)]


@pytest.mark.parametrize("choice", LauncherChoice)
async def test_a_child_has_its_ceilings_however_it_was_made(tmp_path: Path, choice: LauncherChoice) -> None:
    config = RecordConfig(
        stream_id="ann", folder=str(tmp_path), stem="ann", ceilings=Ceilings(memory_bytes=700 << 20, open_files=123)
    )
    async with nursery(tmp_path, SupervisionSettings(launcher=choice)) as its:
        pid = pid_of(await its.child(config))
        assert (parent(pid) == os.getpid()) is (choice is LauncherChoice.EXEC)
        assert resource.prlimit(pid, resource.RLIMIT_DATA) == (700 << 20, 700 << 20)
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (123, 123)
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)


@pytest.mark.parametrize("choice", LauncherChoice)
async def test_one_that_needs_more_than_its_ceiling_ends_and_the_others_do_not(
    tmp_path: Path, choice: LauncherChoice
) -> None:
    small = RecordConfig(stream_id="ann", folder=str(tmp_path), stem="ann", ceilings=Ceilings(memory_bytes=8 << 20))
    async with nursery(tmp_path, SupervisionSettings(launcher=choice)) as its:
        neighbour = await its.child()
        with pytest.raises(ChildStartFailed):
            await its.child(small)
        assert (await its.child()).pid
        assert not its.exits[neighbour]
