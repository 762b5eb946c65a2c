"""Reads the pages' files, which are installed with the package."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from roomtape.handshake.pages import MEDIA_TYPES


def read_assets() -> dict[str, str]:
    """Every file of `roomtape/web` that can be served, by its path in there."""
    return _read(files("roomtape") / "web", "")


def _read(folder: Traversable, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _read(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in MEDIA_TYPES:
            found[prefix + entry.name] = entry.read_text(encoding="utf-8")
    return found
