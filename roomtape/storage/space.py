"""How long the free space lasts, and when that is worth a word. Pure; times in seconds."""

from collections import deque
from typing import Final

import msgspec

WINDOW_S: Final = 60.0
"""The rate is that of the last minute."""
LEAST_S: Final = 10.0
"""Shorter than this says nothing about a rate."""
WARN_MINUTES: Final = (60, 30, 10, 3, 1)
"""Each is told once, and again only after twice as much was left."""


class Outlook(msgspec.Struct, frozen=True):
    """`minutes` until `floor_bytes` are reached at the present rate; None if the space does not shrink."""

    free_bytes: int
    minutes: float | None
    warning: str = ""


class SpaceWatch:
    """Fed with the free space of one disk. `floor_bytes`: where recordings are finished."""

    def __init__(self, folder: str, floor_bytes: int) -> None:
        self._folder, self._floor_bytes = folder, floor_bytes
        self._seen: deque[tuple[float, int]] = deque()
        self._told: set[int] = set()
        self._below = False

    def seen(self, free_bytes: int, now: float) -> Outlook:
        """`free_bytes` are free at `now`; also tells what the user should hear about it."""
        if self._seen and free_bytes > self._seen[-1][1]:
            self._seen.clear()  # somebody made room: what was before is no rate
        self._seen.append((now, free_bytes))
        while now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        minutes = self._minutes(free_bytes, now)
        return Outlook(free_bytes, minutes, self._below_floor(free_bytes) or self._running_out(free_bytes, minutes))

    def _minutes(self, free_bytes: int, now: float) -> float | None:
        since, before = self._seen[0]
        used = before - free_bytes
        if now - since < LEAST_S or used <= 0:
            return None
        return max(0.0, (free_bytes - self._floor_bytes) / used * (now - since) / 60)

    def _below_floor(self, free_bytes: int) -> str:
        was, self._below = self._below, free_bytes < self._floor_bytes
        if self._below and not was:
            floor = f"less than the {self._floor_bytes / 1e6:.0f} MB of --min-free"
            return f"{free_bytes / 1e6:.0f} MB are free for {self._folder}, {floor}: nothing is recorded there"
        if was and not self._below:
            return f"{free_bytes / 1e6:.0f} MB are free for {self._folder}: there is space again"
        return ""

    def _running_out(self, free_bytes: int, minutes: float | None) -> str:
        if minutes is None:
            return ""
        self._told = {mark for mark in self._told if minutes <= 2 * mark}
        due = {mark for mark in WARN_MINUTES if minutes <= mark} - self._told
        if not due or self._below:
            return ""
        self._told |= due
        return (
            f"space for about {minutes:.0f} more minutes at the present rate: {free_bytes / 1e6:.0f} MB are free for "
            f"{self._folder}"
        )
