"""What has gone wrong with a stream so far, and what follows from one more failure. Pure, `now` in seconds."""

from roomtape.room.ladder import Ladder
from roomtape.room.outcome import BUDGET, STABLE_S, Next, Outcome, Verdict, judge


class Retries:
    """Those of one stream, since it appeared."""

    def __init__(self) -> None:
        self.ladder = Ladder()
        self._failures, self._budget = 0, BUDGET

    def ended(self, outcome: Outcome, recorded_s: float) -> None:
        """A connection that recorded so many seconds is over."""
        if recorded_s >= STABLE_S:
            self._failures, self._budget = 0, BUDGET
            self.ladder.held()
        self.ladder.failed(outcome)

    def judge(self, outcome: Outcome, jitter: float, now: float) -> Verdict:
        """What becomes of the stream, there being no other connection; see `outcome.judge`."""
        verdict = judge(outcome, self._failures, self._budget, jitter, now)
        self._budget = verdict.budget
        self._failures += verdict.next is Next.RETRY
        return verdict
