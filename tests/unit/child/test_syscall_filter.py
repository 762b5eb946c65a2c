"""The filter of system calls, run here as the kernel runs it."""

import errno
import struct

import pytest

from roomtape.child.syscall_filter import ALLOW, KILL, MACHINES, REFUSE, program

EPERM = REFUSE | errno.EPERM
CLONE3, GETPID_ON_X86 = 435, 39
THREAD, FORK = 0x10000 | 0x100, 17
NEW_USER_NAMESPACE = 0x10000000


def verdict(
    name: str, number: int, argument: int = 0, *, may_exec: bool = False, architecture: int | None = None
) -> int:
    """What the program returns for a system call (Documentation/networking/filter.rst)."""
    machine = MACHINES[name]
    code = [struct.unpack("=HBBI", chunk) for chunk in chunks(program(machine, may_exec=may_exec))]
    data = struct.pack("=iIQ6Q", number, architecture or machine.architecture, 0, argument, *[0] * 5)
    at, accumulator = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(operation)


def chunks(code: bytes) -> list[bytes]:
    assert len(code) % 8 == 0
    return [code[at : at + 8] for at in range(0, len(code), 8)]


@pytest.mark.parametrize("name", MACHINES)
def test_no_way_to_another_program(name: str) -> None:
    machine = MACHINES[name]
    for number in (*machine.exec_, *machine.processes):
        assert verdict(name, number) == EPERM
        assert verdict(name, number, may_exec=True) == ALLOW
    assert verdict(name, machine.clone, FORK) == EPERM
    assert verdict(name, machine.clone, FORK | NEW_USER_NAMESPACE) == EPERM
    assert verdict(name, machine.clone, THREAD) == ALLOW
    assert verdict(name, CLONE3) == REFUSE | errno.ENOSYS  # then libraries use clone
    assert verdict(name, CLONE3, may_exec=True) == ALLOW


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("may_exec", [False, True])
def test_what_is_dangerous_is_refused_to_all(name: str, may_exec: bool) -> None:
    for number in MACHINES[name].dangerous:
        assert verdict(name, number, may_exec=may_exec) == EPERM


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("family", range(46))
def test_sockets_are_for_media(name: str, family: int) -> None:
    needed = family in (1, 2, 10, 16)
    assert verdict(name, MACHINES[name].socket, family) == (ALLOW if needed else REFUSE | errno.EAFNOSUPPORT)


@pytest.mark.parametrize("name", MACHINES)
def test_calls_of_another_architecture_end_the_process(name: str) -> None:
    i386 = 0x40000003
    assert verdict(name, 11, architecture=i386) == KILL


def test_the_second_numbering_of_x86_64_is_refused() -> None:
    assert verdict("x86_64", 0x40000000 + GETPID_ON_X86) == EPERM
    assert verdict("x86_64", GETPID_ON_X86) == ALLOW


@pytest.mark.parametrize("name", MACHINES)
def test_every_number_is_there_once(name: str) -> None:
    machine = MACHINES[name]
    numbers = (machine.clone, machine.socket, machine.seccomp, *machine.exec_, *machine.processes, *machine.dangerous)
    assert len(set(numbers)) == len(numbers)
