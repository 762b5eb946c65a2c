"""Debian's Firefox as a guest or a viewer: as tests.support.browser, but driven by Firefox's own WebDriver BiDi.

Everything but this machine is out of its reach. It has a sound card that nobody hears: without any, its AudioContexts
stand still."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.support.bidi import Bidi
from tests.support.sound import SoundCard
from tests.support.tab import PAGE_DEADLINE_S, POLL_S, Browser, RoomTab

EXECUTABLE: Final = "/usr/bin/firefox-esr"
START_DEADLINE_S: Final = 40.0
END_DEADLINE_S: Final = 10.0
LISTENING: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

PREFERENCES: Final[dict[str, bool | int | str]] = {
    # Fake camera and microphone, and nobody is asked.
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # Peers are on this machine: its own addresses are candidates, and not hidden behind names.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # What is not on this machine goes to a proxy that is not there.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.dns.disabled": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.prefetch-next": False,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.region.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-provider.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}

_BUTTON: Final = """name => {
    const named = (element) => (element.getAttribute("aria-label") ?? element.innerText).trim() === name;
    const button = [...document.querySelectorAll("button")].find(named);
    if (!button?.checkVisibility() || button.disabled) return null;
    button.scrollIntoView({ block: "center" });
    const { left, top, width, height } = button.getBoundingClientRect();
    return [Math.round(left + width / 2), Math.round(top + height / 2)];
}"""
_FOCUS: Final = """name => {
    const label = [...document.querySelectorAll("label")].find((element) => element.innerText.startsWith(name));
    label?.control.focus();
    return document.activeElement === label?.control;
}"""


class FirefoxTab(RoomTab):
    """One page in Firefox, in a window of its own: none is in the background."""

    def __init__(self, session: Bidi, context: str) -> None:
        super().__init__()
        self._session, self._context = session, context

    async def evaluate(self, script: str, argument: Any = None) -> Any:
        call = script if argument is None else f"({script})({json.dumps(argument)})"
        answer = await self._session.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({call})) ?? null))()",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    async def until(self, function: str, argument: Any) -> None:
        try:
            async with asyncio.timeout(PAGE_DEADLINE_S):
                # Asked again and again: a page that is loaded anew in between is no error.
                while not await self.evaluate(function, argument):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"not {argument}: {await self.evaluate('document.body.innerText')}") from None

    async def reads(self, text: str) -> None:
        await self.until("text => document.body.innerText.includes(text)", text)

    async def press(self, name: str) -> None:
        """Click on a button, with a mouse."""
        await self.until(f"name => ({_BUTTON})(name) !== null", name)
        x, y = await self.evaluate(_BUTTON, name)
        await self._act(
            type="pointer",
            actions=[
                {"type": "pointerMove", "x": x, "y": y},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ],
        )

    async def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        await self.until(_FOCUS, label)
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self._act(type="key", actions=keys)

    async def _act(self, **source: Any) -> None:
        actions = [{"id": source["type"], **source}]
        await self._session.command("input.performActions", context=self._context, actions=actions)

    async def close(self) -> None:
        """As when the tab is closed; the page may say goodbye."""
        self.closed = True
        await self._session.command("browsingContext.close", context=self._context)


class Firefox(Browser[FirefoxTab]):
    """A browser with a fresh profile; `folder` is to be empty but for other browsers' profiles."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._home = folder / "firefox"
        self._sound = SoundCard(self._home / "sound")
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._session: Bidi | None = None
        self._tabs: dict[str, FirefoxTab] = {}

    async def __aenter__(self) -> Self:
        profile = self._home / "profile"
        profile.mkdir(parents=True)
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines))
        await self._sound.__aenter__()
        self._process = await asyncio.create_subprocess_exec(
            *(EXECUTABLE, "--headless", "--no-remote", "--profile", str(profile)),
            *("--remote-debugging-port=0", "about:blank"),
            env={**os.environ, **self._sound.environment, "HOME": str(self._home), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._output = asyncio.create_task(self._listen())
            address = await asyncio.wait_for(self._address, START_DEADLINE_S)
            self._session = await Bidi(address, self._event).__aenter__()
            await self._session.command("session.subscribe", events=["log.entryAdded"])
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.__aexit__(kind, error, trace)
        await self._end()

    async def _end(self) -> None:
        """The process and its helpers; all of them are in a session of their own."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), END_DEADLINE_S)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        if self._output is not None:
            await self._output
        await self._sound.__aexit__(None, None, None)

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        said = ""
        async for line in self._process.stderr:
            said += line.decode(errors="replace")
            if (match := LISTENING.search(said)) and not self._address.done():
                self._address.set_result(match[1])
        if not self._address.done():
            self._address.set_exception(AssertionError(f"Firefox did not start: {said}"))

    def _event(self, _: str, entry: dict[str, Any]) -> None:
        tab = self._tabs.get(entry["source"].get("context", ""))
        if tab is not None:
            kind = "uncaught" if entry["type"] == "javascript" and entry["level"] == "error" else entry["level"]
            tab.messages.append(f"{kind}: {entry['text']}")

    async def open(self, address: str) -> FirefoxTab:
        assert self._session is not None
        context = (await self._session.command("browsingContext.create", type="window"))["context"]
        tab = self._tabs[context] = FirefoxTab(self._session, context)
        await self._session.command("browsingContext.navigate", context=context, url=address, wait="complete")
        return tab

    async def close_tabs(self) -> None:
        """Those that a test has left open."""
        assert self._session is not None
        while self._tabs:
            await self._session.command("browsingContext.close", context=self._tabs.popitem()[0])
