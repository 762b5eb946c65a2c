"""What a real child can do when it is in the hands of somebody else: its work, and nothing besides."""

import os
import resource
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from roomtape.ipc.ceilings import OPEN_FILES, RECORDING
from roomtape.ipc.messages import Log, Ready, RecordConfig
from roomtape.ipc.storing import Storing
from tests.support.intruder_child import attempt
from tests.support.pair import ChildProcess

REFUSED = "EACCES"
NOT_ALLOWED = "EPERM"
PROJECT = Path(__file__).parents[2]
PLUGIN = next(Path("/usr/lib").glob("*/gstreamer-1.0/libgstwebrtc.so"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """What is no business of a child: beside its folders."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "key").write_text("secret")
    yield home
    assert [path.name for path in home.iterdir()] == ["key"]
    assert (home / "key").read_text() == "secret"


@asynccontextmanager
async def taken_over(tmp_path: Path) -> AsyncIterator[ChildProcess]:
    config = RecordConfig(
        stream_id="ann",
        folder=str(tmp_path / "recordings"),
        stem="ann",
        storing=Storing(fallback_folder=str(tmp_path / "fallback")),
    )
    child = await ChildProcess.start(config, module="tests.support.intruder_child")
    try:
        yield child
    finally:
        await child.stop()


async def came_of(child: ChildProcess, name: str, *arguments: str | int) -> str:
    message = attempt(name, *arguments)
    child.send(message)
    said: Log = await child.wait_for(Log, lambda log: log.message == message.peer)
    return str(said.fields["came_of_it"])


async def test_it_can_write_to_its_folders_and_nowhere_else(tmp_path: Path, home: Path) -> None:
    async with taken_over(tmp_path) as child:
        assert child.all(Ready)[0].unconfined == ()
        for folder in ("recordings", "fallback"):
            own = tmp_path / folder / "file"
            assert await came_of(child, "write", str(own)) == "done"
            assert await came_of(child, "move", str(own), str(own.with_name("moved"))) == "done"
            assert await came_of(child, "remove", str(own.with_name("moved"))) == "done"
            assert await came_of(child, "symlink", str(home), str(own)) == REFUSED
        moved = str(tmp_path / "recordings" / "kept")
        assert await came_of(child, "write", moved) == "done"
        for other in (str(home / "key"), str(home / "new"), str(tmp_path / "new"), "/tmp/new", "/dev/shm/new"):
            assert await came_of(child, "write", other) == REFUSED, other
            assert await came_of(child, "write from a thread", other) == REFUSED, other
        assert await came_of(child, "write", str(PROJECT / "roomtape" / "child" / "main.py")) == REFUSED
        assert await came_of(child, "truncate", str(home / "key")) == REFUSED
        assert await came_of(child, "remove", str(home / "key")) == REFUSED
        assert await came_of(child, "make a folder", str(home / "new")) == REFUSED
        for way in ("move", "link"):
            assert await came_of(child, way, moved, str(home / "moved")) in (REFUSED, "EXDEV")
        assert await came_of(child, "symlink", moved, str(home / "link")) == REFUSED


async def test_it_cannot_read_what_is_not_its_own(tmp_path: Path, home: Path) -> None:
    async with taken_over(tmp_path) as child:
        assert await came_of(child, "read", str(home / "key")) == REFUSED
        for folder in (home, Path.home(), tmp_path, PROJECT, Path("/"), Path("/proc"), Path("/tmp")):
            assert await came_of(child, "list", str(folder)) == REFUSED, folder
        for private in ("/etc/shadow", f"/proc/{os.getpid()}/cmdline", f"/proc/{os.getpid()}/environ"):
            assert await came_of(child, "read", private) == REFUSED, private


async def test_it_reads_what_its_work_needs(tmp_path: Path) -> None:
    own = ["/proc/self/maps", "/etc/hosts", "/etc/nsswitch.conf", "/dev/urandom", str(PLUGIN)]
    own += [path for path in (ssl.get_default_verify_paths().cafile,) if path]
    async with taken_over(tmp_path) as child:
        for path in own:
            assert await came_of(child, "read", path) == "done", path
        assert await came_of(child, "resolve", "localhost") == "done"
        assert await came_of(child, "thread") == "done"


async def test_it_cannot_start_or_touch_other_processes(tmp_path: Path) -> None:
    async with taken_over(tmp_path) as child:
        assert await came_of(child, "run", "/usr/bin/true") == NOT_ALLOWED
        assert await came_of(child, "exec", "/usr/bin/true") == NOT_ALLOWED
        assert await came_of(child, "fork") == NOT_ALLOWED
        assert await came_of(child, "kill", os.getpid()) == NOT_ALLOWED
        assert await came_of(child, "trace", os.getpid()) == NOT_ALLOWED
        assert await came_of(child, "mount", str(tmp_path)) == NOT_ALLOWED
        assert await came_of(child, "packet socket") == "EAFNOSUPPORT"


async def test_the_kernel_says_so_of_every_thread(tmp_path: Path) -> None:
    async with taken_over(tmp_path) as child:
        threads = statuses(child.process.pid)
        assert len(threads) > 1  # webrtcbin's are among them
        assert {(status["NoNewPrivs"], status["Seccomp"]) for status in threads} == {("1", "2")}


async def test_a_child_that_crashes_leaves_no_core(tmp_path: Path) -> None:
    async with taken_over(tmp_path) as child:
        assert resource.prlimit(child.process.pid, resource.RLIMIT_CORE) == (0, 0)


async def test_memory_and_open_files_have_a_ceiling_which_does_not_end_it(tmp_path: Path) -> None:
    async with taken_over(tmp_path) as child:
        assert await came_of(child, "allocate", RECORDING // 2) == "done"
        assert await came_of(child, "allocate", RECORDING) == "ENOMEM"
        assert await came_of(child, "open", 100) == "done"
        assert await came_of(child, "open", OPEN_FILES) == "EMFILE"
        assert await came_of(child, "write", str(tmp_path / "recordings" / "file")) == "done"


def statuses(pid: int) -> list[dict[str, str]]:
    """Of all threads."""
    texts = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line) for text in texts]
