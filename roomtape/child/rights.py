"""What each kind of child may do to the computer that it runs on: a recording one the least. Pure.

A child parses what strangers send it. The right to do something that its work does not need is of use to them alone.
"""

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from roomtape.ipc.messages import PublishConfig, RecordConfig, ViewConfig

SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/opt", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/kernel", "/proc/sys/vm"),
    *("/sys/devices/system", "/dev/urandom", "/dev/random", "/dev/zero"),
)
"""Programs, plugins, certificates, and what libraries ask of the system."""
RESOLVER: Final = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/passwd", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"),
    *("/run/nscd", "/run/avahi-daemon", "/proc/net", "/proc/sys/net"),
)
"""Names of TURN servers and of guests' mDNS candidates, and this computer's addresses."""
PLUGIN_PATHS: Final = ("GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH_1_0", "LD_LIBRARY_PATH")
NULL: Final = "/dev/null"
EVERYTHING: Final = "/"
TEMPORARY: Final = "/tmp"  # noqa: S108 - named, not used


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """Paths stand for all that is below them; those that do not exist give nothing.

    `reads` may be read, `writes` also be written: files made, renamed and removed in it, but no folders, devices or
    links. `devices` may be written and steered, such as graphics and sound. `may_exec`: run programs. `reaches_out`:
    send signals to other processes, and connect to the abstract sockets of X servers.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()
    devices: tuple[str, ...] = (NULL,)
    may_exec: bool = False
    reaches_out: bool = False


def rights_of(
    config: RecordConfig | ViewConfig | PublishConfig, python: tuple[str, ...], environment: Mapping[str, str]
) -> Rights:
    """`python` are the folders of its modules."""
    least = (*SYSTEM, *RESOLVER, *python, *_plugins(environment))
    match config:
        case RecordConfig():
            folders = (config.folder, config.storing.fallback_folder)
            return Rights(reads=least, writes=tuple(folder for folder in folders if folder))
        case ViewConfig(descriptor=int()):
            return Rights(reads=least)
        case PublishConfig() if config.source.video_pipeline or config.source.audio_pipeline:
            # What the user writes there may do anything, and some sources are programs of their own.
            return Rights(reads=(), writes=(EVERYTHING,), may_exec=True, reaches_out=True)
        case _:
            # Drivers keep their files anywhere.
            return Rights(reads=(EVERYTHING,), devices=_desktop(environment), reaches_out=True)


def _plugins(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(path for name in PLUGIN_PATHS for path in environment.get(name, "").split(os.pathsep) if path)


def _desktop(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Graphics, cameras, sound, and where their libraries keep sockets and compiled shaders."""
    home = environment.get("HOME", "")
    cache = environment.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    places = ("/dev", environment.get("XDG_RUNTIME_DIR", ""), environment.get("TMPDIR") or TEMPORARY, cache)
    return tuple(place for place in places if place)
