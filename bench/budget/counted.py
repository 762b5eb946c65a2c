"""Runs under callgrind: does each piece of work, and calls a function of the C library between them.

    valgrind --tool=callgrind --dump-before=getppid ... python -m bench.budget.counted

callgrind writes and clears its counts at each such call, so the pieces come out one by one, in the order of `PARTS`.
Each is done once to warm up, then N and 2 N times: the difference is free of what happens only once.
"""

import gc
import os
from typing import Final

from bench.budget.work import WORK

PARTS: Final = tuple((name, factor) for name in WORK for factor in (1, 2))


def main() -> None:
    """Do everything. The first dump is the start of Python, every second one after it a piece of work."""
    gc.disable()  # when it runs would depend on everything before
    for work, _ in WORK.values():
        work()
    for name, factor in PARTS:
        work, times = WORK[name]
        gc.collect()
        os.getppid()
        for _ in range(times * factor):
            work()
        os.getppid()


if __name__ == "__main__":
    main()
