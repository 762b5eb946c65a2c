"""Reads what arrives by the batch; `child.leisure` says when.

Whenever the main context in which nicesrc waits finds a socket readable, libnice reads all that has arrived. So it is
made to sleep before it looks. No element has a property for that; the context is found when libnice handles the first
request of the guest's ICE agent in it (RFC 8445 section 7.3).
"""

import ctypes
import time
from collections.abc import Mapping
from typing import Any, Final

from roomtape.child.leisure import Leisure
from roomtape.child.sockets import make_room

_glib: Final = ctypes.CDLL("libglib-2.0.so.0")
_glib.g_main_current_source.restype = ctypes.c_void_p
_glib.g_source_get_context.argtypes = (ctypes.c_void_p,)
_glib.g_source_get_context.restype = ctypes.c_void_p
_glib.g_main_context_ref.argtypes = (ctypes.c_void_p,)
_glib.g_main_context_ref.restype = ctypes.c_void_p
_glib.g_main_context_unref.argtypes = (ctypes.c_void_p,)
_glib.g_main_context_set_poll_func.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
_poll: Final = ctypes.CDLL(None).poll
_poll.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int)
_PollFunction: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
READ_MS: Final = 40
"""For what has arrived to be handed on, once it is looked for."""


class Batches:
    """What a NiceAgent receives. From its own thread this is called a dozen times a second, whatever arrives."""

    def __init__(self, agent: Any) -> None:
        self._leisure = Leisure()
        self._room_bytes = 0
        self._context: int | None = None
        self._wait_s = 0.0
        self._function = _PollFunction(self._wait_and_poll)  # kept: C holds its address only
        agent.connect("initial-binding-request-received", self._find_context)

    def connected(self) -> None:
        """The sockets are there."""
        self._room_bytes = make_room()

    def counted(self, packets: Mapping[int, int], now: float) -> None:
        """So many packets of each SSRC have been received until now."""
        self.wait(self._leisure.counted(packets, now, self._room_bytes))

    def end(self) -> int:
        """Look as soon as there is something.

        Returns:
            The milliseconds until what has arrived by now is on its way to the files.
        """
        behind_ms = round(self._wait_s * 1000) + READ_MS if self._wait_s else 0
        self.wait(0.0)
        return behind_ms

    def close(self) -> None:
        """The agent is given up."""
        self.wait(0.0)
        if self._context is not None:
            _glib.g_main_context_unref(self._context)
            self._context = None

    def wait(self, seconds: float) -> None:
        """Packets wait for each other so long, from the next time on that they are looked for."""
        if self._context is None:
            return
        if bool(seconds) is not bool(self._wait_s):
            function = ctypes.cast(self._function, ctypes.c_void_p) if seconds else None
            _glib.g_main_context_set_poll_func(self._context, function)
        self._wait_s = seconds

    def _find_context(self, *_: Any) -> None:
        """In the thread of the context, while a source of it is dispatched: the guest's request came by a socket."""
        source = _glib.g_main_current_source()
        if source and self._context is None:
            self._context = _glib.g_main_context_ref(_glib.g_source_get_context(source))

    def _wait_and_poll(self, descriptors: int, count: int, timeout_ms: int) -> int:
        time.sleep(self._wait_s)
        return int(_poll(descriptors, count, timeout_ms))
