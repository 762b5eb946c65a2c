from roomtape.child.gst import init, make
from roomtape.child.jitter import START_PACKETS, JitterBuffers

init()


def test_a_buffer_is_set_up_when_it_is_made_and_asks_no_more_when_it_is_drained() -> None:
    buffers, buffer = JitterBuffers(200), make("rtpjitterbuffer")
    buffers.made(buffer, 7, may_ask=True)
    assert buffers[7] is buffer
    assert buffer.get_property("do-retransmission")
    assert not buffer.get_property("rtx-next-seqnum")
    assert buffer.get_property("faststart-min-packets") == START_PACKETS
    buffers.drain()
    assert buffer.get_property("rtx-max-retries") == 0
