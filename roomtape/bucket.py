"""A token bucket: what somebody may do at once, and how fast they may go on. A pure function of now, in seconds."""


class Bucket:
    """Holds `burst` tokens at first and at most; `rate` come back each second."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self.burst = rate, burst
        self.tokens = burst
        self._at = 0.0

    def refill(self, now: float) -> None:
        """The tokens of the time since it was last looked at."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self._at) * self._rate)
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        """Pay; False, and nothing is paid, when there is too little."""
        self.refill(now)
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def owe(self, cost: float, now: float) -> float:
        """Pay in any case; the seconds until the debt is paid off, 0 if there is none."""
        self.refill(now)
        self.tokens -= cost
        return max(0.0, -self.tokens / self._rate)
