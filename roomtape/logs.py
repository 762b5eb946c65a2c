"""Loggers with a static message and keyword fields, and how both become one line that cannot be forged.

    log = get_logger(__name__)
    log.info("stream appeared", stream="ann", peer="u-1")

Any floor may log; where the lines go is decided once, in `roomtape.log`.
"""

import logging
import re
from collections.abc import Mapping
from typing import Final

MAX_VALUE: Final = 200
"""Characters shown of one value: a guest's label or a server's alert may be of any length."""
MAX_FIELDS: Final = 20
_NOT_IN_A_KEY: Final = re.compile(r"\W")
_NEEDS_QUOTES: Final = re.compile(r'[\s"=\\]')


class Logger:
    """The standard library's logger of the same name, for records with fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def log(self, level: int, message: str, /, **fields: object) -> None:
        self._logger.log(level, message, extra={"fields": fields})

    def debug(self, message: str, /, **fields: object) -> None:
        self.log(logging.DEBUG, message, **fields)

    def info(self, message: str, /, **fields: object) -> None:
        self.log(logging.INFO, message, **fields)

    def warning(self, message: str, /, **fields: object) -> None:
        self.log(logging.WARNING, message, **fields)

    def error(self, message: str, /, **fields: object) -> None:
        self.log(logging.ERROR, message, **fields)

    def exception(self, message: str, /, **fields: object) -> None:
        """An error with the traceback of the exception being handled."""
        self._logger.error(message, exc_info=True, extra={"fields": fields})


def get_logger(name: str) -> Logger:
    return Logger(name)


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """The fields of a record; none if it does not come from a `Logger`."""
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, dict) else {}


def text_of(value: object) -> str:
    """A field's value as text, neither escaped nor bounded yet."""
    match value:
        case None | bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def printable(text: str, limit: int = MAX_VALUE) -> str:
    """`text` on one line without anything that could steer a terminal: escaped, and cut to `limit` characters."""
    if len(text) <= limit and text.isprintable() and "\\" not in text:
        return text
    parts: list[str] = []
    for char in text[: limit + 1]:
        part = char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode()
        limit -= len(part)
        if limit < 0:
            parts.append("…")
            break
        parts.append(part)
    return "".join(parts)


def pairs(fields: Mapping[str, str], limit: int = MAX_VALUE) -> str:
    """`key=value` with blanks between; quoted where a reader could be misled. Beyond MAX_FIELDS only their number."""
    words = [f"{_NOT_IN_A_KEY.sub('_', key[:40])}={_value(text, limit)}" for key, text in fields.items()]
    if len(words) > MAX_FIELDS:
        words[MAX_FIELDS:] = [f"fields_left_out={len(words) - MAX_FIELDS}"]
    return " ".join(words)


def _value(text: str, limit: int) -> str:
    safe = printable(text, limit)
    if safe and not _NEEDS_QUOTES.search(safe):
        return safe
    return '"' + safe.replace('"', '\\"') + '"'
