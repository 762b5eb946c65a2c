"""What the guest page says on the wire, to a member of the room that looks closely (protocol.md 4 to 8)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from roomtape.model import SdpType, StreamId
from roomtape.signaling import envelope
from roomtape.signaling.identity import make_identity
from tests.support.browser import Chromium, Tab
from tests.support.stranger import Stranger
from tests.support.studio import ROOM, Studio
from tests.support.tab import PAGE_DEADLINE_S

pytestmark = [pytest.mark.heavy, pytest.mark.asyncio(loop_scope="session")]

IDENTITY: Final = make_identity("secret")
ANNA: Final = IDENTITY.wire_id(StreamId("anna"))

# A viewer made of the pages' own modules, in a tab that is in no room yet.
VIEWER: Final = """async ([room, password]) => {
    const load = (name) => import(`/js/${name}.js`);
    const [{ Identity }, { Signaling }, { Viewer }, { serverUrl }] = await Promise.all(
        ["identity", "signaling", "viewer", "link"].map(load));
    const identity = await Identity.make(password);
    const listener = {
        onStream() {},
        onForeign() {},
        onMembers: (list) => viewer.members(list),
        onAppeared: (uuid, streamID) => viewer.appeared(uuid, streamID),
        onPeer: (uuid, obj) => viewer.received(uuid, obj),
    };
    const signaling = new Signaling({ url: serverUrl(), room: await identity.roomId(room), listener });
    const viewer = new Viewer({ identity, signaling, rtc: {}, listener });
    signaling.start();
    globalThis.peer = () => viewer.peerOf("anna");
    globalThis.heard = [];
    globalThis.listen = () => peer().channel.addEventListener("message", ({ data }) => heard.push(JSON.parse(data)));
}"""


async def until(tab: Tab, expression: str) -> None:
    """Wait until it is true; a function, since the pages allow no eval."""
    await tab.page.wait_for_function(f"() => {expression}")


async def frames_sent(anna: Tab) -> int:
    return (await anna.sent()).frames


@pytest_asyncio.fixture(loop_scope="session")
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with Studio(tmp_path, password="secret") as running:
        yield running


async def peer_messages(stranger: Stranger, field: str) -> dict[str, Any]:
    """The next peer message that has this field."""
    async with asyncio.timeout(PAGE_DEADLINE_S):
        while True:
            message = await stranger.next()
            if field in message:
                return message


async def test_the_first_offer_is_a_data_channel_alone(tmp_path: Path, studio: Studio) -> None:
    async with Chromium() as chromium, Stranger(studio.url, IDENTITY, ROOM) as stranger:
        await chromium.join(studio, "anna", password="secret")
        assert "streamID" not in await stranger.receive("someonejoined")
        seeded = await stranger.receive("videoaddedtoroom")
        assert seeded["streamID"] == ANNA
        await stranger.send(request="play", streamID=ANNA)
        offer = await peer_messages(stranger, "description")
        assert set(offer) == {"UUID", "streamID", "session", "description", "vector"}
        assert (offer["UUID"], offer["streamID"]) == (seeded["UUID"], ANNA)
        assert len(offer["session"]) == 10
        description = envelope.read_description(offer, IDENTITY.phrase)
        assert description.type is SdpType.OFFER
        assert [line.split()[0] for line in description.sdp.splitlines() if line.startswith("m=")] == ["m=application"]
        candidates = await peer_messages(stranger, "candidates")
        assert (candidates["type"], candidates["session"]) == ("local", offer["session"])
        assert envelope.read_candidates(candidates, IDENTITY.phrase)

        await stranger.send(UUID=seeded["UUID"], iceRestartRequest=True)
        again = await peer_messages(stranger, "description")
        assert again["session"] == offer["session"]
        restarted = envelope.read_description(again, IDENTITY.phrase)
        assert credentials(restarted.sdp).isdisjoint(credentials(description.sdp))

        async with Stranger(studio.url, IDENTITY, ROOM) as other:
            await other.send(request="play", streamID=ANNA)
            second = await peer_messages(other, "description")
            assert second["session"] != offer["session"]
            assert second["session"][:5] == offer["session"][:5]
        # One that has a connection is not given another (5.3): what comes next answers the next request.
        await stranger.send(request="play", streamID=ANNA)
        await stranger.send(UUID=seeded["UUID"], iceRestartRequest=True)
        assert (await peer_messages(stranger, "description"))["session"] == offer["session"]


def credentials(sdp: str) -> set[str]:
    return {line for line in sdp.splitlines() if line.startswith(("a=ice-ufrag:", "a=ice-pwd:"))}


async def test_a_viewer_s_wishes(tmp_path: Path, studio: Studio) -> None:
    async with Chromium() as chromium:
        anna = await chromium.join(studio, "anna", guest=1, password="secret", size=(640, 360), bitrate=400)
        viewer = await chromium.open(studio.url.replace("ws", "http", 1))
        evaluate = viewer.page.evaluate
        await evaluate(VIEWER, [ROOM, "secret"])
        await until(viewer, "globalThis.peer?.()?.camera.getTracks().length === 2")
        await evaluate("listen()")

        for value in ("7", 7, None, {"a": [1]}):
            await evaluate("value => { heard.length = 0; peer().tell({ ping: value }); }", value)
            await until(
                viewer,
                f"heard.some((obj) => JSON.stringify(obj.pong) === '{json.dumps(value, separators=(',', ':'))}')",
            )

        await evaluate("heard.length = 0")
        await anna.mute()
        await anna.hide_camera()
        await until(viewer, "heard.some((obj) => obj.muteState) && heard.some((obj) => obj.videoMuted)")

        await evaluate("peer().tell({ requestResolution: { w: 320, h: 180, s: true, c: false }, keyframe: true })")
        await until(viewer, "peer().camera.getVideoTracks()[0].getSettings().width === 320")

        before = await evaluate("peer().pc.remoteDescription.sdp")
        await evaluate("peer().tell({ iceRestartRequest: true })")
        await until(viewer, f"peer().pc.remoteDescription.sdp.indexOf({json.dumps(min(credentials(before)))}) < 0")
        await until(viewer, "peer().connected && peer().pc.signalingState === 'stable'")

        await evaluate("peer().tell({ bitrate: 0 })")
        await flow(anna, False)
        await evaluate("peer().tell({ bitrate: -1 })")
        await flow(anna, True)

        await evaluate("heard.length = 0; peer().channel.send(JSON.stringify({ bye: true }))")
        await until(viewer, "heard.some((obj) => obj.bye)")
        assert anna.errors + viewer.errors == []


async def flow(anna: Tab, wanted: bool) -> None:
    """Wait until pictures are sent, or none any more."""
    async with asyncio.timeout(PAGE_DEADLINE_S):
        while True:
            before = await frames_sent(anna)
            await asyncio.sleep(0.5)
            if (await frames_sent(anna) > before) is wanted:
                return
