"""What one child may use of the computer at most; a part of its configuration."""

from typing import Final

import msgspec

GIB: Final = 1 << 30
OPEN_FILES: Final = 256
"""A recording has about 25, whatever the codec."""
RECORDING: Final = 1 * GIB
"""A recording of 1080p has 180 MB, most of it the stacks of 20 threads."""
WITH_CODECS: Final = 4 * GIB
"""An encoder for 1080p has up to 900 MB (x265), a decoder less."""
PUBLISHING: Final = 12 * GIB
PUBLISHING_FILES: Final = 2048
"""Each of the 80 viewers that there may be has 12 threads, whose stacks take 97 MB, and 11 descriptors."""


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`memory_bytes` counts what is a process's own and writable (RLIMIT_DATA of getrlimit(2))."""

    memory_bytes: int = RECORDING
    open_files: int = OPEN_FILES


def ceilings(memory_bytes: int, default: int, open_files: int = OPEN_FILES) -> Ceilings:
    """With `memory_bytes`, or the default if that is 0."""
    return Ceilings(memory_bytes=memory_bytes or default, open_files=open_files)
