"""When a file has become long or big enough to be followed by another. Pure."""

from typing import Final

AHEAD_S: Final = 1.0
"""The key frame at which a file ends has to be asked for first: so much earlier is begun with it, for a size."""


class Segments:
    """0 is no limit. `due` is told the age of the present file in seconds and its size in bytes."""

    def __init__(self, limit_ms: int, limit_bytes: int) -> None:
        self._limit_s, self._limit_bytes = limit_ms / 1000, limit_bytes

    @property
    def wanted(self) -> bool:
        return bool(self._limit_s or self._limit_bytes)

    def due(self, age_s: float, size_bytes: int) -> bool:
        if self._limit_s and age_s >= self._limit_s:
            return True
        ahead = size_bytes * AHEAD_S / max(age_s, AHEAD_S)
        return bool(self._limit_bytes) and size_bytes + ahead >= self._limit_bytes
