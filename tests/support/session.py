"""What a process of a test run starts once and keeps for all its tests; it belongs to the session's event loop:

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""

import contextlib
from typing import Final

KEPT: Final = contextlib.AsyncExitStack()
"""Whoever starts something puts its end here; tests/conftest.py closes it after the last test."""
