"""How a recording child treats the disk; a part of its configuration."""

import msgspec


class Storing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """While a folder takes no files, being full, refusing or gone, they go to `fallback_folder`, if there is one.

    Less than `min_free_bytes` of free space is full. Without a file system mounted at `mount`, if that is said, the
    folder is gone. A file is followed by another when it has lasted `segment_ms` milliseconds or has `segment_bytes`
    bytes; 0 is for ever.
    """

    fallback_folder: str = ""
    mount: str = ""
    min_free_bytes: int = 0
    segment_ms: int = 0
    segment_bytes: int = 0
