"""Logging set-up: one line per record, without secrets, bounded in length and in number."""

import logging
import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from rich.console import Console
from rich.text import Text

from roomtape.config import Settings
from roomtape.logs import MAX_VALUE, fields_of, pairs, printable, text_of
from roomtape.observe.floodgate import FloodGate
from roomtape.observe.metrics import Metrics
from roomtape.observe.redactor import Redactor
from roomtape.signaling.identity import make_identity

MAX_MESSAGE: Final = 500
MAX_DEBUG_VALUE: Final = 8000
"""Characters of one value at DEBUG, where a whole SDP may be wanted."""
MAX_TRACEBACK_LINES: Final = 60
STYLES: Final = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "bold red"}


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must not be seen of these settings: password, AES phrase, TURN credentials."""
    signaling = settings.signaling
    phrase = make_identity(signaling.password, signaling.salt).phrase
    # Without a phrase the password is one of the words that switch it off.
    words = (signaling.password, phrase, phrase.removesuffix(signaling.salt)) if phrase else ()
    return tuple(word for word in (*words, *(server.credential for server in settings.ice.turn or ())) if word)


class Writer(Protocol):
    """Puts one finished line before the user."""

    def __call__(self, line: str, level: str, /) -> None: ...


class LineHandler(logging.Handler):
    """Records to lines: `HH:MM:SS level message key=value …`, a traceback indented below."""

    def __init__(
        self, write: Writer, redactor: Redactor, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._write, self._redactor, self._metrics, self._clock = write, redactor, metrics, clock
        self._gate = FloodGate()

    def emit(self, record: logging.LogRecord) -> None:
        fields = fields_of(record)
        source = text_of(fields.get("stream", fields.get("peer", "")))
        now = self._clock()
        try:
            self._report(now)
            if self._gate.admit(printable(str(record.msg)), printable(source), now):
                for line in self.lines(record):
                    self._write(line, record.levelname.lower())
            else:
                self._metrics.log_suppressed.add()
        except (OSError, ValueError):
            # The terminal is gone. Not handleError: it would print the record as it is, secrets and all.
            self._metrics.log_suppressed.add()

    def close(self) -> None:
        """Says what was left out and not yet said."""
        with suppress(OSError, ValueError):
            self._report(math.inf)
        super().close()

    def lines(self, record: logging.LogRecord) -> list[str]:
        """The record as safe text."""
        debug = record.levelno <= logging.DEBUG
        limit = MAX_DEBUG_VALUE if debug else MAX_VALUE
        fields = {key: self._redactor.clean(text_of(value), sdp=debug) for key, value in fields_of(record).items()}
        message = self._redactor.clean(_message(record), sdp=debug)
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        head = f"{when} {record.levelname.lower():<7} {printable(message, MAX_MESSAGE)}"
        lines = [f"{head} {pairs(fields, limit)}".rstrip()]
        if record.exc_info:
            traceback = self._redactor.clean(logging.Formatter().formatException(record.exc_info))
            lines += [f"    | {printable(line, MAX_MESSAGE)}" for line in traceback.splitlines()[-MAX_TRACEBACK_LINES:]]
        return lines

    def _report(self, now: float) -> None:
        for left_out in self._gate.ended(now):
            record = logging.LogRecord(__name__, logging.WARNING, "", 0, "too many records", None, None)
            record.fields = {"suppressed": left_out.count, "message": left_out.message, "source": left_out.source}
            for line in self.lines(record):
                self._write(line, "warning")


def _message(record: logging.LogRecord) -> str:
    """A library's arguments may not fit its format."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def set_up(
    debug: bool, secrets: Iterable[str] = (), console: Console | None = None, metrics: Metrics | None = None
) -> Redactor:
    """Sends all records of this process to `console`, above its live table, if it is a terminal, else to stderr.

    Other libraries are heard from WARNING on. A second call replaces the first. Give secrets that become known
    later to the Redactor that is returned.
    """
    redactor = Redactor(secrets)
    write = _on_terminal(console) if console is not None and console.is_terminal else _to_stderr
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, LineHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(LineHandler(write, redactor, metrics or Metrics()))
    root.setLevel(logging.WARNING)
    set_debug(debug)
    return redactor


def set_debug(debug: bool) -> None:
    logging.getLogger("roomtape").setLevel(logging.DEBUG if debug else logging.INFO)


def _to_stderr(line: str, _level: str) -> None:
    # Looked up anew: stderr may have been replaced since the set-up.
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _on_terminal(console: Console) -> Writer:
    def write(line: str, level: str) -> None:
        # A Text is never read as markup.
        console.print(Text(line, style=STYLES.get(level, "")), soft_wrap=True, highlight=False)

    return write
