"""What one run is to measure."""

from pathlib import Path

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`size` is a key of `media.SIZES`. `address` is the one at which the sender gathers candidates: packets to it stay
    inside the machine. Streams start `stagger_s` apart; measuring begins `warmup_s` after all have media. Then come
    `late` more one by one, each `settle_s` after the recorder is ready for it."""

    streams: int
    seconds: float
    codec: str
    size: str
    address: str
    loop: Path
    system_python: str
    aiortc_python: str
    floor: Path
    warmup_s: float = 3.0
    stagger_s: float = 0.05
    late: int = 5
    settle_s: float = 0.5
