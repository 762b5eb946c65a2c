"""What makes a recording child cheap. Figures: CPU of 5 to 8 streams of 360p against a plain webrtcbin receiver in the
same run, which was 1.00 (docs/performance.md)."""

import ctypes
import os
from typing import Any, Final

TWCC_INTERVAL_NS: Final = 100_000_000
"""Browsers report so often themselves. By default a report follows each picture: 1.62, with this 1.45."""
M_ARENA_MAX: Final = -8
PR_SET_TIMERSLACK: Final = 29
TIMER_SLACK_NS: Final = 10_000_000
"""How late a thread may wake up by a timer, so that several do at once. usrsctp takes its timer of 10 ms for exact, so
that its time runs at half speed at worst: acknowledgements within 420 ms (500 allowed: RFC 4960 section 6.2), what was
lost again after 2 s."""


def calm() -> None:
    """For the whole process; before GStreamer starts, since GLib gives its threads the scheduling class of then.

    SCHED_BATCH: a thread that wakes does not interrupt another, so packets are handed on by several. One heap for all
    threads, whose timers are not exact.
    """
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    libc = ctypes.CDLL(None)
    libc.mallopt(M_ARENA_MAX, 1)
    libc.prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(TIMER_SLACK_NS), 0, 0, 0)


def settle() -> None:
    """Stay on one core, which depends on the process's number: threads that hand packets to each other find them in its
    cache. For threads that are started afterwards; not for who encodes or decodes."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def report_seldom(session: Any) -> None:
    """Transport-wide congestion control of an RTPSession."""
    session.set_property("twcc-feedback-interval", TWCC_INTERVAL_NS)
