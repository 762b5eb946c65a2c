"""What the user reads of a stream: where it is, and a remark in words."""

from roomtape.model import StreamId
from roomtape.room.attempt import Attempt, State
from roomtape.room.effects import Effect, Report
from roomtape.room.outcome import Outcome

UNDER_WAY = (State.NEGOTIATING, State.CONNECTING, State.CONNECTED)


def stage(live: list[Attempt]) -> str:
    """How far the best of these attempts is: a word of observe.board.GuestState."""
    if any(attempt.recording for attempt in live):
        return "recording"
    connecting = any(attempt.state in UNDER_WAY and not attempt.no_media for attempt in live)
    return "connecting" if connecting else "waiting"


class Row:
    """Says everything once. `note` is the remark that goes with whatever is said next."""

    def __init__(self, stream: StreamId) -> None:
        self._stream = stream
        self._said = ("", "")
        self.note = ""

    def tell(self, state: str, error: Outcome | None = None) -> list[Effect]:
        """A report, unless that is what was said last; an error is always told."""
        if (state, self.note) == self._said and error is None:
            return []
        self._said = (state, self.note)
        return [Report(self._stream, state, self.note, error)]
