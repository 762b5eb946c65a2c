"""A network between two peers that loses, delays and reorders their datagrams, by a seed."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

import msgspec

from roomtape.model import Candidate
from tests.support.turn import own_address

Address = tuple[str, int]


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """`loss` and `late` are fractions of the packets, each way; `delay_s` is one way. A late packet takes `late_s` more
    and is overtaken by others."""

    loss: float = 0.0
    delay_s: float = 0.0
    late: float = 0.0
    late_s: float = 0.0


class _Side(asyncio.DatagramProtocol):
    """The socket that one peer takes for the other."""

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self.transport: asyncio.DatagramTransport
        self.peer: Address | None = None
        """Where the one who speaks to this socket is."""
        self.other: _Side

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.peer = addr
        self._relay.carry(data, self.other)

    @property
    def address(self) -> Address:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port


class Relay:
    """`async with Relay(seed) as relay`: give each peer the candidates that `toward_a` and `toward_b` rewrite.

    `weather` may be changed at any moment; `lost` and `carried` count packets. What `swallow` says yes to is lost, too.
    """

    def __init__(self, seed: int, weather: Weather) -> None:
        self.weather = weather
        self.swallow: Callable[[bytes], bool] = lambda _datagram: False
        self.lost = self.carried = 0
        self._random = random.Random(seed)
        self._a, self._b = _Side(self), _Side(self)
        self._a.other, self._b.other = self._b, self._a

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for side in (self._a, self._b):
            side.transport, _ = await loop.create_datagram_endpoint(
                partial(_itself, side), local_addr=(own_address(), 0)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for side in (self._a, self._b):
            side.transport.close()

    def toward_a(self, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """What A hears of B."""
        return self._rewrite(candidates, self._a, self._b)

    def toward_b(self, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """What B hears of A."""
        return self._rewrite(candidates, self._b, self._a)

    def _rewrite(self, candidates: tuple[Candidate, ...], facing: _Side, behind: _Side) -> tuple[Candidate, ...]:
        """The one candidate by UDP on this machine's own address becomes the relay; the others are dropped."""
        kept = []
        for candidate in candidates:
            words = candidate.candidate.split()
            if len(words) > 7 and words[2].lower() == "udp" and words[4] == own_address() and words[7] == "host":
                behind.peer = words[4], int(words[5])
                words[4], words[5] = facing.address[0], str(facing.address[1])
                kept.append(Candidate(" ".join(words), candidate.sdp_mid, candidate.sdp_mline_index))
        return tuple(kept)

    def carry(self, data: bytes, to: _Side) -> None:
        weather, draw = self.weather, self._random.random
        lost, late = draw() < weather.loss, draw() < weather.late
        if lost or self.swallow(data) or to.peer is None:
            self.lost += 1
            return
        self.carried += 1
        delay = weather.delay_s + (weather.late_s if late else 0.0)
        asyncio.get_running_loop().call_later(delay, self._deliver, data, to)

    def _deliver(self, data: bytes, to: _Side) -> None:
        if not to.transport.is_closing() and to.peer is not None:
            to.transport.sendto(data, to.peer)


def _itself(side: _Side) -> _Side:
    return side
