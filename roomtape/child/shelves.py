"""Which folder the next file goes to: the first that takes one, asked again now and then. Pure; times in seconds."""

from typing import Final

RETRY_S: Final = 1.0
"""How long a folder that refused a file is left alone."""


class Shelves:
    """`folders` in order of preference."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._failed: dict[str, float] = {}

    def to_try(self, now: float) -> tuple[str, ...]:
        """Folders that may take a file now, the preferred one first."""
        return tuple(f for f in self._folders if now - self._failed.get(f, float("-inf")) >= RETRY_S)

    def failed(self, folder: str, now: float) -> None:
        self._failed[folder] = now

    def took(self, folder: str) -> None:
        self._failed.pop(folder, None)

    def in_doubt(self, folder: str) -> bool:
        """Whether it has refused a file, and has taken none since."""
        return folder in self._failed
