"""A recording child that also says on the data channel whatever a test wants (protocol.md 8.1).

A RemoteCandidates message without candidates carries it: its `peer` is the JSON text.
"""

import json
import sys

from roomtape.child import main
from roomtape.child.recording import Recording
from roomtape.ipc.messages import RemoteCandidates, ToChild


class WishingRecording(Recording):
    def handle(self, message: ToChild) -> None:
        if isinstance(message, RemoteCandidates) and message.peer:
            assert self._channel is not None
            assert self._channel.send(json.loads(message.peer))
        else:
            super().handle(message)


def wish(**fields: object) -> RemoteCandidates:
    """What makes the child say it."""
    return RemoteCandidates(candidates=(), peer=json.dumps(fields))


if __name__ == "__main__":
    setattr(main, "Recording", WishingRecording)  # noqa: B010 - main does not export it
    sys.exit(main.main())
