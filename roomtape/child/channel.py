"""The child's side of the pipes to the main process.

Takes over the raw descriptors: what was stdout carries messages only, and whatever else prints to descriptor 1
(libraries, C code) lands on stderr. Writing never blocks the main loop; what the parent does not read is kept up to
a bound, then statistics and logs are dropped and counted.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from roomtape.child.gst import GLib
from roomtape.errors import IpcError
from roomtape.ipc.codec import Decoder, decoder_in_child, encode
from roomtape.ipc.messages import FromChild, Log, Stats, ToChild

READ_SIZE: Final = 65_536
MAX_BACKLOG: Final = 4 << 20
"""Bytes kept for a parent that does not read."""


def claim_stdio() -> tuple[int, int]:
    """(read, write) descriptors for messages; descriptors 0 and 1 become /dev/null and stderr."""
    read, write = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return read, write


class Channel:
    """Messages in and out, on the GLib main loop.

    `on_message` gets each message, `on_garbage` an IpcError for each line that is none, `on_end` the end of stdin.
    """

    def __init__(
        self,
        descriptors: tuple[int, int],
        on_message: Callable[[ToChild], None],
        on_garbage: Callable[[IpcError], None],
        on_end: Callable[[], None],
    ) -> None:
        self._read, self._write = descriptors
        self._on_message, self._on_garbage, self._on_end = on_message, on_garbage, on_end
        self._decoder: Decoder[ToChild] = decoder_in_child()
        self._backlog = bytearray()
        self._writing = 0
        self._broken = False
        self.dropped = 0
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        GLib.unix_fd_add_full(
            GLib.PRIORITY_DEFAULT, self._read, GLib.IOCondition.IN | GLib.IOCondition.HUP, self._readable
        )

    def send(self, message: FromChild) -> None:
        """Queue a message and write as much as the pipe takes."""
        if self._broken:
            return
        if len(self._backlog) > MAX_BACKLOG // 2 and isinstance(message, Log | Stats):
            self.dropped += 1
            return
        line = encode(message)
        if len(self._backlog) + len(line) > MAX_BACKLOG:
            self.dropped += 1
            return
        self._backlog += line
        self._flush()

    def drain(self) -> None:
        """Write what is left, blocking: the last thing before the process ends."""
        os.set_blocking(self._write, True)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._backlog:
                del self._backlog[: os.write(self._write, self._backlog)]
        except BlockingIOError:
            if not self._writing:
                self._writing = GLib.unix_fd_add_full(
                    GLib.PRIORITY_DEFAULT, self._write, GLib.IOCondition.OUT, self._writable
                )
        except OSError:
            # The parent is gone; the end of stdin says so too and ends the child.
            self._broken = True
            self._backlog.clear()

    def _writable(self, *_: Any) -> bool:
        self._writing = 0
        self._flush()
        return False

    def _readable(self, *_: Any) -> bool:
        try:
            data = os.read(self._read, READ_SIZE)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self._on_end()
            return False
        for item in self._decoder.feed(data):
            if isinstance(item, IpcError):
                self._on_garbage(item)
            else:
                self._on_message(item)
        return True
