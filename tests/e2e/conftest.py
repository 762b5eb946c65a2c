"""What the end-to-end tests share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.browser import end_programs


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _browsers() -> AsyncIterator[None]:
    yield
    await end_programs()
