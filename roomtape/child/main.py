"""Entry of a child process: pipes, signals, the main loop, exit codes.

A child ends when it is told to (Stop, SIGTERM, SIGINT) or when its stdin ends, which is how the death of the main
process shows. Two alarms of the kernel stand behind that, since they also work when Python hangs: one is set when an
orderly end begins, the other is wound up again by each Ping, once there has been one.
"""

import faulthandler
import os
import signal
from typing import Final

from roomtape.child.channel import Channel, claim_stdio
from roomtape.child.deck import Deck
from roomtape.child.economy import settle
from roomtape.child.gst import GLib, init, post, report_crashes_to
from roomtape.child.publishing import Publishing
from roomtape.child.recording import Recording
from roomtape.child.sandbox import shut_in
from roomtape.child.viewing import Viewing
from roomtape.errors import IpcError, RecorderError
from roomtape.ipc.messages import (
    IPC_VERSION,
    Failed,
    Finished,
    FromChild,
    Init,
    Log,
    Ping,
    Pong,
    PublishConfig,
    Ready,
    RecordConfig,
    Stop,
    ToChild,
    ViewConfig,
)

END_ALARM_S: Final = 5
"""An orderly end that takes longer is cut short by SIGALRM."""
PING_ALARM_S: Final = 40
"""A child that was pinged and is not any more has lost its parent, or hangs."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1


class Child:
    """Messages to the work, and the work's messages out."""

    def __init__(self, descriptors: tuple[int, int], version: str) -> None:
        self.loop = GLib.MainLoop()
        self.exit_code = EXIT_OK
        self._version = version
        self._work: Recording | Viewing | Publishing | None = None
        self._ending = False
        self.channel = Channel(descriptors, self._handle, self._garbage, self.end)

    def _send(self, message: FromChild) -> None:
        if isinstance(message, Failed) and not message.peer:
            self.exit_code = EXIT_FAILED
        self.channel.send(message)

    def _handle(self, message: ToChild) -> None:
        try:
            self._dispatch(message)
        except RecorderError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - the child's one seam: whatever it is, the parent must hear of it
            self.fail(RecorderError(f"{type(error).__name__}: {error}"))

    def _dispatch(self, message: ToChild) -> None:
        match message:
            case Ping(seq=seq):
                if not self._ending:
                    signal.alarm(PING_ALARM_S)
                self._send(Pong(seq=seq))
            case Init():
                self._start(message)
            case Stop() if self._work is None:
                self.end()
            case _ if self._work is None:
                raise IpcError(f"{type(message).__name__} before Init")
            case _:
                if isinstance(message, Stop):
                    self._begin_end()
                self._work.handle(message)

    def _start(self, message: Init) -> None:
        if self._work is not None:
            raise IpcError("a second Init")
        if message.version != IPC_VERSION:
            raise IpcError(f"the parent speaks version {message.version}, this child {IPC_VERSION}")
        # Before anything of the network is heard, and before there are threads.
        if isinstance(message.config, RecordConfig):
            settle()
        confined = shut_in(message.config)
        self._work = self._work_for(message.config)
        self._send(Ready(version=IPC_VERSION, pid=os.getpid(), gstreamer=self._version, unconfined=confined.missing))

    def _work_for(self, config: RecordConfig | ViewConfig | PublishConfig) -> Recording | Viewing | Publishing:
        match config:
            case PublishConfig():
                return Publishing(config, self._send, self.loop.quit)
            case ViewConfig():
                return Viewing(config, self._send, self.loop.quit)
            case RecordConfig():
                return Recording(
                    config, self._send, self.loop.quit, lambda pipeline, told: Deck(pipeline, config, told)
                )

    def fail(self, error: RecorderError) -> None:
        """Tell the parent and end."""
        self._send(Failed(code=error.code, scope=error.scope, retryable=error.retryable, detail=error.detail))
        self.end()

    def tell_dropped(self) -> None:
        """How many messages a parent that did not read them in time will never see."""
        if self.channel.dropped:
            self._send(Log(level="warning", message="messages were left out", fields={"count": self.channel.dropped}))

    def _garbage(self, error: IpcError) -> None:
        self._send(Log(level="warning", message="line from the parent dropped", fields={"reason": error.detail}))

    def _begin_end(self) -> None:
        if not self._ending:
            self._ending = True
            signal.alarm(END_ALARM_S)

    def end(self) -> None:
        """An orderly end without a Stop: signals, end of stdin, an error."""
        self._begin_end()
        if self._work is None:
            self._send(Finished(files=()))
            self.loop.quit()
        else:
            self._work.stop()


def main() -> int:
    """Run one child to its end; returns the exit code."""
    descriptors = claim_stdio()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # The parent keeps what is said on stderr for its report of a crash, and asks a child that hangs where it does.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    child = Child(descriptors, init())

    # Python's own handlers, which PyGObject's main loop wakes up for: GLib's would start a thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: post(child.end))
    report_crashes_to(child.fail)
    child.loop.run()
    child.tell_dropped()
    child.channel.drain()
    return child.exit_code
