"""What a program says, as it comes."""

import asyncio
import re
import time
from abc import ABC, abstractmethod


class Words(ABC):
    """`output` is what has been said so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.output = ""
        self._news = asyncio.Event()

    @property
    @abstractmethod
    def is_gone(self) -> bool:
        """Whether nothing more will be said."""

    def hear(self, text: str) -> None:
        """More of it; nothing, when that was all."""
        self.output += text
        self._news.set()

    async def says(self, pattern: str, timeout_s: float = 25.0) -> re.Match[str]:
        """Wait until the output matches."""
        deadline = time.monotonic() + timeout_s
        while True:
            if match := re.search(pattern, self.output):
                return match
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"{self.name} did not say {pattern!r}; it said:\n{self.output}") from None
            assert not self.is_gone or re.search(pattern, self.output), self.output
