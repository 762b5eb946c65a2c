"""`roomtape doctor`: can recording work here with these settings, and if not, what to do about it.

A `Machine` looks; the functions here decide what it means.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from roomtape import log
from roomtape.config import IceSettings, Settings, SignalingSettings
from roomtape.errors import SignalingError, StorageError
from roomtape.ice.results import ProbeResult, ProbeStatus
from roomtape.logs import printable
from roomtape.machine import Inventory, Machine
from roomtape.model import IcePolicy
from roomtape.observe.console import size_text
from roomtape.signaling.visit import Visit

OLDEST_GSTREAMER: Final = (1, 22)
NO_SPACE, LOW_SPACE = 100_000_000, 2_000_000_000
"""Bytes free in the output folder: less is a problem, or a warning."""
USUAL_BPS: Final = 2_500_000
"""Bits per second of one guest, to say how long the space will last."""
FEW_OPEN_FILES: Final = 1024
"""The main process has a handful of files open for each guest."""
LITTLE_ROOM: Final = 1 << 20
"""Bytes; a second and a half of one guest, as the kernel counts."""
MAX_DETAIL: Final = 400


class Result(StrEnum):
    """PROBLEM: recording cannot work, or not as it is configured. WARNING: it may fail for some, or one day."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


STYLES: Final = {Result.OK: "green", Result.WARNING: "yellow", Result.PROBLEM: "bold red"}


class Finding(msgspec.Struct, frozen=True):
    """`detail` is what there is and `advice` what to do, both without secrets."""

    check: str
    result: Result
    detail: str
    advice: str = ""


def run(settings: Settings) -> int:
    """Prints what there is; 1 if any of it is a problem, else 0."""
    log.set_up(settings.debug, log.secrets_of(settings))
    if not settings.debug:
        logging.getLogger("roomtape").setLevel(logging.CRITICAL)  # the table says it all
    console = Console()
    with console.status("looking…"):
        findings = asyncio.run(check(settings, Machine()))
    console.print(as_table(findings))
    return 1 if any(finding.result is Result.PROBLEM for finding in findings) else 0


async def check(settings: Settings, machine: Machine) -> list[Finding]:
    """All findings, in the order of the report; everything is looked at at the same time."""
    groups = await asyncio.gather(
        _media(machine), _computer(settings, machine), _handshake(settings, machine), _ice(settings, machine)
    )
    return [finding for group in groups for finding in group]


def as_table(findings: Iterable[Finding]) -> Table:
    last = Column("what there is, and what to do", overflow="fold")
    table = Table("check", "result", last, box=None, padding=(0, 2, 0, 0), header_style="dim")
    for finding in findings:
        # Text takes brackets as they are, and what comes from a server steers no terminal.
        detail = Text(printable(finding.detail, MAX_DETAIL))
        if finding.advice:
            detail.append(f"\n→ {printable(finding.advice, MAX_DETAIL)}", "bold")
        table.add_row(finding.check, Text(finding.result, STYLES[finding.result]), detail)
    return table


# --- media -------------------------------------------------------------------------------------------------------


async def _media(machine: Machine) -> list[Finding]:
    looks = (machine.inventory(), machine.tool("ffmpeg"), machine.tool("ffprobe"))
    inventory, ffmpeg_version, ffprobe_version = await asyncio.gather(*looks)
    return [*gstreamer(inventory), sandbox(inventory), ffmpeg(ffmpeg_version, ffprobe_version)]


def gstreamer(inventory: Inventory) -> list[Finding]:
    """Its version and its elements."""
    if inventory.fault:
        advice = f"apt-get install {inventory.package}; the project's Python sees it after `make setup`"
        return [Finding("GStreamer", Result.PROBLEM, f"it does not load: {inventory.fault}", advice)]
    new_enough = tuple(int(part) for part in inventory.version.split(".")[:2]) >= OLDEST_GSTREAMER
    if new_enough:
        version = Finding("GStreamer", Result.OK, f"version {inventory.version}")
    else:
        need = ".".join(map(str, OLDEST_GSTREAMER))
        advice = f"{need} or newer is needed: Debian 12, Ubuntu 24.04 or newer have it"
        version = Finding("GStreamer", Result.PROBLEM, f"version {inventory.version} is too old", advice)
    if not inventory.missing:
        return [version, Finding("elements", Result.OK, "all are there")]
    packages = " ".join(sorted(set(inventory.missing.values())))
    missing = f"missing: {', '.join(sorted(inventory.missing))}"
    return [version, Finding("elements", Result.PROBLEM, missing, f"apt-get install {packages}")]


def sandbox(inventory: Inventory) -> Finding:
    """What keeps a child that a guest has taken over from doing more than recording."""
    parts = ["no new privileges"]
    if inventory.landlock:
        parts.append(f"files by Landlock {inventory.landlock}")
    if inventory.seccomp:
        parts.append("system calls by seccomp")
    if inventory.landlock and inventory.seccomp:
        return Finding("sandbox", Result.OK, ", ".join(parts))
    lacks = "; ".join(inventory.unconfined) or "not tried: GStreamer does not load"
    detail = f"children run with less protection ({lacks}); in force: {', '.join(parts)}"
    advice = "a kernel from 5.13 on with seccomp, and Landlock among lsm= at boot; recording works without"
    return Finding("sandbox", Result.WARNING, detail, advice)


def ffmpeg(ffmpeg_version: str | None, ffprobe_version: str | None) -> Finding:
    if ffmpeg_version and ffprobe_version:
        return Finding("ffmpeg", Result.OK, f"version {ffmpeg_version}")
    missing = "ffprobe" if ffmpeg_version else "ffmpeg"
    detail = f"{missing} does not run: recording works without it, `verify` and `demo` do not"
    return Finding("ffmpeg", Result.WARNING, detail, "apt-get install ffmpeg")


