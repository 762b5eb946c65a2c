from itertools import pairwise

from bench.peers.ports import free_rtp_ports

MANY = 2_000
"""Of some 14,000 there are: some would be found twice."""


def test_ports_for_rtp_are_even_and_none_is_given_twice() -> None:
    ports = free_rtp_ports(MANY)
    assert len(ports) == MANY
    assert all(port % 2 == 0 for port in ports)
    assert all(after - before >= 2 for before, after in pairwise(ports))
