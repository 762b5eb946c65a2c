"""A publishing child that also says on the data channel whatever text a test wants, JSON or not.

A RemoteCandidates message without candidates carries it: its `peer` is the text.
"""

import sys

from roomtape.child import main
from roomtape.child.publishing import Publishing
from roomtape.ipc.messages import RemoteCandidates, ToChild


class HostilePublishing(Publishing):
    def handle(self, message: ToChild) -> None:
        if isinstance(message, RemoteCandidates) and not message.candidates:
            for viewer in self._viewers.values():
                viewer._channel._channel.emit("send-string", message.peer)
        else:
            super().handle(message)


def say(text: str) -> RemoteCandidates:
    """What makes the child say it.

    GStreamer takes a text for a C string, and what is empty to it (also all that begins with NUL) for an SCTP message
    of no bytes, over which the sender's own channel fails: a blank goes in front.
    """
    return RemoteCandidates(candidates=(), peer=text if text[:1].strip("\0") else f" {text}")


if __name__ == "__main__":
    setattr(main, "Publishing", HostilePublishing)  # noqa: B010 - main does not export it
    sys.exit(main.main())
