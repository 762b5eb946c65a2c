"""How an attempt ended, and what follows from it: a table and a few pure rules."""

from enum import Enum

import msgspec

from roomtape.errors import PeerSaidBye, RecorderError
from roomtape.ipc.messages import Failed
from roomtape.supervisor.backoff import RestartBudget, delay

RETRY_BASE_S = 1.0
RETRY_CEILING_S = 30.0
BUDGET = RestartBudget(limit=10, window_s=600.0)
"""Attempts at one stream in ten minutes that failed without the guest having come back."""


STABLE_S = 30.0
"""A connection that recorded so long was a good one: what went wrong before it counts no more."""


class SessionState(Enum):
    """ACTIVE has a live attempt; WAITING will have one; the other two are final, unless the stream appears again."""

    ACTIVE = "active"
    WAITING = "waiting"
    ENDED = "ended"
    FAILED = "failed"


class Next(Enum):
    """What becomes of the stream."""

    END = "end"
    RETRY = "retry"
    FAIL = "fail"


class Outcome(msgspec.Struct, frozen=True):
    """The end of an attempt. `code` and `detail` are those of a RecorderError."""

    code: str
    detail: str
    retryable: bool

    @classmethod
    def of(cls, error: RecorderError | Failed) -> "Outcome":
        return cls(error.code, error.detail, error.retryable)

    @property
    def clean(self) -> bool:
        """The guest left in good order."""
        return self.code == PeerSaidBye.code


class Verdict(msgspec.Struct, frozen=True):
    next: Next
    delay_s: float = 0.0
    budget: RestartBudget = BUDGET
    note: str = ""


def judge(outcome: Outcome, failures: int, budget: RestartBudget, jitter: float, now: float) -> Verdict:
    """What follows, after `failures` failures in a row before this one; `jitter` is a random number from 0 to 1."""
    if outcome.clean:
        return Verdict(Next.END, budget=budget)
    if not outcome.retryable:
        return Verdict(Next.FAIL, budget=budget)
    left = budget.spend(now)
    if left is None:
        spent = f"; given up after {BUDGET.limit} retries in {BUDGET.window_s / 60:.0f} minutes"
        return Verdict(Next.FAIL, budget=budget, note=spent)
    wait = delay(failures, base_s=RETRY_BASE_S, ceiling_s=RETRY_CEILING_S, jitter=jitter)
    return Verdict(Next.RETRY, wait, left)
