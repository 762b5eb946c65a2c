"""Fork server: a child that is made ready once, and of which the others are copies.

    python -m roomtape.child.zygote        its stdin is the socket to the main process (roomtape.ipc.forking)

It has GStreamer started, the plugins of a recording loaded and a DTLS key made, and exactly one thread, since a fork
copies no other. It makes no element apart from the one that owns the key: pipelines of which a part was made before the
fork fail now and then. What a child must not share with its siblings is made anew in `begin_own_life`.
"""

import gc
import importlib
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any, Final

from roomtape.child.codecs import RECIPES
from roomtape.child.economy import calm
from roomtape.child.gst import GLib, Gst, GstSdp, GstWebRTC, exists, init, make
from roomtape.child.main import main as run_child
from roomtape.ipc.codec import decoder_in_child
from roomtape.ipc.forking import (
    PACKET,
    STREAMS,
    Exited,
    Fork,
    Forked,
    FromForkServer,
    Refused,
    Serving,
    encode_packet,
    read_request,
)

TRANSPORT: Final = (
    *("webrtcbin", "nicesrc", "dtlssrtpdec", "srtpdec", "sctpdec", "rtpbin", "rtpjitterbuffer", "rtpfunnel", "funnel"),
    *("queue", "identity", "capsfilter", "errorignore", "filesink", "matroskamux", "mp4mux"),
)
"""Elements whose plugins every recording needs, beside those of its codecs."""
CIPHERS: Final = "roomtape.signaling.crypto"
"""Imported only when there is a password, which nearly every room has: 1.8 MB of each child's own memory."""
NAMES: Final = {
    GLib: ("idle_add", "timeout_add", "unix_fd_add_full"),
    GstSdp: ("SDPMessage", "SDPResult"),
    GstWebRTC: (
        *("WebRTCICE", "WebRTCRTPTransceiver", "WebRTCSDPType", "WebRTCSessionDescription", "WebRTCSignalingState"),
        *("WebRTCICEConnectionState", "WebRTCICEGatheringState", "WebRTCPeerConnectionState"),
    ),
}
"""What a recording uses of libraries whose classes Python makes when they are first named."""
MOST_SKIPPED: Final = 1024


class Zygote:
    """Serves `connection`. `children` are the living ones: process numbers by pidfd."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def serve(self) -> list[int]:
        """Fork children until the main process is gone; then the list is empty. In each child it returns the
        descriptors of its stdin, stdout and stderr."""
        self._tell(Serving())
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._bury(descriptor)
                    continue
                packet, streams, *_ = socket.recv_fds(self._connection, PACKET, STREAMS, socket.MSG_CMSG_CLOEXEC)
                if not packet:
                    return []
                if self._fork(read_request(packet), streams) == 0:
                    return streams
                for stream in streams:
                    os.close(stream)

    def _fork(self, request: Fork, streams: list[int]) -> int:
        """The child's process number, 0 in the child, -1 if there is none."""
        threads = len(list(Path("/proc/self/task").iterdir()))
        try:
            if threads != 1 or len(streams) != STREAMS:
                raise OSError(0, f"{threads} threads and {len(streams)} pipes in the fork server")
            pid = os.fork()
        except OSError as error:
            self._tell(Refused(number=request.number, reason=error.strerror or str(error)))
            return -1
        if pid == 0:
            for descriptor in (self._connection.detach(), *self._children):
                os.close(descriptor)
            return 0
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)
        self._tell(Forked(number=request.number, pid=pid), pidfd)
        return pid

    def _bury(self, pidfd: int) -> None:
        _, status = os.waitpid(self._children[pidfd], 0)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        self._tell(Exited(pid=self._children.pop(pidfd), code=os.waitstatus_to_exitcode(status)))

    def _tell(self, message: FromForkServer, *descriptors: int) -> None:
        socket.send_fds(self._connection, [encode_packet(message)], descriptors)


def take_connection() -> socket.socket:
    """The socket that is stdin, which becomes /dev/null: no child may find it there."""
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return connection


def prepare() -> Any:
    """Start GStreamer and load what a recording needs. Keep what is returned: the DTLS key lives as long."""
    calm()
    init()
    recipes = (name for recipe in RECIPES.values() for name in (recipe.depayloader, recipe.parser, recipe.complement))
    for name in {*TRANSPORT, *(description.split()[0] for description in recipes if description)}:
        if exists(name):
            Gst.ElementFactory.find(name).load()
    importlib.import_module(CIPHERS)
    decoder_in_child()
    for library, names in NAMES.items():
        for name in names:
            getattr(library, name)
    key = make("dtlsdec") if exists("dtlsdec") else None
    # What would write to pages that the children share: names that the cache of attributes lets go, the collector.
    getattr(sys, "_clear_type_cache", lambda: None)()  # later versions of Python may be without it
    gc.collect()
    gc.freeze()
    return key


def begin_own_life(streams: list[int]) -> None:
    """A session, pipes and random numbers of its own.

    Python and OpenSSL notice a fork by themselves. GLib does not: with its generator as it was at the fork, all
    children would have the same ICE credentials and SSRCs. Its seed has 32 bits only, hence a number of steps beyond.
    """
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    GLib.random_set_seed(int.from_bytes(os.urandom(4)))
    for _ in range(int.from_bytes(os.urandom(4)) % MOST_SKIPPED):
        GLib.random_int()


def main() -> int:
    """Serve until the main process is gone. Returns in the children too, with their exit codes."""
    connection = take_connection()
    key = prepare()
    streams = Zygote(connection).serve()
    if not streams:
        return 0
    begin_own_life(streams)
    code = run_child()
    # Not by way of the interpreter's end, which would copy every page that is still shared, to free what was on it.
    sys.stderr.flush()
    del key
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
