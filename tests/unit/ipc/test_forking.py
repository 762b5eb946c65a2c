"""Packets of the fork server's socket."""

import msgspec
import pytest

from roomtape.ipc.forking import (
    PACKET,
    Exited,
    Fork,
    Forked,
    FromForkServer,
    Refused,
    Serving,
    encode_packet,
    read_answer,
    read_request,
)

ANSWERS = (
    Serving(),
    Forked(number=1, pid=4_194_304),
    Refused(number=2, reason="Resource temporarily unavailable"),
    Exited(pid=7, code=-9),
)


@pytest.mark.parametrize("message", ANSWERS)
def test_an_answer_comes_back_as_it_was(message: FromForkServer) -> None:
    packet = encode_packet(message)
    assert read_answer(packet) == message
    assert len(packet) < PACKET


def test_a_request_comes_back_as_it_was() -> None:
    assert read_request(encode_packet(Fork(number=3))) == Fork(number=3)


@pytest.mark.parametrize("packet", [b"", b"{}", b'{"type":"dance"}', b'{"type":"exited","pid":"x","code":0}', b"\xff"])
def test_anything_else_is_an_error(packet: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_answer(packet)
    with pytest.raises(msgspec.MsgspecError):
        read_request(packet)
