"""Puts reports of children that died unannounced beside the recordings: `crash-PREFIX_STREAM_TAKE_UTC.json`."""

import platform
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Final

import msgspec

from roomtape import __version__
from roomtape.errors import StorageError
from roomtape.folders import Folders
from roomtape.logs import get_logger
from roomtape.model import StreamId
from roomtape.observe.metrics import Metrics
from roomtape.storage.layout import stem
from roomtape.supervisor.crash import Crash, CrashReport

MAX_REPORTS: Final = 50
"""Files of one run; more crashes are only counted."""

log = get_logger(__name__)


class CrashReports:
    """`disk` does the writing, `clean` takes the secrets of this run out of a text."""

    def __init__(
        self, folders: Folders, prefix: str, disk: Executor, metrics: Metrics, clean: Callable[[str], str]
    ) -> None:
        self._folders, self._prefix, self._disk = folders, prefix, disk
        self._metrics, self._clean = metrics, clean
        self._made = 0

    def add(self, stream: StreamId, take: int, crash: Crash) -> None:
        """A child has crashed. Returns at once."""
        self._metrics.children_crashed.add()
        self._made += 1
        if self._made > MAX_REPORTS:
            return
        at = datetime.now(UTC)
        report = CrashReport(
            stream=stream, take=take, at=at, roomtape=__version__, python=platform.python_version(), crash=crash
        )
        name = f"crash-{stem(self._prefix, stream, take)}_{at:%Y%m%dT%H%M%SZ}.json"
        self._disk.submit(self._write, name, self._render(report))

    def _render(self, report: CrashReport) -> bytes:
        """Every text is cleaned by itself: afterwards it would be JSON no more."""
        plain = msgspec.to_builtins(report)
        return msgspec.json.format(msgspec.json.encode(_each_text(plain, self._clean)), indent=2) + b"\n"

    def _write(self, name: str, data: bytes) -> None:
        try:
            path = self._folders.write_new(name, data)
        except StorageError as error:
            log.error("cannot write a crash report", reason=error.detail)
        else:
            log.warning("a recording process died; what is known of it is in a report", file=path.name)


def _each_text(value: object, clean: Callable[[str], str]) -> object:
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: _each_text(inner, clean) for key, inner in value.items()}
        case list() | tuple():
            return [_each_text(inner, clean) for inner in value]
    return value
