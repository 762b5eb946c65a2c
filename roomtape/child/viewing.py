"""The viewing child's work: a recording whose media goes to somebody who looks on, not to files."""

from collections.abc import Callable
from typing import Any

from roomtape.child.outlet import Outlet
from roomtape.child.recording import Recording
from roomtape.child.screen import Screen
from roomtape.child.tape import TapeListener
from roomtape.ipc.messages import FromChild, OutputGranted, ToChild, ViewConfig


class Viewing:
    """All but the media is the Recording's. `quit` is called at the end.

    Raises:
        NoOutput: there is no display, or a sink cannot be made.
    """

    def __init__(self, config: ViewConfig, send: Callable[[FromChild], None], quit_: Callable[[], None]) -> None:
        self._config, self._send = config, send
        self._outlet: Outlet | None = None
        self._recording = Recording(config, send, quit_, self._destination)

    def _destination(self, pipeline: Any, listener: TapeListener) -> Outlet | Screen:
        if self._config.descriptor is None:
            return Screen(pipeline, self._config, listener)
        self._outlet = Outlet(pipeline, self._config, listener, self._send)
        return self._outlet

    def handle(self, message: ToChild) -> None:
        if isinstance(message, OutputGranted) and self._outlet is not None:
            self._outlet.granted(message)
        else:
            self._recording.handle(message)

    def stop(self) -> None:
        """Say bye and end."""
        self._recording.stop()
