"""A recording child that has been taken over: it tries what an intruder would, and says what came of it.

A RemoteCandidates message without candidates carries what to try: its `peer` is a JSON list of a name of `TRIALS` and
its arguments. The answer is a Log whose field `came_of_it` is "done" or the name of an errno.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from roomtape.child import main
from roomtape.child.recording import Recording
from roomtape.ipc.messages import Log, RemoteCandidates, ToChild


def _write(path: str) -> None:
    Path(path).write_text("taken over")


def _read(path: str) -> None:
    with Path(path).open("rb") as file:
        file.read(1)


def _list(path: str) -> None:
    list(Path(path).iterdir())


def _run(path: str) -> None:
    subprocess.run([path], check=True)


def _exec(path: str) -> None:
    os.execv(path, [path])


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)


def _trace(pid: int) -> None:
    attach = 16
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(attach, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "")


def _mount(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", path.encode(), b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "")


def _packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


def _resolve(name: str) -> None:
    socket.getaddrinfo(name, 80)


def _allocate(size: int) -> None:
    try:
        bytearray(size)
    except MemoryError:
        raise OSError(errno.ENOMEM, "") from None


def _open_many(count: int) -> None:
    descriptors: list[int] = []
    try:
        descriptors += (os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _from_a_thread(path: str) -> None:
    """As _write, in a thread that is made now."""
    failure: list[OSError] = []

    def attempt() -> None:
        try:
            _write(path)
        except OSError as error:
            failure.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


TRIALS: dict[str, Callable[..., None]] = {
    "write": _write,
    "write from a thread": _from_a_thread,
    "read": _read,
    "list": _list,
    "remove": os.unlink,
    "move": os.rename,
    "link": os.link,
    "symlink": os.symlink,
    "make a folder": os.mkdir,
    "truncate": lambda path: os.truncate(path, 0),
    "run": _run,
    "exec": _exec,
    "fork": _fork,
    "thread": _thread,
    "allocate": _allocate,
    "open": _open_many,
    "kill": _kill,
    "trace": _trace,
    "mount": _mount,
    "packet socket": _packet_socket,
    "resolve": _resolve,
}


class TakenOver(Recording):
    def handle(self, message: ToChild) -> None:
        if not isinstance(message, RemoteCandidates) or not message.peer:
            super().handle(message)
            return
        name, *arguments = json.loads(message.peer)
        try:
            TRIALS[name](*arguments)
            outcome = "done"
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, str(error))
        self._send(Log(level="info", message=message.peer, fields={"came_of_it": outcome}))


def attempt(name: str, *arguments: str | int) -> RemoteCandidates:
    """What makes the child try it."""
    return RemoteCandidates(candidates=(), peer=json.dumps([name, *arguments]))


if __name__ == "__main__":
    setattr(main, "Recording", TakenOver)  # noqa: B010 - main does not export it
    sys.exit(main.main())
