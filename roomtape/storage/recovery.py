"""Finds what earlier runs left unfinished in folders, repairs it, and notes that in their manifests."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from roomtape.errors import StorageError
from roomtape.storage import manifest
from roomtape.storage.claim import claimed
from roomtape.storage.manifest import Document
from roomtape.storage.repair import Done, Repair, measured, repair
from roomtape.storage.tools import Tools
from roomtape.storage.unfinished import read_manifest, unfinished

MAX_MANIFEST: Final = 64 << 20
"""Bytes; ten thousand files need a twentieth of it."""


def find(folders: Sequence[Path]) -> list[Path]:
    """Files that an earlier run, whose folders these are, may have left unfinished.

    Some may turn out to be final, or in use.
    """
    documents = [document for _, document in manifests(folders)]
    found: list[Path] = []
    for folder in folders:
        with suppress(OSError):
            names = [path.name for path in folder.iterdir()]
            found += [folder / name for name in unfinished(documents, names)]
    return found


def recover(
    path: Path,
    tools: Tools,
    *,
    spare_bytes: int = 0,
    except_in: Path | None = None,
    folders: Sequence[Path] = (),
) -> Repair:
    """Repair one file, and note it in the manifests beside it and in `folders`, except for one that its run keeps."""
    done = repair(path, tools, spare_bytes=spare_bytes)
    found = [*manifests({path.parent, *folders})]
    if done.done is Done.FINAL and any(_calls_open(document, path.name) for _, document in found):
        # Its writer outlived the run.
        with suppress(StorageError, OSError):
            done = msgspec.structs.replace(done, mended=measured(path, tools))
    if done.mended is not None or done.done is Done.REMOVED:
        for where, _ in found:
            if where != except_in:
                _note_in(where, done)
    return done


def note(document: Document, done: Repair) -> bool:
    """True if the document knows the file of which there is news."""
    return manifest.note_mended(document, done.path.name, done.mended, repaired=done.done is Done.REPAIRED)


def _calls_open(document: Document, name: str) -> bool:
    return any(one.file == name and not one.final for one in document.recordings)


def _note_in(path: Path, done: Repair) -> None:
    """Unless a run keeps the manifest: that one sees to it, or the recording matters and is repaired."""
    with suppress(StorageError, OSError), claimed(path):
        document = read(path)
        if document is not None and note(document, done):
            manifest.write(path, manifest.render(document))


def manifests(folders: Iterable[Path]) -> Iterator[tuple[Path, Document]]:
    """All that can be read of those in these folders."""
    for path in sorted(path for folder in folders for path in folder.glob("*.manifest.json")):
        document = read(path)
        if document is not None:
            yield path, document


def read(path: Path) -> Document | None:
    """The manifest at `path`; None if there is none that could be read."""
    try:
        return read_manifest(path.read_bytes() if path.stat().st_size <= MAX_MANIFEST else b"")
    except OSError:
        return None
