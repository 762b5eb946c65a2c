"""Settings of all tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.support.session import KEPT
from tests.support.share import HEAVY, LIGHT, USUAL, share_of_the_computer

# How long an example takes on a busy computer says nothing; performance is measured in bench/.
settings.register_profile("roomtape", deadline=None)
settings.load_profile("roomtape")


@pytest.fixture(autouse=True)
def _share(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests with real programs run beside as many others as the computer carries; unit tests need not."""
    alone = not hasattr(request.config, "workerinput")
    if alone or "unit" in request.path.relative_to(request.config.rootpath).parts:
        yield
        return
    with share_of_the_computer(tmp_path_factory.getbasetemp().parent, _parts(request.node)):
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes take turns in what keeps the processors busy and what mostly waits: there is always some of
    both to run."""
    if hasattr(config, "workerinput"):
        groups: dict[int, list[pytest.Item]] = {}
        for item in items:
            groups.setdefault(min(_parts(item), HEAVY), []).append(item)
        places = {item: (n + 0.5) / len(group) for group in groups.values() for n, item in enumerate(group)}
        items.sort(key=places.__getitem__)


def _parts(test: pytest.Item) -> int:
    if heavy := test.get_closest_marker("heavy"):
        return int(heavy.args[0]) if heavy.args else HEAVY
    return LIGHT if test.get_closest_marker("light") else USUAL


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _kept() -> AsyncIterator[None]:
    async with KEPT:
        yield
