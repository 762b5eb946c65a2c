"""What the main process and its fork server tell each other: one JSON text in each packet of a SOCK_SEQPACKET socket.

Descriptors travel along with a packet (SCM_RIGHTS, unix(7)). `number` joins an answer to its Fork.
"""

from typing import Final

import msgspec

PACKET: Final = 4096
"""Bytes that a packet may have."""
STREAMS: Final = 3
"""Descriptors that come with a Fork."""


class Fork(msgspec.Struct, frozen=True, tag="fork"):
    """To the fork server, with the child's ends of its stdin, stdout and stderr."""

    number: int


class Serving(msgspec.Struct, frozen=True, tag="serving"):
    """From it, once: children can be forked."""


class Forked(msgspec.Struct, frozen=True, tag="forked"):
    """With the child's pidfd (pidfd_open(2)), by which it is signalled and its end seen."""

    number: int
    pid: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """There is no child, for this reason."""

    number: int
    reason: str


class Exited(msgspec.Struct, frozen=True, tag="exited"):
    """A child has ended: its exit code, or the negative number of the signal that ended it."""

    pid: int
    code: int


FromForkServer = Serving | Forked | Refused | Exited

_encoder: Final = msgspec.json.Encoder()
_requests: Final = msgspec.json.Decoder(Fork)
_answers: Final[msgspec.json.Decoder[FromForkServer]] = msgspec.json.Decoder(FromForkServer)


def encode_packet(message: Fork | FromForkServer) -> bytes:
    return _encoder.encode(message)


def read_request(packet: bytes) -> Fork:
    """In the fork server.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _requests.decode(packet)


def read_answer(packet: bytes) -> FromForkServer:
    """In the main process.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _answers.decode(packet)
