"""The three things that roomtape runs: record, publish, serve. Each returns an exit code."""

import asyncio
import os
import secrets
import signal
import string
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from rich.console import Console as Terminal

from roomtape import log as logging_setup
from roomtape import viewing
from roomtape.config import HOSTED_HOSTS, Settings
from roomtape.ice.servers import list_url
from roomtape.ice.turn_list import TurnList
from roomtape.logs import get_logger
from roomtape.model import PeerId, SessionId, WireStreamId
from roomtape.observe.metrics import Metrics
from roomtape.observe.systemd import Systemd
from roomtape.publishing import PublisherApp, see_that_it_is_there
from roomtape.recorder import RecorderApp
from roomtape.reloading import Hangup, Reloading
from roomtape.runner import Runner
from roomtape.service import Service
from roomtape.signaling.client import SignalingClient, dialect_of
from roomtape.signaling.identity import Identity, make_identity
from roomtape.signaling.protocol import Protocol
from roomtape.signaling.wire import Context
from roomtape.supervisor.launcher import launching

ALPHABET: Final = string.ascii_letters + string.digits
UUID_LENGTH: Final = 20
SESSION_LENGTH: Final = 10

log = get_logger(__name__)


def record(settings: Settings, read: Callable[[], Settings]) -> int:
    """Record a room, or single streams, until SIGINT or SIGTERM. At SIGHUP the settings are `read` again."""
    return asyncio.run(_record(settings, read))


def view(settings: Settings) -> int:
    """View a stream until SIGINT or SIGTERM, or until nobody looks on."""
    return asyncio.run(_view(settings))


def publish(settings: Settings) -> int:
    """Publish until SIGINT or SIGTERM, or the end of a file that is played once.

    Raises:
        ConfigError: what is to be published is not there.
    """
    see_that_it_is_there(settings.publish)
    return asyncio.run(_publish(settings))


def serve(settings: Settings) -> int:
    """Run the handshake server until SIGINT or SIGTERM."""
    return asyncio.run(_serve(settings))


async def _record(settings: Settings, read: Callable[[], Settings]) -> int:
    systemd, terminal, metrics = Systemd.from_environment(), Terminal(), Metrics()
    identity = make_identity(settings.signaling.password, settings.signaling.salt)
    redactor = logging_setup.set_up(settings.debug, _secrets(settings, identity), terminal, metrics)
    turn = turn_list(settings)
    async with launching(settings.supervision, settings.deadlines, metrics) as launcher:
        app = RecorderApp(settings, identity, terminal, turn, metrics, launcher, redactor)
        app.prepare()
        client = signaling_client(settings, identity, app.runner, metrics)
        reloading = Reloading(settings, read, lambda new: app.apply(new, turn_list(new)), app.conceal, systemd)
        service = Service(systemd, app.board, lambda: bool(metrics.signaling_connected.value))
        ended = _reload_at_hangup(reloading)
        work = (
            client.run(),
            _beside("service", service.run()),
            _beside("reloading", reloading.run()),
            _beside("console", app.console.run()),
            _beside("manifest", app.keep_manifest()),
            _beside("space", app.space.run()),
            _beside("repair", app.salvage.run()),
        )
        try:
            await _until_told(app.runner, work, ended, systemd.stopping)
        finally:
            app.salvage.give_up()
            await app.finish_manifest()
    if torn := app.runner.ended_badly:
        log.error("files lack a proper end: the next start mends them, or roomtape repair", streams=", ".join(torn))
        return 1
    return 0


def _reload_at_hangup(reloading: Reloading) -> asyncio.Event:
    """Sees to SIGHUP. What is returned is set when the terminal is gone, with whoever looked on."""
    ended, hangup = asyncio.Event(), Hangup()

    def hung_up() -> None:
        if hangup.happened():
            log.info("the terminal is gone: the recording ends")
            ended.set()
        else:
            reloading.ask()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
    return ended


async def _view(settings: Settings) -> int:
    descriptor = viewing.prepare(settings.view)
    metrics = Metrics()
    identity = make_identity(settings.signaling.password, settings.signaling.salt)
    redactor = logging_setup.set_up(settings.debug, _secrets(settings, identity), None, metrics)
    app = viewing.ViewerApp(settings, identity, turn_list(settings), metrics, descriptor, redactor.add)
    client = signaling_client(settings, identity, app.runner, metrics)
    if descriptor is not None:
        viewing.watch_reader(descriptor, lambda: app.reader_gone("nobody reads standard output any more"))
    await _until_told(app.runner, (client.run(),), app.ended)
    return 1 if app.failed else 0


