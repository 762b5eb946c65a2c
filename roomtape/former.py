"""Finds the former session that a recorder is to go on with, and claims its manifest."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from roomtape.errors import FileInUse
from roomtape.logs import get_logger
from roomtape.storage.claim import claimed
from roomtape.storage.manifest import Document
from roomtape.storage.recovery import manifests, read
from roomtape.storage.session import go_on, latest

log = get_logger(__name__)


@contextmanager
def former_session(
    folders: Sequence[Path], names: Sequence[str], room: str | None, prefix: str
) -> Iterator[tuple[str, Document] | None]:
    """The latest session of the room by the manifests in the folders, made ready to go on, and its manifest's name.

    None if there is none that could; the log says why. `names` are those of all files in the folders. No other process
    goes on with the session before the caller is done.
    """
    found = list(manifests(folders))
    chosen = latest(found, room, prefix)
    if chosen is None:
        log.info("there is no former session of this room in the folder: a new one begins")
        yield None
        return
    path, _ = chosen
    with ExitStack() as stack:
        document = None
        try:
            stack.enter_context(claimed(path))
            document = read(path)
            reason = "it cannot be read"
        except FileInUse:
            reason = "another recorder is at it"
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
        if document is None:
            log.warning("the former session cannot go on: a new one begins", manifest=path.name, reason=reason)
            yield None
            return
        go_on(document, [other for _, other in found], names, datetime.now(UTC))
        log.info("the former session goes on", manifest=path.name, recordings=len(document.recordings))
        yield path.name, document
