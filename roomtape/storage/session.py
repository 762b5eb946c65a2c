"""Which former session a recorder goes on with, and how its manifest does: pure.

A session is what one manifest lists: a room's recordings in a folder, by one run or, with `--resume`, by several.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from roomtape import __version__
from roomtape.logs import printable
from roomtape.storage.layout import Name, read_name
from roomtape.storage.manifest import FORMAT, MAX_FILES, Document, Recording
from roomtape.storage.unfinished import made_by, unlisted

MAX_RESUMED: Final = 1000
"""Times that are kept of when a session went on."""
CUT_OFF: Final = "the recorder was cut off"

Found = tuple[Path, Document]


def latest(found: Iterable[Found], room: str | None, prefix: str) -> Found | None:
    """The latest session of this room whose files have this prefix and that has room for more.

    Of two copies, as they are left when a folder refused the manifest for a while, the one that knows more.
    """
    wanted = (FORMAT, None if room is None else printable(room), printable(prefix))
    ours = [one for one in found if (one[1].format, one[1].room, one[1].prefix) == wanted]
    fit = [one for one in ours if len(one[1].recordings) < MAX_FILES]
    return max(fit, key=lambda one: (one[1].started, len(one[1].recordings)), default=None)


def go_on(document: Document, others: Iterable[Document], names: Iterable[str], at: datetime) -> None:
    """The session has another run from `at` (UTC). `names` are those of all files in its folders.

    What a run that was killed had no time to list is listed now.
    """
    for recording in document.recordings:
        if recording.closed is None and recording.end_reason is None:
            recording.end_reason = CUT_OFF
    if document.ended is None:
        for name in sorted(unlisted((document, *others), names)):
            read = read_name(name, document.prefix)
            if read is not None and not read.prelude and made_by(document, name):
                document.recordings.append(_guessed(name, read, document))
    document.ended, document.roomtape = None, __version__
    document.resumed = [*document.resumed, at][-MAX_RESUMED:]


def _guessed(name: str, read: Name, document: Document) -> Recording:
    """An entry by the name alone, in which the stream stands as file names have it, unless it is known otherwise."""
    known = (recording.stream for recording in document.recordings if read.is_of(recording.stream))
    return Recording(
        file=name,
        stream=next(known, read.stream),
        take=read.take,
        part=read.part,
        opened=read.opened,
        end_reason=CUT_OFF,
    )
