"""A publishing or a recording child whose data channel fails when a test wants it to.

A RemoteCandidates message without candidates makes its sctpenc complain, as it does when it could not send.
"""

import sys
from typing import Any

from roomtape.child import main
from roomtape.child.gst import GLib, Gst
from roomtape.child.publishing import Publishing
from roomtape.child.recording import Recording
from roomtape.ipc.messages import RemoteCandidates, ToChild

BREAK = RemoteCandidates(candidates=())


def complain(pipeline: Any) -> None:
    found, encoder = pipeline.iterate_all_by_element_factory_name("sctpenc").next()
    assert found == Gst.IteratorResult.OK
    problem = GLib.Error.new_literal(
        Gst.resource_error_quark(), "Could not write to resource.", Gst.ResourceError.WRITE
    )
    encoder.post_message(Gst.Message.new_error(encoder, problem, "for a test"))


class BrokenPublishing(Publishing):
    def handle(self, message: ToChild) -> None:
        if message == BREAK:
            complain(self._pipeline)
        else:
            super().handle(message)


class BrokenRecording(Recording):
    def handle(self, message: ToChild) -> None:
        if message == BREAK:
            complain(self._pipeline)
        else:
            super().handle(message)


if __name__ == "__main__":
    setattr(main, "Publishing", BrokenPublishing)  # noqa: B010 - main does not export it
    setattr(main, "Recording", BrokenRecording)  # noqa: B010
    sys.exit(main.main())
