"""What each command does with the options given to it. The work itself is imported when it is clear that it is wanted,
so that help and complaints come at once.
"""

import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from roomtape.config import STDOUT, Settings
from roomtape.errors import ConfigError
from roomtape.given import Again, Given, Strength, settings_of
from roomtape.logs import printable
from roomtape.model import StreamId
from roomtape.option_types import streams_or_link
from roomtape.options import BY_NAME

DEMO_FOLDER: Final = "demo-recordings"
SOURCES: Final = ("test", "filesrc", "v4l2", "alsa", "pulse", "video-pipeline", "audio-pipeline")
"""Options that say what to publish."""
DEMO_SECONDS: Final = 10
PIPED_WIDTH: Final = 250


def record(given: Sequence[Given], again: Again) -> int:
    return _record(settings_of, given, again)


def view(given: Sequence[Given], _: Again) -> int:
    settings = settings_of(given)
    if not settings.view.stream_id:
        raise ConfigError("say which stream to view")
    if settings.view.output == STDOUT and sys.stdout.isatty():
        raise ConfigError("standard output is a terminal: pipe it to a player (… | ffplay -) or to a file")
    from roomtape.app import view as run

    return run(settings)


def publish(given: Sequence[Given], _: Again) -> int:
    settings = settings_of(given)
    if not any(_value(given, name) for name in SOURCES):
        raise ConfigError("say what to publish: --test, --filesrc FILE, --v4l2 DEVICE or another source")
    from roomtape.app import publish as run

    return run(_named(settings))


def flat(given: Sequence[Given], again: Again) -> int:
    """publish.py: which options are there says what to do; if they disagree, those of the strongest place."""
    records = _strength(given, "record-room", "record", "record-streams")
    publishes = _strength(given, "streamid", *SOURCES)
    views = _strength(given, "view")
    strongest = max(records, publishes, views)
    if not strongest:
        raise ConfigError(
            "say what to do: --room ROOM --record-room, --record STREAM, --view STREAM or --streamid NAME --test"
        )
    if [records, publishes, views].count(strongest) > 1:
        raise ConfigError(
            "record, view or publish, one of them: leave out --streamid and --test, --view, or what is to be recorded"
        )
    if publishes == strongest:
        return publish(given, again)
    if views == strongest:
        return view(given, again)
    return _record(_flat_settings, given, again)


def serve(given: Sequence[Given], _: Again) -> int:
    settings = settings_of(given)
    from roomtape.app import serve as run

    return run(settings)


def doctor(given: Sequence[Given], _: Again) -> int:
    settings = settings_of(given)
    from roomtape.doctor import run

    return run(settings)


def demo(given: Sequence[Given], _: Again) -> int:
    from roomtape.demo import run

    return run(_value(given, "seconds") or DEMO_SECONDS, Path(_value(given, "output-dir") or DEMO_FOLDER))


def verify(given: Sequence[Given], _: Again) -> int:
    """0 if every recording plays, else 1."""
    from roomtape import reports
    from roomtape.storage.verify import verify_all

    paths: tuple[Path, ...] = _value(given, "path")
    found = verify_all(paths)
    if not found:
        raise ConfigError("there are no recordings in " + ", ".join(map(str, paths)))
    if _value(given, "json"):
        click.echo(reports.as_json(found))
    else:
        terminal = Console()
        # Piped, lines are for grep: as long as they need to be.
        Console(width=None if terminal.is_terminal else PIPED_WIDTH).print(reports.as_table(found))
    return 0 if all(report.ok for report in found) else 1


def repair(given: Sequence[Given], _: Again) -> int:
    """0 if every recording is complete now, else 1."""
    from roomtape.storage.recovery import recover
    from roomtape.storage.tools import Tools
    from roomtape.storage.verify import recordings

    paths: tuple[Path, ...] = _value(given, "path")
    tools, done = Tools(), []
    for file in (file for path in paths for file in recordings(path)):
        done.append(recover(file, tools))
        click.echo(f"{printable(str(file))} {done[-1].sentence}")
    if not done:
        raise ConfigError("there are no recordings in " + ", ".join(map(str, paths)))
    return 0 if all(one.ok for one in done) else 1


def _record(read: Callable[[Sequence[Given]], Settings], given: Sequence[Given], again: Again) -> int:
    settings = read(given)
    if not settings.signaling.room and not settings.recording.streams:
        raise ConfigError("say which room to record, or which streams with --record-streams")
    from roomtape.app import record as run

    return run(settings, lambda: read(again()))


def _flat_settings(given: Sequence[Given]) -> Settings:
    whole_room = bool(_value(given, "record-room"))
    settings = settings_of(_meant(one, whole_room) for one in given)
    if whole_room and not settings.signaling.room:
        raise ConfigError("--record-room needs a room: add --room")
    return settings


def _meant(given: Given, whole_room: bool) -> Given:
    """`--record` as what it stands for: the files' prefix if the whole room is recorded, else the stream."""
    if given.name != "record":
        return given
    if whole_room:
        return msgspec.structs.replace(given, option=BY_NAME["prefix"])
    streams = streams_or_link(given.value)
    value = (streams,) if isinstance(streams, tuple) else streams
    return msgspec.structs.replace(given, option=BY_NAME["record-streams"], value=value)


def _named(settings: Settings) -> Settings:
    """With a random stream id if none was given."""
    if settings.publish.stream_id:
        return settings
    publish = msgspec.structs.replace(settings.publish, stream_id=StreamId(secrets.token_hex(4)))
    return msgspec.structs.replace(settings, publish=publish)


def _value(given: Sequence[Given], name: str) -> Any:
    return next((one.value for one in given if one.name == name), None)


def _strength(given: Sequence[Given], *names: str) -> Strength | int:
    """Of the strongest place where one of them was given, 0 for nowhere; a flag that is off was not given."""
    return max((one.strength for one in given if one.name in names and one.value), default=0)
