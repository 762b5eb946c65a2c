"""CPU time, memory, threads and wake-ups of process trees, from /proc alone (proc(5))."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TICK: Final = os.sysconf("SC_CLK_TCK")
PROC: Final = Path("/proc")
CPU_CLOCK: Final = 2
"""Of a whole process, as the kernel numbers clocks: CPUCLOCK_SCHED."""


def _stat(pid: int) -> list[bytes]:
    """The fields of stat from the third, the state, on."""
    raw = (PROC / str(pid) / "stat").read_bytes()
    return raw[raw.rindex(b")") + 2 :].split()


def tree(roots: Iterable[int]) -> list[int]:
    """The living processes among `roots`, and all that descend from them."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                pid = int(entry.name)
                children.setdefault(int(_stat(pid)[1]), []).append(pid)
                alive.add(pid)
    seen: list[int] = []
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid in alive and pid not in seen:
            seen.append(pid)
            todo += children.get(pid, [])
    return seen


def cpu_s(pids: Iterable[int]) -> float:
    """User and system seconds of all threads, ended ones too, and of the children that were already waited for.

    Processes are counted in nanoseconds, by their CPU clock (clock_getcpuclockid(3)); only what ended children used
    is rounded, to the 10 ms of /proc: a child that has just been forked has often used less than that.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(map(int, _stat(pid)[13:15])) / TICK + time.clock_gettime(~pid << 3 | CPU_CLOCK)
    return total


def pss_bytes(pids: Iterable[int]) -> int:
    """Proportional set size: a shared page counts as its part. Reading it is work for the kernel."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def threads_and_wakeups(pids: Iterable[int]) -> tuple[int, int]:
    """How many threads there are, and how often they have gone to sleep (voluntary context switches)."""
    threads = wakeups = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in (PROC / str(pid) / "task").iterdir():
                with contextlib.suppress(OSError):
                    lines = (task / "status").read_text().splitlines()
                    wakeups += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
                    threads += 1
    return threads, wakeups
