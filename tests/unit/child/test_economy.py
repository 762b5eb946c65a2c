"""What a process does to itself is tried in one of its own."""

import os
import subprocess
import sys

from roomtape.child.economy import TIMER_SLACK_NS, TWCC_INTERVAL_NS, report_seldom
from roomtape.child.gst import init, make

init()

PR_GET_TIMERSLACK = 30


def told_by(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_threads_that_are_started_later_do_not_interrupt_each_other() -> None:
    code = "import os, threading; from roomtape.child import economy; economy.calm()\n"
    started = "threading.Thread(target=lambda: print(os.sched_getscheduler(0) == os.SCHED_BATCH)).start()"
    assert told_by(code + started) == "True"


def test_their_timers_need_not_be_exact() -> None:
    code = "import ctypes, threading; from roomtape.child import economy; economy.calm()\n"
    started = f"threading.Thread(target=lambda: print(ctypes.CDLL(None).prctl({PR_GET_TIMERSLACK}))).start()"
    assert told_by(code + started) == str(TIMER_SLACK_NS)


def test_a_child_stays_on_one_of_its_cores() -> None:
    cores = os.sched_getaffinity(0)
    code = (
        "import os; from roomtape.child import economy; economy.settle(); print(os.getpid(), *os.sched_getaffinity(0))"
    )
    pid, core = map(int, told_by(code).split())
    assert core == sorted(cores)[pid % len(cores)]


def test_congestion_control_reports_ten_times_a_second() -> None:
    session = make("rtpsession").get_property("internal-session")
    report_seldom(session)
    assert session.get_property("twcc-feedback-interval") == TWCC_INTERVAL_NS
