"""What the hub asks of its shell."""

import msgspec


class Deliver(msgspec.Struct, frozen=True):
    """Send `text` to a connection."""

    conn_id: int
    text: str


class Close(msgspec.Struct, frozen=True):
    """Close a connection, which the hub has already forgotten; `code` as in RFC 6455 section 7.4."""

    conn_id: int
    code: int
    reason: str


Effect = Deliver | Close
