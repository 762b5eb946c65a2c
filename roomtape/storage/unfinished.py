"""Which files of a folder an earlier run may have left unfinished, by its manifests: pure.

A run that was killed had no time to say so. What it opened last may not even stand in its manifest, which is written
every other second; so files with a name that the run would give count as well, if no manifest knows them.
"""

from collections.abc import Iterable

import msgspec

from roomtape.storage.layout import read_name
from roomtape.storage.manifest import Document


def read_manifest(data: bytes) -> Document | None:
    """None for what is no manifest of this format."""
    try:
        return msgspec.json.decode(data, type=Document)
    except (msgspec.MsgspecError, ValueError):
        return None


def unfinished(documents: Iterable[Document], names: Iterable[str]) -> list[str]:
    """Of these names of files in the folder of the manifests, in order of name."""
    documents, there = tuple(documents), set(names)
    open_ones = {
        recording.file
        for document in documents
        for recording in document.recordings
        if not recording.final and not recording.removed
    }
    killed = [document for document in documents if document.ended is None]
    unknown = {name for name in unlisted(documents, there) if any(made_by(document, name) for document in killed)}
    return sorted(open_ones & there | unknown)


def unlisted(documents: Iterable[Document], names: Iterable[str]) -> set[str]:
    """Of these names those that no manifest knows."""
    return set(names) - {recording.file for document in documents for recording in document.recordings}


def made_by(document: Document, name: str) -> bool:
    """Whether the run may have made a file of this name; names have whole seconds."""
    read = read_name(name, document.prefix)
    return read is not None and read.opened >= document.started.replace(microsecond=0)