# --- this computer -----------------------------------------------------------------------------------------------


async def _computer(settings: Settings, machine: Machine) -> list[Finding]:
    folder = Path(settings.recording.output_dir)
    return [space(folder, machine), open_files(machine.open_files()), waiting_room(machine.receive_bytes())]


def space(folder: Path, machine: Machine) -> Finding:
    """Whether the output folder takes files, and how many bytes of them."""
    try:
        free = machine.free_space(folder)
    except StorageError as error:
        return Finding("output folder", Result.PROBLEM, error.detail, "choose another one with --output-dir")
    hours = free * 8 / USUAL_BPS / 3600
    detail = f"{folder}: {size_text(free)} free, {hours:,.1f} h of one guest at {USUAL_BPS / 1e6:g} Mbit/s"
    result = Result.PROBLEM if free < NO_SPACE else Result.WARNING if free < LOW_SPACE else Result.OK
    advice = "" if result is Result.OK else "make room, or choose another folder with --output-dir"
    return Finding("output folder", result, detail, advice)


def open_files(limit: int) -> Finding:
    detail = "any number" if limit < 0 else f"{limit} for each process"
    if 0 <= limit < FEW_OPEN_FILES:
        return Finding("open files", Result.WARNING, f"{detail}: too few for many guests", "ulimit -n 4096")
    return Finding("open files", Result.OK, detail)


def waiting_room(limit: int) -> Finding:
    """For packets that have arrived while a recording process waits for the processor."""
    if 0 < limit < LITTLE_ROOM:
        detail = f"{size_text(limit)} for a guest: packets are lost when this computer is busy for half a second"
        return Finding("receive buffers", Result.WARNING, detail, f"sysctl -w net.core.rmem_max={2 * LITTLE_ROOM}")
    return Finding(
        "receive buffers", Result.OK, f"{size_text(limit)} for a guest" if limit else "as the system has them"
    )


# --- the network -------------------------------------------------------------------------------------------------


async def _handshake(settings: Settings, machine: Machine) -> list[Finding]:
    try:
        seen = await machine.visit(settings)
    except SignalingError as error:
        return [unreachable(settings.signaling, error)]
    return [handshake(settings.signaling, seen)]


def unreachable(settings: SignalingSettings, error: SignalingError) -> Finding:
    if "certificate" in error.detail:
        advice = "if the server is your own, with a certificate of its own making: --insecure-signaling"
    else:
        advice = "is --server right? `roomtape serve` starts a server of your own"
    return Finding("handshake server", Result.PROBLEM, f"{settings.server}: {error.detail}", advice)


def handshake(settings: SignalingSettings, seen: Visit) -> Finding:
    """What a visit says of the server and, if there is a room, of who is in it."""
    name = "handshake server"
    if settings.room is None:
        return Finding(name, Result.OK, f"{settings.server} answers; give a room to try joining it")
    if seen.members is None:
        return Finding(name, Result.OK, f"{settings.server} lets us in; dialect {seen.dialect}, which lists no members")
    if not seen.members:
        # The password is part of the room's name on the wire (protocol.md 2.4).
        others = "nobody is in the room, which another password or salt makes another room"
    else:
        streams = sum(member.stream is not None for member in seen.members)
        others = f"members beside us: {len(seen.members)}, streams: {streams}"
    return Finding(name, Result.OK, f"{settings.server} lets us in; dialect {seen.dialect}, {others}")


async def _ice(settings: Settings, machine: Machine) -> list[Finding]:
    servers = settings.ice.servers(await machine.service_turn(settings))
    stun_results, turn_results = await asyncio.gather(
        asyncio.gather(*map(machine.stun, servers.stun)), asyncio.gather(*map(machine.turn, servers.turn))
    )
    return [*stun(stun_results, settings.ice.policy), *turn(turn_results, settings.ice)]


def stun(results: Sequence[ProbeResult], policy: IcePolicy) -> list[Finding]:
    """Never a problem: guests on the same network need none."""
    if not results:
        why = "relay only needs none" if policy is IcePolicy.RELAY else "none is configured: enough on one network"
        return [Finding("STUN", Result.OK, why)]
    advice = "needed for guests outside this network: let UDP out, or give another with --stun-server"
    return [_of_probe("STUN", result, Result.WARNING, advice) for result in results]


def turn(results: Sequence[ProbeResult], settings: IceSettings) -> list[Finding]:
    """Servers that the user counts on are a problem if none of them works."""
    if not results:
        return [Finding("TURN", Result.OK, "none is configured: guests behind strict firewalls may not get through")]
    counted_on = settings.turn is not None or settings.policy is IcePolicy.RELAY
    one_works = any(result.status is ProbeStatus.OK for result in results)
    severity = Result.PROBLEM if counted_on and not one_works else Result.WARNING
    return [_of_probe("TURN", result, severity, _turn_advice(result, settings)) for result in results]


def _turn_advice(result: ProbeResult, settings: IceSettings) -> str:
    if settings.turn is None:
        return "a server of the service: try later, or give your own with --turn-server"
    if result.status is ProbeStatus.REFUSED:
        return "check the user name and password in --turn-server"
    return "check host, port and transport in --turn-server, and that firewalls let it through"


def _of_probe(check: str, result: ProbeResult, severity: Result, advice: str) -> Finding:
    if result.status is ProbeStatus.OK:
        return Finding(check, Result.OK, result.detail)
    return Finding(check, severity, result.detail, advice)
