"""One child process: started, made ready, pinged, stopped, killed if need be; its exit told in words."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from typing import Final

from roomtape.bucket import Bucket
from roomtape.config import Deadlines
from roomtape.errors import ChildHung, ChildStartFailed, IpcError
from roomtape.ipc.codec import decoder_in_parent, encode
from roomtape.ipc.messages import (
    Failed,
    FromChild,
    Init,
    Ping,
    Pong,
    PublishConfig,
    Ready,
    RecordConfig,
    Stop,
    ToChild,
    ViewConfig,
)
from roomtape.logs import get_logger
from roomtape.supervisor.crash import MAX_STDERR_LINE, Crash, Trail, is_crash
from roomtape.supervisor.launcher import launch
from roomtape.supervisor.process import Launch, Process

READ_SIZE: Final = 1 << 12
"""Bytes handled at once: a child that floods must not keep the others waiting."""
MAX_UNSENT: Final = 4 << 20
"""Bytes that a child may leave unread; one that reads nothing at all hangs, and its pings will show it."""
BYTES_PER_S, BURST_BYTES = 1 << 20, 4 << 20
"""What is read of a child, a few kilobytes a second by rights: one that writes more waits, and the others do not."""
LEAST_LINE: Final = 100
"""Bytes that each line counts for at least: it is lines that cost time, however short they are."""
GARBAGE_LOGGED: Final = 10
"""Lines of garbage told one by one; more are only counted."""
CATCH_UP_S: Final = 0.25
"""For what waits in the pipe to be read before a child is taken for one that hangs."""
PING_AT_LEAST_S: Final = 5.0
"""A child that speaks is pinged as well, since it may not hear; and it has to know that somebody listens
(`child.main.PING_ALARM_S`)."""

Listener = Callable[[FromChild], None]

log = get_logger(__name__)


class WebRTCSubprocessManager:
    """Runs one WebRTC child.

        manager = WebRTCSubprocessManager(config, on_message)
        await manager.start()        # returns when the child is ready
        manager.send(message)        # any message of roomtape.ipc.messages.ToChild
        await manager.stop()         # files are final, the process is gone

    `on_message` is called with every message of the child, in order, on the event loop. `on_exit`, if given, is called
    once when the process is gone, with the reason in words. `dropped` counts messages that the child did not take,
    `garbage` lines of the child that were no messages. `crash` is set by then if it died of something unannounced.
    """

    def __init__(
        self,
        config: RecordConfig | ViewConfig | PublishConfig,
        on_message: Listener,
        on_exit: Callable[[str], None] = lambda _reason: None,
        deadlines: Deadlines | None = None,
        launcher: Launch = launch,
    ) -> None:
        self._config, self._on_message, self._on_exit = config, on_message, on_exit
        self._deadlines = deadlines or Deadlines()
        self._launch = launcher
        self._process: Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._decided = asyncio.Event()
        self._exited = asyncio.Event()
        self._pong = asyncio.Event()
        self._seq = 0
        self._heard = 0.0
        self._stopping = False
        self._reason = ""
        self._refused: Failed | None = None
        self._bucket = Bucket(BYTES_PER_S, BURST_BYTES)
        self.dropped = self.garbage = 0
        self.crash: Crash | None = None
        self._trail = Trail()
        self._hung = self._killed = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def last_lines(self) -> Sequence[str]:
        """Of its stderr."""
        return self._trail.stderr

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ChildStartFailed: it could not be started, said that it cannot work, or was not ready in time.
        """
        await self.spawn()
        try:
            await asyncio.wait_for(self._decided.wait(), self._deadlines.child_ready)
        except TimeoutError:
            await self._end_hung(f"not ready within {self._deadlines.child_ready:g} s")
        if self._ready.is_set():
            return
        await self.stop("not ready")
        raise ChildStartFailed(self._refused.detail if self._refused else f"a child did not start: {self._reason}")

    async def spawn(self) -> None:
        """Start the process and send its configuration, without waiting for Ready.

        Raises:
            ChildStartFailed: the system refuses another process.
        """
        self._process = await self._launch()
        self.send(Init(config=self._config))
        readers = [asyncio.create_task(self._read_messages()), asyncio.create_task(self._read_stderr())]
        self._tasks = [asyncio.create_task(self._wait(readers)), asyncio.create_task(self._ping())]

    def send(self, message: ToChild) -> None:
        """Write a message to the child's stdin; never blocks. A child that reads nothing loses messages, counted."""
        self._trail.told(message)
        pipe = self._process.stdin if self._process else None
        if pipe is None or pipe.is_closing():
            # Who has said its last word needs no more, and a ping that nobody is there to answer is no loss.
            self.dropped += not self._stopping and not self._trail.failed and not isinstance(message, Ping)
            return
        if pipe.transport.get_write_buffer_size() > MAX_UNSENT:
            self.dropped += 1
            return
        with contextlib.suppress(ConnectionError):
            pipe.write(encode(message))

    async def stop(self, reason: str = "stopped") -> None:
        """Ask the child to finish; after the stop deadline kill it. Returns when it is gone."""
        if self._process is None:
            return
        if not self._stopping:
            self._stopping = True
            self.send(Stop(reason=reason, deadline_ms=int(self._deadlines.stop * 1000)))
        try:
            await asyncio.wait_for(self._exited.wait(), self._deadlines.stop)
        except TimeoutError:
            await self._end_hung(f"it did not finish within {self._deadlines.stop:g} s")
            await self._exited.wait()

    async def _end_hung(self, reason: str) -> None:
        """Let it show where it hangs, if it can still do that; then SIGKILL."""
        if self._process is None or self._process.returncode is not None or self._killed:
            return
        self._hung = True
        self._reason = self._reason or f"killed: {reason}"
        if self._ready.is_set():  # from then on it knows what to do with the signal
            self._trail.dump_begins()
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGUSR1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), self._deadlines.stack_dump)
        self.kill(reason)

    def kill(self, reason: str) -> None:
        """SIGKILL, also when it is stopped or hangs."""
        self._killed = True
        if self._process is not None and self._process.returncode is None:
            log.warning("child killed", pid=self._process.pid, reason=reason)
            self._reason = self._reason or f"killed: {reason}"
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _read_messages(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        decoder = decoder_in_parent()
        while data := await self._process.stdout.read(READ_SIZE):
            for item in decoder.feed(data):
                if isinstance(item, IpcError):
                    self._drop(item)
                else:
                    self._take(item)
            await self._pause_for(data)

    async def _pause_for(self, data: bytes) -> None:
        """Let the others have their turn; longer after a flood, but not when the end must come through it."""
        assert self._process is not None
        cost = max(len(data), data.count(b"\n") * LEAST_LINE)
        owed_s = self._bucket.owe(cost, asyncio.get_running_loop().time())
        if not owed_s and len(data) < READ_SIZE:
            return  # all that there is has been read: whoever reads on will wait
        await asyncio.sleep(0 if self._stopping or self._process.returncode is not None else owed_s)

    def _drop(self, error: IpcError) -> None:
        self.garbage += 1
        if self.garbage <= GARBAGE_LOGGED:
            log.warning("line from a child dropped", pid=self.pid or 0, reason=error.detail)

    def _take(self, message: FromChild) -> None:
        self._trail.said(message)
        self._heard = asyncio.get_running_loop().time()
        if isinstance(message, Pong):
            if message.seq == self._seq:
                self._pong.set()
            return
        if isinstance(message, Ready):
            self._ready.set()
            self._decided.set()
        if isinstance(message, Failed) and not self._ready.is_set():
            self._refused = message
            self._decided.set()
        self._on_message(message)

    async def _read_stderr(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(READ_SIZE):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[:MAX_STDERR_LINE]
            for line in lines:
                self._keep(line)
            await self._pause_for(data)
        self._keep(rest)

    def _keep(self, line: bytes) -> None:
        if text := line.decode(errors="replace")[:MAX_STDERR_LINE].strip():
            self._trail.line(text)
            log.debug("child stderr", pid=self.pid or 0, text=text)

    async def _ping(self) -> None:
        """Notice a child that hangs, also one that is stopped by a signal. What it says shows that it does not."""
        await self._ready.wait()
        now = asyncio.get_running_loop().time
        pinged = now()
        while not self._exited.is_set():
            await asyncio.sleep(self._heard + self._deadlines.ping - now())
            if now() < min(self._heard + self._deadlines.ping, pinged + PING_AT_LEAST_S):
                continue
            pinged = now()
            self._seq += 1
            self._pong.clear()
            self.send(Ping(seq=self._seq))
            # When it was this process that stood still, what the child said meanwhile has yet to be read.
            if not await self._answered(self._deadlines.pong) and not await self._answered(CATCH_UP_S):
                if not self._stopping:
                    await self._end_hung(ChildHung(f"no sign of life for {self._deadlines.pong:g} s").detail)
                return

    async def _answered(self, within_s: float) -> bool:
        try:
            await asyncio.wait_for(self._pong.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def _wait(self, readers: list[asyncio.Task[None]]) -> None:
        assert self._process is not None
        code = await self._process.wait()
        # Whatever became of the readers, the end of the process must be told.
        for outcome in await asyncio.gather(*readers, return_exceptions=True):
            if isinstance(outcome, BaseException):
                log.error("listening to a child failed", pid=self.pid or 0, reason=repr(outcome))
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(ConnectionError):  # what was not read in time
                await self._process.stdin.wait_closed()
        if self.garbage > GARBAGE_LOGGED:
            log.warning("lines from a child dropped", pid=self.pid or 0, count=self.garbage)
        self._reason = self._reason or exit_words(code)
        if is_crash(code, hung=self._hung, killed=self._killed, announced=self._trail.failed):
            self.crash = self._trail.crash(self._reason)
        self._decided.set()
        self._exited.set()
        self._tasks[-1].cancel()
        self._on_exit(self._reason)


def exit_words(code: int) -> str:
    """An exit status in words; negative codes are signals."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"ended by {signal.Signals(-code).name} ({-code})"
    except ValueError:
        return f"ended by signal {-code}"
