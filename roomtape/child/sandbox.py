"""Shuts a child in, for good: from then on it has the rights that its work needs and no way to more.

Landlock (kernel 5.13 or newer) bounds the files, seccomp the system calls; both are raw system calls here, since Python
has none of them. Whatever the kernel lacks is told, and the child goes on. Open files stay as they are.
"""

import ctypes
import os
import platform
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from roomtape.child.hold import make_folder
from roomtape.child.rights import EVERYTHING, Rights, rights_of
from roomtape.child.syscall_filter import MACHINES, Machine, program
from roomtape.errors import StorageError
from roomtape.ipc.messages import PublishConfig, RecordConfig, ViewConfig

_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1
"""SECCOMP_FILTER_FLAG_TSYNC."""
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_SCOPES: Final = 3
"""Abstract unix sockets and signals stay within the sandbox."""

# LANDLOCK_ACCESS_FS_* (linux/landlock.h).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE, _IOCTL_DEV = 1 << 5, 1 << 8, 1 << 14, 1 << 15
_MAKE_DIR, _REMOVE_DIR, _MAKE_SOCK, _MAKE_FIFO = 1 << 7, 1 << 4, 1 << 9, 1 << 10
_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_USE: Final = _WRITE | _IOCTL_DEV | _MAKE_DIR | _REMOVE_DIR | _MAKE_SOCK | _MAKE_FIFO
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""The rights that a rule on something that is no folder may give."""
_RIGHTS_OF_VERSION: Final = (0, 13, 14, 15, 15, 16)
"""How many of the rights each version of Landlock knows; newer ones know as many as the last."""
_SCOPES_SINCE: Final = 6

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


class Confinement(msgspec.Struct, frozen=True):
    """What is in force. `landlock` is the kernel's version of it, 0 for none; `missing` says why what is not is not."""

    landlock: int
    seccomp: bool
    missing: tuple[str, ...] = ()


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def shut_in(config: RecordConfig | ViewConfig | PublishConfig) -> Confinement:
    """Confine this process to what a child with this configuration needs, its ceilings included; see `confine`."""
    if isinstance(config, RecordConfig):
        with suppress(StorageError):  # a folder has to be there to be a right; that it is not is told later
            make_folder(Path(config.folder), config.storing.mount)
        if config.storing.fallback_folder:
            with suppress(StorageError):
                make_folder(Path(config.storing.fallback_folder), "")
    _limit(resource.RLIMIT_DATA, config.ceilings.memory_bytes)
    _limit(resource.RLIMIT_NOFILE, config.ceilings.open_files)
    _limit(resource.RLIMIT_CORE, 0)  # the memory of a child holds keys
    return confine(rights_of(config, python_folders(), os.environ))


def confine(rights: Rights) -> Confinement:
    """Give this process, and all that it starts, `rights` at most. Landlock binds the calling thread and those that it
    starts later, so there must be no other yet."""
    missing: list[str] = []
    version = 0
    seccomp = False
    try:
        _call(_libc.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    except OSError as error:
        return Confinement(0, False, (f"no new privileges: {error.strerror}",))
    try:
        version = _bound_files(rights)
    except OSError as error:
        missing.append(f"Landlock: {error.strerror}")
    machine = MACHINES.get(platform.machine())
    try:
        if machine is None or sys.maxsize < 1 << 32 or sys.byteorder != "little":
            raise OSError(0, f"there is no filter for {platform.machine()}")
        _bound_calls(machine, program(machine, may_exec=rights.may_exec))
        seccomp = True
    except OSError as error:
        missing.append(f"seccomp: {error.strerror}")
    return Confinement(version, seccomp, tuple(missing))


def _limit(what: int, wanted: int) -> None:
    """For good, unless there is a lower limit already."""
    most = resource.getrlimit(what)[1]
    limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(what, (limit, limit))


def python_folders() -> tuple[str, ...]:
    """Where this Python finds its modules: the project's own package, but not the folder that it lies in."""
    package = Path(__file__).resolve().parents[1]
    found = (package, *map(Path, (sys.prefix, sys.base_prefix, *sys.path)))
    return tuple(str(path) for path in found if path.is_absolute() and path != package.parent)


def _bound_files(rights: Rights) -> int:
    """The version of Landlock."""
    version = _call(_libc.syscall, _CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise OSError(0, f"there are {threads} threads already")
    known = (1 << _RIGHTS_OF_VERSION[min(version, len(_RIGHTS_OF_VERSION) - 1)]) - 1
    attributes = _RulesetAttributes(
        files=known, scoped=_SCOPES if version >= _SCOPES_SINCE and not rights.reaches_out else 0
    )
    size = ctypes.sizeof(attributes) if version >= _SCOPES_SINCE else 8
    ruleset = _call(_libc.syscall, _CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    try:
        everywhere = known if EVERYTHING in rights.writes else _WRITE
        for access, paths in ((_READ, rights.reads), (everywhere, rights.writes), (_USE, rights.devices)):
            _allow(ruleset, access & known, paths)
        _call(_libc.syscall, _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, access: int, paths: Iterable[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                allowed = access if Path(path).is_dir() else access & _OF_FILES
                rule = _PathRule(allowed, descriptor)
                _call(_libc.syscall, _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(descriptor)


def _bound_calls(machine: Machine, code: bytes) -> None:
    filter_ = _Program(len(code) // 8, code)
    _call(_libc.syscall, machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(filter_))


def _call(function: "ctypes._FuncPointer", *arguments: object) -> int:
    """The result; OSError for one below 0."""
    result = int(function(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
