"""What of other settings holds while a recorder runs, and what needs another start: pure.

Guests who are being recorded are not disturbed: what concerns one connection or one file holds from that guest's next
connection on.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from roomtape.config import Settings, check, with_values

AT_ONCE: Final = ("debug",)
FOR_NEW_CONNECTIONS: Final = (
    *("recording.fallback_dir", "recording.min_free_bytes", "recording.segment", "recording.container"),
    *("recording.jitter_ms", "recording.codecs", "recording.max_bitrate_kbps", "recording.audio", "recording.video"),
    *("ice.stun", "ice.turn", "ice.policy"),
)
"""Paths in `Settings`. Free space is also watched by the new value at once."""
OF_A_RECORDER: Final = ("signaling", "ice", "recording", "supervision", "deadlines", "debug")
"""Parts of `Settings`; one file may have options of all commands."""
_OPTIONS: Final = {
    "signaling.dialect": "server-dialect",
    "signaling.insecure": "insecure-signaling",
    "recording.min_free_bytes": "min-free",
    "recording.streams": "record-streams",
    "recording.audio": "noaudio",
    "recording.video": "novideo",
    "recording.codecs": "codec-preference",
    "recording.max_bitrate_kbps": "max-bitrate",
    "recording.jitter_ms": "buffer",
    "supervision.child_memory_bytes": "child-memory",
    "ice.stun": "stun-server",
    "ice.turn": "turn-server",
    "ice.policy": "ice-transport-policy",
}
"""Those that are called otherwise than the settings."""


class Changes(msgspec.Struct, frozen=True):
    """`settings` are those that hold from now on; the rest are names of options."""

    settings: Settings
    at_once: tuple[str, ...] = ()
    for_new_connections: tuple[str, ...] = ()
    after_a_restart: tuple[str, ...] = ()


def compare(old: Settings, new: Settings) -> Changes:
    """What becomes of `new` while a recorder runs with `old`.

    Raises:
        ConfigError: what can change does not go together with what cannot.
    """
    changed = {path: value for path, value in _values(new) if value != _value(old, path)}
    taken = {path: value for path, value in changed.items() if path in AT_ONCE or path in FOR_NEW_CONNECTIONS}
    return Changes(
        settings=check(with_values(old, taken)),
        at_once=_names(path for path in taken if path in AT_ONCE),
        for_new_connections=_names(path for path in taken if path not in AT_ONCE),
        after_a_restart=_names(path for path in changed if path not in taken),
    )


def option_of(path: str) -> str:
    """The option that sets what is at this path."""
    return _OPTIONS.get(path, path.rpartition(".")[2].replace("_", "-"))


def _names(paths: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(map(option_of, paths)))


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    for part in OF_A_RECORDER:
        value = getattr(settings, part)
        if isinstance(value, msgspec.Struct):
            yield from ((f"{part}.{name}", getattr(value, name)) for name in value.__struct_fields__)
        else:
            yield part, value


def _value(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value
