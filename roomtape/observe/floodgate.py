"""Bounds how often the same thing is said: a pure function of now."""

import msgspec


class Suppressed(msgspec.Struct, frozen=True):
    """`count` records with the same message from the same source were left out."""

    message: str
    source: str
    count: int


class _Window(msgspec.Struct):
    began: float
    admitted: int = 0
    suppressed: int = 0


class FloodGate:
    """Lets through `limit` records with the same message and source per `window_s` seconds and counts the rest."""

    def __init__(self, limit: int = 20, window_s: float = 10.0, max_windows: int = 2000) -> None:
        self._limit, self._window_s, self._max_windows = limit, window_s, max_windows
        self._windows: dict[tuple[str, str], _Window] = {}  # the oldest first

    def admit(self, message: str, source: str, now: float) -> bool:
        """Whether the record may be shown. Call `ended` first."""
        key = (message, source)
        if key not in self._windows and len(self._windows) >= self._max_windows:
            key = ("other messages", "")
        window = self._windows.setdefault(key, _Window(now))
        if window.admitted < self._limit:
            window.admitted += 1
            return True
        window.suppressed += 1
        return False

    def ended(self, now: float) -> list[Suppressed]:
        """What was left out in windows that are over."""
        out: list[Suppressed] = []
        while self._windows and now - (first := next(iter(self._windows.items())))[1].began >= self._window_s:
            (message, source), window = first
            del self._windows[message, source]
            if window.suppressed:
                out.append(Suppressed(message, source, window.suppressed))
        return out
