"""Finds what earlier runs left unfinished in a folder, repairs it, and notes that in their manifests."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from roomtape.errors import StorageError
from roomtape.storage import manifest
from roomtape.storage.manifest import Document
from roomtape.storage.repair import Done, Repair, repair
from roomtape.storage.tools import Tools
from roomtape.storage.unfinished import read_manifest, unfinished

MAX_MANIFEST: Final = 64 << 20
"""Bytes; ten thousand files need a twentieth of it."""


def find(folder: Path) -> list[Path]:
    """Files in the folder that an earlier run may have left unfinished; some may turn out to be final, or in use."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    documents = [document for _, document in _manifests(folder)]
    return [folder / name for name in unfinished(documents, names)]


def recover(path: Path, tools: Tools, *, spare_bytes: int = 0, except_in: Path | None = None) -> Repair:
    """Repair one file, and note it in the manifests beside it, except for one that is still kept by its run."""
    done = repair(path, tools, spare_bytes=spare_bytes)
    if done.done in (Done.REPAIRED, Done.REMOVED):
        for where, document in _manifests(path.parent):
            if where != except_in and manifest.note_mended(document, path.name, done.mended):
                _rewrite(where, document)
    return done


def _rewrite(path: Path, document: Document) -> None:
    with suppress(StorageError):  # the recording matters, and is repaired
        manifest.write(path, manifest.render(document))


def _manifests(folder: Path) -> Iterator[tuple[Path, Document]]:
    for path in sorted(folder.glob("*.manifest.json")):
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_MANIFEST else b""
        except OSError:
            continue
        document = read_manifest(data)
        if document is not None:
            yield path, document
