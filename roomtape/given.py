"""From the options that were given, and where, to `Settings`. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum, auto
from typing import Any

import msgspec

from roomtape.config import Settings, check, with_values
from roomtape.errors import ConfigError
from roomtape.option_types import flat, turn_servers
from roomtape.options import Option
from roomtape.signaling.identity import sanitise_stream
from roomtape.signaling.link import Link


class Strength(IntEnum):
    """Where an option was given; the higher one wins."""

    FILE = auto()
    ENVIRONMENT = auto()
    COMMAND_LINE = auto()


class Given(msgspec.Struct, frozen=True):
    """An option with its parsed value. `name` is the one that was written, for messages."""

    option: Option
    value: Any
    strength: Strength
    name: str


Again = Callable[[], Sequence[Given]]
"""Reads everything once more, as it is given now. Raises ConfigError."""


def settings_of(given: Iterable[Given]) -> Settings:
    """Checked settings: for each one, what was given at the strongest place; an option there beats a link there.

    Raises:
        ConfigError: two options of one place contradict each other, or the settings cannot work together.
    """
    best: dict[str, tuple[tuple[Strength, bool], Any, str]] = {}
    for one in given:
        is_option = not isinstance(one.value, Link)
        for path, value in _changes(one):
            rank = (one.strength, is_option)
            if path in best:
                other_rank, other_value, other_name = best[path]
                if rank == other_rank and value != other_value:
                    raise ConfigError(f"--{other_name} and --{one.name} contradict each other")
                if rank <= other_rank:
                    continue
            best[path] = rank, value, one.name
    return check(with_values(Settings(), {path: value for path, (_, value, _) in best.items()}))


def _changes(given: Given) -> Iterator[tuple[str, Any]]:
    if isinstance(given.value, Link):
        yield from _of_link(given.value)
    elif (value := given.option.read(given.value)) is not None:
        yield from ((path, value) for path in given.option.paths)


def _of_link(link: Link) -> Iterator[tuple[str, Any]]:
    streams = link.streams
    values = {
        "signaling.room": link.room,
        "signaling.password": link.password,
        "signaling.salt": link.salt,
        "signaling.server": link.server,
        "signaling.dialect": link.dialect,
        "recording.streams": streams or None,
        "view.stream_id": streams[0] if streams else None,
        "publish.stream_id": sanitise_stream(link.push) if link.push else None,
        "ice.turn": None if link.turn is None else flat(map(turn_servers, link.turn)),
    }
    yield from ((path, value) for path, value in values.items() if value is not None)
