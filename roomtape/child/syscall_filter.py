"""The program that the kernel runs before each system call of a child (seccomp(2)). Pure.

It says no to what a media program never needs and an intruder would: running programs, making processes, looking into
others, changing the system. Calls that a new kernel may bring are let through: Landlock bounds what they could reach.
"""

import errno
import struct
from typing import Final, NamedTuple

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050000
"""With an errno in its lower half."""

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of classic BPF (linux/bpf_common.h)."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in struct seccomp_data; of the argument the lower half, on little-endian computers."""
_X32: Final = 0x40000000
"""The numbers of a second ABI of x86-64 begin here."""
_CLONE_THREAD: Final = 0x10000
FAMILIES: Final = (1, 2, 10, 16)
"""Sockets that may be made: unix, IPv4, IPv6, and netlink, by which addresses are asked for."""


class Machine(NamedTuple):
    """Numbers of system calls. `dangerous` are refused to all, `exec_` and `processes` to those who may not exec."""

    architecture: int
    seccomp: int
    clone: int
    socket: int
    exec_: tuple[int, ...]
    processes: tuple[int, ...]
    dangerous: tuple[int, ...]


_CLONE3: Final = 435
# io_uring, which goes round this filter; open_tree to fspick, mount_setattr; pidfd_getfd, process_madvise.
_SAME_EVERYWHERE: Final = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 438, 440)
# In the order of each: ptrace, process_vm_readv and _writev, kexec_load, kexec_file_load, init_module, finit_module,
# delete_module, bpf, perf_event_open, userfaultfd, mount, umount2, pivot_root, chroot, setns, unshare, add_key,
# request_key, keyctl, name_to_handle_at, open_by_handle_at, swapon, swapoff, reboot, sethostname, setdomainname, acct,
# personality, kcmp, clock_settime, settimeofday, adjtimex, clock_adjtime, syslog, quotactl; on x86 also iopl, ioperm,
# modify_ldt, uselib.
# fmt: off
MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 317, 56, 41, (59, 322), (57, 58), (
        101, 310, 311, 246, 320, 175, 313, 176, 321, 298, 323, 165, 166, 155, 161, 308, 272, 248, 249, 250, 303, 304,
        167, 168, 169, 170, 171, 163, 135, 312, 227, 164, 159, 305, 103, 179, 172, 173, 154, 134, *_SAME_EVERYWHERE)),
    "aarch64": Machine(0xC00000B7, 277, 220, 198, (221, 281), (), (
        117, 270, 271, 104, 294, 105, 273, 106, 280, 241, 282, 40, 39, 41, 51, 268, 97, 217, 218, 219, 264, 265,
        224, 225, 142, 161, 162, 89, 92, 272, 112, 170, 171, 266, 116, 60, *_SAME_EVERYWHERE)),
}
# fmt: on


def program(machine: Machine, *, may_exec: bool) -> bytes:
    """Instructions for the kernel, eight bytes each (struct sock_filter)."""
    refused = machine.dangerous if may_exec else (*machine.dangerous, *machine.exec_, *machine.processes)
    denied = REFUSE | errno.EPERM
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, machine.architecture),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, denied),
    ]
    for number in refused:
        code += _if_number(number, [(_RETURN, 0, 0, denied)])
    if not may_exec:
        # A thread is no process. Of clone3 the flags cannot be seen: without it clone is used.
        code += _if_number(_CLONE3, [(_RETURN, 0, 0, REFUSE | errno.ENOSYS)])
        only_threads = [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_JUMP_IF_SET, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, denied)]
        code += _if_number(machine.clone, [*only_threads, (_RETURN, 0, 0, ALLOW)])
        families = [(_JUMP_IF_EQUAL, len(FAMILIES) - n, 0, family) for n, family in enumerate(FAMILIES)]
        refuse = (_RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT)
        code += _if_number(machine.socket, [(_LOAD, 0, 0, _FIRST_ARGUMENT), *families, refuse, (_RETURN, 0, 0, ALLOW)])
    code.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _if_number(number: int, then: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    return [(_JUMP_IF_EQUAL, 0, len(then), number), *then]
