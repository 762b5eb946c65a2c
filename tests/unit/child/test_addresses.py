from pathlib import Path

from roomtape.child.addresses import is_alone

HEADINGS = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ROUTE = "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
LOOPBACK = "00000000000000000000000000000001 01 80 10 80       lo\n"
ADDRESS = "fe800000000000000042acfffe110002 02 40 20 80     eth0\n"


def kernel(folder: Path, route: str, inet6: str | None) -> Path:
    (folder / "route").write_text(route)
    if inet6 is not None:
        (folder / "if_inet6").write_text(inet6)
    return folder


def test_with_the_loopback_interface_alone(tmp_path: Path) -> None:
    assert is_alone(kernel(tmp_path, HEADINGS, LOOPBACK))


def test_without_ipv6_in_the_kernel(tmp_path: Path) -> None:
    assert is_alone(kernel(tmp_path, HEADINGS, None))


def test_with_an_address_of_either_kind(tmp_path: Path) -> None:
    assert not is_alone(kernel(tmp_path, HEADINGS + ROUTE, LOOPBACK))
    assert not is_alone(kernel(tmp_path, HEADINGS, LOOPBACK + ADDRESS))


def test_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    assert not is_alone(tmp_path)
