"""Settings of all tests, and their order when several processes share them."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# How long an example takes on a busy computer says nothing; performance is measured in bench/.
settings.register_profile("roomtape", deadline=None)
settings.load_profile("roomtape")

ROOT: Final = Path(__file__).parents[1]
BROWSERS: Final = ("import Chromium", "import Firefox")
"""What is in the modules of tests with a browser. One draws, encodes and sends in real time: two at once are too much
for two cores, so all these tests are one process's, which begins with them."""
LATER: Final = ("media", "e2e", "ipc")
"""Tests that wait more than they compute come before the rest, which fills the gaps."""


@cache
def drives_browser(file: str) -> bool:
    text = (ROOT / file).read_text()
    return any(browser in text for browser in BROWSERS)


class BrowsersTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Each test by itself, but for those with browsers."""

    def _split_scope(self, nodeid: str) -> str:
        return "browsers" if drives_browser(nodeid.partition("::")[0]) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BrowsersTogether:
    return BrowsersTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in LATER)
