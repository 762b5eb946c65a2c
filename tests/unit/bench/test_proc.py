"""The figures of /proc, by processes of our own."""

import os
import resource

from bench import proc


def test_this_process_has_used_what_the_system_says() -> None:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    before = sum(each.ru_utime + each.ru_stime for each in used)
    assert proc.cpu_s([os.getpid()]) >= before - 0.05


def test_a_tree_has_its_root_and_what_descends_from_it() -> None:
    assert os.getpid() in proc.tree([os.getppid()])
    assert os.getpid() in proc.tree([os.getpid()])


def test_what_has_ended_is_in_no_tree_and_costs_nothing() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    assert proc.tree([pid]) == []
    assert (proc.cpu_s([pid]), proc.pss_bytes([pid]), proc.threads_and_wakeups([pid])) == (0, 0, (0, 0))


def test_memory_and_threads_are_counted() -> None:
    assert proc.pss_bytes([os.getpid()]) > 1 << 20
    assert proc.threads_and_wakeups([os.getpid()])[0] >= 1
