"""Settings of all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.share import HEAVY, LIGHT, share_of_the_computer

# How long an example takes on a busy computer says nothing; performance is measured in bench/.
settings.register_profile("roomtape", deadline=None)
settings.load_profile("roomtape")


@pytest.fixture(autouse=True)
def _share(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests with real programs run beside as many others as the computer carries; unit tests need not."""
    run = getattr(request.config, "workerinput", {}).get("testrunuid")
    if run is None or "unit" in request.path.relative_to(request.config.rootpath).parts:
        yield
        return
    heavy = request.node.get_closest_marker("heavy")
    with share_of_the_computer(run, LIGHT if heavy is None else heavy.args[0] if heavy.args else HEAVY):
        yield
