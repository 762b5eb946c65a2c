"""Names of recordings: PREFIX_STREAMID_TAKE_UTC.ext, like room_alice_01_20261122T182113Z.webm. Pure.

With segments, TAKE is followed by the number of the part: room_alice_01_p02_20261122T183113Z.webm.

Stream ids come from the network: whatever they hold, a name stays in its folder and within a file system's limits.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from roomtape.model import Feed, StreamId

MAX_NAME: Final = 64
"""Characters in a safe name."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_DIGITS: Final = 6
_LIKE_A_DIGEST: Final = re.compile(rf"-[0-9a-f]{{{_DIGEST_DIGITS}}}\Z")
_TAKE_AND_UTC: Final = re.compile(r"_(?P<take>[0-9]{2,9})(?:_p[0-9]+)?_[0-9]{8}T[0-9]{6}Z(?:[.-].*)?", re.DOTALL)
_NAME: Final = re.compile(
    r"_(?P<stream>[A-Za-z0-9_-]+)_(?P<take>[0-9]{2,9})(?:_p(?P<part>[0-9]{1,9}))?"
    r"_(?P<utc>[0-9]{8}T[0-9]{6}Z)(?P<prelude>-prelude)?(?:-[0-9]+)?\.(?:webm|mkv|mp4)"
)
_UTC: Final = "%Y%m%dT%H%M%SZ"
_SCREEN: Final = "_screen"


class Name(NamedTuple):
    """What a recording's name says. `stream` is as it stands there, `opened` is in UTC.

    A `prelude` is removed when there is the proper file (`child.prelude`).
    """

    stream: str
    take: int
    part: int
    opened: datetime
    prelude: bool = False

    def is_of(self, stream: str) -> bool:
        """Whether the file may be of the stream, or of a screen that it shared."""
        return self.stream in (safe_name(stream), safe_name(stream) + _SCREEN)


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
    screen = _SCREEN if feed is Feed.SCREEN else ""
    return f"{_start(prefix, stream)}{screen}_{take:02d}"


def next_take(existing: Iterable[str], prefix: str, stream: StreamId) -> int:
    """One more than the highest take of this stream among the names of existing files; 1 for the first.

    Only names with nothing but TAKE_UTC after the stream count: `a` does not own the files of `a_01`.
    """
    start = _start(prefix, stream)
    matches = (_TAKE_AND_UTC.fullmatch(name, len(start)) for name in existing if name.startswith(start))
    return 1 + max((int(match["take"]) for match in matches if match), default=0)


def read_name(name: str, prefix: str) -> Name | None:
    """None if it is no name of a recording with this prefix."""
    start = safe_name(prefix)
    match = _NAME.fullmatch(name, len(start)) if name.startswith(start) else None
    if match is None:
        return None
    try:
        opened = datetime.strptime(match["utc"], _UTC).replace(tzinfo=UTC)
    except ValueError:  # the 31st of February
        return None
    return Name(match["stream"], int(match["take"]), int(match["part"] or 1), opened, bool(match["prelude"]))


def _start(prefix: str, stream: StreamId) -> str:
    return f"{safe_name(prefix)}_{safe_name(stream)}"
