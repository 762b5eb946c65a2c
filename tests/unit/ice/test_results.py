import pytest

from roomtape.errors import TurnRefused, TurnUnreachable
from roomtape.ice.results import ProbeResult, ProbeStatus, explain

OK = ProbeResult(ProbeStatus.OK, "a relays")
REFUSED = ProbeResult(ProbeStatus.REFUSED, "b refused the user name or password (401)")
SILENT = ProbeResult(ProbeStatus.UNREACHABLE, "c gave no answer within 5 s")


@pytest.mark.parametrize("results", [(), (OK,), (OK, REFUSED), (SILENT, OK), (REFUSED, SILENT, OK)])
def test_one_good_server_is_enough(results: tuple[ProbeResult, ...]) -> None:
    assert explain(results) is None


@pytest.mark.parametrize(
    ("results", "kind"),
    [
        ((REFUSED,), TurnRefused),
        ((REFUSED, REFUSED), TurnRefused),
        ((SILENT,), TurnUnreachable),
        ((SILENT, SILENT), TurnUnreachable),
        ((SILENT, REFUSED), TurnRefused),
    ],
)
def test_the_error_tells_what_each_server_did(
    results: tuple[ProbeResult, ...], kind: type[TurnRefused] | type[TurnUnreachable]
) -> None:
    error = explain(results)
    assert type(error) is kind
    assert all(result.detail in error.detail for result in results)
