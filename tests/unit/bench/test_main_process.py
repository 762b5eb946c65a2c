"""The main process of the bench takes guests as the real one does."""

from bench.main_process import MainProcess, guest_frames, way_of_an_offer
from bench.samples import ANSWER
from roomtape.ipc.codec import encode
from roomtape.ipc.messages import LocalDescription, Ready


def test_an_offer_goes_to_the_child_and_its_answer_to_the_server() -> None:
    process = MainProcess()
    process.frame('{"request":"listing","list":[]}')
    frames = guest_frames(0)
    process.frame(frames[0])
    (child,) = process.children
    process.line(child, encode(Ready(version=1, pid=1, gstreamer="1.22")))
    took = way_of_an_offer(process, child, frames, encode(LocalDescription(negotiation=1, description=ANSWER)))
    assert took >= 0
    assert b"remote_description" in b"".join(process.to_children)
    assert '"description"' in process.to_server[-1]
