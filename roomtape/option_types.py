"""How the text of an option becomes a value; whatever it is refused for is said in one sentence of a ConfigError."""

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import click

from roomtape.config import Segment
from roomtape.errors import ConfigError
from roomtape.ice.servers import parse_stun, parse_turn
from roomtape.model import Codec, StreamId, TurnServer
from roomtape.signaling.identity import DISABLING_PASSWORDS, sanitise_room
from roomtape.signaling.link import Link, is_link, parse_link

VIDEO_CODECS: Final = (Codec.H264, Codec.H265, Codec.VP8, Codec.VP9, Codec.AV1)
_SIZE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([KMGT]?)B?")
_TIME: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smh])")
LEAST_SEGMENT_S: Final = 2.0
LEAST_SEGMENT_BYTES: Final = 100_000
MAX_FILE: Final = 64 * 1024
"""Bytes of a file with a password, TURN servers or settings."""


class Parsed(click.ParamType[Any]):
    """Texts that `parse` makes a value of or refuses with a ConfigError; `name` stands for the value in a help text."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._parse(value) if isinstance(value, str) else value


def room_or_link(text: str) -> str | Link:
    if is_link(text):
        return parse_link(text)
    if not sanitise_room(text):
        raise ConfigError("the name of the room is empty")
    return text.strip()


def size(text: str) -> int:
    """Bytes, with K, M, G or T for thousands, millions and so on."""
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None:
        raise ConfigError("a size is a number with K, M, G or T: 500M, 1.5G")
    return int(float(match[1]) * 1000 ** " KMGT".index(match[2] or " "))


def segment(text: str) -> Segment:
    """A time in s, m or h, or a size in K, M, G or T: the case tells minutes from millions."""
    word = text.strip()
    if match := _TIME.fullmatch(word):
        seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
        if seconds >= LEAST_SEGMENT_S:
            return Segment(seconds=seconds)
    elif word[-1:] in "KMGT" and word and (size_bytes := size(word)) >= LEAST_SEGMENT_BYTES:
        return Segment(size_bytes=size_bytes)
    raise ConfigError("a segment is a time or a size: 10m, 1h, 2G; at least 2s or 100K")


def streams(text: str) -> tuple[StreamId, ...]:
    """Names with commas between them, as they are: a viewer does not sanitise (protocol.md 2.1, trap T3)."""
    names = tuple(StreamId(name) for part in text.split(",") if (name := part.strip()))
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ConfigError("the name of the stream contains bytes that are no text")
    if not names:
        raise ConfigError("the name of the stream is empty")
    return names


def streams_or_link(text: str) -> tuple[StreamId, ...] | Link:
    return parse_link(text) if is_link(text) else streams(text)


def stream_or_link(text: str) -> StreamId | Link:
    """The one stream to view."""
    found = streams_or_link(text)
    names = found.streams if isinstance(found, Link) else found
    if len(names) != 1:
        raise ConfigError("name one stream to view, or give a link that does (view=…)")
    return found if isinstance(found, Link) else names[0]


def output(text: str) -> str:
    """A file's name or `-`."""
    if not text.strip():
        raise ConfigError("the name of the output file is empty")
    return text


def sink(text: str) -> str:
    if not text.strip():
        raise ConfigError("the name of the sink is empty")
    return text.strip()


def codecs(text: str) -> tuple[Codec, ...]:
    """Names with commas between them, in any case."""
    known = {codec.lower(): codec for codec in VIDEO_CODECS}
    names = [name for part in text.split(",") if (name := part.strip().lower())]
    unknown = next((name for name in names if name not in known), "" if not names else None)
    if unknown is not None:
        said = f"{unknown[:20]!r} is no video codec" if unknown else "no codec is named"
        raise ConfigError(f"{said}: choose from {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names))


def turn_servers(text: str) -> tuple[TurnServer, ...]:
    """One server, or none for `false`."""
    return () if _is_off(text) else (parse_turn(text),)


def stun_servers(text: str) -> tuple[str, ...]:
    """One server, or none for `false`."""
    return () if _is_off(text) else (parse_stun(text),)


def password_in(path: str) -> str:
    """The first line of a file."""
    password = read_text(path).partition("\n")[0].strip()
    if not password:
        raise ConfigError(f"the file {path} has no password in its first line")
    return password


def turn_servers_in(path: str) -> tuple[TurnServer, ...]:
    """One server in each line of a file; empty lines and those that start with # are left out."""
    lines = (line.strip() for line in read_text(path).splitlines())
    return flat(turn_servers(line) for line in lines if line and not line.startswith("#"))


def flat(groups: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The items of all groups in order, each once.

    Raises:
        ConfigError: one group is empty, which stands for none, and others are not.
    """
    groups = tuple(groups)
    if any(groups) and not all(groups):
        raise ConfigError("false stands for no server at all: leave it out, or the others")
    return tuple(dict.fromkeys(item for group in groups for item in group))


def toml_options(path: str) -> dict[str, object]:
    """A configuration file's options.

    Raises:
        ConfigError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"the file {path} is not TOML: {error}") from None


def text_of(value: object, kind: click.ParamType[Any] | None) -> str:
    """A value of TOML as it would be written on a command line, for an option of this type; None is a flag.

    Raises:
        ConfigError: that is no value for it.
    """
    match value, kind:
        case bool(), None:
            return str(value).lower()
        case _, None:
            raise ConfigError("takes true or false")
        case int(), click.IntRange() if not isinstance(value, bool):
            return str(value)
        case _, click.IntRange():
            raise ConfigError("takes a whole number")
        case int(), Parsed(name="size") if not isinstance(value, bool):
            return str(value)
        case False, _:  # no password, no TURN server
            return "false"
        case str(), _:
            return value
        case _:
            raise ConfigError("takes a text, in quotes")


def read_text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ConfigError(f"the file {path} is longer than {MAX_FILE} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"the file {path} is not UTF-8 text") from None


def _is_off(text: str) -> bool:
    return text.strip().lower() in DISABLING_PASSWORDS