async def _publish(settings: Settings) -> int:
    identity = make_identity(settings.signaling.password, settings.signaling.salt)
    metrics = Metrics()
    redactor = logging_setup.set_up(settings.debug, _secrets(settings, identity), None, metrics)
    app = PublisherApp(settings, identity, turn_list(settings), metrics, new_session, redactor.add)
    client = signaling_client(settings, identity, app.runner, metrics, seed=app.seed, on_refused=app.refused)
    app.start()
    await _until_told(app.runner, (client.run(),), app.ended)
    return app.code


async def _serve(settings: Settings) -> int:
    from roomtape.handshake.server import HandshakeServer  # with its certificates a fifth of all that is imported

    logging_setup.set_up(settings.debug)
    async with HandshakeServer(settings.serve, state_dir()) as server:
        log.info("handshake server is listening", url=server.url)
        log.info("pages for guests", join=server.page_url, watch=f"{server.page_url}room/ROOM")
        await _told_to_stop()
    return 0


# --- what the runs share -----------------------------------------------------------------------------------------


def signaling_client(
    settings: Settings,
    identity: Identity,
    runner: Runner,
    metrics: Metrics,
    seed: WireStreamId | None = None,
    on_refused: Callable[[str], None] = lambda _text: None,
) -> SignalingClient:
    """The client of a run, joined to its runner."""
    signaling = settings.signaling
    room = identity.room_id(signaling.room) if signaling.room else None
    context = Context(PeerId(_random_text(UUID_LENGTH)), identity.phrase, room)
    client = SignalingClient(
        signaling.server,
        Protocol(context, dialect_of(signaling), seed, settings.deadlines),
        on_signal=runner.on_signal,
        on_joined=runner.on_joined,
        on_lost=runner.on_lost,
        on_refused=on_refused,
        insecure=signaling.insecure,
        metrics=metrics,
    )
    runner.client = client
    return client


def turn_list(settings: Settings) -> TurnList | None:
    """The hosted service's TURN servers, on that service only (protocol.md 0, 13)."""
    if settings.ice.turn is not None or not settings.signaling.on_hosted_service:
        return None
    host = urlsplit(settings.signaling.server).hostname or ""
    assert host in HOSTED_HOSTS
    return TurnList(list_url(host))


def state_dir() -> Path:
    """Where roomtape keeps what outlives a run, such as its self-made certificate.

    XDG base directories: a relative path is no valid one.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "roomtape"


def _secrets(settings: Settings, identity: Identity) -> tuple[str, ...]:
    phrase = (identity.phrase,) if identity.phrase is not None else ()
    return (*logging_setup.secrets_of(settings), *phrase)


def new_session() -> SessionId:
    """The tag of a connection to a viewer (protocol.md 2.7)."""
    return SessionId(_random_text(SESSION_LENGTH))


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


async def _until_told(
    runner: Runner,
    work: tuple[Coroutine[Any, Any, None], ...],
    ended: asyncio.Event | None = None,
    on_leaving: Callable[[], None] = lambda: None,
) -> None:
    """Do `work` until a signal (or `ended`), then leave in good order; a second signal does not wait."""
    stop = asyncio.create_task(_told_to_stop())  # first, so that who hears that we are ready may stop us
    tasks = [asyncio.create_task(one) for one in work]
    over = [asyncio.create_task(ended.wait())] if ended is not None else []
    try:
        done, _ = await asyncio.wait([stop, *tasks, *over], return_when=asyncio.FIRST_COMPLETED)
        on_leaving()
        leaving = asyncio.create_task(runner.leave())
        again = asyncio.create_task(_told_to_stop())
        await asyncio.wait([leaving, again], return_when=asyncio.FIRST_COMPLETED)
        if not leaving.done():
            runner.kill_all()
        await leaving
        again.cancel()
        for task in done:
            task.result()  # a crash of the work is not to be hidden
    finally:
        for task in (*tasks, *over, stop):
            task.cancel()
        await asyncio.gather(*tasks, *over, stop, return_exceptions=True)


async def _beside(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Work without which recording goes on: an error in it is logged, and then nothing more of it is seen."""
    try:
        await work
    except Exception:
        log.exception("a part of the recorder has stopped", part=name)
        await asyncio.Event().wait()


async def _told_to_stop() -> None:
    """Wait for SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()
