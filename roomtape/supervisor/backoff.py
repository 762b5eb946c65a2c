"""When to try again, and when to give up: pure functions of the time and of a random number, both given."""

import math

import msgspec


def delay(attempt: int, *, base_s: float, ceiling_s: float, jitter: float) -> float:
    """Seconds to wait before retry number `attempt` (the first is 0).

    Doubles from `base_s` up to `ceiling_s`. Half of it is fixed and half scaled by `jitter`, a random number from 0 to
    1, so that many who failed together neither return together nor at once.
    """
    doublings = min(max(attempt, 0), 60)  # more would only overflow
    full = min(ceiling_s, math.ldexp(base_s, doublings))
    return full * (1 + jitter) / 2


LOST_PATHS_BEFORE_RELAY = 2


def relay_turn(lost_paths: int) -> bool:
    """Whether the next connection is to be by relay only, after so many in a row that found or kept no path.

    Every other one: the relay may be what is broken.
    """
    return lost_paths >= LOST_PATHS_BEFORE_RELAY and lost_paths % 2 == 0


class RestartBudget(msgspec.Struct, frozen=True):
    """At most `limit` restarts within any `window_s` seconds. Immutable: spending gives a new budget."""

    limit: int
    window_s: float
    spent: tuple[float, ...] = ()

    def spend(self, now: float) -> "RestartBudget | None":
        """The budget after one more restart at `now`; None if nothing is left."""
        recent = self._recent(now)
        if len(recent) >= self.limit:
            return None
        return RestartBudget(self.limit, self.window_s, (*recent, now))

    def left(self, now: float) -> int:
        """Restarts still allowed at `now`."""
        return max(0, self.limit - len(self._recent(now)))

    def _recent(self, now: float) -> tuple[float, ...]:
        return tuple(at for at in self.spent if now - at < self.window_s)
