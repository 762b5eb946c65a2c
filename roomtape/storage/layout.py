"""Names of recordings: PREFIX_STREAMID_TAKE_UTC.ext, like room_alice_01_20261122T182113Z.webm. Pure.

With segments, TAKE is followed by the number of the part: room_alice_01_p02_20261122T183113Z.webm.

Stream ids come from the network: whatever they hold, a name stays in its folder and within a file system's limits.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from roomtape.model import Feed, StreamId

MAX_NAME: Final = 64
"""Characters in a safe name."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_DIGITS: Final = 6
_LIKE_A_DIGEST: Final = re.compile(rf"-[0-9a-f]{{{_DIGEST_DIGITS}}}\Z")
_TAKE_AND_UTC: Final = re.compile(r"_(?P<take>[0-9]{2,9})(?:_p[0-9]+)?_[0-9]{8}T[0-9]{6}Z(?:[.-].*)?", re.DOTALL)
_MADE_AT: Final = re.compile(
    r"_[A-Za-z0-9_-]+_[0-9]{2,9}(?:_p[0-9]+)?_(?P<utc>[0-9]{8}T[0-9]{6}Z)(?:-prelude)?(?:-[0-9]+)?\.(?:webm|mkv|mp4)"
)
_UTC: Final = "%Y%m%dT%H%M%SZ"


def safe_name(text: str) -> str:
    """`text` as a part of a file name: of A-Z, a-z, 0-9, `_` and `-`, at most MAX_NAME long, never empty.

    An altered text ends with a hyphen and six hex digits of its SHA-256, so that different ids keep different names; a
    text that ends like that by itself gets them as well.
    """
    word = _UNSAFE.sub("_", text)
    if word.startswith("-"):  # would look like an option on a command line
        word = "_" + word[1:]
    if word == text and 0 < len(word) <= MAX_NAME and not _LIKE_A_DIGEST.search(word):
        return word
    # JSON can carry lone surrogates, which UTF-8 proper refuses.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_DIGITS]
    return f"{word[: MAX_NAME - _DIGEST_DIGITS - 1] or '_'}-{digest}"


def stem(prefix: str, stream: StreamId, take: int, feed: Feed = Feed.CAMERA) -> str:
    """A recording's name up to the take; the writer adds `_UTC.ext`. A shared screen is STREAMID_screen."""
    screen = "_screen" if feed is Feed.SCREEN else ""
    return f"{_start(prefix, stream)}{screen}_{take:02d}"


def next_take(existing: Iterable[str], prefix: str, stream: StreamId) -> int:
    """One more than the highest take of this stream among the names of existing files; 1 for the first.

    Only names with nothing but TAKE_UTC after the stream count: `a` does not own the files of `a_01`.
    """
    start = _start(prefix, stream)
    matches = (_TAKE_AND_UTC.fullmatch(name, len(start)) for name in existing if name.startswith(start))
    return 1 + max((int(match["take"]) for match in matches if match), default=0)


def made_at(name: str, prefix: str) -> datetime | None:
    """When the recording of this name was opened (UTC); None if it is no name of a recording with this prefix."""
    start = safe_name(prefix)
    match = _MADE_AT.fullmatch(name, len(start)) if name.startswith(start) else None
    try:
        return datetime.strptime(match["utc"], _UTC).replace(tzinfo=UTC) if match else None
    except ValueError:  # the 31st of February
        return None


def _start(prefix: str, stream: StreamId) -> str:
    return f"{safe_name(prefix)}_{safe_name(stream)}"
