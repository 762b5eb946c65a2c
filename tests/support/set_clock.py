"""A time of day that a test sets, for one program and its children; the computer's own clock is left alone.

A library that is loaded before all others answers for the C library: what asks for the time of day gets it with an
offset, which is a number in a file that the test writes. The monotonic clock is what it is.
"""

import struct
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

__attribute__((constructor)) static void open_offset(void)
{
    int fd = open(OFFSET, O_RDONLY | O_CLOEXEC);
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0);
    offset_s = page == MAP_FAILED ? NULL : page;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && offset_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += *offset_s;
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
"""


class SetClock:
    """Programs that are started with `library` as LD_PRELOAD go by it. Needs a C compiler."""

    def __init__(self, folder: Path) -> None:
        self._offset, self.library = folder / "offset", str(folder / "set_clock.so")
        self.set(0)
        command = ("gcc", "-x", "c", "-", "-shared", "-fPIC", f'-DOFFSET="{self._offset}"', "-o", self.library)
        subprocess.run(command, input=SOURCE, text=True, check=True, timeout=60)

    def set(self, offset_s: int) -> None:
        """How far the clock is ahead of the true time, from now on. Written in place: it is mapped elsewhere."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", offset_s))
